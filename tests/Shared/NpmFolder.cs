using Laptime.Fingerprints;
using Laptime.Processes;

namespace Laptime.Tests.Engines;

/// <summary>
/// Packages of npm for tests, in a folder outside the checkout: installed at the first use, by the lock file, without running their scripts, and used again as long as the
/// sources stay the same.
/// </summary>
internal static class NpmFolder
{
    /// <param name="requirement">What the test needs, for <see cref="Requirement"/>.</param>
    /// <param name="folder">Absolute, with package.json and package-lock.json.</param>
    /// <param name="files">What else of it is needed beside them.</param>
    public static async Task<string> InstallAsync(string requirement, string folder, IReadOnlyList<string> files, ProcessRunner runner, CancellationToken cancel)
    {
        _ = Requirement.Program(requirement, "node");
        var npm = Requirement.Program(requirement, "npm");
        string[] sources = ["package.json", "package-lock.json", .. files];
        var contents = sources.Select(f => File.ReadAllBytes(Path.Combine(folder, f))).ToList();
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } own ? own
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? home : Path.GetTempPath(), ".cache");
        var installed = Path.Combine(cache, "laptime-tests", requirement + "-" + Digest.Of(contents.SelectMany(c => c).ToArray()).Short);
        if (Directory.Exists(installed))
        {
            return installed;
        }

        var fresh = Directory.CreateDirectory(installed + "." + Guid.NewGuid().ToString("N")[..8]).FullName;
        try
        {
            foreach (var (name, content) in sources.Zip(contents))
            {
                await File.WriteAllBytesAsync(Path.Combine(fresh, name), content, cancel);
            }

            var result = await runner.RunAsync(
                new Command { Program = npm, Arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], Directory = fresh, Deadline = TimeSpan.FromMinutes(3) }, null, cancel);
            if (!result.Succeeded)
            {
                Requirement.Missing(requirement, $"npm ci of {folder}: {result.Ending}: {string.Join(" / ", result.Tail.Where(l => l.StartsWith("npm error", StringComparison.Ordinal)).Take(4))}");
            }

            Directory.Move(fresh, installed);
        }
        catch (IOException) when (Directory.Exists(installed))
        {
            // Another test program was faster: it installed the same.
        }
        finally
        {
            if (Directory.Exists(fresh))
            {
                Directory.Delete(fresh, recursive: true);
            }
        }

        return installed;
    }
}
