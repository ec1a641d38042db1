using System.Globalization;
using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>
/// Says it aloud when too much of an interval belongs to no segment: a report that cannot say where the time went is not to be trusted. Idle waiting is left
/// out of the interval here, or a night of it would hide everything.
/// </summary>
public static class Unattributed
{
    /// <summary>Of the interval without idle waiting.</summary>
    public const double LargestShare = 0.05;

    /// <summary>Below this it is the machine's own noise (a thread that was not scheduled, a file system that paused), and no finding.</summary>
    public const double NoiseSeconds = 0.05;

    /// <summary>The warning; null when nothing is amiss, or when a segment has no end, for then the gap is where that one ran.</summary>
    /// <param name="seconds">The whole interval.</param>
    public static string? Warning(CriticalPath path, double seconds)
    {
        var asked = seconds - path.IdleSeconds;
        if (path.UnattributedSeconds <= NoiseSeconds || asked <= 0 || path.UnattributedSeconds <= LargestShare * asked || path.Segments.Any(s => s.Seconds is null))
        {
            return null;
        }

        var share = Math.Round(path.UnattributedSeconds / asked * 100, MidpointRounding.AwayFromZero).ToString(CultureInfo.InvariantCulture);
        return $"{Duration.Text(path.UnattributedSeconds)} of the interval ({share} %) belong to no segment"
            + (path.Gaps.MaxBy(g => g.Seconds) is { } gap ? $"; the largest gap is {Duration.Text(gap.Seconds)} {Place(gap)}" : "");
    }

    private static string Place(PathGap gap) => (gap.Before, gap.Next) switch
    {
        ({ } before, { } next) => $"between {SegmentName.Of(before)} and {SegmentName.Of(next)}",
        ({ } before, null) => $"after {SegmentName.Of(before)}",
        (null, { } next) => $"before {SegmentName.Of(next)}",
        _ => "from end to end",
    };
}
