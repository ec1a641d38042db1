using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>Past transactions, one line each, the newest first.</summary>
internal static class HistoryView
{
    public static string Render(IReadOnlyList<TransactionDocument> transactions, DateTimeOffset now, Terminal terminal)
    {
        var page = new Page(terminal);
        if (transactions.Count == 0)
        {
            page.Line("no transactions yet");
            return page.ToString();
        }

        // A column that says the same in every line says nothing.
        var several = transactions.Select(t => t.Environment).Distinct().Count() > 1;
        var published = transactions.Any(t => t.Interval?.ArtifactPublishSeconds is not null);
        var rolledOut = transactions.Any(t => t.Interval?.RolloutSeconds is not null);
        page.Table(
            [
                new Column(""), new Column("transaction"), new Column("age", Right: true), new Column(several ? "environment" : ""), new Column("outcome"),
                new Column("interval", Right: true), new Column(published ? "artifact" : "", Right: true, Yields: Yields.First), new Column(rolledOut ? "rollout" : "", Right: true, Yields: Yields.First),
                new Column("dominant", Yields: Yields.Shrinking), new Column("components", Yields: Yields.First),
            ],
            [.. transactions.Select(t => new Span[]
            {
                Symbols.Outcome(terminal, t.Outcome), t.Id, new(Age(t, now), Tone.Dim), several ? t.Environment : "", t.Outcome ?? "not ended",
                t.Interval?.Seconds is { } seconds ? Duration.Text(seconds) : "no end",
                new(t.Interval?.ArtifactPublishSeconds is { } artifact ? Duration.Text(artifact) : "", Tone.Dim),
                new(t.Interval?.RolloutSeconds is { } rollout ? Duration.Text(rollout) : "", Tone.Dim), new(Dominant(t), Tone.Dim), new(Components(t), Tone.Dim),
            })]);
        return page.ToString();
    }

    /// <summary><c>laptime/history/v1</c>: the same, for programs.</summary>
    public static HistoryDocument Document(IReadOnlyList<TransactionDocument> transactions) => new("laptime/history/v1", [.. transactions.Select(t => new HistoryItem(
        t.Id, t.Verb, t.Environment, t.Outcome, t.ExitCode, t.Trigger?.At, t.Interval?.Start, t.Interval?.End, t.Interval?.Seconds, t.Interval?.ArtifactPublishSeconds, t.Interval?.RolloutSeconds, t.Dominant, Sentences.Acted(t),
        Sentences.Headline(t)))]);

    private static string Age(TransactionDocument transaction, DateTimeOffset now) =>
        (transaction.Interval?.End ?? StartOf(transaction)) is { } at ? Coarse(Math.Max(0, (now - at).TotalSeconds)) : "";

    /// <summary>Whole units are enough for an age.</summary>
    internal static string Coarse(double seconds) => seconds switch
    {
        < 60 => $"{(int)seconds} s",
        < 3600 => $"{(int)(seconds / 60)} m",
        < 86400 => $"{(int)(seconds / 3600)} h",
        _ => $"{(int)(seconds / 86400)} d",
    };

    private static DateTimeOffset? StartOf(TransactionDocument transaction) => transaction.Interval?.Start ?? transaction.Trigger?.At;

    private static string Dominant(TransactionDocument t) => t.Dominant is { } d ? $"{Sentences.Percent(d.Share)} {Sentences.Segment(d)}" : "";

    private static string Components(TransactionDocument t) => Sentences.Acted(t) is { Count: > 0 } acted ? string.Join(", ", acted) : "none";
}

internal sealed record HistoryDocument(string Schema, IReadOnlyList<HistoryItem> Items);

/// <param name="Components">Those that something was done to.</param>
/// <param name="Sentence">What the terminal says.</param>
internal sealed record HistoryItem(
    string Id, string Verb, string Environment, string? Outcome, int? ExitCode, DateTimeOffset? At, DateTimeOffset? Start, DateTimeOffset? End, double? Seconds,
    double? ArtifactPublishSeconds, double? RolloutSeconds, DominantReport? Dominant, IReadOnlyList<string> Components, string Sentence);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(HistoryDocument))]
[JsonSerializable(typeof(SegmentHistoryDocument))]
internal sealed partial class ViewJson : JsonSerializerContext;
