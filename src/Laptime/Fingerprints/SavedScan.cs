using System.Runtime.InteropServices;

namespace Laptime.Fingerprints;

/// <summary>
/// A saved scan that holds still but for the content of some files: the same folders, names, rules and groups. Only those files have to be read, and the
/// next index is this one with their records replaced. At any other difference there is none: the tree is walked.
/// </summary>
internal sealed unsafe class SavedScan : IDisposable
{
    private const long AloneUpTo = 20_000;
    private readonly byte* file;
    private readonly long length;
    private readonly IndexHeader* header;
    private readonly FolderRecord* folders;
    private readonly EntryRecord* entries;
    private readonly byte* names;
    private readonly Moves moves = new();
    private long[] numbers = [];

    private SavedScan(byte* file, long length)
    {
        this.file = file;
        this.length = length;
        header = (IndexHeader*)file;
        folders = (FolderRecord*)(file + IndexFormat.HeaderSize);
        entries = (EntryRecord*)(folders + header->Folders);
        names = (byte*)(entries + header->Entries + header->Facts);
    }

    /// <summary>The files to read again, by folder.</summary>
    public IReadOnlyList<ScannedFolder> Moved { get; private set; } = [];

    /// <summary>Looks at everything the index knows. Null: the tree has to be walked.</summary>
    /// <param name="shape"><see cref="IndexHeader.Shape"/> of the workspace as it is now.</param>
    public static SavedScan? Open(string indexPath, string workspaceRoot, ulong shape)
    {
        if (!OperatingSystem.IsLinux() || sizeof(nint) != 8 || !BitConverter.IsLittleEndian || IndexFile.Read(indexPath, out var length) is var file && file == null)
        {
            return null;
        }

        var saved = new SavedScan(file, length);
        try
        {
            if (saved.header->Plain == 1 && saved.header->Shape == shape && saved.header->Environment == IndexFormat.EnvironmentSum() && saved.Look(workspaceRoot))
            {
                (var found, saved) = (saved, null);
                return found;
            }

            return null;
        }
        finally
        {
            saved?.Dispose();
        }
    }

    /// <summary>Takes over what was read. False: a file is gone or became something else meanwhile.</summary>
    public bool Apply(IndexWriter? writer)
    {
        var at = 0;
        foreach (var folder in Moved)
        {
            for (var i = 0; i < folder.Count; i++)
            {
                var read = folder.Entries[i];
                var entry = entries + numbers[at++];
                if (read.Use != IndexFormat.Input || (read.Stat.Mode & 0xF000) != (entry->Mode & 0xF000) || read.Stat.Links > 1)
                {
                    return false;
                }

                entry->Flags = IndexFormat.Input;
                if (writer is not null)
                {
                    writer.SetStat(entry, read.Stat, read.Content, read.Unstable);
                }
                else
                {
                    (entry->Mode, entry->Size, entry->Modified, entry->Content) = (read.Stat.Mode, read.Stat.Size, read.Stat.Modified, read.Content);
                }
            }
        }

        foreach (var moved in writer is null ? [] : moves.Restamped)
        {
            var racy = writer!.IsRacy(moved.Stat);
            if (moved.IsFolder)
            {
                var folder = folders + moved.Number;
                (folder->Modified, folder->Changed, folder->Inode, folder->Mode) = (moved.Stat.Modified, moved.Stat.Changed, moved.Stat.Inode, moved.Stat.Mode);
                folder->Flags = racy ? IndexFormat.Racy : 0u;
            }
            else
            {
                var fact = entries + moved.Number;
                fact->Flags = IndexFormat.FactBase + (ushort)FactKind.GitIndex;
                writer.SetStat(fact, moved.Stat, fact->Content, unstable: false);
            }
        }

        return true;
    }

    /// <summary>The inputs of each group, in walk order.</summary>
    public InputFile[][] Lists(int groups)
    {
        var counts = new int[groups];
        for (var i = 0L; i < header->Entries; i++)
        {
            for (var of = IsInput(entries + i) ? entries[i].Groups : 0; of != 0; of &= of - 1)
            {
                counts[System.Numerics.BitOperations.TrailingZeroCount(of)]++;
            }
        }

        var lists = new InputFile[groups][];
        for (var i = 0; i < groups; i++)
        {
            lists[i] = new InputFile[counts[i]];
            counts[i] = 0;
        }

        var path = new byte[256];
        for (var f = 0L; f < header->Folders; f++)
        {
            var folder = folders + f;
            var start = (int)folder->PathLength + (folder->PathLength == 0 ? 0 : 1);
            if (path.Length < start + ushort.MaxValue)
            {
                path = new byte[start + ushort.MaxValue];
            }

            new ReadOnlySpan<byte>(names + folder->Path, (int)folder->PathLength).CopyTo(path);
            path[Math.Max(0, start - 1)] = (byte)'/';
            for (var entry = entries + folder->First; entry < entries + folder->First + folder->Count; entry++)
            {
                if (!IsInput(entry))
                {
                    continue;
                }

                new ReadOnlySpan<byte>(names + entry->Name, entry->NameLength).CopyTo(path.AsSpan(start));
                var input = new InputFile(PathText.FromBytes(path.AsSpan(0, start + entry->NameLength)), new FileStat { Mode = entry->Mode }.Kind, entry->Content, entry->Size, entry->Modified);
                for (var of = entry->Groups; of != 0; of &= of - 1)
                {
                    var group = System.Numerics.BitOperations.TrailingZeroCount(of);
                    lists[group][counts[group]++] = input;
                }
            }
        }

        return lists;
    }

    public int Inputs => (int)header->Inputs;

    /// <summary>Paths of the folders that were walked.</summary>
    public IEnumerable<string> FolderPaths()
    {
        var paths = new string[header->Folders];
        for (var f = 0; f < paths.Length; f++)
        {
            paths[f] = Text(folders[f].Path, folders[f].PathLength);
        }

        return paths;
    }

    /// <summary>What the scan depended on beside its folders. Kind, path and content only: the stats were compared already.</summary>
    public IReadOnlyList<ScanFact> Facts()
    {
        var facts = new ScanFact[header->Facts];
        for (var i = 0; i < facts.Length; i++)
        {
            var record = entries + header->Entries + i;
            facts[i] = new ScanFact(
                (FactKind)((record->Flags & IndexFormat.KindMask) - IndexFormat.FactBase), Text(record->Name, record->NameLength), default, record->Content, (int)record->Groups);
        }

        return facts;
    }

    /// <summary>The index as it is now.</summary>
    public ReadOnlySpan<byte> Sealed(Digest tree)
    {
        header->Tree = tree;
        IndexFormat.Seal(file, length, IndexFormat.Align(names - file + header->NamesLength));
        return new ReadOnlySpan<byte>(file, (int)length);
    }

    public void Dispose() => NativeMemory.Free(file);

    private static bool IsInput(EntryRecord* entry) => (entry->Flags & IndexFormat.KindMask) == IndexFormat.Input;

    private bool Look(string workspaceRoot)
    {
        var root = NoOpCheck.Open(Native.CurrentFolder, workspaceRoot, Native.PathOnly | Native.Directory | Native.CloseOnExec);
        if (root < 0)
        {
            return false;
        }

        try
        {
            var run = new NoOpRun(file, root, moves);
            // Beside this scan the target is asked and records are read: another thread would wait for a processor longer than it saves.
            run.Run(header->Entries < AloneUpTo ? 1 : NoOpCheck.WorkersFor(header));
            if (run.ChangedPath is null && run.RacyCount > 0)
            {
                run.CheckRacy(workspaceRoot, NoOpCheck.MaxRacyBytes);
            }

            if (run.ChangedPath is not null)
            {
                return false;
            }
        }
        finally
        {
            _ = Native.Close(root);
        }

        Moved = ByFolder();
        return true;
    }

    private List<ScannedFolder> ByFolder()
    {
        numbers = [.. moves.Entries];
        var of = moves.Folders.ToArray();
        Array.Sort(numbers, of);
        List<ScannedFolder> byFolder = [];
        ScannedFolder? last = null;
        for (var i = 0; i < numbers.Length; i++)
        {
            var entry = entries + numbers[i];
            if (i == 0 || of[i] != of[i - 1])
            {
                var count = 1;
                while (i + count < of.Length && of[i + count] == of[i])
                {
                    count++;
                }

                last = new ScannedFolder(Text(folders[of[i]].Path, folders[of[i]].PathLength)) { Entries = new ScannedEntry[count] };
                byFolder.Add(last);
            }

            last!.Entries[last.Count++] = new ScannedEntry(Text(entry->Name, entry->NameLength))
            {
                Use = IndexFormat.Input,
                Type = new FileStat { Mode = entry->Mode }.Type,
            };
        }

        return byFolder;
    }

    private string Text(uint offset, uint size) => PathText.FromBytes(new ReadOnlySpan<byte>(names + offset, (int)size));
}
