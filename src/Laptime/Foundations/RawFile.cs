using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Laptime.Foundations;

/// <summary>
/// Small files by the system's own calls (Linux): the base library's file handles have to be compiled at run time, which on the no-op path costs more than the
/// reading and writing. Failures are values here; who gets one goes the ordinary way, which has the words for it.
/// </summary>
public static unsafe class RawFile
{
    private const int WriteOnly = 1;
    private const int ReadWrite = 2;
    private const int Create = 0x40;
    private const int Truncate = 0x200;
    private const int CloseOnExec = 0x80000;
    private const int Exclusive = 2;
    private const int NonBlocking = 4;
    private const int FromEnd = 2;
    private const int ForAll = 0b110_110_110;
    private const int FirstBuffer = 8192;
    private const int LongestPath = 4096;

    /// <summary>Everything in the file; null when it cannot be read or is longer than <paramref name="most"/> bytes.</summary>
    public static byte[]? Read(string path, int most)
    {
        var handle = Open(path, CloseOnExec);
        if (handle < 0)
        {
            return null;
        }

        var buffer = new byte[FirstBuffer];
        var length = 0;
        while (true)
        {
            nint got;
            fixed (byte* space = buffer)
            {
                got = Read(handle, space + length, buffer.Length - length);
            }

            length += (int)got;
            if (got <= 0 || length > most)
            {
                _ = Close(handle);
                if (got < 0 || length > most)
                {
                    return null;
                }

                var content = new byte[length];
                Buffer.BlockCopy(buffer, 0, content, 0, length);
                return content;
            }

            if (length == buffer.Length)
            {
                var larger = new byte[2 * length];
                Buffer.BlockCopy(buffer, 0, larger, 0, length);
                buffer = larger;
            }
        }
    }

    /// <summary>The current folder; null when it is gone, or its path is no text.</summary>
    public static string? CurrentFolder()
    {
        var space = stackalloc byte[LongestPath];
        if (GetCurrent(space, LongestPath) == null)
        {
            return null;
        }

        var length = 0;
        while (space[length] != 0)
        {
            length++;
        }

        return space[0] == (byte)'/' && IsText(new ReadOnlySpan<byte>(space, length)) ? PlainText.Text(new ReadOnlySpan<byte>(space, length)) : null;
    }

    private static bool IsText(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] >= 0x80)
            {
                return IsUtf8(bytes);
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsUtf8(ReadOnlySpan<byte> bytes) => System.Text.Unicode.Utf8.IsValid(bytes);

    /// <summary>Is there anything at this path?</summary>
    public static bool Exists(string path)
    {
        var bytes = PlainText.Terminated(path);
        fixed (byte* text = bytes)
        {
            return Access(text, 0) == 0;
        }
    }

    /// <summary>Bytes in a file; 0 when there is none.</summary>
    public static long LengthOf(string path)
    {
        var handle = Open(path, CloseOnExec);
        if (handle < 0)
        {
            return 0;
        }

        var length = Seek(handle, 0, FromEnd);
        _ = Close(handle);
        return length;
    }

    /// <summary>Creates the file, or replaces what is in it.</summary>
    public static bool Write(string path, ReadOnlySpan<byte> content)
    {
        var handle = Open(path, WriteOnly | Create | Truncate | CloseOnExec);
        if (handle < 0)
        {
            return false;
        }

        var written = WriteAll(handle, content);
        return Close(handle) == 0 && written;
    }

    /// <summary>Appends under an exclusive lock, which excludes the base library's locks as well; takes back what it could not write whole.</summary>
    /// <param name="patience">How long to wait for the lock, milliseconds.</param>
    public static bool Append(string path, ReadOnlySpan<byte> content, int patience)
    {
        var handle = Open(path, ReadWrite | Create | CloseOnExec);
        if (handle < 0)
        {
            return false;
        }

        var locked = Lock(handle, Exclusive | NonBlocking) == 0;
        for (var waited = 0; !locked && waited < patience; waited++)
        {
            Thread.Sleep(1);
            locked = Lock(handle, Exclusive | NonBlocking) == 0;
        }

        var end = locked ? Seek(handle, 0, FromEnd) : -1;
        var written = end >= 0 && WriteAll(handle, content);
        if (end >= 0 && !written)
        {
            _ = Cut(handle, end);
        }

        return Close(handle) == 0 && written;
    }

    /// <summary>Now, since 1970 (UTC).</summary>
    public static long UnixNanoseconds()
    {
        var time = stackalloc long[2];
        return Clock(0, time) == 0 ? (time[0] * 1_000_000_000) + time[1] : 0;
    }

    /// <summary>32 bits of the system's randomness.</summary>
    public static bool TryRandom(out int random)
    {
        var bits = 0;
        var whole = Random(&bits, sizeof(int), 0) == sizeof(int);
        random = bits;
        return whole;
    }

    private static int Open(string path, int flags)
    {
        var bytes = PlainText.Terminated(path);
        fixed (byte* text = bytes)
        {
            return Open(text, flags, ForAll);
        }
    }

    private static bool WriteAll(int handle, ReadOnlySpan<byte> content)
    {
        fixed (byte* start = content)
        {
            var done = 0;
            while (done < content.Length)
            {
                var wrote = Write(handle, start + done, content.Length - done);
                if (wrote <= 0)
                {
                    return false;
                }

                done += (int)wrote;
            }
        }

        return true;
    }

    [DllImport(SystemLibrary.Name, EntryPoint = "open"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte* path, int flags, int mode);

    [DllImport(SystemLibrary.Name, EntryPoint = "clock_gettime"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Clock(int clock, long* time);

    [DllImport(SystemLibrary.Name, EntryPoint = "getrandom"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Random(int* bits, nint size, uint flags);

    [DllImport(SystemLibrary.Name, EntryPoint = "getcwd"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern byte* GetCurrent(byte* space, nint size);

    [DllImport(SystemLibrary.Name, EntryPoint = "access"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Access(byte* path, int mode);

    [DllImport(SystemLibrary.Name, EntryPoint = "read"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Read(int handle, byte* buffer, nint size);

    [DllImport(SystemLibrary.Name, EntryPoint = "write"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(int handle, byte* content, nint size);

    [DllImport(SystemLibrary.Name, EntryPoint = "lseek"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern long Seek(int handle, long offset, int whence);

    [DllImport(SystemLibrary.Name, EntryPoint = "ftruncate"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Cut(int handle, long length);

    [DllImport(SystemLibrary.Name, EntryPoint = "flock"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Lock(int handle, int operation);

    [DllImport(SystemLibrary.Name, EntryPoint = "close"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);
}
