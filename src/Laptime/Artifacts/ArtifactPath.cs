namespace Laptime.Artifacts;

/// <summary>Which paths an artifact may hold.</summary>
internal static class ArtifactPath
{
    /// <summary>Relative, no empty, <c>.</c> or <c>..</c> part, no NUL; on Windows no drive, stream or backslash either.</summary>
    public static bool IsSafe(string path) =>
        path.Length > 0 && !path.Contains('\0') && path[0] != '/'
        && (!OperatingSystem.IsWindows() || path.AsSpan().IndexOfAny('\\', ':') < 0)
        && path.Split('/').All(part => part is not ("" or "." or ".."));

    /// <summary>
    /// Whether a link at <paramref name="path"/> points out of the artifact: by an absolute target, or by climbing. A <c>..</c> behind a name is
    /// refused as well: behind another link it leads somewhere else than it reads.
    /// </summary>
    public static bool LeavesArtifact(string path, string target)
    {
        if (target.Length == 0 || target[0] == '/' || target.Contains('\0') || (OperatingSystem.IsWindows() && target.AsSpan().IndexOfAny('\\', ':') >= 0))
        {
            return true;
        }

        var depth = path.Count(c => c == '/');
        var named = false;
        foreach (var part in target.Split('/'))
        {
            if (part == ".." && (named || --depth < 0))
            {
                return true;
            }

            named |= part is not ("" or "." or "..");
        }

        return false;
    }
}
