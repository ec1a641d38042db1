namespace Laptime.Measurement;

/// <summary>What a kind of work took of the critical path before and after: medians in seconds. Not judged; the segments are.</summary>
/// <param name="Kind">install, compile, validate, package, other (build steps without one of these), rollout (from the start of an instance to reflection), wait, or lap (the rest).</param>
/// <param name="ShareA">Of A's median interval, 0 to 1.</param>
public sealed record KindComparison(string Kind, double A, double B, double ShareA, double ShareB)
{
    private static readonly string[] Order = ["install", "compile", "validate", "package", "other", "rollout", "wait", "lap"];

    private static readonly string[] Rollouts = ["rollout", "live", "ready", "smoke", "reflect", "migrate", "reconcile", "bootstrap"];

    /// <summary>Those that took anything in A or in B, in the order in which they come. With what nothing explains counted to lap, each run's kinds add up to its interval.</summary>
    public static IReadOnlyList<KindComparison> Of(Recording a, Recording b)
    {
        var (wholeA, wholeB) = (Median(a, r => r.Interval), Median(b, r => r.Interval));
        return
        [
            .. Order.Select(kind => (Kind: kind, A: Median(a, r => Seconds(r, kind)), B: Median(b, r => Seconds(r, kind)))).Where(k => k.A > 0 || k.B > 0)
                .Select(k => new KindComparison(k.Kind, k.A, k.B, wholeA > 0 ? k.A / wholeA : 0, wholeB > 0 ? k.B / wholeB : 0)),
        ];
    }

    private static double Median(Recording side, Func<MeasuredRun, double> of) => new Samples(side.Runs.Select(of)).Median;

    private static double Seconds(MeasuredRun run, string kind) =>
        run.Segments.Where(s => s.OnPath && KindOf(s) == kind).Sum(s => s.Seconds) + (kind == "lap" ? run.Unattributed : 0);

    private static string KindOf(MeasuredSegment segment)
    {
        if (segment.Name.StartsWith("build/", StringComparison.Ordinal))
        {
            return segment.Kind is "install" or "compile" or "validate" or "package" ? segment.Kind : "other";
        }

        var first = segment.Name.Split('/')[0];
        return Rollouts.Contains(first) ? "rollout" : first == "wait" ? "wait" : "lap";
    }
}
