using System.Text;

namespace Laptime.Targets.Local;

/// <summary>Reads the ends of log files that others write.</summary>
public static class LogFile
{
    private const int Most = 256 * 1024;

    /// <summary>The last lines, with secrets redacted; none when there is no file.</summary>
    public static IReadOnlyList<string> Tail(string path, int lines, IReadOnlyList<string>? secrets = null)
    {
        byte[] bytes;
        int skip;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var from = Math.Max(0, file.Length - Most);
            file.Position = from;
            bytes = new byte[file.Length - from];
            var count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            Array.Resize(ref bytes, count);

            // Not the part of a line that the bound cut off.
            skip = from == 0 ? 0 : bytes.AsSpan().IndexOf((byte)'\n') + 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }

        var all = Encoding.UTF8.GetString(bytes, skip, bytes.Length - skip).Split('\n');
        var last = all[^1].Length == 0 ? all.Length - 1 : all.Length;
        return [.. all[Math.Max(0, last - lines)..last].Select(l => Redact(l.TrimEnd('\r'), secrets))];
    }

    public static string Redact(string line, IReadOnlyList<string>? secrets)
    {
        foreach (var secret in secrets ?? [])
        {
            if (secret.Length > 0)
            {
                line = line.Replace(secret, "***", StringComparison.Ordinal);
            }
        }

        return line;
    }
}
