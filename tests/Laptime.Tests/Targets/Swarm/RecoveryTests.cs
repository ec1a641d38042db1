using System.Text.Json;
using Laptime.Targets.Swarm;

namespace Laptime.Tests.Targets.Swarm;

/// <summary>When a service that does not serve is one that the swarm is bringing back by itself.</summary>
public sealed class RecoveryTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);
    private static readonly JsonElement Template = JsonDocument.Parse("""{"ContainerSpec":{"Image":"sha256:a"}}""").RootElement;
    private static readonly JsonElement Older = JsonDocument.Parse("""{"ContainerSpec":{"Image":"sha256:b"}}""").RootElement;

    private static SwarmService Service(string? update = null) => new()
    {
        ID = "s", UpdateStatus = update is null ? null : new SwarmUpdate(update, "", null, null),
        Spec = JsonDocument.Parse("""{"Name":"shop_web","Labels":{"laptime.component":"web"},"TaskTemplate":{"ContainerSpec":{"Image":"sha256:a"}},"Mode":{"Replicated":{"Replicas":1}}}""").RootElement,
    };

    private static SwarmTask Task(string state, double seconds, string desired = "running", JsonElement? spec = null, int slot = 1) => new()
    {
        ID = $"{state}{seconds}", ServiceID = "s", Slot = slot, Spec = spec ?? Template, DesiredState = desired, CreatedAt = Now.AddSeconds(seconds),
        Status = new SwarmTaskStatus { State = state, Timestamp = Now.AddSeconds(seconds) },
    };

    private static bool IsComingBack(SwarmService service, params SwarmTask[] tasks) => SwarmObserver.StateOf(service, tasks, null) is { Recovering: true, Serving: false };

    [Fact]
    public void A_new_task_of_the_same_spec_after_one_end_is_coming_back()
    {
        Assert.True(IsComingBack(Service(), Task("failed", 0, "shutdown"), Task("starting", 1)));
        Assert.True(IsComingBack(Service("completed"), Task("complete", 0, "shutdown"), Task("preparing", 1)));
        Assert.True(IsComingBack(Service(), Task("starting", 1)));
    }

    [Fact]
    public void What_serves_is_not() => Assert.False(SwarmObserver.StateOf(Service(), [Task("running", 0)], null).Recovering);

    [Fact]
    public void What_ends_again_and_again_is_not_but_ends_of_long_ago_do_not_count()
    {
        Assert.False(IsComingBack(Service(), Task("failed", 0, "shutdown"), Task("failed", 5, "shutdown"), Task("starting", 10)));
        Assert.True(IsComingBack(Service(), Task("failed", -3600, "shutdown"), Task("failed", 5, "shutdown"), Task("starting", 10)));
    }

    [Fact]
    public void Nothing_on_its_way_another_spec_or_an_update_that_stopped_is_not()
    {
        Assert.False(IsComingBack(Service(), Task("failed", 0, "shutdown")));
        Assert.False(IsComingBack(Service(), Task("starting", 0, spec: Older)));
        Assert.False(IsComingBack(Service("paused"), Task("failed", 0, "shutdown"), Task("starting", 1)));
        Assert.False(IsComingBack(Service("updating"), Task("starting", 1)));
    }

    [Fact]
    public void An_old_task_that_the_swarm_takes_away_is_waited_for_and_one_that_it_keeps_is_not()
    {
        Assert.True(IsComingBack(Service("updating"), Task("running", 0, "shutdown", Older), Task("running", 1)));
        Assert.True(IsComingBack(Service(), Task("running", 0, "shutdown"), Task("running", 1)));
        Assert.False(IsComingBack(Service("paused"), Task("running", 0, "shutdown", Older), Task("running", 1)));
        Assert.False(IsComingBack(Service("updating"), Task("running", 0, "running", Older), Task("running", 1)));
        // Nothing serves yet: the old one goes, the new one is not there.
        Assert.False(IsComingBack(Service(), Task("running", 0, "shutdown", Older)));
    }

    [Fact]
    public void What_no_node_can_take_is_not()
    {
        var stuck = Task("pending", 1) with { Status = new SwarmTaskStatus { State = "pending", Err = "no suitable node", Timestamp = Now } };
        Assert.False(IsComingBack(Service(), stuck));
    }
}
