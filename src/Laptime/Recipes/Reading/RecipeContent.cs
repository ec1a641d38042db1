using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;

namespace Laptime.Recipes.Reading;

/// <summary>What a file of a version is.</summary>
internal enum ContentSort
{
    File,
    Program,
    Link,
}

/// <param name="Path">Relative to the recipe, with '/'.</param>
/// <param name="Id">As git names the content.</param>
internal sealed record ContentEntry(string Path, ContentSort Sort, string Id);

/// <summary>
/// The files of one version of a recipe, from a working tree or from git, and the one way to write them somewhere. Names and links come from others: nothing is written, and no link leads,
/// out of the folder.
/// </summary>
internal static class RecipeContent
{
    /// <summary>A recipe is text and a few pictures; what is larger was left lying there.</summary>
    public const long MostBytes = 256L << 20;

    public const int MostFiles = 50_000;

    /// <exception cref="LapException">A name leaves the folder, or is one that tools take for their own.</exception>
    public static void CheckName(string path, string where)
    {
        if (path.Length == 0 || path.Length > 4096 || path.Contains('\0')
            || path.Split('/').Any(static s => s.Length == 0 || s is "." or ".." || s.Equals(".git", StringComparison.OrdinalIgnoreCase) || (OperatingSystem.IsWindows() && s.AsSpan().IndexOfAny('\\', ':') >= 0)))
        {
            throw new LapException($"the recipe has a file of the name `{Workspaces.Yaml.ProblemList.Short(path)}`, which leads out of its folder or into git's own", where, "such a version is not checked out: rename the file");
        }
    }

    /// <exception cref="LapException">The link leads out of the folder.</exception>
    public static void CheckLink(string path, string target, string where)
    {
        var depth = path.Count(static c => c == '/');
        var outside = target.Length == 0 || target[0] == '/' || Path.IsPathRooted(target) || target.Contains('\0');
        foreach (var segment in target.Split('/'))
        {
            depth += segment switch { "" or "." => 0, ".." => -1, _ => 1 };
            outside |= depth < 0;
        }

        if (outside)
        {
            throw new LapException($"`{Workspaces.Yaml.ProblemList.Short(path)}` is a link that leads out of the recipe, to `{Workspaces.Yaml.ProblemList.Short(target)}`", where,
                "put the file itself there: what lies outside is no part of a version");
        }
    }

    /// <summary>Writes files, then links, into an empty folder: with no link there yet, nothing can be written through one.</summary>
    /// <param name="read">The content of an entry; for a link its target.</param>
    /// <exception cref="LapException">A name or link leads out of the folder.</exception>
    public static async Task WriteAsync(IReadOnlyList<ContentEntry> entries, Func<ContentEntry, ReadOnlyMemory<byte>> read, string folder, string where, CancellationToken cancel)
    {
        foreach (var entry in entries)
        {
            CheckName(entry.Path, where);
        }

        try
        {
            foreach (var entry in entries.Where(static e => e.Sort != ContentSort.Link))
            {
                var full = Path.Combine(folder, entry.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
                if (!OperatingSystem.IsWindows())
                {
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead
                        | (entry.Sort == ContentSort.Program ? UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : 0);
                }

                using var file = new FileStream(full, options);
                await file.WriteAsync(read(entry), cancel).ConfigureAwait(false);
            }

            foreach (var entry in entries.Where(static e => e.Sort == ContentSort.Link))
            {
                var target = Encoding.UTF8.GetString(read(entry).Span);
                CheckLink(entry.Path, target, where);
                var full = Path.Combine(folder, entry.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                File.CreateSymbolicLink(full, target);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.UsageError, $"the recipe cannot be checked out: {e.Message}", folder, "look at the folder, its disk and its permissions"), e);
        }
    }

    /// <summary>The id that git gives to a blob.</summary>
    public static string BlobId(ReadOnlySpan<byte> content, bool sha256) => Id("blob", content, sha256);

    /// <summary>The id that git gives to a tree of these files: two versions with one id hold the same.</summary>
    public static string TreeId(IEnumerable<ContentEntry> entries, bool sha256)
    {
        var root = new Folder();
        foreach (var entry in entries)
        {
            var at = root;
            var parts = entry.Path.Split('/');
            foreach (var part in parts[..^1])
            {
                if (!at.Folders.TryGetValue(part, out var next))
                {
                    at.Folders[part] = next = new Folder();
                }

                at = next;
            }

            at.Files[parts[^1]] = entry;
        }

        return root.Id(sha256);
    }

    private static string Id(string type, ReadOnlySpan<byte> content, bool sha256)
    {
        var header = Encoding.ASCII.GetBytes($"{type} {content.Length}\0");
#pragma warning disable CA5350 // git's own choice of names, not ours; nothing is trusted because of it.
        using var hash = IncrementalHash.CreateHash(sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(header);
        hash.AppendData(content);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private sealed class Folder
    {
        public Dictionary<string, Folder> Folders { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, ContentEntry> Files { get; } = new(StringComparer.Ordinal);

        public string Id(bool sha256)
        {
            // In git's order a folder's name ends with a slash.
            var lines = new List<(byte[] Order, byte[] Line)>();
            foreach (var (name, folder) in Folders)
            {
                lines.Add((Encoding.UTF8.GetBytes(name + "/"), Line("40000", name, folder.Id(sha256))));
            }

            foreach (var (name, entry) in Files)
            {
                lines.Add((Encoding.UTF8.GetBytes(name), Line(entry.Sort switch { ContentSort.Program => "100755", ContentSort.Link => "120000", _ => "100644" }, name, entry.Id)));
            }

            lines.Sort(static (a, b) => a.Order.AsSpan().SequenceCompareTo(b.Order));
            return RecipeContent.Id("tree", lines.SelectMany(static l => l.Line).ToArray(), sha256);
        }

        private static byte[] Line(string mode, string name, string id) => [.. Encoding.UTF8.GetBytes($"{mode} {name}\0"), .. Convert.FromHexString(id)];
    }
}
