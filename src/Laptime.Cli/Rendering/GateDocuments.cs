using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Gates;
using Laptime.Reports;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary><c>laptime/gate/v1</c>: what claim, verify, veto and lift did.</summary>
/// <param name="Action"><c>claim</c>, <c>verify</c>, <c>veto</c>, <c>lift</c>.</param>
/// <param name="Verdict"><c>pass</c> or <c>fail</c>; null: it was no verification.</param>
/// <param name="Record">The newest file that was written, relative to gates.yaml; to be committed.</param>
internal sealed record GateDocument(
    string Schema, string Outcome, int ExitCode, string Item, string Action, string? Verdict, string? Revision, GatePerson By, bool Signed, string Record, string? Claim, string? Difference,
    IReadOnlyList<GateSuspect> Suspects, GateEnvironment? Environment, IReadOnlyList<GateRun> Runs, IReadOnlyList<GateEvidence> Evidence, string? Reason, GateStaleDocument? Stale, IReadOnlyList<string> Notes);

/// <summary><c>laptime/gate-status/v1</c>.</summary>
/// <param name="Done">Every item passes.</param>
internal sealed record GateStatusDocument(
    string Schema, string Outcome, int ExitCode, string File, string Revision, bool Done, IReadOnlyList<GateItemDocument> Items, IReadOnlyList<string> Uncommitted, IReadOnlyList<string> Orphans);

/// <param name="Status"><c>unclaimed</c>, <c>claimed</c>, <c>pass</c>, <c>fail</c>, <c>stale</c>, <c>veto</c>, <c>blocked</c>, <c>broken</c>.</param>
/// <param name="Why">The same in a sentence.</param>
/// <param name="Evidence">What it follows from: records, and files that the check left.</param>
internal sealed record GateItemDocument(
    string Id, string Text, string Status, string Why, string Check, IReadOnlyList<string> Needs, IReadOnlyList<GateEvidenceDocument> Evidence, GateRecordDocument? Claim,
    IReadOnlyList<GateRecordDocument> Verdicts, IReadOnlyList<GateRecordDocument> Vetoes, GateStaleDocument? Stale, IReadOnlyList<GateTrouble> Troubles);

/// <param name="File">Relative to gates.yaml; null: it was not kept.</param>
internal sealed record GateEvidenceDocument(string What, string? File, string Digest);

internal sealed record GateRecordDocument(string Kind, GatePerson By, DateTimeOffset At, string? Revision, string? Key, string File, string Digest, string? Reason, string? Difference);

internal sealed record GateStaleDocument(string What, string? Commit, string? Subject);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(GateDocument))]
[JsonSerializable(typeof(GateStatusDocument))]
internal sealed partial class GateViewJson : JsonSerializerContext
{
    public static GateViewJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Converters = { new UtcTime() }, WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

/// <summary>The documents of `lap gate`, from what the engine says.</summary>
internal static class GateDocuments
{
    public static string Status(GateBoard board, Outcome outcome) => JsonSerializer.Serialize(
        new GateStatusDocument("laptime/gate-status/v1", outcome.Name, outcome.ExitCode, board.Sheet.File, board.Revision, board.IsDone, [.. board.Items.Select(i => Item(i, board.Sheet))], board.Uncommitted, board.Orphans),
        GateViewJson.Readable.GateStatusDocument) + "\n";

    public static string Act(string action, GateItem item, StoredRecord record, IReadOnlyList<string> notes, StoredRecord? claim = null, GateStale? stale = null)
    {
        var outcome = record.Kind == "fail" ? Outcome.GateFailed : Outcome.Ok;
        var facts = record.Record;
        return JsonSerializer.Serialize(
            new GateDocument(
                "laptime/gate/v1", outcome.Name, outcome.ExitCode, item.Id, action, action == "verify" ? record.Kind : null, facts.Revision, facts.By, facts.Key is not null, record.File, claim?.File, facts.Difference,
                facts.Suspects ?? [], facts.Environment, facts.Runs ?? [], facts.Evidence ?? [], facts.Reason, stale is null ? null : new GateStaleDocument(stale.What, stale.Commit, stale.Subject), notes),
            GateViewJson.Readable.GateDocument) + "\n";
    }

    private static GateItemDocument Item(GateStanding standing, GateSheet sheet) => new(
        standing.Item.Id, standing.Item.Text, GateMarkdown.Word(standing.Status), standing.Why, standing.Item.Line, standing.Item.Needs, [.. Evidence(standing, sheet)],
        standing.Claim is { } claim ? Record(claim) : null, [.. standing.Verdicts.Select(Record)], [.. standing.Vetoes.Select(Record)],
        standing.Stale is { } stale ? new GateStaleDocument(stale.What, stale.Commit, stale.Subject) : null, standing.Troubles);

    private static IEnumerable<GateEvidenceDocument> Evidence(GateStanding standing, GateSheet sheet)
    {
        foreach (var record in standing.Vetoes.Concat(standing.Verdicts).Concat(standing.Claim is { } claim ? [claim] : []))
        {
            yield return new GateEvidenceDocument($"{record.Kind} by {record.Record.By}", record.File, record.Digest.ToString());
        }

        foreach (var file in standing.Claim?.Record.Evidence ?? [])
        {
            yield return new GateEvidenceDocument(file.Path, file.Kept is { } kept ? $"{sheet.Records}/{kept}" : null, file.Digest);
        }
    }

    private static GateRecordDocument Record(StoredRecord record) => new(
        record.Kind, record.Record.By, record.Record.At, record.Record.Revision, record.KnownKey, record.File, record.Digest.ToString(), record.Record.Reason, record.Record.Difference);
}
