namespace Laptime.Ledgers.Behaviour;

/// <summary>What one meter read between the first application and the second.</summary>
/// <param name="Meter">error, rows, schema, content, tables, indexes, sequences, wal, changes, notices.</param>
/// <param name="What">In a sentence.</param>
/// <param name="Differs">It speaks against "the second time changes nothing".</param>
public sealed record MeterReading(string Meter, string What, bool Differs);

/// <summary>A body was applied twice to a scratch copy, or why it was not.</summary>
/// <param name="Repeats">What the evidence says.</param>
/// <param name="Why">In a sentence.</param>
public sealed record Trial(Answer Repeats, string Why, IReadOnlyList<MeterReading> Meters)
{
    /// <summary>False: no evidence, only a reason.</summary>
    public bool Ran { get; init; }

    /// <summary>What it was tried on, and what that copy left out.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public TimeSpan Elapsed { get; init; }

    public static Trial NotRun(string why) => new(Answer.Unknown, why, []);
}

/// <summary>What was observed while a body was applied twice.</summary>
public sealed record TrialFacts
{
    /// <summary>How the first application failed; null: it went through. A failure of the second is <see cref="SecondError"/>.</summary>
    public string? FirstError { get; init; }

    public string? SecondError { get; init; }

    /// <summary>Objects of the catalog that differ after the second time: <c>table public.a: changed</c>.</summary>
    public IReadOnlyList<string> Catalog { get; init; } = [];

    /// <summary>Tables whose rows differ after the second time, with the counts.</summary>
    public IReadOnlyList<string> Content { get; init; } = [];

    /// <summary>Null: the rows were not read (why).</summary>
    public string? ContentUnread { get; init; }

    /// <summary>Tables that were dropped and made anew.</summary>
    public IReadOnlyList<string> Remade { get; init; } = [];

    public IReadOnlyList<string> Sequences { get; init; } = [];

    /// <summary>Indexes that a guard passed over and that are not valid.</summary>
    public IReadOnlyList<string> InvalidIndexes { get; init; } = [];

    /// <summary>Statements that act on rows and found none, either time.</summary>
    public IReadOnlyList<string> Rowless { get; init; } = [];

    /// <summary>What the server said the second time ("already exists, skipping").</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];

    /// <summary>Bytes of WAL, or null; another session's are in it.</summary>
    public long? Wal { get; init; }

    /// <summary>Rows that the second time wrote, as the database counts them; null: not counted.</summary>
    public long? RowsWritten { get; init; }

    /// <summary>Transactions of the second time that changed the file, as SQLite counts them; null: not counted.</summary>
    public long? FileChanges { get; init; }

    public int TablesRead { get; init; }

    public int ObjectsRead { get; init; }
}
