using System.Diagnostics;
using Laptime.Processes;

namespace Laptime.Agent;

/// <summary>How a process ended. Neither is known of a process that an earlier agent had started.</summary>
/// <param name="Words">Instead of both, when it never was a process of ours, or an earlier agent wrote it down.</param>
internal sealed record ExitStatus(int? Code, string? Signal, string? Words = null)
{
    internal string Text => this switch
    {
        { Words: { } words } => words,
        { Signal: { } signal } => $"ended by {signal}",
        { Code: { } code } => $"exited with {code}",
        _ => "ended (how is not known: an earlier agent had started it)",
    };
}

/// <summary>
/// Says when processes end, our children and adopted ones alike: one thread in poll(2) on their pid descriptors. Where there are none it looks
/// every 200 ms. A child is reaped here and nowhere else.
/// </summary>
internal sealed unsafe class ExitWatch : IDisposable
{
    private const int LookEvery = 200;
    private const int Closed = -1;

    private readonly Lock gate = new();
    private readonly List<Watched> watched = [];
    private readonly int wake = OperatingSystem.IsLinux() ? Libc.EventFd(0, 0x80000 | 0x800) : Closed;
    private readonly Thread thread;
    private bool ending;

    internal ExitWatch()
    {
        thread = new Thread(Watch) { IsBackground = true, Name = "exit watch" };
        thread.Start();
    }

    private sealed record Watched(Session Session, int Fd, bool Child, Action<ExitStatus> Ended);

    /// <param name="session">Whose leader to watch.</param>
    /// <param name="child">It is our own child.</param>
    /// <param name="ended">Called once, on the watching thread.</param>
    internal void Add(Session session, bool child, Action<ExitStatus> ended)
    {
        var fd = OperatingSystem.IsLinux() ? Libc.PidFdOpen(session.Pid) : Closed;
        lock (gate)
        {
            watched.Add(new Watched(session, fd, child, ended));
        }

        Wake();
    }

    public void Dispose()
    {
        ending = true;
        Wake();
        thread.Join();
        if (wake != Closed)
        {
            _ = Libc.Close(wake);
        }
    }

    private void Wake()
    {
        if (wake != Closed)
        {
            ulong one = 1;
            _ = Libc.Write(wake, &one, sizeof(ulong));
        }
    }

    private void Watch()
    {
        while (!Volatile.Read(ref ending))
        {
            Watched[] now;
            lock (gate)
            {
                now = [.. watched];
            }

            Wait(now);
            foreach (var one in now)
            {
                if (one.Session.LeaderIsAlive)
                {
                    continue;
                }

                var status = one.Child ? Reap(one.Session.Pid) : new ExitStatus(null, null);
                lock (gate)
                {
                    watched.Remove(one);
                }

                if (one.Fd != Closed)
                {
                    _ = Libc.Close(one.Fd);
                }

                one.Ended(status);
            }
        }
    }

    private void Wait(Watched[] now)
    {
        if (wake == Closed)
        {
            Thread.Sleep(LookEvery);
            return;
        }

        var fds = new Libc.PollFd[now.Length + 1];
        fds[0] = new Libc.PollFd { Fd = wake, Events = Libc.PollIn };
        for (var i = 0; i < now.Length; i++)
        {
            fds[i + 1] = new Libc.PollFd { Fd = now[i].Fd, Events = Libc.PollIn };
        }

        fixed (Libc.PollFd* first = fds)
        {
            _ = Libc.Poll(first, (nuint)fds.Length, now.Any(w => w.Fd == Closed) ? LookEvery : -1);
        }

        ulong count;
        _ = Libc.Read(wake, &count, sizeof(ulong));
    }

    private static ExitStatus Reap(int pid)
    {
        if (OperatingSystem.IsWindows())
        {
            return new ExitStatus(null, null);
        }

        int status;
        var reaped = Libc.WaitPid(pid, &status, 0);
        if (reaped != pid)
        {
            return new ExitStatus(null, null);
        }

        var signal = status & 0x7f;
        return signal == 0 ? new ExitStatus((status >> 8) & 0xff, null) : new ExitStatus(null, NameOf(signal));
    }

    private static string NameOf(int signal) => signal switch
    {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => $"signal {signal}",
    };
}
