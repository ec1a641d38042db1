using System.Runtime.InteropServices;
using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// Writes a stat index: a temporary file is made before the scan, so that the file system itself says what time it is; after the
/// scan it is filled, synced and renamed over the old one. Two processes at once each replace the whole file.
/// </summary>
internal sealed unsafe class IndexWriter : IDisposable
{
    private const long LocalSlackNs = 20_000_000;
    private const long UnknownSlackNs = 2_000_000_000;
    private readonly string path;
    private readonly string temporary;
    private readonly FileStream stream;
    private readonly long stamp;
    private readonly ulong device;
    private readonly bool local;
    private readonly bool changeTimes;
    private bool done;

    private IndexWriter(string path, string temporary, FileStream stream, FileWalker walker)
    {
        this.path = path;
        this.temporary = temporary;
        this.stream = stream;
        changeTimes = walker.HasChangeTime;
        if (!walker.Stat(temporary, follow: false, out var stat))
        {
            throw new IOException("the file just made is not there");
        }

        stamp = Math.Min(stat.Modified, stat.Changed == 0 ? stat.Modified : stat.Changed);
        device = stat.Device;
        local = FileSystems.IsLocal(Path.GetDirectoryName(path)!);
    }

    /// <summary>Null when nothing can be written there; <paramref name="why"/> is for the report. The index is only there to save reading.</summary>
    public static IndexWriter? Start(string path, FileWalker walker, out string? why)
    {
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}.tmp";
        FileStream? stream = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
            why = null;
            return new IndexWriter(path, temporary, stream, walker);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream?.Dispose();
            why = e.Message;
            return null;
        }
    }

    /// <summary>May the entry change once more without its stamps showing it? Then it is read again next time.</summary>
    public bool IsRacy(in FileStat stat)
    {
        var limit = stamp - (local && stat.Device == device ? LocalSlackNs : UnknownSlackNs);
        return !changeTimes || stat.Modified >= limit || stat.Changed >= limit;
    }

    /// <summary>Null when it was written; otherwise why it could not be.</summary>
    /// <param name="plain"><see cref="IndexHeader.Plain"/>.</param>
    public string? Complete(byte[] draft, Digest tree, bool plain)
    {
        fixed (byte* file = draft)
        {
            var header = (IndexHeader*)file;
            header->Tree = tree;
            header->Plain = plain ? 1u : 0u;
            IndexFormat.SealHeader(file, draft.Length);
        }

        return Save(draft);
    }

    /// <summary>The whole content of an index, checksums and all.</summary>
    public string? Save(ReadOnlySpan<byte> bytes)
    {
        try
        {
            // Not synchronised to the disk: its checksums tell whether it came through a power cut, and without it everything is read once more.
            stream.Write(bytes);
            stream.Dispose();
            File.Move(temporary, path, overwrite: true);
            done = true;
            RemoveLeftOvers();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    public void Dispose()
    {
        stream.Dispose();
        if (!done)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (IOException)
            {
                // Swept by a later save.
            }
        }
    }

    // What killed runs left: nobody writes an index for an hour.
    private void RemoveLeftOvers()
    {
        foreach (var left in new DirectoryInfo(Path.GetDirectoryName(path)!).EnumerateFiles(Path.GetFileName(path) + ".*-*.tmp"))
        {
            if ((DateTime.UnixEpoch.AddTicks(stamp / 100) - left.LastWriteTimeUtc).TotalHours > 1)
            {
                left.Delete();
            }
        }
    }

    /// <summary>An index that still lacks <see cref="Complete"/>.</summary>
    /// <param name="shape"><see cref="IndexHeader.Shape"/>.</param>
    /// <exception cref="IOException">There are too many files for one.</exception>
    public byte[] Draft(IReadOnlyList<ScannedFolder> folders, IReadOnlyList<ScanFact> facts, long inputs, ulong shape)
    {
        long entryCount = 0, namesLength = 1;
        foreach (var folder in folders)
        {
            entryCount += folder.Count;
            namesLength += LengthOf(folder.Path) + 1;
            for (var i = 0; i < folder.Count; i++)
            {
                namesLength += LengthOf(folder.Entries[i].Name) + 1;
            }
        }

        foreach (var fact in facts)
        {
            namesLength += LengthOf(fact.Path) + 1;
        }

        var namesAt = IndexFormat.HeaderSize + (folders.Count * (long)sizeof(FolderRecord)) + ((entryCount + facts.Count) * sizeof(EntryRecord));
        var sumsAt = IndexFormat.Align(namesAt + namesLength);
        var length = sumsAt + (IndexFormat.Blocks(sumsAt) * 8);
        if (length > Array.MaxLength)
        {
            throw new IOException("too many files for one stat index");
        }

        var bytes = new byte[length];
        fixed (byte* file = bytes)
        {
            var header = (IndexHeader*)file;
            header->Magic = IndexFormat.Magic;
            header->Length = length;
            header->Folders = folders.Count;
            header->Entries = entryCount;
            header->Facts = facts.Count;
            header->NamesLength = namesLength;
            header->Environment = IndexFormat.EnvironmentSum();
            header->Inputs = inputs;
            header->Shape = shape;

            var folderAt = (FolderRecord*)(file + IndexFormat.HeaderSize);
            var entryAt = (EntryRecord*)(folderAt + folders.Count);
            var names = bytes.AsSpan((int)namesAt, (int)namesLength);
            uint first = 0, name = 0;
            foreach (var folder in folders)
            {
                folderAt->Path = name;
                folderAt->PathLength = AddName(names, ref name, folder.Path);
                folderAt->First = first;
                folderAt->Count = (uint)folder.Count;
                folderAt->Flags = folder.Racy || IsRacy(folder.Stat) ? IndexFormat.Racy : 0u;
                folderAt->Mode = folder.Stat.Mode;
                folderAt->Modified = folder.Stat.Modified;
                folderAt->Changed = folder.Stat.Changed;
                folderAt->Inode = folder.Stat.Inode;
                folderAt++;
                for (var i = 0; i < folder.Count; i++)
                {
                    var entry = folder.Entries[i];
                    entryAt->Name = name;
                    entryAt->NameLength = (ushort)AddName(names, ref name, entry.Name);
                    entryAt->Flags = entry.Use;
                    if (entry.Use is IndexFormat.Input or IndexFormat.Rule)
                    {
                        SetStat(entryAt, entry.Stat, entry.Content, entry.Unstable);
                        foreach (var group in entry.Groups ?? [])
                        {
                            entryAt->Groups |= group < IndexFormat.MostGroups ? 1u << group : 0u;
                        }
                    }
                    else
                    {
                        entryAt->Mode = (uint)entry.Type;
                    }

                    entryAt++;
                    first++;
                }
            }

            foreach (var fact in facts)
            {
                entryAt->Name = name;
                entryAt->NameLength = (ushort)AddName(names, ref name, fact.Path);
                entryAt->Flags = (ushort)(IndexFormat.FactBase + (ushort)fact.Kind);
                entryAt->Groups = (uint)fact.HashSize;
                if (fact.Kind is FactKind.File or FactKind.GitIndex)
                {
                    SetStat(entryAt, fact.Stat, fact.Content, unstable: false);
                }

                entryAt++;
            }

            IndexFormat.SealBody(file, sumsAt);
        }

        return bytes;
    }

    public void SetStat(EntryRecord* entry, in FileStat stat, Digest content, bool unstable)
    {
        entry->Mode = stat.Mode;
        entry->Size = stat.Size;
        entry->Modified = stat.Modified;
        entry->Changed = stat.Changed;
        entry->Inode = stat.Inode;
        entry->Content = content;
        if (unstable || IsRacy(stat))
        {
            entry->Flags |= IndexFormat.Racy;
        }
    }

    private static int LengthOf(string text) => System.Text.Ascii.IsValid(text) ? text.Length : PathText.ToBytes(text).Length;

    private static uint AddName(Span<byte> names, ref uint at, string text)
    {
        int length;
        if (System.Text.Ascii.IsValid(text))
        {
            System.Text.Encoding.ASCII.GetBytes(text, names[(int)at..]);
            length = text.Length;
        }
        else
        {
            var bytes = PathText.ToBytes(text);
            bytes.CopyTo(names[(int)at..]);
            length = bytes.Length;
        }

        at += (uint)length + 1;
        return (uint)length;
    }
}
