using System.Text.Json;
using Laptime.Targets.Swarm;

namespace Laptime.Tests.Targets.Swarm;

/// <summary>The engine's own delays: named when they happened, with what removes them; never because of a setting alone.</summary>
public sealed class SwarmDelaysTests
{
    private const long Second = 1_000_000_000;

    private static readonly DateTimeOffset Zero = DateTimeOffset.UnixEpoch;

    private static SwarmService Service(string spec = "{}", string? update = null) =>
        new() { ID = "s", Spec = JsonDocument.Parse(spec).RootElement, UpdateStatus = update is null ? null : new SwarmUpdate(update, null, null, null) };

    private static SwarmTask Task(string id, double created = 0) =>
        new() { ID = id, CreatedAt = Zero.AddSeconds(created), Status = new SwarmTaskStatus { ContainerStatus = new SwarmContainerStatus(id, 1, null) } };

    private static RolloutEvidence Seen(SwarmService? service = null, SwarmTask[]? tasks = null, ContainerEnd[]? ends = null, Dictionary<string, long>? healthy = null, double? answered = null) =>
        new(service ?? Service(), tasks ?? [Task("new")], ends ?? [], healthy ?? [], answered is { } at ? Zero.AddSeconds(at) : null);

    private static string[] Kinds(RolloutEvidence seen) => [.. SwarmDelays.Of(seen).Select(d => d.Kind)];

    [Fact]
    public void Nothing_seen_is_nothing_named() => Assert.Empty(SwarmDelays.Of(Seen(Service("""{"UpdateConfig":{"Monitor":5000000000}}"""))));

    [Fact]
    public void A_health_check_that_came_late_is_named_with_its_interval()
    {
        var service = Service("""{"TaskTemplate":{"ContainerSpec":{"Healthcheck":{"Interval":10000000000}}}}""");
        var delay = Assert.Single(SwarmDelays.Of(Seen(service, healthy: new() { ["new"] = 10 * Second, ["old"] = Second }, answered: 0.4)));
        Assert.Equal(("health-interval", 9.6, "healthcheck.start_interval"), (delay.Kind, Math.Round(delay.Seconds, 3), delay.Setting));
        Assert.Contains("(10.0", delay.Mend);
        Assert.Empty(SwarmDelays.Of(Seen(service, healthy: new() { ["new"] = Second / 2 }, answered: 0.4)));
        Assert.Empty(SwarmDelays.Of(Seen(service, healthy: new() { ["new"] = 10 * Second })));
    }

    [Fact]
    public void Parallel_ends_are_counted_once()
    {
        ContainerEnd[] ends = [new("a", 0, 2 * Second, 2 * Second, 0), new("b", Second, 3 * Second, 3 * Second, 0), new("c", 10 * Second, 12 * Second, 12 * Second, 0)];
        var delay = Assert.Single(SwarmDelays.Of(Seen(ends: ends)));
        Assert.Equal(("network-drain", 5.0, null), (delay.Kind, delay.Seconds, delay.Setting));
    }

    [Theory]
    [InlineData(137, "init: true")]
    [InlineData(0, "stop_grace_period")]
    public void A_slow_end_says_whether_it_was_killed(int code, string setting)
    {
        var delay = Assert.Single(SwarmDelays.Of(Seen(ends: [new("a", null, Second, 11 * Second, code)])));
        Assert.Equal(("stop-grace", 10.0, setting), (delay.Kind, delay.Seconds, delay.Setting));
    }

    [Fact]
    public void An_end_of_which_only_a_part_was_seen_is_no_evidence() =>
        Assert.Empty(SwarmDelays.Of(Seen(ends: [new("a", 0, null, null, null), new("b", null, 0, null, null), new("c", null, null, Second, 1)])));

    [Fact]
    public void The_monitor_is_named_while_the_engine_watches_and_was_not_waited_for()
    {
        var delay = Assert.Single(SwarmDelays.Of(Seen(Service("""{"UpdateConfig":{"Monitor":7000000000}}""", "updating"))));
        Assert.Equal(("update-monitor", 7.0, false), (delay.Kind, delay.Seconds, delay.Waited));
        Assert.Empty(SwarmDelays.Of(Seen(Service("""{"UpdateConfig":{"Monitor":7000000000}}""", "completed"))));
        Assert.Empty(SwarmDelays.Of(Seen(Service("""{"UpdateConfig":{"Monitor":100000000}}""", "updating"))));
    }

    [Fact]
    public void Replacing_one_after_the_other_is_seen_from_when_tasks_were_made()
    {
        Assert.Equal(["one-by-one"], Kinds(Seen(tasks: [Task("a"), Task("b", 3), Task("c", 6)])));
        Assert.Empty(Kinds(Seen(tasks: [Task("a"), Task("b", 0.01)])));
    }
}
