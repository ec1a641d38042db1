namespace Laptime.Fingerprints;

/// <summary>What a check found that is still there under the same names but not proven to be the same. Filled by several workers.</summary>
internal sealed class Moves
{
    private readonly Lock gate = new();

    /// <summary>Files to read again: the number of each one's record, and beside it that of its folder.</summary>
    public List<long> Entries { get; } = [];

    public List<long> Folders { get; } = [];

    /// <summary>Folders whose stamps moved although their names are the same, with their stat from before the names were read.</summary>
    public List<Restamped> Restamped { get; } = [];

    public void AddEntry(long folder, long entry)
    {
        lock (gate)
        {
            Folders.Add(folder);
            Entries.Add(entry);
        }
    }

    public void AddFolder(long folder, FileStat stat) => Add(new Restamped(IsFolder: true, folder, stat));

    /// <summary>A git index that was written anew with the same paths.</summary>
    public void AddFact(long fact, FileStat stat) => Add(new Restamped(IsFolder: false, fact, stat));

    private void Add(Restamped moved)
    {
        lock (gate)
        {
            Restamped.Add(moved);
        }
    }
}

/// <param name="Number">Of the folder's record, or of the fact's.</param>
internal sealed record Restamped(bool IsFolder, long Number, FileStat Stat);
