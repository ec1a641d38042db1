using System.Net;
using Laptime.Signals;
using Laptime.Targets.Docker;
using Laptime.Timing;

namespace Laptime.Targets.Swarm;

/// <summary>
/// Where tasks of a service are asked on this machine: at their own addresses on the bridge that every task of a node is on. An address that the kernel still leads to a dead task is waited
/// for (see <see cref="BridgePorts"/>): its refusals say nothing of the new one.
/// </summary>
internal sealed class TaskAddresses(SwarmApi api, SwarmWatch watch, string service, string component, Timeline timeline, int? parent, TimeProvider clock)
{
    /// <summary>The network that every task of a node is on: by it this machine reaches containers that publish nothing.</summary>
    public const string Network = "docker_gwbridge";

    private const string BridgeName = "com.docker.network.bridge.name";

    /// <summary>A connection of the dead is retried for 102 s where the kernel is as it comes, and may have begun a moment ago.</summary>
    private static readonly TimeSpan LeftoverBound = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan LeftoverPoll = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ConnectBound = TimeSpan.FromMilliseconds(250);

    private readonly BridgePorts ports = new();
    private readonly Lock gate = new();
    private readonly List<EngineDelay> delays = [];

    /// <summary>What was waited for until addresses led to the new tasks.</summary>
    public IReadOnlyList<EngineDelay> Delays
    {
        get
        {
            lock (gate)
            {
                return [.. delays];
            }
        }
    }

    /// <summary>The address comes when the container's network is made, a moment after the container; until it has one or has ended. Null: this machine does not reach it.</summary>
    public async Task<TaskAddress?> FindAsync(string task, string container, CancellationToken cancel)
    {
        for (var mark = watch.Mark; ;)
        {
            if (await ReadAsync(container, cancel) is { } address)
            {
                return address;
            }

            var snapshot = await watch.AfterAsync(mark, cancel);
            mark = snapshot.Turn;
            if (snapshot.TasksOf(snapshot.Find(service)).FirstOrDefault(t => t.ID == task) is not { HasEnded: false } now || now.State == "running")
            {
                // Running without one: it has no network of the swarm, or runs on another node.
                return await ReadAsync(container, cancel);
            }
        }
    }

    /// <summary>Waits until an address leads to the task that the engine gave it to.</summary>
    /// <param name="task">No more is waited for when it has ended.</param>
    /// <param name="process">The first process of its container.</param>
    /// <returns>False: it led there all the time, as far as this machine can tell.</returns>
    public async Task<bool> FreedAsync(TaskAddress address, int port, string task, int process, CancellationToken cancel)
    {
        if (address.Mac is null || await StrangerAsync(address, port, process, cancel) is not { } stranger)
        {
            return false;
        }

        using var wait = timeline.Begin("wait", component, "leftover", parent);
        var began = clock.GetTimestamp();
        var last = stranger;
        while (clock.GetElapsedTime(began) < LeftoverBound && watch.Latest is { } seen && seen.TasksOf(seen.Find(service)).FirstOrDefault(t => t.ID == task) is null or { HasEnded: false })
        {
            await Task.Delay(LeftoverPoll, clock, cancel);
            if (await StrangerAsync(address, port, process, cancel) is not { } still)
            {
                last = null;
                break;
            }

            last = still;
        }

        wait.End(last is null ? "ok" : "timeout");
        lock (gate)
        {
            delays.Add(new EngineDelay(
                "leftover-address", "Docker Swarm", clock.GetElapsedTime(began).TotalSeconds, true,
                $"the network of a dead task ({stranger}) still had {address.Ip} and refused for the new one; dockerd was killed and gave the address again",
                "sysctls: net.ipv4.tcp_orphan_retries",
                $"`ip link delete {stranger}` ends it at once; {(last is null ? "it ended by itself" : "it did not end by itself")} when the dead task's connections timed out, which `sysctls: [net.ipv4.tcp_orphan_retries=4]` on a service shortens to seconds"));
        }

        return true;
    }

    /// <summary>The port that an address leads to when it is another's.</summary>
    private async Task<string?> StrangerAsync(TaskAddress address, int port, int process, CancellationToken cancel)
    {
        // A bridge learns where an address is from what comes from there: an answer, or a refusal.
        using var bound = new CancellationTokenSource(ConnectBound, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancel);
        try
        {
            var (socket, _) = await HttpExchange.TryConnectAsync(new IPEndPoint(IPAddress.Parse(address.Ip), port), both.Token);
            socket?.Dispose();
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
        }

        return ports.StrangerAt(address.Bridge, address.Mac!, process);
    }

    private async Task<TaskAddress?> ReadAsync(string container, CancellationToken cancel) => Of(await api.NetworkAsync(Network, cancel), container);

    /// <summary>A container's address; null: it has none on this machine.</summary>
    public static TaskAddress? Of(SwarmNetwork? network, string container) =>
        network?.Containers?.GetValueOrDefault(container) is { IPv4Address: { Length: > 0 } text } end && IPAddress.TryParse(text.Split('/')[0], out var ip)
            ? new TaskAddress(ip.ToString(), end.MacAddress, network.Options?.GetValueOrDefault(BridgeName) ?? Network)
            : null;
}

/// <summary>An address of a task on this machine.</summary>
/// <param name="Ip">A literal.</param>
/// <param name="Mac">As the engine tells it; null: it does not.</param>
/// <param name="Bridge">The bridge's own name.</param>
internal sealed record TaskAddress(string Ip, string? Mac, string Bridge);
