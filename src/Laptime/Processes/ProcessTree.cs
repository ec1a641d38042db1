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

    /// <summary>When the process began, in the kernel's ticks; null when there is none, or it is a zombie.</summary>
    public static ulong? StartTicks(int pid) => Read(pid) is { Zombie: false } stat ? stat.StartTicks : null;

    public static void Signal(Member member, int signal)
    {
        if (Read(member.Pid)?.StartTicks == member.StartTicks)
        {
            Unix.Signal(member.Pid, signal);
        }
    }

    private static (int Parent, ulong StartTicks, bool Zombie)? Read(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            // The name is in parentheses and may hold anything: count from behind it. State, parent, …; the start is the 20th.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (int.Parse(fields[1], CultureInfo.InvariantCulture), ulong.Parse(fields[19], CultureInfo.InvariantCulture), fields[0] is "Z" or "X");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
