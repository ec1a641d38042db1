using System.Runtime.CompilerServices;
using System.Text;

namespace Laptime.Targets.Local;

/// <summary>The logs of a component's instances, one file each; they outlive the instances.</summary>
internal static class InstanceLogs
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    internal static async IAsyncEnumerable<string> ReadAsync(string folder, int lines, bool follow, [EnumeratorCancellation] CancellationToken cancel)
    {
        var positions = new Dictionary<string, long>();
        var newest = Files(folder).LastOrDefault();
        foreach (var file in Files(folder))
        {
            positions[file] = new FileInfo(file).Length;
        }

        if (newest is not null)
        {
            foreach (var line in LogFile.Tail(newest, lines))
            {
                yield return line;
            }
        }

        // A file that appears is a new instance's; one that shrinks was rotated.
        while (follow)
        {
            try
            {
                await Task.Delay(Poll, cancel);
            }
            catch (OperationCanceledException)
            {
                yield break;
            }

            foreach (var file in Files(folder))
            {
                foreach (var line in ReadFrom(file, positions).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                {
                    yield return line.TrimEnd('\r');
                }
            }
        }
    }

    private static string ReadFrom(string file, Dictionary<string, long> positions)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var from = positions.GetValueOrDefault(file);
            stream.Position = from > stream.Length ? 0 : from;
            var bytes = new byte[Math.Min(stream.Length - stream.Position, 1024 * 1024)];
            var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);

            // Not half of a character: what follows the last line end is read again.
            var complete = bytes.AsSpan(0, count).LastIndexOf((byte)'\n') + 1;
            complete = complete == 0 && count == bytes.Length && count == 1024 * 1024 ? count : complete;
            positions[file] = stream.Position - count + complete;
            return Encoding.UTF8.GetString(bytes, 0, complete);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static IEnumerable<string> Files(string folder) => Directory.Exists(folder)
        ? new DirectoryInfo(folder).EnumerateFiles("*.log").OrderBy(f => f.LastWriteTimeUtc).Select(f => f.FullName)
        : [];
}
