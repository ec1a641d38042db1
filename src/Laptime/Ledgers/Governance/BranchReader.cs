using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Ledgers.Governance;

/// <summary>What the main branch is, in git's words.</summary>
/// <param name="Top">Absolute path of the repository.</param>
/// <param name="Below">Of the workspace in it; "" at the top.</param>
internal sealed record BranchGround(string Top, string Below, string Head, string? Main, string? MainCommit);

/// <summary>
/// Asks git what the ledger's folder will hold once this branch and the main one are merged. Nothing in the repository changes but for objects that nothing refers to
/// (`git merge-tree --write-tree` makes a tree); no lock is taken, no index written.
/// </summary>
/// <param name="git">The program.</param>
internal sealed class BranchReader(ProcessRunner runner, string root, string git = "git")
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>Set by git for its hooks (lap may have been called in one); they would turn our questions to another repository.</summary>
    private static readonly string[] Inherited = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"];

    /// <returns>Null: no repository, no git, or no commit yet.</returns>
    /// <param name="named">The main branch as laptime.yaml has it; null: found.</param>
    /// <exception cref="LapException">Git knows no such branch.</exception>
    public async Task<BranchGround?> GroundAsync(string? named, string? where, CancellationToken cancel)
    {
        var (code, lines) = await AskAsync(root, null, null, cancel, "rev-parse", "--show-toplevel", "--show-prefix", "HEAD").ConfigureAwait(false);
        if (code != 0 || lines is not [{ Length: > 0 } top, var prefix, { Length: >= 40 } head])
        {
            return null;
        }

        var ground = new BranchGround(top, prefix.TrimEnd('/'), head, null, null);
        if (named is not null)
        {
            var (_, found) = await AskAsync(root, null, null, cancel, "rev-parse", "--verify", "--quiet", "--end-of-options", named + "^{commit}").ConfigureAwait(false);
            return found is [{ Length: >= 40 } commit] ? ground with { Main = named, MainCommit = commit }
                : throw new LapException($"git knows no branch {named}", where, "correct `main`, or fetch it: git fetch origin");
        }

        var (_, refs) = await AskAsync(root, null, null, cancel, "for-each-ref", "--format=%(refname) %(objectname) %(symref)",
            "refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master").ConfigureAwait(false);
        // NAME COMMIT [WHAT IT POINTS AT]: of a symbolic one the branch itself is meant.
        var known = refs.Select(static r => r.Split(' ')).Where(static r => r.Length >= 2).ToDictionary(static r => r[0], static r => (Name: r.Length > 2 && r[2].Length > 0 ? r[2] : r[0], Commit: r[1]));
        string[] order = ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];
        return order.FirstOrDefault(known.ContainsKey) is { } main ? ground with { Main = known[main].Name.Replace("refs/remotes/", "").Replace("refs/heads/", ""), MainCommit = known[main].Commit } : ground;
    }

    /// <returns>Null: git cannot merge the two (no common history).</returns>
    public async Task<MergeView?> MergeAsync(BranchGround ground, MigrationFolder here, MigrationSet set, LedgerTool tool, CancellationToken cancel)
    {
        var folder = string.Join('/', new[] { ground.Below, here.Path }.Where(static p => p.Length > 0));
        string[] path = folder.Length == 0 ? [] : ["--", folder];
        var (main, commit) = (ground.Main!, ground.MainCommit!);
        var onMain = await TreeAsync(ground.Top, commit, path, folder, cancel).ConfigureAwait(false);
        var mains = onMain.Select(static c => c.Path).ToHashSet(StringComparer.Ordinal);
        if (commit == ground.Head)
        {
            return new MergeView(main, commit, set, new HashSet<string>(), mains, [], Exact: true) { Theirs = await TheirsAsync(ground.Top, here, onMain, [], tool, cancel).ConfigureAwait(false) };
        }

        var (code, merged) = await AskAsync(ground.Top, null, null, cancel, "merge-tree", "--write-tree", "--name-only", ground.Head, commit).ConfigureAwait(false);
        var exact = code is 0 or 1 && merged is [{ Length: >= 40 }, ..];
        var conflicts = new List<string>();
        List<TreeChange> brought;
        if (exact)
        {
            conflicts.AddRange(merged.Skip(1).TakeWhile(static l => l.Length > 0).Select(p => Below(GitName.Read(p), folder)).OfType<string>().Distinct());
            brought = await ChangesAsync(ground.Top, ground.Head, merged[0], path, folder, cancel).ConfigureAwait(false);
        }
        else
        {
            // Git before 2.38 makes no such tree: what main changed since the two parted is what it brings, file by file.
            var (_, bases) = await AskAsync(ground.Top, null, null, cancel, "merge-base", ground.Head, commit).ConfigureAwait(false);
            if (bases is not [{ Length: >= 40 } parted, ..])
            {
                return null;
            }

            var ours = (await ChangesAsync(ground.Top, parted, ground.Head, path, folder, cancel).ConfigureAwait(false)).ToDictionary(static c => c.Path);
            brought = await ChangesAsync(ground.Top, parted, commit, path, folder, cancel).ConfigureAwait(false);
            conflicts.AddRange(brought.Where(c => ours.TryGetValue(c.Path, out var own) && own.Blob != c.Blob).Select(static c => c.Path));
            brought.RemoveAll(c => ours.ContainsKey(c.Path));
        }

        brought.RemoveAll(c => conflicts.Contains(c.Path) || !MigrationFolder.IsOfInterest(c.Path) || MigrationFolder.IsAside(c.Path));
        if (brought.Count == 0)
        {
            return new MergeView(main, commit, set, new HashSet<string>(), mains, conflicts, exact) { Theirs = await TheirsAsync(ground.Top, here, onMain, [.. conflicts], tool, cancel).ConfigureAwait(false) };
        }

        var contents = await ContentsAsync(ground.Top, [.. brought.Where(static c => c.Blob is not null)], cancel).ConfigureAwait(false);
        var files = here.Files.ToDictionary(static f => f.Path);
        var fromMain = new HashSet<string>(StringComparer.Ordinal);
        foreach (var change in brought)
        {
            if (change.Blob is null)
            {
                files.Remove(change.Path);
            }
            else if (contents.TryGetValue(change.Path, out var theirs) && !(change.Added && files.TryGetValue(change.Path, out var own) && !own.TooLarge && own.Content == theirs.Content))
            {
                if (change.Added && files.ContainsKey(change.Path))
                {
                    // Not committed yet here: git could not know.
                    conflicts.Add(change.Path);
                    continue;
                }

                files[change.Path] = theirs;
                fromMain.Add(change.Path);
            }
        }

        var folderThen = here with { Files = [.. files.Values.OrderBy(static f => f.Path, StringComparer.Ordinal)] };
        return new MergeView(main, commit, tool.Read(folderThen), fromMain, mains, conflicts, exact) { Theirs = await TheirsAsync(ground.Top, here, onMain, [.. conflicts, .. fromMain], tool, cancel).ConfigureAwait(false) };
    }

    /// <summary>What the main branch has of the files that were edited here: those that a merge would leave as they are here.</summary>
    /// <param name="apart">Files that the merge takes from main, or that git cannot merge.</param>
    private async Task<IReadOnlyList<Migration>> TheirsAsync(string top, MigrationFolder here, List<TreeChange> onMain, HashSet<string> apart, LedgerTool tool, CancellationToken cancel)
    {
        var files = here.Files.Where(f => !f.TooLarge && !apart.Contains(f.Path)).ToDictionary(static f => f.Path);
        // The same bytes are the same text. Others need not be another one: git may write lines' ends as the machine likes them, so it is asked.
        var contents = await ContentsAsync(top, [.. onMain.Where(c => files.TryGetValue(c.Path, out var own) && BlobOf(own.Bytes, c.Blob!.Length) != c.Blob)], cancel).ConfigureAwait(false);
        var edited = contents.Where(c => files[c.Key].Content != c.Value.Content).ToDictionary(static c => c.Key, static c => c.Value);
        return edited.Count == 0 ? [] : [.. tool.Read(here with { Files = [.. here.Files.Select(f => edited.GetValueOrDefault(f.Path, f))] }).Migrations.Where(m => edited.ContainsKey(m.File))];
    }

    /// <summary>As git names the content of a file, by SHA-1 or, in newer repositories, SHA-256.</summary>
    private static string BlobOf(byte[] bytes, int length)
    {
        using var hash = IncrementalHash.CreateHash(length == 40 ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {bytes.Length}\0")));
        hash.AppendData(bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The commit that brought a file to a branch; null: none did (it is not committed).</summary>
    /// <param name="path">Relative to the workspace.</param>
    public async Task<FileOrigin?> OriginAsync(BranchGround ground, string branch, string path, CancellationToken cancel)
    {
        var (_, lines) = await AskAsync(ground.Top, null, null, cancel, "log", "-1", "--diff-filter=A", "--format=%H%x09%an%x09%cI", branch, "--", string.Join('/', new[] { ground.Below, path }.Where(static p => p.Length > 0)))
            .ConfigureAwait(false);
        return lines is [var line, ..] && line.Split('\t') is [var commit, var author, var at] ? new FileOrigin(commit, author, at, branch) : null;
    }

    /// <summary>Files that any branch ever added to the folder, with the branch that they are found on.</summary>
    public async Task<IReadOnlyList<(string File, FileOrigin Origin)>> EverywhereAsync(BranchGround ground, string folder, CancellationToken cancel)
    {
        var (_, lines) = await AskAsync(ground.Top, null, null, cancel, "log", "--all", "--source", "--diff-filter=A", "--name-only", "--no-renames", "--format=%x01%H%x09%an%x09%cI%x09%S",
            "--", string.Join('/', new[] { ground.Below, folder }.Where(static p => p.Length > 0)) is { Length: > 0 } within ? within : ".").ConfigureAwait(false);
        var found = new List<(string, FileOrigin)>();
        FileOrigin? current = null;
        foreach (var line in lines)
        {
            if (line.StartsWith('\u0001') || (line.Count(static c => c == '\t') == 3))
            {
                current = line.TrimStart('\u0001').Split('\t') is [var commit, var author, var at, var source] ? new FileOrigin(commit, author, at, source.Replace("refs/heads/", "").Replace("refs/remotes/", "")) : null;
            }
            else if (line.Length > 0 && current is not null)
            {
                found.Add((GitName.Read(line), current));
            }
        }

        return found;
    }

    /// <param name="Blob">Null: the file is gone.</param>
    private sealed record TreeChange(string Path, string? Blob, string Mode, bool Added);

    private async Task<List<TreeChange>> TreeAsync(string top, string commit, string[] path, string folder, CancellationToken cancel)
    {
        var (_, lines) = await AskAsync(top, null, null, cancel, ["ls-tree", "-r", commit, .. path]).ConfigureAwait(false);
        var files = new List<TreeChange>(lines.Count);
        foreach (var line in lines)
        {
            // 100644 blob <sha><TAB>path
            if (line.Split('\t', 2) is [var facts, var name] && facts.Split(' ') is [var mode, "blob", var blob] && Below(GitName.Read(name), folder) is { } relative)
            {
                files.Add(new TreeChange(relative, blob, mode, Added: false));
            }
        }

        return files;
    }

    private async Task<List<TreeChange>> ChangesAsync(string top, string from, string to, string[] path, string folder, CancellationToken cancel)
    {
        var (_, lines) = await AskAsync(top, null, null, cancel, ["diff-tree", "-r", "--no-renames", "--no-commit-id", from, to, .. path]).ConfigureAwait(false);
        var changes = new List<TreeChange>();
        foreach (var line in lines)
        {
            // :100644 100644 <sha> <sha> M<TAB>path
            if (line.Split('\t', 2) is [var facts, var name] && facts.Split(' ') is [_, var mode, _, var blob, var kind] && Below(GitName.Read(name), folder) is { } relative && mode is "100644" or "100755" or "000000")
            {
                changes.Add(new TreeChange(relative, kind == "D" ? null : blob, mode, kind == "A"));
            }
        }

        return changes;
    }

    /// <summary>Files of a tree as a checkout would write them, through an index of our own.</summary>
    private async Task<Dictionary<string, MigrationFile>> ContentsAsync(string top, List<TreeChange> changes, CancellationToken cancel)
    {
        var contents = new Dictionary<string, MigrationFile>(StringComparer.Ordinal);
        if (changes.Count == 0)
        {
            return contents;
        }

        var folder = Directory.CreateTempSubdirectory("lap-ledger-").FullName;
        try
        {
            var (index, list, files) = (Path.Combine(folder, "index"), Path.Combine(folder, "list"), Path.Combine(folder, "files"));
            // By number: no name of theirs can lead anywhere.
            await File.WriteAllLinesAsync(list, changes.Select(static (c, i) => $"{c.Mode} {c.Blob}\t{i}{Path.GetExtension(c.Path)}"), cancel).ConfigureAwait(false);
            await AskAsync(top, index, list, cancel, "update-index", "--index-info").ConfigureAwait(false);
            await AskAsync(top, index, null, cancel, "checkout-index", "--all", "--force", $"--prefix={files}/").ConfigureAwait(false);
            for (var i = 0; i < changes.Count; i++)
            {
                var file = Path.Combine(files, i + Path.GetExtension(changes[i].Path));
                if (File.Exists(file))
                {
                    contents[changes[i].Path] = MigrationFolder.Load(file, changes[i].Path);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return contents;
    }

    /// <summary>Relative to the ledger's folder (or the name of the one file that the ledger is); null: outside.</summary>
    private static string? Below(string path, string folder) =>
        folder.Length == 0 ? path : path.StartsWith(folder + "/", StringComparison.Ordinal) ? path[(folder.Length + 1)..] : path == folder ? path[(path.LastIndexOf('/') + 1)..] : null;

    private async Task<(int Code, List<string> Lines)> AskAsync(string directory, string? index, string? input, CancellationToken cancel, params string[] arguments)
    {
        var environment = Inherited.ToDictionary(static n => n, static _ => (string?)null);
        environment["GIT_INDEX_FILE"] = index;
        environment["LC_ALL"] = "C";
        environment["GIT_TERMINAL_PROMPT"] = "0";
        var lines = new List<string>();
        try
        {
            var result = await runner.RunAsync(
                new Command
                {
                    Program = git, Arguments = ["--no-optional-locks", "-c", "core.quotePath=true", .. arguments], Directory = directory, Environment = environment, Deadline = Bound, InputFile = input,
                    LineCharacters = 8192, FailsAs = Outcome.UsageError,
                },
                line =>
                {
                    if (!line.IsError)
                    {
                        lines.Add(line.Text);
                    }
                }, cancel).ConfigureAwait(false);
            return (result.TimedOut ? -1 : result.ExitCode, lines);
        }
        catch (FaultException)
        {
            // There is no git: the files alone are checked, and the report says so.
            return (-1, []);
        }
    }
}
