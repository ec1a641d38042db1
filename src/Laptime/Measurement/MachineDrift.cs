using System.Globalization;

namespace Laptime.Measurement;

/// <summary>How one kind of fixed work changed.</summary>
/// <param name="Kind">cpu, spawn or disk.</param>
/// <param name="When">between (from A's recording to B's), during-a or during-b (from the first half of that recording to its second half).</param>
/// <param name="Ratio">Median time after through median time before: above 1, the machine became slower.</param>
/// <param name="Low">Lower end of the ratio's interval (see <see cref="MachineDrift"/>).</param>
/// <param name="High">Upper end.</param>
public sealed record DriftOfKind(string Kind, string When, double Ratio, double Low, double High, bool Moved);

/// <summary>Whether the machine was the same for two recordings.</summary>
/// <param name="Moved">At least one kind moved: differences between the recordings may be the machine's.</param>
/// <param name="Known">False: too few samples (or different work) to say anything; then <see cref="Moved"/> is false too, and nothing was shown.</param>
/// <param name="Sentence">What a comparison prints.</param>
public sealed record DriftReport(bool Moved, bool Known, IReadOnlyList<DriftOfKind> Kinds, string Sentence);

/// <summary>
/// The rule that says from calibration samples whether the machine moved. Of every kind of work: the ratio of the medians must be more than
/// <see cref="Threshold"/> away from 1, and the intervals of the two medians (order statistics, at least <see cref="Confidence"/> each) must lie apart, which
/// chance alone brings about about once in a hundred times. To be wrongly called moved costs a repetition, to miss a move costs a wrong verdict: therefore one
/// kind, at one of the three times (from A to B, while A, while B was recorded), is enough; all nine together are wrong in less than one case of ten.
/// </summary>
public static class MachineDrift
{
    /// <summary>A change of the median below 5 % is left to the noise.</summary>
    public const double Threshold = 0.05;

    /// <summary>Two intervals of 93 % that do not overlap are a test at about 1 %.</summary>
    public const double Confidence = 0.93;

    /// <summary>Fewer samples on a side say nothing.</summary>
    public const int Least = 5;

    private static readonly (string Name, Func<CalibrationSample, double> Of)[] AllKinds =
        [("cpu", s => s.CpuSeconds), ("spawn", s => s.SpawnSeconds), ("disk", s => s.DiskSeconds)];

    /// <param name="a">Samples of recording A in the order in which they were taken.</param>
    /// <param name="b">The same of B.</param>
    public static DriftReport Judge(IReadOnlyList<CalibrationSample> a, IReadOnlyList<CalibrationSample> b)
    {
        if (a.Count < Least || b.Count < Least || a.Concat(b).Select(s => s.Work).Distinct().Count() > 1)
        {
            return new DriftReport(
                false, false, [],
                a.Count < Least || b.Count < Least
                    ? $"too few calibration samples to say whether the machine moved ({a.Count} and {b.Count}; {Least} are the least)"
                    : "the recordings were calibrated with different work: whether the machine moved cannot be said");
        }

        var kinds = new List<DriftOfKind>();
        foreach (var (name, of) in AllKinds)
        {
            kinds.Add(Compare(name, "between", [.. a.Select(of)], [.. b.Select(of)]));
            foreach (var (when, samples) in new[] { ("during-a", a), ("during-b", b) })
            {
                if (samples.Count >= 2 * Least)
                {
                    var half = samples.Count / 2;
                    kinds.Add(Compare(name, when, [.. samples.Take(half).Select(of)], [.. samples.Skip(samples.Count - half).Select(of)]));
                }
            }
        }

        var moved = kinds.Where(k => k.Moved).ToList();
        return new DriftReport(moved.Count > 0, true, kinds, moved.Count > 0
            ? $"the machine moved: {string.Join("; ", moved.GroupBy(k => k.When).Select(g => $"{string.Join(", ", g.Select(Words))} {Place(g.Key)}"))}; a difference may be the machine's. lap baseline race takes both in turn"
            : $"the machine held still: the fixed work took the same in both recordings ({string.Join(", ", kinds.Where(k => k.When == "between").Select(k => $"{k.Kind} {Percent(k.Ratio)}"))})");
    }

    private static DriftOfKind Compare(string kind, string when, double[] before, double[] after)
    {
        var (medianBefore, lowBefore, highBefore) = MedianInterval(before);
        var (medianAfter, lowAfter, highAfter) = MedianInterval(after);
        var ratio = Ratio(medianAfter, medianBefore);
        return new DriftOfKind(
            kind, when, ratio, Ratio(lowAfter, highBefore), Ratio(highAfter, lowBefore),
            (ratio > 1 + Threshold || ratio < 1 / (1 + Threshold)) && (lowAfter > highBefore || highAfter < lowBefore));
    }

    /// <summary>The median and the narrowest pair of order statistics around it that covers the true one with at least <see cref="Confidence"/>.</summary>
    internal static (double Median, double Low, double High) MedianInterval(double[] values)
    {
        Array.Sort(values);
        var n = values.Length;
        var median = n % 2 == 1 ? values[n / 2] : (values[(n / 2) - 1] + values[n / 2]) / 2;

        // P(the true median lies outside the k-th smallest .. the k-th largest) = 2 P(Binomial(n, 1/2) < k), summed up term by term.
        double term = Math.Pow(0.5, n), tail = 0;
        var outermost = 0;
        for (var k = 0; k < n / 2; k++)
        {
            tail += term;
            if (2 * tail > 1 - Confidence)
            {
                break;
            }

            outermost = k;
            term = term * (n - k) / (k + 1);
        }

        return (median, values[outermost], values[n - 1 - outermost]);
    }

    private static double Ratio(double after, double before) => before > 0 ? after / before : after > 0 ? double.MaxValue : 1;

    private static string Words(DriftOfKind kind) => $"{kind.Kind} work took {Percent(kind.Ratio)}";

    private static string Percent(double ratio) => ((ratio - 1) * 100).ToString("+0;-0;±0", CultureInfo.InvariantCulture) + " %";

    private static string Place(string when) => when switch { "between" => "from A to B", "during-a" => "while A was recorded", _ => "while B was recorded" };
}
