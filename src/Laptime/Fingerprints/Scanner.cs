using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>One scan: walk the folders that can hold inputs, reuse what the stat index proves, read the rest, list by component.</summary>
internal sealed class Scanner
{
    private const int MaxProblems = 20;
    private const long BigFile = 4 * 1024 * 1024;
    private const int HashChunk = 32;

    /// <summary>Below that another thread takes longer to start than it saves.</summary>
    private const int MakeTogether = 2000;
    private static readonly int WorkerCount = Math.Clamp(Environment.ProcessorCount, 1, 4);

    private readonly Workspace workspace;
    private readonly ScanOptions options;
    private readonly CancellationToken cancel;
    private readonly string indexPath;
    private readonly GitHome git;
    private readonly IReadOnlyList<ScanGroup> groups;
    private readonly InputPatterns? outputs;
    private readonly bool[][] matched;
    private readonly List<Problem> problems = [];
    private readonly List<string> warnings = [];
    private readonly List<string> unstable = [];
    private int hashed;
    private long hashedBytes;

    public Scanner(Workspace workspace, ScanOptions options, CancellationToken cancel)
    {
        this.workspace = workspace;
        this.options = options;
        this.cancel = cancel;
        indexPath = Path.GetFullPath(options.IndexPath ?? Path.Combine(workspace.Root, ".laptime", "index"));
        git = options.Git ?? GitHome.FromEnvironment();
        (groups, outputs) = ScanGroup.Of(workspace, options.Portable);
        matched = [.. groups.Select(g => new bool[g.Texts.Count + 2])];
    }

    public WorkspaceScan Run()
    {
        var walkers = new FileWalker[WorkerCount];
        IndexWriter? writer = null;
        StatIndex? index = null;
        try
        {
            for (var i = 0; i < walkers.Length; i++)
            {
                walkers[i] = FileWalker.Create(workspace.Root, options.Portable);
            }

            using var facts = new ScanFacts(FileWalker.Create(workspace.Root, options.Portable));
            string? cannotSave = null;
            if (options.SaveIndex)
            {
                writer = IndexWriter.Start(indexPath, walkers[0], out cannotSave);
            }

            if (FromSaved(walkers, writer, cannotSave) is { } same)
            {
                return same;
            }

            index = options.Full || !walkers[0].HasChangeTime ? null : StatIndex.Load(indexPath);
            foreach (var source in workspace.Sources)
            {
                facts.Read(RelativeToRoot(source));
            }

            var walk = new TreeWalk(groups, outputs, index, facts, matched, git, hashes: index is null && walkers[0].HasChangeTime, cancel);
            var folders = walk.Run(Roots(facts, walkers[0]), walkers);
            (hashed, hashedBytes) = walk.Hashed;
            problems.AddRange(walk.Problems);
            ThrowProblems();

            HashMissing(folders, walkers);
            ThrowProblems();
            return Assemble(folders, facts, writer, cannotSave);
        }
        catch (UnreadableException e)
        {
            throw new LapException([e.Problem]);
        }
        finally
        {
            index?.Dispose();
            writer?.Dispose();
            foreach (var walker in walkers)
            {
                walker?.Dispose();
            }
        }
    }

    /// <summary>The scan when only contents changed since the saved one; null: the tree has to be walked.</summary>
    private WorkspaceScan? FromSaved(FileWalker[] walkers, IndexWriter? writer, string? cannotSave)
    {
        if (options.Full || options.Portable)
        {
            return null;
        }

        using var saved = SavedScan.Open(indexPath, workspace.Root, Shape());
        if (saved is null)
        {
            return null;
        }

        HashMissing(saved.Moved, walkers);
        ThrowProblems();
        if (!saved.Apply(writer))
        {
            unstable.Clear();
            (hashed, hashedBytes) = (0, 0);
            return null;
        }

        var facts = saved.Facts();
        var lists = saved.Lists(groups.Count);
        var tree = Sorted(lists, source => facts.First(f => f.Path == source).Content);
        if (cannotSave is null && writer is not null)
        {
            cannotSave = writer.Save(saved.Sealed(tree));
        }

        return Result(lists, tree, Watchable(saved.FolderPaths(), facts), cannotSave, saved.Inputs, folderCount: 0);
    }

    /// <summary>What decides, beside the tree itself, which entry is whose input.</summary>
    private ulong Shape()
    {
        var sum = IndexFormat.EmptySum;
        foreach (var group in groups)
        {
            sum = IndexFormat.Add(IndexFormat.Add(IndexFormat.Add(sum, group.Name), group.Folder), null);
            foreach (var text in group.Texts)
            {
                sum = IndexFormat.Add(sum, text);
            }

            sum = IndexFormat.Add(sum, null);
            foreach (var text in group.MadeTexts)
            {
                sum = IndexFormat.Add(sum, text);
            }
        }

        foreach (var component in workspace.Components)
        {
            sum = IndexFormat.Add(IndexFormat.Add(sum, component.Path), null);
            foreach (var output in component.Build.Outputs)
            {
                sum = IndexFormat.Add(sum, output);
            }
        }

        foreach (var source in workspace.Sources)
        {
            sum = IndexFormat.Add(sum, RelativeToRoot(source));
        }

        return IndexFormat.Add(IndexFormat.Add(IndexFormat.Add(IndexFormat.Add(IndexFormat.Add(sum, null), git.Home), git.ConfigHome), git.GlobalFile), git.SystemFile);
    }

    private List<WalkRoot> Roots(ScanFacts facts, FileWalker walker)
    {
        var prepare = new WalkRoots(workspace.Root, facts, walker, git);
        List<WalkRoot> roots = [];
        foreach (var group in groups)
        {
            if (group.Folder is { } folder && facts.TypeOf(folder.Length == 0 ? "." : folder) != EntryType.Folder)
            {
                problems.Add(new Problem($"component `{group.Name}`: its path `{folder}` is not a folder", group.At?.ToString(), "mend `path`, or create the folder"));
            }
        }

        foreach (var path in InputPatterns.RootsOf(groups.Select(g => g.Patterns)))
        {
            if (prepare.Prepare(path, problems) is { } root)
            {
                roots.Add(root);
            }
        }

        ThrowProblems();
        return roots;
    }

    private void HashMissing(IReadOnlyList<ScannedFolder> folders, FileWalker[] walkers)
    {
        // Folder and entry in lists of their own: pairs would be compiled while we run.
        List<ScannedFolder> bigFolders = [], smallFolders = [];
        List<ScannedEntry> big = [], small = [];
        foreach (var folder in folders)
        {
            for (var i = 0; i < folder.Count; i++)
            {
                var entry = folder.Entries[i];
                if (entry.Use is IndexFormat.Input or IndexFormat.Rule && entry.Content.IsNone)
                {
                    var isBig = entry.Stat.Size >= BigFile;
                    (isBig ? bigFolders : smallFolders).Add(folder);
                    (isBig ? big : small).Add(entry);
                }
            }
        }

        if (big.Count + small.Count == 0)
        {
            return;
        }

        // The big ones first: a last one started late would leave one worker alone with it.
        var (nextBig, nextSmall) = (0, 0);
        var workers = new Workers(big.Count + small.Count < 8 ? 1 : walkers.Length);
        workers.Run(number =>
        {
            var walker = walkers[number];
            ScannedFolder? entered = null;
            int i;
            while (!workers.Failed && (i = Interlocked.Increment(ref nextBig) - 1) < big.Count)
            {
                cancel.ThrowIfCancellationRequested();
                HashOne(walker, bigFolders[i], big[i], ref entered);
            }

            while (!workers.Failed && (i = Interlocked.Add(ref nextSmall, HashChunk) - HashChunk) < small.Count)
            {
                cancel.ThrowIfCancellationRequested();
                for (var end = Math.Min(small.Count, i + HashChunk); i < end; i++)
                {
                    HashOne(walker, smallFolders[i], small[i], ref entered);
                }
            }
        });
    }

    private void HashOne(FileWalker walker, ScannedFolder folder, ScannedEntry entry, ref ScannedFolder? entered)
    {
        try
        {
            if (entered != folder)
            {
                entered = null;
                if (!walker.Enter(folder.Path))
                {
                    Gone(folder, entry);
                    return;
                }

                entered = folder;
            }

            // A file may be replaced by a link, or the other way round, while we look: try again as what it is now.
            for (var attempt = 0; attempt < 5; attempt++)
            {
                if (walker.Hash(entry.Name, entry.Type == EntryType.Link, entry.Stat, out entry.Content, out var before, out var stable))
                {
                    entry.Stat = before;
                    entry.Unstable = !stable;
                    if (!stable)
                    {
                        lock (unstable)
                        {
                            unstable.Add(folder.Below(entry.Name));
                        }
                    }

                    Interlocked.Increment(ref hashed);
                    Interlocked.Add(ref hashedBytes, before.Size);
                    return;
                }

                if (!walker.Stat(folder.Below(entry.Name), follow: false, out var now) || now.Type is EntryType.Folder or EntryType.Special)
                {
                    break;
                }

                entry.Type = now.Type;
            }

            Gone(folder, entry);
        }
        catch (UnreadableException e)
        {
            lock (problems)
            {
                problems.Add(e.Problem);
            }
        }
    }

    /// <summary>It was listed and is no more: the folder's stamps from before must not vouch for the listing.</summary>
    private static void Gone(ScannedFolder folder, ScannedEntry entry)
    {
        folder.Racy = true;
        entry.Use = IndexFormat.LeftOut;
        entry.Groups = null;
    }

    private WorkspaceScan Assemble(IReadOnlyList<ScannedFolder> folders, ScanFacts facts, IndexWriter? writer, string? cannotSave)
    {
        var (inputs, counts) = (0, new int[groups.Count]);
        foreach (var folder in folders)
        {
            for (var i = 0; i < folder.Count; i++)
            {
                if (folder.Entries[i].Groups is { } of)
                {
                    inputs++;
                    foreach (var group in of)
                    {
                        counts[group]++;
                    }
                }
            }
        }

        InputFile[][] lists = [];
        var tree = Digest.None;
        byte[]? draft = null;
        var saves = cannotSave is null && writer is not null && !facts.Unstable;
        var all = facts.All;

        // The lists and the index are made of the same entries, and neither needs the other.
        var makers = new Workers(saves && inputs >= MakeTogether && WorkerCount > 1 ? 2 : 1);
        makers.Run(number =>
        {
            if (number == 0)
            {
                lists = ListsOf(folders, counts);
                tree = Sorted(lists, facts.ContentOf);
            }

            if (number == makers.Count - 1 && saves)
            {
                try
                {
                    draft = writer!.Draft(folders, all, inputs, Shape());
                }
                catch (IOException e)
                {
                    cannotSave = e.Message;
                }
            }
        });
        for (var i = 0; i < lists.Length; i++)
        {
            Warn(groups[i], matched[i], lists[i].Length);
        }

        var directories = HasLinks(folders) ? [] : Watchable(folders.Select(f => f.Path), all);
        if (draft is not null)
        {
            cannotSave = writer!.Complete(draft, tree, plain: warnings.Count == 0 && directories.Count > 0 && groups.Count <= IndexFormat.MostGroups);
        }

        return Result(lists, tree, directories, cannotSave, inputs, folders.Count);
    }

    /// <summary>The inputs of each group, in walk order.</summary>
    private static InputFile[][] ListsOf(IReadOnlyList<ScannedFolder> folders, int[] counts)
    {
        var lists = new InputFile[counts.Length][];
        for (var i = 0; i < lists.Length; i++)
        {
            lists[i] = new InputFile[counts[i]];
            counts[i] = 0;
        }

        foreach (var folder in folders)
        {
            for (var i = 0; i < folder.Count; i++)
            {
                var entry = folder.Entries[i];
                if (entry.Groups is not { } of)
                {
                    continue;
                }

                var file = new InputFile(folder.Below(entry.Name), entry.Stat.Kind, entry.Content, entry.Stat.Size, entry.Stat.Modified);
                foreach (var group in of)
                {
                    lists[group][counts[group]++] = file;
                }
            }
        }

        return lists;
    }

    /// <summary>Sorts each group's inputs; the digest over all of them and the workspace's sources.</summary>
    private Digest Sorted(InputFile[][] lists, Func<string, Digest> contentOf)
    {
        using var tree = new LengthPrefixed("laptime/tree/v1");
        var sources = workspace.Sources.Select(RelativeToRoot).ToArray();
        Array.Sort(sources, StringComparer.Ordinal);
        foreach (var source in sources)
        {
            tree.Add(source).Add(contentOf(source));
        }

        for (var i = 0; i < lists.Length; i++)
        {
            Sort(lists[i]);
            tree.Add(groups[i].Name).Add(WorkspaceScan.DigestOf(lists[i]));
        }

        return tree.Finish();
    }

    private WorkspaceScan Result(InputFile[][] lists, Digest tree, IReadOnlyList<string> directories, string? cannotSave, int inputs, int folderCount)
    {
        if (cannotSave is not null)
        {
            warnings.Add($"the stat index {indexPath} could not be saved ({cannotSave}): the next run reads every input again");
        }

        var byGroup = new Dictionary<string, InputFile[]>(StringComparer.Ordinal);
        for (var i = 0; i < lists.Length; i++)
        {
            byGroup[groups[i].Name] = lists[i];
        }

        unstable.Sort(StringComparer.Ordinal);
        return new WorkspaceScan(byGroup, tree, unstable, warnings, directories, new ScanCounters(inputs, folderCount, hashed, hashedBytes));
    }

    private void Warn(ScanGroup group, bool[] hit, int count)
    {
        if (count == 0 && group.Texts.Count > 0)
        {
            warnings.Add($"{group.Name}: no input at all; everything under its path is ignored, or no pattern matches");
            return;
        }

        for (var i = group.Implied; i < group.Texts.Count; i++)
        {
            if (!hit[i] && !group.Texts[i].StartsWith('!'))
            {
                warnings.Add($"{group.Name}: input pattern `{group.Texts[i]}` matches nothing");
            }
        }
    }

    /// <summary>Walk order is nearly the order of paths; only where a name and a folder share their beginning do they differ.</summary>
    private static void Sort(InputFile[] files)
    {
        for (var i = 1; i < files.Length; i++)
        {
            if (string.CompareOrdinal(files[i - 1].Path, files[i].Path) > 0)
            {
                Array.Sort(files, (a, b) => string.CompareOrdinal(a.Path, b.Path));
                return;
            }
        }
    }

    /// <summary>A file with a second name can be written through it, where nobody watches.</summary>
    private static bool HasLinks(IReadOnlyList<ScannedFolder> folders)
    {
        foreach (var folder in folders)
        {
            for (var i = 0; i < folder.Count; i++)
            {
                if (folder.Entries[i] is { Use: IndexFormat.Input or IndexFormat.Rule, Stat.Links: > 1 })
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary><see cref="WorkspaceScan.Directories"/>.</summary>
    private List<string> Watchable(IEnumerable<string> folders, IReadOnlyList<ScanFact> facts)
    {
        List<string> watched = [];
        foreach (var folder in folders)
        {
            watched.Add(Path.GetFullPath(Path.Join(workspace.Root, folder)));
        }

        // A file that is not there is announced by the nearest folder above it that is, under the first name that is missing.
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var fact in facts)
        {
            var name = Path.GetFullPath(Path.IsPathRooted(fact.Path) ? fact.Path : Path.Join(workspace.Root, fact.Path));
            var parent = Path.GetDirectoryName(name);
            while (parent is not null && !Directory.Exists(parent))
            {
                (name, parent) = (parent, Path.GetDirectoryName(parent));
            }

            if (parent is not null)
            {
                names.Add(parent + InputWatch.NameSeparator + Path.GetFileName(name));
            }

            // A link to a rule file can change where it points to: its target is not watched, so nothing is.
            if (fact.Kind == FactKind.File && File.Exists(name) && new FileInfo(name).LinkTarget is not null)
            {
                return [];
            }
        }

        watched.AddRange(names);
        return watched;
    }

    private string RelativeToRoot(string path)
    {
        var relative = Path.GetRelativePath(workspace.Root, path).Replace('\\', '/');
        return relative.StartsWith("../", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? path : relative;
    }

    private void ThrowProblems()
    {
        if (problems.Count == 0)
        {
            return;
        }

        var shown = problems.OrderBy(p => p.Where, StringComparer.Ordinal).Take(MaxProblems).ToList();
        if (problems.Count > MaxProblems)
        {
            shown.Add(new Problem($"and {problems.Count - MaxProblems} more like these"));
        }

        throw new LapException(shown);
    }
}
