namespace Laptime.Agent;

/// <summary>
/// Keeps logs bounded. The instance holds the file open for appending, so it is copied and then cut to nothing; lines written in between are lost.
/// </summary>
internal static class LogRotation
{
    private const long Largest = 16 * 1024 * 1024;
    private const int Kept = 3;

    internal static void RotateWhenLarge(string path) => RotateWhenLarger(path, Largest);

    internal static void RotateWhenLarger(string path, long largest)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length <= largest)
            {
                return;
            }

            for (var i = Kept - 1; i >= 1; i--)
            {
                if (File.Exists($"{path}.{i}"))
                {
                    File.Move($"{path}.{i}", $"{path}.{i + 1}", overwrite: true);
                }
            }

            File.Copy(path, $"{path}.1", overwrite: true);
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            stream.SetLength(0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk must not end the supervisor; the next round tries again.
        }
    }
}
