using System.Diagnostics;
using System.Globalization;

namespace Laptime.Processes;

/// <summary>
/// Everything that a detached process started and that stayed in its session. Whoever left it on purpose (a daemon) is not ours any more.
/// Elsewhere than on Linux it is the process and its descendants.
/// </summary>
public sealed class Session(int pid, long startTicks)
{
    public int Pid => pid;

    public long StartTicks => startTicks;

    /// <summary>The leader is the same process and has not ended (a zombie has).</summary>
    public bool LeaderIsAlive => ProcessOwner.TicksOf(pid) == startTicks;

    /// <summary>Pids of the living members, the leader too.</summary>
    public IReadOnlyList<int> Members()
    {
        if (!OperatingSystem.IsLinux())
        {
            return LeaderIsAlive ? [pid] : [];
        }

        // The kernel gives a number away again only when no session is named by it: another process under our number means that the session is empty.
        if (ProcessOwner.TicksOf(pid) is { } ticks && ticks != startTicks)
        {
            return [];
        }

        var members = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var other)
                && ReadStat(other) is { } stat && stat.Session == pid && stat.Ticks >= startTicks)
            {
                members.Add(other);
            }
        }

        return members;
    }

    /// <summary>Asks to end (SIGTERM): the leader's process group, or what the leader has left behind.</summary>
    public void Terminate()
    {
        if (OperatingSystem.IsWindows())
        {
            KillTree();
        }
        else if (LeaderIsAlive)
        {
            _ = Libc.Kill(OperatingSystem.IsLinux() ? -pid : pid, Libc.SigTerm);
        }
        else
        {
            SignalMembers(Libc.SigTerm);
        }
    }

    /// <summary>Ends every member at once (SIGKILL).</summary>
    public void Kill()
    {
        if (OperatingSystem.IsLinux())
        {
            SignalMembers(Libc.SigKill);
        }
        else
        {
            KillTree();
        }
    }

    private void SignalMembers(int signal)
    {
        foreach (var member in Members())
        {
            // Between reading and signalling, a number can only be reused after the member ended: the descriptor pins it, the second look decides.
            var fd = Libc.PidFdOpen(member);
            if (ReadStat(member) is { } stat && stat.Session == pid && stat.Ticks >= startTicks)
            {
                _ = fd < 0 ? Libc.Kill(member, signal) : Libc.PidFdSendSignal(fd, signal);
            }

            if (fd >= 0)
            {
                _ = Libc.Close(fd);
            }
        }
    }

    private void KillTree()
    {
        if (!LeaderIsAlive)
        {
            return;
        }

        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // It ended by itself meanwhile.
        }
    }

    private static (int Session, long Ticks)? ReadStat(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : (int.Parse(fields[3], CultureInfo.InvariantCulture), long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
