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

    public abstract void Dispose();
}
