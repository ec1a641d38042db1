using System.Text.Json;
using Laptime.Cli.Doctor;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>`lap doctor`: what a deploy will stand on, looked at before it does.</summary>
internal static class DoctorCommand
{
    public static System.CommandLine.Command Make() => Verb.Make(
        "doctor",
        "Look at everything that a deploy stands on: the Docker engine and its swarm, the artifact store, IPVS, ports, kubectl, disks, clocks, git, inotify. "
        + "It changes nothing. Exit code 0 when this workspace has what it needs, 2 when something that it needs fails; what it does not need is a warning at most.",
        [],
        async session =>
        {
            var findings = await LookAsync(session);
            var failed = findings.Any(f => f.Status == "fail");
            var outcome = failed ? Outcome.UsageError : Outcome.Ok;
            if (session.Json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new DoctorDocument("laptime/doctor/v1", outcome.Name, outcome.ExitCode, findings), CliJson.Readable.DoctorDocument));
            }
            else
            {
                Console.Out.Write(Rendering.DoctorView.Render(findings, session.Terminal));
            }

            return outcome.ExitCode;
        },
        "lap doctor", "lap doctor --env staging", "lap doctor -o json");

    private static async Task<IReadOnlyList<Finding>> LookAsync(Session session)
    {
        Workspace? workspace = null;
        TargetKind? target = null;
        Problem? unreadable = null;
        var here = Session.Here();
        try
        {
            workspace = session.Workspace;
            target = session.Environment().Target;
        }
        catch (LapException e)
        {
            unreadable = e.Problems[0];
        }

        var folder = workspace?.Root ?? here;
        var checkup = new Checkup(session.Clock);
        using var engine = new EngineChecks(Environment.GetEnvironmentVariable, session.Clock);
        var (docker, swarm, kubernetes) = (target is TargetKind.Docker or TargetKind.Swarm, target is TargetKind.Swarm, target is TargetKind.Kubernetes);
        checkup.Add("workspace", workspace is not null || unreadable?.Where != here, () => workspace is null
            ? Verdict.Fail(unreadable!.Where is { } where ? $"{where}: {unreadable.What}" : unreadable.What, unreadable.Mend)
            : Verdict.Ok($"{workspace.Name}, {workspace.Components.Count} components; environment {session.Environment().Name} ({target.ToString()!.ToLowerInvariant()})"));
        checkup.Add("engine", docker, engine.EngineAsync);
        checkup.Add("swarm", swarm, cancel => engine.SwarmAsync(swarm, cancel));
        checkup.Add("ipvs", needed: false, () => MachineChecks.Ipvs(Has(workspace, TargetKind.Swarm)));
        if (workspace is not null)
        {
            checkup.Add("store", needed: true, cancel => StoreAsync(session, workspace, cancel));
            checkup.Add("ports", target is TargetKind.Process or TargetKind.Docker, cancel => MachineChecks.PortsAsync(workspace, session.Launcher, cancel));
            checkup.Add("agent", target is TargetKind.Process or TargetKind.Docker, cancel => MachineChecks.AgentAsync(session.Launcher, Session.Version, cancel));
        }

        checkup.Add("kubectl", kubernetes, cancel => MachineChecks.KubectlAsync(session.Runner, folder, Has(workspace, TargetKind.Kubernetes), cancel));
        checkup.Add("disk", needed: true, () => MachineChecks.Disk(Path.Combine(folder, ".laptime"), "lap artifacts prune, or a larger disk"));
        checkup.Add("engine disk", docker, engine.DiskAsync);
        checkup.Add("clock", docker, engine.ClockAsync);
        checkup.Add("git", needed: false, cancel => MachineChecks.GitAsync(session.Runner, folder, cancel));
        checkup.Add("inotify", needed: false, () => MachineChecks.Inotify());
        return await checkup.RunAsync(session.Shutdown.Token);
    }

    private static bool Has(Workspace? workspace, TargetKind target) => workspace?.Environments.Any(e => e.Target == target) == true;

    /// <summary>Asks the store for a tag that it does not have: what answers is one.</summary>
    private static async Task<Verdict> StoreAsync(Session session, Workspace workspace, CancellationToken cancel)
    {
        await session.Store.ResolveAsync("lap-doctor", cancel);
        return Verdict.Ok(workspace.Artifacts.Store.Contains("://", StringComparison.Ordinal) ? $"{session.Store.Name} answers" : $"{session.Store.Name}, a folder");
    }
}

/// <summary>`lap doctor -o json`.</summary>
internal sealed record DoctorDocument(string Schema, string Outcome, int ExitCode, IReadOnlyList<Finding> Items);
