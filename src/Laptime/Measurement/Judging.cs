namespace Laptime.Measurement;

/// <summary>How strict a verdict is. The defaults are what the documentation states its error rates for.</summary>
public sealed record Judging
{
    public static Judging Standard { get; } = new();

    /// <summary>Highest rate of false alarms: of two recordings of one thing, at most this share is called better or worse. Also for all segments of a comparison together.</summary>
    public double Alpha { get; init; } = 0.05;

    /// <summary>Coverage of the intervals.</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>A change below this share is never called better or worse, however sure it is: nobody feels 1 %, and a machine drifts by more.</summary>
    public double LeastEffect { get; init; } = 0.01;

    /// <summary>Resamples of the bootstrap; an even number.</summary>
    public int Resamples { get; init; } = 2000;
}
