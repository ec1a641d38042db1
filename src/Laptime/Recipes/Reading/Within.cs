namespace Laptime.Recipes.Reading;

/// <summary>Whether a file is where it says it is: its links followed, every one on the way.</summary>
internal static class Within
{
    /// <param name="full">Absolute path of something that exists.</param>
    /// <param name="folder">Absolute.</param>
    public static bool Folder(string full, string folder)
    {
        var (real, fence) = (Real(full), Real(folder));
        return real == fence || real.StartsWith(Path.EndsInDirectorySeparator(fence) ? fence : fence + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    /// <summary>The path with every link on its way followed.</summary>
    public static string Real(string path)
    {
        for (var hops = 0; hops < 40; hops++)
        {
            var changed = false;
            for (var at = path; at is not null; at = Path.GetDirectoryName(at))
            {
                if (new FileInfo(at) is { LinkTarget: not null } info && info.ResolveLinkTarget(returnFinalTarget: false) is { } target)
                {
                    path = Path.GetFullPath(target.FullName + path[at.Length..]);
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
