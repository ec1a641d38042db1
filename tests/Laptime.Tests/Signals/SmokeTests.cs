using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

public sealed class SmokeTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Passes_when_every_check_passes_once()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, "{\"items\":[]}"));
        var smoke = await Ask(server, Given.Http("/api/cart", 200, Template.Literal("items")), Given.Run("true"), Given.Tcp());
        Assert.Equal(new SmokeSignal(SignalStatus.Pass, 3, smoke.Seconds), smoke);
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task The_first_failure_ends_with_expected_and_seen()
    {
        await using var server = new LittleServer((n, _) => n == 1 ? LittleServer.Http(200) : LittleServer.Http(500, "no such table: cart\n" + new string('x', 400)));
        var smoke = await Ask(server, Given.Http("/"), Given.Http("/api/cart", 200, Template.Literal("items")), Given.Http("/never"));
        Assert.Equal((SignalStatus.Fail, 2, Outcome.SmokeFailed), (smoke.Status, smoke.Checks, smoke.Fault!.Outcome));
        Assert.Equal(
            $"gateway: smoke check 2 of 3 failed: GET /api/cart: expected 200 with \"items\", saw 500 \"no such table: cart {new string('x', 180)}…\"",
            smoke.Fault.What);
        Assert.Equal("gateway, smoke probe GET /api/cart (laptime.yaml:14:7)", smoke.Fault.Where);
        Assert.Equal(2, server.Requests);
    }

    [Fact]
    public async Task Missing_text_is_named()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, "{}"));
        var smoke = await Ask(server, Given.Http("/api/cart", null, Template.Literal("items")));
        Assert.EndsWith("expected 2xx with \"items\", saw 200 without \"items\" \"{}\"", smoke.Fault!.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_that_hangs_ends_at_its_own_bound()
    {
        await using var server = new LittleServer((_, _) => null);
        var clock = Given.Clock();
        var asking = new Prober(clock).SmokeAsync([Given.Http(timeout: 60)], Given.Instance(server), Cancel);
        await server.Accepted;
        clock.Advance(TimeSpan.FromSeconds(60));
        var smoke = await asking;
        Assert.Equal((SignalStatus.Timeout, Outcome.SmokeFailed, 60.0), (smoke.Status, smoke.Fault!.Outcome, smoke.Seconds));
        Assert.EndsWith("saw connected, no whole answer in 1 m 00 s, bound 1 m 00 s", smoke.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_that_cannot_be_asked_is_unknown_and_fails_the_rollout()
    {
        var smoke = await Ask(null, Given.Http("/api/cart"));
        Assert.Equal((SignalStatus.Unknown, Outcome.SmokeFailed), (smoke.Status, smoke.Fault!.Outcome));
    }

    [Fact]
    public async Task Without_checks_it_is_not_defined() =>
        Assert.Equal(new SmokeSignal(SignalStatus.NotDefined), await Ask(null));

    [Fact]
    public async Task An_instance_that_the_check_killed_is_not_live()
    {
        await using var server = new LittleServer((_, _) => "reset");
        var smoke = await new Prober(Given.Clock()).SmokeAsync([Given.Http()], Given.Instance(server, _ => Given.Exited(139)), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive), (smoke.Status, smoke.Fault!.Outcome));
        Assert.Contains("last seen: connected, then connection reset", smoke.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failing_command_shows_its_exit_code_and_output()
    {
        var smoke = await Ask(null, Given.Run("echo cannot log in; exit 4"));
        Assert.Equal("gateway: smoke check 1 of 1 failed: `echo cannot log in; exit 4`: expected exit code 0, saw exit code 4 \"cannot log in\"", smoke.Fault!.What);
    }

    private static Task<SmokeSignal> Ask(LittleServer? server, params Probe[] checks) =>
        new Prober(Given.Clock()).SmokeAsync(checks, Given.Instance(server), Cancel);
}
