using System.Globalization;

namespace Laptime.Processes;

/// <summary>A process that owns something, told apart from a later one with the same pid.</summary>
/// <param name="StartTicks">Start time in the kernel's own unit (field 22 of /proc/PID/stat; elsewhere the start time's ticks).</param>
/// <param name="BootId">The kernel's boot id; a reboot ends every owner.</param>
public sealed record ProcessOwner(string User, string Host, int Pid, long StartTicks, string BootId)
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    /// <summary>This process.</summary>
    public static ProcessOwner Current() => new(Environment.UserName, Environment.MachineName, Environment.ProcessId, TicksOf(Environment.ProcessId) ?? 0, CurrentBoot());

    /// <summary>A process of this user on this host; null when it does not exist or is a zombie.</summary>
    public static ProcessOwner? Of(int pid) => TicksOf(pid) is { } ticks ? new(Environment.UserName, Environment.MachineName, pid, ticks, CurrentBoot()) : null;

    /// <summary>True: on this host, this boot, and still the same process. False: it has ended. Null: it is on another host, nobody here can say.</summary>
    public bool? IsAlive()
    {
        if (Host != Environment.MachineName)
        {
            return null;
        }

        return BootId == CurrentBoot() && TicksOf(Pid) == StartTicks;
    }

    /// <summary>When the process started, in <see cref="StartTicks"/>' unit; null when it does not exist or is a zombie.</summary>
    public static long? TicksOf(int pid)
    {
        if (!OperatingSystem.IsLinux())
        {
            try
            {
                using var process = System.Diagnostics.Process.GetProcessById(pid);
                return process.HasExited ? null : process.StartTime.ToUniversalTime().Ticks;
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                return null;
            }
        }

        string stat;
        try
        {
            stat = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        // The name in parentheses may hold anything, spaces and parentheses too: fields count from the last one.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
    }

    private static string CurrentBoot() => File.Exists(BootIdFile) ? File.ReadAllText(BootIdFile).Trim() : "";
}
