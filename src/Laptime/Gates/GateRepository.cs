using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Gates;

/// <summary>A file of a commit.</summary>
/// <param name="Path">Relative to the repository.</param>
internal sealed record TreeEntry(string Mode, string Id, string Path);

/// <summary>What gates ask of git. Nothing is written but a clone elsewhere. Names come with NULs in between, so they may hold anything.</summary>
/// <param name="top">Top of the working tree.</param>
/// <param name="below">Of gates.yaml's folder in it; empty at the top.</param>
internal sealed class GateRepository(ProcessRunner runner, string top, string below)
{
    private const int MostBytes = 256 << 20;
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(10);

    /// <summary>Set by git for its hooks; they would turn our commands to another repository.</summary>
    private static readonly string[] Inherited = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_ALTERNATE_OBJECT_DIRECTORIES"];

    public string Top => top;

    public string Below => below;

    /// <exception cref="LapException">There is no repository with a commit around the folder.</exception>
    public static async Task<GateRepository> OpenAsync(ProcessRunner runner, string folder, CancellationToken cancel)
    {
        var (result, lines) = await new GateRepository(runner, folder, "").LinesAsync(["rev-parse", "--show-toplevel", "--show-prefix"], cancel).ConfigureAwait(false);
        return result.Succeeded && lines is [{ Length: > 0 } top, ..]
            ? new GateRepository(runner, top, lines is [_, { Length: > 0 } prefix, ..] ? prefix.TrimEnd('/') : "")
            : throw new LapException("gates need git: what is claimed is a commit", folder, "git init, git add and git commit, then try again");
    }

    /// <summary>The path of something in gates.yaml's folder, relative to the repository.</summary>
    public string InTop(string path) => below.Length == 0 ? path : $"{below}/{path}";

    /// <exception cref="LapException">Git was not told who this is.</exception>
    public async Task<GatePerson> IdentityAsync(CancellationToken cancel)
    {
        var (result, lines) = await LinesAsync(["-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"], cancel).ConfigureAwait(false);
        if (result.Succeeded && lines is [var line, ..] && line.LastIndexOf('<') is > 0 and var open && line.LastIndexOf('>') is var close && close > open)
        {
            return new GatePerson(line[..open].Trim(), line[(open + 1)..close].Trim());
        }

        throw new LapException("git does not know who you are, and a record says who made it", top, "git config user.name \"Your Name\" and git config user.email you@example.org");
    }

    /// <exception cref="LapException">There is no commit yet.</exception>
    public async Task<string> HeadAsync(CancellationToken cancel)
    {
        var (result, lines) = await LinesAsync(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], cancel).ConfigureAwait(false);
        return result.Succeeded && lines is [var commit] ? commit : throw new LapException("there is no commit yet, and what is claimed is a commit", top, "git add and git commit");
    }

    public async Task<bool> HasAsync(string commit, CancellationToken cancel) => (await LinesAsync(["cat-file", "-e", commit + "^{commit}"], cancel).ConfigureAwait(false)).Result.Succeeded;

    /// <summary>What differs from the commit that is checked out: changed, staged, removed, and new files that are not ignored. Relative to the repository.</summary>
    public async Task<IReadOnlyList<string>> UncommittedAsync(CancellationToken cancel) =>
        [.. (await NamesAsync(["status", "--porcelain=v1", "-z", "--no-renames", "-uall", "--ignore-submodules=none"], cancel).ConfigureAwait(false)).Where(e => e.Length > 3).Select(e => e[3..])];

    /// <summary>Tracked files that git was told not to look at: a change in one would not show.</summary>
    public async Task<IReadOnlyList<string>> HiddenAsync(CancellationToken cancel) =>
        [.. (await NamesAsync(["ls-files", "-v", "-z"], cancel).ConfigureAwait(false))
            .Where(e => e.Length > 2 && (char.IsAsciiLetterLower(e[0]) || (e[0] == 'S' && File.Exists(System.IO.Path.Combine(top, e[2..]))))).Select(e => e[2..])];

    /// <summary>Files that are here and not in the commit, ignored ones too. Relative to the repository.</summary>
    public Task<IReadOnlyList<string>> BesideAsync(CancellationToken cancel) => NamesAsync(["ls-files", "--others", "-z"], cancel);

    /// <summary>Every file in gates.yaml's folder, relative to it.</summary>
    public async Task<IReadOnlyList<string>> FilesAsync(CancellationToken cancel)
    {
        var prefix = below.Length == 0 ? "" : below + "/";
        return [.. (await NamesAsync(["ls-files", "--cached", "--others", "-z"], cancel).ConfigureAwait(false)).Distinct(StringComparer.Ordinal)
            .Where(f => f.StartsWith(prefix, StringComparison.Ordinal)).Select(f => f[prefix.Length..])];
    }

    public async Task<IReadOnlyList<TreeEntry>> TreeAsync(string commit, CancellationToken cancel)
    {
        var entries = new List<TreeEntry>();
        foreach (var entry in await NamesAsync(["ls-tree", "-r", "-z", "--full-tree", commit], cancel).ConfigureAwait(false))
        {
            var tab = entry.IndexOf('\t');
            var facts = entry[..tab].Split(' ');
            entries.Add(new TreeEntry(facts[0], facts[2], entry[(tab + 1)..]));
        }

        return entries;
    }

    /// <summary>The last commit between two that touches a file; null: there is none on the way.</summary>
    public async Task<(string Commit, string Subject)?> LastTouchAsync(string from, string to, string path, CancellationToken cancel)
    {
        var (result, lines) = await LinesAsync(["--literal-pathspecs", "log", "-1", "--format=%H%x09%s", $"{from}..{to}", "--", path], cancel).ConfigureAwait(false);
        return result.Succeeded && lines is [var line] && line.IndexOf('\t') is > 0 and var tab ? (line[..tab], line[(tab + 1)..]) : null;
    }

    /// <summary>Files below a folder that some commit on the way to this one removed, with that commit. Those that are here again too.</summary>
    public async Task<IReadOnlyList<(string Path, string Commit)>> RemovedAsync(string folder, string commit, CancellationToken cancel)
    {
        // Full history, and merges against each parent: a removal in a side branch, or in the merge itself, is one too.
        var names = await NamesAsync(["--literal-pathspecs", "log", "--full-history", "-m", "--no-renames", "--diff-filter=D", "--name-only", "-z", "--format=%x01%H", commit, "--", folder], cancel).ConfigureAwait(false);
        var (removed, at) = (new List<(string, string)>(), "");
        foreach (var name in names.Select(n => n.TrimStart('\n')))
        {
            if (name.StartsWith('\u0001'))
            {
                at = name[1..].TrimEnd('\n');
            }
            else if (name.Length > 0)
            {
                removed.Add((name, at));
            }
        }

        return removed;
    }

    /// <summary>Tracked files of a commit that have a text in them.</summary>
    public async Task<IReadOnlyList<string>> MentionsAsync(string commit, string text, CancellationToken cancel)
    {
        var (result, bytes) = await BytesAsync(["grep", "-l", "-z", "-I", "-F", "-e", text, commit], cancel).ConfigureAwait(false);
        return result.Succeeded ? [.. Split(bytes).Select(n => n[(n.IndexOf(':') + 1)..])] : [];
    }

    public async Task<bool> IsIgnoredAsync(string path, CancellationToken cancel) => (await LinesAsync(["check-ignore", "-q", "--", path], cancel).ConfigureAwait(false)).Result.ExitCode == 0;

    /// <summary>A whole clone of its own with one commit checked out: no shared object, no hook, no way back to this folder.</summary>
    /// <param name="environment">Of the checkout: the clean one, so that no setting of this user decides what is written.</param>
    public async Task CloneAsync(string folder, string commit, IReadOnlyDictionary<string, string?> environment, CancellationToken cancel)
    {
        // Also what no branch has: a claim on a detached head.
        const string upload = "git -c uploadpack.allowAnySHA1InWant=true upload-pack";
        await DoAsync(top, ["clone", "--quiet", "--no-local", "--no-checkout", "--template=", "--origin", "origin", "--upload-pack", upload, top, folder], null, cancel).ConfigureAwait(false);
        var clone = new GateRepository(runner, folder, "");
        if (!await clone.HasAsync(commit, cancel).ConfigureAwait(false))
        {
            await DoAsync(folder, ["fetch", "--quiet", "--upload-pack", upload, "origin", commit], null, cancel).ConfigureAwait(false);
        }

        await DoAsync(folder, ["-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "--detach", commit], environment, cancel).ConfigureAwait(false);
        await DoAsync(folder, ["remote", "remove", "origin"], null, cancel).ConfigureAwait(false);
    }

    private async Task DoAsync(string directory, string[] arguments, IReadOnlyDictionary<string, string?>? environment, CancellationToken cancel)
    {
        var result = await runner.RunAsync(Ask(directory, arguments, environment), null, cancel).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            throw new FaultException(new Fault(Outcome.GateFailed, $"git {arguments.First(a => !a.StartsWith('-') && !a.Contains('='))}: {result.Ending}", directory, "see what git says", result.Tail));
        }
    }

    private async Task<IReadOnlyList<string>> NamesAsync(string[] arguments, CancellationToken cancel)
    {
        var (result, bytes) = await BytesAsync(arguments, cancel).ConfigureAwait(false);
        return result.Succeeded ? Split(bytes) : throw new FaultException(new Fault(Outcome.GateFailed, $"git {arguments[0]}: {result.Ending}", top, "see what git says", result.Tail));
    }

    private static List<string> Split(byte[] bytes) => [.. Encoding.UTF8.GetString(bytes).Split('\0', StringSplitOptions.RemoveEmptyEntries)];

    private Task<(ProcessResult Result, byte[] Output)> BytesAsync(string[] arguments, CancellationToken cancel) => runner.RunForBytesAsync(Ask(top, arguments, null), MostBytes, cancel);

    private async Task<(ProcessResult Result, List<string> Lines)> LinesAsync(string[] arguments, CancellationToken cancel)
    {
        var lines = new List<string>();
        var result = await runner.RunAsync(Ask(top, arguments, null), line =>
        {
            if (!line.IsError)
            {
                lines.Add(line.Text);
            }
        }, cancel).ConfigureAwait(false);
        return (result, lines);
    }

    private static Command Ask(string directory, string[] arguments, IReadOnlyDictionary<string, string?>? environment)
    {
        var all = Inherited.ToDictionary(n => n, _ => (string?)null);
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            all[name] = value;
        }

        (all["GIT_OPTIONAL_LOCKS"], all["GIT_TERMINAL_PROMPT"], all["LC_ALL"]) = ("0", "0", "C");
        return new Command { Program = "git", Arguments = arguments, Directory = directory, Environment = all, Deadline = Bound, FailsAs = Outcome.UsageError };
    }
}
