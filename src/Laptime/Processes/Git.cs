using Laptime.Foundations;

namespace Laptime.Processes;

/// <summary>What we ask of git: commits by name, the working tree as a commit, what is uncommitted, and worktrees. Hooks are left out; the user's index is not written.</summary>
/// <param name="top">Top of the repository.</param>
/// <param name="below">Of the workspace in it; empty at the top.</param>
public sealed class Git(ProcessRunner runner, string top, string below)
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(10);

    /// <summary>Set by git for its hooks (lap may have been called in one); they would turn our commands to another repository.</summary>
    private static readonly string[] Inherited = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"];

    public string Top => top;

    public string Below => below;

    /// <param name="root">Of the workspace.</param>
    /// <param name="why">What needs git, in a clause: "a race needs git: each side runs in a checkout of its own".</param>
    /// <exception cref="LapException">There is no repository around the workspace.</exception>
    public static async Task<Git> OpenAsync(ProcessRunner runner, string root, string why, CancellationToken cancel)
    {
        var (result, lines) = await new Git(runner, root, "").AskAsync(root, index: null, ["rev-parse", "--show-toplevel", "--show-prefix"], cancel).ConfigureAwait(false);
        return result.Succeeded && lines is [{ Length: > 0 } top, ..]
            ? new Git(runner, top, lines is [_, { Length: > 0 } prefix, ..] ? prefix.TrimEnd('/') : "")
            : throw new LapException(why, root, "git init, git add and git commit, then try again");
    }

    /// <param name="name">Of a commit, as git takes it.</param>
    /// <param name="grammar">What else it could have been, for the message.</param>
    /// <exception cref="LapException">Git knows no such commit.</exception>
    public async Task<string> CommitOfAsync(string name, string grammar, CancellationToken cancel)
    {
        var (result, lines) = await AskAsync(top, index: null, ["rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"], cancel).ConfigureAwait(false);
        if (result.Succeeded && lines is [{ Length: >= 40 } commit])
        {
            return commit;
        }

        var (_, names) = await AskAsync(top, index: null, ["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags"], cancel).ConfigureAwait(false);
        throw new LapException($"git knows no commit {name}", top, (NearestName.Of(name, names) is { } near ? $"did you mean `{near}`? " : "") + grammar);
    }

    /// <summary>The working tree as it is, as a commit that nothing refers to: tracked and new files, ignored ones left out. HEAD itself when nothing differs.</summary>
    /// <param name="folder">For a copy of the index.</param>
    public async Task<string> SnapshotAsync(string folder, CancellationToken cancel)
    {
        var index = Path.Combine(folder, "index");
        var (_, where) = await AskAsync(top, index: null, ["rev-parse", "--path-format=absolute", "--git-path", "index"], cancel).ConfigureAwait(false);
        if (where is [{ } own] && File.Exists(own))
        {
            // A copy of the real one: what git knows of unchanged files need not be read again.
            File.Copy(own, index, overwrite: true);
        }

        try
        {
            await DoAsync(index, ["add", "-A", "."], cancel).ConfigureAwait(false);
            var tree = await DoAsync(index, ["write-tree"], cancel).ConfigureAwait(false);
            var (head, commit) = await AskAsync(top, index: null, ["rev-parse", "HEAD", "HEAD^{tree}"], cancel).ConfigureAwait(false);
            return head.Succeeded && commit is [var headCommit, var headTree]
                ? headTree == tree ? headCommit : await DoAsync(index, [.. Identity, "commit-tree", tree, "-p", headCommit, "-m", "The working tree, for lap"], cancel).ConfigureAwait(false)
                : await DoAsync(index, [.. Identity, "commit-tree", tree, "-m", "The working tree, for lap"], cancel).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(index);
        }
    }

    /// <summary>Paths below the workspace, relative to it, that differ from the commit that is checked out: changed, added, removed, untracked (ignored ones are not named).</summary>
    public async Task<IReadOnlyList<string>> UncommittedAsync(CancellationToken cancel)
    {
        var (result, lines) = await AskAsync(Path.Combine(top, below), index: null, ["-c", "core.quotePath=true", "status", "--porcelain", "--no-renames", "-uall", "--", "."], cancel).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            throw new FaultException(new Fault(Outcome.UsageError, $"git status: {result.Ending}", top, "see what git says", result.Tail));
        }

        var prefix = below.Length == 0 ? "" : below + "/";
        return [.. lines.Where(l => l.Length > 3).Select(l => GitName.Read(l[3..])).Select(path => path.StartsWith(prefix, StringComparison.Ordinal) ? path[prefix.Length..] : path)];
    }

    /// <summary>The lines of a question about history; null: git refuses it (there is no such commit, say).</summary>
    public async Task<IReadOnlyList<string>?> ReadAsync(string[] arguments, CancellationToken cancel)
    {
        var (result, lines) = await AskAsync(top, index: null, arguments, cancel).ConfigureAwait(false);
        return result.Succeeded ? lines : null;
    }

    /// <summary>A worktree of its own, on no branch.</summary>
    public Task CheckOutAsync(string folder, string commit, CancellationToken cancel) => DoAsync(null, ["-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--force", folder, commit], cancel);

    /// <summary>Forgets worktrees whose folders are gone.</summary>
    public Task PruneAsync(CancellationToken cancel) => AskAsync(top, index: null, ["worktree", "prune"], cancel);

    private static string[] Identity => ["-c", "user.name=lap", "-c", "user.email=lap@localhost"];

    private async Task<string> DoAsync(string? index, string[] arguments, CancellationToken cancel)
    {
        var (result, lines) = await AskAsync(top, index, arguments, cancel).ConfigureAwait(false);
        return result.Succeeded
            ? lines.Count > 0 ? lines[0] : ""
            : throw new FaultException(new Fault(Outcome.InternalError, $"git {string.Join(' ', arguments.Where(a => !a.StartsWith("user.", StringComparison.Ordinal) && a != "-c"))}: {result.Ending}", top, "see what git says", result.Tail));
    }

    private async Task<(ProcessResult Result, List<string> Lines)> AskAsync(string directory, string? index, string[] arguments, CancellationToken cancel)
    {
        var environment = Inherited.ToDictionary(n => n, _ => (string?)null);
        environment["GIT_INDEX_FILE"] = index;
        environment["GIT_OPTIONAL_LOCKS"] = "0";
        var lines = new List<string>();
        var result = await runner.RunAsync(
            new Command { Program = "git", Arguments = arguments, Directory = directory, Environment = environment, Deadline = Bound, FailsAs = Outcome.UsageError },
            line =>
            {
                if (!line.IsError)
                {
                    lines.Add(line.Text);
                }
            }, cancel).ConfigureAwait(false);
        return (result, lines);
    }
}
