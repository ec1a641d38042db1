using System.Net;
using System.Net.Sockets;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Processes;
using Laptime.Storage.Sqlite;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands.Racing;

/// <summary>
/// One side of a race in its checkout. Every run is a whole lap of its own, as it would be typed there. Both sides serve on the workspace's own ports, so only one
/// is up at a time: before each run it is brought up as it was, after it it is brought down, and neither is measured.
/// </summary>
internal sealed class RaceLane
{
    private static readonly TimeSpan StopBound = TimeSpan.FromMinutes(1);

    private readonly Session session;
    private readonly Scenario scenario;
    private readonly Workspace workspace;
    private readonly List<string> where = [];
    private readonly List<string> how = [];
    private readonly IReadOnlyList<string> components;
    private readonly Dictionary<string, string?> variables;
    private byte[]? original;

    /// <exception cref="LapException">The revision has no workspace here, or the setting does not exist in it.</exception>
    public RaceLane(Session session, string letter, RaceSide side, string root, string commit, Scenario scenario)
    {
        (this.session, Letter, Root, this.scenario) = (session, letter, root, scenario);
        var file = Path.Combine(root, FileName(session.Workspace));
        workspace = File.Exists(file)
            ? WorkspaceFile.Load(file, Environment.GetEnvironmentVariable)
            : throw new LapException($"{side.Text} has no {FileName(session.Workspace)} in {Path.GetFileName(session.Workspace.Root)}", side.Text, "name a revision that has the workspace");
        if (FileName(session.Workspace) != "laptime.yaml")
        {
            where.AddRange(["-f", FileName(session.Workspace)]);
        }

        var arguments = session.Arguments;
        var asked = (side as RaceSide.InEnvironment)?.Name ?? arguments.GetValue(Global.Environment);
        var environment = asked is null ? workspace.Environments[0] : Named(workspace.Environments, e => e.Name, asked, "environment");
        if (environment.Target != TargetKind.Process)
        {
            throw new LapException($"environment {environment.Name}: races are run on process targets", side.Text, "name an environment with `target: process`: --env NAME");
        }

        if (asked is not null)
        {
            where.AddRange(["--env", asked]);
        }

        var profile = (side as RaceSide.Profile)?.Name ?? arguments.GetValue(DeployFlags.Profile);
        if (profile is not null)
        {
            how.AddRange(["--profile", Named(workspace.Profiles, p => p.Name, profile, "profile").Name]);
        }

        components = arguments.GetValue(DeployFlags.Components) is { Length: > 0 } named ? [.. named.Select(n => Named(workspace.Components, c => c.Name, n, "component").Name)] : [];
        variables = CleanVariables();
        var text = side.Text;
        if (side is RaceSide.Variable variable)
        {
            variables[variable.Name] = variable.Value;
            var secret = workspace.Components.SelectMany(TemplateScope.Templates).SelectMany(t => t.Names).Contains("env." + variable.Name);
            text = secret ? $"var:{variable.Name}=(secret)" : text;
        }

        Racer = new Racer(text, commit, environment.Name, profile ?? environment.Profile);
        if (scenario is Scenario.Edit edit && !File.Exists(Path.Combine(root, edit.Path)))
        {
            throw new LapException($"{side.Text} has no {edit.Path}", side.Text, "race an edit of a file that both sides have");
        }
    }

    /// <summary>A or B.</summary>
    public string Letter { get; }

    public string Root { get; }

    public Racer Racer { get; }

    /// <summary>The ports that it serves on, with their components.</summary>
    public IEnumerable<(int Port, string Component)> Ports => workspace.Components.Where(c => c.Run?.Port is not null).Select(c => (c.Run!.Port!.Value, c.Name));

    public static bool IsTaken(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>Everything is deployed as it was checked out.</summary>
    public Task BringUpAsync(CancellationToken cancel) => LapAsync(["deploy", .. where, .. how], cancel);

    /// <summary>Nothing of it runs, and its ports are free for the other side.</summary>
    public Task BringDownAsync(CancellationToken cancel) => LapAsync(["down", .. where], cancel);

    /// <summary>The run that is measured, with what has to come before and after it. At its end the side is down.</summary>
    public async Task<MeasuredRun> RunAsync(CancellationToken cancel)
    {
        await BringUpAsync(cancel);
        await PrepareAsync(cancel);
        TransactionDocument document;
        try
        {
            await LapAsync(["deploy", .. where, .. how, .. components, .. scenario.Flags], cancel);
            document = Newest();
        }
        finally
        {
            Restore();
        }

        Check(document);
        await BringDownAsync(cancel);
        return MeasuredRun.Of(document) ?? throw new FaultException(new Fault(Outcome.InternalError, $"{Letter} ({Racer.Text}): the run {document.Id} has no interval", Root));
    }

    /// <summary>Ends whatever runs in a checked-out workspace. Nothing happens where nothing was ever deployed.</summary>
    public static async Task StopAsync(Session session, string root)
    {
        if (!Directory.Exists(Path.Combine(root, ".laptime", "run")))
        {
            return;
        }

        var name = FileName(session.Workspace);
        var result = await session.Runner.RunAsync(
            Self(["agent", "stop", "--instances", "-f", name], root, CleanVariables()) with { Deadline = StopBound }, onLine: null, CancellationToken.None);
        if (!result.Succeeded)
        {
            throw new FaultException(new Fault(
                Outcome.InternalError, $"what runs in {root} cannot be stopped: {result.Ending}", root, $"lap agent stop --instances -f {Path.Combine(root, name)}", result.Tail));
        }
    }

    private async Task PrepareAsync(CancellationToken cancel)
    {
        switch (scenario)
        {
            case Scenario.Warm:
                // The first one that finds nothing to do still learns what lets the next ones be quick.
                await LapAsync(["deploy", .. where, .. how, .. components], cancel);
                await LapAsync(["deploy", .. where, .. how, .. components], cancel);
                break;
            case Scenario.Cold:
                ClearCaches();
                break;
            case Scenario.Edit edit:
                var path = Path.Combine(Root, edit.Path);
                original = await File.ReadAllBytesAsync(path, cancel);
                await File.WriteAllBytesAsync(path, SourceEdit.Apply(edit.Path, original, Guid.NewGuid().ToString("N")[..8]), cancel);
                break;
        }
    }

    private void Restore()
    {
        if (scenario is Scenario.Edit edit && original is not null)
        {
            File.WriteAllBytes(Path.Combine(Root, edit.Path), original);
            original = null;
        }
    }

    /// <summary>The checkout is thrown away at the end: what a baseline sets aside is deleted here.</summary>
    private void ClearCaches()
    {
        var own = new WorkspaceFolder(Root);
        File.Delete(own.Index);
        foreach (var folder in (string[])[own.Artifacts, Path.Combine(own.Path, "steps")])
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private void Check(TransactionDocument document)
    {
        if (scenario is Scenario.Warm && document.Outcome != Outcome.Unchanged.Name)
        {
            throw new FaultException(new Fault(
                Outcome.Inconclusive, $"{Letter} ({Racer.Text}) does not become warm: with nothing changed, lap deploy still ends with {document.Outcome}", Root,
                "lap deploy, twice, and lap why COMPONENT: a step that changes its own inputs is the usual reason"));
        }

        if (scenario is Scenario.Edit edit && document.Outcome == Outcome.Unchanged.Name)
        {
            throw new LapException($"an edit of {edit.Path} changes nothing that is deployed ({Letter}: {Racer.Text})", edit.Path, "name a file that a component is built from");
        }
    }

    private TransactionDocument Newest()
    {
        var file = Path.GetFullPath(Path.Combine(Root, workspace.Journal.Store));
        using var journal = SqliteJournal.OpenReadOnly(file, NoOpLog.Beside(file));
        return journal.List(null, 1) is [var newest]
            ? newest
            : throw new FaultException(new Fault(Outcome.InternalError, $"{Letter} ({Racer.Text}): the run left nothing in its journal", file));
    }

    private async Task LapAsync(string[] arguments, CancellationToken cancel)
    {
        var result = await session.Runner.RunAsync(Self([.. arguments], Root, variables) with { PidFile = RaceGround.PidFile(session.Folder) }, onLine: null, cancel);
        if (result.Succeeded)
        {
            return;
        }

        // Interrupted from outside, but not by us: still no measurement.
        var outcome = Outcome.All.FirstOrDefault(o => o.ExitCode == result.ExitCode && o.ExitCode != 0) ?? Outcome.InternalError;
        throw new FaultException(new Fault(
            outcome, $"{Letter} ({Racer.Text}): `lap {string.Join(' ', arguments)}` ended with {result.ExitCode} ({outcome.Name})", Root, "see what it said; both sides have to be able to deploy", result.Tail));
    }

    private static Command Self(IReadOnlyList<string> arguments, string root, IReadOnlyDictionary<string, string?> variables)
    {
        var lap = BaselineCommands.Self(root);
        return lap with { Arguments = [.. lap.Arguments, .. arguments], Environment = variables };
    }

    /// <summary>The twins of flags were meant for the race, not for its runs; and a run that is not the plainest is not the one that people have.</summary>
    private static Dictionary<string, string?> CleanVariables() => Environment.GetEnvironmentVariables().Keys.Cast<string>()
        .Where(n => n.StartsWith("LAP_", StringComparison.Ordinal) && n != Targets.Local.AgentLauncher.PathVariable).ToDictionary(n => n, _ => (string?)null, StringComparer.Ordinal);

    private static string FileName(Workspace workspace) => Path.GetRelativePath(workspace.Root, workspace.File);

    private static T Named<T>(IEnumerable<T> all, Func<T, string> name, string asked, string what) => all.FirstOrDefault(o => name(o) == asked)
        ?? throw new LapException($"there is no {what} {asked}", null, NearestName.Suggest(asked, [.. all.Select(name)]));
}
