namespace Laptime.Ledgers;

/// <summary>What a tool does with a migration that is not applied although a later one is.</summary>
public enum LateMigration
{
    /// <summary>Applies it, after the later one.</summary>
    Applies,

    /// <summary>Refuses to go on.</summary>
    Refuses,

    /// <summary>Never applies it, and says nothing.</summary>
    Skips,

    /// <summary>The order is a graph: there is no later one.</summary>
    Graph,
}

/// <summary>How a tool keeps its ledger: what the judging needs to know of it, in facts and words.</summary>
public sealed record LedgerRules
{
    public required LateMigration Late { get; init; }

    /// <summary>What the tool does when two files carry one identifier, a clause after its name: "applies the first and takes the second for applied".</summary>
    public required string OnSameId { get; init; }

    /// <summary>Whether the ledger's order of rows is the order in which they were applied.</summary>
    public bool KeepsOrder { get; init; }

    /// <summary>Whether the ledger names only where it stands, not what it applied.</summary>
    public bool HeadOnly { get; init; }

    /// <summary>Whether the number is only a part of the identifier, so that two may carry the same one and both run.</summary>
    public bool SharesNumbers { get; init; }

    /// <summary>Whether a checksum covers everything before it too: only the first that differs says anything.</summary>
    public bool ChecksumRunsOn { get; init; }
}

/// <summary>
/// A migration tool: which files are its, what its ledger table says, and how it orders and identifies migrations. Reads only; never runs the tool.
/// Every tool passes one suite (LedgerToolContract).
/// </summary>
public abstract class LedgerTool
{
    /// <summary>As laptime.yaml has it: <c>golang-migrate</c>.</summary>
    public abstract string Name { get; }

    /// <summary>As people call it.</summary>
    public abstract string Title { get; }

    public abstract LedgerRules Rules { get; }

    /// <summary>What of the checksums can be compared, in a clause: "CRC32 over the lines, compared"; "none are kept".</summary>
    public abstract string Checksums { get; }

    /// <summary>Names of the tables that are its ledger, any schema, any case.</summary>
    public abstract IReadOnlyList<string> Tables { get; }

    /// <summary>How a folder shows that it is this tool's, in words with the file that shows it; null: it does not.</summary>
    public abstract string? Recognise(MigrationFolder folder);

    /// <summary>Its migrations, in the tool's order.</summary>
    public abstract MigrationSet Read(MigrationFolder folder);

    /// <summary>What the ledger's tables say; null: none of them is a ledger of this tool.</summary>
    /// <param name="migrations">For ledgers that only keep where they stand.</param>
    public abstract AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations);

    /// <summary>The tool's order of two identifiers.</summary>
    public virtual int Compare(string a, string b) => string.CompareOrdinal(a, b);
}

/// <summary>What a folder holds for a tool.</summary>
/// <param name="Migrations">In the tool's order.</param>
/// <param name="Unread">Files that look like migrations and are none the tool would take, each with why.</param>
public sealed record MigrationSet(IReadOnlyList<Migration> Migrations, IReadOnlyList<UnreadFile> Unread)
{
    public static readonly MigrationSet Empty = new([], []);
}

/// <param name="File">Relative to the ledger's folder.</param>
/// <param name="Why">In a clause.</param>
public sealed record UnreadFile(string File, string Why);
