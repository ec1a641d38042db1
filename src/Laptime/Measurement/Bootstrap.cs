namespace Laptime.Measurement;

/// <summary>
/// The interval of a ratio of medians by resampling (percentile bootstrap). The random numbers are always the same, the order of recording does not matter, and
/// to swap A and B is to turn the interval over: every pair of random numbers is used both ways round.
/// </summary>
internal static class Bootstrap
{
    private const ulong Seed = 0x1A971E5EED;

    /// <summary>Median of B through median of A.</summary>
    public static (double Median, double Low, double High) OfMedians(Samples a, Samples b, Judging judging)
    {
        var ratios = new double[judging.Resamples / 2 * 2];
        var most = Math.Max(a.Count, b.Count);
        var (first, second) = (new uint[most], new uint[most]);
        var counts = new int[most];
        var state = Seed;
        for (var i = 0; i < ratios.Length; i += 2)
        {
            for (var j = 0; j < most; j++)
            {
                var bits = Next(ref state);
                (first[j], second[j]) = ((uint)bits, (uint)(bits >> 32));
            }

            ratios[i] = Ratio(Resample(b.Sorted, second, counts), Resample(a.Sorted, first, counts));
            ratios[i + 1] = Ratio(Resample(b.Sorted, first, counts), Resample(a.Sorted, second, counts));
        }

        var (low, high) = Ends(ratios, judging.Confidence);
        return (Ratio(b.Median, a.Median), low, high);
    }

    /// <summary>The middle of the ratios of pairs; between two middle ones the geometric mean, so that it turns over with its pairs.</summary>
    public static (double Median, double Low, double High) OfPairs(IReadOnlyList<double> pairRatios, Judging judging)
    {
        double[] sorted = [.. pairRatios.Order()];
        var n = sorted.Length;
        var medians = new double[judging.Resamples / 2 * 2];
        var counts = new int[n];
        var state = Seed;
        for (var i = 0; i < medians.Length; i += 2)
        {
            Array.Clear(counts);
            for (var j = 0; j < n; j++)
            {
                counts[At((uint)Next(ref state), n)]++;
            }

            // The same resample from both ends: what it is for the pairs turned over.
            var (low, high) = Middle(sorted, counts);
            medians[i] = Geometric(low, high);
            Array.Reverse(counts);
            (low, high) = Middle(sorted, counts);
            medians[i + 1] = Geometric(low, high);
        }

        var ends = Ends(medians, judging.Confidence);
        return (Geometric(sorted[(n - 1) / 2], sorted[n / 2]), ends.Low, ends.High);
    }

    /// <summary>Nothing through nothing is no change; something through nothing is without bound.</summary>
    public static double Ratio(double b, double a) => a > 0 ? b / a : b > 0 ? double.PositiveInfinity : 1;

    private static double Geometric(double low, double high) =>
        low == high ? low : low <= 0 ? (double.IsPositiveInfinity(high) ? 1 : 0) : Math.Exp((Math.Log(low) + Math.Log(high)) / 2);

    private static double Resample(ReadOnlySpan<double> sorted, uint[] uniform, int[] counts)
    {
        Array.Clear(counts);
        var n = sorted.Length;
        for (var i = 0; i < n; i++)
        {
            counts[At(uniform[i], n)]++;
        }

        var (low, high) = Middle(sorted, counts);
        return low + ((high - low) / 2);
    }

    /// <summary>The two middle values of a resample told as how often each value is in it.</summary>
    private static (double Low, double High) Middle(ReadOnlySpan<double> sorted, int[] counts)
    {
        var n = sorted.Length;
        var (at, passed) = (0, counts[0]);
        while (passed <= (n - 1) / 2)
        {
            passed += counts[++at];
        }

        var low = sorted[at];
        while (passed <= n / 2)
        {
            passed += counts[++at];
        }

        return (low, sorted[at]);
    }

    private static (double Low, double High) Ends(double[] values, double confidence)
    {
        Array.Sort(values);
        var outside = (int)((1 - confidence) / 2 * values.Length);
        return (values[outside], values[^(outside + 1)]);
    }

    /// <summary>One of n places; for the numbers of runs that there are, as good as equally likely.</summary>
    private static int At(uint bits, int n) => (int)(((ulong)bits * (uint)n) >> 32);

    /// <summary>SplitMix64: the framework's own generator may change from one version to the next.</summary>
    private static ulong Next(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
