using System.Globalization;
using Laptime.Signals;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;

namespace Laptime.Targets.Swarm;

/// <summary>
/// Asks services that only others of the swarm reach for their ready signal, task by task at the addresses that the tasks of this machine have. That a task runs is the engine's word; it
/// may have been started a moment ago, and serve nobody yet.
/// </summary>
internal sealed class InsideSignals(SwarmApi api, RunningSignals asking)
{
    private readonly BridgePorts ports = new();
    private readonly Lock gate = new();

    /// <summary>Read once for a listing, by the first service that needs it.</summary>
    private Task<SwarmNetwork?>? network;

    /// <param name="state">What was observed of the service, and serves.</param>
    public async Task<Observed> ReadAsync(Observed state, SwarmService service, IEnumerable<SwarmTask> tasks, SignalPlan plan, CancellationToken cancel)
    {
        // A service that an earlier lap deployed does not say where its tasks listen.
        var here = int.TryParse(service.Label(DockerLabels.Port), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && plan.Ready is not null ? await HereAsync(tasks, cancel) : [];
        var read = await asking.ReadAsync(state, [.. here.Select(h => new AskedAt(port, h.Address.Ip))], plan with { Reflect = null }, cancel);
        if (read.NotReadyAt is { } asked && here.Find(h => h.Address.Ip == asked.Host) is var (container, address) && address.Mac is { } mac
            && await api.Engine.InspectContainerAsync(container, cancel) is { State.Pid: var process } && ports.StrangerAt(address.Bridge, mac, process) is not null)
        {
            // Refused by a dead task, to which the kernel still leads the address: nobody asked the living one.
            return read with { Ready = SignalStatus.Unknown, NotReadyAt = null };
        }

        return read;
    }

    private async Task<List<(string Container, TaskAddress Address)>> HereAsync(IEnumerable<SwarmTask> tasks, CancellationToken cancel)
    {
        Task<SwarmNetwork?> reading;
        lock (gate)
        {
            reading = network ??= api.NetworkAsync(TaskAddresses.Network, cancel);
        }

        var all = await reading;
        return
        [
            .. from task in tasks
               where task is { State: "running", DesiredState: "running", Container: not null }
               let address = TaskAddresses.Of(all, task.Container!)
               where address is not null
               select (task.Container, address),
        ];
    }
}
