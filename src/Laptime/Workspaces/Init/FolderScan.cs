namespace Laptime.Workspaces.Init;

/// <summary>A bounded look at a folder: what it holds, without the folders that tools fill.</summary>
internal sealed class FolderScan
{
    public const int MostEntries = 20_000;
    private const int MostDepth = 12;

    private static readonly HashSet<string> Skipped = new(StringComparer.OrdinalIgnoreCase)
    {
        "node_modules", "bin", "obj", ".git", "vendor", "target", ".venv", "venv", "__pycache__", ".laptime", "dist", ".next", ".idea", ".vs", ".terraform",
    };

    private static readonly System.Buffers.SearchValues<char> Unsayable = System.Buffers.SearchValues.Create("\\$*?[{");

    private readonly string root;
    private int entries;

    public FolderScan(string root)
    {
        this.root = root;
        Walk("", 0);
        Folders.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
    }

    /// <summary>Relative path ("" is the root) and the names of the files in it, sorted.</summary>
    public List<(string Path, List<string> Files)> Folders { get; } = [];

    /// <summary>There was more than is looked at.</summary>
    public bool Cut { get; private set; }

    /// <summary>The first 256 kB of a file; empty when it cannot be read: a guess goes on without it.</summary>
    public string Read(string path)
    {
        try
        {
            using var reader = new StreamReader(System.IO.Path.Combine(root, path));
            var buffer = new char[256 * 1024];
            return new string(buffer, 0, reader.ReadBlock(buffer));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public bool Exists(string path) => File.Exists(System.IO.Path.Combine(root, path));

    public static string Join(string folder, string name) => folder.Length == 0 ? name : folder + "/" + name;

    private void Walk(string folder, int depth)
    {
        var files = new List<string>();
        var below = new List<string>();
        try
        {
            foreach (var info in new DirectoryInfo(System.IO.Path.Combine(root, folder)).EnumerateFileSystemInfos())
            {
                if (++entries > MostEntries)
                {
                    Cut = true;
                    break;
                }

                // Names that laptime.yaml cannot say, and links, which may lead anywhere.
                if (info.Name.AsSpan().ContainsAny(Unsayable) || info.Name.AsSpan().ContainsAnyInRange('\0', '\u001f') || info.Name[0] == '~' || info.LinkTarget is not null)
                {
                    continue;
                }

                if ((info.Attributes & FileAttributes.Directory) == 0)
                {
                    files.Add(info.Name);
                }
                else if (!Skipped.Contains(info.Name))
                {
                    below.Add(info.Name);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;
        }

        files.Sort(StringComparer.Ordinal);
        below.Sort(StringComparer.Ordinal);
        Folders.Add((folder, files));
        foreach (var name in below)
        {
            if (Cut || depth == MostDepth)
            {
                Cut = true;
                return;
            }

            Walk(Join(folder, name), depth + 1);
        }
    }
}
