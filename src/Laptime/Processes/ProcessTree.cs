using System.Globalization;

namespace Laptime.Processes;

/// <summary>Descendants of a process by /proc (Linux; elsewhere the process group alone stands for the tree).</summary>
internal static class ProcessTree
{
    /// <summary>A process that cannot be mistaken for a later one with the same number.</summary>
    public readonly record struct Member(int Pid, ulong StartTicks);

    public static List<Member> Below(int root)
    {
        var found = new List<Member>();
        if (!OperatingSystem.IsLinux())
        {
            return found;
        }

        var all = new List<(Member Member, int Parent)>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && Read(pid) is { } stat)
            {
                all.Add((new Member(pid, stat.StartTicks), stat.Parent));
            }
        }

        var parents = new HashSet<int> { root };
        for (var grew = true; grew;)
        {
            grew = false;
            foreach (var (member, parent) in all)
            {
                if (parents.Contains(parent) && parents.Add(member.Pid))
                {
                    found.Add(member);
                    grew = true;
                }
            }
        }

        return found;
    }

    public static void Signal(Member member, int signal)
    {
        if (Read(member.Pid)?.StartTicks == member.StartTicks)
        {
            Unix.Signal(member.Pid, signal);
        }
    }

    /// <summary>Kills a process that is not our child, with its group and descendants.</summary>
    public static void Kill(int pid)
    {
        if (OperatingSystem.IsWindows())
        {
            using var process = System.Diagnostics.Process.GetProcessById(pid);
            process.Kill(entireProcessTree: true);
            return;
        }

        var members = Below(pid);
        Unix.SignalGroup(pid, Unix.SigKill);
        Unix.Signal(pid, Unix.SigKill);
        members.ForEach(m => Signal(m, Unix.SigKill));
    }

    private static (int Parent, ulong StartTicks)? Read(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            // The name is in parentheses and may hold anything: count from behind it. State, parent, …; the start is the 20th.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (int.Parse(fields[1], CultureInfo.InvariantCulture), ulong.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
