using System.Runtime.InteropServices;

namespace Laptime.Fingerprints;

/// <summary>Directory-relative openat, getdents64 and statx: names stay bytes, no path is resolved twice.</summary>
internal sealed unsafe class LinuxWalker : FileWalker
{
    private const int EntriesSize = 64 * 1024;
    private const int ContentSize = 256 * 1024;
    private readonly byte* entries = (byte*)NativeMemory.Alloc(EntriesSize);
    private readonly byte[] content = GC.AllocateUninitializedArray<byte>(ContentSize, pinned: true);
    private readonly int root;
    private readonly string rootPath;
    private byte[] names = new byte[16 * 1024];
    private int[] offsets = new int[256];
    private EntryType[] types = new EntryType[256];
    private string?[] texts = new string?[256];
    private int namesUsed;
    private int folder = -1;
    private string folderPath = "";
    private bool disposed;

    public LinuxWalker(string root)
    {
        rootPath = root;
        this.root = OpenPath(Native.CurrentFolder, root, Native.PathOnly | Native.Directory | Native.CloseOnExec);
        if (this.root < 0)
        {
            throw new UnreadableException(root, Reason(Native.Errno));
        }
    }

    /// <summary>False where the C library lacks one of the calls.</summary>
    public static bool IsSupported { get; } = Probe();

    public override bool HasChangeTime => true;

    public override bool Open(string folder, out FileStat stat)
    {
        stat = default;
        if (!Enter(folder))
        {
            return false;
        }

        if (!StatAt(this.folder, null, Native.EmptyPath, out stat))
        {
            throw new UnreadableException(folder, Reason(Native.Errno));
        }

        List(folder);
        return true;
    }

    public override bool Enter(string folder)
    {
        CloseFolder();
        Count = 0;
        this.folder = OpenPath(root, folder.Length == 0 ? "." : folder, Native.Directory | Native.NoFollow | Native.CloseOnExec);
        if (this.folder < 0)
        {
            var error = Native.Errno;
            return error is Native.NoEntry or Native.NotFolder or Native.TooManyLinks ? false : throw new UnreadableException(folder, Reason(error));
        }

        folderPath = folder;
        return true;
    }

    public override string Name(int entry) => texts[entry] ??= PathText.FromBytes(NameBytes(entry));

    public override EntryType Type(int entry) => types[entry];

    public override bool StatEntry(int entry, out FileStat stat)
    {
        fixed (byte* name = &names[offsets[entry]])
        {
            if (StatAt(folder, name, Native.NoFollowStat, out stat))
            {
                return true;
            }
        }

        var error = Native.Errno;
        return error == Native.NoEntry ? false : throw new UnreadableException(Below(Name(entry)), Reason(error));
    }

    public override bool Stat(string path, bool follow, out FileStat stat)
    {
        fixed (byte* name = Terminated(path.Length == 0 ? "." : path))
        {
            if (StatAt(root, name, follow ? 0 : Native.NoFollowStat, out stat))
            {
                return true;
            }
        }

        var error = Native.Errno;
        return error is Native.NoEntry or Native.NotFolder or Native.TooManyLinks ? false : throw new UnreadableException(path, Reason(error));
    }

    public override bool Hash(string name, bool link, in FileStat listed, out Digest content, out FileStat before, out bool stable) =>
        link ? HashLink(name, out content, out before, out stable) : HashFile(name, listed, out content, out before, out stable);

    public override bool TryHashEntry(int entry, long most, out Digest digest, out FileStat stat)
    {
        digest = Digest.None;
        int file;
        fixed (byte* name = &names[offsets[entry]])
        {
            file = Native.OpenAt(folder, name, Native.ReadOnly | Native.NoFollow | Native.NonBlocking | Native.CloseOnExec, 0);
        }

        if (file < 0)
        {
            stat = default;
            return false;
        }

        var read = StatAt(file, null, Native.EmptyPath, out stat) && stat.Type == EntryType.File && stat.Size <= Math.Min(most, ContentSize) && TryRead(file, stat, out digest);
        _ = Native.Close(file);
        return read;
    }

    // All of it at once, and the same before and after; anything else is for who reads with patience.
    private bool TryRead(int file, in FileStat before, out Digest digest)
    {
        fixed (byte* buffer = content)
        {
            digest = before.Size == 0 || Native.Read(file, buffer, (nuint)before.Size) == before.Size ? Sha256.Of(new ReadOnlySpan<byte>(buffer, (int)before.Size)) : Digest.None;
            return !digest.IsNone && StatAt(file, null, Native.EmptyPath, out var after) && after.SameAs(before);
        }
    }

    public override byte[]? ReadFile(string path)
    {
        var file = OpenPath(root, path, Native.ReadOnly | Native.NonBlocking | Native.CloseOnExec);
        if (file < 0)
        {
            var error = Native.Errno;
            return error is Native.NoEntry or Native.NotFolder or Native.TooManyLinks or Native.NoDevice ? null : throw new UnreadableException(path, Reason(error));
        }

        try
        {
            if (!StatAt(file, null, Native.EmptyPath, out var stat) || stat.Type != EntryType.File)
            {
                return null;
            }

            var bytes = new byte[stat.Size + 1];
            var filled = 0;
            while (true)
            {
                if (filled == bytes.Length)
                {
                    Array.Resize(ref bytes, bytes.Length * 2);
                }

                fixed (byte* target = bytes)
                {
                    var got = Native.Read(file, target + filled, (nuint)(bytes.Length - filled));
                    if (got < 0)
                    {
                        throw new UnreadableException(path, Reason(Native.Errno));
                    }

                    if (got == 0)
                    {
                        return bytes[..filled];
                    }

                    filled += (int)got;
                }
            }
        }
        finally
        {
            _ = Native.Close(file);
        }
    }

    public override void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            CloseFolder();
            _ = Native.Close(root);
            NativeMemory.Free(entries);
        }
    }

    internal static string Reason(int error) => error switch
    {
        Native.Access or Native.NotPermitted => "permission denied",
        Native.NoEntry => "there is no such file",
        36 => "its path is too long",
        5 => "input/output error",
        24 => "too many open files",
        _ => Marshal.GetPInvokeErrorMessage(error),
    };

    private static bool Probe()
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
        {
            return false;
        }

        try
        {
            Native.StatXBuffer buffer;
            byte dot = (byte)'.';
            byte* path = stackalloc byte[2] { dot, 0 };
            return Native.StatX(Native.CurrentFolder, path, 0, Native.StatMask, &buffer) == 0 || Native.Errno != 38;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    private bool HashFile(string name, in FileStat listed, out Digest digest, out FileStat before, out bool stable)
    {
        digest = Digest.None;
        before = default;
        stable = false;

        // Not blocking: a pipe that took the file's place must not hold us.
        var file = OpenPath(folder, name, Native.ReadOnly | Native.NoFollow | Native.NonBlocking | Native.CloseOnExec);
        if (file < 0)
        {
            var error = Native.Errno;
            return error is Native.NoEntry or Native.TooManyLinks or Native.NoDevice ? false : throw new UnreadableException(Below(name), Reason(error));
        }

        try
        {
            if (listed.Type == EntryType.File)
            {
                digest = ReadAndHash(file, name, listed.Size, out var read);
                if (StatAt(file, null, Native.EmptyPath, out before) && before.SameAs(listed) && read == before.Size)
                {
                    stable = true;
                    return true;
                }

                // Another file than the one listed, or it has changed since: begin again, without help.
                return HashFile(name, default, out digest, out before, out stable);
            }

            if (!StatAt(file, null, Native.EmptyPath, out before))
            {
                throw new UnreadableException(Below(name), Reason(Native.Errno));
            }

            if (before.Type != EntryType.File)
            {
                return false;
            }

            digest = ReadAndHash(file, name, before.Size, out var total);
            stable = StatAt(file, null, Native.EmptyPath, out var after) && after.SameAs(before) && total == before.Size;
            return true;
        }
        finally
        {
            _ = Native.Close(file);
        }
    }

    // Reads up to the size given: when the file has grown since, the stat afterwards says so.
    private Digest ReadAndHash(int file, string name, long size, out long total)
    {
        total = 0;
        Sha256? hash = null;
        try
        {
            fixed (byte* buffer = content)
            {
                while (true)
                {
                    var filled = 0;
                    var ended = total == size;
                    while (filled < ContentSize && !ended)
                    {
                        var got = Native.Read(file, buffer + filled, (nuint)(ContentSize - filled));
                        if (got < 0)
                        {
                            throw new UnreadableException(Below(name), Reason(Native.Errno));
                        }

                        filled += (int)got;
                        ended = got == 0 || total + filled == size;
                    }

                    total += filled;
                    if (ended && hash is null)
                    {
                        return Digest.Of(content.AsSpan(0, filled));
                    }

                    hash ??= new Sha256();
                    hash.Append(content.AsSpan(0, filled));
                    if (ended)
                    {
                        return hash.Finish();
                    }
                }
            }
        }
        finally
        {
            hash?.Dispose();
        }
    }

    private bool HashLink(string name, out Digest digest, out FileStat before, out bool stable)
    {
        digest = Digest.None;
        stable = false;
        fixed (byte* path = Terminated(name))
        fixed (byte* buffer = content)
        {
            if (!StatAt(folder, path, Native.NoFollowStat, out before) || before.Type != EntryType.Link)
            {
                return false;
            }

            var length = Native.ReadLinkAt(folder, path, buffer, ContentSize);
            if (length < 0)
            {
                var error = Native.Errno;
                return error is Native.NoEntry or 22 ? false : throw new UnreadableException(Below(name), Reason(error));
            }

            digest = Digest.Of(content.AsSpan(0, (int)length));
            stable = StatAt(folder, path, Native.NoFollowStat, out var after) && after.SameAs(before);
            return true;
        }
    }

    private void List(string folder)
    {
        Array.Clear(texts, 0, Math.Min(texts.Length, Count));
        Count = 0;
        namesUsed = 0;
        while (true)
        {
            var got = Native.GetEntries(this.folder, entries, EntriesSize);
            if (got < 0)
            {
                throw new UnreadableException(folder, Reason(Native.Errno));
            }

            if (got == 0)
            {
                return;
            }

            // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name ending in NUL.
            for (var at = entries; at < entries + got; at += *(ushort*)(at + 16))
            {
                Add(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(at + 19), at[18]);
            }
        }
    }

    private void Add(ReadOnlySpan<byte> name, byte type)
    {
        if (name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
        {
            return;
        }

        if (Count == offsets.Length)
        {
            Array.Resize(ref offsets, Count * 2);
            Array.Resize(ref types, Count * 2);
            Array.Resize(ref texts, Count * 2);
        }

        if (namesUsed + name.Length + 1 > names.Length)
        {
            Array.Resize(ref names, names.Length * 2);
        }

        name.CopyTo(names.AsSpan(namesUsed));
        names[namesUsed + name.Length] = 0;
        offsets[Count] = namesUsed;
        texts[Count] = null;
        types[Count++] = type switch
        {
            8 => EntryType.File,
            4 => EntryType.Folder,
            10 => EntryType.Link,
            0 => EntryType.Unknown,
            _ => EntryType.Special,
        };
        namesUsed += name.Length + 1;
    }

    private ReadOnlySpan<byte> NameBytes(int entry)
    {
        var end = entry + 1 < Count ? offsets[entry + 1] : namesUsed;
        return names.AsSpan(offsets[entry], end - 1 - offsets[entry]);
    }

    private string Below(string name) => folderPath.Length == 0 ? name : folderPath + "/" + name;

    private void CloseFolder()
    {
        if (folder >= 0)
        {
            _ = Native.Close(folder);
            folder = -1;
        }
    }

    private static int OpenPath(int folder, string path, int flags)
    {
        fixed (byte* bytes = Terminated(path))
        {
            return Native.OpenAt(folder, bytes, flags, 0);
        }
    }

    internal static byte[] Terminated(string path)
    {
        var bytes = new byte[(path.Length * 3) + 1];
        PathText.Write(path, bytes);
        return bytes;
    }

    public static FileStat StatOf(Native.StatXBuffer* buffer) => new()
    {
        Size = buffer->Size,
        Modified = (buffer->ModifiedSeconds * 1_000_000_000) + buffer->ModifiedNs,
        Changed = (buffer->ChangedSeconds * 1_000_000_000) + buffer->ChangedNs,
        Inode = buffer->Inode,
        Mode = buffer->Mode,
        Links = buffer->Links,
        Device = ((ulong)buffer->DeviceMajor << 32) | buffer->DeviceMinor,
    };

    private static bool StatAt(int folder, byte* name, int flags, out FileStat stat)
    {
        Native.StatXBuffer buffer;
        byte empty = 0;
        if (Native.StatX(folder, name == null ? &empty : name, flags, Native.StatMask, &buffer) != 0)
        {
            stat = default;
            return false;
        }

        stat = StatOf(&buffer);
        return true;
    }
}
