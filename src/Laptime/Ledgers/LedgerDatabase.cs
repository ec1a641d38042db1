using Laptime.Foundations;

namespace Laptime.Ledgers;

/// <summary>
/// A database that is read for its ledger. Nothing is written: PostgreSQL is asked in a read-only transaction, a SQLite file is opened read-only.
/// Opened on the first question. Not safe for several threads.
/// </summary>
public abstract class LedgerDatabase : IAsyncDisposable
{
    public abstract DatabaseAddress Address { get; }

    /// <summary>The tables of those names, in every schema the user may read, with all their rows. One question.</summary>
    /// <param name="names">Compared without case.</param>
    /// <exception cref="FaultException">Unreachable, not let in, or no answer within the bound; the message never holds the password.</exception>
    public abstract Task<IReadOnlyList<TableRows>> ReadTablesAsync(IReadOnlyCollection<string> names, CancellationToken cancel);

    /// <summary>Which of the objects are there. One question. An object without a schema is looked for in every schema that is not the system's.</summary>
    /// <exception cref="FaultException">As above.</exception>
    public abstract Task<CatalogFacts> LookUpAsync(IReadOnlyCollection<CatalogObject> objects, CancellationToken cancel);

    public abstract ValueTask DisposeAsync();
}
