using Laptime.Fingerprints;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Tests.Artifacts.Provenance;

/// <summary>
/// npm's sigstore libraries with tests/Sigstore/verify.mjs, in a folder outside the checkout: installed at the first use, by the lock file, and used again
/// as long as that stays the same.
/// </summary>
internal static class SigstoreLibraries
{
    private static readonly string[] Sources = ["package.json", "package-lock.json", "verify.mjs"];

    /// <summary>Skips the test where they cannot be had; fails it when LAP_TEST_REQUIRE names <c>sigstore</c>.</summary>
    public static async Task<string> FolderAsync(ProcessRunner runner, CancellationToken cancel)
    {
        _ = Requirement.Program("sigstore", "node");
        var npm = Requirement.Program("sigstore", "npm");
        var contents = Sources.Select(f => File.ReadAllBytes(Checkout.At("tests", "Sigstore", f))).ToList();
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } own ? own
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? home : Path.GetTempPath(), ".cache");
        var folder = Path.Combine(cache, "laptime-tests", "sigstore-" + Digest.Of(contents.SelectMany(c => c).ToArray()).Short);
        if (Directory.Exists(folder))
        {
            return folder;
        }

        var fresh = Directory.CreateDirectory(folder + "." + Guid.NewGuid().ToString("N")[..8]).FullName;
        try
        {
            foreach (var (name, content) in Sources.Zip(contents))
            {
                await File.WriteAllBytesAsync(Path.Combine(fresh, name), content, cancel);
            }

            var result = await runner.RunAsync(
                new Command { Program = npm, Arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], Directory = fresh, Deadline = TimeSpan.FromMinutes(3) }, null, cancel);
            if (!result.Succeeded)
            {
                Requirement.Missing("sigstore", $"npm ci of tests/Sigstore: {result.Ending}: {string.Join(" / ", result.Tail.Where(l => l.StartsWith("npm error", StringComparison.Ordinal)).Take(4))}");
            }

            Directory.Move(fresh, folder);
        }
        catch (IOException) when (Directory.Exists(folder))
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

        return folder;
    }
}
