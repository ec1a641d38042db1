using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace Laptime.Measurement;

/// <summary>
/// The two rank tests, two-sided. Both are exact while the numbers are small: the distribution of the rank sum given the ranks that were seen is counted out,
/// so ties are exact too. Beyond that the normal approximation with the correction for ties and for continuity.
/// </summary>
internal static class RankTests
{
    /// <summary>Above this many values together (or this many pairs) the counting gives way to the normal distribution.</summary>
    private const int MostCounted = 100;

    /// <summary>Probabilities that are equal in truth must not differ in their last bit.</summary>
    private const double Slack = 1 + 1e-9;

    /// <summary>Mann-Whitney (Wilcoxon rank sum) of two independent sets; 1 when one is empty.</summary>
    public static double MannWhitney(Samples a, Samples b)
    {
        if (a.Count == 0 || b.Count == 0)
        {
            return 1;
        }

        var ranks = DoubledRanks([.. a, .. b], out var tied);
        var n = a.Count + b.Count;
        var sum = ranks.Take(a.Count).Sum();
        if (n <= MostCounted)
        {
            return TwoSided(CountChoices(ranks, a.Count), sum);
        }

        var mean = a.Count * (n + 1.0);
        var variance = 4.0 * a.Count * b.Count / 12 * (n + 1 - (tied / ((double)n * (n - 1))));
        return Approximate(sum, mean, variance);
    }

    /// <summary>
    /// Wilcoxon signed-rank of paired differences (or of their logarithms): is the middle 0? Zeros keep their rank and count for neither side (Pratt).
    /// </summary>
    public static double SignedRank(IReadOnlyList<double> differences)
    {
        var ranks = DoubledRanks([.. differences.Select(Math.Abs)], out _);
        var positive = 0;
        var counted = new List<int>();
        for (var i = 0; i < ranks.Length; i++)
        {
            if (differences[i] != 0)
            {
                counted.Add(ranks[i]);
                positive += differences[i] > 0 ? ranks[i] : 0;
            }
        }

        if (counted.Count == 0)
        {
            return 1;
        }

        return counted.Count <= MostCounted
            ? TwoSided(CountCoins([.. counted]), positive)
            : Approximate(positive, counted.Sum(r => (double)r) / 2, counted.Sum(r => (double)r * r) / 4);
    }

    /// <summary>The smallest p that sets of these sizes can ever give.</summary>
    public static double LeastMannWhitney(int a, int b) => a == 0 || b == 0 ? 1 : Math.Min(1, 2 * Math.Exp(-SpecialFunctions.BinomialLn(a + b, a)));

    /// <summary>The smallest p that this many pairs can ever give.</summary>
    public static double LeastSignedRank(int pairs) => Math.Min(1, 2 * Math.Pow(0.5, pairs));

    /// <summary>Twice the mid-ranks, so that they are whole; and the sum of t³ - t over the groups of ties.</summary>
    private static int[] DoubledRanks(double[] values, out double tied)
    {
        var order = new int[values.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort([.. values], order);
        var ranks = new int[values.Length];
        tied = 0;
        for (var first = 0; first < order.Length;)
        {
            var last = first;
            while (last + 1 < order.Length && values[order[last + 1]] == values[order[first]])
            {
                last++;
            }

            for (var i = first; i <= last; i++)
            {
                ranks[order[i]] = first + last + 2;
            }

            double t = last - first + 1;
            tied += (t * t * t) - t;
            first = last + 1;
        }

        return ranks;
    }

    /// <summary>How likely each sum is when each of these ranks is taken or left by a coin.</summary>
    private static double[] CountCoins(int[] ranks)
    {
        Array.Sort(ranks);
        var chance = new double[ranks.Sum() + 1];
        chance[0] = 1;
        var most = 0;
        foreach (var rank in ranks)
        {
            most += rank;
            for (var sum = most; sum >= 0; sum--)
            {
                chance[sum] = 0.5 * (chance[sum] + (sum >= rank ? chance[sum - rank] : 0));
            }
        }

        return chance;
    }

    /// <summary>How likely each sum is when <paramref name="k"/> of these ranks are chosen at random. Probabilities, not numbers of ways: nothing overflows.</summary>
    private static double[] CountChoices(int[] ranks, int k)
    {
        // From the smallest up, so that the sums of j out of the first i lie between those of the first j and of the last j.
        Array.Sort(ranks);
        var upTo = new int[ranks.Length + 1];
        for (var i = 0; i < ranks.Length; i++)
        {
            upTo[i + 1] = upTo[i] + ranks[i];
        }

        var most = upTo[^1] - upTo[ranks.Length - k];
        var chance = new double[k + 1][];
        for (var j = 0; j <= k; j++)
        {
            chance[j] = new double[most + 1];
        }

        chance[0][0] = 1;
        for (var seen = 1; seen <= ranks.Length; seen++)
        {
            var rank = ranks[seen - 1];
            for (var j = Math.Min(seen, k); j >= Math.Max(1, k - (ranks.Length - seen)); j--)
            {
                // Given that j of the first ones seen are chosen, this one is with j / seen.
                var taken = (double)j / seen;
                var (row, less) = (chance[j], chance[j - 1]);
                var (low, high) = (upTo[j], upTo[seen] - upTo[seen - j]);
                for (var sum = high; sum >= low; sum--)
                {
                    row[sum] = ((1 - taken) * row[sum]) + (sum >= rank ? taken * less[sum - rank] : 0);
                }
            }
        }

        return chance[k];
    }

    private static double TwoSided(double[] probability, int seen)
    {
        double below = 0, above = 0;
        for (var sum = 0; sum < probability.Length; sum++)
        {
            below += sum <= seen ? probability[sum] : 0;
            above += sum >= seen ? probability[sum] : 0;
        }

        return Math.Min(1, 2 * Math.Min(below, above));
    }

    private static double Approximate(double sum, double mean, double variance)
    {
        if (variance <= 0)
        {
            return 1;
        }

        // Doubled ranks: one half of a rank is 1.
        var distance = Math.Max(0, Math.Abs(sum - mean) - 1);
        return Math.Min(1, 2 * Normal.CDF(0, 1, -distance / Math.Sqrt(variance)) * Slack);
    }
}
