using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Reports;

/// <summary>
/// Where a segment's bar stands, so that what ran side by side is seen side by side. Idle waiting before the command is taken out of the scale: hours of it would
/// leave no room for the rest, and what was before and after it stands as if they touched. The scale ends where the critical path does: what comes after the interval (draining, say) is told in words.
/// </summary>
public sealed class TimelineScale
{
    private readonly double from;
    private readonly double to;

    private readonly IReadOnlyList<Segment> idle;

    private TimelineScale(double from, double to, IReadOnlyList<Segment> idle) => (this.from, this.to, this.idle) = (from, to, idle);

    public double Seconds => to - from;

    public static TimelineScale Of(IReadOnlyList<Segment> shown)
    {
        IReadOnlyList<Segment> idle = [.. shown.Where(s => s is { Name: "wait", Kind: "idle", Seconds: not null })];
        var (from, to) = (double.PositiveInfinity, double.NegativeInfinity);
        var path = shown.Any(s => s.CriticalPath);
        foreach (var segment in shown)
        {
            if (Fits(segment))
            {
                from = Math.Min(from, At(segment.Start, idle));
                to = Math.Max(to, path && !segment.CriticalPath ? from : At(segment.Start + segment.Seconds!.Value, idle));
            }
        }

        return to > from ? new TimelineScale(from, to, idle) : new TimelineScale(0, 0, idle);
    }

    /// <summary>It began when the interval was over.</summary>
    public bool IsAfter(Segment segment) => Seconds > 0 && At(segment.Start, idle) >= to - 1e-6 && segment.Seconds > 1e-6;

    /// <summary>First cell and number of cells; null for a segment without a place (idle, or without an end).</summary>
    public (int Offset, int Length)? Place(Segment segment, int width)
    {
        if (!Fits(segment) || Seconds <= 0 || IsAfter(segment))
        {
            return null;
        }

        var offset = Math.Clamp((int)((At(segment.Start, idle) - from) / Seconds * width), 0, width - 1);
        var end = (int)Math.Ceiling((Math.Min(to, At(segment.Start + segment.Seconds!.Value, idle)) - from) / Seconds * width - 0.5);
        return (offset, Math.Clamp(end - offset, 1, width - offset));
    }

    public string? Bar(Segment segment, int width, char critical, char aside, char empty) => Place(segment, width) is not var (offset, length)
        ? null
        : new string(empty, offset) + new string(segment.CriticalPath ? critical : aside, length) + new string(empty, width - offset - length);

    /// <summary>Segments without children, by their start.</summary>
    public static IReadOnlyList<Segment> Leaves(TransactionDocument document)
    {
        var parents = document.Segments.Select(s => s.Parent).ToHashSet();
        return [.. document.Segments.Where(s => !parents.Contains(s.Id)).OrderBy(s => s.Start).ThenBy(s => s.Id)];
    }

    /// <summary>A moment, with the idle time that came after it taken out: what is later stays where it is.</summary>
    private static double At(double time, IReadOnlyList<Segment> idle) => time + idle.Sum(i => Math.Clamp(i.Start + i.Seconds!.Value - time, 0, i.Seconds.Value));

    private static bool Fits(Segment segment) => segment is { Seconds: not null } and not { Name: "wait", Kind: "idle" };
}
