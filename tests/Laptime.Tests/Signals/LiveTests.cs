using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

public sealed class LiveTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Passes_when_something_accepts_a_connection()
    {
        await using var server = new LittleServer((_, _) => null);
        var live = await new Prober(Given.Clock()).LiveAsync(new ProbeSettings(), Given.Instance(server), Cancel);
        Assert.Equal(new LiveSignal(SignalStatus.Pass, 0, 1, "connection accepted"), live);
    }

    [Fact]
    public async Task Waits_for_a_listener_that_comes_late()
    {
        await using var server = new LittleServer(null);
        var live = await new Prober(Given.Clock()).LiveAsync(new ProbeSettings(), Given.Instance(server, asked =>
        {
            if (asked == 10)
            {
                server.Listen();
            }

            return new Life.Running();
        }), Cancel);
        Assert.Equal((SignalStatus.Pass, 10), (live.Status, live.Attempts));
    }

    [Fact]
    public async Task An_alive_instance_that_never_listens_is_never_listened()
    {
        await using var server = new LittleServer(null);
        var live = await new Prober(Given.Clock()).LiveAsync(new ProbeSettings(), Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Timeout, Outcome.NeverListened), (live.Status, live.Fault!.Outcome));
        Assert.InRange(live.Seconds!.Value, 30, 30.02);
        Assert.Matches($@"^gateway: alive, but nothing listens on 127\.0\.0\.1:{server.Port}: connection refused, 1[45]\d\d attempts, bound 30 s$", live.Fault.What);
    }

    [Fact]
    public async Task The_bound_of_listening_is_the_ready_probes()
    {
        await using var server = new LittleServer(null);
        var probes = new ProbeSettings { Ready = Given.Http(timeout: 2) };
        var live = await new Prober(Given.Clock()).LiveAsync(probes, Given.Instance(server), Cancel);
        Assert.EndsWith("bound 2 s", live.Fault!.What, StringComparison.Ordinal);
        Assert.InRange(live.Seconds!.Value, 2, 2.02);
    }

    [Fact]
    public async Task A_process_that_died_ends_the_wait_at_once_with_its_last_lines()
    {
        await using var server = new LittleServer(null);
        var live = await new Prober(Given.Clock()).LiveAsync(
            new ProbeSettings(), Given.Instance(server, asked => asked < 4 ? new Life.Running() : Given.Exited()), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive, "exit code 3"), (live.Status, live.Fault!.Outcome, live.LastSeen));
        Assert.Equal("gateway: died: exit code 3 (3 attempts, last seen: connection refused)", live.Fault.What);
        Assert.Equal(["starting", "cannot open the database"], live.Fault.Tail);
        Assert.True(live.Seconds < 0.1);
    }

    [Fact]
    public async Task A_crash_loop_and_a_signal_are_named()
    {
        await using var server = new LittleServer(null);
        var prober = new Prober(Given.Clock());
        var loop = await prober.LiveAsync(new ProbeSettings(), Given.Instance(server, _ => new Life.CrashLoop(5, "exit code 1", [])), Cancel);
        var killed = await prober.LiveAsync(new ProbeSettings(), Given.Instance(server, _ => new Life.Exited(null, "SIGSEGV", [])), Cancel);
        Assert.Equal("gateway: crash-loops: 5 restarts, the last end: exit code 1", loop.Fault!.What);
        Assert.Equal("gateway: died: ended by SIGSEGV", killed.Fault!.What);
    }

    [Fact]
    public async Task An_instance_that_dies_after_accepting_did_not_pass()
    {
        await using var server = new LittleServer((_, _) => null);
        var live = await new Prober(Given.Clock()).LiveAsync(
            new ProbeSettings(), Given.Instance(server, asked => asked == 1 ? new Life.Running() : Given.Exited()), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive), (live.Status, live.Fault!.Outcome));
    }

    [Fact]
    public async Task A_listener_whose_process_nobody_knows_is_unknown()
    {
        await using var server = new LittleServer((_, _) => null);
        var live = await new Prober(Given.Clock()).LiveAsync(new ProbeSettings(), Given.Instance(server, _ => new Life.Unknown("no pid")), Cancel);
        Assert.Equal(new LiveSignal(SignalStatus.Unknown, 0, 1, "connection accepted; no pid"), live);
    }

    [Fact]
    public async Task Without_port_probe_or_supervisor_it_is_not_defined()
    {
        var live = await new Prober(Given.Clock()).LiveAsync(new ProbeSettings(), Given.Instance(null, _ => new Life.Unknown("no pid")), Cancel);
        Assert.Equal((SignalStatus.NotDefined, "no pid"), (live.Status, live.LastSeen));
        Assert.Null(live.Fault);
    }

    [Fact]
    public async Task A_worker_without_any_probe_must_live_for_half_a_second()
    {
        var prober = new Prober(Given.Clock());
        var lives = await prober.LiveAsync(new ProbeSettings(), Given.Instance(null), Cancel);
        var dies = await prober.LiveAsync(new ProbeSettings(), Given.Instance(null, asked => asked < 9 ? new Life.Running() : Given.Exited(0)), Cancel);
        var asksReady = await prober.LiveAsync(new ProbeSettings { Ready = Given.Run("true") }, Given.Instance(null), Cancel);
        Assert.Equal((SignalStatus.Pass, 0.5), (lives.Status, Math.Round(lives.Seconds!.Value, 6)));
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive, "exit code 0"), (dies.Status, dies.Fault!.Outcome, dies.LastSeen));
        Assert.Equal(new LiveSignal(SignalStatus.Pass, 0, 1, "running"), asksReady);
    }

    [Fact]
    public async Task A_declared_live_probe_replaces_the_connection()
    {
        await using var server = new LittleServer((n, _) => LittleServer.Http(n < 3 ? 503 : 200));
        var probes = new ProbeSettings { Live = Given.Http("/health/live") };
        var live = await new Prober(Given.Clock()).LiveAsync(probes, Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Pass, 3, "200"), (live.Status, live.Attempts, live.LastSeen));
        Assert.StartsWith("GET /health/live HTTP/1.1\r\n", server.Seen[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_live_probe_that_never_passes_is_not_live_and_one_that_nothing_accepts_never_listened()
    {
        var probes = new ProbeSettings { Live = Given.Http("/health/live", timeout: 3) };
        await using var sick = new LittleServer((_, _) => LittleServer.Http(503, "deadlocked"));
        await using var silent = new LittleServer(null);
        var prober = new Prober(Given.Clock());
        var notLive = await prober.LiveAsync(probes, Given.Instance(sick), Cancel);
        var never = await prober.LiveAsync(probes, Given.Instance(silent), Cancel);
        Assert.Equal((SignalStatus.Timeout, Outcome.NotLive), (notLive.Status, notLive.Fault!.Outcome));
        Assert.Matches("^gateway: not live: 503 \"deadlocked\", \\d+ attempts, bound 3 s$", notLive.Fault.What);
        Assert.Equal("gateway, live probe GET /health/live (laptime.yaml:14:7)", notLive.Fault.Where);
        Assert.Equal((SignalStatus.Timeout, Outcome.NeverListened), (never.Status, never.Fault!.Outcome));
    }

    [Fact]
    public async Task A_live_probe_that_cannot_be_asked_is_unknown_and_ends_the_rollout()
    {
        var live = await new Prober(Given.Clock()).LiveAsync(new ProbeSettings { Live = Given.Http() }, Given.Instance(null), Cancel);
        Assert.Equal((SignalStatus.Unknown, Outcome.NotLive), (live.Status, live.Fault!.Outcome));
        Assert.Equal("gateway: whether it is live cannot be asked: the component has no port to ask", live.Fault.What);
    }
}
