using System.Runtime.InteropServices;

namespace Laptime.Building;

/// <summary>
/// What tells an entry from another one at the same path, without reading it. Inode numbers are reused at once on many file systems, so the
/// time of birth belongs to the identity.
/// </summary>
internal readonly unsafe partial record struct FileStamp(ulong Inode, long Birth, long Modified, long Changed, long Size, FileStamp.EntryKind Kind)
{
    internal enum EntryKind
    {
        File,
        Folder,
        Link,
        Other,
    }

    private const int CurrentFolder = -100; // AT_FDCWD
    private const int NoFollow = 0x100;
    private const uint BasicAndBirth = 0x7ff | 0x800;

    /// <summary>The same entry, whatever was written into it since.</summary>
    public bool IsSameEntry(FileStamp other) => Inode == other.Inode && Birth == other.Birth && Kind == other.Kind;

    /// <summary>The same entry, not written to since.</summary>
    public bool IsUntouched(FileStamp other) => IsSameEntry(other) && Modified == other.Modified && Size == other.Size;

    /// <summary>Null when there is nothing. Links are not followed.</summary>
    public static FileStamp? Read(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return ReadPortably(path);
        }

        var data = stackalloc byte[256];
        if (StatX(CurrentFolder, path, NoFollow, BasicAndBirth, data) != 0)
        {
            return null;
        }

        var kind = (*(ushort*)(data + 28) & 0xf000) switch
        {
            0x8000 => EntryKind.File,
            0x4000 => EntryKind.Folder,
            0xa000 => EntryKind.Link,
            _ => EntryKind.Other,
        };
        return new FileStamp(*(ulong*)(data + 32), Time(data + 80), Time(data + 112), Time(data + 96), *(long*)(data + 40), kind);
    }

    private static long Time(byte* at) => (*(long*)at * 1_000_000_000) + *(uint*)(at + 8);

    /// <summary>The time of birth alone stands for the identity.</summary>
    private static FileStamp? ReadPortably(string path)
    {
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        if (!info.Exists && info.LinkTarget is null)
        {
            return null;
        }

        var kind = info.LinkTarget is not null ? EntryKind.Link : info is DirectoryInfo ? EntryKind.Folder : EntryKind.File;
        var written = info.LastWriteTimeUtc.Ticks;
        return new FileStamp(0, info.CreationTimeUtc.Ticks, written, written, kind == EntryKind.File ? ((FileInfo)info).Length : 0, kind);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint mask, byte* data);
}
