namespace Laptime.Building;

/// <summary>Lists folders without following links and without going into git's or Laptime's own.</summary>
internal static class Tree
{
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, MatchType = MatchType.Simple, IgnoreInaccessible = false };

    /// <summary>Entries of one folder; none when it is not there.</summary>
    public static IEnumerable<(string Name, bool IsFolder)> Entries(string folder)
    {
        if (!Directory.Exists(folder))
        {
            yield break;
        }

        foreach (var info in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", Everything))
        {
            if (info.Name is not (".git" or ".laptime"))
            {
                yield return (info.Name, info.Attributes.HasFlag(FileAttributes.Directory) && !info.Attributes.HasFlag(FileAttributes.ReparsePoint));
            }
        }
    }

    /// <summary>Files and links below a folder, as paths relative to <paramref name="root"/>.</summary>
    /// <param name="root">Absolute.</param>
    /// <param name="folder">Relative to the root, '/'; "" is the root. Nothing is listed when a link stands on the way to it.</param>
    /// <param name="enter">Whether to go into a folder (relative to the root).</param>
    public static IEnumerable<string> Files(string root, string folder, Func<string, bool> enter)
    {
        if (HasLinkOnTheWay(root, folder))
        {
            yield break;
        }

        var open = new Stack<string>([folder]);
        while (open.TryPop(out var current))
        {
            foreach (var (name, isFolder) in Entries(Path.Combine(root, current)))
            {
                var path = current.Length == 0 ? name : $"{current}/{name}";
                if (!isFolder)
                {
                    yield return path;
                }
                else if (enter(path))
                {
                    open.Push(path);
                }
            }
        }
    }

    private static bool HasLinkOnTheWay(string root, string folder)
    {
        for (var path = folder; path.Length > 0 && path is not ".." && !path.EndsWith("/..", StringComparison.Ordinal);
            path = path.Contains('/') ? path[..path.LastIndexOf('/')] : "")
        {
            if (FileStamp.Read(Path.Combine(root, path))?.Kind == FileStamp.EntryKind.Link)
            {
                return true;
            }
        }

        return false;
    }
}
