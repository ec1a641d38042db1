using System.Text;
using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Reports;

/// <summary>An experiment as a page: what was expected, what was changed, what came of it.</summary>
public static class ExperimentMarkdown
{
    public static string Write(Experiment experiment)
    {
        var text = new StringBuilder();
        text.Append($"# Experiment {MarkdownText.Prose(experiment.Name)}\n\n");
        text.Append($"**Hypothesis**: {MarkdownText.Prose(experiment.Hypothesis)}\n\n");
        text.Append(experiment.Comparison is { } comparison
            ? $"**Outcome**: {MarkdownText.Prose(comparison.Sentence)}.\n\n"
            : "**Outcome**: open.\n\n");
        foreach (var warning in experiment.Warnings)
        {
            text.Append($"> Careful: {MarkdownText.Prose(warning)}.\n\n");
        }

        text.Append("## Before\n\n");
        text.Append($"- started {experiment.StartedAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC{(experiment.At.Revision is { } revision ? $", at {MarkdownText.Code(revision[..Math.Min(12, revision.Length)], inTable: false)}{(experiment.At.Dirty == true ? " with changes" : "")}" : "")}\n");
        text.Append($"- scenario {MarkdownText.Code(experiment.Key.Scenario, inTable: false)} on {MarkdownText.Prose(experiment.Key.Environment)}, {Sentences.Count(experiment.Runs, "run")}, baseline {MarkdownText.Code(experiment.Before.Label, inTable: false)}\n");
        text.Append($"- machine: {MarkdownText.Prose(experiment.Key.Machine.Text)}\n");
        if (experiment.Dominant is { } dominant)
        {
            text.Append($"- dominant cost: {MarkdownText.Prose(ComparisonSentence.Segment(dominant.Segment, dominant.Component))}, {Duration.Text(dominant.Seconds)} ({Sentences.Percent(dominant.Share)})\n");
        }

        if (experiment.Comparison is null)
        {
            return text.ToString();
        }

        text.Append("\n## What changed\n\n");
        text.Append(experiment.Changes.Count == 0 ? "Nothing that lap knows of.\n" : "");
        foreach (var change in experiment.Changes)
        {
            text.Append($"- {MarkdownText.Prose(change.What)}: {string.Join(", ", change.Detail.Take(5).Select(d => MarkdownText.Code(d, inTable: false)))}{(change.Detail.Count > 5 ? $" (+{change.Detail.Count - 5})" : "")}\n");
        }

        return text.Append("\n## Before and after\n\n").Append(ComparisonMarkdown.Write(experiment.Comparison, level: 0)).ToString();
    }
}
