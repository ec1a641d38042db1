using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

public sealed class GateTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private readonly List<Segment> segments = [];

    [Fact]
    public async Task Smoke_is_not_run_when_the_instance_is_not_ready()
    {
        await using var server = new LittleServer((_, request) => LittleServer.Http(request.Contains("/smoke", StringComparison.Ordinal) ? 200 : 503));
        var probes = new ProbeSettings { Ready = Given.Http("/ready", timeout: 2), Smoke = [Given.Http("/smoke")] };
        var signals = await Before(probes, server);
        Assert.Equal(
            (SignalStatus.Pass, SignalStatus.Timeout, SignalStatus.NotRun, SignalStatus.NotRun),
            (signals.Live.Status, signals.Ready.Status, signals.Smoke.Status, signals.Reflected.Status));
        Assert.Equal(Outcome.ReadinessTimeout, signals.Fault!.Outcome);
        Assert.DoesNotContain(server.Seen, r => r.Contains("/smoke", StringComparison.Ordinal));
        Assert.Equal(["live ok", "ready timeout"], Ended());
    }

    [Fact]
    public async Task Nothing_more_is_asked_of_an_instance_that_is_not_live()
    {
        await using var server = new LittleServer(null);
        var signals = await Before(new ProbeSettings { Ready = Given.Http(timeout: 2) }, server);
        Assert.Equal((SignalStatus.Timeout, SignalStatus.NotRun), (signals.Live.Status, signals.Ready.Status));
        Assert.Equal(["live timeout"], Ended());
    }

    [Fact]
    public async Task What_is_not_declared_is_not_defined_and_what_is_left_out_is_not_run()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200));
        var undefined = await Before(new ProbeSettings(), server);
        var leftOut = await Before(new ProbeSettings { Smoke = [Given.Http()] }, server, smoke: false);
        Assert.Equal((SignalStatus.NotDefined, SignalStatus.NotDefined), (undefined.Ready.Status, undefined.Smoke.Status));
        Assert.Equal(SignalStatus.NotRun, leftOut.Smoke.Status);
    }

    [Fact]
    public async Task Readiness_lost_by_the_smoke_checks_is_flapping()
    {
        await using var server = new LittleServer((n, _) => LittleServer.Http(n <= 2 ? 200 : 503));
        var signals = await Before(new ProbeSettings { Ready = Given.Http("/ready"), Smoke = [Given.Http("/smoke")] }, server);
        Assert.Equal((SignalStatus.Fail, SignalStatus.Pass, Outcome.Flapping), (signals.Ready.Status, signals.Smoke.Status, signals.Fault!.Outcome));
    }

    [Fact]
    public async Task Reflected_uses_the_probe_then_the_targets_evidence_then_is_not_defined()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, Given.New));
        var evidence = new ReflectedSignal(SignalStatus.Pass, "by pid", 1, 1);
        var probed = await After(new ProbeSettings { Reflect = Given.Http("/version") }, server, evidence);
        var own = await After(new ProbeSettings(), server, evidence);
        var none = await After(new ProbeSettings(), server, null);
        Assert.Equal((Given.New, "by pid", SignalStatus.NotDefined), (probed.Observed, own.Observed, none.Status));
        Assert.Equal(["reflect ok", "reflect ok", "reflect not-defined"], Ended());
    }

    private Task<SignalSet> Before(ProbeSettings probes, LittleServer server, bool smoke = true)
    {
        var clock = Given.Clock();
        return new Gate(new Prober(clock), probes, smoke).BeforeSwitchAsync(Given.Instance(server), new Timeline(clock, segments.Add), null, Cancel);
    }

    private Task<ReflectedSignal> After(ProbeSettings probes, LittleServer server, ReflectedSignal? evidence)
    {
        var clock = Given.Clock();
        return new Gate(new Prober(clock), probes, smoke: true).AfterSwitchAsync(
            Given.Instance(server), Given.New, evidence is null ? null : _ => Task.FromResult(evidence), new Timeline(clock, segments.Add), null, Cancel);
    }

    private string[] Ended() => [.. segments.Where(s => s.Seconds is not null).Select(s => $"{s.Name} {s.Outcome}")];
}
