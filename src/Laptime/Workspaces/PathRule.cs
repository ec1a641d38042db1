using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>
/// What a path in the file may be: relative, with '/', and inside the enclosing git repository (outside git: inside the workspace),
/// after its links are followed. A workspace comes from others too: it should not read, or hash into an artifact, what is not its own.
/// </summary>
internal sealed class PathRule(string root, ProblemList problems)
{
    private string? fence;

    /// <summary>Folder that nothing may leave.</summary>
    private string Fence => fence ??= Enclosing(root);

    private string FenceWords => Fence == root ? "the workspace's folder" : $"the git repository {Fence}";

    /// <summary>Normalised: no ".", no "//", ".." only in front, no trailing '/'; "" is <paramref name="baseFolder"/> itself. Null: told.</summary>
    /// <param name="node">The text.</param>
    /// <param name="what">The key's name.</param>
    /// <param name="baseFolder">Absolute folder it is relative to.</param>
    public string? Path(YamlNode node, string what, string baseFolder) => Normal(node, node.Text, what, baseFolder, pattern: false);

    /// <summary>As above, for a text that is not the node's own.</summary>
    public string? Path(YamlNode node, string what, string baseFolder, string text) => Normal(node, text, what, baseFolder, pattern: false);

    /// <summary>A glob pattern, normalised the same way; a leading '!' stays.</summary>
    /// <param name="inside">Nothing above the base folder at all.</param>
    public string? Glob(YamlNode node, string what, string baseFolder, bool inside = false)
    {
        var exclude = node.Text.StartsWith('!');
        var text = exclude ? node.Text[1..] : node.Text;
        var normal = Normal(node, text, what, baseFolder, pattern: true);
        if (normal is null)
        {
            return null;
        }

        if (inside && normal.StartsWith("..", StringComparison.Ordinal) && (normal.Length == 2 || normal[2] == '/'))
        {
            problems.Add(node, $"`{what}` must stay inside the component's folder: `{ProblemList.Short(node.Text)}` leaves it", "let the step write into the component's folder");
            return null;
        }

        // A folder's name means what is in it.
        normal = normal.Length == 0 ? "**" : text.EndsWith('/') ? normal + "/**" : normal;
        return exclude ? "!" + normal : normal;
    }

    /// <summary>Tells when the folder, its links followed, lies outside the fence.</summary>
    /// <param name="full">Absolute path of something that exists.</param>
    public bool StaysInside(YamlNode node, string what, string full)
    {
        var real = Real(full);
        if (IsBelow(real, Real(Fence)))
        {
            return true;
        }

        problems.Add(node, $"`{what}` leads out of {FenceWords} through a symbolic link: {real}", "use a folder of the workspace");
        return false;
    }

    private string? Normal(YamlNode node, string text, string what, string baseFolder, bool pattern)
    {
        var shown = ProblemList.Short(text);
        if (text.Trim().Length == 0)
        {
            problems.Add(node, $"`{what}` is empty", "write `.` for the folder itself");
            return null;
        }

        if (text.Contains('\\'))
        {
            problems.Add(node, $"`{what}` has a backslash: `{shown}`", $"paths are written with `/` on every system: `{ProblemList.Short(text.Replace('\\', '/'))}`");
            return null;
        }

        if (text[0] == '/' || (text.Length > 1 && text[1] == ':' && char.IsAsciiLetter(text[0])))
        {
            problems.Add(node, $"`{what}` is absolute: `{shown}`", "write it relative: absolute paths differ from machine to machine");
            return null;
        }

        if (text == "~" || text.StartsWith("~/", StringComparison.Ordinal))
        {
            problems.Add(node, $"`{what}` starts with `~`, which is not expanded: `{shown}`", "write a relative path");
            return null;
        }

        if (text.AsSpan().IndexOfAnyInRange('\0', '\u001f') >= 0)
        {
            problems.Add(node, $"`{what}` has a control character", "remove it");
            return null;
        }

        return Fold(node, text, shown, what, baseFolder, pattern);
    }

    private string? Fold(YamlNode node, string text, string shown, string what, string baseFolder, bool pattern)
    {
        var segments = new List<string>();
        var up = 0;
        foreach (var segment in text.Split('/'))
        {
            switch (segment)
            {
                case "" or ".":
                    break;
                case ".." when segments.Count == 0:
                    up++;
                    break;
                case ".." when pattern && segments[^1].AsSpan().IndexOfAny("*?[{") >= 0:
                    problems.Add(node, $"`{what}` climbs with `..` behind a wildcard: `{shown}`", "put the `..` in front");
                    return null;
                case "..":
                    segments.RemoveAt(segments.Count - 1);
                    break;
                default:
                    segments.Add(segment);
                    break;
            }
        }

        if (up > 0)
        {
            var top = baseFolder;
            for (var i = 0; i < up && top is not null; i++)
            {
                top = System.IO.Path.GetDirectoryName(top);
            }

            if (top is null || !IsBelow(top, Fence))
            {
                problems.Add(node, $"`{what}` leaves {FenceWords}: `{shown}`",
                    Fence == root ? "keep it inside the workspace (inside a git repository it may climb up to the repository's folder)" : "keep it inside the repository");
                return null;
            }

            for (var i = 0; i < up; i++)
            {
                segments.Insert(0, "..");
            }
        }

        return string.Join('/', segments);
    }

    private static string Enclosing(string folder)
    {
        for (var at = folder; at is not null; at = System.IO.Path.GetDirectoryName(at))
        {
            var git = System.IO.Path.Combine(at, ".git");
            if (Directory.Exists(git) || File.Exists(git))
            {
                return at;
            }
        }

        return folder;
    }

    private static bool IsBelow(string path, string folder) =>
        path.StartsWith(folder, StringComparison.Ordinal) &&
        (path.Length == folder.Length || folder.EndsWith(System.IO.Path.DirectorySeparatorChar) || path[folder.Length] == System.IO.Path.DirectorySeparatorChar);

    /// <summary>The path with every link on its way followed.</summary>
    private static string Real(string path)
    {
        for (var hops = 0; hops < 40; hops++)
        {
            var changed = false;
            for (var at = path; at is not null; at = System.IO.Path.GetDirectoryName(at))
            {
                if (new DirectoryInfo(at) is { Exists: true } info && (info.Attributes & FileAttributes.ReparsePoint) != 0 &&
                    info.ResolveLinkTarget(returnFinalTarget: false) is { } target)
                {
                    path = System.IO.Path.GetFullPath(target.FullName + path[at.Length..]);
                    changed = true;
                    break;
                }
            }

            if (!changed)
            {
                return path;
            }
        }

        return path;
    }
}
