using System.Diagnostics;

namespace Laptime.Tests.Engines;

/// <summary>
/// A real Docker engine of this test program's own: nothing of the machine's is used or touched, and nothing is left behind, even when the
/// program is killed. Needs root and Debian's docker.io; where it cannot run, the test that asks for it is skipped aloud (see <see cref="Requirement"/>).
/// </summary>
internal sealed class DockerEngine : IAsyncDisposable
{
    private static readonly Lock SharedGate = new();
    private static Task<DockerEngine>? shared;
    private readonly SemaphoreSlim gate = new(1);
    private readonly Process? script;
    private Task<string>? swarm;

    private DockerEngine(string socket, string address, Process? script)
    {
        Socket = socket;
        Address = address;
        this.script = script;
    }

    /// <summary>Path of the Unix socket.</summary>
    public string Socket { get; }

    /// <summary>The same for <c>DOCKER_HOST</c>.</summary>
    public string Host => "unix://" + Socket;

    /// <summary>The loopback address that the swarm's manager listens at.</summary>
    public string Address { get; }

    /// <summary>
    /// The engine that all tests of the program share: name what you create after your test, and remove it. Started at the first call (0.1 to 0.3 s),
    /// ended after the last test. With <c>LAP_TEST_DOCKER_SOCKET</c> it is the engine that listens there.
    /// </summary>
    public static async Task<DockerEngine> SharedAsync()
    {
        Task<DockerEngine> start;
        lock (SharedGate)
        {
            start = shared ??= StartSharedAsync();
        }

        try
        {
            return await start;
        }
        catch (EngineException e)
        {
            Requirement.Missing("docker", e.Message);
            throw;
        }
    }

    /// <summary>The shared engine as a swarm manager (0.7 s at the first call).</summary>
    public static async Task<DockerEngine> SharedSwarmAsync()
    {
        var engine = await SharedAsync();
        await engine.SwarmAsync();
        return engine;
    }

    /// <summary>An engine for one test alone: to stop, crash or fill. Dispose it.</summary>
    public static async Task<DockerEngine> OwnAsync()
    {
        try
        {
            return await StartAsync();
        }
        catch (EngineException e)
        {
            Requirement.Missing("docker", e.Message);
            throw;
        }
    }

    /// <summary>Makes it a swarm manager, once.</summary>
    public async Task SwarmAsync()
    {
        try
        {
            Task<string> init;
            lock (SharedGate)
            {
                init = swarm ??= script is null ? DockerAsync("swarm", "init", "--advertise-addr", "127.0.0.1") : TellAsync("swarm");
            }

            await init;
        }
        catch (EngineException e) when (!e.Message.Contains("already part of a swarm", StringComparison.Ordinal))
        {
            Requirement.Missing("swarm", e.Message);
        }
        catch (EngineException)
        {
        }
    }

    /// <summary>Ends dockerd with SIGTERM and waits; its containers end too.</summary>
    public Task StopAsync() => TellAsync("stop");

    /// <summary>Ends dockerd with SIGKILL: a crash. Containers live on.</summary>
    public Task KillAsync() => TellAsync("kill");

    /// <summary>Starts dockerd again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, and returns when it answers.</summary>
    public Task StartAgainAsync() => TellAsync("start");

    /// <summary>Runs the docker program against this engine.</summary>
    /// <returns>What it printed on stdout, without the last line's end.</returns>
    /// <exception cref="EngineException">It ended with another code than 0: the command and what it printed on stderr.</exception>
    public async Task<string> DockerAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        return result.Code == 0 ? result.Output : throw new EngineException($"docker {string.Join(' ', arguments)}: {result.Error}");
    }

    /// <summary>The same where failure is what the test is about.</summary>
    public async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("docker", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["DOCKER_HOST"] = Host;
        start.Environment.Remove("DOCKER_CONTEXT");
        using var program = Process.Start(start)!;
        program.StandardInput.Close();
        var error = program.StandardError.ReadToEndAsync();
        var output = await program.StandardOutput.ReadToEndAsync();
        await program.WaitForExitAsync();
        return (program.ExitCode, output.TrimEnd('\n'), (await error).TrimEnd('\n'));
    }

    public async ValueTask DisposeAsync()
    {
        if (script is not null)
        {
            script.StandardInput.Close();
            await script.WaitForExitAsync();
            script.Dispose();
        }

        gate.Dispose();
    }

    private static async Task<DockerEngine> StartSharedAsync()
    {
        if (Environment.GetEnvironmentVariable("LAP_TEST_DOCKER_SOCKET") is { Length: > 0 } given)
        {
            return new DockerEngine(given, "127.0.0.1", script: null);
        }

        return SharedServers.Add(await StartAsync());
    }

    private static async Task<DockerEngine> StartAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new EngineException("it needs Linux");
        }

        var folder = Path.Combine(Path.GetTempPath(), "laptime-engine-" + Path.GetRandomFileName());
        var script = Process.Start(new ProcessStartInfo("bash", [Path.Combine(AppContext.BaseDirectory, "engine.sh"), folder])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = Path.GetTempPath(),
        })!;
        var engine = new DockerEngine(Path.Combine(folder, "docker.sock"), "", script);
        try
        {
            var said = await engine.TellAsync("start");
            return new DockerEngine(engine.Socket, said.Split(' ')[^1], script);
        }
        catch (EngineException)
        {
            await engine.DisposeAsync();
            throw;
        }
    }

    private async Task<string> TellAsync(string command)
    {
        if (script is null)
        {
            throw new EngineException($"the engine was given by LAP_TEST_DOCKER_SOCKET: it is not ours to {command}");
        }

        await gate.WaitAsync();
        try
        {
            await script.StandardInput.WriteLineAsync(command);
            await script.StandardInput.FlushAsync();
            var said = await script.StandardOutput.ReadLineAsync() ?? "failed engine.sh ended";
            return said.StartsWith("ok", StringComparison.Ordinal) ? said : throw new EngineException(said.Replace("failed ", "", StringComparison.Ordinal));
        }
        catch (IOException e)
        {
            throw new EngineException("engine.sh ended: " + e.Message);
        }
        finally
        {
            gate.Release();
        }
    }
}

/// <summary>The engine or the docker program refused.</summary>
internal sealed class EngineException(string message) : Exception(message);
