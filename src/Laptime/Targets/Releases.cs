using Laptime.Fingerprints;

namespace Laptime.Targets;

/// <summary>The folders that artifacts are unpacked into, one per artifact. A folder that exists is complete: it is filled elsewhere and then renamed.</summary>
internal static class Releases
{
    internal static async Task<string> UnpackAsync(string releases, Digest artifact, Func<string, CancellationToken, Task> unpack, CancellationToken cancel)
    {
        var folder = Path.Combine(releases, artifact.Short);
        if (Directory.Exists(folder))
        {
            // Newest again: pruning goes by age.
            Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow);
            return folder;
        }

        var filling = $"{folder}.{Environment.ProcessId}.tmp";
        Remove(filling);
        Directory.CreateDirectory(filling);
        try
        {
            await unpack(filling, cancel);
            Directory.Move(filling, folder);
        }
        catch
        {
            Remove(filling);
            throw;
        }

        return folder;
    }

    /// <summary>Removes the oldest; those in use and the newest <paramref name="spare"/> others stay.</summary>
    internal static void Prune(string releases, IReadOnlyCollection<string> inUse, int spare)
    {
        var old = new DirectoryInfo(releases).EnumerateDirectories().Where(d => !inUse.Contains(d.FullName)).OrderByDescending(d => d.LastWriteTimeUtc).Skip(spare);
        foreach (var folder in old.ToList())
        {
            Remove(folder.FullName);
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // Gone is what we want.
        }
    }
}
