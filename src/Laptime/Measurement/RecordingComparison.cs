using Laptime.Foundations;

namespace Laptime.Measurement;

/// <summary>
/// Compares two recordings: the interval, what it is made of, and the two times of a release. The interval is the question that was asked and is judged by
/// itself; the segments are many looks at the same runs, so their p values are corrected for each other (Holm): of two recordings of one thing, the share in which
/// any segment at all is called better or worse stays below the stated one.
/// </summary>
public static class RecordingComparison
{
    /// <summary>A segment below this share of the interval, on both sides, is shown and not judged: it would only make the others harder to judge.</summary>
    public const double Negligible = 0.01;

    /// <param name="a">Before.</param>
    /// <param name="b">After.</param>
    /// <param name="machine">What calibration says about the time between them; null where none was taken.</param>
    /// <param name="judging">Null: the standard one.</param>
    public static ComparisonDocument Apart(Recording a, Recording b, MachineMove? machine = null, Judging? judging = null) => Compare(a, b, false, machine, judging ?? Judging.Standard);

    /// <summary>Runs taken in turn: run i of A and run i of B are a pair. What the machine did, it did to both.</summary>
    /// <exception cref="ArgumentException">Not as many runs in A as in B.</exception>
    public static ComparisonDocument Pairs(Recording a, Recording b, Judging? judging = null) => Compare(a, b, true, null, judging ?? Judging.Standard);

    /// <summary>Two baselines, with what their calibration says about the machine.</summary>
    /// <exception cref="LapException">They are of different keys (what differs is told), or one has no runs at all: then there is no figure to show.</exception>
    public static ComparisonDocument Apart(Baseline a, Baseline b, Judging? judging = null)
    {
        if (a.Key.DifferencesFrom(b.Key) is { Count: > 0 } differences)
        {
            throw new LapException(
                $"{a.Name} and {b.Name} are of different things: {string.Join("; ", differences)}", null,
                "compare what was recorded with the same scenario, profile and environment on the same machine");
        }

        if (new[] { a, b }.FirstOrDefault(n => n.Samples.Count == 0) is { } empty)
        {
            throw new LapException($"{empty.Name} has no runs: its recording ended before the first", null, $"lap baseline rm {empty.Name}, then record it again");
        }

        return Apart(Recording.Of(a), Recording.Of(b), MachineMove.Of(MachineDrift.Judge(Calibrations(a), Calibrations(b))), judging);
    }

    private static IReadOnlyList<CalibrationSample> Calibrations(Baseline baseline) =>
        [.. baseline.Samples.SelectMany(s => new[] { s.CalibrationBefore, s.CalibrationAfter }).OfType<CalibrationSample>()];

    private static ComparisonDocument Compare(Recording a, Recording b, bool paired, MachineMove? machine, Judging judging)
    {
        var interval = Of(r => r.Interval).Judge(1, null, machine);
        var document = new ComparisonDocument
        {
            A = new SideName(a.Id, a.Label), B = new SideName(b.Id, b.Label), Design = paired ? "pairs" : "apart", Interval = interval,
            ArtifactPublish = Optional(r => r.ArtifactPublish), Rollout = Optional(r => r.Rollout), Segments = Segments(a, b, paired, machine, judging, interval),
            Dominant = DominantOf(b), DominantBefore = DominantOf(a), Calibration = machine, Sentence = "",
            Warnings = machine is { Moved: true } && interval.Why != machine.Sentence ? [machine.Sentence] : [],
        };
        document = document with { Findings = CacheFinding.Of(b) is { } finding ? [finding] : [] };
        return document with { Sentence = ComparisonSentence.Of(document) };

        Figures Of(Func<MeasuredRun, double> value) => FiguresOf(a, b, paired, judging, value);

        // Only when all runs have it: a run that published nothing says nothing about publishing.
        Comparison? Optional(Func<MeasuredRun, double?> value) =>
            a.Runs.Concat(b.Runs).All(r => value(r) is not null) && a.Runs.Count + b.Runs.Count > 0 ? Of(r => value(r)!.Value).Judge(1, null, machine) : null;
    }

    private static Figures FiguresOf(Recording a, Recording b, bool paired, Judging judging, Func<MeasuredRun, double> value)
    {
        var (before, after) = (new Samples(a.Runs.Select(value)), new Samples(b.Runs.Select(value)));
        return paired ? Figures.Pairs(before, after, judging) : Figures.Apart(before, after, judging);
    }

    private static IReadOnlyList<SegmentComparison> Segments(Recording a, Recording b, bool paired, MachineMove? machine, Judging judging, Comparison interval)
    {
        var all = new List<(string Name, string? Component, string? Kind, bool OnPath, Figures Figures, bool Judged)>();
        foreach (var group in a.Runs.Concat(b.Runs).SelectMany(r => r.Segments).GroupBy(s => (s.Name, s.Component)))
        {
            bool Is(MeasuredSegment s) => s.Name == group.Key.Name && s.Component == group.Key.Component;
            bool OnPath(Recording side) => side.Runs.Count > 0 && 2 * side.Runs.Count(r => r.Segments.Any(s => Is(s) && s.OnPath)) >= side.Runs.Count;
            Add(group.Key.Name, group.Key.Component, group.Last().Kind, OnPath(a) || OnPath(b), r => r.Segments.Where(Is).Sum(s => s.Seconds));
        }

        Add("unattributed", null, null, true, r => r.Unattributed);
        var adjusted = Holm([.. all.Where(s => s.Judged).Select(s => s.Figures.P)]);
        var next = 0;
        var family = Math.Max(1, adjusted.Length);
        return
        [
            .. all.Select(s => new SegmentComparison(s.Name, s.Component, s.Judged ? s.Figures.Judge(family, adjusted[next++], machine) : Unjudged(s.Figures))
                { Kind = s.Kind, OnPath = s.OnPath, Negligible = !s.Judged })
                .OrderByDescending(s => Math.Max(s.A.Median, s.B.Median)).ThenBy(s => s.Segment, StringComparer.Ordinal).ThenBy(s => s.Component, StringComparer.Ordinal),
        ];

        void Add(string name, string? component, string? kind, bool onPath, Func<MeasuredRun, double> value)
        {
            var figures = FiguresOf(a, b, paired, judging, value);
            var judged = figures.A.Median > Negligible * interval.A.Median || figures.B.Median > Negligible * interval.B.Median;
            if (judged || name != "unattributed")
            {
                all.Add((name, component, kind, onPath, figures, judged));
            }
        }
    }

    private static Comparison Unjudged(Figures figures) =>
        figures.Judge() with { Verdict = Verdict.NoEvidence, Why = "below 1 % of the interval: not judged", Needed = null };

    /// <summary>Holm's step-down correction, in the order given.</summary>
    internal static double[] Holm(double[] p)
    {
        var order = Enumerable.Range(0, p.Length).OrderBy(i => p[i]).ToArray();
        var adjusted = new double[p.Length];
        var most = 0.0;
        for (var rank = 0; rank < order.Length; rank++)
        {
            most = Math.Max(most, Math.Min(1, p[order[rank]] * (p.Length - rank)));
            adjusted[order[rank]] = most;
        }

        return adjusted;
    }

    /// <summary>By the median of what each took on the path; null when nothing was measured.</summary>
    public static DominantShare? DominantOf(Recording side)
    {
        if (side.Runs.Count == 0 || new Samples(side.Runs.Select(r => r.Interval)).Median is not (> 0 and var interval))
        {
            return null;
        }

        return side.Runs.SelectMany(r => r.Segments).Where(s => s.OnPath).GroupBy(s => (s.Name, s.Component))
            .Select(g => new DominantShare(
                g.Key.Name, g.Key.Component, g.Last().Kind,
                new Samples(side.Runs.Select(r => r.Segments.Where(s => s.OnPath && s.Name == g.Key.Name && s.Component == g.Key.Component).Sum(s => s.Seconds))).Median, 0))
            .Select(d => d with { Share = Math.Min(1, d.Seconds / interval) })
            .OrderByDescending(d => d.Seconds).ThenBy(d => d.Segment, StringComparer.Ordinal).ThenBy(d => d.Component, StringComparer.Ordinal).FirstOrDefault();
    }
}
