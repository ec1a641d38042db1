using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

public sealed class ReadyTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Passes_at_the_first_wanted_answer()
    {
        await using var server = new LittleServer((n, _) => LittleServer.Http(n < 6 ? 503 : 200));
        var clock = Given.Clock();
        var ready = await new Prober(clock).ReadyAsync(new ProbeSettings { Ready = Given.Http("/health/ready") }, Given.Instance(server), Cancel);
        // 2 + 5 + 10 + 20 + 40 ms: the first attempts come quickly.
        Assert.Equal((SignalStatus.Pass, 6, 0.077, "200"), (ready.Status, ready.Attempts, Math.Round(ready.Seconds!.Value, 6), ready.LastSeen));
        Assert.Equal(6, server.Requests);
    }

    [Fact]
    public async Task Without_a_ready_probe_an_accepted_connection_is_not_readiness()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200));
        var ready = await new Prober(Given.Clock()).ReadyAsync(new ProbeSettings(), Given.Instance(server), Cancel);
        Assert.Equal(new ReadySignal(SignalStatus.NotDefined), ready);
        Assert.Equal(0, server.Requests);
    }

    [Fact]
    public async Task A_timeout_says_what_was_last_seen_the_attempts_and_the_bound()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(301, headers: "Location: /login\r\n"));
        var ready = await new Prober(Given.Clock()).ReadyAsync(new ProbeSettings { Ready = Given.Http("/health/ready") }, Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Timeout, Outcome.ReadinessTimeout, "301 → /login"), (ready.Status, ready.Fault!.Outcome, ready.LastSeen));
        // The last attempt gets what is left of the bound; cut short by it, it does not hide the whole answer before it.
        Assert.InRange(ready.Attempts, server.Requests, server.Requests + 1);
        Assert.Equal($"gateway: not ready: 301 → /login, {ready.Attempts} attempts, bound 30 s", ready.Fault.What);
        Assert.Equal("gateway, ready probe GET /health/ready (laptime.yaml:14:7)", ready.Fault.Where);
        Assert.Contains("redirects are not followed", ready.Fault.Mend, StringComparison.Ordinal);
        Assert.InRange(ready.Seconds!.Value, 30, 30.1);
    }

    [Fact]
    public async Task The_bound_holds_when_the_answer_never_comes()
    {
        await using var server = new LittleServer((_, _) => null);
        var clock = Given.Clock();
        var asking = new Prober(clock).ReadyAsync(new ProbeSettings { Ready = Given.Http(timeout: 4) }, Given.Instance(server), Cancel);
        await server.Accepted;
        clock.Advance(TimeSpan.FromSeconds(4));
        var ready = await asking;
        Assert.Equal((SignalStatus.Timeout, Outcome.ReadinessTimeout), (ready.Status, ready.Fault!.Outcome));
        Assert.Equal("gateway: not ready: connected, no whole answer in 1 s, 1 attempt, bound 4 s", ready.Fault.What);
        Assert.InRange(ready.Seconds!.Value, 4, 4.1);
    }

    [Fact]
    public async Task One_hanging_answer_does_not_eat_the_whole_wait()
    {
        await using var server = new LittleServer((n, _) => n == 1 ? null : LittleServer.Http(200));
        var clock = Given.Clock();
        var asking = new Prober(clock).ReadyAsync(new ProbeSettings { Ready = Given.Http(timeout: 30) }, Given.Instance(server), Cancel);
        await server.Accepted;
        clock.Advance(TimeSpan.FromSeconds(6));
        var ready = await asking;
        Assert.Equal((SignalStatus.Pass, 2), (ready.Status, ready.Attempts));
    }

    [Fact]
    public async Task Dying_while_waiting_is_not_live()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(503));
        var ready = await new Prober(Given.Clock()).ReadyAsync(
            new ProbeSettings { Ready = Given.Http() }, Given.Instance(server, asked => asked < 5 ? new Life.Running() : Given.Exited()), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive), (ready.Status, ready.Fault!.Outcome));
        Assert.Equal("gateway: died: exit code 3 (4 attempts, last seen: 503, empty body)", ready.Fault.What);
    }

    [Fact]
    public async Task Dying_in_the_middle_of_an_attempt_ends_the_wait()
    {
        await using var server = new LittleServer((_, _) => null);
        var clock = Given.Clock();
        var asking = new Prober(clock).ReadyAsync(
            new ProbeSettings { Ready = Given.Http(timeout: 300) }, Given.Instance(server, asked => asked == 1 ? new Life.Running() : Given.Exited()), Cancel);
        await server.Accepted;
        clock.Advance(TimeSpan.FromSeconds(1));
        var ready = await asking;
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive), (ready.Status, ready.Fault!.Outcome));
        Assert.InRange(ready.Seconds!.Value, 1, 1.01);
    }

    [Fact]
    public async Task Successes_in_a_row_start_again_after_a_failure()
    {
        await using var server = new LittleServer((n, _) => LittleServer.Http(n is 2 or 4 ? 500 : 200));
        var ready = await new Prober(Given.Clock()).ReadyAsync(new ProbeSettings { Ready = Given.Http(successes: 3) }, Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Pass, 7), (ready.Status, ready.Attempts));
    }

    [Fact]
    public async Task Ready_and_not_ready_in_turn_is_flapping()
    {
        await using var server = new LittleServer((n, _) => LittleServer.Http(n % 2 == 0 ? 500 : 200));
        var ready = await new Prober(Given.Clock()).ReadyAsync(new ProbeSettings { Ready = Given.Http(timeout: 5, successes: 2) }, Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.Flapping), (ready.Status, ready.Fault!.Outcome));
        Assert.Matches(@"^gateway: flapping: ready \d+ times and lost \d+ times in \d+ attempts, never 2 in a row; last seen: .*, bound 5 s$", ready.Fault.What);
    }

    [Fact]
    public async Task Lost_after_the_smoke_checks_is_flapping_too()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(503, "cache full"));
        var before = new ReadySignal(SignalStatus.Pass, 0.2, 3, "200");
        var after = await new Prober(Given.Clock()).StillReadyAsync(new ProbeSettings { Ready = Given.Http() }, before, Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.Flapping, 4), (after.Status, after.Fault!.Outcome, after.Attempts));
        Assert.Equal("gateway: flapping: ready, and no longer after the smoke checks: 503 \"cache full\"", after.Fault.What);
    }

    [Fact]
    public async Task Still_ready_keeps_the_first_answer_and_counts_the_attempt()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200));
        var prober = new Prober(Given.Clock());
        var probes = new ProbeSettings { Ready = Given.Http() };
        var before = new ReadySignal(SignalStatus.Pass, 0.2, 3, "200");
        Assert.Equal(before with { Attempts = 4 }, await prober.StillReadyAsync(probes, before, Given.Instance(server), Cancel));
        var undefined = new ReadySignal(SignalStatus.NotDefined);
        Assert.Same(undefined, await prober.StillReadyAsync(new ProbeSettings(), undefined, Given.Instance(server), Cancel));
        var dead = await prober.StillReadyAsync(probes, before, Given.Instance(server, _ => Given.Exited()), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive), (dead.Status, dead.Fault!.Outcome));
    }

    [Fact]
    public async Task A_probe_that_cannot_be_asked_is_unknown()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200));
        var probe = Given.Http(contains: Given.Name("revision"));
        var ready = await new Prober(Given.Clock()).ReadyAsync(new ProbeSettings { Ready = probe }, Given.Instance(server), Cancel);
        Assert.Equal((SignalStatus.Unknown, Outcome.ReadinessTimeout, 1), (ready.Status, ready.Fault!.Outcome, ready.Attempts));
        Assert.Equal("gateway: whether it is ready cannot be asked: ${revision} has no value here", ready.Fault.What);
    }

    [Fact]
    public async Task Cancelling_throws_and_is_no_timeout()
    {
        await using var server = new LittleServer((_, _) => null);
        using var stop = new CancellationTokenSource();
        var asking = new Prober(Given.Clock()).ReadyAsync(new ProbeSettings { Ready = Given.Http() }, Given.Instance(server), stop.Token);
        await server.Accepted;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    [Fact]
    public async Task A_supervisor_that_does_not_answer_does_not_hold_the_wait()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(503));
        var clock = Given.Clock();
        var silent = new TaskCompletionSource<Life>();
        var instance = Given.Instance(server) with { Life = _ => new ValueTask<Life>(silent.Task) };
        var asking = new Prober(clock).ReadyAsync(new ProbeSettings { Ready = Given.Http(timeout: 3) }, instance, Cancel);
        clock.Advance(TimeSpan.FromSeconds(3));
        var ready = await asking;
        Assert.Equal((SignalStatus.Timeout, Outcome.ReadinessTimeout), (ready.Status, ready.Fault!.Outcome));
    }
}
