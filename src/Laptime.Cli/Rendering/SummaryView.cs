using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>
/// What a transaction did, on one screen: the verdict, the components, the segments on their timeline, and last, where the eye rests, the interval and
/// what took the most of it. Without a terminal the same as plain text.
/// </summary>
internal static class SummaryView
{
    private const int NamesShown = 12;
    private const int TailShown = 10;
    private const int BesideShown = 3;
    private const int DelaysShown = 4;

    /// <param name="path">Also the critical path in words: what `lap report` is asked for.</param>
    public static string Render(TransactionDocument document, Terminal terminal, bool path = false)
    {
        var page = new Page(terminal);
        var symbol = Symbols.Outcome(terminal, document.Outcome);
        page.Wrapped(symbol, new Span(Sentences.Headline(document), Tone.Strong), 2);
        if (document.Components.Count > 0)
        {
            page.Blank();
            Components(page, document, terminal);
            foreach (var (text, alarming) in Sentences.Sources(document))
            {
                page.Wrapped(new Span(alarming ? "!" : "@", alarming ? Tone.Warn : Tone.Dim), new Span(text, alarming ? Tone.Warn : Tone.Dim), 2);
            }
        }

        // Guardrails say themselves where each is mended.
        Failure(page, document is { Guardrails: not null, Failure.Kind: "guardrail-refused" } ? null : document.Failure);
        GuardrailView.Write(page, document.Guardrails ?? [], terminal, all: path);
        foreach (var warning in document.Warnings)
        {
            page.Wrapped(new Span("!", Tone.Warn), new Span("warning: " + warning, Tone.Warn), 2);
        }

        foreach (var gap in document.ParityGaps)
        {
            page.Wrapped(new Span("~", Tone.Dim), new Span("parity gap: " + gap, Tone.Dim), 2);
        }

        var last = new Page(terminal);
        Last(last, document, terminal, path);
        // One screen: what the rest leaves, less the heading and the prompt that follows.
        Segments(page, document, terminal, terminal.Height - page.Lines - last.Lines - 3);
        return page.ToString() + last;
    }

    private static void Components(Page page, TransactionDocument document, Terminal terminal)
    {
        var shown = document.Components;
        if (shown.Count > NamesShown)
        {
            // Those that something was done to; the skipped ones are counted.
            shown = [.. shown.OrderBy(c => c.Action == "skip" ? 1 : 0).Take(NamesShown)];
        }

        page.Table(
            [new Column(""), new Column("component"), new Column("action", Yields: Yields.Late), new Column("why", Yields: Yields.Shrinking), new Column("state"), new Column("reach", Yields: Yields.First)],
            [.. shown.Select(c => new Span[]
            {
                Symbols.Component(terminal, c), new(c.Name, Tone.Strong), c.Action, new(Sentences.Why(c), Tone.Dim), Sentences.State(c), new(c.Endpoint ?? "", Tone.Dim),
            })]);
        if (shown.Count < document.Components.Count)
        {
            var rest = document.Components.Count - shown.Count;
            page.Line(new Span($"   and {rest} more, {document.Counters.Skipped} skipped in all", Tone.Dim));
        }
    }

    private static void Failure(Page page, FailureReport? failure)
    {
        if (failure is null)
        {
            return;
        }

        page.Blank();
        if (failure.Where is { } where)
        {
            page.Wrapped(new Span("where", Tone.Dim), where, 7);
        }

        if (failure.Mend is { } mend)
        {
            page.Wrapped(new Span("mend", Tone.Dim), mend, 7);
        }

        foreach (var line in (failure.Tail ?? []).TakeLast(TailShown))
        {
            page.Line(new Span("  | ", Tone.Dim), new Span(line, Tone.Dim));
        }
    }

    private static void Segments(Page page, TransactionDocument document, Terminal terminal, int room)
    {
        var leaves = TimelineScale.Leaves(document);
        if (leaves.Count == 0)
        {
            return;
        }

        page.Blank();
        var shown = Largest(leaves, Math.Clamp(room, 3, 24));
        SegmentTable.Write(page, shown, TimelineScale.Of(leaves), terminal);
        if (shown.Count < leaves.Count)
        {
            var left = leaves.Except(shown).ToList();
            page.Line(new Span($"  and {left.Count} more, the longest {Duration.Text(left.Max(s => s.Seconds ?? 0))}", Tone.Dim));
        }
    }

    /// <summary>The ones that matter, in their order: without an end, then the critical path, then the longest.</summary>
    private static List<Segment> Largest(IReadOnlyList<Segment> leaves, int most) => leaves.Count <= most
        ? [.. leaves]
        : [.. leaves.OrderBy(s => s.Seconds is null ? 0 : 1).ThenByDescending(s => s.CriticalPath && s.Seconds > 0.001).ThenByDescending(s => s.Seconds)
            .Take(most - 1).OrderBy(s => s.Start).ThenBy(s => s.Id)];

    private static void Last(Page page, TransactionDocument document, Terminal terminal, bool path)
    {
        if (Sentences.Interval(document) is not { } interval)
        {
            return;
        }

        var parts = document.Interval!;
        var apart = new List<string>();
        if (parts.ArtifactPublishSeconds is { } publish)
        {
            apart.Add(publish > 0 ? $"artifact published after {Duration.Text(publish)}" : "artifact published before");
        }

        if (Sentences.FirstAnswer(document) is { } first)
        {
            apart.Add("first answer " + first);
        }

        if (parts.RolloutSeconds is { } rollout)
        {
            apart.Add($"rollout {Duration.Text(rollout)}");
        }

        if (parts.UnattributedSeconds is { } rest)
        {
            apart.Add($"{Duration.Text(rest)} unattributed");
        }

        page.Blank();
        if (path && Sentences.Path(document) is { Count: > 0 } chain)
        {
            page.Wrapped(new Span("path", Tone.Dim), string.Join(terminal.Unicode ? " → " : " -> ", terminal.Unicode ? chain : chain.Select(link => link == "…" ? ".." : link)), 10);
            if (Sentences.Beside(document) is { Count: > 0 } beside)
            {
                var more = beside.Count - BesideShown;
                page.Wrapped(new Span("parallel", Tone.Dim), new Span(string.Join("; ", beside.Take(BesideShown)) + (more > 0 ? $"; and {more} more" : ""), Tone.Dim), 10);
            }
        }

        page.Wrapped(new Span("interval", Tone.Dim), new Span(interval + (apart.Count == 0 ? "" : $" ({string.Join(", ", apart)})"), Tone.Strong), 10);
        foreach (var delay in Sentences.EngineDelays(document).Take(DelaysShown))
        {
            page.Wrapped(new Span("engine", Tone.Dim), new Span(delay, Tone.Dim), 10);
        }

        if (Sentences.Dominant(document) is { } dominant)
        {
            page.Wrapped(new Span("dominant", Tone.Dim), new Span(dominant, Tone.Strong), 10);
        }

        if (path && Sentences.Cache(document) is { } cache)
        {
            page.Wrapped(new Span("cache", Tone.Dim), cache, 10);
        }
    }
}
