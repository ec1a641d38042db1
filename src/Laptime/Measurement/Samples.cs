using System.Collections;
using MathNet.Numerics.Distributions;

namespace Laptime.Measurement;

/// <summary>Measured durations in seconds, raw and in the order of recording; none is ever dropped.</summary>
public sealed class Samples : IReadOnlyList<double>
{
    private readonly double[] values;
    private readonly double[] sorted;

    /// <exception cref="ArgumentException">A value is negative, infinite or not a number.</exception>
    public Samples(IEnumerable<double> seconds)
    {
        values = [.. seconds];
        if (Array.Exists(values, v => !double.IsFinite(v) || v < 0))
        {
            throw new ArgumentException("a duration is finite and not negative", nameof(seconds));
        }

        sorted = [.. values.Order()];
    }

    public int Count => values.Length;

    public double this[int index] => values[index];

    /// <summary>From the shortest to the longest.</summary>
    public ReadOnlySpan<double> Sorted => sorted;

    /// <summary>Of an even number the mean of the two in the middle; 0 of none.</summary>
    public double Median => Count switch
    {
        0 => 0,
        var n when n % 2 == 1 => sorted[n / 2],
        var n => sorted[(n / 2) - 1] + ((sorted[n / 2] - sorted[(n / 2) - 1]) / 2),
    };

    /// <summary>
    /// The narrowest pair of order statistics that holds the true median with at least this confidence, whatever the distribution. Below 6 values no pair has
    /// 95 %: then it is the shortest and the longest.
    /// </summary>
    public (double Low, double High) MedianInterval(double confidence)
    {
        if (Count == 0)
        {
            return (0, 0);
        }

        // The k-th smallest and the k-th largest miss the median with 2 P(Binomial(n, 1/2) < k).
        var k = 0;
        while (k + 1 < (Count + 1) / 2 && 2 * Binomial.CDF(0.5, Count, k + 1) <= 1 - confidence)
        {
            k++;
        }

        return (sorted[k], sorted[Count - 1 - k]);
    }

    public IEnumerator<double> GetEnumerator() => values.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => values.GetEnumerator();
}
