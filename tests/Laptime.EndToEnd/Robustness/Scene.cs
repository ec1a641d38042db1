using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Laptime.EndToEnd.Robustness;

/// <summary>
/// A temporary workspace, whatever lap does in it, and the proof at the end that nothing of it is left: every process that a scene starts carries its name
/// in the environment.
/// </summary>
internal sealed class Scene : IAsyncDisposable
{
    /// <summary>Copies its one file, serves with the FakeTool. {0}: what the step does before it copies; {1}: the front port; {2}: the ready probe.</summary>
    private const string OneComponent = """
        version: 1
        name: scene
        components:
          web:
            path: web
            build:
              steps: [ { name: copy, kind: compile, run: "BEFORE mkdir -p out && cp page.txt out/" } ]
              outputs: ["out/**"]
            run: { command: ["FAKETOOL", serve], port: PORT, drain: 2s, stop-grace: 3s }
            probes:
              ready:   READY
              reflect: { http: /version, contains: "${revision}", poll: 5ms }
        environments:
          local: { target: process, loop: fast }
        """;

    private readonly string outer;

    /// <param name="folder">Name of the workspace's folder below a temporary one.</param>
    public Scene(string folder = "ws")
    {
        outer = Directory.CreateTempSubdirectory("lap-scene-").FullName;
        Root = Path.Combine(outer, folder);
        Directory.CreateDirectory(Root);
    }

    public string Root { get; }

    /// <summary>Beside the workspace: gates and such, which are no inputs.</summary>
    public string Aside(string name) => Path.Combine(outer, name);

    public string Name { get; } = $"scene-{Guid.NewGuid():N}";

    public int Front { get; } = FreePort();

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(20) };

    /// <summary>Set for every lap of the scene.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>The workspace of one component, web, whose build copies web/page.txt.</summary>
    /// <param name="before">What its step does first, with its own <c>;</c> or <c>&amp;&amp;</c>.</param>
    public static Scene Web(string before = "", string ready = "{ http: /health, poll: 5ms, timeout: 30s }", string folder = "ws")
    {
        var scene = new Scene(folder);
        scene.Write("web/page.txt", "one");
        scene.Write("laptime.yaml", OneComponent.Replace("BEFORE", before.Replace("ASIDE", scene.outer)).Replace("FAKETOOL", LapProcess.FakeTool).Replace("PORT", $"{scene.Front}")
            .Replace("READY", ready.Replace("ASIDE", scene.outer)));
        return scene;
    }

    public string At(string path) => Path.Combine(Root, path);

    public string Write(string path, string text)
    {
        var full = At(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        return full;
    }

    public void Replace(string path, string before, string after)
    {
        var text = File.ReadAllText(At(path));
        Assert.Contains(before, text);
        File.WriteAllText(At(path), text.Replace(before, after));
    }

    /// <summary>Starts lap in the workspace.</summary>
    public LapProcess Start(params string[] arguments) => LapProcess.Start(this, Root, arguments);

    /// <summary>Runs lap in the workspace to its end.</summary>
    public Task<Ran> LapAsync(params string[] arguments) => Start(arguments).EndAsync();

    /// <summary>Runs `lap deploy -o json`, which must end with this code.</summary>
    public async Task<JsonElement> DeployAsync(int exitCode = 0, params string[] arguments)
    {
        var ran = await LapAsync(["deploy", "-o", "json", .. arguments]);
        Assert.True(ran.ExitCode == exitCode, $"exit {ran.ExitCode}, not {exitCode}\n{ran}");
        return JsonDocument.Parse(ran.Output).RootElement;
    }

    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var ran = await LapAsync([.. arguments, "-o", "json"]);
        Assert.True(ran.ExitCode == 0, ran.ToString());
        return JsonDocument.Parse(ran.Output).RootElement;
    }

    public Task<string> GetAsync(string path) => Http.GetStringAsync($"http://127.0.0.1:{Front}{path}");

    /// <summary>Pid of the process that answers at the front.</summary>
    public async Task<int> ServingPidAsync() => int.Parse(await GetAsync("/pid"));

    public int AgentPid => JsonDocument.Parse(File.ReadAllText(At(".laptime/run/agent.json"))).RootElement.GetProperty("pid").GetInt32();

    /// <summary>Every process of the scene that lives.</summary>
    public IReadOnlyList<Living> Processes() => Living.Carrying($"SCENE_NAME={Name}");

    /// <summary>Waits, bounded, for what another process does.</summary>
    public static async Task UntilAsync(Func<bool> holds, string what) => await UntilAsync(() => Task.FromResult(holds()), what);

    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60), $"within a minute: {what}");
            await Task.Delay(10);
        }
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Stops what the workspace runs, as a user would, and sees that it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        var stopped = Directory.Exists(Root) ? await LapAsync("agent", "stop", "--instances") : null;

        IReadOnlyList<Living> left = [];
        try
        {
            await UntilAsync(() => (left = Processes()).Count == 0, "nothing of the scene is left");
        }
        finally
        {
            foreach (var one in left)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"left: {one}; {stopped}");
                one.Kill();
            }

            Directory.Delete(outer, recursive: true);
        }
    }
}
