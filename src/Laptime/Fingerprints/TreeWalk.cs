using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>Walks folders with several workers. What a folder's listing gives is decided right there: ignored, walked on, or an input of which groups.</summary>
internal sealed class TreeWalk(
    IReadOnlyList<ScanGroup> groups,
    InputPatterns? outputs,
    StatIndex? index,
    ScanFacts facts,
    bool[][] matched,
    GitHome home,
    bool hashes,
    CancellationToken cancel)
{
    /// <summary>What is read of a folder while it is open; the rest is left to all workers together.</summary>
    private const int MostHashedHere = 512;
    private const long MostBytesHere = 4 * 1024 * 1024;

    private readonly InputPatterns? made = MadeIn(groups);
    private readonly Stack<Job> open = new();
    private readonly List<ScannedFolder> folders = [];
    private int busy;
    private int hashedFiles;
    private long hashedBytes;

    public List<Problem> Problems { get; } = [];

    /// <summary>Files that were hashed on the way, and their bytes.</summary>
    public (int Files, long Bytes) Hashed => (hashedFiles, hashedBytes);

    /// <summary>Every folder that was walked, depth first in the order of their names.</summary>
    public IReadOnlyList<ScannedFolder> Run(IReadOnlyList<WalkRoot> roots, FileWalker[] walkers)
    {
        foreach (var root in roots)
        {
            var numbers = new int[groups.Count];
            for (var g = 0; g < numbers.Length; g++)
            {
                numbers[g] = g;
            }

            var active = Array.FindAll(numbers, g => groups[g].Patterns.MayMatchBelow(root.Path));
            open.Push(new Job(root.Path, root.Ignore, root.GitPath, IgnoreRules.BytesOf(root.GitPath), root.TrackedOnly, active));
        }

        var workers = new Workers(walkers.Length);
        workers.Run(number =>
        {
            try
            {
                while (Next(workers) is { } job)
                {
                    Walk(walkers[number], job);
                }
            }
            finally
            {
                lock (open)
                {
                    Monitor.PulseAll(open);
                }
            }
        });
        return InOrder(roots);
    }

    private Job? Next(Workers workers)
    {
        lock (open)
        {
            while (true)
            {
                if (workers.Failed)
                {
                    return null;
                }

                if (open.TryPop(out var job))
                {
                    busy++;
                    return job;
                }

                if (busy == 0)
                {
                    return null;
                }

                // Bounded: a worker that failed between our look and our wait has nobody to pulse for it.
                Monitor.Wait(open, 50);
            }
        }
    }

    private void Walk(FileWalker walker, Job job)
    {
        List<Job> below = [];
        try
        {
            cancel.ThrowIfCancellationRequested();
            if (List(walker, job, below) is { } folder)
            {
                // The others have work from here on, while this one reads.
                Push(below);
                HashHere(walker, folder);
                lock (folders)
                {
                    folders.Add(folder);
                }
            }
        }
        catch (UnreadableException e)
        {
            AddProblem(e.Problem);
        }
        finally
        {
            Push(below);
            lock (open)
            {
                busy--;
                if (busy == 0)
                {
                    Monitor.PulseAll(open);
                }
            }
        }
    }

    private void Push(List<Job> below)
    {
        if (below.Count > 0)
        {
            lock (open)
            {
                foreach (var next in below)
                {
                    open.Push(next);
                }

                Monitor.PulseAll(open);
            }

            below.Clear();
        }
    }

    /// <summary>Where nothing is known of any file, each is opened in any case: then its stat is had on the way, and its folder is open already.</summary>
    private void HashHere(FileWalker walker, ScannedFolder folder)
    {
        if (!hashes)
        {
            return;
        }

        var (files, bytes) = (0, 0L);
        for (var i = 0; i < folder.Count; i++)
        {
            var entry = folder.Entries[i];
            if (entry.Use != IndexFormat.Input || entry.Stat.Mode != 0)
            {
                continue;
            }

            if (files < MostHashedHere && bytes < MostBytesHere && walker.TryHashEntry(entry.Number, MostBytesHere - bytes, out entry.Content, out entry.Stat))
            {
                files++;
                bytes += entry.Stat.Size;
                continue;
            }

            entry.Content = Digest.None;
            if (!Look(walker, folder, entry))
            {
                entry.Use = IndexFormat.LeftOut;
                entry.Groups = null;
            }
        }

        Interlocked.Add(ref hashedFiles, files);
        Interlocked.Add(ref hashedBytes, bytes);
    }

    private ScannedFolder? List(FileWalker walker, Job job, List<Job> below)
    {
        var folder = new ScannedFolder(job.Path);
        if (!walker.Open(job.Path, out folder.Stat))
        {
            return null;
        }

        var (hasGit, rulesEntry) = (false, -1);
        for (var i = 0; i < walker.Count; i++)
        {
            var name = walker.Name(i);
            hasGit |= name == ".git";
            rulesEntry = name == ".gitignore" ? i : rulesEntry;
        }

        var state = new State(job.Ignore, job.GitPath, job.RawPath, job.TrackedOnly);
        if (hasGit && job.Ignore.Repository?.Top != job.Path && GitRepository.At(job.Path, facts, home) is { } nested)
        {
            state = new State(IgnoreContext.Start(nested, IgnoreRules.None), "", "", TrackedOnly: false);
        }

        folder.Entries = new ScannedEntry[walker.Count];
        var oldFolder = index?.Folder(job.Path) ?? -1;
        ScannedEntry? ruleEntry = null;
        if (rulesEntry >= 0)
        {
            ruleEntry = ReadRules(walker, folder, rulesEntry, oldFolder, out var rules);
            state = state with { Ignore = state.Ignore.Below(state.RawPath, rules) };
        }

        var covers = new bool[job.Groups.Length];
        var all = true;
        for (var g = 0; g < covers.Length; g++)
        {
            covers[g] = groups[job.Groups[g]].Patterns.CoversAll(job.Path);
            all &= covers[g];
        }

        var mayBeOutput = outputs is not null && outputs.MayMatchBelow(job.Path);
        var buffer = state.Ignore.NeedsPath ? new char[state.RawPath.Length + 1 + (255 * 4)] : [];
        if (buffer.Length > 0 && state.RawPath.Length > 0)
        {
            state.RawPath.CopyTo(buffer);
            buffer[state.RawPath.Length] = '/';
        }

        var beyond = false;
        for (var i = 0; i < walker.Count; i++)
        {
            var entry = i == rulesEntry ? ruleEntry! : new ScannedEntry(walker.Name(i)) { Type = walker.Type(i), Number = i, Use = IndexFormat.LeftOut };
            beyond |= entry.Name.AsSpan().IndexOfAnyInRange('\uD800', '\uFFFF') >= 0;

            if (entry.Type == EntryType.Unknown)
            {
                if (!walker.StatEntry(i, out entry.Stat))
                {
                    folder.Racy = true;
                    continue;
                }

                entry.Type = entry.Stat.Type;
            }

            Decide(walker, job, state, folder, entry, buffer, covers, all, mayBeOutput, oldFolder, below);
            folder.Entries[folder.Count++] = entry;
        }

        Array.Sort(folder.Entries, 0, folder.Count, beyond ? ByName.Bytes : ByName.Ordinal);
        return folder;
    }

    private void Decide(
        FileWalker walker, Job job, State state, ScannedFolder folder, ScannedEntry entry, char[] buffer, bool[] covers, bool all, bool mayBeOutput, int oldFolder, List<Job> below)
    {
        var name = entry.Name;
        if (name is ".git" or ".laptime")
        {
            return;
        }

        var isFolder = entry.Type == EntryType.Folder;
        var ignored = state.TrackedOnly || Ignores(state, name, isFolder, buffer);
        var repository = state.Ignore.Repository;
        var untold = ignored && (repository is null || !IsTracked(repository, GitRepository.Join(state.GitPath, name), isFolder));
        if (untold && !IsMade(job.Path, name, isFolder))
        {
            return;
        }

        // Of most files nobody asks for it.
        var path = !isFolder && all && !mayBeOutput && !untold ? "" : job.Path.Length == 0 ? name : string.Concat(job.Path, "/", name);
        if (mayBeOutput && (isFolder ? outputs!.TakesFolder(path) : outputs!.Matches(path))
            && (repository is null || !IsTracked(repository, GitRepository.Join(state.GitPath, name), isFolder)))
        {
            return;
        }

        if (isFolder)
        {
            var active = all ? job.Groups : Array.FindAll(job.Groups, g => groups[g].Patterns.MayMatchBelow(path));
            if (active.Length > 0)
            {
                entry.Use = IndexFormat.Walked;
                below.Add(new Job(path, state.Ignore, GitRepository.Join(state.GitPath, name), GitRepository.Join(state.RawPath, IgnoreRules.BytesOf(name)), ignored, active));
            }

            return;
        }

        var of = all ? job.Groups : GroupsOf(job, path, covers);
        if (untold)
        {
            of = Array.FindAll(of, g => groups[g].Made?.Matches(path) == true);
        }

        if (of.Length == 0)
        {
            return;
        }

        if (all)
        {
            foreach (var group in job.Groups)
            {
                matched[group][0] = true;
            }
        }

        if (entry.Use == IndexFormat.Rule)
        {
            entry.Use = IndexFormat.Input;
            entry.Groups = of;
            return;
        }

        if ((hashes && entry is { Type: EntryType.File, Stat.Mode: 0 }) || Look(walker, folder, entry))
        {
            entry.Use = IndexFormat.Input;
            entry.Groups = of;
            if (!hashes)
            {
                index?.TryGet(oldFolder, name, entry.Stat, out entry.Content);
            }
        }
    }

    /// <summary>Takes an input's stat. False: it is none after all.</summary>
    private bool Look(FileWalker walker, ScannedFolder folder, ScannedEntry entry)
    {
        if (entry.Stat.Mode == 0 && entry.Type != EntryType.Special && !walker.StatEntry(entry.Number, out entry.Stat))
        {
            folder.Racy = true;
            return false;
        }

        if (entry.Type == EntryType.Special || entry.Stat.Type == EntryType.Special)
        {
            AddProblem(new Problem(
                "is a pipe, socket or device: it has no content that could be an input", PathText.Display(folder.Below(entry.Name)),
                "remove it, let git ignore it, or take it out of `inputs` with a `!` pattern"));
            return false;
        }

        if (entry.Stat.Type == EntryType.Folder)
        {
            // It became a folder after it was listed: the next look at this folder finds out.
            folder.Racy = true;
            return false;
        }

        entry.Type = entry.Stat.Type;
        return true;
    }

    private static InputPatterns? MadeIn(IReadOnlyList<ScanGroup> groups)
    {
        InputPatterns? joined = null;
        foreach (var group in groups)
        {
            joined = group.MadeAt is { } own ? InputPatterns.Join(joined, own) : joined;
        }

        return joined;
    }

    /// <summary>Whether it is, or may hold, what a component without steps takes as it lies.</summary>
    private bool IsMade(string folder, string name, bool isFolder)
    {
        if (made is null || !made.MayMatchBelow(folder))
        {
            return false;
        }

        var path = folder.Length == 0 ? name : string.Concat(folder, "/", name);
        return isFolder ? made.MayMatchBelow(path) : made.Matches(path);
    }

    private static bool Ignores(in State state, string name, bool folder, char[] buffer)
    {
        var raw = IgnoreRules.BytesOf(name);
        if (buffer.Length == 0)
        {
            return state.Ignore.Ignores(raw, raw, folder);
        }

        var start = state.RawPath.Length == 0 ? 0 : state.RawPath.Length + 1;
        raw.CopyTo(buffer.AsSpan(start));
        return state.Ignore.Ignores(buffer.AsSpan(0, start + raw.Length), raw, folder);
    }

    private int[] GroupsOf(Job job, string path, bool[] covers)
    {
        var count = 0;
        Span<int> hits = job.Groups.Length <= 256 ? stackalloc int[job.Groups.Length] : new int[job.Groups.Length];
        for (var i = 0; i < job.Groups.Length; i++)
        {
            var group = job.Groups[i];
            var pattern = covers[i] ? 0 : groups[group].Patterns.Decide(path);
            if (pattern >= 0)
            {
                matched[group][pattern] = true;
                hits[count++] = group;
            }
        }

        return count == job.Groups.Length ? job.Groups : hits[..count].ToArray();
    }

    private static bool IsTracked(GitRepository repository, string path, bool folder) =>
        folder ? repository.Tracked.HasBelow(path) : repository.Tracked.Contains(path);

    /// <summary>The folder's own .gitignore: read here, so it is hashed here too. Git reads only a plain file, never a link.</summary>
    private static ScannedEntry ReadRules(FileWalker walker, ScannedFolder folder, int number, int oldFolder, out IgnoreRules rules)
    {
        rules = IgnoreRules.None;
        var entry = new ScannedEntry(walker.Name(number)) { Type = walker.Type(number), Use = IndexFormat.LeftOut };
        var path = folder.Below(entry.Name);
        for (var attempt = 0; attempt < 5; attempt++)
        {
            if (!walker.StatEntry(number, out entry.Stat))
            {
                folder.Racy = true;
                return entry;
            }

            entry.Type = entry.Stat.Type;
            if (entry.Type != EntryType.File)
            {
                return entry;
            }

            if (walker.ReadFile(path) is { } content && walker.Stat(path, follow: false, out var after) && after.SameAs(entry.Stat))
            {
                rules = IgnoreRules.Parse(content);
                entry.Content = Digest.Of(content);
                entry.Use = IndexFormat.Rule;
                return entry;
            }
        }

        throw new UnreadableException(path, "it keeps changing while it is read");
    }

    private List<ScannedFolder> InOrder(IReadOnlyList<WalkRoot> roots)
    {
        var byPath = new Dictionary<string, ScannedFolder>(folders.Count, StringComparer.Ordinal);
        foreach (var folder in folders)
        {
            byPath[folder.Path] = folder;
        }

        var ordered = new List<ScannedFolder>(folders.Count);
        void Visit(string path)
        {
            if (!byPath.TryGetValue(path, out var folder))
            {
                return;
            }

            ordered.Add(folder);
            for (var i = 0; i < folder.Count; i++)
            {
                if (folder.Entries[i].Use == IndexFormat.Walked)
                {
                    Visit(folder.Below(folder.Entries[i].Name));
                }
            }
        }

        foreach (var root in roots.OrderBy(r => r.Path, StringComparer.Ordinal))
        {
            Visit(root.Path);
        }

        return ordered;
    }

    private void AddProblem(Problem problem)
    {
        lock (Problems)
        {
            Problems.Add(problem);
        }
    }

    private readonly record struct State(IgnoreContext Ignore, string GitPath, string RawPath, bool TrackedOnly);

    private sealed record Job(string Path, IgnoreContext Ignore, string GitPath, string RawPath, bool TrackedOnly, int[] Groups);

    /// <summary>The order of the names' bytes. That of UTF-16 is the same where no surrogate is.</summary>
    private sealed class ByName(bool bytes) : IComparer<ScannedEntry>
    {
        public static readonly ByName Ordinal = new(bytes: false);
        public static readonly ByName Bytes = new(bytes: true);

        public int Compare(ScannedEntry? x, ScannedEntry? y) => bytes
            ? PathText.ToBytes(x!.Name).AsSpan().SequenceCompareTo(PathText.ToBytes(y!.Name))
            : string.CompareOrdinal(x!.Name, y!.Name);
    }
}
