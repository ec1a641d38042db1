namespace Laptime.Ledgers;

/// <summary>Kinds of objects that a migration is known by.</summary>
public enum CatalogKind
{
    Table,
    View,
    Column,
    Index,
    Function,
    Type,
    Sequence,
    Trigger,
}

/// <summary>An object in a database's catalog.</summary>
/// <param name="Schema">Null: not said; the search path decides.</param>
/// <param name="Table">Of a column, index or trigger; null for all others.</param>
/// <param name="Name">As the catalog has it: unquoted names folded to lower case.</param>
public sealed record CatalogObject(CatalogKind Kind, string? Schema, string? Table, string Name)
{
    public override string ToString() =>
        Kind.ToString().ToLowerInvariant() + " " + (Schema is null ? "" : Schema + ".") + (Table is null || Kind == CatalogKind.Index ? "" : Table + ".") + Name;
}

/// <summary>What one statement does to the catalog.</summary>
public abstract record CatalogChange
{
    private CatalogChange() { }

    public sealed record Creates(CatalogObject Object) : CatalogChange;

    public sealed record Drops(CatalogObject Object) : CatalogChange;

    /// <param name="To">The new name.</param>
    public sealed record Renames(CatalogObject Object, string To) : CatalogChange;

    /// <summary>A statement whose effect the text does not tell (a DO block, dynamic SQL, another language): what it names may be gone after it.</summary>
    /// <param name="Words">Every word of it, lower case.</param>
    /// <param name="Kinds">Kinds of which anything may be gone.</param>
    public sealed record Unclear(IReadOnlySet<string> Words, IReadOnlySet<CatalogKind> Kinds) : CatalogChange
    {
        public static readonly IReadOnlySet<CatalogKind> Every = new HashSet<CatalogKind>(Enum.GetValues<CatalogKind>());

        /// <summary>Anything may be gone.</summary>
        public static readonly Unclear All = new(new HashSet<string>(), Every);
    }
}

/// <summary>What the catalog said of the objects that were looked up.</summary>
/// <param name="Present">Those that are there.</param>
/// <param name="Invalid">Indexes that are there and not valid: a CREATE INDEX CONCURRENTLY that failed half way.</param>
public sealed record CatalogFacts(IReadOnlySet<CatalogObject> Present, IReadOnlySet<CatalogObject> Invalid);
