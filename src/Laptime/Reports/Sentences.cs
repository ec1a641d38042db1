using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Reports;

/// <summary>The verdicts of a transaction in one line each: the terminal, the Markdown report and the page say the same.</summary>
public static class Sentences
{
    /// <summary>What, how long, and what took the most: the whole report in one sentence.</summary>
    public static string Headline(TransactionDocument document)
    {
        if (document.Failure is { } failure)
        {
            var still = document.Components.Where(c => c.StillServing is not null).Select(c => c.StillServing!).ToList();
            return $"{failure.Kind}: {failure.Message}" + (still.Count == 0 ? "" : $"; {List(still, "revisions")} still {(still.Count == 1 ? "serves" : "serve")}");
        }

        return document.Outcome switch
        {
            null => "not ended: it is still running, or it was killed",
            "unchanged" when Acted(document) is { Count: > 0 } built =>
                $"{List(built, "components")} built, with the digest that runs already: nothing was rolled out{Reading(document)}",
            "unchanged" when document.Verb == "publish" => $"unchanged: {Count(document.Components.Count, "component")} published before",
            "unchanged" => $"unchanged: {Count(document.Components.Count, "component")}{Reading(document)}",
            "planned" => Planned(document),
            "interrupted" => "interrupted" + Running(document),
            "stopped" => $"stopped: {List(Acted(document), "components")}",
            "built" => $"{List(Acted(document), "components")} built{After(document)}{Most(document)}",
            "published" => $"{List(Acted(document), "components")} published{After(document)}{Most(document)}",
            "bootstrapped" => $"{document.Environment} bootstrapped, and what runs in it stood{After(document)}{Most(document)}",
            "rolled-back" => $"{WithRestarts(document, "rolled back")}{After(document)}{Most(document)}",
            "reflected" => $"{WithRestarts(document, "reflected")}{After(document)}{Most(document)}",
            var other => other + After(document) + Most(document),
        };
    }

    /// <summary>"1.84 s from save to reflected", with the idle part apart; null when nothing was measured.</summary>
    public static string? Interval(TransactionDocument document)
    {
        if (document.Interval is not { } interval)
        {
            return null;
        }

        if (interval.Seconds is not { } seconds)
        {
            return $"from {interval.From}, no end recorded";
        }

        return $"{Duration.Text(seconds)} from {interval.From} to {interval.To}{Asked(document, seconds)}";
    }

    /// <summary>"the new revision first answered 1.10 s after save"; null where it was not asked.</summary>
    public static string? FirstAnswer(TransactionDocument document) => document.Interval is { FirstAnswerSeconds: { } seconds } interval ? $"{Duration.Text(seconds)} after {interval.From}" : null;

    /// <summary>Time that was the target's own, the longest first: "web: 2.01 s from taking the old task out of its networks to its SIGTERM: …".</summary>
    public static IReadOnlyList<string> EngineDelays(TransactionDocument document) =>
    [
        .. from component in document.Components
           from delay in component.EngineDelays ?? []
           orderby delay.Waited descending, delay.Seconds descending
           select $"{component.Name}: {Duration.Text(delay.Seconds)} {(delay.Waited ? "" : "more, ")}{delay.What}; {delay.Mend}",
    ];

    /// <summary>Whose time that was: "Docker Swarm"; null where nothing was.</summary>
    public static string? DelayOwner(TransactionDocument document) => document.Components.SelectMany(c => c.EngineDelays ?? []).Select(d => d.Owner).FirstOrDefault();

    /// <summary>"build/compile of gateway: 1.20 s, 65 %; without it 640 ms in all"; null when nothing was measured.</summary>
    public static string? Dominant(TransactionDocument document) => document.Dominant is not { } d
        ? null
        : $"{Segment(d)}: {Duration.Text(d.Seconds)}, {Percent(d.Share)}; without it {Duration.Text(d.IntervalWithout)} in all";

    public static string Segment(DominantReport dominant) => SegmentName.Of(dominant.Segment, dominant.Kind, dominant.Component);

    /// <summary>
    /// The critical path as a chain, in the order of time: "wait (queue) 310 ms", "build/compile of gateway 1.20 s", … What takes less than a fiftieth of it is
    /// only hinted at ("…"), the table of segments has it; components are named where there are several. Empty when nothing was measured.
    /// </summary>
    public static IReadOnlyList<string> Path(TransactionDocument document)
    {
        var path = OnPath(document);
        var least = path.Where(s => !IsIdle(s)).Sum(s => s.Seconds!.Value) / 50;
        var (links, named) = (new List<string>(), NamesComponents(path));
        foreach (var segment in path)
        {
            if (segment.Seconds >= least || IsIdle(segment))
            {
                links.Add($"{Name(segment, named)} {Duration.Text(segment.Seconds!.Value)}");
            }
            else if (links.Count == 0 || links[^1] != "…")
            {
                links.Add("…");
            }
        }

        return links;
    }

    /// <summary>What ran beside the path and decided nothing, the longest first: "build/lint 800 ms beside build/compile".</summary>
    public static IReadOnlyList<string> Beside(TransactionDocument document)
    {
        var path = OnPath(document);
        if (path.Count == 0)
        {
            return [];
        }

        var least = path.Where(s => !IsIdle(s)).Sum(s => s.Seconds!.Value) / 50;
        var named = NamesComponents(document.Segments);
        return
        [
            .. from segment in TimelineScale.Leaves(document)
               where !segment.CriticalPath && segment.Seconds >= least
               let beside = path.MaxBy(p => Overlap(p, segment))
               where Overlap(beside, segment) > 0
               orderby segment.Seconds descending
               select $"{Name(segment, named)} {Duration.Text(segment.Seconds!.Value)} beside {Name(beside, named)}",
        ];

        static double Overlap(Segment a, Segment b) => Math.Min(a.Start + a.Seconds!.Value, b.Start + b.Seconds!.Value) - Math.Max(a.Start, b.Start);
    }

    /// <summary>"The cache is not the bottleneck: …", where the figures of this transaction say so; null otherwise.</summary>
    public static string? Cache(TransactionDocument document) =>
        document.Segments.Any(s => s is { CriticalPath: true, Kind: "validate" or "package" }) && MeasuredRun.Of(document) is { } run ? CacheFinding.Of(new Recording(document.Id, document.Id, [run])) : null;

    private static List<Segment> OnPath(TransactionDocument document) =>
        [.. document.Segments.Where(s => s is { CriticalPath: true, Seconds: not null }).OrderBy(s => s.Start).ThenBy(s => s.Start + s.Seconds).ThenBy(s => s.Id)];

    private static bool NamesComponents(IEnumerable<Segment> segments) => segments.Select(s => s.Component).OfType<string>().Distinct().Skip(1).Any();

    private static string Name(Segment segment, bool withComponent) => SegmentName.Of(segment.Name, segment.Kind, withComponent ? segment.Component : null);

    private static bool IsIdle(Segment segment) => segment is { Name: "wait", Kind: "idle" };

    /// <summary>"inputs-changed: src/gateway/Cart.cs (+2)".</summary>
    public static string Why(ComponentReport component) => component.Detail.Count switch
    {
        0 => component.Cause,
        1 => $"{component.Cause}: {component.Detail[0]}",
        var n => $"{component.Cause}: {component.Detail[0]} (+{n - 1})",
    };

    /// <summary>The signal that says where a component stands: the first that did not pass, or what was reflected.</summary>
    public static string State(ComponentReport component)
    {
        var signals = component.Signals;
        foreach (var (name, signal) in Each(signals))
        {
            if (signal.Status is "fail" or "timeout" or "unknown")
            {
                return $"{name} {signal.Status}";
            }
        }

        return signals.Reflected switch
        {
            { Status: "pass", Instances: { } n, Of: { } of } => $"reflected {n}/{of}",
            { Status: "pass" } => "reflected",
            { Status: "not-defined" } => signals.Ready.Status == "pass" ? "ready, reflection not defined" : "reflection not defined",
            _ => component switch
            {
                { Action: "build", Provenance: not null } => "published",
                { Action: "build", Artifact: null } => "not built",
                { Action: "build" } or { Action: "skip", DeploymentKey: null, ArtifactSource: not "prebuilt" } => "built, does not run",
                { Action: "skip", ArtifactSource: "prebuilt" } => "prebuilt",
                { Action: "skip" } => "not read",
                { Action: "stop" } => "stopped",
                _ => "not rolled out",
            },
        };
    }

    /// <summary>
    /// Where artifacts came from that were not built here, and why those were built here that could have been found: "web prebuilt at merge-to-main 1a2b3c4 by …".
    /// What is everyday (nothing published, not committed) is told apart from what somebody should look into.
    /// </summary>
    public static IEnumerable<(string Text, bool Alarming)> Sources(TransactionDocument document)
    {
        var published = document.Verb == "publish";
        foreach (var from in document.Components.Where(c => c.Provenance is not null && c.Action != "skip").GroupBy(c => c.Provenance! with { Finished = default }))
        {
            var names = List([.. from.Select(c => c.Name)], "components");
            var what = $"{from.Key.Source}{(from.Key.Revision is { Length: >= 12 } commit ? " " + commit[..12] : "")} by {from.Key.Builder}, signed by {from.Key.Key}";
            yield return published ? ($"{names} published: {what}", false)
                : ($"{names} prebuilt: {what}{(document.Interval?.End is { } end ? $", {Duration.Text(Math.Max(0, (end - from.Max(c => c.Provenance!.Finished)).TotalSeconds))} ago" : "")}", false);
        }

        foreach (var built in document.Components.Where(c => !published && c is { Fallback: not null, FallbackDetail: not null }))
        {
            yield return ($"{built.Name} not prebuilt: {built.Fallback}: {built.FallbackDetail}", built.Fallback is not ("missing" or "dirty-tree"));
        }
    }

    public static IEnumerable<(string Name, SignalReport Signal)> Each(SignalsReport signals) =>
        [("live", signals.Live), ("ready", signals.Ready), ("smoke", signals.Smoke), ("reflected", signals.Reflected)];

    /// <summary>Seconds of the interval before anybody asked for anything; null when there were none.</summary>
    public static double? Idle(TransactionDocument document)
    {
        var idle = document.Segments.Where(s => s is { Name: "wait", Kind: "idle", Seconds: not null }).Sum(s => s.Seconds!.Value);
        return idle > 0 ? idle : null;
    }

    public static string Percent(double share) => $"{Math.Round(share * 100, MidpointRounding.AwayFromZero):0} %";

    public static string Count(int n, string thing) => n == 1 ? $"1 {thing}" : $"{n} {thing}s";

    /// <summary>The names of the components that something was done to.</summary>
    public static IReadOnlyList<string> Acted(TransactionDocument document) => [.. document.Components.Where(c => c.Action != "skip").Select(c => c.Name)];

    private static string List(IReadOnlyList<string> names, string things) => names.Count switch
    {
        0 => "nothing",
        1 => names[0],
        2 => $"{names[0]} and {names[1]}",
        3 => $"{names[0]}, {names[1]} and {names[2]}",
        var n => $"{n} {things}",
    };

    /// <summary>"catalog reflected, gateway restarted": what was only restarted is no change that is reflected.</summary>
    private static string WithRestarts(TransactionDocument document, string done)
    {
        var restarted = document.Components.Where(c => c.Action == "reconcile").Select(c => c.Name).ToList();
        var others = Acted(document).Except(restarted, StringComparer.Ordinal).ToList();
        return restarted.Count == 0 || others.Count > 0
            ? $"{List(others, "components")} {done}{(restarted.Count == 0 ? "" : $", {List(restarted, "components")} restarted")}"
            : $"{List(restarted, "components")} restarted";
    }

    private static string After(TransactionDocument document)
    {
        if (document.Interval is not { Seconds: { } seconds } interval)
        {
            return "";
        }

        return $" {Duration.Text(seconds)} after {interval.From}{Asked(document, seconds)}";
    }

    /// <summary>What is left of hours when nobody was waiting.</summary>
    private static string Asked(TransactionDocument document, double seconds) =>
        Idle(document) is { } idle ? $", {Duration.Text(Math.Max(0, seconds - idle))} of it not idle" : "";

    private static string Most(TransactionDocument document)
    {
        if (document.Dominant is not { } d)
        {
            return "";
        }

        var name = Acted(document).Count > 1 ? Segment(d) : SegmentName.Bare(d.Segment, d.Kind);
        return $"; {name} took the most{(Idle(document) is null ? "" : " of that")}: {Duration.Text(d.Seconds)} ({Percent(d.Share)})";
    }

    private static string Reading(TransactionDocument document)
    {
        var readings = document.Components.Select(c => c.Reading).OfType<ReadingReport>().ToList();
        if (readings.Count < document.Components.Count || readings.Count == 0 || document.Interval?.End is not { } end)
        {
            return "";
        }

        return $", read from the target {Duration.Text(Math.Max(0, (end - readings.Min(r => r.At)).TotalSeconds))} ago";
    }

    private static string Planned(TransactionDocument document)
    {
        var builds = document.Components.Count(c => c.Action is "build" or "build+rollout");
        var rollouts = document.Components.Count(c => c.Action.EndsWith("rollout", StringComparison.Ordinal));
        var others = document.Components.Where(c => c.Action is "reconcile" or "bootstrap").Select(c => $"{c.Action} {c.Name}").ToList();
        return builds + rollouts + others.Count == 0
            ? $"nothing to do: {Count(document.Components.Count, "component")}"
            : $"would build {builds} and roll out {rollouts} of {Count(document.Components.Count, "component")}" + (others.Count == 0 ? "" : ", " + string.Join(", ", others));
    }

    private static string Running(TransactionDocument document)
    {
        var open = document.Segments.Where(s => s.Seconds is null).ToList();
        var leaves = open.Where(s => !open.Exists(o => o.Parent == s.Id)).Select(s => s.Component is null ? s.Name : $"{s.Name} of {s.Component}").ToList();
        return (leaves.Count == 0 ? "" : " during " + List(leaves, "segments")) + (document.Interval?.Seconds is null ? "; no end recorded" : "");
    }
}
