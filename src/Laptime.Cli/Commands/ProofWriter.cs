using System.Security.Cryptography;
using Laptime.Cli.FastPath;
using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Targets;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;
using Laptime.Targets.Swarm;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>
/// Leaves the proof that the next run with nothing to do compares with. Only after a plain deploy of everything that ended well, and only where every fact
/// that decides is one that the fast path can compare: with a `tool:` command in this loop, whose version only running it tells, there is no proof.
/// </summary>
internal static class ProofWriter
{
    public static async Task SaveAsync(Session session, DeployOptions options, TransactionDocument document, Target target, CancellationToken cancel)
    {
        var scope = session.Scope;
        if (document.Verb != "deploy" || options.Selected is not null || options.NoSmoke || options.Full || target is not (LocalTarget or DockerTarget or SwarmTarget)
            || session.Arguments.GetValue(DeployFlags.Profile) is not null || session.Arguments.GetValue(Global.File) is not null
            || scope.Workspace.Components.Any(c => c.Build.Steps.Any(s => s.Tool is not null && ParityGap.Runs(s, scope.Environment.Loop, full: false)))
            || document.Components.Any(c => c.Artifact is null || c.Fingerprint is null))
        {
            return;
        }

        var offering = OfferAsync(session, target, cancel);
        if (offering.IsCompleted && !await offering)
        {
            return;
        }

        // While the agent looks for itself: what was built left its traces in the folders, so the index is brought to how they are now, and the agent watches from here on.
        var scan = Fingerprinter.Scan(scope.Workspace, new ScanOptions { SaveIndex = true, IndexPath = scope.Folder.Index }, cancel);
        if (!await offering || session.Launcher.Folder.ReadIdentity() is not { } agent)
        {
            return;
        }

        var detected = document.Components.ToDictionary(c => c.Name);
        var mark = await WatchAsync(session, scan, cancel);
        if (mark is not null && !Fingerprinter.StillAs(scan, scope.Workspace, scope.Folder.Index))
        {
            scan = Fingerprinter.Scan(scope.Workspace, new ScanOptions { SaveIndex = true, IndexPath = scope.Folder.Index }, cancel);
        }

        var components = scope.Workspace.Components.Where(c => detected.ContainsKey(c.Name)).ToList();
        var key = RandomNumberGenerator.GetBytes(16);
        var (key0, key1) = (BitConverter.ToUInt64(key, 0), BitConverter.ToUInt64(key, 8));
        // Which engine it is follows from variables too, and what a stack is.
        IEnumerable<string> engine = target switch
        {
            DockerTarget docker => EngineEndpoint.Variables.Concat(docker.Variables),
            SwarmTarget swarm => EngineEndpoint.Variables.Concat(swarm.Variables),
            _ => [],
        };
        string[] variables = [.. scope.Workspace.Components.SelectMany(c => c.Vars).Union(scope.Names.Variables).Union(engine).Order(StringComparer.Ordinal)];
        var proof = new Proof
        {
            Build = NoOpRun.Build,
            Root = scope.Workspace.Root,
            Workspace = scope.Workspace.Name,
            Environment = scope.Environment.Name,
            Target = document.Target,
            Loop = document.Loop,
            Profile = document.Profile ?? "",
            Socket = agent.Socket,
            NoOpLog = session.NoOps.Path,
            Tree = scan.Tree.ToString(),
            Mark = mark ?? "-",
            Key0 = key0,
            Key1 = key1,
            Variables = variables,
            VariableHashes = [.. variables.Select(v => Proof.HashOf(key0, key1, v))],
            Names = [.. components.Select(c => c.Name)],
            Fingerprints = [.. components.Select(c => detected[c.Name].Fingerprint!)],
            DeploymentKeys = [.. components.Select(c => c.Run is null ? "-" : detected[c.Name].DeploymentKey!)],
            Artifacts = [.. components.Select(c => detected[c.Name].Artifact!)],
            Revisions = [.. components.Select(c => detected[c.Name].Revision ?? "-")],
            ParityGaps = [.. document.ParityGaps],
            Source = session.IsFromCompose ? Proof.OfCompose : Proof.OfLaptime,
            Notices = [.. session.Notices],
        };
        if (!Holds(proof, scope.Workspace, scan, document) || !File.Exists(scope.Folder.Index))
        {
            return;
        }

        session.Folder.Create(scope.EnvironmentFolder);
        session.Folder.KeepIndex(scope.Environment.Name);
        foreach (var path in Paths(scope))
        {
            proof.Save(path);
        }
    }

    /// <summary>Until the next proof the full run decides.</summary>
    public static void Forget(DeployScope scope)
    {
        foreach (var path in Paths(scope))
        {
            if (File.Exists(path))
            {
                File.Delete(path);
            }
        }
    }

    /// <summary>
    /// Nothing of a swarm needs the agent but the next run's speed, nor do containers without a port: where runs come from a machine that is thrown away, none is left behind.
    /// </summary>
    private static bool MayLaunch => Environment.GetEnvironmentVariable("CI") is null or "" or "false";

    /// <summary>Hands the question over to the workspace's agent; false when that cannot answer it.</summary>
    private static Task<bool> OfferAsync(Session session, Target target, CancellationToken cancel) => target switch
    {
        DockerTarget docker => docker.OfferNoOpAsync(MayLaunch, Environment.GetEnvironmentVariable, cancel),
        SwarmTarget swarm => swarm.OfferNoOpAsync(session.Launcher, MayLaunch, Environment.GetEnvironmentVariable, cancel),
        _ => Task.FromResult(session.Launcher.Folder.ReadIdentity() is not null),
    };

    /// <summary>Where the environment's proof is: the default one is found without its name too.</summary>
    private static IEnumerable<string> Paths(DeployScope scope)
    {
        yield return Proof.PathOf(scope.Workspace.Root, scope.Environment.Name);
        if (scope.Environment.Name == scope.Workspace.Environments[0].Name)
        {
            yield return Proof.PathOf(scope.Workspace.Root, null);
        }
    }

    /// <summary>A component whose inputs moved since its fingerprint was taken has no proof: the next run looks.</summary>
    private static bool Holds(Proof proof, Workspace workspace, WorkspaceScan scan, TransactionDocument document) =>
        !document.Warnings.Any(w => w.Contains("changed while it was built", StringComparison.Ordinal)) && scan.Unstable.Count == 0
        && proof.Names.Length == workspace.Components.Count && proof.CanBeWritten();

    private static async Task<string?> WatchAsync(Session session, WorkspaceScan scan, CancellationToken cancel)
    {
        if (await session.Launcher.TryConnectAsync(cancel) is not { } client)
        {
            return null;
        }

        await using (client)
        {
            return (await client.AskAsync<AgentAnswer.Watching>(new AgentRequest.Watch(session.Scope.Environment.Name, scan.Directories), cancel)).Mark;
        }
    }
}
