using System.Runtime.InteropServices;
using System.Text;

namespace Laptime.Fingerprints;

/// <summary>
/// The digests of the last saved scan, found by folder and name. Trusted only for an entry whose stat is the same in every field and
/// was old enough when it was taken; damaged, foreign or missing is all the same: there is no index.
/// </summary>
internal sealed unsafe class StatIndex : IDisposable
{
    private readonly byte* file;
    private readonly FolderRecord* folders;
    private readonly EntryRecord* entries;
    private readonly byte* names;
    private readonly IndexHeader* header;
    private readonly Dictionary<string, int> byPath;

    private StatIndex(byte* file)
    {
        this.file = file;
        header = (IndexHeader*)file;
        folders = (FolderRecord*)(file + IndexFormat.HeaderSize);
        entries = (EntryRecord*)(folders + header->Folders);
        names = (byte*)(entries + header->Entries + header->Facts);
        byPath = new Dictionary<string, int>((int)header->Folders, StringComparer.Ordinal);
        for (var i = 0; i < header->Folders; i++)
        {
            if (folders[i].Path + (long)folders[i].PathLength < header->NamesLength && folders[i].First + (long)folders[i].Count <= header->Entries)
            {
                byPath[PathText.FromBytes(new ReadOnlySpan<byte>(names + folders[i].Path, (int)folders[i].PathLength))] = i;
            }
        }
    }

    public Digest Tree => header->Tree;

    /// <summary>Null: there is none that can be used.</summary>
    public static StatIndex? Load(string path) => IndexFile.Read(path, out _) is var file && file == null ? null : new StatIndex(file);

    /// <summary>Number of a folder's record; -1: the index does not know it.</summary>
    public int Folder(string path) => byPath.GetValueOrDefault(path, -1);

    /// <summary>The digest of a file, when the index can prove that it still has it.</summary>
    public bool TryGet(int folder, string name, in FileStat stat, out Digest content)
    {
        content = Digest.None;
        if (folder < 0)
        {
            return false;
        }

        Span<byte> bytes = name.Length <= 256 ? stackalloc byte[name.Length * 3] : new byte[name.Length * 3];
        bytes = bytes[..PathText.Write(name, bytes)];
        var (low, high) = ((long)folders[folder].First, (long)folders[folder].First + folders[folder].Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var entry = entries + middle;
            if (entry->Name + (long)entry->NameLength >= header->NamesLength)
            {
                return false;
            }

            var order = new ReadOnlySpan<byte>(names + entry->Name, entry->NameLength).SequenceCompareTo(bytes);
            if (order == 0)
            {
                if ((entry->Flags & IndexFormat.Racy) != 0 || (entry->Flags & IndexFormat.KindMask) is not (IndexFormat.Input or IndexFormat.Rule)
                    || entry->Size != stat.Size || entry->Modified != stat.Modified || entry->Changed != stat.Changed
                    || entry->Inode != stat.Inode || entry->Mode != stat.Mode)
                {
                    return false;
                }

                content = entry->Content;
                return !content.IsNone;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return false;
    }

    public void Dispose() => NativeMemory.Free(file);
}
