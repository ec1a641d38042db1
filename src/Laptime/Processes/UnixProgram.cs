using System.ComponentModel;
using System.IO.Pipes;
using Microsoft.Win32.SafeHandles;

namespace Laptime.Processes;

/// <summary>
/// A program on Linux or macOS, started with posix_spawn because System.Diagnostics.Process cannot give a child its own process group;
/// and watched by one thread that polls the two pipes, a wake-up pipe and (on Linux) the child's pidfd, because
/// the framework's pipe reads cannot be given up when a grandchild keeps the pipe open.
/// </summary>
internal sealed class UnixProgram : IRunningProgram
{
    /// <summary>After the program's end: how long the pipes may stay open before they are closed on whoever holds them.</summary>
    private const long DrainMilliseconds = 100;

    /// <summary>More than any pipe holds: a descendant that goes on printing cannot keep us.</summary>
    private const int DrainBytes = 4 << 20;

    private static readonly TimeSpan Unkillable = TimeSpan.FromSeconds(5);

    private readonly Command command;
    private readonly OutputCapture capture;
    private readonly TimeProvider clock;
    private readonly int pid;
    private readonly AnonymousPipeServerStream output;
    private readonly AnonymousPipeServerStream error;
    private readonly AnonymousPipeServerStream wake = new(PipeDirection.In, HandleInheritability.None);
    private readonly long started;
    private readonly Lock wakeGate = new();
    private readonly Lock signalGate = new();
    private readonly List<ProcessTree.Member> strays = [];
    private bool reaped;
    private bool finished;
    private volatile bool deadlinePassed;
    private volatile bool cancelled;
    private volatile bool killNow;
    private volatile bool stepUp;
    private volatile bool abandon;
    private int escalations;

    private enum Stop
    {
        None,
        Deadline,
        Cancel,
        Failure,
    }

    private UnixProgram(Command command, OutputCapture capture, TimeProvider clock, int pid,
        AnonymousPipeServerStream output, AnonymousPipeServerStream error)
    {
        (this.command, this.capture, this.clock, this.pid, this.output, this.error) = (command, capture, clock, pid, output, error);
        started = clock.GetTimestamp();
    }

    /// <exception cref="Win32Exception">The program cannot be started; the message says why.</exception>
    public static UnixProgram Start(Command command, OutputCapture capture, TimeProvider clock)
    {
        var output = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        var error = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        try
        {
            var pid = Spawn.Start(command, (int)output.ClientSafePipeHandle.DangerousGetHandle(), (int)error.ClientSafePipeHandle.DangerousGetHandle());
            return new UnixProgram(command, capture, clock, pid, output, error);
        }
        catch
        {
            output.Dispose();
            error.Dispose();
            throw;
        }
        finally
        {
            // Our copies of the ends the program writes to: while they are open there is no end of file.
            output.ClientSafePipeHandle.Dispose();
            error.ClientSafePipeHandle.Dispose();
        }
    }

    public int Pid => pid;

    public Task<ProcessResult> WaitAsync(CancellationToken cancel)
    {
        var done = new TaskCompletionSource<ProcessResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => Watch(done, cancel), maxStackSize: 256 << 10) { IsBackground = true, Name = $"lap {pid}" };
        thread.Start();
        return done.Task;
    }

    public void Kill()
    {
        // At once, on the caller's thread: after a second Ctrl-C lap ends, and its other threads with it.
        Signal(Unix.SigKill);
        killNow = true;
        Wake();
    }

    public void Dispose()
    {
        lock (wakeGate)
        {
            finished = true;
            wake.ClientSafePipeHandle.Dispose();
            wake.Dispose();
        }

        output.Dispose();
        error.Dispose();
    }

    private void Watch(TaskCompletionSource<ProcessResult> done, CancellationToken cancel)
    {
        Exception? failure = null;
        ProcessResult? result = null;
        var stop = Stop.None;
        try
        {
            using var onCancel = cancel.UnsafeRegister(static me => { ((UnixProgram)me!).cancelled = true; ((UnixProgram)me).Wake(); }, this);
            using var deadline = command.Deadline is { } bound
                ? clock.CreateTimer(static me => { ((UnixProgram)me!).deadlinePassed = true; ((UnixProgram)me).Wake(); }, this, bound, Timeout.InfiniteTimeSpan)
                : null;
            (stop, var status, failure) = Loop();
            capture.Finish();
            var signal = status & 0x7f;
            result = new ProcessResult
            {
                ExitCode = signal == 0 ? (status >> 8) & 0xff : 128 + signal,
                Signal = signal == 0 ? null : signal,
                TimedOut = stop == Stop.Deadline,
                Elapsed = clock.GetElapsedTime(started),
                Tail = capture.Tail,
            };
        }
        catch (Exception e)
        {
            // Nobody is above this thread: the task carries it.
            failure ??= e;
        }

        if (failure is not null)
        {
            done.SetException(failure);
        }
        else if (stop == Stop.Cancel)
        {
            done.SetCanceled(cancel);
        }
        else
        {
            done.SetResult(result!);
        }
    }

    private (Stop Stop, int Status, Exception? Failure) Loop()
    {
        var buffer = new byte[64 << 10];
        Span<Unix.PollEntry> entries = stackalloc Unix.PollEntry[4];
        using var pidHandle = Unix.OpenPid(pid);
        var (outOpen, errorOpen, exited, killed) = (true, true, false, false);
        var (stop, failure) = (Stop.None, (Exception?)null);
        var (exitedAt, drained) = (0L, 0);
        ITimer? escalation = null;
        try
        {
            while (true)
            {
                entries[0] = new(Handle(wake.SafePipeHandle));
                entries[1] = new(outOpen ? Handle(output.SafePipeHandle) : -1);
                entries[2] = new(errorOpen ? Handle(error.SafePipeHandle) : -1);
                entries[3] = new(exited || pidHandle is null ? -1 : (int)pidHandle.DangerousGetHandle());
                var draining = exited && (stop == Stop.None || killed);
                var patience = draining ? (int)Math.Max(0, exitedAt + DrainMilliseconds - Environment.TickCount64)
                    : !exited && pidHandle is null ? 10
                    : -1;
                Unix.Poll(entries, patience);
                if (entries[0].Ready)
                {
                    _ = Unix.Read(entries[0].Handle, buffer);
                }

                if (!exited && (pidHandle is null || entries[3].Ready) && Unix.HasExited(pid))
                {
                    (exited, exitedAt) = (true, Environment.TickCount64);
                }

                try
                {
                    drained += Take(entries[1], isError: false, buffer, ref outOpen, exited) + Take(entries[2], isError: true, buffer, ref errorOpen, exited);
                }
                catch (Exception e) when (failure is null)
                {
                    // The listener or the log failed: the run is over, the program too.
                    (failure, stop, killNow) = (e, Stop.Failure, true);
                }
                catch (Exception) when (failure is not null)
                {
                    // The first failure is the one to tell; the program is being killed already.
                }

                if (stop == Stop.None && !exited && (cancelled || deadlinePassed))
                {
                    stop = cancelled ? Stop.Cancel : Stop.Deadline;
                    Signal(stop == Stop.Cancel ? Unix.SigInt : Unix.SigTerm);
                    escalation = clock.CreateTimer(static me => ((UnixProgram)me!).Escalate(), this,
                        ProcessRunner.Grace / 2, ProcessRunner.Grace / 2);
                }

                if (stepUp && !killed)
                {
                    stepUp = false;
                    Signal(Unix.SigTerm);
                }

                if (killNow && !killed)
                {
                    killed = true;
                    exitedAt = Environment.TickCount64;
                    Signal(Unix.SigKill);
                    escalation?.Dispose();
                    escalation = clock.CreateTimer(static me => { ((UnixProgram)me!).abandon = true; ((UnixProgram)me).Wake(); }, this,
                        Unkillable, Timeout.InfiniteTimeSpan);
                }

                var closed = !outOpen && !errorOpen;
                var spent = drained > DrainBytes || Environment.TickCount64 - exitedAt >= DrainMilliseconds;
                if (exited && (closed || ((stop == Stop.None || killed) && spent)))
                {
                    break;
                }

                if (abandon)
                {
                    // Not even SIGKILL ended it (a hung file system). Its thread of ours must not hang with it.
                    return (stop, Unix.SigKill, failure);
                }
            }

            if (stop != Stop.None)
            {
                // The leader is still our zombie, so its group's number cannot be anybody else's yet.
                Signal(Unix.SigKill);
            }

            lock (signalGate)
            {
                reaped = true;
            }

            return (stop, Unix.Reap(pid), failure);
        }
        finally
        {
            escalation?.Dispose();
        }
    }

    /// <summary>Called each half of the grace: first SIGTERM for those that ignore SIGINT, then SIGKILL.</summary>
    private void Escalate()
    {
        if (escalations++ == 0)
        {
            stepUp = true;
        }
        else
        {
            killNow = true;
        }

        Wake();
    }

    private int Take(Unix.PollEntry entry, bool isError, byte[] buffer, ref bool open, bool exited)
    {
        if (!open || !entry.Ready)
        {
            return 0;
        }

        var count = Unix.Read(entry.Handle, buffer);
        if (count <= 0)
        {
            open = false;
            return 0;
        }

        capture.Push(isError, buffer.AsSpan(0, count));
        return exited ? count : 0;
    }

    /// <summary>
    /// Signals the group and those of the tree that left it (a nested job control, <c>timeout</c>). Who left both group and tree has made
    /// itself a daemon on purpose and is not ours to end.
    /// </summary>
    private void Signal(int signal)
    {
        lock (signalGate)
        {
            if (reaped)
            {
                return;
            }

            foreach (var member in ProcessTree.Below(pid))
            {
                if (!strays.Contains(member))
                {
                    strays.Add(member);
                }
            }

            Unix.SignalGroup(pid, signal);
            foreach (var stray in strays)
            {
                ProcessTree.Signal(stray, signal);
            }
        }
    }

    private void Wake()
    {
        lock (wakeGate)
        {
            if (!finished)
            {
                Unix.Write(Handle(wake.ClientSafePipeHandle), 1);
            }
        }
    }

    private static int Handle(SafePipeHandle handle) => (int)handle.DangerousGetHandle();
}
