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
    private const int MostPaths = 2000;
    private const int PathsPerCommand = 400;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);
    private Task<IReadOnlyList<string>?>? head;

    /// <summary>Asks git which revision this is while others look at the files; who finds an event afterwards need not wait for it. End it with <see cref="EndAsync"/>.</summary>
    public void Begin(CancellationToken cancel) => head ??= HeadAsync(cancel);

    /// <summary>Waits for what <see cref="Begin"/> began, whatever came of it.</summary>
    public async Task EndAsync()
    {
        if (head is not null)
        {
            await ((Task)head).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <param name="changed">Changed inputs, relative to the root; empty: nothing changed.</param>
    /// <param name="since">commit, merge, save, start, an ISO 8601 time, or null for the default.</param>
    /// <param name="started">When the command was given.</param>
    /// <exception cref="LapException"><paramref name="since"/> is none of these.</exception>
    public async Task<TriggerReport> FindAsync(IReadOnlyList<string> changed, string? since, DateTimeOffset started, CancellationToken cancel)
    {
        // On another thread from its first step: starting git is work too, and the build need not wait for it.
        await Task.Yield();
        var paths = changed.Take(MostPaths).ToList();
        var head = await (this.head ?? HeadAsync(cancel));
        var (below, revision) = head is [{ } prefix, { Length: >= 40 } commitId] ? (prefix, commitId) : ("", null);
        var dirtyPaths = revision is null ? paths : await DirtyAsync(paths, below, cancel);
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
                return since.Length >= 10 && since[4] == '-' && DateTimeOffset.TryParse(since, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
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

    private async Task<IReadOnlyList<string>?> HeadAsync(CancellationToken cancel)
    {
        await Task.Yield();
        return await GitAsync(["rev-parse", "--show-prefix", "HEAD"], cancel);
    }

    /// <param name="paths">Relative to the workspace.</param>
    /// <param name="below">The workspace's folder in the repository, with a '/' at its end; empty at the top.</param>
    private async Task<List<string>> DirtyAsync(List<string> paths, string below, CancellationToken cancel)
    {
        var dirty = new HashSet<string>(StringComparer.Ordinal);
        foreach (var some in paths.Chunk(PathsPerCommand))
        {
            var lines = await GitAsync(
                ["-c", "core.quotePath=true", "status", "--porcelain", "--no-renames", "-uall", "--ignored=traditional", "--", .. some], cancel);
            if (lines is null)
            {
                return paths;
            }

            dirty.UnionWith(lines.Where(l => l.Length > 3).Select(l => GitName.Read(l[3..])));
        }

        // Git names paths from the top of the repository, ours start at the workspace.
        return [.. paths.Where(p => dirty.Contains(Path.GetFullPath("/" + below + p)[1..]))];
    }

    private async Task<(DateTimeOffset At, bool Merge)?> CommitAsync(List<string> paths, CancellationToken cancel)
    {
        (DateTimeOffset At, bool Merge)? newest = null;
        foreach (var some in paths.Count == 0 ? [[]] : paths.Chunk(PathsPerCommand))
        {
            var lines = await GitAsync(["log", "-1", "--first-parent", "-m", "--no-patch", "--format=%ct %P", .. some.Length == 0 ? [] : (string[])["--", .. some]], cancel);
            if (lines is [{ Length: > 0 } line, ..] && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is var fields
                && long.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                && DateTimeOffset.FromUnixTimeSeconds(seconds) is var at && !(at <= newest?.At))
            {
                newest = (at, fields.Length > 2);
            }
        }

        return newest;
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

    private Task<IReadOnlyList<string>?> GitAsync(IReadOnlyList<string> arguments, CancellationToken cancel) => GitQuestion.AskAsync(runner, root, Bound, arguments, cancel);
}
