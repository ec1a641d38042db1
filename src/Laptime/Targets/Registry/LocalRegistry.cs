using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;
using Laptime.Workspaces;

namespace Laptime.Targets.Registry;

/// <summary>
/// The registry that lap itself runs for a workspace: started when nothing answers at the store's address, recovered when it died or hangs. It outlives
/// lap. Only the one that this workspace started is ever ended, proven by pid and start time; its data is never deleted.
/// </summary>
public sealed class LocalRegistry(WorkspaceFolder folder, RegistryEndpoint endpoint, ProcessRunner runner, TimeProvider clock)
{
    private const string Name = "registry";
    private const string RecordName = "registry.json";
    private const int Attempts = 2;
    private static readonly TimeSpan LockBound = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StartBound = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    public RegistryEndpoint Endpoint => endpoint;

    /// <summary>The workspace's: as its file has it; or the one that still runs although the file names none any more. Null: there is none.</summary>
    public static LocalRegistry? Of(Workspace workspace, WorkspaceFolder folder, ProcessRunner runner, TimeProvider clock)
    {
        var endpoint = workspace.Artifacts.LocalRegistry ? RegistryEndpoint.Of(workspace.Artifacts.Store)
            : RegistryRecord.Read(Path.Combine(folder.Path, Name, RecordName), folder.Root) is { } record ? RegistryEndpoint.Of(RegistryEndpoint.Scheme + record.Address) : null;
        return endpoint is null ? null : new LocalRegistry(folder, endpoint, runner, clock);
    }

    /// <summary>Everything of the registry: configuration, data, log, who it is.</summary>
    public string Home { get; } = Path.Combine(folder.Path, Name);

    public string Data => Path.Combine(Home, "data");

    public string Log => Path.Combine(Home, "registry.log");

    /// <summary>As where the program is not installed.</summary>
    internal bool IsContainer { get; init; }

    private string RecordFile => Path.Combine(Home, RecordName);

    /// <summary>The one that this workspace started and that runs; null: none does.</summary>
    public async Task<RegistryRecord?> RunningAsync(CancellationToken cancel) =>
        RegistryRecord.Read(RecordFile, folder.Root) is { } record && await HostOf(record).IsAliveAsync(record, cancel) ? record : null;

    /// <summary>Returns when a registry serves at the address. Of several laps at once, one starts it.</summary>
    /// <returns>What was done, and why, in words.</returns>
    /// <exception cref="FaultException">Somebody else is at the port, there is no program to start, or it does not come up.</exception>
    public async Task<(RegistryAction Action, string Detail)> EnsureAsync(CancellationToken cancel)
    {
        folder.Create(Home);
        using var held = await FileLock.TakeAsync(Path.Combine(Home, "lock"), LockBound, clock, cancel);
        var record = RegistryRecord.Read(RecordFile, folder.Root);
        var alive = record is not null && await HostOf(record).IsAliveAsync(record, cancel);
        var isThere = alive && record!.Address == endpoint.Authority;
        var answer = isThere ? await WaitAsync(record!, cancel) : await AskAsync(cancel);
        if (answer.Standing == RegistryStanding.Up)
        {
            return (RegistryAction.WasUp, "");
        }

        if (answer.Standing != RegistryStanding.Refused && !(isThere && HostOf(record!).Holds(record!, endpoint.Port)))
        {
            throw new FaultException(new Fault(
                Outcome.BuildFailed, $"the local registry cannot start: something else is at {endpoint}: {answer.Words}{Holder(endpoint)}", endpoint.Authority,
                "end that program, or give artifacts.store another port"));
        }

        if (alive)
        {
            await HostOf(record!).EndAsync(record!, cancel);
        }

        var detail = record is null ? ""
            : !alive ? $"{Who(record)} had ended"
            : !isThere ? $"{Who(record)} listened on {record.Address}"
            : $"{Who(record)} hung: {answer.Words}";
        return await StartAsync(record is null ? RegistryAction.Started : RegistryAction.Recovered, detail, cancel);
    }

    /// <summary>Ends the one that this workspace started; the data stays.</summary>
    /// <returns>The one that was ended; null: none ran.</returns>
    /// <exception cref="FaultException">It does not end.</exception>
    public async Task<RegistryRecord?> StopAsync(CancellationToken cancel)
    {
        if (!File.Exists(RecordFile))
        {
            return null;
        }

        using var held = await FileLock.TakeAsync(Path.Combine(Home, "lock"), LockBound, clock, cancel);
        var running = await RunningAsync(cancel);
        if (running is not null)
        {
            await HostOf(running).EndAsync(running, cancel);
        }

        File.Delete(RecordFile);
        return running;
    }

    /// <summary>Who listens at the endpoint's port, as the end of a sentence; empty when nobody can say.</summary>
    internal static string Holder(RegistryEndpoint endpoint) =>
        PortListener.HolderOf(endpoint.Port) is var (pid, program) ? $"; the port is held by {program} (pid {pid})" : "";

    /// <summary>In words: <c>its process 4711</c>.</summary>
    private static string Who(RegistryRecord record) => record.Owner is { } owner ? $"its process {owner.Pid}" : $"its container {record.Container![..12]}";

    private async Task<(RegistryAction Action, string Detail)> StartAsync(RegistryAction action, string detail, CancellationToken cancel)
    {
        var host = (IsContainer ? null : (RegistryHost?)RegistryProgram.Find(this, clock)) ?? await RegistryContainer.FindAsync(this, runner, cancel)
            ?? throw new FaultException(new Fault(
                Outcome.BuildFailed, "there is no program to start the local registry with", endpoint.Authority,
                $"install Debian's package docker-registry (or name a registry program in {RegistryProgram.Variable}), or have a Docker engine with the image {RegistryContainer.Image}"));
        var answer = new RegistryAnswer(RegistryStanding.Refused, "");
        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            var record = await host.StartAsync(cancel);
            record.Write(RecordFile);
            answer = await WaitAsync(record, cancel);
            if (answer.Standing == RegistryStanding.Up && host.Holds(record, endpoint.Port))
            {
                return (action, detail);
            }

            await host.EndAsync(record, cancel);
            if (answer.Standing == RegistryStanding.Up)
            {
                // Another workspace's registry took the port at the same moment.
                File.Delete(RecordFile);
                return (RegistryAction.WasUp, "");
            }
        }

        throw new FaultException(new Fault(
            Outcome.BuildFailed, $"the local registry does not come up at {endpoint}: {answer.Words}, tried {Attempts} times{Holder(endpoint)}", Log,
            "the end of its log says why", await host.TailAsync(cancel)));
    }

    /// <summary>Asks until it is up, has ended, is somebody else, or the bound is over; gives what was seen last.</summary>
    private async Task<RegistryAnswer> WaitAsync(RegistryRecord record, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            var answer = await AskAsync(cancel);
            if (answer.Standing is RegistryStanding.Up or RegistryStanding.Foreign or RegistryStanding.Silent || clock.GetElapsedTime(began) > StartBound
                || !await HostOf(record).IsAliveAsync(record, cancel))
            {
                return answer;
            }

            await Task.Delay(Pause, clock, cancel);
        }
    }

    private Task<RegistryAnswer> AskAsync(CancellationToken cancel) => RegistryProbe.AskAsync(endpoint, plain: true, RegistryReadiness.Bound, clock, cancel);

    private RegistryHost HostOf(RegistryRecord record) =>
        record.Owner is not null ? new RegistryProgram(this, "", clock) : new RegistryContainer(this, "", runner);

    internal RegistryRecord Record(ProcessOwner? owner, string? container) => new(folder.Root, endpoint.Authority, owner, container, clock.GetUtcNow());
}
