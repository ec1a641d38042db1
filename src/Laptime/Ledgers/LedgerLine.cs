using Laptime.Ledgers.Governance;

namespace Laptime.Ledgers;

/// <summary>One migration, or one row without a file, as the listing shows it.</summary>
/// <param name="State">applied, pending, partial, implied, baseline, missing-file; unknown: no database was asked.</param>
/// <param name="Effect">True: in the catalog; false: something of it is not; null: there is nothing to look up, or nobody looked.</param>
public sealed record LedgerLine(string Id, string Version, string Name, string Kind, string? File, string State, bool? Effect, string? Owner, Migration? Migration, AppliedMigration? Row)
{
    /// <summary>Files in the tool's order, then the rows that no file has.</summary>
    public static IReadOnlyList<LedgerLine> Of(LedgerReading reading)
    {
        var state = reading.State;
        var effects = new EffectView(state);
        // The effects are known by the instances that were judged.
        var judged = state.Known.GroupBy(static m => (m.Kind, m.Id, m.File)).ToDictionary(static g => g.Key, static g => g.First());
        var rows = state.Applied?.Rows.GroupBy(static r => (r.Kind == MigrationKind.Repeatable, r.Id)).ToDictionary(static g => g.Key, static g => g.First());
        var lines = new List<LedgerLine>();
        var seen = new HashSet<(bool, string)>();
        foreach (var migration in state.Here.Migrations.Where(static m => m.Kind != MigrationKind.Undo))
        {
            var key = (migration.Kind == MigrationKind.Repeatable, migration.Id);
            seen.Add(key);
            var row = rows?.GetValueOrDefault(key);
            var effect = row is null || row.Kind == MigrationKind.Baseline ? null : judged.TryGetValue((migration.Kind, migration.Id, migration.File), out var known) ? effects.IsThere(known) : null;
            lines.Add(new LedgerLine(
                migration.Id, migration.Version, migration.Name, migration.Kind.ToString().ToLowerInvariant(), state.Shown(migration.File, null), StateOf(state, row), effect,
                state.OwnerOf(migration.File), migration, row));
        }

        foreach (var row in state.Applied?.Rows.Where(r => !r.Implied && !seen.Contains((r.Kind == MigrationKind.Repeatable, r.Id))) ?? [])
        {
            lines.Add(new LedgerLine(row.Id, row.Version, row.Name ?? "", row.Kind.ToString().ToLowerInvariant(), null, "missing-file", null, null, null, row));
        }

        return lines;
    }

    private static string StateOf(LedgerState state, AppliedMigration? row) => state.Applied is null ? "unknown" : row switch
    {
        null => "pending",
        { State: AppliedState.Partial } => "partial",
        { Kind: MigrationKind.Baseline } => "baseline",
        { Implied: true } => "implied",
        _ => "applied",
    };
}
