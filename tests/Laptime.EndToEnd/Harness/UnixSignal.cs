using System.Runtime.InteropServices;

namespace Laptime.EndToEnd.Harness;

internal static partial class UnixSignal
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;

    public static void Send(int pid, int number)
    {
        // A process that is gone already is no trouble.
        if (pid > 1)
        {
            _ = KillProcess(pid, number);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int KillProcess(int pid, int number);
}
