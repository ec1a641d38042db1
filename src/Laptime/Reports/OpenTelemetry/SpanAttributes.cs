using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>
/// What the spans say. The names without <c>laptime.</c> are those of the semantic conventions (registry: cicd, vcs, deployment, error); values that the
/// conventions list are used where one fits.
/// </summary>
internal static class SpanAttributes
{
    public static IReadOnlyList<SpanAttribute> OfTransaction(TransactionDocument document, string pipeline, bool isOpen)
    {
        var all = new Attributes
        {
            { "cicd.pipeline.name", pipeline },
            { "cicd.pipeline.run.id", document.Id },
            { "cicd.pipeline.action.name", "RUN" },
            { "cicd.pipeline.result", Result(document) },
            { "error.type", document.ExitCode == 0 ? null : document.Outcome ?? "_OTHER" },
            { "deployment.environment.name", document.Environment },
            { "vcs.ref.head.revision", document.Trigger?.Revision },
            { "laptime.transaction", document.Id },
            { "laptime.verb", document.Verb },
            { "laptime.workspace", document.Workspace },
            { "laptime.target", document.Target },
            { "laptime.loop", document.Loop },
            { "laptime.profile", document.Profile },
            { "laptime.measured_for", document.MeasuredFor },
            { "laptime.outcome", document.Outcome },
            { "laptime.exit_code", document.ExitCode },
            { "laptime.trigger.event", document.Trigger?.Event },
            { "laptime.vcs.dirty", document.Trigger is { Revision: not null } trigger ? trigger.Dirty : null },
            { "laptime.wait.idle_seconds", Waited(document, "idle") },
            { "laptime.wait.queue_seconds", Waited(document, null) },
        };
        if (isOpen)
        {
            all.Add("laptime.unfinished", true);
        }

        if (document.Interval is { } interval)
        {
            all.Add("laptime.interval.from", interval.From);
            all.Add("laptime.interval.to", interval.To);
            all.Add("laptime.interval.seconds", interval.Seconds);
            all.Add("laptime.interval.artifact_publish_seconds", interval.ArtifactPublishSeconds);
            all.Add("laptime.interval.rollout_seconds", interval.RolloutSeconds);
            all.Add("laptime.interval.unattributed_seconds", interval.UnattributedSeconds);
        }

        if (document.Dominant is { } dominant)
        {
            all.Add("laptime.dominant.segment", dominant.Segment);
            all.Add("laptime.dominant.component", dominant.Component);
            all.Add("laptime.dominant.seconds", dominant.Seconds);
            all.Add("laptime.dominant.share", dominant.Share);
            all.Add("laptime.dominant.interval_without_seconds", dominant.IntervalWithout);
        }

        all.Add("laptime.count.built", document.Counters.Built);
        all.Add("laptime.count.reused", document.Counters.Reused);
        all.Add("laptime.count.skipped", document.Counters.Skipped);
        all.Add("laptime.count.deploys", document.Counters.Deploys);
        all.Add("laptime.count.reconciled", document.Counters.Reconciled);
        all.Add("laptime.warnings", document.Warnings);
        all.Add("laptime.parity_gaps", document.ParityGaps);
        all.Add("laptime.failure.where", document.Failure?.Where);
        all.Add("laptime.failure.mend", document.Failure?.Mend);
        return all.All;
    }

    public static IReadOnlyList<SpanAttribute> OfSegment(Segment segment, string task, TransactionDocument document)
    {
        var result = segment switch
        {
            { Seconds: null } => "error",
            { Outcome: null or "ok" } => "success",
            { Outcome: "failed" } => "failure",
            { Outcome: "cancelled" } => "cancellation",
            { Outcome: "skipped" or "not-run" or "not-defined" } => "skip",
            // timeout is a value of the conventions; unknown stays what it is.
            _ => segment.Outcome,
        };
        var all = new Attributes
        {
            { "cicd.pipeline.task.name", task },
            { "cicd.pipeline.task.run.id", $"{document.Id}/{segment.Id}" },
            { "cicd.pipeline.task.run.result", result },
            { "cicd.pipeline.task.type", TypeOf(segment) },
            { "error.type", segment.Seconds is null ? "interrupted" : result is "failure" or "timeout" or "cancellation" ? segment.Outcome : null },
            { "laptime.segment", segment.Name },
            { "laptime.component", segment.Component },
            { "laptime.kind", segment.Kind },
            { "laptime.cache", segment.Cache },
            { "laptime.critical_path", segment.CriticalPath },
            { "laptime.outcome", segment.Outcome },
        };
        if (segment.Seconds is null)
        {
            all.Add("laptime.unfinished", true);
        }

        if (document.Dominant is { } dominant && segment.CriticalPath && dominant.Segment == segment.Name && dominant.Component == segment.Component
            && Math.Abs(dominant.Seconds - segment.Seconds.GetValueOrDefault()) < 1e-6)
        {
            all.Add("laptime.dominant", true);
        }

        // What was made, and what was put where: on the spans that did it, not on every one below them.
        if (segment is { Component: { } name, Name: "build" or "publish" or "rollout" or "reflect" } && document.Components.FirstOrDefault(c => c.Name == name) is { } component)
        {
            all.Add("laptime.action", component.Action);
            all.Add("laptime.cause", component.Cause);
            all.Add("laptime.artifact.digest", component.Artifact);
            all.Add("laptime.artifact.source", component.ArtifactSource);
            all.Add("laptime.artifact.previous_digest", component.PreviousArtifact);
            all.Add("laptime.fingerprint", component.Fingerprint);
            all.Add("laptime.deployment_key", component.DeploymentKey);
            all.Add("laptime.revision", component.Revision);
        }

        return all.All;
    }

    private static string Result(TransactionDocument document) => document switch
    {
        { ExitCode: 0 } => "success",
        // Nobody cancelled a killed one: it was ended from outside.
        { ExitCode: null } or { Outcome: null or "internal-error" } => "error",
        { Outcome: "interrupted" } => "cancellation",
        { Outcome: "readiness-timeout" or "never-listened" } => "timeout",
        _ => "failure",
    };

    private static string? TypeOf(Segment segment) => segment switch
    {
        { Kind: "validate" } or { Name: "smoke" } => "test",
        { Name: "build" or "publish" } => "build",
        { Name: "rollout" or "migrate" or "live" or "ready" or "reflect" or "reconcile" or "bootstrap" } => "deploy",
        _ => segment.Name.StartsWith("build/", StringComparison.Ordinal) ? "build" : null,
    };

    /// <summary>Seconds of waiting, idle or (null) any other; null when there was none.</summary>
    private static double? Waited(TransactionDocument document, string? kind)
    {
        var waits = document.Segments.Where(s => s is { Name: "wait", Seconds: not null } && (kind is null ? s.Kind != "idle" : s.Kind == kind)).ToList();
        return waits.Count == 0 ? null : waits.Sum(w => w.Seconds);
    }

    /// <summary>Leaves out what is null or empty.</summary>
    private sealed class Attributes : System.Collections.IEnumerable
    {
        private readonly List<SpanAttribute> all = [];

        public IReadOnlyList<SpanAttribute> All => all;

        public void Add(string key, object? value)
        {
            switch (value)
            {
                case null or "" or IReadOnlyList<string> { Count: 0 }:
                    break;
                case int number:
                    all.Add(new SpanAttribute(key, (long)number));
                    break;
                default:
                    all.Add(new SpanAttribute(key, value));
                    break;
            }
        }

        public System.Collections.IEnumerator GetEnumerator() => all.GetEnumerator();
    }
}
