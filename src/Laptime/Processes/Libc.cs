using System.Runtime.InteropServices;

namespace Laptime.Processes;

/// <summary>The few calls of the C library that .NET has no door to. Blittable signatures only: nothing is compiled at run time for them. Linux only.</summary>
internal static unsafe partial class Libc
{
    internal const int SigTerm = 15;
    internal const int SigKill = 9;
    internal const int NoHang = 1;
    internal const int Interrupted = 4;
    internal const short PollIn = 1;

    internal struct PollFd
    {
        public int Fd;
        public short Events;
        public short Revents;
    }

    [DllImport("libc", EntryPoint = "geteuid")]
    internal static extern uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    internal static partial int WaitPid(int pid, int* status, int options);

    [DllImport("libc", EntryPoint = "close")]
    internal static extern int Close(int fd);

    [DllImport("libc", EntryPoint = "eventfd")]
    internal static extern int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(PollFd* fds, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int fd, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int fd, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    internal static partial int Statx(int directory, byte* path, int flags, uint mask, byte* buffer);

    /// <summary>An ordinary file, no pipe, device or socket (reading one may never end); links are followed. True where nobody can say.</summary>
    internal static bool IsRegular(string path)
    {
        const int currentFolder = -100, type = 0x1, modeAt = 28;
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        var status = stackalloc byte[256];
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + "\0"))
        {
            return Statx(currentFolder, name, 0, type, status) != 0 || (*(ushort*)(status + modeAt) & 0xf000) == 0x8000;
        }
    }

    // pidfd_open and pidfd_send_signal have wrappers only in newer C libraries; their numbers are the same on every architecture .NET runs on.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, long a, long b, long c, long d);

    /// <summary>A descriptor that becomes readable when the process ends; -1 where the kernel has none.</summary>
    internal static int PidFdOpen(int pid) => (int)Syscall(434, pid, 0, 0, 0);

    internal static int PidFdSendSignal(int fd, int signal) => (int)Syscall(424, fd, signal, 0, 0);
}
