namespace Laptime.Ledgers.Behaviour;

/// <summary>Whether a body may be applied twice. Ordered: the worse one is the greater.</summary>
public enum Answer
{
    /// <summary>The second time changes nothing.</summary>
    Yes,

    /// <summary>Nobody can say from this.</summary>
    Unknown,

    /// <summary>The second time fails or changes something.</summary>
    No,
}

/// <summary>What the text of one statement says of being run twice: a hint, no evidence.</summary>
/// <param name="Line">Where it begins, 1 is the first.</param>
/// <param name="Head">Its first words, for people.</param>
/// <param name="Why">In a clause.</param>
public sealed record StatementReading(long Line, string Head, Answer Repeats, string Why)
{
    /// <summary>It begins, ends or marks a transaction.</summary>
    public bool ControlsTransaction { get; init; }

    /// <summary>The server refuses it inside a transaction.</summary>
    public bool OutsideTransaction { get; init; }

    /// <summary>It changes rows that must be there: with none it shows nothing.</summary>
    public bool NeedsRows { get; init; }

    /// <summary>An index that a CREATE … IF NOT EXISTS passes over when it is there, valid or not; null: none.</summary>
    public string? GuardedIndex { get; init; }

    /// <summary>The table whose rows or shape it changes, or what it drops; null: none that the text names.</summary>
    public CatalogObject? Touches { get; init; }

    /// <summary>What of the whole server, not of the database, it is about; null: of nothing.</summary>
    public string? ServerWide { get; init; }
}
