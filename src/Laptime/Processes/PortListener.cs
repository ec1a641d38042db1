using System.Globalization;
using System.Text;

namespace Laptime.Processes;

/// <summary>Who listens on a TCP port of this machine, read from /proc. Where that cannot be read the answer is "nobody can say".</summary>
public static class PortListener
{
    /// <summary>Sockets that listen on <paramref name="port"/>, as /proc/PID/fd names them; null when they cannot be read.</summary>
    public static IReadOnlyList<string>? Sockets(int port)
    {
        try
        {
            return OperatingSystem.IsLinux() ? [.. Listening("/proc/net/tcp", port), .. Listening("/proc/net/tcp6", port)] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>True or false: a process of the session does or does not hold a socket that listens on the port. Null: nobody can say.</summary>
    public static bool? IsHeldBy(int port, Session session)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        try
        {
            // The usual case first: IPv4, and the instance's own process.
            var found = new List<string>();
            foreach (var socket in Listening("/proc/net/tcp", port))
            {
                if (Holds(session.Pid, [socket]) == true)
                {
                    return true;
                }

                found.Add(socket);
            }

            found.AddRange(Listening("/proc/net/tcp6", port));
            return found.Count > 0 && (Holds(session.Pid, found) == true || session.Members().Any(m => Holds(m, found) == true));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
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

    /// <summary>
    /// Reads the kernel's table a line at a time and stops behind the listeners, which come first: walking on to the connections costs the kernel
    /// several milliseconds.
    /// </summary>
    private static IEnumerable<string> Listening(string table, int port)
    {
        var wanted = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        using var file = new FileStream(table, new FileStreamOptions { BufferSize = 0, Share = FileShare.ReadWrite });
        var buffer = new byte[4096];
        var have = 0;
        var headRead = false;
        while (true)
        {
            int end;
            while ((end = buffer.AsSpan(0, have).IndexOf((byte)'\n')) < 0)
            {
                // As long as one line: a larger read makes the kernel walk on until it is full.
                var count = file.Read(buffer, have, 150);
                if (count == 0)
                {
                    yield break;
                }

                have += count;
            }

            var line = Encoding.ASCII.GetString(buffer, 0, end);
            buffer.AsSpan(end + 1, have - end - 1).CopyTo(buffer);
            have -= end + 1;
            if (!headRead)
            {
                headRead = true;
                continue;
            }

            // sl local remote state queues timer retransmits uid timeout inode; state 0A listens.
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields[3] != "0A")
            {
                yield break;
            }

            if (fields[1].EndsWith(wanted, StringComparison.Ordinal))
            {
                yield return $"socket:[{fields[9]}]";
            }
        }
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
