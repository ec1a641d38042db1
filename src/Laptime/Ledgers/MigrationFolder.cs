using System.Text;
using Laptime.Fingerprints;

namespace Laptime.Ledgers;

/// <summary>A file below a ledger's folder, on disk or in a git tree.</summary>
/// <param name="Path">Relative to the ledger's folder, with '/'.</param>
public sealed record MigrationFile(string Path, byte[] Bytes)
{
    private string? text;

    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>UTF-8, without a byte order mark.</summary>
    public string Text => text ??= Decode(Bytes);

    /// <summary>Larger than lap reads: <see cref="Bytes"/> is empty and only the name counts.</summary>
    public bool TooLarge { get; init; }

    public Digest Content => ContentOf(Text);

    /// <summary>Digest of a body, the same however its lines end.</summary>
    public static Digest ContentOf(string text) => Digest.Of(text.Contains('\r') ? text.Replace("\r\n", "\n").Replace('\r', '\n') : text);

    private static string Decode(byte[] bytes) => Encoding.UTF8.GetString(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes);
}

/// <summary>The files of a ledger: those on disk, or those of a merge that nobody has made yet.</summary>
/// <param name="Path">Relative to the workspace, with '/'; "" is the workspace itself.</param>
/// <param name="Files">By path, ordinally.</param>
public sealed record MigrationFolder(string Path, IReadOnlyList<MigrationFile> Files)
{
    /// <summary>A migration is a page, not a book; a file beyond this is not read.</summary>
    public const int LargestFile = 16 * 1024 * 1024;

    private static readonly string[] Extensions = [".sql", ".cs", ".rb", ".py", ".xml", ".yaml", ".yml", ".json", ".sum", ".toml", ".conf", ".ini", ".hcl", ".properties"];

    /// <summary>Whether a file may have to do with migrations at all.</summary>
    public static bool IsOfInterest(string path) => Extensions.Contains(System.IO.Path.GetExtension(path).ToLowerInvariant());

    /// <param name="root">Absolute path of the workspace.</param>
    /// <param name="path">Relative to it.</param>
    public static MigrationFolder Read(string root, string path)
    {
        var top = System.IO.Path.Combine(root, path);
        var files = new List<MigrationFile>();
        if (File.Exists(top))
        {
            files.Add(Load(top, System.IO.Path.GetFileName(top)));
        }
        else if (Directory.Exists(top))
        {
            var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
            foreach (var file in Directory.EnumerateFiles(top, "*", options))
            {
                var relative = System.IO.Path.GetRelativePath(top, file).Replace('\\', '/');
                if (IsOfInterest(relative) && !IsAside(relative))
                {
                    files.Add(Load(file, relative));
                }
            }
        }

        files.Sort(static (a, b) => string.CompareOrdinal(a.Path, b.Path));
        return new MigrationFolder(path, files);
    }

    /// <summary>What tools leave beside sources.</summary>
    internal static bool IsAside(string relative) =>
        relative.Split('/') is var parts && parts[..^1].Any(static p => p is "bin" or "obj" or "node_modules" or "__pycache__" or ".git" or ".laptime" or ".venv" or "venv");

    /// <summary>A file, or its name alone where it is larger than is read.</summary>
    internal static MigrationFile Load(string file, string relative) => new FileInfo(file).Length > LargestFile
        ? new MigrationFile(relative, []) { TooLarge = true }
        : new MigrationFile(relative, File.ReadAllBytes(file));
}
