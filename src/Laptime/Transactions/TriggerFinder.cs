using System.Globalization;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Transactions;

/// <summary>
/// Finds the event that a change started with: the save of its newest uncommitted file, the commit or merge that brought it, or the command itself when
/// nothing changed. Read from git and the file system, never guessed.
/// </summary>
public sealed class TriggerFinder(ProcessRunner runner, string root, TimeProvider clock)
{
    private const int MostPaths = 400;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    /// <param name="changed">Changed inputs, relative to the root; empty: nothing changed.</param>
    /// <param name="since">commit, merge, save, start, an ISO 8601 time, or null for the default.</param>
    /// <param name="started">When the command was given.</param>
    /// <exception cref="LapException"><paramref name="since"/> is none of these.</exception>
    public async Task<TriggerReport> FindAsync(IReadOnlyList<string> changed, string? since, DateTimeOffset started, CancellationToken cancel)
    {
        var paths = changed.Take(MostPaths).ToList();
        var head = await GitAsync(["rev-parse", "--verify", "-q", "HEAD"], cancel);
        var revision = head is [{ } line, ..] && line.Length >= 40 ? line : null;
        var dirtyPaths = revision is null ? paths : await DirtyAsync(paths, cancel);
        var dirty = dirtyPaths.Count > 0;

        TriggerReport Say(string name, DateTimeOffset at) => new(name, at > started ? started : at, revision, dirty);

        switch (since)
        {
            case "start":
                return Say("start", started);
            case "save":
                return Say("save", NewestWrite(paths) ?? started);
            case "commit" or "merge":
                return await CommitAsync(paths, cancel) is { } asked
                    ? Say(since, asked.At)
                    : throw new LapException($"--since {since}: there is no git commit here", null, "use --since save or --since start");
            case not null:
                return DateTimeOffset.TryParse(since, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
                    ? Say("time", time)
                    : throw new LapException($"--since {since} is no event and no time", null, "use commit, merge, save, start, or a time such as 2026-11-21T11:03:29Z");
        }

        if (paths.Count == 0)
        {
            return Say("start", started);
        }

        if (dirty)
        {
            return NewestWrite(dirtyPaths) is { } saved ? Say("save", saved) : Say("start", started);
        }

        return await CommitAsync(paths, cancel) is { } commit ? Say(commit.Merge ? "merge" : "commit", commit.At) : Say("start", started);
    }

    private async Task<List<string>> DirtyAsync(List<string> paths, CancellationToken cancel)
    {
        if (paths.Count == 0)
        {
            return [];
        }

        var lines = await GitAsync(["-c", "core.quotePath=false", "status", "--porcelain", "--no-renames", "-uall", "--ignored=matching", "--", .. paths], cancel);
        if (lines is null)
        {
            return paths;
        }

        // Git names paths from the top of the repository, ours start at the workspace: the end of the name decides.
        var named = lines.Where(l => l.Length > 3).Select(l => l[3..].Trim('"')).ToList();
        return [.. paths.Where(p => named.Exists(n => n == p || n.EndsWith("/" + p, StringComparison.Ordinal) || p.EndsWith("/" + n, StringComparison.Ordinal)))];
    }

    private async Task<(DateTimeOffset At, bool Merge)?> CommitAsync(List<string> paths, CancellationToken cancel)
    {
        var lines = await GitAsync(["log", "-1", "--first-parent", "-m", "--no-patch", "--format=%ct %P", .. paths.Count == 0 ? [] : (string[])["--", .. paths]], cancel);
        if (lines is not [{ Length: > 0 } line, ..])
        {
            return null;
        }

        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return long.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? (DateTimeOffset.FromUnixTimeSeconds(seconds), fields.Length > 2)
            : null;
    }

    /// <summary>The newest write among the files; a deleted one counts with its folder's.</summary>
    private DateTimeOffset? NewestWrite(List<string> paths)
    {
        DateTimeOffset? newest = null;
        foreach (var path in paths)
        {
            var full = Path.Combine(root, path);
            while (!Path.Exists(full) && Path.GetDirectoryName(full) is { } parent)
            {
                full = parent;
            }

            var written = new DateTimeOffset(File.GetLastWriteTimeUtc(full), TimeSpan.Zero);
            newest = newest is null || written > newest ? written : newest;
        }

        return newest > clock.GetUtcNow() ? clock.GetUtcNow() : newest;
    }

    /// <summary>Null when git is not there, or this is no repository.</summary>
    private async Task<IReadOnlyList<string>?> GitAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var lines = new List<string>();
        try
        {
            var result = await runner.RunAsync(
                new Command
                {
                    Program = "git", Arguments = ["--no-optional-locks", .. arguments], Directory = root, Deadline = Bound,
                    Environment = new Dictionary<string, string?> { ["LC_ALL"] = "C", ["GIT_TERMINAL_PROMPT"] = "0" },
                },
                line =>
                {
                    if (!line.IsError)
                    {
                        lines.Add(line.Text);
                    }
                },
                cancel);
            return result.Succeeded ? lines : null;
        }
        catch (FaultException)
        {
            return null;
        }
    }
}
