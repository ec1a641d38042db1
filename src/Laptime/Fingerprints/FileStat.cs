namespace Laptime.Fingerprints;

/// <summary>What an entry of a folder is, as far as listing tells.</summary>
internal enum EntryType : byte
{
    Unknown = 0,
    File = 1,
    Folder = 2,
    Link = 3,

    /// <summary>A pipe, socket or device: never opened.</summary>
    Special = 4,
}

/// <summary>What the file system says of one file without reading it. Times are nanoseconds since 1970.</summary>
internal struct FileStat
{
    public long Size;
    public long Modified;

    /// <summary>Time of the last change of content or attributes, which no program can set; 0 where the system has none.</summary>
    public long Changed;

    public ulong Inode;

    /// <summary>Type and permission bits as in Unix.</summary>
    public uint Mode;

    public ulong Device;

    /// <summary>Hard links; 0 where it is not known. No part of <see cref="SameAs"/>: the change time says when it changed.</summary>
    public uint Links;

    public readonly EntryType Type => (Mode & 0xF000) switch
    {
        0x8000 => EntryType.File,
        0x4000 => EntryType.Folder,
        0xA000 => EntryType.Link,
        _ => EntryType.Special,
    };

    /// <summary>Executable by its owner: the bit that git keeps too.</summary>
    public readonly InputKind Kind => Type == EntryType.Link ? InputKind.Link : (Mode & 0x40) != 0 ? InputKind.Executable : InputKind.File;

    public readonly bool SameAs(in FileStat other) =>
        Size == other.Size && Modified == other.Modified && Changed == other.Changed && Inode == other.Inode && Mode == other.Mode;
}
