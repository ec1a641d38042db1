using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

/// <summary>Many comparisons of drawn samples.</summary>
internal static class Simulated
{
    private const int Comparisons = 1000;

    /// <summary>Pairs on a machine that becomes slower by half from the first to the last.</summary>
    public static Comparison Paired(Draws draws, string distribution, int n, double effect)
    {
        var (a, b) = (new double[n], new double[n]);
        for (var i = 0; i < n; i++)
        {
            var machine = 1 + (0.5 * i / n);
            (a[i], b[i]) = distribution == "busy"
                ? (machine * Math.Exp(0.2 * draws.Gauss()), machine * effect * Math.Exp(0.2 * draws.Gauss()))
                : (machine * draws.One(distribution), machine * effect * draws.One(distribution));
        }

        return Comparison.Pairs(new(a), new(b));
    }

    public static double Rate(int seed, Func<Draws, Comparison> compare, Func<Comparison, bool> counts)
    {
        var draws = new Draws(seed);
        return Enumerable.Range(0, Comparisons).Count(_ => counts(compare(draws))) / (double)Comparisons;
    }
}
