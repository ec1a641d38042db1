namespace Laptime.Ledgers.Behaviour;

public enum CallAnswer
{
    /// <summary>Somebody calls it: with a count, a window and a source.</summary>
    Called,

    /// <summary>Nobody was seen calling it: which is not that nobody does.</summary>
    NotObserved,

    /// <summary>There is nothing that could have seen it.</summary>
    CannotTell,

    /// <summary>The database in use does not have it yet: there is nothing that anybody could call.</summary>
    NotThere,
}

/// <summary>Whether what a migration defines or changes is in use.</summary>
/// <param name="What">In a sentence, with the window.</param>
/// <param name="Evidence">What else was seen, and what cannot be seen.</param>
public sealed record CallReading(CatalogObject Object, CallAnswer Answer, string What, IReadOnlyList<string> Evidence);

/// <summary>Finds names in the workspace's own files.</summary>
/// <param name="names">As the catalog has them.</param>
/// <returns>By name: files that mention it, apart from migrations. Null: nobody could look.</returns>
public delegate Task<IReadOnlyDictionary<string, IReadOnlyList<string>>?> MentionSearch(IReadOnlyCollection<string> names, CancellationToken cancel);
