namespace Laptime.Timing;

/// <summary>A piece of the interval in which nothing on the critical path ran.</summary>
/// <param name="Before">What ended before it; null: it is the interval's beginning.</param>
/// <param name="Next">What began after it; null: it reaches to the interval's end.</param>
public sealed record PathGap(Segment? Before, Segment? Next, double Seconds);
