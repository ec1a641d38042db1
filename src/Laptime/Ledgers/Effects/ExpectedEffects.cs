namespace Laptime.Ledgers.Effects;

/// <summary>
/// What should be in the catalog after migrations ran, by migration: what one made and none after it took away. Whatever a later one may have taken away
/// is left out: an effect is only expected where the texts leave no doubt.
/// </summary>
internal static class ExpectedEffects
{
    /// <param name="applied">In the order in which they ran; null: one ran here of which there is no text.</param>
    public static IReadOnlyDictionary<Migration, IReadOnlyList<CatalogObject>> Of(IEnumerable<Migration?> applied)
    {
        var makers = new Dictionary<CatalogObject, Migration>();
        foreach (var migration in applied)
        {
            foreach (var change in migration?.Changes ?? [CatalogChange.Unclear.All])
            {
                Apply(change, migration, makers);
            }
        }

        return makers.GroupBy(static m => m.Value, static m => m.Key, ReferenceComparer.Instance)
            .ToDictionary(static g => g.Key, static g => (IReadOnlyList<CatalogObject>)[.. g], ReferenceComparer.Instance);
    }

    /// <summary>The same, and what each of the others would leave if it ran alone.</summary>
    public static IReadOnlyDictionary<Migration, IReadOnlyList<CatalogObject>> Beside(IReadOnlyDictionary<Migration, IReadOnlyList<CatalogObject>> expected, IReadOnlyList<Migration> others)
    {
        var all = new Dictionary<Migration, IReadOnlyList<CatalogObject>>(expected, ReferenceComparer.Instance);
        foreach (var (migration, objects) in others.SelectMany(static m => Of([m])))
        {
            all[migration] = objects;
        }

        return all;
    }

    private static void Apply(CatalogChange change, Migration? migration, Dictionary<CatalogObject, Migration> makers)
    {
        switch (change)
        {
            case CatalogChange.Creates { Object: var made }:
                // Who made it first is known by it: a second CREATE IF NOT EXISTS leaves no trace.
                makers.TryAdd(made, migration!);
                break;
            case CatalogChange.Drops { Object: var gone }:
                Remove(makers, o => Same(o, gone) || IsPart(o, gone));
                break;
            case CatalogChange.Renames { Object: var old, To: var to }:
                foreach (var (known, maker) in makers.Where(m => Same(m.Key, old) || IsPart(m.Key, old)).ToList())
                {
                    makers.Remove(known);
                    makers.TryAdd(Same(known, old) ? known with { Name = to } : known with { Table = to }, maker);
                }

                break;
            case CatalogChange.Unclear { Words: var words, Kinds: var kinds } when words.Count > 0 || kinds.Count > 0:
                Remove(makers, o => kinds.Contains(o.Kind) || words.Contains(o.Name.ToLowerInvariant()) || (o.Table is { } table && words.Contains(table.ToLowerInvariant())));
                break;
        }
    }

    /// <summary>A schema that is not said may be any.</summary>
    private static bool Same(CatalogObject known, CatalogObject named) =>
        Similar(known.Kind, named.Kind) && known.Name == named.Name && (known.Schema is null || named.Schema is null || known.Schema == named.Schema)
        && (known.Table is null || named.Table is null || known.Table == named.Table);

    private static bool Similar(CatalogKind a, CatalogKind b) => a == b || (a is CatalogKind.Table or CatalogKind.View && b is CatalogKind.Table or CatalogKind.View);

    private static bool IsPart(CatalogObject known, CatalogObject named) =>
        named.Kind is CatalogKind.Table or CatalogKind.View && known.Table == named.Name && (known.Schema is null || named.Schema is null || known.Schema == named.Schema);

    private static void Remove(Dictionary<CatalogObject, Migration> makers, Func<CatalogObject, bool> isGone)
    {
        foreach (var gone in makers.Keys.Where(isGone).ToList())
        {
            makers.Remove(gone);
        }
    }

    private sealed class ReferenceComparer : IEqualityComparer<Migration>
    {
        public static readonly ReferenceComparer Instance = new();

        public bool Equals(Migration? x, Migration? y) => ReferenceEquals(x, y);

        public int GetHashCode(Migration obj) => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(obj);
    }
}
