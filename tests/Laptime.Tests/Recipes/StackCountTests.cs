using Laptime.Recipes.Swarm;

namespace Laptime.Tests.Recipes;

/// <summary>What the engine says of services, as it says it: each write of a service, what the swarm notes itself, in the order in which Docker 20.10 told it.</summary>
public sealed class StackCountTests
{
    private const long Second = 1_000_000_000;
    private const long Moment = 1_000_000;

    [Fact]
    public void Addresses_that_the_swarm_gives_and_states_that_it_notes_are_no_updates()
    {
        Counted(1, 1, 0,
            [
                Create("app", 0), Update("app", Moment), Create("db", 2 * Moment), Update("db", 3 * Moment),
                Update("app", 10 * Second), State("app", 10 * Second + Moment, "updating"), Update("db", (10 * Second) + (2 * Moment)), State("app", 17 * Second, "completed"),
            ],
            [Call(0, 1), Call(10, 11)]);
    }

    [Fact]
    public void A_rollback_of_the_swarms_own_is_no_update()
    {
        Counted(1, 1, 0, [Create("app", 0), Update("app", 10 * Second), State("app", 10 * Second + Moment, "updating"), State("app", 14 * Second, "rollback_started"), State("app", 15 * Second, "rollback_completed")], [Call(0, 1), Call(10, 11)]);
    }

    [Fact]
    public void A_deploy_behind_the_back_is_one_more_update_however_many_services_it_writes()
    {
        Counted(1, 2, 0,
            [Create("app", 0), Create("db", Moment), Update("app", 10 * Second), Update("db", 10 * Second + Moment), Update("app", 20 * Second), Update("db", 20 * Second + Moment)],
            [Call(0, 1), Call(10, 11)]);
    }

    [Fact]
    public void A_deploy_behind_the_back_a_moment_before_ours_hides_neither()
    {
        Counted(1, 2, 0, [Create("app", 0), Update("app", 10 * Second - (200 * Moment)), Update("app", 10 * Second + Moment)], [Call(0, 1), Call(10, 11)]);
    }

    [Fact]
    public void The_same_service_written_twice_is_two_changes_even_while_we_deploy()
    {
        Counted(1, 2, 0, [Create("app", 0), Update("app", 10 * Second), Update("app", 11 * Second)], [Call(0, 1), Call(10, 12)]);
        Counted(0, 3, 0, [Create("app", 0), Update("app", 10 * Second), Update("db", 10 * Second + Moment), Update("app", 10 * Second + (600 * Moment))], [Call(0, 1)], "db");
    }

    [Fact]
    public void Services_that_head_adds_and_drops_are_part_of_its_update()
    {
        Counted(1, 1, 0, [Create("app", 0), Create("old", Moment), Remove("old", 10 * Second), Update("app", 10 * Second + Moment), Create("new", 10 * Second + (2 * Moment))], [Call(0, 1), Call(10, 11)]);
    }

    [Fact]
    public void Only_when_nothing_is_left_it_was_removed()
    {
        Counted(1, 0, 1, [Create("app", 0), Create("db", Moment), Remove("db", 10 * Second), Remove("app", 13 * Second)], [Call(0, 1), Call(10, 14)]);
        Counted(1, 1, 0, [Create("app", 0), Create("db", Moment), Remove("db", 10 * Second)], [Call(0, 1)]);
        Counted(2, 0, 2, [Create("app", 0), Remove("app", 10 * Second), Create("app2", 20 * Second), Remove("app2", 30 * Second)], []);
    }

    [Fact]
    public void What_stood_before_is_updated_and_not_installed()
    {
        Counted(0, 1, 0, [Update("app", 0)], [Call(0, 1)], "app");
        var count = StackCount.Of([Update("app", 0)], [], ["app"]);
        Assert.Equal("00:00:00.000 update, not by this run: update app", Assert.Single(count.Evidence));
    }

    private static void Counted(int installs, int updates, int removes, ServiceEvent[] events, StackCall[] calls, params string[] standing)
    {
        // The order in which they are heard is not the order in which they happened.
        var count = StackCount.Of(events.Reverse(), calls, standing);
        Assert.True((count.Installs, count.Updates, count.Removes) == (installs, updates, removes), $"{count.Installs} installs, {count.Updates} updates, {count.Removes} removes:\n{string.Join('\n', count.Evidence)}");
    }

    private static ServiceEvent Create(string name, long at) => new(name, name, "create", at, null);

    private static ServiceEvent Update(string name, long at) => new(name, name, "update", at, null);

    private static ServiceEvent State(string name, long at, string state) => new(name, name, "update", at, state);

    private static ServiceEvent Remove(string name, long at) => new(name, name, "remove", at, null);

    private static StackCall Call(long from, long to) => new(from * Second, to * Second);
}
