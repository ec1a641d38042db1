namespace Laptime.Fingerprints;

/// <summary>What a scan depended on outside the folders it walked.</summary>
internal enum FactKind : ushort
{
    /// <summary>A file with this stat and content.</summary>
    File = 1,

    /// <summary>There was nothing at this path.</summary>
    Absent = 2,

    /// <summary>There was a folder at this path; what is in it does not matter.</summary>
    Folder = 3,

    /// <summary>A git index: only the set of its paths matters.</summary>
    GitIndex = 4,
}

/// <param name="Path">Relative to the workspace root, or absolute.</param>
/// <param name="Content">Digest; for a git index the checksum of its paths in the first eight bytes.</param>
/// <param name="HashSize">Of a git index: bytes of an object name.</param>
internal readonly record struct ScanFact(FactKind Kind, string Path, FileStat Stat, Digest Content, int HashSize);

/// <summary>Reads the files that rules come from and remembers each, found or not. Used by one thread at a time under its lock.</summary>
internal sealed class ScanFacts(FileWalker walker) : IDisposable
{
    private const int MaxBytes = 256 * 1024 * 1024;
    private readonly Dictionary<string, Known> known = new(StringComparer.Ordinal);

    /// <summary>Files that changed while they were read; nothing about them may be kept.</summary>
    public bool Unstable { get; private set; }

    public IReadOnlyList<ScanFact> All
    {
        get
        {
            var all = new ScanFact[known.Count];
            var at = 0;
            foreach (var had in known.Values)
            {
                all[at++] = had.Fact;
            }

            return all;
        }
    }

    /// <summary>What is at a path, links followed. Only "nothing", "a folder" or "a file" is remembered as a fact, never a folder's times.</summary>
    public EntryType? TypeOf(string path)
    {
        if (known.TryGetValue(path, out var had))
        {
            return had.Fact.Kind switch { FactKind.Absent => null, FactKind.Folder => EntryType.Folder, _ => EntryType.File };
        }

        if (!walker.Stat(path, follow: true, out var stat))
        {
            Remember(new ScanFact(FactKind.Absent, path, default, Digest.None, 0), null);
            return null;
        }

        if (stat.Type == EntryType.Folder)
        {
            Remember(new ScanFact(FactKind.Folder, path, stat, Digest.None, 0), null);
            return EntryType.Folder;
        }

        return stat.Type == EntryType.File && Read(path) is not null ? EntryType.File : stat.Type;
    }

    /// <summary>Content of a file, links followed; null when there is no file.</summary>
    public byte[]? Read(string path) => Read(path, FactKind.File, 0);

    /// <summary>Digest of a file that was read; none when there is none.</summary>
    public Digest ContentOf(string path) => known.TryGetValue(path, out var had) ? had.Fact.Content : Digest.None;

    public byte[]? ReadGitIndex(string path, int hashSize) => Read(path, FactKind.GitIndex, hashSize);

    public void Dispose() => walker.Dispose();

    private byte[]? Read(string path, FactKind kind, int hashSize)
    {
        if (known.TryGetValue(path, out var had))
        {
            return had.Content;
        }

        for (var attempt = 0; ; attempt++)
        {
            if (!walker.Stat(path, follow: true, out var stat))
            {
                Remember(new ScanFact(FactKind.Absent, path, default, Digest.None, 0), null);
                return null;
            }

            if (stat.Type != EntryType.File)
            {
                Remember(new ScanFact(stat.Type == EntryType.Folder ? FactKind.Folder : FactKind.File, path, stat, Digest.None, 0), null);
                return null;
            }

            if (stat.Size > MaxBytes)
            {
                throw new UnreadableException(path, "it is too large for a file of rules");
            }

            if (walker.ReadFile(path) is not { } content)
            {
                continue;
            }

            if ((!walker.Stat(path, follow: true, out var after) || !after.SameAs(stat)) && attempt < 3)
            {
                continue;
            }

            Unstable |= !after.SameAs(stat);
            var digest = kind == FactKind.GitIndex ? new Digest(TrackedPaths.NamesOf(content, hashSize) ?? 0, 0, 0, 0) : Digest.Of(content);
            Remember(new ScanFact(kind, path, stat, digest, hashSize), content);
            return content;
        }
    }

    private void Remember(ScanFact fact, byte[]? content) => known[fact.Path] = new Known(fact, content);

    private sealed class Known(ScanFact fact, byte[]? content)
    {
        public readonly ScanFact Fact = fact;
        public readonly byte[]? Content = content;
    }
}
