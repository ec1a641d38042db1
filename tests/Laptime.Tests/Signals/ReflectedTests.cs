using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

public sealed class ReflectedTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Passes_when_the_new_revision_answers()
    {
        await using var server = new LittleServer((n, _) => LittleServer.Http(200, n < 4 ? Given.Old : $"{{\"revision\":\"{Given.New}\"}}"));
        var reflected = await Ask(server, Given.Http("/version", contains: Given.Name("revision")));
        Assert.Equal((SignalStatus.Pass, Given.New, 1, 1, 4), (reflected.Status, reflected.Observed, reflected.Instances, reflected.Of, reflected.Attempts));
    }

    [Fact]
    public async Task Without_contains_the_answer_must_carry_the_revision()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, "fine"));
        var reflected = await Ask(server, Given.Http("/version", timeout: 10));
        Assert.Equal((SignalStatus.Fail, Outcome.NotReflected), (reflected.Status, reflected.Fault!.Outcome));
        Assert.Null(reflected.Observed);
        Assert.Equal($"gateway: not reflected: 200 without \"{Given.New}\" \"fine\" instead of {Given.New}, {reflected.Attempts} attempts, bound 10 s", reflected.Fault.What);
    }

    [Fact]
    public async Task The_old_instance_answering_until_the_bound_is_not_reflected_and_named()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, Given.Old));
        var reflected = await Ask(server, Given.Http("/version", timeout: 10));
        Assert.Equal((SignalStatus.Fail, Outcome.NotReflected, Given.Old, 0), (reflected.Status, reflected.Fault!.Outcome, reflected.Observed, reflected.Instances));
        Assert.Equal($"gateway: not reflected: {Given.Old} answers instead of {Given.New}, {reflected.Attempts} attempts, bound 10 s", reflected.Fault.What);
    }

    [Fact]
    public async Task An_answer_that_names_another_revision_does_not_pass_by_a_looser_text()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, $"shop v2, {Given.Old}"));
        var reflected = await Ask(server, Given.Http("/version", contains: Template.Literal("v2"), timeout: 10));
        Assert.Equal((SignalStatus.Fail, Given.Old), (reflected.Status, reflected.Observed));
    }

    [Fact]
    public async Task A_text_of_the_users_own_passes_and_stands_for_the_revision()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200, "shop v2"));
        var reflected = await Ask(server, Given.Http("/version", contains: Template.Literal("v2")));
        Assert.Equal((SignalStatus.Pass, Given.New), (reflected.Status, reflected.Observed));
    }

    [Fact]
    public async Task No_answer_until_the_bound_is_a_timeout()
    {
        await using var server = new LittleServer(null);
        var reflected = await Ask(server, Given.Http("/version", timeout: 10));
        Assert.Equal((SignalStatus.Timeout, Outcome.NotReflected), (reflected.Status, reflected.Fault!.Outcome));
        Assert.Contains($"connection refused instead of {Given.New}", reflected.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_alone_proves_no_revision()
    {
        await using var server = new LittleServer((_, _) => null);
        var reflected = await Ask(server, Given.Tcp());
        Assert.Equal((SignalStatus.Unknown, Outcome.NotReflected), (reflected.Status, reflected.Fault!.Outcome));
    }

    [Fact]
    public async Task A_command_judges_for_itself()
    {
        var passes = await Ask(null, Given.Run($"echo {Given.New}"));
        var fails = await Ask(null, Given.Run($"echo {Given.Old}; exit 1", timeout: 1));
        Assert.Equal((SignalStatus.Pass, Given.New), (passes.Status, passes.Observed));
        Assert.Equal((SignalStatus.Fail, Given.Old), (fails.Status, fails.Observed));
    }

    [Fact]
    public async Task Dying_after_the_switch_is_not_live()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(502));
        var reflected = await new Prober(Given.Clock()).ReflectAsync(Given.Http("/version"), Given.New, Given.Instance(server, _ => Given.Exited()), Cancel);
        Assert.Equal((SignalStatus.Fail, Outcome.NotLive), (reflected.Status, reflected.Fault!.Outcome));
    }

    [Theory]
    [InlineData("gateway@111111111111", Given.New)]
    [InlineData("v gateway@000000000000, then gateway@111111111111.", Given.New)]
    [InlineData("gateway@000000000000", Given.Old)]
    [InlineData("my-gateway@000000000000", null)]
    [InlineData("gateway@0000000000001", null)]
    [InlineData("gateway@00000000000G", null)]
    [InlineData("gateway@0000", null)]
    [InlineData("gateway@", null)]
    [InlineData("", null)]
    public void Revisions_are_found_in_answers(string text, string? found) =>
        Assert.Equal(found, Revisions.Find(text, "gateway", Given.New));

    private static Task<ReflectedSignal> Ask(LittleServer? server, Probe probe) =>
        new Prober(Given.Clock()).ReflectAsync(probe, Given.New, Given.Instance(server), Cancel);
}
