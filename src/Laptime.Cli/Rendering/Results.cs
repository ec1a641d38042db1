using System.Text;
using System.Text.Json;
using Laptime.Cli.FastPath;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>The results of commands on stdout: one JSON document, or a page for people.</summary>
internal static class Results
{
    public static void Transaction(TransactionDocument document, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(document) : IsPlainlyUnchanged(document) ? Unchanged(document, terminal) : SummaryView.Render(document, terminal));

    public static void Plan(TransactionDocument plan, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(plan) : PlanView.Render(plan, terminal));

    public static void Promotion(TransactionDocument document, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(document) : GuardrailView.Render(document, terminal));

    public static void Report(TransactionDocument document, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(document) : ReportView.Render(document, terminal));

    public static void History(IReadOnlyList<TransactionDocument> transactions, DateTimeOffset now, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json
            ? JsonSerializer.Serialize(HistoryView.Document(transactions), ViewJson.Default.HistoryDocument) + "\n"
            : HistoryView.Render(transactions, now, terminal));

    public static void Segments(Reports.SegmentHistory? history, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json
            ? JsonSerializer.Serialize(SegmentHistoryView.Document(history), ViewJson.Default.SegmentHistoryDocument) + "\n"
            : SegmentHistoryView.Render(history, terminal));

    /// <summary>Nothing was done, and there is nothing to say but that: the same words as on the fast path.</summary>
    private static bool IsPlainlyUnchanged(TransactionDocument document) =>
        document is { Outcome: "unchanged", Warnings.Count: 0, Verb: not "publish" } && document.Components.All(c => c is { Action: "skip", Cause: "unchanged" });

    private static string Unchanged(TransactionDocument document, Terminal terminal)
    {
        var components = document.Components;
        var text = new Utf8Json();
        UnchangedView.Text(
            text, document.Id, document.Workspace, document.Environment, [.. components.Select(c => c.Name)], [.. components.Select(c => c.Reading?.Revision)],
            [.. components.Select(c => c.Signals.Ready.Status)], [.. components.Select(c => c.Endpoint)], [.. components.Select(c => c.Reading?.Instances ?? 0)],
            [.. components.Select(c => c.Reading?.Of ?? 0)], (long)((document.Interval?.Seconds ?? 0) * 1e9), [.. document.ParityGaps], terminal.Color);
        return Encoding.UTF8.GetString(text.Written);
    }

    public static string Json(TransactionDocument document) => JsonSerializer.Serialize(document, TransactionJson.Readable.TransactionDocument) + "\n";
}
