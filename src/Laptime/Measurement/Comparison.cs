using System.Globalization;

namespace Laptime.Measurement;

/// <summary>One side of a comparison, in seconds.</summary>
/// <param name="Low">Lower end of the interval of the median (shortest run when there are too few for one).</param>
public sealed record SideReport(int N, double Median, double Low, double High)
{
    public static SideReport Of(Samples samples, Judging judging)
    {
        var (low, high) = samples.MedianInterval(judging.Confidence);
        return new SideReport(samples.Count, samples.Median, low, high);
    }
}

/// <summary>B through A: 0.5 is half the time. Null stands for a bound that is none: A took no time at all, or there are too few runs for an interval.</summary>
public sealed record RatioReport(double? Median, double? Low, double? High);

/// <summary>
/// Two sets of measurements of one thing, and the verdict on them. Better or worse needs all of: a p value at or below the stated rate of false alarms, an
/// interval of the ratio that leaves 1 out, on the same side, and a change of at least <see cref="Judging.LeastEffect"/>. With A and B swapped the verdict is
/// turned over.
/// </summary>
public record Comparison
{
    public required SideReport A { get; init; }

    public required SideReport B { get; init; }

    public required RatioReport Ratio { get; init; }

    public required Verdict Verdict { get; init; }

    /// <summary>Two-sided; as it was, and as it is judged (<see cref="AdjustedP"/>, when several things were compared).</summary>
    public required double P { get; init; }

    public double? AdjustedP { get; init; }

    /// <summary>
    /// How far the sets lie apart: from -1 (every run of B took less) over 0 to 1 (every run of B took more). Cliff's delta; of pairs the matched-pairs
    /// rank-biserial correlation.
    /// </summary>
    public required double Effect { get; init; }

    /// <summary>mann-whitney or wilcoxon-signed-rank.</summary>
    public required string Test { get; init; }

    /// <summary>In words, when the verdict is neither better nor worse.</summary>
    public string? Why { get; init; }

    /// <summary>How many runs on each side (or pairs) a verdict needs at the least; only when there were too few.</summary>
    public int? Needed { get; init; }

    /// <summary>Of two sets recorded independently.</summary>
    public static Comparison Apart(Samples a, Samples b, Judging? judging = null) => Figures.Apart(a, b, judging ?? Judging.Standard).Judge();

    /// <summary>Of runs taken in turn: the first of A belongs to the first of B. The ratio is the middle of the ratios of the pairs.</summary>
    /// <exception cref="ArgumentException">Not as many in A as in B.</exception>
    public static Comparison Pairs(Samples a, Samples b, Judging? judging = null) => Figures.Pairs(a, b, judging ?? Judging.Standard).Judge();
}

/// <summary>What was computed from two sets, before anything is called better or worse.</summary>
internal sealed record Figures(Samples A, Samples B, (double Median, double Low, double High) Ratio, double P, double Effect, bool Paired, Judging Judging)
{
    private const double Rounding = 1e-9;

    public static Figures Apart(Samples a, Samples b, Judging judging) => new(
        a, b, a.Count == 0 || b.Count == 0 ? (1, 0, double.PositiveInfinity) : Bootstrap.OfMedians(a, b, judging), RankTests.MannWhitney(a, b), Delta(a, b), false, judging);

    public static Figures Pairs(Samples a, Samples b, Judging judging)
    {
        if (a.Count != b.Count)
        {
            throw new ArgumentException($"{a.Count} and {b.Count} runs are no pairs", nameof(b));
        }

        double[] ratios = [.. a.Zip(b, (before, after) => Bootstrap.Ratio(after, before))];
        // Logarithms: half is as far from 1 as double. Subtracted, so that a pair turned over is exactly as far on the other side.
        double[] logs = [.. a.Zip(b, LogRatio)];
        return new Figures(
            a, b, ratios.Length == 0 ? (1, 0, double.PositiveInfinity) : Bootstrap.OfPairs(ratios, judging), RankTests.SignedRank(logs), RankBiserial(logs), true, judging);
    }

    /// <summary>What took no time on one side only is further away than any number.</summary>
    private static double LogRatio(double a, double b) => (a, b) switch { (0, 0) => 0, (0, _) => 1e9, (_, 0) => -1e9, _ => Math.Log(b) - Math.Log(a) };

    /// <summary>The smallest p that so many runs can give.</summary>
    public double LeastP => Paired ? RankTests.LeastSignedRank(A.Count) : RankTests.LeastMannWhitney(A.Count, B.Count);

    /// <param name="family">Among how many comparisons this is one; its p must be able to stand the strictest of them.</param>
    /// <param name="adjusted">The p value after the correction for that; null: as it is.</param>
    /// <param name="machine">Whether the machine moved from A to B; null: it is not known, or it cannot matter (pairs).</param>
    public Comparison Judge(int family = 1, double? adjusted = null, MachineMove? machine = null)
    {
        var few = LeastP > Judging.Alpha / family;
        var (verdict, why) = few ? (Verdict.Inconclusive, TooFew(family)) : Decide(adjusted ?? P);
        if (!few && machine is { Moved: true } && machine.CouldExplain(Ratio.Median, Judging.LeastEffect))
        {
            (verdict, why) = (Verdict.Inconclusive, machine.Sentence);
        }

        // So few runs have no interval: resampling one run gives that run again, which would look like certainty.
        var none = LeastP > Judging.Alpha;
        return new Comparison
        {
            A = SideReport.Of(A, Judging), B = SideReport.Of(B, Judging),
            Ratio = new RatioReport(Bounded(Ratio.Median), none ? null : Bounded(Ratio.Low), none ? null : Bounded(Ratio.High)),
            Verdict = verdict, P = P, AdjustedP = adjusted, Effect = Effect, Test = Paired ? "wilcoxon-signed-rank" : "mann-whitney", Why = why,
            Needed = few ? Needed(family) : null,
        };
    }

    private (Verdict Verdict, string? Why) Decide(double p)
    {
        // What lies on a bound lies on it from both sides, however it was rounded: turned over, the same samples must say the same.
        var side = Ratio.Low > 1 + Rounding ? 1 : Ratio.High < 1 - Rounding ? -1 : 0;
        var least = 1 + Judging.LeastEffect - Rounding;
        return (p <= Judging.Alpha + Rounding, side) switch
        {
            (false, 0) => (Verdict.NoEvidence, null),
            (false, _) => (Verdict.NoEvidence, Number($"the interval of the ratio leaves 1 out, but p is {p:0.###}")),
            (true, 0) => (Verdict.NoEvidence, Number($"p is {p:0.####}, but the interval of the ratio has 1 in it")),
            (true, 1) when Effect > 0 && Ratio.Median >= least => (Verdict.Worse, null),
            (true, -1) when Effect < 0 && Ratio.Median <= 1 / least => (Verdict.Better, null),
            _ => (Verdict.NoEvidence, Number($"the change is smaller than {Judging.LeastEffect * 100:0.##} %")),
        };
    }

    private string TooFew(int family)
    {
        var needed = Needed(family);
        return Paired
            ? $"{Count(A.Count, "pair")}; at least {needed} are needed"
            : $"{(A.Count == B.Count ? $"{Count(A.Count, "run")} each" : $"{Count(A.Count, "run")} and {B.Count}")}; at least {needed} each are needed";
    }

    private int Needed(int family)
    {
        var n = 1;
        while ((Paired ? RankTests.LeastSignedRank(n) : RankTests.LeastMannWhitney(n, n)) > Judging.Alpha / family)
        {
            n++;
        }

        return n;
    }

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Count(int n, string thing) => n == 1 ? $"1 {thing}" : $"{n} {thing}s";

    private static double? Bounded(double ratio) => double.IsFinite(ratio) ? ratio : null;

    private static double Delta(Samples a, Samples b)
    {
        var sum = 0L;
        foreach (var before in a)
        {
            foreach (var after in b)
            {
                sum += after.CompareTo(before);
            }
        }

        return sum == 0 ? 0 : (double)sum / ((long)a.Count * b.Count);
    }

    private static double RankBiserial(double[] logs)
    {
        double up = 0, down = 0;
        var sizes = logs.Where(l => l != 0).Select(Math.Abs).Order().ToArray();
        foreach (var log in logs.Where(l => l != 0))
        {
            var (first, last) = (Array.FindIndex(sizes, s => s == Math.Abs(log)), Array.FindLastIndex(sizes, s => s == Math.Abs(log)));
            var rank = (first + last + 2) / 2.0;
            _ = log > 0 ? up += rank : down += rank;
        }

        return up + down == 0 ? 0 : (up - down) / (up + down);
    }
}
