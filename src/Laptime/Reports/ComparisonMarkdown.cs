using System.Text;
using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Reports;

/// <summary>A comparison as Markdown: for pull requests, job summaries and the pages of experiments.</summary>
public static class ComparisonMarkdown
{
    /// <param name="level">Of its heading; 0: none.</param>
    public static string Write(ComparisonDocument document, int level = 1)
    {
        var text = new StringBuilder();
        if (level > 0)
        {
            text.Append($"{new string('#', level)} {MarkdownText.Prose(document.A.Label)} and {MarkdownText.Prose(document.B.Label)}\n\n");
        }

        text.Append($"**{MarkdownText.Prose(document.Sentence)}.**\n\n");
        foreach (var line in document.Findings.Concat(document.Warnings))
        {
            text.Append($"- {MarkdownText.Prose(line)}\n");
        }

        text.Append(document.Findings.Count + document.Warnings.Count > 0 ? "\n" : "");
        text.Append("| | A | B | ratio | 95 % | p | verdict |\n| --- | ---: | ---: | ---: | --- | ---: | --- |\n");
        Row("**interval**", document.Interval);
        if (document.ArtifactPublish is { } publish)
        {
            Row("to the artifact", publish);
        }

        if (document.Rollout is { } rollout)
        {
            Row("rollouts", rollout);
        }

        foreach (var segment in document.Segments)
        {
            Row(MarkdownText.Code(segment.Segment) + (segment.Component is { } component ? " of " + MarkdownText.Prose(component) : ""), segment);
        }

        text.Append($"\nA: {Side(document.A, document.Interval.A)}. B: {Side(document.B, document.Interval.B)}. ")
            .Append(document.Design == "pairs" ? "Run in pairs; p of Wilcoxon's signed-rank test." : "Recorded apart; p of the Mann-Whitney test.")
            .Append(" The interval is of the median ratio (bootstrap).\n");
        return text.ToString();

        void Row(string name, Comparison c) => text.Append(
            $"| {name} | {Duration.Text(c.A.Median)} | {Duration.Text(c.B.Median)} | {(c.Ratio.Median is { } ratio ? "×" + ComparisonSentence.Number(ratio) : "new")} | "
            + $"{(c.Ratio is { Low: { } low, High: { } high } ? $"{ComparisonSentence.Number(low)} to {ComparisonSentence.Number(high)}" : "")} | "
            + $"{(c.Verdict == Verdict.Inconclusive ? "" : ComparisonSentence.P(c.AdjustedP ?? c.P)["p ".Length..].TrimStart('=', ' '))} | "
            + $"{(c is SegmentComparison { Negligible: true } ? "not judged" : ComparisonSentence.Name(c.Verdict))} |\n");
    }

    private static string Side(SideName name, SideReport side) => $"{MarkdownText.Code(name.Id, inTable: false)}, {Sentences.Count(side.N, "run")}";
}
