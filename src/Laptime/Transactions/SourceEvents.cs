using System.Globalization;
using Laptime.Artifacts.Provenance;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Transactions;

/// <summary>
/// Finds the event that the checked-out commit came from: what the CI service says, checked against git, and git itself where nobody says. Reads only.
/// </summary>
public sealed class SourceEvents(ProcessRunner runner, string root, Func<string, string?> variable)
{
    private const int MostChanged = 100;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    /// <exception cref="LapException">No repository, no commit, or the CI service speaks of another commit than the one that is checked out.</exception>
    public async Task<SourceEvent> FindAsync(CancellationToken cancel)
    {
        if (await AskAsync(["rev-parse", "--show-toplevel"], cancel).ConfigureAwait(false) is not [{ Length: > 0 } top])
        {
            throw RepositoryAbove(root) is { } found
                ? new LapException("git cannot read the repository that is here", found, "see what `git status` says: is git installed, and is the folder this user's (git's safe.directory)?")
                : new LapException("this is not a git repository, so nobody can say what an artifact from here is made of", root, "publish from a checkout; for a new project: git init, git add, git commit");
        }

        if (await AskAsync(["log", "-1", "--format=%H %ct"], cancel).ConfigureAwait(false) is not [{ } head] || head.Split(' ') is not [var commit, var time]
            || !long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            throw new LapException("there is no commit here yet", top, "git add and git commit, then publish");
        }

        var ci = CiSource.Of(variable);
        if (ci.Commit is { } said && !said.Equals(commit, StringComparison.OrdinalIgnoreCase))
        {
            throw new LapException($"{ci.CommitVariable} is {said}, but {commit} is checked out", top,
                "check out the commit that the job runs for; or say what it is: LAP_SOURCE_COMMIT, LAP_SOURCE_REF and LAP_SOURCE_EVENT");
        }

        if (ci.Ref is { } written && !IsRef(written))
        {
            throw new LapException($"{written} is no full name of a ref", "LAP_SOURCE_REF", "write it in full: refs/heads/main, refs/tags/v1");
        }

        if (ci.Event is { } own && !(own.Length <= 60 && own.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')))
        {
            throw new LapException($"{own} is no name of an event", "LAP_SOURCE_EVENT", $"one of {string.Join(", ", SourceEvent.Known)}, or a name of your own of letters, digits and '-'");
        }

        var (kind, reference, evidence) = await EventAsync(ci, cancel).ConfigureAwait(false);
        return new SourceEvent
        {
            Event = kind, Ref = reference, Commit = commit, CommittedAt = DateTimeOffset.FromUnixTimeSeconds(seconds), Evidence = evidence,
            Repository = RepositoryUri.Of(ci.Repository ?? await RemoteAsync(cancel).ConfigureAwait(false) ?? top, top),
            Changed = await ChangedAsync(top, cancel).ConfigureAwait(false),
        };
    }

    /// <summary>
    /// Who builds here: what was asked for (<c>--builder</c>, <c>LAP_BUILDER</c>), the CI service's workflow, project or job, else this user on this machine.
    /// </summary>
    /// <exception cref="LapException"><paramref name="asked"/> is no URI.</exception>
    public static string BuilderOf(string? asked, Func<string, string?> variable)
    {
        if ((asked ?? variable("LAP_BUILDER")) is { Length: > 0 } given)
        {
            return given.Length <= 500 && given.IndexOf(':') is > 1 and var colon && given.AsSpan(0, colon).IndexOfAnyExcept(SchemeCharacters) < 0
                && !given.Any(c => c <= ' ' || char.IsControl(c) || c is '"' or '\'' or '*')
                ? given
                : throw new LapException($"{given} is no name of a builder", "--builder", "a URI, such as https://ci.example.org/main or urn:example:release-machine");
        }

        return CiSource.Of(variable).Builder ?? $"urn:laptime:local:{Uri.EscapeDataString(Environment.UserName)}@{Uri.EscapeDataString(Environment.MachineName)}";
    }

    private static System.Buffers.SearchValues<char> SchemeCharacters { get; } = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    private async Task<(string Event, string Ref, string Evidence)> EventAsync(CiSource ci, CancellationToken cancel)
    {
        if (ci.Ref is { } reference)
        {
            if (ci.Event is { } said)
            {
                return (said, reference, ci.Evidence);
            }

            if (!reference.StartsWith("refs/heads/", StringComparison.Ordinal))
            {
                return (reference.StartsWith("refs/tags/", StringComparison.Ordinal) ? SourceEvent.Tag : reference.StartsWith("refs/pull/", StringComparison.Ordinal) ? SourceEvent.PullRequest : SourceEvent.Branch, reference, ci.Evidence);
            }

            if (ci.DefaultBranch is { } standard)
            {
                return (reference == "refs/heads/" + standard ? SourceEvent.MergeToMain : SourceEvent.Branch, reference, ci.Evidence);
            }

            var (branch, how) = await DefaultBranchAsync(cancel).ConfigureAwait(false);
            return (reference == "refs/heads/" + branch ? SourceEvent.MergeToMain : SourceEvent.Branch, reference, $"{ci.Evidence}; git: {how}");
        }

        var (kind, found, evidence) = await GitEventAsync(ci.DefaultBranch, cancel).ConfigureAwait(false);
        return (ci.Event ?? kind, found, ci.Evidence.Length == 0 ? evidence : $"{ci.Evidence}; {evidence}");
    }

    /// <summary>By git alone.</summary>
    private async Task<(string Event, string Ref, string Evidence)> GitEventAsync(string? standard, CancellationToken cancel)
    {
        var (branch, how) = standard is null ? await DefaultBranchAsync(cancel).ConfigureAwait(false) : (standard, $"{standard} is said to be the default branch");
        if (await AskAsync(["symbolic-ref", "--quiet", "HEAD"], cancel).ConfigureAwait(false) is [{ } head])
        {
            return (head == "refs/heads/" + branch ? SourceEvent.MergeToMain : SourceEvent.Branch, head, $"git: HEAD is {head}; {how}");
        }

        if (await AskAsync(["tag", "--points-at", "HEAD", "--sort=-creatordate"], cancel).ConfigureAwait(false) is [{ Length: > 0 } tag, ..])
        {
            return (SourceEvent.Tag, "refs/tags/" + tag, $"git: HEAD is detached at refs/tags/{tag}");
        }

        foreach (var place in branch is null ? [] : (string[])["refs/remotes/origin/" + branch, "refs/heads/" + branch])
        {
            if (await AskAsync(["merge-base", "--is-ancestor", "HEAD", place], cancel).ConfigureAwait(false) is not null)
            {
                return (SourceEvent.MergeToMain, "refs/heads/" + branch, $"git: HEAD is detached, and its commit is part of {place}; {how}");
            }
        }

        return (SourceEvent.Branch, "HEAD", $"git: HEAD is detached, at no tag and not part of the default branch; {how}");
    }

    /// <summary>Null: git does not know one.</summary>
    private async Task<(string? Branch, string How)> DefaultBranchAsync(CancellationToken cancel)
    {
        const string Remote = "refs/remotes/origin/";
        if (await AskAsync(["symbolic-ref", "--quiet", Remote + "HEAD"], cancel).ConfigureAwait(false) is [{ } head] && head.StartsWith(Remote, StringComparison.Ordinal))
        {
            return (head[Remote.Length..], $"{head[Remote.Length..]} is the default branch by {Remote}HEAD");
        }

        var configured = await AskAsync(["config", "--get", "init.defaultBranch"], cancel).ConfigureAwait(false) is [{ Length: > 0 } own] ? own : null;
        foreach (var name in (string?[])[configured, "main", "master"])
        {
            // A setting of this user's says something of this repository only if it has such a branch.
            if (name is not null && await AskAsync(["for-each-ref", "--format=%(refname)", "refs/heads/" + name, Remote + name], cancel).ConfigureAwait(false) is [_, ..])
            {
                return (name, name == configured ? $"{name} is the default branch by init.defaultBranch" : $"{name} is taken for the default branch by its name");
            }
        }

        return (null, "git knows no default branch");
    }

    private async Task<string?> RemoteAsync(CancellationToken cancel)
    {
        if (await AskAsync(["remote", "get-url", "origin"], cancel).ConfigureAwait(false) is [{ Length: > 0 } origin, ..])
        {
            return origin;
        }

        return await AskAsync(["remote"], cancel).ConfigureAwait(false) is [{ Length: > 0 } first, ..]
            && await AskAsync(["remote", "get-url", first], cancel).ConfigureAwait(false) is [{ Length: > 0 } url, ..] ? url : null;
    }

    /// <summary>In the whole repository: the commit is all of it.</summary>
    private async Task<IReadOnlyList<string>> ChangedAsync(string top, CancellationToken cancel)
    {
        var lines = await AskAsync(["-c", "core.quotePath=true", "-c", "status.relativePaths=false", "status", "--porcelain", "--no-renames", "-unormal", "--", top], cancel).ConfigureAwait(false)
            ?? throw new LapException("git cannot say whether the working tree is the commit", top, "run `git status` and see what is wrong");
        return [.. lines.Where(l => l.Length > 3).Select(l => GitName.Read(l[3..])).Take(MostChanged)];
    }

    private static string? RepositoryAbove(string folder)
    {
        for (var at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            if (Path.Exists(Path.Combine(at, ".git")))
            {
                return at;
            }
        }

        return null;
    }

    private static bool IsRef(string text) =>
        text.StartsWith("refs/", StringComparison.Ordinal) && text.Length is > 5 and <= 500 && !text.Any(c => c <= ' ' || c is '~' or '^' or ':' or '?' or '*' or '[' or '\\' or '\u007f');

    private Task<IReadOnlyList<string>?> AskAsync(IReadOnlyList<string> arguments, CancellationToken cancel) => GitQuestion.AskAsync(runner, root, Bound, arguments, cancel);
}
