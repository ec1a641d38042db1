using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers.Governance;

/// <summary>What the catalog should hold if the ledger is right, and what it does hold.</summary>
internal static class AppliedEffects
{
    /// <summary>By migration, what it should have left behind; of those that dispute a number that no row has, what each would leave. Empty without a ledger.</summary>
    public static IReadOnlyDictionary<Migration, IReadOnlyList<CatalogObject>> Expected(LedgerTool tool, IReadOnlyList<Migration> known, AppliedLedger? applied)
    {
        if (applied is null)
        {
            return new Dictionary<Migration, IReadOnlyList<CatalogObject>>();
        }

        var byId = known.Where(static m => m.Kind is MigrationKind.Versioned or MigrationKind.Repeatable).ToLookup(static m => (Repeats(m.Kind), m.Id));
        var place = known.Select(static (m, i) => (m, i)).GroupBy(static p => p.m.Id).ToDictionary(static g => g.Key, static g => g.Min(static p => p.i));
        var ran = new List<Migration?>();
        foreach (var row in applied.Rows.Where(static r => r.State == AppliedState.Applied && r.Kind != MigrationKind.Baseline)
            .OrderBy(r => tool.Rules.KeepsOrder ? r.Rank ?? long.MaxValue : 0).ThenBy(r => place.GetValueOrDefault(r.Id, -1)))
        {
            var bodies = byId[(Repeats(row.Kind), row.Id)].ToList();
            if (bodies.Count == 0)
            {
                ran.Add(null);
            }
            else
            {
                ran.AddRange(bodies);
            }
        }

        var expected = ExpectedEffects.Of(ran);
        var rows = applied.Rows.Select(static r => r.Id).ToHashSet();
        var disputed = Collisions.Disputed(known).Where(m => !rows.Contains(m.Id)).ToList();
        return disputed.Count == 0 ? expected : ExpectedEffects.Beside(expected, disputed);
    }

    /// <summary>Everything that has to be looked up to judge.</summary>
    public static IReadOnlyCollection<CatalogObject> ToLookUp(LedgerTool tool, IReadOnlyList<Migration> known, AppliedLedger? applied) => Expected(tool, known, applied).Values.SelectMany(static o => o).ToHashSet();

    private static bool Repeats(MigrationKind kind) => kind == MigrationKind.Repeatable;
}
