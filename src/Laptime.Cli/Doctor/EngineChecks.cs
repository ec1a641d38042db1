using System.Globalization;
using Laptime.Foundations;
using Laptime.Targets.Docker;

namespace Laptime.Cli.Doctor;

/// <summary>The Docker engine, its swarm, its disk and its clock: asked once, told in several lines.</summary>
internal sealed class EngineChecks(Func<string, string?> variable, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private EngineClient? client;
    private Task<(EnginePing Ping, EngineInfo Info, DateTimeOffset AskedAt)>? asked;

    public async Task<Verdict> EngineAsync(CancellationToken cancel)
    {
        var (ping, info, _) = await AskAsync(cancel);
        return Verdict.Ok($"Docker {info.ServerVersion} at {client!.Endpoint} ({client.Endpoint.Source}), API {ping.Version}, {info.ContainersRunning} of {info.Containers} containers run");
    }

    public Task<Verdict> SwarmAsync(bool needed, CancellationToken cancel) => OfEngineAsync(answer => answer.Info.Swarm switch
        {
            { ControlAvailable: true, Nodes: var nodes } => Verdict.Ok($"active, this node is a manager; {nodes} {(nodes == 1 ? "node" : "nodes")}"),
            { LocalNodeState: "active" } => Verdict.Fail("active, but this node is a worker: it cannot be asked for services", "point DOCKER_HOST at a manager"),
            { LocalNodeState: "locked" } => Verdict.Fail("locked", "docker swarm unlock"),
            { LocalNodeState: "error", Error: var error } => Verdict.Fail($"broken: {error}", "docker swarm leave --force, then docker swarm init"),
            _ => needed ? Verdict.Fail("this engine is no swarm", "docker swarm init --advertise-addr 127.0.0.1") : Verdict.Ok("inactive, and not needed"),
        }, cancel);

    public Task<Verdict> DiskAsync(CancellationToken cancel) => OfEngineAsync(
        answer => answer.Info.DockerRootDir is { Length: > 0 } root && Directory.Exists(root)
            ? MachineChecks.Disk(root, "docker system prune frees what nothing uses")
            : Verdict.Ok($"{answer.Info.DockerRootDir}: not on this machine's disks, or not ours to see"),
        cancel);

    public Task<Verdict> ClockAsync(CancellationToken cancel) => OfEngineAsync(
        answer => answer.Ping.Date is { } theirs ? Clock("the engine", theirs, answer.AskedAt) : Verdict.Ok("the engine does not say its time"), cancel);

    /// <summary>A Date header is cut to the second.</summary>
    public static Verdict Clock(string whose, DateTimeOffset theirs, DateTimeOffset ours)
    {
        var late = ours - theirs;
        var off = late < TimeSpan.Zero ? -late : late < TimeSpan.FromSeconds(1) ? TimeSpan.Zero : late - TimeSpan.FromSeconds(1);
        return off <= Skew
            ? Verdict.Ok($"agrees with {whose} to {(off < TimeSpan.FromSeconds(1) ? "the second" : string.Create(CultureInfo.InvariantCulture, $"{off.TotalSeconds:0.#} s"))}")
            : Verdict.Warn($"{Duration.Text(off)} {(late < TimeSpan.Zero ? "behind" : "ahead of")} {whose}: ages, leases and signatures are judged by it", "let both follow an NTP server (timedatectl set-ntp true)");
    }

    public void Dispose() => client?.Dispose();

    /// <summary>Why the engine cannot be asked is said once, on its own line.</summary>
    private async Task<Verdict> OfEngineAsync(Func<(EnginePing Ping, EngineInfo Info, DateTimeOffset AskedAt), Verdict> judge, CancellationToken cancel)
    {
        try
        {
            return judge(await AskAsync(cancel));
        }
        catch (Exception e) when (e is EngineException or LapException)
        {
            return Verdict.Fail("the engine cannot be asked", "see `engine` above");
        }
    }

    private Task<(EnginePing Ping, EngineInfo Info, DateTimeOffset AskedAt)> AskAsync(CancellationToken cancel)
    {
        lock (gate)
        {
            return asked ??= OnceAsync(cancel);
        }
    }

    private async Task<(EnginePing Ping, EngineInfo Info, DateTimeOffset AskedAt)> OnceAsync(CancellationToken cancel)
    {
        client = new EngineClient(EngineEndpoint.Find(variable), clock);
        var ping = await client.PingAsync(cancel);
        var at = clock.GetUtcNow();
        return (ping, await client.InfoAsync(cancel), at);
    }
}
