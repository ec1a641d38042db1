using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>Closes a transaction's document: its interval, what was on the critical path, what took the most.</summary>
public static class Ending
{
    public static TransactionDocument Close(TransactionDocument document, Outcome outcome, FailureReport? failure, Timeline timeline)
    {
        var trigger = document.Trigger ?? new TriggerReport("start", timeline.Started, null, false);
        var waited = Math.Max(0, (timeline.Started - trigger.At).TotalSeconds);
        var segments = document.Segments;
        if (waited > 0)
        {
            segments = [new Segment { Id = 0, Name = "wait", Kind = "idle", Start = -waited, Seconds = waited, Outcome = "ok" }, .. segments];
        }

        // A reflected change ended when the last component was seen serving it; anything else ends now.
        var reflections = segments.Where(s => s is { Name: "reflect", Seconds: not null }).Select(s => s.Start + s.Seconds!.Value).ToList();
        var served = outcome == Outcome.Reflected || outcome == Outcome.RolledBack;
        var end = served && reflections.Count > 0 ? reflections.Max() : timeline.Now;
        var rollouts = segments.Where(s => s.Name == "rollout").ToList();
        var path = CriticalPath.Of(segments, -waited, end);
        var seconds = end + waited;
        return document with
        {
            Outcome = outcome.Name,
            ExitCode = outcome.ExitCode,
            Trigger = trigger,
            Segments = path.Segments,
            Dominant = path.Dominant,
            Failure = failure,
            Interval = new IntervalReport
            {
                From = trigger.Event,
                To = outcome.ExitCode == 0 ? outcome.Name : outcome.Name == Outcome.Interrupted.Name ? "interrupted" : "failed",
                Start = timeline.Started.AddSeconds(-waited),
                End = timeline.Started.AddSeconds(end),
                Seconds = seconds,
                RolloutSeconds = rollouts.Count == 0 || !served ? null : end - rollouts.Min(r => r.Start),
                UnattributedSeconds = path.UnattributedSeconds,
            },
        };
    }
}
