using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>Work that an earlier run did for the change that is deployed now: a whole build, or one of its steps.</summary>
/// <param name="Name">The segment's: <c>build</c> or <c>build/STEP</c>.</param>
/// <param name="Start">When it began.</param>
/// <param name="End">When its result was available.</param>
public sealed record EarlierWork(string Name, string Component, DateTimeOffset Start, DateTimeOffset End);

/// <summary>
/// The time between the trigger and the command, cut into segments that touch and do not overlap, so that it adds up whatever was told. Where several things
/// went on at once, work comes before waiting: an earlier build, then an approval, then the queue, then the job's own steps; what is left is idle, for
/// nobody had asked yet. Pure.
/// </summary>
public static class BeforeCommand
{
    /// <param name="trigger">The interval's start.</param>
    /// <param name="started">When the command was given.</param>
    /// <param name="waits">What was waited for.</param>
    /// <param name="earlier">Work of earlier runs; what lies before the trigger or after the command does not count here.</param>
    /// <param name="firstId">The segments' ids start with it.</param>
    public static IReadOnlyList<Segment> Of(DateTimeOffset trigger, DateTimeOffset started, Waits waits, IReadOnlyList<EarlierWork> earlier, int firstId)
    {
        if (trigger >= started)
        {
            return [];
        }

        var spans = new List<Span>();
        spans.AddRange(Merged(earlier, trigger, started));
        Add("approval", waits.ApprovalSince ?? waits.QueuedSince, waits.ApprovedAt);
        Add("queue", waits.QueuedSince, waits.JobStarted ?? started);
        Add("job", waits.JobStarted, started);
        Add("idle", trigger, started);

        var cuts = spans.SelectMany(s => (long[])[s.Start, s.End]).Distinct().Order().ToList();
        var slices = new List<(Span Span, long Start, long End)>();
        for (var i = 0; i + 1 < cuts.Count; i++)
        {
            var span = spans.First(s => s.Start <= cuts[i] && s.End >= cuts[i + 1]);
            if (slices.Count > 0 && slices[^1].Span == span)
            {
                slices[^1] = (span, slices[^1].Start, cuts[i + 1]);
            }
            else
            {
                slices.Add((span, cuts[i], cuts[i + 1]));
            }
        }

        return [.. slices.Select((s, i) => new Segment
        {
            Id = firstId + i, Name = s.Span.Name, Kind = s.Span.Kind, Component = s.Span.Component, Outcome = "ok",
            Start = (s.Start - started.UtcTicks) / (double)TimeSpan.TicksPerSecond, Seconds = (s.End - s.Start) / (double)TimeSpan.TicksPerSecond,
        })];

        void Add(string kind, DateTimeOffset? from, DateTimeOffset? to)
        {
            if (from is { } start && to is { } end && Clip("wait", kind, null, start, end, trigger, started) is { } span)
            {
                spans.Add(span);
            }
        }
    }

    /// <summary>Builds that ran side by side are one: their seconds are not to be counted twice, and nobody knows any more which of them was waited for.</summary>
    private static List<Span> Merged(IReadOnlyList<EarlierWork> earlier, DateTimeOffset trigger, DateTimeOffset started)
    {
        var merged = new List<Span>();
        foreach (var span in earlier.Distinct().Select(e => Clip(e.Name, SegmentName.EarlierKind, e.Component, e.Start, e.End, trigger, started)).OfType<Span>().OrderBy(s => s.Start).ThenBy(s => s.End))
        {
            if (merged.Count > 0 && span.Start < merged[^1].End)
            {
                var before = merged[^1];
                merged[^1] = new Span(
                    before.Name == span.Name ? span.Name : "build", SegmentName.EarlierKind, before.Component == span.Component ? span.Component : null,
                    before.Start, Math.Max(before.End, span.End));
            }
            else
            {
                merged.Add(span);
            }
        }

        return merged;
    }

    private static Span? Clip(string name, string kind, string? component, DateTimeOffset start, DateTimeOffset end, DateTimeOffset trigger, DateTimeOffset started)
    {
        var (from, to) = (Math.Max(start.UtcTicks, trigger.UtcTicks), Math.Min(end.UtcTicks, started.UtcTicks));
        return to > from ? new Span(name, kind, component, from, to) : null;
    }

    /// <summary>In ticks of the wall clock, so that what touches touches exactly.</summary>
    private sealed record Span(string Name, string Kind, string? Component, long Start, long End);
}
