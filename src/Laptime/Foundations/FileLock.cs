namespace Laptime.Foundations;

/// <summary>An exclusive lock on a file, between processes; the kernel gives it up when its holder dies.</summary>
internal static class FileLock
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);

    /// <summary>Takes it now, or not.</summary>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }

    /// <summary>Takes a part of it now, which others may have too and which keeps <see cref="TryTake"/> out; null when somebody has it whole, or there is no such file.</summary>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or not be made.</exception>
    public static FileStream? TryShare(string path, bool create)
    {
        try
        {
            return new FileStream(path, create ? FileMode.OpenOrCreate : FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }

    /// <exception cref="FaultException">Somebody else still holds it after <paramref name="bound"/>.</exception>
    public static async Task<FileStream> TakeAsync(string path, TimeSpan bound, TimeProvider clock, CancellationToken cancel)
    {
        var start = clock.GetTimestamp();
        while (true)
        {
            if (TryTake(path) is { } held)
            {
                return held;
            }

            if (clock.GetElapsedTime(start) >= bound)
            {
                throw new FaultException(new Fault(Outcome.Locked, $"another process has held {path} for {Duration.Text(bound)}", path,
                    "wait for the other lap to finish, or end it"));
            }

            await Task.Delay(Poll, clock, cancel).ConfigureAwait(false);
        }
    }
}
