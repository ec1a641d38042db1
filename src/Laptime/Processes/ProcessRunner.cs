using System.ComponentModel;
using Laptime.Foundations;

namespace Laptime.Processes;

/// <summary>
/// The one place that starts a program. Both streams are read while it runs, in bounded memory; standard input is empty or a file; the program
/// gets its own process group, so a Ctrl-C on the terminal reaches lap first and lap interrupts its programs in order.
/// </summary>
/// <remarks>
/// <para>Deadline and cancellation are different ends: the deadline gives a result with <see cref="ProcessResult.TimedOut"/>, cancellation
/// throws once the program is gone. In both cases the whole tree is asked to stop (cancellation: SIGINT, half the grace later SIGTERM;
/// deadline: SIGTERM), and is killed after <see cref="Grace"/>.</para>
/// <para>After an ordinary end, programs it left running are left alone (build servers live on by design) and cannot hang the run:
/// what is in the pipes is read, and then they are closed.</para>
/// <para>Safe for use from several threads; each run has one thread of its own, which waits in the kernel.</para>
/// </remarks>
public sealed class ProcessRunner(TimeProvider clock)
{
    private readonly Lock gate = new();
    private readonly HashSet<Action> killers = [];

    /// <summary>From the polite signal to SIGKILL.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="command">What to run.</param>
    /// <param name="onLine">Called for each line, on the run's own thread, in order of arrival; an exception from it ends the program and the run.</param>
    /// <param name="cancel">Ends the program's whole tree; the returned task is cancelled when it is gone.</param>
    /// <exception cref="FaultException">The program cannot be started, or its log cannot be written.</exception>
    public Task<ProcessResult> RunAsync(Command command, Action<OutputLine>? onLine, CancellationToken cancel) => RunAsync(command, onLine, null, 0, cancel);

    /// <summary>Runs a program for its standard output as bytes: as they come, secrets not redacted. Its error stream is the result's tail.</summary>
    /// <param name="most">More bytes end the program and the run.</param>
    /// <exception cref="FaultException">The program cannot be started, or printed more.</exception>
    public async Task<(ProcessResult Result, byte[] Output)> RunForBytesAsync(Command command, int most, CancellationToken cancel)
    {
        using var raw = new MemoryStream();
        try
        {
            return (await RunAsync(command, null, raw, most, cancel).ConfigureAwait(false), raw.ToArray());
        }
        catch (InvalidDataException e)
        {
            throw new FaultException(new Fault(command.FailsAs, $"`{command.Program}`: {e.Message}", $"in {command.Directory}", "see by hand what it prints"), e);
        }
    }

    private async Task<ProcessResult> RunAsync(Command command, Action<OutputLine>? onLine, MemoryStream? raw, int mostRaw, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (!Directory.Exists(command.Directory))
        {
            throw CannotStart(command, "the directory does not exist", "create the directory, or correct the path in laptime.yaml");
        }

        OutputCapture capture;
        try
        {
            capture = new OutputCapture(command.Secrets, command.LogFile, onLine, raw, mostRaw, command.LineCharacters);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LogFailed(command, e);
        }

        using (capture)
        {
            Action? killer = null;
            try
            {
                using var run = OperatingSystem.IsWindows()
                    ? (IRunningProgram)WindowsProgram.Start(command, capture, clock)
                    : UnixProgram.Start(command, capture, clock);
                killer = run.Kill;
                lock (gate)
                {
                    killers.Add(killer);
                }

                var end = run.WaitAsync(cancel);
                if (command.PidFile is { } pidFile)
                {
                    try
                    {
                        AtomicFile.Write(pidFile, $"{run.Pid} {ProcessOwner.TicksOf(run.Pid)} {ProcessOwner.Current().BootId}", durable: false);
                    }
                    catch
                    {
                        run.Kill();
                        await ((Task)end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                        throw;
                    }
                }

                return await end.ConfigureAwait(false);
            }
            catch (Win32Exception e)
            {
                throw CannotStart(command, e.Message, StartMend(command), e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw LogFailed(command, e);
            }
            finally
            {
                if (killer is not null)
                {
                    lock (gate)
                    {
                        killers.Remove(killer);
                    }

                    if (command.PidFile is { } pidFile)
                    {
                        File.Delete(pidFile);
                    }
                }
            }
        }
    }

    /// <summary>Kills the trees of everything that runs, at once (the second Ctrl-C). The runs end as they would have, only sooner.</summary>
    public void KillAll()
    {
        lock (gate)
        {
            foreach (var kill in killers)
            {
                kill();
            }
        }
    }

    /// <summary>Kills the tree of a program that a killed lap left, by its pid file.</summary>
    /// <returns>Whether it was still alive: ask again until it is gone.</returns>
    public static bool EndLeftover(string pidFile)
    {
        if (!File.Exists(pidFile) || File.ReadAllText(pidFile).Split(' ') is not [var pidText, var ticksText, var boot]
            || !int.TryParse(pidText, out var pid) || !long.TryParse(ticksText, out var ticks)
            || (ProcessOwner.Current() with { Pid = pid, StartTicks = ticks, BootId = boot }).IsAlive() != true)
        {
            return false;
        }

        ProcessTree.Kill(pid);
        return true;
    }

    private static FaultException CannotStart(Command command, string cause, string mend, Exception? inner = null) => new(new Fault(
        command.FailsAs, $"cannot start `{command.Program}`: {cause}", $"in {command.Directory}", mend), inner);

    private static string StartMend(Command command) => command.Program.Contains('/')
        ? "check that the file exists here, is executable (chmod +x), begins with the right #! line and fits this machine"
        : $"install `{command.Program}`, or put its folder on PATH; for shell syntax write the command as one text, not as a list";

    private static FaultException LogFailed(Command command, Exception e) => new(new Fault(
        command.FailsAs, $"cannot write what `{command.Program}` prints: {e.Message}", command.LogFile ?? command.Directory,
        "free some disk space, or make the folder writable"), e);
}

/// <summary>A started program, on one operating system.</summary>
internal interface IRunningProgram : IDisposable
{
    int Pid { get; }

    Task<ProcessResult> WaitAsync(CancellationToken cancel);

    /// <summary>Kills the whole tree now. Safe at any time from any thread.</summary>
    void Kill();
}
