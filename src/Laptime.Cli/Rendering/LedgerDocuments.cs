using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Ledgers.Governance;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap ledger check -o json</c>: two axes that never meet.</summary>
internal sealed record LedgerCheckDocument(
    string Schema, string Outcome, int ExitCode, IReadOnlyList<LedgerSummary> Ledgers, IReadOnlyList<GovernanceItem> Governance, IReadOnlyList<BehaviourItem> Behaviour);

/// <param name="Applied">Null: no database was asked.</param>
internal sealed record LedgerSummary(
    string Name, string Tool, string? Evidence, string Path, string Files, string? Database, string DatabaseWords, string Checksums, int Migrations, int? Applied, IReadOnlyList<string>? Pending,
    LedgerVerdict Governance, LedgerVerdict Behaviour, string BehaviourPolicy, IReadOnlyList<UnreadItem> Unread);

internal sealed record LedgerVerdict(string Verdict, string What);

internal sealed record UnreadItem(string File, string Why);

internal sealed record GovernanceItem(string Ledger, string Kind, string Weight, string Id, IReadOnlyList<string> Files, string What, string? Owner, string? Records, string Mend);

internal sealed record BehaviourItem(string Ledger, string Id, string File, string Verdict, string Weight, string What, IReadOnlyList<string> Evidence);

/// <summary><c>lap ledger show -o json</c>.</summary>
internal sealed record LedgerShowDocument(string Schema, IReadOnlyList<LedgerItem> Items);

/// <param name="State">applied, pending, partial, implied, baseline, missing-file; unknown: no database was asked.</param>
/// <param name="Effect">there, missing; null: nothing to look up, or nobody looked.</param>
internal sealed record LedgerItem(
    string Id, string Ledger, string Version, string Name, string Kind, string? File, string State, string? AppliedAt, string? Checksum, string? Recorded, string? Effect, string? Owner, string? Content);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LedgerCheckDocument))]
[JsonSerializable(typeof(LedgerShowDocument))]
internal sealed partial class LedgerJson : JsonSerializerContext
{
    public static LedgerJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

internal static class LedgerDocuments
{
    public static string Check(IReadOnlyList<LedgerReading> readings, Outcome outcome) => JsonSerializer.Serialize(
        new LedgerCheckDocument(
            "laptime/ledger-check/v1", outcome.Name, outcome.ExitCode, [.. readings.Select(Summary)],
            [.. readings.SelectMany(static r => r.Governance.Findings.Select(f => new GovernanceItem(r.Settings.Name, f.Kind.Name, Weight(f.Weight), f.Id, f.Files, f.What, f.Owner, f.Records, f.Mend)))],
            [.. readings.SelectMany(static r => r.Behaviour.Findings.Select(f => new BehaviourItem(r.Settings.Name, f.Id, f.File, f.Verdict, Weight(f.Weight), f.What, f.Evidence)))]),
        LedgerJson.Readable.LedgerCheckDocument) + "\n";

    public static string Show(IReadOnlyList<LedgerReading> readings) => JsonSerializer.Serialize(
        new LedgerShowDocument("laptime/ledger/v1", [.. readings.SelectMany(static r => LedgerLine.Of(r).Select(l => Item(r, l)))]), LedgerJson.Readable.LedgerShowDocument) + "\n";

    private static LedgerSummary Summary(LedgerReading reading)
    {
        var state = reading.State;
        return new LedgerSummary(
            reading.Settings.Name, state.Tool.Name, reading.Evidence, reading.Settings.Path, reading.MergeWords, reading.Database?.Shown, reading.DatabaseWords, state.Tool.Checksums, state.Here.Migrations.Count,
            state.Applied?.Rows.Count(static r => r.State == AppliedState.Applied), reading.Pending?.Select(static m => m.File).ToList(),
            new LedgerVerdict(reading.Governance.Verdict, LedgerWords.Governance(reading.Governance)), new LedgerVerdict(reading.Behaviour.Verdict, reading.Behaviour.What), reading.Settings.Behaviour.ToString().ToLowerInvariant(),
            [.. state.Here.Unread.Select(static u => new UnreadItem(u.File, u.Why))]);
    }

    private static LedgerItem Item(LedgerReading reading, LedgerLine line) => new(
        line.Id, reading.Settings.Name, line.Version, line.Name, line.Kind, line.File, line.State, line.Row?.AppliedAt, line.Migration?.Checksum, line.Row?.Checksum,
        line.Effect switch { true => "there", false => "missing", null => null }, line.Owner, line.Migration?.Content.ToString());

    private static string Weight(FindingWeight weight) => weight == FindingWeight.Conflict ? "conflict" : "notice";
}
