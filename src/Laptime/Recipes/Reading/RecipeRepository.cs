using System.Globalization;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Recipes.Reading;

/// <param name="Name">Behind refs/tags/.</param>
internal sealed record RecipeTag(string Name, string Commit);

/// <summary>
/// What is asked of a recipe's repository, which may be anybody's: objects by their ids, as they are stored. Nothing of it runs (no hook, filter, file monitor, transport), nothing of it is
/// written (index, refs, working tree), and its replacement refs mean nothing.
/// </summary>
/// <param name="directory">The git directory, or a folder of the working tree.</param>
/// <param name="isGitDirectory">Whether it is the first: then nothing is searched for.</param>
internal sealed class RecipeRepository(ProcessRunner runner, string directory, bool isGitDirectory)
{
    private const int MostBytes = 512 << 20;
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(10);

    /// <summary>Set by git for its hooks; they would turn our commands to another repository.</summary>
    private static readonly string[] Inherited =
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_EXTERNAL_DIFF", "GIT_TRACE"];

    private static readonly string[] Safe =
    [
        "--no-optional-locks", "--no-replace-objects", "--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.sshCommand=false", "-c", "core.quotePath=false",
        "-c", "protocol.allow=never",
    ];

    public string Directory => directory;

    /// <summary>Lines that git printed.</summary>
    /// <exception cref="FaultException">Git said no.</exception>
    public async Task<IReadOnlyList<string>> LinesAsync(string[] arguments, CancellationToken cancel)
    {
        var (result, lines) = await AskAsync(arguments, cancel).ConfigureAwait(false);
        return result.Succeeded ? lines : throw Refused(arguments[0], result);
    }

    /// <summary>The same, where a no is an answer.</summary>
    public async Task<(ProcessResult Result, IReadOnlyList<string> Lines)> AskAsync(string[] arguments, CancellationToken cancel)
    {
        var lines = new List<string>();
        var result = await runner.RunAsync(Command(arguments, null), line =>
        {
            if (!line.IsError)
            {
                lines.Add(line.Text);
            }
        }, cancel).ConfigureAwait(false);
        return (result, lines);
    }

    /// <summary>Names with NULs in between.</summary>
    public async Task<IReadOnlyList<string>> NamesAsync(string[] arguments, CancellationToken cancel) =>
        Encoding.UTF8.GetString(await BytesAsync(arguments, null, cancel).ConfigureAwait(false)).Split('\0', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Tags that lead to a commit.</summary>
    public async Task<IReadOnlyList<RecipeTag>> TagsAsync(CancellationToken cancel)
    {
        var tags = new List<RecipeTag>();
        foreach (var line in await LinesAsync(["for-each-ref", "--format=%(refname)%09%(objecttype)%09%(objectname)%09%(*objecttype)%09%(*objectname)", "refs/tags"], cancel).ConfigureAwait(false))
        {
            if (line.Split('\t') is [['r', 'e', 'f', 's', '/', 't', 'a', 'g', 's', '/', .. var name], var type, var id, var innerType, var inner])
            {
                var commit = type == "commit" ? id : innerType == "commit" ? inner : null;
                if (commit is not null)
                {
                    tags.Add(new RecipeTag(name, commit));
                }
            }
        }

        return tags;
    }

    /// <summary>The id of the folder's tree in each commit; null where it has no such folder.</summary>
    public async Task<IReadOnlyList<string?>> TreesAsync(IReadOnlyList<string> commits, string below, CancellationToken cancel)
    {
        if (commits.Count == 0)
        {
            return [];
        }

        var answer = await BatchAsync("--batch-check=%(objectname) %(objecttype)", commits.Select(c => below.Length == 0 ? $"{c}^{{tree}}" : $"{c}:{below}"), cancel).ConfigureAwait(false);
        return [.. Encoding.UTF8.GetString(answer).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => l.Split(' ') is [var id, "tree"] ? id : null)];
    }

    /// <summary>Every file of a tree, at any depth. Submodules are named too, with what they are.</summary>
    public async Task<IReadOnlyList<(string Mode, string Id, long Size, string Path)>> FilesAsync(string tree, CancellationToken cancel)
    {
        var files = new List<(string, string, long, string)>();
        foreach (var entry in await NamesAsync(["ls-tree", "-r", "-z", "-l", "--full-tree", tree], cancel).ConfigureAwait(false))
        {
            var tab = entry.IndexOf('\t');
            var facts = entry[..tab].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            files.Add((facts[0], facts[2], long.TryParse(facts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : 0, entry[(tab + 1)..]));
        }

        return files;
    }

    /// <summary>Contents of blobs as they are stored, in the order asked for.</summary>
    /// <exception cref="FaultException">One is missing.</exception>
    public async Task<IReadOnlyList<ReadOnlyMemory<byte>>> BlobsAsync(IReadOnlyList<string> ids, CancellationToken cancel)
    {
        if (ids.Count == 0)
        {
            return [];
        }

        var answer = (await BatchAsync("--batch", ids, cancel).ConfigureAwait(false)).AsMemory();
        var blobs = new List<ReadOnlyMemory<byte>>(ids.Count);
        foreach (var id in ids)
        {
            var end = answer.Span.IndexOf((byte)'\n');
            if (end < 0 || Encoding.ASCII.GetString(answer.Span[..end]).Split(' ') is not [_, "blob", var length] || !int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var size) || answer.Length < end + 1 + size)
            {
                throw new FaultException(new Fault(Outcome.UsageError, $"the repository lacks the object {id}", directory, "fetch it whole (not shallow, not partial)"));
            }

            blobs.Add(answer.Slice(end + 1, size));
            answer = answer[Math.Min(answer.Length, end + 1 + size + 1)..];
        }

        return blobs;
    }

    /// <summary>Fetches all branches and tags of an address, or of a bundle, into this (bare) repository; what is gone there goes here.</summary>
    /// <param name="protocols">Transports that may be used.</param>
    public async Task FetchAsync(string from, IReadOnlyList<string> references, IReadOnlyList<string> protocols, IReadOnlyList<string> secrets, string shown, CancellationToken cancel)
    {
        var result = await runner.RunAsync(
            Network(protocols, secrets, ["fetch", "--quiet", "--no-recurse-submodules", "--no-auto-gc", "--no-tags", "--no-write-fetch-head", "--prune", "--force", "--end-of-options", from, .. references]), null, cancel).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            throw Unreachable(shown, result);
        }
    }

    /// <summary>The commit and the name that HEAD has at an address; null: it has none.</summary>
    public async Task<string?> RemoteHeadAsync(string from, IReadOnlyList<string> protocols, IReadOnlyList<string> secrets, string shown, CancellationToken cancel)
    {
        var lines = new List<string>();
        var result = await runner.RunAsync(Network(protocols, secrets, ["ls-remote", "--quiet", "--end-of-options", from, "HEAD"]), line =>
        {
            if (!line.IsError)
            {
                lines.Add(line.Text);
            }
        }, cancel).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            throw Unreachable(shown, result);
        }

        return lines.Select(static l => l.Split('\t')).FirstOrDefault(static l => l is [{ Length: >= 40 }, "HEAD"])?[0];
    }

    private static FaultException Unreachable(string shown, ProcessResult result) =>
        new(new Fault(Outcome.UsageError, $"the recipe cannot be fetched: git: {result.Ending}", shown, "check the address, the network and your access (git ls-remote shows it); or name a folder of this machine", result.Tail));

    private FaultException Refused(string what, ProcessResult result) =>
        new(new Fault(Outcome.UsageError, $"git {what}: {result.Ending}", directory, "see what git says", result.Tail));

    private async Task<byte[]> BatchAsync(string mode, IEnumerable<string> objects, CancellationToken cancel)
    {
        var questions = Path.Combine(Path.GetTempPath(), $"lap-objects-{Guid.NewGuid():N}");
        try
        {
            await File.WriteAllTextAsync(questions, string.Concat(objects.Select(static o => o + "\n")), cancel).ConfigureAwait(false);
            return await BytesAsync(["cat-file", mode], questions, cancel).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(questions);
        }
    }

    private async Task<byte[]> BytesAsync(string[] arguments, string? input, CancellationToken cancel)
    {
        var (result, bytes) = await runner.RunForBytesAsync(Command(arguments, input), MostBytes, cancel).ConfigureAwait(false);
        return result.Succeeded ? bytes : throw Refused(arguments[0], result);
    }

    private Command Command(string[] arguments, string? input) => new()
    {
        Program = "git", Arguments = [.. isGitDirectory ? ["--git-dir=" + directory] : Array.Empty<string>(), .. Safe, .. arguments], Directory = directory, Environment = Environment(), Deadline = Bound,
        FailsAs = Outcome.UsageError, InputFile = input, LineCharacters = 64 * 1024,
    };

    /// <summary>The user's own settings count here (proxies, credentials, keys): the repository is ours.</summary>
    private Command Network(IReadOnlyList<string> protocols, IReadOnlyList<string> secrets, string[] arguments) => new()
    {
        Program = "git",
        Arguments = ["--git-dir=" + directory, "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never", .. protocols.SelectMany(static p => (string[])["-c", $"protocol.{p}.allow=always"]), .. arguments],
        Directory = directory, Environment = Environment(), Deadline = Bound, FailsAs = Outcome.UsageError, Secrets = secrets, LineCharacters = 64 * 1024,
    };

    private static Dictionary<string, string?> Environment()
    {
        var environment = Inherited.ToDictionary(static n => n, static _ => (string?)null);
        (environment["GIT_OPTIONAL_LOCKS"], environment["GIT_TERMINAL_PROMPT"], environment["GIT_NO_LAZY_FETCH"], environment["LC_ALL"]) = ("0", "0", "1", "C");
        return environment;
    }
}
