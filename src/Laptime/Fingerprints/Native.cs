using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>The few Linux calls the walk needs. Blittable signatures; errno is read right after a call that failed.</summary>
internal static unsafe class Native
{
    public const int CurrentFolder = -100;
    public const int ReadOnly = 0;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int PathOnly = 0x200000;
    public const int EmptyPath = 0x1000;
    public const int NoFollowStat = 0x100;
    public const uint StatMask = 0x0001 | 0x0002 | 0x0004 | 0x0040 | 0x0080 | 0x0100 | 0x0200;
    public const int NoEntry = 2;
    public const int Access = 13;
    public const int NotFolder = 20;
    public const int TooManyLinks = 40;
    public const int NotPermitted = 1;
    public const int NoDevice = 6;

    // O_DIRECTORY and O_NOFOLLOW have other values on ARM.
    public static int Directory => ArmBase.IsSupported ? 0x4000 : 0x10000;

    public static int NoFollow => ArmBase.IsSupported ? 0x8000 : 0x20000;

    [DllImport(SystemLibrary.Name, EntryPoint = "openat"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int OpenAt(int folder, byte* path, int flags, int mode);

    [DllImport(SystemLibrary.Name, EntryPoint = "close"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Close(int descriptor);

    [DllImport(SystemLibrary.Name, EntryPoint = "getdents64"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint GetEntries(int descriptor, byte* buffer, nuint size);

    [DllImport(SystemLibrary.Name, EntryPoint = "statx"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int StatX(int folder, byte* path, int flags, uint mask, StatXBuffer* result);

    [DllImport(SystemLibrary.Name, EntryPoint = "read"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint Read(int descriptor, byte* buffer, nuint size);

    [DllImport(SystemLibrary.Name, EntryPoint = "readlinkat"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint ReadLinkAt(int folder, byte* path, byte* buffer, nuint size);

    [DllImport(SystemLibrary.Name, EntryPoint = "mmap"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern byte* Map(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [DllImport(SystemLibrary.Name, EntryPoint = "munmap"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Unmap(byte* address, nuint length);

    [DllImport(SystemLibrary.Name, EntryPoint = "statfs"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int StatFs(byte* path, byte* result);

    [DllImport(SystemLibrary.Name, EntryPoint = "inotify_init1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int WatchStart(int flags);

    [DllImport(SystemLibrary.Name, EntryPoint = "inotify_add_watch"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int WatchAdd(int descriptor, byte* path, uint mask);

    [DllImport(SystemLibrary.Name, EntryPoint = "pthread_create"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int StartThread(nint* thread, void* attributes, delegate* unmanaged<void*, void*> start, void* argument);

    [DllImport(SystemLibrary.Name, EntryPoint = "pthread_join"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int JoinThread(nint thread, void** result);

    public static int Errno => Marshal.GetLastSystemError();

    /// <summary>struct statx, the fields in use.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct StatXBuffer
    {
        [FieldOffset(0)]
        public uint Mask;

        [FieldOffset(16)]
        public uint Links;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public long Size;

        [FieldOffset(96)]
        public long ChangedSeconds;

        [FieldOffset(104)]
        public uint ChangedNs;

        [FieldOffset(112)]
        public long ModifiedSeconds;

        [FieldOffset(120)]
        public uint ModifiedNs;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
