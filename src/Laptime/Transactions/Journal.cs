namespace Laptime.Transactions;

/// <summary>
/// The history of transactions: history, not belief (what runs is read from the target). Intent is durable before the world is touched, the outcome after.
/// One contract suite holds for all journals. Safe for several processes at once.
/// </summary>
public abstract class Journal : IDisposable
{
    /// <summary>Records that a transaction begins: durable when it returns.</summary>
    public abstract void Begin(TransactionEvent.Began began);

    /// <summary>Appends an event; may be lost on power failure, never on a killed process.</summary>
    public abstract void Append(string transaction, TransactionEvent happened);

    /// <summary>Records the end: durable when it returns. The document then is what <see cref="Load"/> gives.</summary>
    public abstract void End(TransactionDocument document);

    /// <summary>The newest first. Null <paramref name="environment"/> means all.</summary>
    public abstract IReadOnlyList<TransactionDocument> List(string? environment, int most);

    /// <summary>A transaction by id, as far as it came; null when unknown.</summary>
    public abstract TransactionDocument? Load(string transaction);

    /// <summary>Transactions that began and did not end, with their owners: a dead owner's is closed as interrupted by the next run.</summary>
    public abstract IReadOnlyList<TransactionEvent.Began> Open();

    /// <summary>
    /// Keeps a document of another kind (a baseline, an experiment, a race): durable when it returns. One of the same kind and id is replaced, and its
    /// samples stay.
    /// </summary>
    public abstract void Save(JournalRecord record);

    /// <summary>
    /// Adds a sample to a record, after those that it has: durable when it returns, and never changed after.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no such record.</exception>
    public abstract void AddSample(string kind, string id, string json);

    /// <summary>The records of a kind, without their samples: the newest first; of one moment the one that was saved first comes last.</summary>
    public abstract IReadOnlyList<JournalRecord> Records(string kind);

    /// <summary>Null when there is none.</summary>
    public abstract JournalRecord? FindRecord(string kind, string id);

    /// <summary>The samples of a record in the order they were added; empty when there is no such record.</summary>
    public abstract IReadOnlyList<string> Samples(string kind, string id);

    /// <summary>Takes a record and its samples away: durable when it returns. False when there was none.</summary>
    public abstract bool Remove(string kind, string id);

    public abstract void Dispose();
}

/// <summary>A document that is no transaction. The journal keeps it and does not read it.</summary>
/// <param name="Kind">What it is: <c>baseline</c>, <c>experiment</c>, <c>race</c>.</param>
/// <param name="Id">Unique within its kind.</param>
/// <param name="At">What the list is ordered by; stays what it was when the record is saved again.</param>
/// <param name="Json">The document.</param>
public sealed record JournalRecord(string Kind, string Id, DateTimeOffset At, string Json);
