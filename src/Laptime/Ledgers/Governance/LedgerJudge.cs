namespace Laptime.Ledgers.Governance;

/// <summary>The governance axis: a pure function of what was read. It never looks at what a body does, only at who is who.</summary>
public static class LedgerJudge
{
    public static GovernanceReport Judge(LedgerState state)
    {
        var effects = new EffectView(state);
        var findings = new List<LedgerFinding>();
        findings.AddRange(Collisions.Of(state, effects));
        findings.AddRange(Records.Of(state, effects));
        findings.AddRange(Places.Of(state));
        findings.AddRange(Ownership.Of(state));
        return new GovernanceReport([.. findings.Select(f => Answered(state, f)).OrderByDescending(static f => f.Weight).ThenBy(static f => Place(f.Kind))]);
    }

    /// <summary>Where nobody disputes the number, whoever answers for its file is whom to ask.</summary>
    private static LedgerFinding Answered(LedgerState state, LedgerFinding finding) =>
        finding.Owner is null && state.Here.Migrations.FirstOrDefault(m => finding.Files.Contains(state.Shown(m.File, null))) is { } migration && state.OwnerOf(migration.File) is { } who
            ? finding with { Owner = $"{who} ({state.Owners.Source}){(state.Known.Any(m => m.Id == migration.Id && m.Kind == migration.Kind && m.File != migration.File) ? "" : "; nobody else claims the number")}" }
            : finding;

    private static int Place(FindingKind kind)
    {
        var all = FindingKind.All;
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i] == kind)
            {
                return i;
            }
        }

        return all.Count;
    }
}

/// <summary>What the look-up in the catalog says of each migration.</summary>
internal sealed class EffectView
{
    private readonly IReadOnlyDictionary<Migration, IReadOnlyList<CatalogObject>> expected;
    private readonly CatalogFacts? facts;

    public EffectView(LedgerState state)
    {
        facts = state.Facts;
        expected = facts is null ? new Dictionary<Migration, IReadOnlyList<CatalogObject>>() : AppliedEffects.Expected(state.Tool, state.Known, state.Applied);
    }

    /// <summary>Objects it should have left and that are not there.</summary>
    public IReadOnlyList<CatalogObject> Missing(Migration migration) => [.. Expected(migration).Where(o => !facts!.Present.Contains(o))];

    public IReadOnlyList<CatalogObject> Present(Migration migration) => [.. Expected(migration).Where(o => facts!.Present.Contains(o))];

    public IReadOnlyList<CatalogObject> Invalid(Migration migration) => [.. Expected(migration).Where(o => facts!.Invalid.Contains(o))];

    /// <summary>True: all of its effect is there; false: some is not; null: its text leaves nothing to look up.</summary>
    public bool? IsThere(Migration migration) => Expected(migration).Count == 0 ? null : Missing(migration).Count == 0;

    private IReadOnlyList<CatalogObject> Expected(Migration migration) => expected.TryGetValue(migration, out var objects) ? objects : [];
}

/// <summary>Words that findings share.</summary>
internal static class Wording
{
    public static string List(IEnumerable<string> items, int most = 4)
    {
        var all = items.ToList();
        return all.Count <= most ? string.Join(", ", all) : string.Join(", ", all.Take(most - 1)) + $" and {all.Count - most + 1} more";
    }

    public static string Objects(IEnumerable<CatalogObject> objects) => List(objects.Select(static o => o.ToString()));

    public static string Name(Migration migration) => migration.File[(migration.File.LastIndexOf('/') + 1)..];

    /// <summary>What the ledger says of an identifier.</summary>
    public static string? Row(LedgerState state, AppliedMigration? row, string version) => state.Applied is not { } applied ? null
        : row is null ? $"{applied.Table} has no row for {version}"
        : row.Implied ? $"{applied.Table} stands beyond {version}: it counts as applied without a row"
        : $"{applied.Table} has {row.Version}{(row.Name is { Length: > 0 } name && name != row.Version ? $" ({name})" : "")}{(row.AppliedAt is { Length: > 0 } at ? $", applied {at}" : "")}{(row.Detail is { } detail ? $", {detail}" : "")}";
}
