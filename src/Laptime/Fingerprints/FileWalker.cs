using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// Reads folders and files below the workspace root: names, stats, content. One implementation for Linux, one for everywhere; both
/// give the same entries. One instance per thread. Paths are relative to the root, with '/' ("" is the root), or absolute.
/// Links are never followed, but in <see cref="Stat"/> when asked to.
/// </summary>
internal abstract class FileWalker : IDisposable
{
    /// <summary>False where no change time can be had: then a stat proves nothing and content is always read.</summary>
    public abstract bool HasChangeTime { get; }

    /// <summary>Names in the open folder.</summary>
    public int Count { get; protected set; }

    public static FileWalker Create(string root, bool portable) =>
        !portable && LinuxWalker.IsSupported ? new LinuxWalker(root) : new PortableWalker(root);

    /// <summary>Opens a folder, reads its stat and then its names. False: there is no such folder (or it is a link or a file).</summary>
    /// <exception cref="UnreadableException">It is there and cannot be listed.</exception>
    public abstract bool Open(string folder, out FileStat stat);

    /// <summary>Opens a folder to read files in it, without listing.</summary>
    public abstract bool Enter(string folder);

    public abstract string Name(int entry);

    public abstract EntryType Type(int entry);

    /// <summary>Stat of an entry of the open folder; false: it is gone.</summary>
    public abstract bool StatEntry(int entry, out FileStat stat);

    /// <summary>Stat of any path; false: nothing is there.</summary>
    public abstract bool Stat(string path, bool follow, out FileStat stat);

    /// <summary>
    /// Hashes a file or link of the folder that was opened or entered. <paramref name="before"/> is its stat when reading began;
    /// when afterwards it still is as <paramref name="listed"/>, it was so all the time and need not be asked before.
    /// </summary>
    /// <returns>False: it is gone.</returns>
    /// <exception cref="UnreadableException">It is there and cannot be read.</exception>
    public abstract bool Hash(string name, bool link, in FileStat listed, out Digest content, out FileStat before, out bool stable);

    /// <summary>
    /// Hashes an entry of the open folder that was never looked at: its stat is taken on the way. False: it is larger than <paramref name="most"/>, no file, gone,
    /// cannot be read, or it changed meanwhile; then <see cref="StatEntry"/> and <see cref="Hash"/> tell.
    /// </summary>
    public virtual bool TryHashEntry(int entry, long most, out Digest content, out FileStat stat)
    {
        (content, stat) = (Digest.None, default);
        return false;
    }

    /// <summary>Whole content of a small file by its path, links followed; null: it is gone or no file.</summary>
    /// <exception cref="UnreadableException">It is there and cannot be read.</exception>
    public abstract byte[]? ReadFile(string path);

    public abstract void Dispose();
}

/// <summary>A file or folder that is there and cannot be read. The scan collects these and names them all.</summary>
internal sealed class UnreadableException(string path, string why) : Exception($"cannot read {path}: {why}")
{
    public Problem Problem { get; } = new(
        $"cannot be read: {why}", PathText.Display(path),
        "make it readable for this user, let git ignore it, or take it out of `inputs` with a `!` pattern");
}
