using System.Globalization;
using System.Text.Json.Nodes;

namespace Laptime.EndToEnd.Harness;

/// <summary>
/// A temporary workspace in which the real lap runs. At the end everything it started is stopped: by lap itself, and what lap left by its pid.
/// </summary>
internal sealed class LapWorkspace : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);
    private static readonly HttpClient Http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, AllowAutoRedirect = false, UseProxy = false })
    {
        Timeout = TimeSpan.FromSeconds(30),
    };

    private readonly string above;
    private readonly List<LapProcess> started = [];

    private LapWorkspace(string above) => this.above = above;

    /// <summary>The workspace: the folder that laptime.yaml is in.</summary>
    public string Root => Path.Combine(above, "ws");

    /// <summary>Beside the workspace: what steps and instances write without touching it.</summary>
    public string Beside => Path.Combine(above, "beside");

    /// <summary>Environment of every run; tests add to it.</summary>
    public Dictionary<string, string> Environment { get; } = LapProcess.CleanEnvironment();

    public CancellationToken Cancel { get; } = TestContext.Current.CancellationToken;

    /// <summary>An empty folder, with lap published.</summary>
    public static async Task<LapWorkspace> EmptyAsync()
    {
        await Lap.PublishedAsync(TestContext.Current.CancellationToken);
        var workspace = new LapWorkspace(Directory.CreateTempSubdirectory("lap-e2e-").FullName);
        Directory.CreateDirectory(workspace.Root);
        Directory.CreateDirectory(workspace.Beside);
        return workspace;
    }

    /// <summary>A workspace named `little` with these components (<see cref="LittleServer.Yaml"/>), and the files of each.</summary>
    public static async Task<LapWorkspace> OfAsync(string components, string rest = "")
    {
        var workspace = await EmptyAsync();
        workspace.Write("laptime.yaml", $"version: 1\nname: little\ncomponents:\n{components}\n{rest}\n");
        foreach (var line in components.Split('\n').Where(l => l.Trim().StartsWith("path: src/", StringComparison.Ordinal)))
        {
            var folder = line.Trim()["path: ".Length..];
            workspace.Write($"{folder}/server.py", LittleServer.Script());
            workspace.Write($"{folder}/text.txt", $"first text of {Path.GetFileName(folder)}");
        }

        return workspace;
    }

    /// <summary>One component, `web`, on a free port.</summary>
    public static async Task<(LapWorkspace Workspace, int Port)> OneAsync(string? more = null, string? step = null, string? probes = null, string? run = null, string rest = "", string? steps = null)
    {
        var port = Ports.Free();
        return (await OfAsync(LittleServer.Yaml("web", port, more, step, probes, run, steps), rest), port);
    }

    public string At(string path) => Path.Combine(Root, path);

    public string Read(string path) => File.ReadAllText(At(path));

    /// <summary>Writes a file, with the folders above it.</summary>
    public void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), content);
    }

    /// <summary>Replaces a text that must be there.</summary>
    public void Edit(string path, string old, string with)
    {
        var before = Read(path);
        Assert.Contains(old, before, StringComparison.Ordinal);
        Write(path, before.Replace(old, with, StringComparison.Ordinal));
    }

    /// <summary>Starts lap and leaves it running: for signals, and for two at once.</summary>
    public LapProcess Start(params string[] arguments)
    {
        var process = LapProcess.Start(Lap.Program, arguments, Root, Environment);
        started.Add(process);
        return process;
    }

    /// <summary>Runs lap in the workspace to its end.</summary>
    public Task<LapResult> LapAsync(params string[] arguments) => Start(arguments).ResultAsync(Bound, Cancel);

    /// <summary>Runs it with `-o json`, asserts the exit code, and gives the document.</summary>
    public async Task<JsonObject> JsonAsync(int exitCode, params string[] arguments) => (await LapAsync([.. arguments, "-o", "json"])).Exits(exitCode).Json;

    /// <summary>`lap deploy -o json` that must end well.</summary>
    public Task<JsonObject> DeployAsync(params string[] arguments) => JsonAsync(0, ["deploy", .. arguments]);

    /// <summary>Runs another program in the workspace; it must end with 0.</summary>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        var process = LapProcess.Start(program, arguments, Root, Environment);
        started.Add(process);
        return (await process.ResultAsync(Bound, Cancel)).Exits(0).Out;
    }

    /// <summary>A git repository of everything in the workspace, one commit, with an identity and no hooks of the machine's.</summary>
    public async Task GitAsync(params string[] arguments) =>
        await RunAsync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", .. arguments]);

    /// <summary>What users get at a port.</summary>
    public async Task<(int Status, string Body)> GetAsync(int port, string path = "/")
    {
        using var answer = await Http.GetAsync(new Uri($"http://127.0.0.1:{port}{path}"), Cancel);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    /// <summary>Waits until something holds, asking again and again; at the bound the test fails.</summary>
    public async Task UntilAsync(Func<bool> holds, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Bound, $"never happened: {what}");
            await Task.Delay(5, Cancel);
        }
    }

    /// <inheritdoc cref="UntilAsync(Func{bool}, string)"/>
    public async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Bound, $"never happened: {what}");
            await Task.Delay(20, Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in started)
        {
            process.Dispose();
        }

        if (Directory.Exists(At(".laptime/run")) && File.Exists(Lap.Program))
        {
            using var stop = LapProcess.Start(Lap.Program, ["agent", "stop", "--instances", "-f", At("laptime.yaml")], above, LapProcess.CleanEnvironment());
            try
            {
                await stop.ResultAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
            }
            catch (Exception)
            {
                // Whatever it was, what is left is ended below by pid.
            }
        }

        foreach (var pid in Leftovers())
        {
            UnixSignal.Send(pid, UnixSignal.Kill);
        }

        await RemoveAsync();
    }

    /// <summary>Processes that work in this workspace's folders: instances, agents, steps.</summary>
    public IReadOnlyList<int> Leftovers()
    {
        var found = new List<int>();
        if (!OperatingSystem.IsLinux())
        {
            return found;
        }

        foreach (var entry in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(entry), CultureInfo.InvariantCulture, out var pid) || pid == System.Environment.ProcessId)
            {
                continue;
            }

            try
            {
                if (File.ResolveLinkTarget(Path.Combine(entry, "cwd"), returnFinalTarget: false)?.FullName is { } folder
                    && folder.StartsWith(above + "/", StringComparison.Ordinal))
                {
                    found.Add(pid);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Gone meanwhile, or somebody else's.
            }
        }

        return found;
    }

    private async Task RemoveAsync()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                Directory.Delete(above, recursive: true);
                return;
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (IOException) when (attempt < 200)
            {
                // A process that was just killed may still write its last line.
                await Task.Delay(10, CancellationToken.None);
            }
        }
    }
}
