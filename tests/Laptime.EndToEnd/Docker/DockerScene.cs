using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd.Docker;

/// <summary>A workspace whose one environment is Docker on a real engine: `web`, an image that lap itself makes FROM scratch. What it leaves in the engine is removed at the end.</summary>
internal sealed class DockerScene : IAsyncDisposable
{
    private readonly bool ownsEngine;

    private DockerScene(LapWorkspace workspace, DockerEngine engine, bool ownsEngine, string name, int port)
    {
        this.ownsEngine = ownsEngine;
        (Workspace, Engine, Name, Port) = (workspace, engine, name, port);
    }

    public LapWorkspace Workspace { get; }

    public DockerEngine Engine { get; }

    /// <summary>Of the workspace: its containers are found by it.</summary>
    public string Name { get; }

    public int Port { get; }

    /// <param name="own">An engine that the test may stop and kill.</param>
    /// <param name="ready">Bound of the ready probe.</param>
    public static async Task<DockerScene> WebAsync(bool own = false, string ready = "30s", string more = "")
    {
        var engine = own ? await DockerEngine.OwnAsync() : await DockerEngine.SharedAsync();
        var workspace = await LapWorkspace.EmptyAsync();
        var scene = new DockerScene(workspace, engine, own, "e2e" + Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal), Ports.Free());
        workspace.Environment["DOCKER_HOST"] = engine.Host;
        workspace.Environment.Remove("DOCKER_CONTEXT");
        ServiceImage.WriteFolder(workspace.At("web"), "one");
        Directory.CreateDirectory(workspace.At("web/bin"));
        File.Move(workspace.At("web/busybox"), workspace.At("web/bin/busybox"));
        File.Delete(workspace.At("web/Dockerfile"));
        foreach (var program in (string[])["sh", "httpd", "cp", "mkdir", "sleep", "cat", "echo", "kill", "wget"])
        {
            File.CreateSymbolicLink(workspace.At("web/bin/" + program), "busybox");
        }

        workspace.Write("laptime.yaml", $$"""
            version: 1
            name: {{scene.Name}}
            components:
              web:
                path: web
                build: { image: { base: scratch, workdir: /, command: [/serve], env: { PATH: /bin }, port: 8080 } }
                run: { port: {{scene.Port}}, drain: 1s, stop-grace: 2s, env: { MODE: fine } }
                probes:
                  ready: { http: /health, timeout: {{ready}} }
                  reflect: { http: /version }
            {{more}}
            environments:
              docker: { target: docker }

            """);
        return scene;
    }

    public void Content(string text) => Workspace.Write("web/www/content", text);

    /// <summary>Gives the container another variable of <see cref="ServiceImage"/>.</summary>
    public void Variable(string old, string with) => Workspace.Edit("laptime.yaml", old, with);

    public async Task<string> GetAsync(string path) => (await Workspace.GetAsync(Port, path)).Body.Trim();

    public Task<JsonObject> DeployAsync(params string[] arguments) => Workspace.DeployAsync(arguments);

    /// <summary>Names of this workspace's containers.</summary>
    public async Task<IReadOnlyList<string>> ContainersAsync() =>
        (await Engine.DockerAsync("ps", "--all", "--filter", $"label=laptime.workspace={Name}", "--format", "{{.Names}}")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Everything that the engine did to this workspace's containers since a time.</summary>
    public async Task<IReadOnlyList<string>> EventsAsync(DateTimeOffset since) =>
        (await Engine.DockerAsync(
            "events", "--since", $"{since.ToUnixTimeMilliseconds() / 1000.0:0.000}", "--until", $"{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0:0.000}",
            "--filter", $"label=laptime.workspace={Name}", "--format", "{{.Type}} {{.Action}}")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Asks until it holds; at the bound the test fails.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(1), $"never happened: {what}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var container in await ContainersAsync())
            {
                await Engine.RunAsync("rm", "--force", container);
            }

            foreach (var image in (await Engine.DockerAsync("images", "--filter", $"reference=laptime/{Name}/*", "--format", "{{.Repository}}:{{.Tag}}")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                await Engine.RunAsync("rmi", image);
            }
        }
        catch (EngineException)
        {
            // The test has ended the engine.
        }

        await Workspace.DisposeAsync();
        if (ownsEngine)
        {
            await Engine.DisposeAsync();
        }
    }
}
