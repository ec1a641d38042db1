using System.ComponentModel;
using System.Diagnostics;

namespace Laptime.Processes;

/// <summary>
/// A program on Windows, where there are no signals: both ends (deadline, cancellation) kill the tree at once. It has its own
/// process group, so Ctrl-C reaches lap first here too.
/// </summary>
internal sealed class WindowsProgram : IRunningProgram
{
    private static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(100);
    private readonly Process process;
    private readonly Command command;
    private readonly OutputCapture capture;
    private readonly TimeProvider clock;
    private readonly Lock gate = new();
    private readonly long started;
    private bool over;

    private WindowsProgram(Process process, Command command, OutputCapture capture, TimeProvider clock)
    {
        (this.process, this.command, this.capture, this.clock) = (process, command, capture, clock);
        started = clock.GetTimestamp();
    }

    public static WindowsProgram Start(Command command, OutputCapture capture, TimeProvider clock)
    {
        var start = new ProcessStartInfo(command.Program, command.Arguments)
        {
            WorkingDirectory = command.Directory,
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (OperatingSystem.IsWindows())
        {
            start.CreateNewProcessGroup = true;
        }

        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start) ?? throw new Win32Exception("no process was started");
        using (var input = process.StandardInput.BaseStream)
        {
            if (command.InputFile is { } file)
            {
                try
                {
                    using var content = File.OpenRead(file);
                    content.CopyTo(input);
                }
                catch (IOException)
                {
                    // It does not read its input: its exit code says what came of that.
                }
            }
        }

        return new WindowsProgram(process, command, capture, clock);
    }

    public int Pid => process.Id;

    public async Task<ProcessResult> WaitAsync(CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(command.Deadline ?? Timeout.InfiniteTimeSpan, clock);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        using var pipes = new CancellationTokenSource();
        Task[] readers =
        [
            ReadAsync(process.StandardOutput.BaseStream, isError: false, pipes.Token),
            ReadAsync(process.StandardError.BaseStream, isError: true, pipes.Token),
        ];
        try
        {
            var exit = process.WaitForExitAsync(end.Token);
            // A reader that fails (the listener, the log) ends the run.
            await await Task.WhenAny(exit, FirstFailureAsync(readers)).ConfigureAwait(false);
            await exit.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            Kill();
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            Kill();
            throw;
        }

        pipes.CancelAfter(Drain);
        await Task.WhenAll(readers).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        lock (gate)
        {
            over = true;
            capture.Finish();
        }

        return new ProcessResult
        {
            ExitCode = process.ExitCode, TimedOut = deadline.IsCancellationRequested,
            Elapsed = clock.GetElapsedTime(started), Tail = capture.Tail,
        };
    }

    public void Dispose() => process.Dispose();

    public void Kill()
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or NotSupportedException or AggregateException)
        {
            // It is gone already.
        }
    }

    private async Task ReadAsync(Stream stream, bool isError, CancellationToken cancel)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (await stream.ReadAsync(buffer, cancel).ConfigureAwait(false) is > 0 and var count)
            {
                lock (gate)
                {
                    if (over)
                    {
                        return;
                    }

                    capture.Push(isError, buffer.AsSpan(0, count));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // A descendant holds the pipe after the program's end; what the program printed has been read.
        }
    }

    /// <summary>Ends when all readers did, or as soon as one fails.</summary>
    private static async Task FirstFailureAsync(Task[] readers)
    {
        await foreach (var reader in Task.WhenEach(readers).ConfigureAwait(false))
        {
            await reader.ConfigureAwait(false);
        }
    }
}
