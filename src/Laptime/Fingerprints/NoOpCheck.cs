using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// The proof, before anything else of the program is loaded, that nothing a saved scan depended on has changed: every folder that was
/// walked, every input's stat, the ignore files, what git tracks, and the workspace's source files. Any doubt is "changed". It writes nothing.
/// Pointers, plain arrays and raw calls only: what is compiled ahead of time must be all that runs.
/// </summary>
public static unsafe class NoOpCheck
{
    internal const int MaxRacy = 256;
    internal const long MaxRacyBytes = 64 * 1024 * 1024;

    /// <param name="indexPath">The stat index that a scan saved.</param>
    /// <param name="workspaceRoot">Absolute.</param>
    /// <param name="variables">Given: variables are read there.</param>
    public static NoOpVerdict Check(string indexPath, string workspaceRoot, StartVariables? variables = null)
    {
        if (!OperatingSystem.IsLinux() || sizeof(nint) != 8 || !BitConverter.IsLittleEndian)
        {
            return Not("no quick check on this system");
        }

        var file = Open(Native.CurrentFolder, indexPath, Native.ReadOnly | Native.CloseOnExec);
        if (file < 0)
        {
            return Not("no stat index");
        }

        byte empty = 0;
        Native.StatXBuffer stat;
        var length = Native.StatX(file, &empty, Native.EmptyPath, Native.StatMask, &stat) == 0 ? stat.Size : 0;

        // MAP_PRIVATE | MAP_POPULATE: an index is never written in place, only replaced.
        var index = length < IndexFormat.HeaderSize ? (byte*)-1 : Native.Map(null, (nuint)length, 1, 0x8002, file, 0);
        _ = Native.Close(file);
        if (index == (byte*)-1)
        {
            return Not("no stat index");
        }

        var root = Open(Native.CurrentFolder, workspaceRoot, Native.PathOnly | Native.Directory | Native.CloseOnExec);
        try
        {
            return root < 0 || !IndexFormat.IsSound(index, length) ? Not("the stat index is damaged or of another version") : Check(index, root, workspaceRoot, variables);
        }
        finally
        {
            _ = Native.Unmap(index, (nuint)length);
            if (root >= 0)
            {
                _ = Native.Close(root);
            }
        }
    }

    private static NoOpVerdict Check(byte* index, int root, string workspaceRoot, StartVariables? variables)
    {
        var header = (IndexHeader*)index;
        if (header->Environment != IndexFormat.EnvironmentSum(variables))
        {
            return Not("the environment names other git settings");
        }

        var run = new NoOpRun(index, root);
        run.Run(WorkersFor(header));
        if (run.ChangedPath is null && run.RacyCount > 0)
        {
            run.CheckRacy(workspaceRoot, MaxRacyBytes);
        }

        return run.ChangedPath is { } path
            ? new NoOpVerdict(false, (int)header->Inputs, path, Digest.None, run.RacyCount)
            : new NoOpVerdict(true, (int)header->Inputs, null, header->Tree, run.RacyCount);
    }

    internal static int WorkersFor(IndexHeader* header) => header->Entries < 3000 ? 1 : Math.Min(4, Environment.ProcessorCount);

    private static NoOpVerdict Not(string reason) => new(false, 0, reason, Digest.None, 0);

    internal static int Open(int folder, string path, int flags)
    {
        // Undecodable names are text of their own; the base library knows neither them nor how to be quick.
        fixed (byte* bytes = PlainText.IsAscii(path) ? PlainText.Terminated(path) : LinuxWalker.Terminated(path))
        {
            return Native.OpenAt(folder, bytes, flags, 0);
        }
    }
}

/// <summary>One check under way; shared by its workers.</summary>
internal sealed unsafe class NoOpRun
{
    private const int Chunk = 64;
    private const int ListSize = 32 * 1024;
    private readonly byte* index;
    private readonly int root;
    private readonly IndexHeader* header;
    private readonly FolderRecord* folders;
    private readonly EntryRecord* entries;
    private readonly byte* names;
    private readonly long sums;
    private readonly long[] racyEntries = new long[NoOpCheck.MaxRacy];
    private readonly long[] racyFolders = new long[NoOpCheck.MaxRacy];
    private readonly Moves? moves;
    private int racy;
    private int nextWorker;
    private int nextChunk;
    private int nextBlock;

    /// <param name="moves">Given: files whose content may have changed are noted there, and the check goes on; it ends at anything else that moved.</param>
    public NoOpRun(byte* index, int root, Moves? moves = null)
    {
        this.index = index;
        this.root = root;
        this.moves = moves;
        header = (IndexHeader*)index;
        folders = (FolderRecord*)(index + IndexFormat.HeaderSize);
        entries = (EntryRecord*)(folders + header->Folders);
        names = (byte*)(entries + header->Entries + header->Facts);
        sums = IndexFormat.Align(names - index + header->NamesLength);
    }

    /// <summary>The first thing found that is not as it was; null: none.</summary>
    public volatile string? ChangedPath;

    public int RacyCount => Math.Min(racy, NoOpCheck.MaxRacy);

    public void Run(int workers)
    {
        if (workers < 2)
        {
            Work();
            return;
        }

        // The system's own threads: the runtime's would be waited for until they run, and load the compiler. One that cannot be had leaves its share to the others.
        var threads = stackalloc nint[workers - 1];
        var started = 0;
        var self = GCHandle.Alloc(this);
        while (started < workers - 1 && Native.StartThread(&threads[started], null, &WorkThere, (void*)GCHandle.ToIntPtr(self)) == 0)
        {
            started++;
        }

        Work();
        for (var i = 0; i < started; i++)
        {
            _ = Native.JoinThread(threads[i], null);
        }

        self.Free();
    }

    [UnmanagedCallersOnly]
    private static void* WorkThere(void* self)
    {
        ((NoOpRun)GCHandle.FromIntPtr((nint)self).Target!).Work();
        return null;
    }

    /// <summary>Entries whose stamps prove nothing are read again. Few, or the whole is "changed".</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void CheckRacy(string workspaceRoot, long maxBytes)
    {
        using var walker = new LinuxWalker(workspaceRoot);
        try
        {
            for (var i = 0; i < RacyCount && ChangedPath is null; i++)
            {
                var entry = entries + racyEntries[i];
                var name = Text(entry->Name, entry->NameLength);
                maxBytes -= entry->Size;
                if (maxBytes < 0)
                {
                    ChangedPath = name;
                    return;
                }

                if (racyFolders[i] < 0)
                {
                    if (walker.ReadFile(name) is not { } content || Digest.Of(content) != entry->Content)
                    {
                        ChangedPath = name;
                    }

                    continue;
                }

                var folder = Text(folders[racyFolders[i]].Path, folders[racyFolders[i]].PathLength);
                if (!walker.Enter(folder) || !walker.Hash(name, (entry->Mode & 0xF000) == 0xA000, default, out var digest, out var before, out var stable)
                    || !stable || digest != entry->Content || before.Mode != entry->Mode)
                {
                    ChangedPath = folder.Length == 0 ? name : folder + "/" + name;
                }
            }
        }
        catch (UnreadableException e)
        {
            ChangedPath = e.Message;
        }
    }

    private void Work()
    {
        // The first worker looks at the facts while the others already walk.
        if (Interlocked.Increment(ref nextWorker) == 1)
        {
            CheckFacts();
        }

        var list = stackalloc byte[ListSize];
        var chunks = (header->Folders + Chunk - 1) / Chunk;
        while (ChangedPath is null)
        {
            long chunk = Interlocked.Increment(ref nextChunk) - 1;
            if (chunk >= chunks)
            {
                break;
            }

            var end = (chunk + 1) * Chunk < header->Folders ? (chunk + 1) * Chunk : header->Folders;
            for (var f = chunk * Chunk; f < end && ChangedPath is null; f++)
            {
                CheckFolder(f, list);
            }
        }

        // What was compared above may have been damaged: then the comparison counts for nothing.
        var blocks = IndexFormat.Blocks(sums);
        while (ChangedPath is null)
        {
            long block = Interlocked.Increment(ref nextBlock) - 1;
            if (block >= blocks)
            {
                return;
            }

            if (!IndexFormat.IsBlockSound(index, sums, block))
            {
                ChangedPath = "the stat index is damaged";
            }
        }
    }

    private void CheckFolder(long number, byte* list)
    {
        var folder = folders + number;
        if (folder->Path + (long)folder->PathLength >= header->NamesLength || folder->First + (long)folder->Count > header->Entries)
        {
            ChangedPath = "the stat index is damaged";
            return;
        }

        byte dot = (byte)'.';
        var here = stackalloc byte[2] { dot, 0 };
        byte empty = 0;
        var path = folder->PathLength == 0 ? here : names + folder->Path;
        var open = Native.OpenAt(root, path, Native.PathOnly | Native.Directory | Native.NoFollow | Native.CloseOnExec, 0);
        if (open < 0)
        {
            ChangedPath = Text(folder->Path, folder->PathLength);
            return;
        }

        Native.StatXBuffer stat;
        if (Native.StatX(open, &empty, Native.EmptyPath, Native.StatMask, &stat) != 0)
        {
            ChangedPath = Text(folder->Path, folder->PathLength);
        }
        else if (((folder->Flags & IndexFormat.Racy) != 0
            || stat.Inode != folder->Inode
            || (stat.ModifiedSeconds * 1_000_000_000) + stat.ModifiedNs != folder->Modified
            || (stat.ChangedSeconds * 1_000_000_000) + stat.ChangedNs != folder->Changed) && !StillSame(number, &stat, path, list, out var other))
        {
            ChangedPath = other;
        }
        else
        {
            var last = entries + folder->First + folder->Count;
            for (var entry = entries + folder->First; entry < last; entry++)
            {
                var kind = entry->Flags & IndexFormat.KindMask;
                if (kind > IndexFormat.Rule)
                {
                    continue;
                }

                if (entry->Name + (long)entry->NameLength >= header->NamesLength
                    || Native.StatX(open, names + entry->Name, Native.NoFollowStat, Native.StatMask, &stat) != 0)
                {
                    ChangedPath = Below(folder, entry);
                    break;
                }

                var same = Same(entry, &stat);
                if ((same && (entry->Flags & IndexFormat.Racy) == 0) || Noted(number, entry, &stat))
                {
                    continue;
                }

                if (!same)
                {
                    ChangedPath = Below(folder, entry);
                    break;
                }

                AddRacy(number, entry - entries);
            }
        }

        _ = Native.Close(open);
    }

    /// <summary>A file of the same type whose content decides nothing but itself; it is read again. False: this is no matter of content alone.</summary>
    private bool Noted(long folder, EntryRecord* entry, Native.StatXBuffer* stat)
    {
        if (moves is null || (entry->Flags & IndexFormat.KindMask) != IndexFormat.Input || (stat->Mode & 0xF000) != (entry->Mode & 0xF000) || stat->Links > 1
            || new ReadOnlySpan<byte>(names + entry->Name, entry->NameLength).SequenceEqual(".gitignore"u8))
        {
            return false;
        }

        moves.AddEntry(folder, entry - entries);
        return true;
    }

    private bool StillSame(long number, Native.StatXBuffer* stat, byte* path, byte* list, out string? other)
    {
        if (!SameNames(folders + number, path, list, out other))
        {
            return false;
        }

        moves?.AddFolder(number, LinuxWalker.StatOf(stat));
        return true;
    }

    private static bool Same(EntryRecord* entry, Native.StatXBuffer* stat) =>
        stat->Size == entry->Size
        && (stat->ModifiedSeconds * 1_000_000_000) + stat->ModifiedNs == entry->Modified
        && (stat->ChangedSeconds * 1_000_000_000) + stat->ChangedNs == entry->Changed
        && stat->Inode == entry->Inode
        && stat->Mode == entry->Mode;

    /// <summary>
    /// A folder whose stamps moved (or prove nothing) still counts as the same when every name in it is known with its type and no
    /// name that counts is missing. What was left out may go, not come.
    /// </summary>
    private bool SameNames(FolderRecord* folder, byte* path, byte* list, out string? other)
    {
        other = Text(folder->Path, folder->PathLength);
        var open = Native.OpenAt(root, path, Native.ReadOnly | Native.Directory | Native.NoFollow | Native.CloseOnExec, 0);
        if (open < 0)
        {
            return false;
        }

        uint found = 0, wanted = 0;
        for (var i = 0u; i < folder->Count; i++)
        {
            wanted += (entries[folder->First + i].Flags & IndexFormat.KindMask) <= IndexFormat.Walked ? 1u : 0u;
        }

        var same = true;
        while (same)
        {
            var got = Native.GetEntries(open, list, ListSize);
            if (got <= 0)
            {
                same = got == 0 && found == wanted;
                break;
            }

            for (var at = list; at < list + got && same; at += *(ushort*)(at + 16))
            {
                var name = at + 19;
                if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                {
                    continue;
                }

                var entry = Find(folder, name);
                if (entry == null || !IsType(open, name, at[18], entry))
                {
                    same = false;
                    other = (folder->PathLength == 0 ? "" : other + "/") + PathText.FromBytes(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
                }
                else if ((entry->Flags & IndexFormat.KindMask) <= IndexFormat.Walked)
                {
                    found++;
                }
            }
        }

        _ = Native.Close(open);
        return same;
    }

    private static bool IsType(int folder, byte* name, byte listed, EntryRecord* entry)
    {
        Native.StatXBuffer stat;
        var type = listed switch { 8 => EntryType.File, 4 => EntryType.Folder, 10 => EntryType.Link, 0 => EntryType.Unknown, _ => EntryType.Special };
        if (type == EntryType.Unknown)
        {
            if (Native.StatX(folder, name, Native.NoFollowStat, Native.StatMask, &stat) != 0)
            {
                return false;
            }

            type = (stat.Mode & 0xF000) switch { 0x8000 => EntryType.File, 0x4000 => EntryType.Folder, 0xA000 => EntryType.Link, _ => EntryType.Special };
        }

        return (entry->Flags & IndexFormat.KindMask) switch
        {
            IndexFormat.Input or IndexFormat.Rule => type == ((entry->Mode & 0xF000) == 0xA000 ? EntryType.Link : EntryType.File),
            IndexFormat.Walked => type == EntryType.Folder,
            _ => type == (EntryType)entry->Mode,
        };
    }

    private EntryRecord* Find(FolderRecord* folder, byte* name)
    {
        var (low, high) = ((long)folder->First, (long)folder->First + folder->Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var entry = entries + middle;
            if (entry->Name >= header->NamesLength)
            {
                return null;
            }

            var known = names + entry->Name;
            var i = 0;
            while (known[i] == name[i] && known[i] != 0)
            {
                i++;
            }

            if (known[i] == name[i])
            {
                return entry;
            }

            if (known[i] < name[i])
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return null;
    }

    private void CheckFacts()
    {
        Native.StatXBuffer stat;
        for (var i = header->Entries; i < header->Entries + header->Facts && ChangedPath is null; i++)
        {
            var fact = entries + i;
            if (fact->Name + (long)fact->NameLength >= header->NamesLength)
            {
                ChangedPath = "the stat index is damaged";
                return;
            }

            var there = Native.StatX(root, names + fact->Name, 0, Native.StatMask, &stat) == 0;
            var same = (FactKind)((fact->Flags & IndexFormat.KindMask) - IndexFormat.FactBase) switch
            {
                FactKind.Absent => !there && Native.Errno is Native.NoEntry or Native.NotFolder,
                FactKind.Folder => there && (stat.Mode & 0xF000) == 0x4000,
                FactKind.File => there && Same(fact, &stat),
                FactKind.GitIndex => there && ((Same(fact, &stat) && (fact->Flags & IndexFormat.Racy) == 0) || SamePaths(fact, i, &stat)),
                _ => false,
            };
            if (!same)
            {
                ChangedPath = Text(fact->Name, fact->NameLength);
            }
            else if (fact->Flags == (IndexFormat.Racy | (IndexFormat.FactBase + (int)FactKind.File)))
            {
                AddRacy(-1, i);
            }
        }
    }

    /// <summary>Git rewrites its index for many reasons; only the set of tracked paths is ours.</summary>
    private bool SamePaths(EntryRecord* fact, long number, Native.StatXBuffer* before)
    {
        var file = Native.OpenAt(root, names + fact->Name, Native.ReadOnly | Native.CloseOnExec, 0);
        if (file < 0)
        {
            return false;
        }

        byte empty = 0;
        Native.StatXBuffer stat;
        var same = false;
        if (Native.StatX(file, &empty, Native.EmptyPath, Native.StatMask, &stat) == 0 && stat.Size > 0)
        {
            // Git replaces its index by renaming, so a mapping never changes under us.
            var content = Native.Map(null, (nuint)stat.Size, 1, 0x8002, file, 0);
            if (content != (byte*)-1)
            {
                same = TrackedPaths.NamesOf(content, stat.Size, (int)fact->Groups, out var sum) && sum == fact->Content.A;
                _ = Native.Unmap(content, (nuint)stat.Size);
            }
        }

        _ = Native.Close(file);
        if (same)
        {
            moves?.AddFact(number, LinuxWalker.StatOf(before));
        }

        return same;
    }

    private void AddRacy(long folder, long entry)
    {
        var slot = Interlocked.Increment(ref racy) - 1;
        if (slot >= NoOpCheck.MaxRacy)
        {
            ChangedPath = "too many files changed too recently to trust their time stamps";
            return;
        }

        racyFolders[slot] = folder;
        racyEntries[slot] = entry;
    }

    private string Below(FolderRecord* folder, EntryRecord* entry)
    {
        var name = Text(entry->Name, entry->NameLength);
        return folder->PathLength == 0 ? name : Text(folder->Path, folder->PathLength) + "/" + name;
    }

    private string Text(uint offset, uint length) =>
        offset + (long)length >= header->NamesLength ? "the stat index is damaged" : PathText.FromBytes(new ReadOnlySpan<byte>(names + offset, (int)length));
}
