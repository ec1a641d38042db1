using System.Globalization;
using Laptime.Foundations;

namespace Laptime.Measurement;

/// <summary>The verdict of a comparison in words: the terminal, Markdown, JSON and experiments say the same. "Faster" is only said with evidence on the interval.</summary>
public static class ComparisonSentence
{
    public static string Of(ComparisonDocument document)
    {
        var interval = document.Interval;
        return interval.Verdict switch
        {
            Verdict.Better => $"faster: {Change(interval)}{Most(document)}",
            Verdict.Worse => $"slower: {Change(interval)}{Most(document)}",
            Verdict.Inconclusive => $"inconclusive: {interval.Why} ({Duration.Text(interval.A.Median)} and {Duration.Text(interval.B.Median)}, {Ratio(interval.Ratio)})",
            _ => Unchanged(document),
        };
    }

    /// <summary>"×0.51 (95 %: 0.47 to 0.55)".</summary>
    public static string Ratio(RatioReport ratio) => ratio.Median is not { } median ? "no ratio: A took no time"
        : ratio is { Low: null, High: null } ? "×" + Number(median)
        : string.Create(CultureInfo.InvariantCulture, $"×{Number(median)} (95 %: {Number(ratio.Low ?? 0)} to {(ratio.High is { } high ? Number(high) : "any")})");

    /// <summary>The name of a verdict as JSON has it.</summary>
    public static string Name(Verdict verdict) => verdict switch
    {
        Verdict.Better => "better", Verdict.Worse => "worse", Verdict.NoEvidence => "no evidence", _ => "inconclusive",
    };

    public static string Segment(string segment, string? component) => component is null ? segment : $"{segment} of {component}";

    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{Math.Round(share * 100, MidpointRounding.AwayFromZero):0} %");

    public static string P(double p) => p < 0.001 ? "p < 0.001" : string.Create(CultureInfo.InvariantCulture, $"p = {p:0.000}");

    public static string Number(double ratio) => ratio.ToString(ratio < 0.0995 ? "0.000" : ratio < 9.95 ? "0.00" : "0.0", CultureInfo.InvariantCulture);

    private static string Change(Comparison c) =>
        $"the interval went from {Duration.Text(c.A.Median)} to {Duration.Text(c.B.Median)}, {Ratio(c.Ratio)}, {P(c.P)}, {Runs(c)}";

    private static string Runs(Comparison c) => c.Test == "wilcoxon-signed-rank"
        ? $"{c.A.N} pairs" : c.A.N == c.B.N ? $"{c.A.N} runs each" : $"{c.A.N} and {c.B.N} runs";

    private static string Most(ComparisonDocument document) =>
        document.Dominant is not { } now ? "" : Same(document) ? $"; the dominant segment is still {Share(now)}" : $"; the dominant segment is {Share(now)} now";

    private static string Unchanged(ComparisonDocument document)
    {
        var interval = document.Interval;
        var improved = document.Segments.Where(s => s.Verdict == Verdict.Better).ToList();
        var worsened = document.Segments.Where(s => s.Verdict == Verdict.Worse).ToList();
        var numbers = $"{Duration.Text(interval.A.Median)} and {Duration.Text(interval.B.Median)}, {Ratio(interval.Ratio)}, {P(interval.P)}, {Runs(interval)}"
            + (interval.Why is null ? "" : $"; {interval.Why}");
        if (improved.Count == 0 && worsened.Count == 0)
        {
            return $"no evidence of a change of the interval: {numbers}{Most(document)}";
        }

        return $"interval unchanged{Most(document)}: {List(improved, "took less")}{(improved.Count > 0 && worsened.Count > 0 ? ", " : "")}{List(worsened, "took more")}, but not the interval ({numbers})";
    }

    private static string List(List<SegmentComparison> segments, string what) => segments.Count == 0 ? ""
        : $"{string.Join(" and ", segments.Take(2).Select(s => $"{Segment(s.Segment, s.Component)} ({Duration.Text(s.A.Median)} to {Duration.Text(s.B.Median)})"))}{(segments.Count > 2 ? $" (+{segments.Count - 2})" : "")} {what}";

    private static bool Same(ComparisonDocument document) =>
        document.DominantBefore is { } before && document.Dominant is { } now && (before.Segment, before.Component) == (now.Segment, now.Component);

    private static string Share(DominantShare dominant) => $"{Segment(dominant.Segment, dominant.Component)} ({Percent(dominant.Share)})";
}
