using System.Collections;
using System.Globalization;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Gates;

/// <summary>
/// An empty folder that nobody has used, with an empty home, and an environment that has nothing of this user's. What runs in it is ended with it, and it is removed,
/// whatever happened; what a killed one left, the next removes.
/// </summary>
internal sealed class ColdGround : IAsyncDisposable
{
    private const string Prefix = "lap-gate-";
    private const int Attempts = 200;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);
    private static readonly string[] UnixPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/homebrew/bin"];

    /// <summary>Without these nothing starts on Windows.</summary>
    private static readonly string[] WindowsNeeds = ["SystemRoot", "ComSpec", "PATHEXT", "SystemDrive"];

    private readonly string folder;

    private ColdGround(string folder, IReadOnlyList<string> path)
    {
        this.folder = folder;
        var standard = OperatingSystem.IsWindows() ? [System.Environment.SystemDirectory] : UnixPath.Where(Directory.Exists);
        Path = string.Join(System.IO.Path.PathSeparator, path.Concat(standard));
        Environment = Clean();
    }

    /// <summary>Where the clone goes; not there yet.</summary>
    public string Tree => System.IO.Path.Combine(folder, "tree");

    /// <summary>The program folders.</summary>
    public string Path { get; }

    /// <summary>Over the inherited environment: removes all of it, and sets what a program needs.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; }

    /// <param name="path">Program folders beside the standard ones.</param>
    public static async Task<ColdGround> MakeAsync(IReadOnlyList<string> path)
    {
        var temporary = System.IO.Path.GetTempPath();
        try
        {
            foreach (var left in Directory.EnumerateDirectories(temporary, Prefix + "*").Where(IsLeft))
            {
                await TidyAsync(left).ConfigureAwait(false);
            }

            // The name says whose it is, so that there is no moment in which it is nobody's.
            var ticks = ProcessOwner.TicksOf(System.Environment.ProcessId) ?? 0;
            var folder = Directory.CreateTempSubdirectory(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Host}-{System.Environment.ProcessId}-{ticks}-")).FullName;
            Directory.CreateDirectory(System.IO.Path.Combine(folder, "home"));
            Directory.CreateDirectory(System.IO.Path.Combine(folder, "tmp"));
            return new ColdGround(folder, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.GateFailed, $"there is no place for a fresh clone: {e.Message}", temporary, "name a folder that you may write to: TMPDIR"), e);
        }
    }

    public async ValueTask DisposeAsync() => await RemoveAsync(folder).ConfigureAwait(false);

    private Dictionary<string, string?> Clean()
    {
        var clean = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            clean[(string)variable.Key] = null;
        }

        if (OperatingSystem.IsWindows())
        {
            foreach (var name in WindowsNeeds)
            {
                clean[name] = System.Environment.GetEnvironmentVariable(name);
            }

            (clean["USERPROFILE"], clean["TEMP"], clean["TMP"]) = (In("home"), In("tmp"), In("tmp"));
        }

        (clean["PATH"], clean["HOME"], clean["TMPDIR"], clean["LANG"]) = (Path, In("home"), In("tmp"), "C.UTF-8");
        return clean;
    }

    private string In(string name) => System.IO.Path.Combine(folder, name);

    /// <summary>Containers that share a temporary folder have the same process ids.</summary>
    private static string Host => Digest.Of(System.Environment.MachineName).Short[..6];

    /// <summary>Ours by its name, its owner has ended, and it is no link that somebody put there for us to follow.</summary>
    private static bool IsLeft(string folder) =>
        System.IO.Path.GetFileName(folder)[Prefix.Length..].Split('-') is [var host, var pid, var ticks, ..] && host == Host && new DirectoryInfo(folder).LinkTarget is null
        && int.TryParse(pid, CultureInfo.InvariantCulture, out var number) && long.TryParse(ticks, CultureInfo.InvariantCulture, out var started)
        && ProcessOwner.TicksOf(number) != started;

    /// <summary>What somebody else left is theirs to remove.</summary>
    private static async Task TidyAsync(string left)
    {
        try
        {
            if (OperatingSystem.IsWindows() || File.GetUnixFileMode(left) == (UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute))
            {
                _ = Directory.EnumerateFileSystemEntries(left).FirstOrDefault();
                await RemoveAsync(left).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FaultException)
        {
            // Another user's, or in use again: the room that is made now is another.
        }
    }

    private static async Task RemoveAsync(string folder)
    {
        for (var attempt = 1; Directory.Exists(folder); attempt++)
        {
            EndProcesses(folder);
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (attempt == Attempts)
                {
                    throw new FaultException(new Fault(Outcome.InternalError, $"the verification's folder cannot be removed: {e.Message}", folder, "remove it by hand"), e);
                }

                if (attempt == 1)
                {
                    Unlock(folder);
                }

                // What was just ended may still write its last line.
                await Task.Delay(Pause).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A check may leave servers that work in the folder: nobody else does, for the folder is ours alone.</summary>
    private static void EndProcesses(string folder)
    {
        foreach (var entry in OperatingSystem.IsLinux() ? Directory.EnumerateDirectories("/proc") : Enumerable.Empty<string>())
        {
            if (!int.TryParse(System.IO.Path.GetFileName(entry), CultureInfo.InvariantCulture, out var pid) || pid == System.Environment.ProcessId)
            {
                continue;
            }

            try
            {
                if (File.ResolveLinkTarget(entry + "/cwd", returnFinalTarget: false)?.FullName is { } at && at.StartsWith(folder + "/", StringComparison.Ordinal))
                {
                    ProcessTree.Kill(pid);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Gone meanwhile, or somebody else's.
            }
        }
    }

    /// <summary>Package caches are made read-only; what is in such a folder cannot be removed.</summary>
    private static void Unlock(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        try
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (var below in Directory.EnumerateDirectories(folder).Where(d => new DirectoryInfo(d).LinkTarget is null))
            {
                Unlock(below);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile; what stays is told by the removal.
        }
    }
}
