using System.Text.Json;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Reports;

/// <summary>The reports of past transactions as files, one pair for each: <c>ID.md</c> for people, <c>ID.json</c> for programs. The newest 200 pairs are kept.</summary>
/// <param name="folder">Where they are; made when missing.</param>
public sealed class ReportFiles(string folder)
{
    private const int Kept = 200;

    public string Markdown(string transaction) => Path.Combine(folder, Name(transaction) + ".md");

    public string Json(string transaction) => Path.Combine(folder, Name(transaction) + ".json");

    /// <summary>Writes both files, each whole or not at all; writing again replaces them.</summary>
    /// <exception cref="LapException">The folder cannot be written. The journal has the transaction all the same.</exception>
    public void Write(TransactionDocument document)
    {
        try
        {
            Directory.CreateDirectory(folder);
            // Not synchronised to the disk: the journal is durable, and a report can be written again from it.
            AtomicFile.Write(Markdown(document.Id), MarkdownReport.Render(document), durable: false);
            AtomicFile.Write(Json(document.Id), JsonSerializer.SerializeToUtf8Bytes(document, TransactionJson.Readable.TransactionDocument), durable: false);
            Prune();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException(
                $"the report cannot be written: {e.Message}", folder,
                $"free some space, or make the folder writable for this user; `lap report {document.Id}` shows the report from the journal");
        }
    }

    private void Prune()
    {
        var ids = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(folder, "tx-*"))
        {
            var id = Path.GetFileNameWithoutExtension(file);
            if (TransactionId.TryParse(id, out _))
            {
                ids.Add(id);
            }
        }

        // Ids sort by time.
        foreach (var id in ids.Take(Math.Max(0, ids.Count - Kept)))
        {
            File.Delete(Markdown(id));
            File.Delete(Json(id));
        }
    }

    private static string Name(string transaction) =>
        TransactionId.TryParse(transaction, out var id) ? id.Text : throw new ArgumentException($"not a transaction id: {transaction}", nameof(transaction));
}
