using System.Formats.Tar;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Unpacks a tar into a new, empty folder and trusts nothing in it: a path that leaves the folder, passes through a link or comes twice, a link
/// that points out, a hard link, device or pipe ends the work. Owners, times and unusual modes are not taken over.
/// </summary>
internal static class TarUnpacker
{
    private static readonly UnixFileMode Plain = (UnixFileMode)0b110_100_100;
    private static readonly UnixFileMode Executable = (UnixFileMode)0b111_101_101;

    /// <exception cref="FaultException">The archive holds what no artifact may.</exception>
    /// <exception cref="InvalidDataException">It is no tar.</exception>
    public static async Task UnpackAsync(Stream tar, string folder, CancellationToken cancel)
    {
        // What is at each path so far: folders may come again, nothing else may.
        var folders = new HashSet<string>(StringComparer.Ordinal) { "" };
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var reader = new TarReader(tar, leaveOpen: true);
        await using (reader.ConfigureAwait(false))
        {
            while (await reader.GetNextEntryAsync(copyData: false, cancel).ConfigureAwait(false) is { } entry)
            {
                if (entry.EntryType is TarEntryType.GlobalExtendedAttributes)
                {
                    continue;
                }

                var path = entry.EntryType is TarEntryType.Directory ? entry.Name.TrimEnd('/') : entry.Name;
                path = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
                if (entry.EntryType is TarEntryType.Directory && path is "" or ".")
                {
                    continue;
                }

                if (!ArtifactPath.IsSafe(path))
                {
                    throw Hostile(entry.Name, "its path leaves the folder");
                }

                var parent = path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : "";
                MakeFolder(parent, entry.Name);
                var full = Path.Combine(folder, path);
                switch (entry.EntryType)
                {
                    case TarEntryType.Directory:
                        MakeFolder(path, entry.Name);
                        break;
                    case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile:
                        Take(path, entry.Name);
                        await WriteFileAsync(entry, full, cancel).ConfigureAwait(false);
                        break;
                    case TarEntryType.SymbolicLink:
                        Take(path, entry.Name);
                        if (ArtifactPath.LeavesArtifact(path, entry.LinkName))
                        {
                            throw Hostile(entry.Name, $"it is a link to {entry.LinkName}, out of the artifact");
                        }

                        File.CreateSymbolicLink(full, entry.LinkName);
                        break;
                    default:
                        throw Hostile(entry.Name, $"it is a {entry.EntryType}");
                }
            }
        }

        void Take(string path, string name)
        {
            if (folders.Contains(path) || !taken.Add(path))
            {
                throw Hostile(name, "its path comes twice");
            }
        }

        void MakeFolder(string path, string name)
        {
            if (folders.Contains(path))
            {
                return;
            }

            if (path.LastIndexOf('/') is >= 0 and var slash)
            {
                MakeFolder(path[..slash], name);
            }

            if (taken.Contains(path))
            {
                throw Hostile(name, $"{path} above it is a file or a link");
            }

            Directory.CreateDirectory(Path.Combine(folder, path));
            folders.Add(path);
        }
    }

    private static async Task WriteFileAsync(TarEntry entry, string path, CancellationToken cancel)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = (entry.Mode & UnixFileMode.UserExecute) != 0 ? Executable : Plain;
        }

        var file = new FileStream(path, options);
        await using (file.ConfigureAwait(false))
        {
            if (entry.DataStream is { } data)
            {
                await data.CopyToAsync(file, 128 << 10, cancel).ConfigureAwait(false);
            }
        }
    }

    private static FaultException Hostile(string name, string why) => new(new Fault(
        Outcome.RolloutFailed, $"the artifact is refused: its entry `{name}` is unsafe, {why}", null, "find out who wrote it; `lap deploy --force` builds a new one"));
}
