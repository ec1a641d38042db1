namespace Laptime.Ledgers;

public enum AppliedState
{
    Applied,

    /// <summary>Begun and not ended well: dirty, failed, or some of its statements only.</summary>
    Partial,

    /// <summary>Applied and taken back.</summary>
    Undone,
}

/// <summary>One migration as the database's own ledger records it.</summary>
public sealed record AppliedMigration
{
    /// <summary>In the canonical form of <see cref="Migration.Id"/>.</summary>
    public required string Id { get; init; }

    /// <summary>As the row writes it.</summary>
    public required string Version { get; init; }

    /// <summary>Null: the ledger keeps none.</summary>
    public string? Name { get; init; }

    /// <summary>The file that the row names; null: it names none.</summary>
    public string? File { get; init; }

    public MigrationKind Kind { get; init; } = MigrationKind.Versioned;

    /// <summary>Null: the ledger keeps none, or has none for this row.</summary>
    public string? Checksum { get; init; }

    public AppliedState State { get; init; } = AppliedState.Applied;

    /// <summary>Place in the order of application, where the ledger keeps one.</summary>
    public long? Rank { get; init; }

    /// <summary>As the row writes it.</summary>
    public string? AppliedAt { get; init; }

    /// <summary>True: no row of its own; it follows from the one row that a head-only ledger has.</summary>
    public bool Implied { get; init; }

    /// <summary>What the ledger says of the partial state.</summary>
    public string? Detail { get; init; }
}

/// <summary>What a ledger table says, read by its tool.</summary>
/// <param name="Table">As the database names it.</param>
/// <param name="Rows">In the order of the ledger.</param>
public sealed record AppliedLedger(string Table, IReadOnlyList<AppliedMigration> Rows)
{
    /// <summary>What else the ledger says and somebody has to mend: a lock that was left.</summary>
    public IReadOnlyList<string> Trouble { get; init; } = [];
}

/// <summary>A table as it was read, every value as text.</summary>
/// <param name="Schema">Empty where the database has none.</param>
/// <param name="Name">As the catalog has it.</param>
public sealed record TableRows(string Schema, string Name, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string?>> Rows)
{
    public override string ToString() => Schema.Length == 0 ? Name : $"{Schema}.{Name}";

    /// <summary>Place of a column, whatever its case; -1: there is none.</summary>
    public int Column(string name)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            if (Columns[i].Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        return -1;
    }

    public string? Value(IReadOnlyList<string?> row, string column) => Column(column) is >= 0 and var at ? row[at] : null;
}
