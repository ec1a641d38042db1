using System.Text;
using Laptime.Foundations;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Reports;

/// <summary>
/// A transaction as a Markdown page. What, why, how long and what took the most come first; the rest is there to look up.
/// Pure: the same document gives the same page.
/// </summary>
public static class MarkdownReport
{
    private const int BarWidth = 40;
    private const int DetailsShown = 10;

    public static string Render(TransactionDocument document)
    {
        var page = new StringBuilder();
        page.Append($"# {MarkdownText.Prose(document.Workspace)} to {MarkdownText.Prose(document.Environment)}: {MarkdownText.Prose(document.Outcome ?? "not ended")}\n\n");
        page.Append($"**{MarkdownText.Prose(Sentences.Headline(document))}**\n\n");
        Head(page, document);
        Failure(page, document.Failure);
        Components(page, document);
        Segments(page, document);
        Delays(page, document);
        Guardrails(page, document.Guardrails ?? []);
        Bullets(page, "Parity gaps", document.ParityGaps);
        Bullets(page, "Warnings", document.Warnings);
        Foot(page, document);
        return page.ToString();
    }

    private static void Head(StringBuilder page, TransactionDocument document)
    {
        page.Append("| | |\n| --- | --- |\n");
        var acted = document.Components.Where(c => c.Action != "skip").ToList();
        Row("What", acted.Count == 0
            ? $"nothing; {Sentences.Count(document.Components.Count, "component")} looked at"
            : string.Join(", ", acted.Select(c => $"{MarkdownText.Code(c.Name)} ({MarkdownText.Prose(c.Action)})")));
        if (acted.Count > 0)
        {
            Row("Why", string.Join("; ", acted.Select(c => acted.Count == 1
                ? MarkdownText.Prose(Sentences.Why(c))
                : $"{MarkdownText.Code(c.Name)}: {MarkdownText.Prose(Sentences.Why(c))}")));
        }

        Row("How long", MarkdownText.Prose(Sentences.Interval(document) ?? "not measured"));
        Row("What took the most", MarkdownText.Prose(Sentences.Dominant(document) ?? "not known"));
        if (document.Interval is { } interval)
        {
            // Two times that are often taken for one: until the artifact is available, and until the target runs it.
            Row("Until the artifact was published", interval.ArtifactPublishSeconds switch { null => "not known", > 0 and var publish => Duration.Text(publish), _ => "before the interval" });
            if (Sentences.FirstAnswer(document) is { } first)
            {
                Row("First answer of the new revision", MarkdownText.Prose(first));
            }

            Row("Rollout", interval.RolloutSeconds is { } rollout ? Duration.Text(rollout) : "none");
            Row("Unattributed", interval.UnattributedSeconds is { } rest ? Duration.Text(rest) : "not known");
        }

        page.Append('\n');

        void Row(string name, string value) => page.Append($"| {name} | {value} |\n");
    }

    private static void Failure(StringBuilder page, FailureReport? failure)
    {
        if (failure is null)
        {
            return;
        }

        page.Append($"## Failure: {MarkdownText.Prose(failure.Kind)}\n\n{MarkdownText.Prose(failure.Message)}\n\n");
        if (failure.Where is { } where)
        {
            page.Append($"- where: {MarkdownText.Prose(where)}\n");
        }

        if (failure.Mend is { } mend)
        {
            page.Append($"- mend: {MarkdownText.Prose(mend)}\n");
        }

        if (failure.Where is not null || failure.Mend is not null)
        {
            page.Append('\n');
        }

        if (failure.Tail is { Count: > 0 } tail)
        {
            page.Append("The last lines:\n\n").Append(MarkdownText.Fence(tail)).Append('\n');
        }
    }

    private static void Guardrails(StringBuilder page, IReadOnlyList<GuardrailReport> guardrails)
    {
        if (guardrails.Count == 0)
        {
            return;
        }

        page.Append("## Guardrails\n\n| guardrail | verdict | why | evidence |\n| --- | --- | --- | --- |\n");
        foreach (var guardrail in guardrails)
        {
            var words = guardrail.What + (guardrail.Reason is { } reason ? $" Overridden: {reason}" : "") + (guardrail is { Status: "refused", Mend: { } mend } ? $" Mend: {mend}" : "");
            page.Append($"| {MarkdownText.Prose(guardrail.Name)} | {MarkdownText.Prose(guardrail.Status)} | {MarkdownText.Prose(words)} | {MarkdownText.Prose(string.Join("; ", guardrail.Evidence.Take(DetailsShown)))} |\n");
        }

        page.Append('\n');
    }

    private static void Components(StringBuilder page, TransactionDocument document)
    {
        var components = document.Components;
        if (components.Count == 0)
        {
            return;
        }

        page.Append("## Components\n\n| component | action | why | artifact | live | ready | smoke | reflected | serves |\n");
        page.Append("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (var component in components)
        {
            var signals = component.Signals;
            page.Append($"| {MarkdownText.Code(component.Name)} | {MarkdownText.Prose(component.Action)} | {MarkdownText.Prose(Sentences.Why(component))} ");
            page.Append($"| {Artifact(component)} | {Signal(signals.Live)} | {Signal(signals.Ready)} | {Signal(signals.Smoke)} | {Signal(signals.Reflected)} ");
            page.Append($"| {MarkdownText.Code(Serves(component))} |\n");
        }

        page.Append('\n');
        var sources = Sentences.Sources(document).ToList();
        foreach (var (text, _) in sources)
        {
            page.Append($"- {MarkdownText.Prose(text)}\n");
        }

        if (sources.Count > 0)
        {
            page.Append('\n');
        }

        foreach (var component in components.Where(c => c.Detail.Count > 1))
        {
            page.Append($"Why {MarkdownText.Code(component.Name, inTable: false)}: {MarkdownText.Prose(component.Cause)}\n\n");
            foreach (var detail in component.Detail.Take(DetailsShown))
            {
                page.Append($"- {MarkdownText.Code(detail, inTable: false)}\n");
            }

            if (component.Detail.Count > DetailsShown)
            {
                page.Append($"- and {component.Detail.Count - DetailsShown} more\n");
            }

            page.Append('\n');
        }
    }

    private static string Artifact(ComponentReport component) => component.Artifact is { } artifact
        ? MarkdownText.Code(ShortDigest(artifact)) + (component.ArtifactSource is { } source ? " " + MarkdownText.Prose(source) : "")
        : "";

    /// <summary>The first twelve digits of <c>sha256:…</c>.</summary>
    private static string ShortDigest(string digest)
    {
        var hex = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return hex.Length > 12 ? hex[..12] : hex;
    }

    private static string Serves(ComponentReport component) =>
        component.StillServing ?? component.Signals.Reflected.Observed ?? component.Reading?.Revision ?? "";

    private static string Signal(SignalReport signal)
    {
        var text = signal.Status;
        if (signal is { Instances: { } n, Of: { } of })
        {
            text += $" {n}/{of}";
        }

        if (signal.Checks is { } checks)
        {
            text += $", {Sentences.Count(checks, "check")}";
        }

        if (signal.Attempts is > 1 and var attempts)
        {
            text += $", {attempts} attempts";
        }

        if (signal.Seconds is { } seconds)
        {
            text += $", {Duration.Text(seconds)}";
        }

        if (signal.Status is not "pass" && (signal.Reason ?? signal.LastSeen) is { } reason)
        {
            text += $": {reason}";
        }

        return MarkdownText.Prose(text);
    }

    private static void Segments(StringBuilder page, TransactionDocument document)
    {
        if (document.Segments.Count == 0)
        {
            return;
        }

        var scale = TimelineScale.Of(document.Segments);
        if (Sentences.Path(document) is { Count: > 0 } path)
        {
            page.Append($"## Critical path\n\n{string.Join(" → ", path.Select(MarkdownText.Prose))}\n\n");
            foreach (var beside in Sentences.Beside(document))
            {
                page.Append($"- {MarkdownText.Prose(beside)}\n");
            }

            page.Append(Sentences.Beside(document).Count > 0 ? "\n" : "");
            page.Append(Sentences.Cache(document) is { } cache ? $"{MarkdownText.Prose(cache)}.\n\n" : "");
        }

        page.Append("## Segments\n\n");
        page.Append("Bars stand where the time went; side by side is side by side. `critical` marks the chain that decided the interval.\n\n");
        page.Append("| segment | component | start | took | | timeline |\n| --- | --- | ---: | ---: | --- | --- |\n");
        foreach (var (segment, depth) in Nested(document.Segments))
        {
            var indent = string.Concat(Enumerable.Repeat("&nbsp;&nbsp;", depth));
            var remarks = new List<string>();
            if (segment.CriticalPath)
            {
                remarks.Add("critical");
            }

            if (segment.Kind is { } kind)
            {
                remarks.Add(kind);
            }

            if (segment.Cache is "hit" or "miss")
            {
                remarks.Add($"cache {segment.Cache}");
            }

            if (segment.Outcome is not (null or "ok"))
            {
                remarks.Add(segment.Outcome);
            }

            var took = segment.Seconds is { } seconds ? Duration.Text(seconds) : "no end recorded";
            var bar = scale.Bar(segment, BarWidth, '█', '▒', '·') is { } text ? $"`{text}`" : scale.IsAfter(segment) ? "after the interval" : "";
            page.Append($"| {indent}{MarkdownText.Code(segment.Name)} | {MarkdownText.Code(segment.Component ?? "")} | {Duration.Text(segment.Start)} ");
            page.Append($"| {took} | {MarkdownText.Prose(string.Join(", ", remarks))} | {bar} |\n");
        }

        page.Append('\n');
    }

    private static List<(Segment Segment, int Depth)> Nested(IReadOnlyList<Segment> segments)
    {
        var ids = segments.Select(s => s.Id).ToHashSet();
        var children = segments.OrderBy(s => s.Start).ThenBy(s => s.Id).ToLookup(s => s.Parent is { } p && p != s.Id && ids.Contains(p) ? p : (int?)null);
        var result = new List<(Segment, int)>();
        Add(null, 0);
        return result;

        void Add(int? parent, int depth)
        {
            foreach (var segment in children[parent])
            {
                result.Add((segment, depth));
                Add(segment.Id, depth + 1);
            }
        }
    }

    /// <summary>Time that no tool on top of the engine can save.</summary>
    private static void Delays(StringBuilder page, TransactionDocument document)
    {
        if (Sentences.DelayOwner(document) is not { } owner)
        {
            return;
        }

        page.Append($"## Time that was {MarkdownText.Prose(owner)}'s own\n\n| component | took | what | what removes it |\n| --- | ---: | --- | --- |\n");
        foreach (var component in document.Components)
        {
            foreach (var delay in component.EngineDelays ?? [])
            {
                page.Append($"| {MarkdownText.Code(component.Name)} | {Duration.Text(delay.Seconds)} | {MarkdownText.Prose(delay.What)} ");
                page.Append($"| {(delay.Setting is { } setting ? MarkdownText.Code(setting) : "no setting")}: {MarkdownText.Prose(delay.Mend)} |\n");
            }
        }

        page.Append('\n');
    }

    private static void Bullets(StringBuilder page, string title, IReadOnlyList<string> items)
    {
        if (items.Count == 0)
        {
            return;
        }

        page.Append($"## {title}\n\n");
        foreach (var item in items)
        {
            page.Append($"- {MarkdownText.Prose(item)}\n");
        }

        page.Append('\n');
    }

    private static void Foot(StringBuilder page, TransactionDocument document)
    {
        page.Append("---\n\n");
        page.Append($"Transaction {MarkdownText.Code(document.Id, inTable: false)}: {MarkdownText.Prose(document.Verb)}, target {MarkdownText.Prose(document.Target)}, ");
        page.Append($"{MarkdownText.Prose(document.Loop)} loop{(document.Profile is { } profile ? $", profile {MarkdownText.Prose(profile)}" : "")}");
        page.Append(document.Actor is { } actor ? $", by {MarkdownText.Prose(actor)}.\n" : ".\n");
        if (document.Trigger is { } trigger)
        {
            page.Append($"The interval is counted from {MarkdownText.Prose(trigger.Event)} at {trigger.At.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff} UTC");
            page.Append(trigger.Revision is { } revision ? $", commit {MarkdownText.Code(revision, inTable: false)}{(trigger.Dirty ? " with changes" : "")}.\n" : ".\n");
        }

        if (document.ExitCode is { } code)
        {
            page.Append($"Exit code {code}.\n");
        }
    }
}
