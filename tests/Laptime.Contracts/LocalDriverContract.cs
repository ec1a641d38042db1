using Laptime.Processes;
using Laptime.Recipes;
using Laptime.Recipes.Local;
using Laptime.Targets.Local;

namespace Laptime.Contracts;

/// <summary>Recipes as processes under a real agent, brought up by the real command line.</summary>
public sealed class LocalDriverContract : RecipeDriverContract, IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("lap recipe-").FullName;
    private readonly ProcessRunner runner = new(TimeProvider.System);
    private RecipeDriver? last;

    protected override string Service => "app";

    protected override string Volume => "data";

    protected override PlacedVersion Old => Version("1.0.0", "one");

    protected override PlacedVersion New => Version("1.1.0", "two");

    protected override PlacedVersion Dying => Version("1.2.0", "three", "echo the last words; exit 3");

    protected override string LastWords => "the last words";

    protected override IReadOnlyList<string> PrintVariable => ["printenv", "GREETING"];

    protected override string VariableValue => "hello";

    private Placement Placement => new()
    {
        Id = "lt-app-1", Folder = Directory.CreateDirectory(Path.Combine(folder, "deployments", "lt-app-1")).FullName, Lane = Lane.Fast,
        Recipe = new Recipe
        {
            Name = "app", Kind = RecipeKind.Workspace, Root = folder, Home = folder, Head = new RecipeVersion("1.1.0", null, false), Published = [],
            Settings = new RecipeSettings { Volumes = new Dictionary<string, string> { ["data"] = "DATA" }, Env = new Dictionary<string, string> { ["GREETING"] = "hello" } },
        },
    };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (last is not null)
        {
            await last.RemoveAsync(force: true, CancellationToken.None);
        }

        Directory.Delete(folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected override Task<RecipeDriver> OpenAsync()
    {
        Environment.SetEnvironmentVariable(AgentLauncher.PathVariable, Targets.LocalTargetContract.Sibling("tests", "Laptime.Contracts", "src", "Laptime.Agent", "lap-agent"));
        return Task.FromResult(last = new LocalDriver(Placement, Lap, Cli.Commands.Session.Version, runner, TimeProvider.System));
    }

    protected override async Task ChangeBehindAsync()
    {
        var work = Path.Combine(Placement.Folder, "work");
        var ports = System.Text.Json.JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(Placement.Folder, "deployment.json"), Cancel)).RootElement.GetProperty("ports").GetProperty("app").GetInt32();
        await File.AppendAllTextAsync(Path.Combine(work, "app.py"), "# by somebody else\n", Cancel);
        var ended = await runner.RunAsync(
            Lap(["deploy"], work) with { Environment = new Dictionary<string, string?> { ["LAP_PORTS"] = $"app={ports}", ["DATA"] = Path.Combine(Placement.Folder, "volumes", "data") } }, null, Cancel);
        Assert.True(ended.Succeeded, string.Join('\n', ended.Tail));
    }

    /// <summary>The command line as it was built beside the tests, with the agent that was built with it.</summary>
    private static Command Lap(IReadOnlyList<string> arguments, string folder) => new()
    {
        Program = Environment.ProcessPath is { } own && Path.GetFileNameWithoutExtension(own) == "dotnet" ? own : "dotnet",
        Arguments = [Path.Combine(AppContext.BaseDirectory, "lap.dll"), .. arguments], Directory = folder,
    };

    private PlacedVersion Version(string text, string word, string? instead = null)
    {
        var checkout = Path.Combine(folder, "versions", text);
        Directory.CreateDirectory(checkout);
        File.WriteAllText(Path.Combine(checkout, "app.py"), $$"""
            import http.server, sys
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200); self.end_headers(); self.wfile.write(b"{{word}}")
            print("up", flush=True)
            http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
            """);
        File.WriteAllText(Path.Combine(checkout, "laptime.yaml"), $$"""
            version: 1
            name: app
            components:
              app:
                path: .
                inputs: [app.py]
                run: { command: {{(instead is null ? "[python3, app.py, \"${port}\"]" : $"\"{instead}\"")}}, port: 8080 }
                probes: { ready: { http: /, timeout: 20s } }
            """);
        return new PlacedVersion(new RecipeVersion(text, null, IsPublished: true), checkout, IsBase: text == "1.0.0");
    }
}
