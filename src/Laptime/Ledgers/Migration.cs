using Laptime.Fingerprints;
using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers;

/// <summary>What a migration file is for.</summary>
public enum MigrationKind
{
    /// <summary>Applied once, at its place in the order.</summary>
    Versioned,

    /// <summary>Applied again whenever its content changed, after the versioned ones.</summary>
    Repeatable,

    /// <summary>Takes a versioned one back; never recorded as applied by itself.</summary>
    Undo,

    /// <summary>Stands for everything up to its version.</summary>
    Baseline,
}

/// <summary>One migration as the files tell it: a file, or one change set in a file. Identity is <see cref="Id"/>, <see cref="Name"/> and <see cref="Content"/> together; no one of them alone proves which body ran.</summary>
public sealed record Migration
{
    /// <summary>The identifier that the tool's ledger keys on, in the tool's canonical form: two migrations of one kind with the same one share a row. <c>42</c>, <c>20240101120000_AddUsers</c>, <c>shop.0003_cart</c>, <c>cart-1::ann::db/changelog.sql</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The number or stamp as it is written: <c>0042</c>. Where two migrations carry the same one, people (if not the tool) take them for the same place in the order.</summary>
    public required string Version { get; init; }

    /// <summary>What the author called it: <c>add_users</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Relative to the ledger's folder, with '/'.</summary>
    public required string File { get; init; }

    public MigrationKind Kind { get; init; } = MigrationKind.Versioned;

    /// <summary>SHA-256 of the bytes without a byte order mark and with LF: equal on every system. Of the change set's own text where a file holds several.</summary>
    public required Digest Content { get; init; }

    /// <summary>What the tool would record as its checksum; null: the tool keeps none, or it cannot be computed honestly (<see cref="LedgerTool.Checksums"/> says which).</summary>
    public string? Checksum { get; init; }

    /// <summary>The SQL that applies it; null: it is written in another language.</summary>
    public string? Up { get; init; }

    /// <summary>Its file is larger than is held in memory, and all of the file is the SQL that applies it: it may be read as a stream. <see cref="Up"/> is null then, and <see cref="Content"/> says nothing.</summary>
    public bool IsStream { get; init; }

    /// <summary>The SQL that takes it back; null: there is none, or it is written in another language.</summary>
    public string? Down { get; init; }

    /// <summary>Whether the tool applies it inside one transaction; null: the tool's default for this database.</summary>
    public bool? InTransaction { get; init; }

    /// <summary>Ids it builds on, in tools whose order is a graph.</summary>
    public IReadOnlyList<string> Parents { get; init; } = [];

    /// <summary>Change sets of which this one is the sum: a squashed migration stands for them.</summary>
    public IReadOnlyList<string> Replaces { get; init; } = [];

    /// <summary>What it does to the catalog as far as the text says so, in order; read on first use.</summary>
    public IReadOnlyList<CatalogChange> Changes => field ??= ReadChanges?.Invoke() ?? (Up is null ? [CatalogChange.Unclear.All] : SqlChanges.Of(Up));

    /// <summary>For other languages than SQL.</summary>
    internal Func<IReadOnlyList<CatalogChange>>? ReadChanges { get; init; }
}
