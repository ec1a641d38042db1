using Laptime.Fingerprints;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Docker;

/// <summary>What the files of a stack hold, so that somebody who did not read them as compose does can tell whether they still do.</summary>
internal static class FileFacts
{
    private const string Absent = "-";
    private const long MostBytes = 1024 * 1024;

    /// <summary>Clocks of file systems are coarse.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(0.1);

    /// <summary>Every file that decides what a stack is, by absolute path, with its content's digest; <c>-</c> for one that would count if it were there. Null: they are too large to be read at every look, or one was written since.</summary>
    /// <param name="read">When they were read as compose does; what was written since may not be what was deployed.</param>
    public static IReadOnlyDictionary<string, string>? Of(ComposeProject project, DateTimeOffset read)
    {
        var facts = new Dictionary<string, string>(StringComparer.Ordinal);
        var bytes = 0L;
        foreach (var path in project.Sources.Concat(project.Missing))
        {
            var file = new FileInfo(path);
            bytes += file.Exists ? file.Length : 0;
            if (bytes > MostBytes || (file.Exists && file.LastWriteTimeUtc > (read - Margin).UtcDateTime))
            {
                return null;
            }

            facts[path] = Read(path);
        }

        return facts;
    }

    public static bool Stand(IReadOnlyDictionary<string, string> facts) => facts.All(static f => Read(f.Key) == f.Value);

    private static string Read(string path)
    {
        try
        {
            return Digest.Of(File.ReadAllBytes(path)).ToString();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Absent;
        }
    }
}
