using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Laptime.EndToEnd.Harness;

/// <summary>The published program of this checkout, as `./lap` leaves it in .out/cli.</summary>
internal static class Lap
{
    private static readonly SemaphoreSlim Gate = new(1, 1);
    private static bool published;

    /// <summary>The folder that these tests were built from.</summary>
    public static string Root { get; } = FindRoot();

    public static string Program { get; } = Path.Combine(Root, ".out", "cli", "lap");

    /// <summary>`./test` publishes before it runs this program; started alone, the first test that needs lap does.</summary>
    public static async Task PublishedAsync(CancellationToken cancel)
    {
        await Gate.WaitAsync(cancel);
        try
        {
            if (!published && !File.Exists(Program))
            {
                var environment = LapProcess.CleanEnvironment();
                if (Environment.GetEnvironmentVariable("LAP_PUBLISH") is { } how)
                {
                    environment["LAP_PUBLISH"] = how;
                }

                var publish = LapProcess.Start(Path.Combine(Root, "lap"), ["version"], Root, environment);
                var result = await publish.ResultAsync(TimeSpan.FromMinutes(10), cancel);
                Assert.True(result.ExitCode == 0, result.ToString());
            }

            published = true;
        }
        finally
        {
            Gate.Release();
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Laptime.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("these tests run from a checkout");
        }

        return folder.FullName;
    }
}

/// <summary>What a run left: its exit code and both outputs, whole.</summary>
internal sealed record LapResult(string CommandLine, int ExitCode, string Out, string Error)
{
    /// <summary>Standard output as one JSON document; anything beside it fails here.</summary>
    public JsonObject Json => field ??= JsonNode.Parse(Out)?.AsObject() ?? throw new InvalidOperationException($"no document: {this}");

    /// <summary>Fails with everything that was printed unless the exit code is this one.</summary>
    public LapResult Exits(int code)
    {
        Assert.True(ExitCode == code, $"wanted exit code {code}\n{this}");
        return this;
    }

    public override string ToString() => $"{CommandLine}\nended with {ExitCode}\n--- stdout\n{Out}\n--- stderr\n{Error}";
}

/// <summary>A started program whose outputs are read to their ends. Bounded by whoever waits for it.</summary>
internal sealed class LapProcess : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder errors = new();
    private readonly string commandLine;

    private LapProcess(Process process, string commandLine) => (this.process, this.commandLine) = (process, commandLine);

    public int Pid => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>What it has printed to stderr up to now.</summary>
    public string ErrorSoFar
    {
        get
        {
            lock (errors)
            {
                return errors.ToString();
            }
        }
    }

    /// <summary>What people have in a fresh shell, and nothing of ours: no LAP_*, no CI, no colours.</summary>
    public static Dictionary<string, string> CleanEnvironment()
    {
        var environment = new Dictionary<string, string> { ["LANG"] = "C.UTF-8", ["TZ"] = "UTC" };
        foreach (var name in (string[])["PATH", "HOME", "USER", "DOTNET_ROOT", "TMPDIR", "SystemRoot"])
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                environment[name] = value;
            }
        }

        return environment;
    }

    public static LapProcess Start(string program, IReadOnlyList<string> arguments, string folder, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var started = new LapProcess(Process.Start(start)!, $"{Path.GetFileName(program)} {string.Join(' ', arguments)}");
        started.process.StandardInput.Close();
        started.process.OutputDataReceived += (_, line) => Append(started.output, line.Data);
        started.process.ErrorDataReceived += (_, line) => Append(started.errors, line.Data);
        started.process.BeginOutputReadLine();
        started.process.BeginErrorReadLine();
        return started;
    }

    /// <summary>Sends a signal by its number: 2 is Ctrl-C, 15 SIGTERM, 9 the end.</summary>
    public void Signal(int number) => UnixSignal.Send(Pid, number);

    /// <summary>Waits for the end of the program and of both outputs. At the bound it is killed, and the test fails with what it printed.</summary>
    public async Task<LapResult> ResultAsync(TimeSpan bound, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(bound);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"{commandLine} did not end within {bound.TotalSeconds:0} s\n--- stdout\n{Snapshot(output)}\n--- stderr\n{Snapshot(errors)}");
        }

        return new LapResult(commandLine, process.ExitCode, Snapshot(output), Snapshot(errors));
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        process.Dispose();
    }

    private static string Snapshot(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }
}
