using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Laptime.Processes;

/// <summary>The few system calls that running a program takes. No retries beyond EINTR; errors of the wait are reported as "gone".</summary>
internal static unsafe partial class Unix
{
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigKill = Libc.SigKill;
    public const int SigPipe = 13;
    public const int SigTerm = Libc.SigTerm;

    public static int SigChild => OperatingSystem.IsMacOS() ? 20 : 17;

    /// <summary>One row of poll(2); a negative handle is skipped.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry(int handle)
    {
        public readonly int Handle = handle;
        private readonly short events = 1; // POLLIN
        private readonly short returned;

        /// <summary>There is something to read, or the other end is closed.</summary>
        public readonly bool Ready => Handle >= 0 && returned != 0;
    }

    public static void Poll(Span<PollEntry> entries, int milliseconds)
    {
        fixed (PollEntry* first = entries)
        {
            if (Libc.Poll((Libc.PollFd*)first, (nuint)entries.Length, milliseconds) < 0)
            {
                // Interrupted: the caller looks at everything again anyway, and must not see stale answers.
                for (var i = 0; i < entries.Length; i++)
                {
                    entries[i] = new PollEntry(entries[i].Handle);
                }
            }
        }
    }

    /// <returns>Bytes read; 0 at the end, or when the other side is broken.</returns>
    public static int Read(int handle, byte[] buffer)
    {
        fixed (byte* to = buffer)
        {
            while (true)
            {
                var count = Libc.Read(handle, to, (nuint)buffer.Length);
                if (count >= 0 || Marshal.GetLastPInvokeError() != Libc.Interrupted)
                {
                    return (int)Math.Max(0, count);
                }
            }
        }
    }

    public static void Write(int handle, byte value) => _ = Libc.Write(handle, &value, 1);

    /// <summary>A handle that becomes readable when the process ends; null where the system has none (macOS, Linux before 5.3).</summary>
    public static SafeFileHandle? OpenPid(int pid)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var handle = Libc.PidFdOpen(pid);
        return handle < 0 ? null : new SafeFileHandle((nint)handle, ownsHandle: true);
    }

    /// <summary>Whether our child ended; it stays a zombie, so that its number (and its group's) is not given away.</summary>
    public static bool HasExited(int pid)
    {
        // siginfo_t is 128 bytes; only whether si_pid was filled in matters. It stands at 12 (Linux 32 and macOS) or 12/16 (Linux 64):
        // any non-zero byte will do, as the structure is all zero when nothing ended.
        var info = stackalloc byte[128];
        new Span<byte>(info, 128).Clear();
        var (pidType, exited, keep) = (1, 4, OperatingSystem.IsMacOS() ? 0x20 : 0x01000000);
        return WaitId(pidType, (uint)pid, info, exited | Libc.NoHang | keep) != 0
            ? Marshal.GetLastPInvokeError() != Libc.Interrupted
            : new Span<byte>(info, 128).ContainsAnyExcept((byte)0);
    }

    /// <summary>Takes the exit status of a child that ended, as waitpid gives it.</summary>
    public static int Reap(int pid)
    {
        int status;
        while (Libc.WaitPid(pid, &status, 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.Interrupted)
            {
                // Somebody set SIGCHLD to be ignored before us and the kernel reaped it: the status is lost. Not a success.
                return 0xff << 8;
            }
        }

        return status;
    }

    public static void SignalGroup(int group, int signal) => _ = Libc.Kill(-group, signal);

    public static void Signal(int pid, int signal) => _ = Libc.Kill(pid, signal);

    public static bool CanExecute(string path) => Access(path, 1) == 0;

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitId(int type, uint id, byte* info, int options);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
