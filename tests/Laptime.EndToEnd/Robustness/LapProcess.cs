using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Laptime.EndToEnd.Robustness;

/// <summary>How a lap ended.</summary>
internal sealed record Ran(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit {ExitCode}\n--- stdout\n{Output}\n--- stderr\n{Error}";
}

/// <summary>One running lap: the published binary, as users run it.</summary>
internal sealed class LapProcess : IDisposable
{
    private const int Interrupt = 2;
    private const int Terminate = 15;
    private const int KillNow = 9;

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();
    private readonly List<string> errorLines = [];
    private readonly Task read;

    private LapProcess(Process process)
    {
        this.process = process;
        Pid = process.Id;
        read = Task.WhenAll(ReadAsync(process.StandardOutput, output, null), ReadAsync(process.StandardError, error, errorLines));
    }

    /// <summary>Published once per run of the tests, by the checkout's own script.</summary>
    public static string Binary { get; } = Publish();

    /// <summary>Built beside these tests.</summary>
    public static string FakeTool { get; } = AppContext.BaseDirectory.Replace("/Laptime.EndToEnd/", "/FakeTool/", StringComparison.Ordinal) + "faketool";

    public int Pid { get; }

    public static LapProcess Start(Scene scene, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Binary, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var inherited in start.Environment.Keys.Where(k => k.StartsWith("LAP_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        foreach (var (name, value) in scene.Environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["SCENE_NAME"] = scene.Name;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new LapProcess(process);
    }

    /// <summary>Waits until a line with this text stands on stderr, or lap has ended.</summary>
    /// <returns>Whether the line came.</returns>
    public async Task<bool> SaysAsync(string text, int times = 1)
    {
        while (true)
        {
            var over = read.IsCompleted;
            lock (error)
            {
                if (errorLines.Count(l => l.Contains(text, StringComparison.Ordinal)) >= times)
                {
                    return true;
                }
            }

            if (over)
            {
                return false;
            }

            await Task.Delay(2);
        }
    }

    /// <summary>Ctrl-C.</summary>
    public void InterruptNow() => _ = Signal(Pid, Interrupt);

    /// <summary>SIGTERM.</summary>
    public void TerminateNow() => _ = Signal(Pid, Terminate);

    /// <summary>kill -9.</summary>
    public void Kill() => _ = Signal(Pid, KillNow);

    public async Task<Ran> EndAsync()
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            await process.WaitForExitAsync(bound.Token);
            await read.WaitAsync(bound.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"lap did not end within three minutes\n{new Ran(-1, output.ToString(), error.ToString())}");
        }

        using (this)
        {
            lock (error)
            {
                return new Ran(process.ExitCode, output.ToString(), error.ToString());
            }
        }
    }

    public void Dispose() => process.Dispose();

    internal static string Checkout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Laptime.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("these tests run from a checkout");
        }

        return folder.FullName;
    }

    private async Task ReadAsync(StreamReader from, StringBuilder all, List<string>? lines)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            lock (error)
            {
                all.Append(line).Append('\n');
                lines?.Add(line);
            }
        }
    }

    private static string Publish()
    {
        var root = Checkout();
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(root, "lap"), ["version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? Path.Combine(root, ".out", "cli", "lap") : throw new InvalidOperationException(said);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int pid, int signal);
}
