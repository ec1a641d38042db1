using System.Text.Json;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Reports;

namespace Laptime.Cli.Rendering;

/// <summary>Experiments on a terminal: one as a page, several as a list.</summary>
internal static class ExperimentView
{
    /// <param name="all">Also segments that are too small to be judged.</param>
    public static string One(Experiment experiment, Terminal terminal, bool all)
    {
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(experiment, ExperimentJson.Readable.Experiment) + "\n";
        }

        var page = new Page(terminal);
        page.Wrapped(Sign(experiment, terminal), new Span($"{experiment.Name}: {experiment.Hypothesis}", Tone.Strong), 2);
        if (experiment.Dominant is { } dominant)
        {
            page.Wrapped("  ", new Span($"at the start the dominant cost was {ComparisonSentence.Segment(dominant.Segment, dominant.Component)}: {Duration.Text(dominant.Seconds)} ({Sentences.Percent(dominant.Share)})", Tone.Dim), 2);
        }

        if (experiment.Comparison is not { } comparison)
        {
            page.Wrapped("  ", new Span($"open: measured with {experiment.Before.Label} ({experiment.Key.Scenario}, {Sentences.Count(experiment.Runs, "run")}); change one thing, then: lap experiment finish {experiment.Name}", Tone.Plain), 2);
            return page.ToString();
        }

        page.Blank();
        page.Line(new Span("changed", Tone.Dim));
        foreach (var change in experiment.Changes)
        {
            page.Wrapped(new Span(terminal.Unicode ? "· " : "- ", Tone.Accent), $"{change.What}: {string.Join(", ", change.Detail.Take(3))}{(change.Detail.Count > 3 ? $" (+{change.Detail.Count - 3})" : "")}", 2);
        }

        foreach (var warning in experiment.Warnings)
        {
            page.Wrapped(new Span("!", Tone.Warn), warning, 2);
        }

        page.Blank();
        return page + ComparisonView.Render(comparison, terminal, all);
    }

    public static string List(IReadOnlyList<Experiment> experiments, Terminal terminal)
    {
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(new ExperimentList("laptime/experiments/v1", [.. experiments.Select(Item)]), ExperimentJson.Readable.ExperimentList) + "\n";
        }

        var page = new Page(terminal);
        if (experiments.Count == 0)
        {
            page.Line("no experiments yet: lap experiment start NAME --hypothesis TEXT");
            return page.ToString();
        }

        page.Table(
            [new Column(""), new Column("name"), new Column("began"), new Column("scenario", Yields: Yields.Late), new Column("verdict"), new Column("ratio", Right: true), new Column("hypothesis", Yields: Yields.Shrinking)],
            [.. experiments.Select(e => new Span[]
            {
                Sign(e, terminal), e.Name, new($"{e.StartedAt.UtcDateTime:yyyy-MM-dd}", Tone.Dim), e.Key.Scenario,
                e.Comparison is { } c ? ComparisonSentence.Name(c.Interval.Verdict) : "open", e.Comparison?.Interval.Ratio.Median is { } ratio ? "×" + ComparisonSentence.Number(ratio) : "",
                new(e.Hypothesis, Tone.Dim),
            })]);
        return page.ToString();
    }

    private static Span Sign(Experiment experiment, Terminal terminal) =>
        experiment.Comparison is { } comparison ? ComparisonView.Sign(comparison.Interval.Verdict, terminal) : Symbols.Running(terminal);

    private static ExperimentItem Item(Experiment e) => new(
        e.Id, e.Name, e.Hypothesis, e.State, e.StartedAt, e.FinishedAt, e.Key.Scenario, e.Before, e.After, e.Comparison?.Interval.Verdict, e.Comparison?.Sentence);
}
