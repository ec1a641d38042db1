using System.IO.Enumeration;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Laptime.Fingerprints;

/// <summary>The same on every system .NET runs on. On Unix stats come from the runtime's own lstat; on Windows there is no change time.</summary>
internal sealed class PortableWalker(string root) : FileWalker
{
    private const int ContentSize = 256 * 1024;
    private readonly byte[] content = new byte[ContentSize];
    private readonly List<(string Name, EntryType Type)> entries = [];
    private string folderPath = "";

    public override bool HasChangeTime => RuntimeStat.IsSupported;

    public override bool Open(string folder, out FileStat stat)
    {
        entries.Clear();
        Count = 0;
        if (!Stat(folder, follow: folder.Length == 0, out stat) || stat.Type != EntryType.Folder)
        {
            return false;
        }

        folderPath = folder;
        try
        {
            var listing = new FileSystemEnumerable<(string, EntryType)>(
                Absolute(folder),
                (ref FileSystemEntry e) => (e.FileName.ToString(), e.IsDirectory && (e.Attributes & FileAttributes.ReparsePoint) == 0 ? EntryType.Folder : EntryType.Unknown),
                new EnumerationOptions { AttributesToSkip = 0, ReturnSpecialDirectories = false, IgnoreInaccessible = false });
            entries.AddRange(listing);
        }
        catch (UnauthorizedAccessException)
        {
            throw new UnreadableException(folder, "permission denied");
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException e)
        {
            throw new UnreadableException(folder, e.Message);
        }

        Count = entries.Count;
        return true;
    }

    public override bool Enter(string folder)
    {
        folderPath = folder;
        return true;
    }

    public override string Name(int entry) => entries[entry].Name;

    public override EntryType Type(int entry) => entries[entry].Type;

    public override bool StatEntry(int entry, out FileStat stat) => Stat(Below(entries[entry].Name), follow: false, out stat);

    public override bool Stat(string path, bool follow, out FileStat stat)
    {
        stat = default;
        if (path.Contains('\uFFFD'))
        {
            throw new UnreadableException(path, "its name is not valid Unicode");
        }

        try
        {
            return RuntimeStat.IsSupported ? RuntimeStat.Stat(Absolute(path), follow, out stat) : StatByInfo(Absolute(path), follow, out stat);
        }
        catch (UnauthorizedAccessException)
        {
            throw new UnreadableException(path, "permission denied");
        }
        catch (IOException e)
        {
            throw new UnreadableException(path, e.Message);
        }
    }

    public override bool Hash(string name, bool link, in FileStat listed, out Digest digest, out FileStat before, out bool stable)
    {
        digest = Digest.None;
        stable = false;
        var path = Below(name);
        if (!Stat(path, follow: false, out before) || before.Type != (link ? EntryType.Link : EntryType.File))
        {
            return false;
        }

        try
        {
            var total = before.Size;
            digest = link ? HashLink(path) : HashFile(path, out total);
            stable = Stat(path, follow: false, out var after) && after.SameAs(before) && total == before.Size;
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            throw new UnreadableException(path, "permission denied");
        }
        catch (IOException e)
        {
            throw new UnreadableException(path, e.Message);
        }
    }

    public override byte[]? ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(Absolute(path));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            throw new UnreadableException(path, "permission denied");
        }
        catch (IOException e)
        {
            throw new UnreadableException(path, e.Message);
        }
    }

    public override void Dispose() { }

    private Digest HashLink(string path)
    {
        var target = new FileInfo(Absolute(path)).LinkTarget ?? throw new FileNotFoundException(path);
        if (target.Contains('\uFFFD'))
        {
            throw new IOException("its target is not valid Unicode");
        }

        return Digest.Of(PathText.ToBytes(OperatingSystem.IsWindows() ? target.Replace('\\', '/') : target));
    }

    private Digest HashFile(string path, out long total)
    {
        using var file = File.OpenHandle(Absolute(path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        total = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            var got = RandomAccess.Read(file, content, total);
            if (got == 0)
            {
                Span<byte> result = stackalloc byte[Digest.Size];
                hash.GetHashAndReset(result);
                return Digest.From(result);
            }

            hash.AppendData(content, 0, got);
            total += got;
        }
    }

    private static bool StatByInfo(string path, bool follow, out FileStat stat)
    {
        stat = default;
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        if (follow && info.LinkTarget is not null)
        {
            info = info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
        }

        if (!info.Exists && info.LinkTarget is null)
        {
            return false;
        }

        var link = info.LinkTarget is not null;
        stat.Mode = link ? 0xA1FFu : info is DirectoryInfo ? 0x41FFu : 0x81A4u;
        stat.Size = info is FileInfo file && !link ? file.Length : 0;
        stat.Modified = (info.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100;
        return true;
    }

    private string Below(string name) => folderPath.Length == 0 ? name : folderPath + "/" + name;

    private string Absolute(string path) => path.Length == 0 ? root : Path.IsPathRooted(path) ? path : Path.Join(root, path);
}

/// <summary>The runtime's own stat on every Unix: the one place where .NET has the change time and the inode.</summary>
internal static unsafe class RuntimeStat
{
    /// <summary>False on Windows, and where a later runtime no longer has this call in this shape.</summary>
    public static bool IsSupported { get; } = Probe();

    public static bool Stat(string path, bool follow, out FileStat stat)
    {
        stat = default;
        FileStatus status;
        fixed (byte* bytes = LinuxWalker.Terminated(path))
        {
            if ((follow ? StatNative(bytes, &status) : LStatNative(bytes, &status)) != 0)
            {
                return Marshal.GetLastSystemError() switch
                {
                    Native.NoEntry or Native.NotFolder => false,
                    Native.Access => throw new UnauthorizedAccessException(path),
                    var error => throw new IOException(LinuxWalker.Reason(error)),
                };
            }
        }

        stat = new FileStat
        {
            Size = status.Size,
            Modified = (status.MTime * 1_000_000_000) + status.MTimeNsec,
            Changed = (status.CTime * 1_000_000_000) + status.CTimeNsec,
            Inode = (ulong)status.Ino,
            Mode = (uint)status.Mode & 0xFFFF,
            Device = (ulong)status.Dev,
        };
        return true;
    }

    private static bool Probe()
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }

        try
        {
            // The layout is the runtime's affair: believe it only when it agrees with what .NET itself says of a file that exists.
            var known = new FileInfo(typeof(RuntimeStat).Assembly.Location is { Length: > 0 } own ? own : Environment.ProcessPath!);
            return Stat(known.FullName, follow: true, out var stat)
                && stat.Size == known.Length
                && stat.Modified / 100 == (known.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks
                && stat.Type == EntryType.File
                && stat.Changed > 0 && stat.Inode != 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
        catch (DllNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return false;
        }
    }

    [DllImport("libSystem.Native", EntryPoint = "SystemNative_LStat")]
    private static extern int LStatNative(byte* path, FileStatus* status);

    [DllImport("libSystem.Native", EntryPoint = "SystemNative_Stat")]
    private static extern int StatNative(byte* path, FileStatus* status);

    [StructLayout(LayoutKind.Sequential)]
    private struct FileStatus
    {
        public int Flags;
        public int Mode;
        public uint Uid;
        public uint Gid;
        public long Size;
        public long ATime;
        public long ATimeNsec;
        public long MTime;
        public long MTimeNsec;
        public long CTime;
        public long CTimeNsec;
        public long BirthTime;
        public long BirthTimeNsec;
        public long Dev;
        public long RDev;
        public long Ino;
        public uint UserFlags;
        private readonly long reserved;
    }
}
