using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap history --by segment</c>: one row for each segment of one scenario, those that take the most first.</summary>
internal static class SegmentHistoryView
{
    private const int FewestRows = 6;

    public static string Render(SegmentHistory? history, Terminal terminal)
    {
        var page = new Page(terminal);
        if (history is null)
        {
            page.Line("no transactions to compare yet: only those that ended well measure anything");
            return page.ToString();
        }

        var scenario = history.Scenario;
        var n = history.Transactions.Count;
        page.Wrapped("", new Span(scenario.Text, Tone.Strong), 0);
        page.Wrapped(
            "", new Span(
                $"{scenario.Environment}, {scenario.Loop} loop{(scenario.Profile is { } profile ? $", profile {profile}" : "")}: "
                + (n < history.Of ? $"the last {n} of {history.Of} transactions" : Sentences.Count(n, "transaction")) + $", up to {history.Transactions[^1].Id}",
                Tone.Dim), 0);
        page.Blank();

        // What never reached the path and takes no time worth a line is counted below; the JSON has all.
        var weighty = history.Rows.Where(r => r.Share >= 0.005 || r.Dominant > 0).ToList();
        var rows = weighty.Take(Math.Max(FewestRows, terminal.Height - page.Lines - 10)).ToList();
        var most = rows.Count == 0 ? 0 : rows.Max(r => r.Dominant);
        var several = rows.Select(r => r.Component).OfType<string>().Distinct().Skip(1).Any();
        var width = Math.Min(n, terminal.Width >= 100 ? 30 : 16);
        page.Table(
            [
                new Column(""), new Column("segment"), new Column(several ? "component" : "", Yields: Yields.Shrinking), new Column("median", Right: true),
                new Column("last", Right: true), new Column("trend"), new Column("share", Right: true), new Column("dominant", Right: true, Yields: Yields.First),
            ],
            [
                Row(history.Interval, Tone.Strong, "", ""), Row(history.ArtifactPublish, Tone.Dim, "", ""), Row(history.Rollout, Tone.Dim, "", ""),
                .. rows.Select(r => Row(
                    r, r.Dominant == most && most > 0 ? Tone.Strong : Tone.Plain, Sentences.Percent(r.Share), r.Dominant == 0 ? "" : $"{r.Dominant} of {n}")),
            ]);
        var rest = history.Rows.Count - rows.Count;
        if (rest > 0)
        {
            page.Line(new Span($"   and {rest} more, {Sentences.Percent(history.Rows.Except(rows).Sum(r => r.Share))} of the interval together", Tone.Dim));
        }

        page.Blank();
        page.Wrapped(
            "", new Span(
                $"{(terminal.Unicode ? "◆" : "*")} was the dominant segment most often. Trend: oldest to newest, each row from 0 to its own longest; idle waiting is left out of the interval and the shares.",
                Tone.Dim), 0);
        if (history.Others.Count > 0)
        {
            page.Wrapped(
                "", new Span(
                    "Other scenarios (--scenario): " + string.Join("; ", history.Others.Take(4).Select(o => $"{o.Scenario.Text} ({o.Count})"))
                    + (history.Others.Count > 4 ? $"; and {history.Others.Count - 4} more" : ""),
                    Tone.Dim), 0);
        }

        return page.ToString();

        Span[] Row(SegmentRow row, Tone tone, string share, string dominant) =>
        [
            new(row.Dominant == most && most > 0 && row.Dominant > 0 ? terminal.Unicode ? "◆" : "*" : "", Tone.Accent), new(row.Name, tone), new(several ? row.Component ?? "" : "", tone),
            new(row.Values.Any(v => v is not null) ? Duration.Text(row.Median) : "none", tone), new(row.Last is { } last ? Duration.Text(last) : "none", tone),
            new(Sparkline.Of(row.Values, width, terminal.Unicode), tone == Tone.Dim ? Tone.Dim : Tone.Accent), new(share, tone), new(dominant, Tone.Dim),
        ];
    }

    /// <summary><c>laptime/history-segments/v1</c>: every segment, with the raw values.</summary>
    public static SegmentHistoryDocument Document(SegmentHistory? history) => history is null
        ? new SegmentHistoryDocument("laptime/history-segments/v1", null, [], 0, null, null, null, [], [])
        : new SegmentHistoryDocument(
            "laptime/history-segments/v1", Tell(history.Scenario, history.Transactions.Count), [.. history.Transactions.Select(t => t.Id)], history.Of,
            Tell(history.Interval), Tell(history.ArtifactPublish), Tell(history.Rollout),
            [
                .. history.Rows.Select(r => new SegmentHistoryItem(
                    r.Component is null ? r.Name : $"{r.Name} of {r.Component}", r.Name, r.Component, r.Kind, r.Median, r.Last, r.Share, r.Dominant, r.Values)),
            ],
            [.. history.Others.Select(o => Tell(o.Scenario, o.Count))]);

    private static ScenarioItem Tell(TransactionScenario s, int count) => new(s.Text, s.Verb, s.Environment, s.Loop, s.Profile, s.Actions, count);

    private static SeriesItem? Tell(SegmentRow row) => row.Values.Any(v => v is not null) ? new SeriesItem(row.Median, row.Last, row.Values) : null;
}

/// <param name="Transactions">Ids, oldest first: the order of all values.</param>
/// <param name="Of">How many of the scenario there are in all.</param>
/// <param name="Interval">Seconds without idle waiting.</param>
/// <param name="ArtifactPublish">Seconds from the interval's start to the artifact; null when none of them knows.</param>
/// <param name="Items">Segments, the largest share first.</param>
internal sealed record SegmentHistoryDocument(
    string Schema, ScenarioItem? Scenario, IReadOnlyList<string> Transactions, int Of, SeriesItem? Interval, SeriesItem? ArtifactPublish, SeriesItem? Rollout,
    IReadOnlyList<SegmentHistoryItem> Items, IReadOnlyList<ScenarioItem> Others);

internal sealed record ScenarioItem(string Text, string Verb, string Environment, string Loop, string? Profile, string Actions, int Count);

internal sealed record SeriesItem(double Median, double? Last, IReadOnlyList<double?> Values);

/// <param name="Share">Of the interval without idle waiting, 0 to 1: median of what was on the critical path.</param>
/// <param name="Dominant">In how many transactions it was dominant.</param>
internal sealed record SegmentHistoryItem(
    string Id, string Name, string? Component, string? Kind, double Median, double? Last, double Share, int Dominant, IReadOnlyList<double?> Values);
