using System.Globalization;

namespace Laptime.Processes;

/// <summary>Who listens on a TCP port of this machine, read from /proc. Where that cannot be read the answer is "nobody can say".</summary>
public static class PortListener
{
    /// <summary>Inodes of the sockets that listen on <paramref name="port"/> on loopback or on every address; null when they cannot be read.</summary>
    public static IReadOnlyList<string>? Sockets(int port)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var wanted = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        var found = new List<string>();
        foreach (var table in (string[])["/proc/net/tcp", "/proc/net/tcp6"])
        {
            string[] lines;
            try
            {
                lines = File.ReadAllLines(table);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (table.EndsWith('6'))
                {
                    continue;
                }

                return null;
            }

            foreach (var line in lines.AsSpan(1))
            {
                if (!line.Contains(wanted, StringComparison.Ordinal))
                {
                    continue;
                }

                // sl local remote state queues timer retransmits uid timeout inode; state 0A listens.
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields[1].EndsWith(wanted, StringComparison.Ordinal) && fields[3] == "0A")
                {
                    found.Add($"socket:[{fields[9]}]");
                }
            }
        }

        return found;
    }

    /// <summary>True or false: a process of the session does or does not hold a socket that listens on the port. Null: nobody can say.</summary>
    public static bool? IsHeldBy(int port, Session session)
    {
        if (Sockets(port) is not { } sockets)
        {
            return null;
        }

        if (sockets.Count == 0)
        {
            return false;
        }

        return Holds(session.Pid, sockets) == true || session.Members().Any(m => Holds(m, sockets) == true);
    }

    /// <summary>The pid and program that listen on the port; null when nobody does or it cannot be read.</summary>
    public static (int Pid, string Program)? HolderOf(int port)
    {
        if (Sockets(port) is not { Count: > 0 } sockets)
        {
            return null;
        }

        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Holds(pid, sockets) == true)
            {
                return (pid, ProgramOf(pid));
            }
        }

        return null;
    }

    private static string ProgramOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "?";
        }
    }

    private static bool? Holds(int pid, IReadOnlyList<string> sockets)
    {
        try
        {
            foreach (var entry in new DirectoryInfo($"/proc/{pid}/fd").EnumerateFileSystemInfos())
            {
                if (entry.LinkTarget is { } target && sockets.Contains(target))
                {
                    return true;
                }
            }

            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
