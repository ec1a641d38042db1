using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>Closes a transaction's document: its interval, what was on the critical path, what took the most, and what cannot be accounted for.</summary>
public static class Ending
{
    /// <param name="waits">What was waited for before the command; null: nothing is known.</param>
    /// <param name="earlier">What earlier runs built for this change; null: nothing.</param>
    public static TransactionDocument Close(
        TransactionDocument document, Outcome outcome, FailureReport? failure, Timeline timeline, Waits? waits = null, IReadOnlyList<EarlierWork>? earlier = null)
    {
        var trigger = document.Trigger ?? new TriggerReport("start", timeline.Started, null, false);
        var waited = Math.Max(0, (timeline.Started - trigger.At).TotalSeconds);
        var segments = document.Segments;
        if (waited > 0)
        {
            var free = segments.Select(s => s.Id).DefaultIfEmpty(0).Max() + 1;
            segments = [.. BeforeCommand.Of(trigger.At, timeline.Started, waits ?? Waits.None, earlier ?? [], free), .. segments];
        }

        // A reflected change ended when the last component was seen serving it; anything else ends now.
        var reflections = segments.Where(s => s is { Name: "reflect", Seconds: not null }).Select(s => s.Start + s.Seconds!.Value).ToList();
        var served = outcome == Outcome.Reflected || outcome == Outcome.RolledBack;
        var end = served && reflections.Count > 0 ? reflections.Max() : timeline.Now;
        var rollouts = segments.Where(s => s.Name is "rollout" or "reconcile").ToList();
        var path = CriticalPath.Of(segments, -waited, end);
        var seconds = end + waited;
        var warning = Unattributed.Warning(path, seconds);
        return document with
        {
            Outcome = outcome.Name,
            ExitCode = outcome.ExitCode,
            Trigger = trigger,
            Segments = path.Segments,
            Dominant = path.Dominant,
            Failure = failure,
            Warnings = warning is null ? document.Warnings : [.. document.Warnings, warning],
            Interval = new IntervalReport
            {
                From = trigger.Event,
                To = outcome.ExitCode == 0 ? outcome.Name : outcome.Name == Outcome.Interrupted.Name ? "interrupted" : "failed",
                Start = timeline.Started.AddSeconds(-waited),
                End = timeline.Started.AddSeconds(end),
                Seconds = seconds,
                ArtifactPublishSeconds = Published(document, timeline.Started, waited),
                RolloutSeconds = rollouts.Count == 0 || !served ? null : end - rollouts.Min(r => r.Start),
                FirstAnswerSeconds = Answered(document, timeline.Started.AddSeconds(-waited)),
                UnattributedSeconds = path.UnattributedSeconds,
            },
        };
    }

    private static double? Answered(TransactionDocument document, DateTimeOffset start) =>
        document.Components.Any(static c => c.FirstAnswerAt is not null) ? document.Components.Max(c => (c.FirstAnswerAt - start)?.TotalSeconds) : null;

    /// <summary>
    /// From the interval's start until the last artifact of this transaction was available: where it was published here, at the end of that; where an earlier
    /// run built it, when that one had it (0 when that was before the interval). Null when nobody knows, and where no artifact is brought forward.
    /// </summary>
    private static double? Published(TransactionDocument document, DateTimeOffset started, double waited)
    {
        if (document.Verb is "rollback" or "down")
        {
            return null;
        }

        var here = document.Segments.Where(s => s is { Name: "publish", Outcome: "ok", Seconds: not null }).Select(s => s.Start + s.Seconds!.Value).ToList();
        var before = document.Components.Where(c => c is { ArtifactSource: "cached" or "prebuilt", Action: not "skip" }).Select(c => c.ArtifactBuild?.End).ToList();
        if (here.Count == 0 && (before.Count == 0 || before.Contains(null)))
        {
            return null;
        }

        // What was in the store before the command began was there before anything that was published since.
        var last = here.Concat(before.OfType<DateTimeOffset>().Select(end => (end - started).TotalSeconds)).Max();
        return Math.Max(0, last + waited);
    }
}
