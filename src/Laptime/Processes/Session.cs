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

    /// <summary>Asks the leader's process group to end (SIGTERM).</summary>
    public void Terminate() => Signal(Libc.SigTerm, wholeGroup: true);

    /// <summary>Ends every member at once (SIGKILL).</summary>
    public void Kill()
    {
        if (!OperatingSystem.IsLinux())
        {
            Signal(Libc.SigKill, wholeGroup: true);
            return;
        }

        foreach (var member in Members())
        {
            // Between reading and killing, a number can only be reused after the member ended: the descriptor pins it, the second look decides.
            var fd = Libc.PidFdOpen(member);
            if (fd < 0)
            {
                if (ReadStat(member) is { } again && again.Session == pid)
                {
                    _ = Libc.Kill(member, Libc.SigKill);
                }

                continue;
            }

            if (ReadStat(member) is { } stat && stat.Session == pid && stat.Ticks >= startTicks)
            {
                _ = Libc.PidFdSendSignal(fd, Libc.SigKill);
            }

            _ = Libc.Close(fd);
        }
    }

    private void Signal(int signal, bool wholeGroup)
    {
        if (!LeaderIsAlive)
        {
            return;
        }

        if (OperatingSystem.IsWindows() || (signal == Libc.SigKill && !OperatingSystem.IsLinux()))
        {
            try
            {
                using var process = Process.GetProcessById(pid);
                process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // It ended by itself meanwhile.
            }

            return;
        }

        _ = Libc.Kill(wholeGroup && OperatingSystem.IsLinux() ? -pid : pid, signal);
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
