namespace Laptime.Fingerprints;

/// <summary>A folder that was walked, with every name in it sorted by its bytes.</summary>
internal sealed class ScannedFolder(string path)
{
    public readonly string Path = path;
    public FileStat Stat;

    /// <summary>Something in it moved while it was listed: its stamps prove nothing.</summary>
    public bool Racy;
    public ScannedEntry[] Entries = [];
    public int Count;

    public string Below(string name) => Path.Length == 0 ? name : Path + "/" + name;
}

/// <summary>One name in a folder. A class, so that sorting needs no code that is not compiled ahead of time.</summary>
internal sealed class ScannedEntry(string name)
{
    public readonly string Name = name;

    /// <summary>One of <see cref="IndexFormat"/>'s uses: input, rule, walked, left out.</summary>
    public ushort Use;
    public EntryType Type;

    /// <summary>Which entry it is of the folder that a walker has open.</summary>
    public int Number;
    public bool Unstable;
    public FileStat Stat;
    public Digest Content;

    /// <summary>Numbers of the groups (components) it is an input of.</summary>
    public int[]? Groups;
}
