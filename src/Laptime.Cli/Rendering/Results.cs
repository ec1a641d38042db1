using System.Text.Json;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>The results of commands on stdout: one JSON document, or a page for people.</summary>
internal static class Results
{
    public static void Transaction(TransactionDocument document, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(document) : SummaryView.Render(document, terminal));

    public static void Plan(TransactionDocument plan, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(plan) : PlanView.Render(plan, terminal));

    public static void Report(TransactionDocument document, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json ? Json(document) : ReportView.Render(document, terminal));

    public static void History(IReadOnlyList<TransactionDocument> transactions, DateTimeOffset now, Terminal terminal, TextWriter output) =>
        output.Write(terminal.Json
            ? JsonSerializer.Serialize(HistoryView.Document(transactions), ViewJson.Default.HistoryDocument) + "\n"
            : HistoryView.Render(transactions, now, terminal));

    public static string Json(TransactionDocument document) => JsonSerializer.Serialize(document, TransactionJson.Readable.TransactionDocument) + "\n";
}
