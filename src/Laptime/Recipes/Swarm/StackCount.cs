using System.Globalization;

namespace Laptime.Recipes.Swarm;

/// <summary>What the engine told of one service of a stack.</summary>
/// <param name="Action">create, update, remove.</param>
/// <param name="At">Nanoseconds since 1970 by the engine's clock.</param>
/// <param name="State">Where the orchestrator itself wrote how an update goes: updating, completed, paused, …; null: somebody asked for a change.</param>
internal sealed record ServiceEvent(string Id, string Name, string Action, long At, string? State);

/// <summary>A call of Laptime's own that changes the stack, by the same clock; what is written in between belongs together.</summary>
/// <param name="To">Null: it has not ended.</param>
internal sealed record StackCall(long From, long? To);

/// <summary>
/// Counts what happened to a stack by what the engine said of its services, whoever asked for it. Pure.
/// </summary>
/// <remarks>
/// <para>A <i>write</i> is a service that is created, updated or removed. Two kinds of `update` are nobody's wish and are left out: those that carry a state (the orchestrator notes how far its update
/// has come), and those within half a second after another write of the same service (the swarm gives it its addresses); but what a call of ours writes is ours, however shortly before it somebody else wrote.</para>
/// <para>Writes belong to one <i>change</i> when they were made during the same call of Laptime's, or, outside of those, less than a second after each other; but never when the
/// service was written in that change before: `docker stack deploy` writes every service of the stack exactly once, also those that stay as they are. So an update of ours is one change however
/// many services it has, one that somebody makes behind it is another one, and so is the same deploy made twice.</para>
/// <para>A change that creates services where there was none is an install; one after which none is left is a remove; any other is an update in place.</para>
/// </remarks>
internal static class StackCount
{
    private const long Bookkeeping = 500_000_000;
    private const long Together = 1_000_000_000;

    /// <param name="standing">Ids of the services that were there when the record began.</param>
    public static TargetCount Of(IEnumerable<ServiceEvent> events, IReadOnlyList<StackCall> calls, IEnumerable<string> standing)
    {
        var changes = new List<Change>();
        var written = new Dictionary<string, (long At, StackCall? Call)>(StringComparer.Ordinal);
        foreach (var one in events.OrderBy(static e => e.At))
        {
            var call = calls.FirstOrDefault(c => one.At >= c.From && one.At <= (c.To ?? long.MaxValue));
            if (one.Action == "update" && (one.State is not null || (written.TryGetValue(one.Id, out var before) && one.At - before.At < Bookkeeping && (call is null || call == before.Call))))
            {
                continue;
            }

            written[one.Id] = (one.At, call);
            if (changes is not [.., var last] || last.Call != call || last.Has(one) || (call is null && one.At - last.Events[^1].At > Together))
            {
                changes.Add(new Change(call, [one]));
            }
            else
            {
                last.Events.Add(one);
            }
        }

        var live = standing.ToHashSet(StringComparer.Ordinal);
        var (installs, updates, removes, evidence) = (0, 0, 0, new List<string>());
        foreach (var change in changes)
        {
            var stood = live.Count > 0;
            foreach (var one in change.Events)
            {
                _ = one.Action == "remove" ? live.Remove(one.Id) : live.Add(one.Id);
            }

            var kind = live.Count == 0 ? "remove" : stood ? "update" : "install";
            (installs, updates, removes) = kind switch { "install" => (installs + 1, updates, removes), "update" => (installs, updates + 1, removes), _ => (installs, updates, removes + 1) };
            evidence.Add($"{Time(change.Events[0].At)} {kind}{(change.Call is null ? ", not by this run" : "")}: {Words(change.Events)}");
        }

        return new TargetCount(installs, updates, removes, evidence);
    }

    private static string Words(IEnumerable<ServiceEvent> events) =>
        string.Join("; ", events.GroupBy(static e => e.Action).Select(static g => $"{g.Key} {string.Join(", ", g.Select(static e => e.Name))}"));

    private static string Time(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100).ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    private sealed record Change(StackCall? Call, List<ServiceEvent> Events)
    {
        /// <summary>A service that is created is written once more at most; whatever is written after it is another change.</summary>
        public bool Has(ServiceEvent one) => Events.Exists(e => e.Id == one.Id);
    }
}
