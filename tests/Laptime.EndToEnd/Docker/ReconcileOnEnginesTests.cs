using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd.Docker;

/// <summary>`depends_on: { api: { restart: true } }` of a compose file, on one real engine and on a real swarm: who depends is restarted when what it depends on is another.</summary>
public sealed class ReconcileOnEnginesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("swarm")]
    [InlineData("docker")]
    public async Task A_dependent_is_restarted_once_also_after_a_kill(string target)
    {
        var engine = target == "swarm" ? await DockerEngine.SharedSwarmAsync() : await DockerEngine.SharedAsync();
        await using var ws = await OpenAsync(engine, target);
        var first = (await ws.DeployAsync()).Valid();
        Assert.Equal((target, 2), (first.Text("target"), first.Count("deploys")));
        (await ws.DeployAsync()).IsUnchanged();
        var before = await ContainerAsync(engine, ws, "web");

        ws.Write("api/www/content", "two");
        var document = (await ws.DeployAsync()).Valid();
        Assert.Equal(("build+rollout inputs-changed", "reconcile dependency-changed"), (document.What("api"), document.What("web")));
        Assert.Equal((2, 1, 1), (document.Count("deploys"), document.Count("rollouts"), document.Count("reconciled")));
        Assert.Equal(("pass", "pass"), (document.Signal("web", "live"), document.Signal("web", "reflected")));
        var restarted = await ContainerAsync(engine, ws, "web");
        Assert.NotEqual(before, restarted);
        (await ws.DeployAsync()).IsUnchanged();
        Assert.Equal(restarted, await ContainerAsync(engine, ws, "web"));

        // Killed when api is new and web about to be restarted.
        ws.Write("api/www/content", "three");
        var killed = ws.Start("deploy", "--progress", "json");
        await ws.UntilAsync(() => killed.HasExited || killed.ErrorSoFar.Contains("\"name\":\"reconcile\"", StringComparison.Ordinal), "the restart begins");
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromSeconds(30), Cancel);
        var healed = (await ws.DeployAsync()).Valid();
        Assert.Equal("skip unchanged", healed.What("api"));
        Assert.NotEqual(restarted, await ContainerAsync(engine, ws, "web"));
        Assert.InRange(healed.Count("deploys"), 0, 1);
        (await ws.DeployAsync()).IsUnchanged();
        await ws.JsonAsync(0, "down");
    }

    private static async Task<LapWorkspace> OpenAsync(DockerEngine engine, string target)
    {
        var ws = await LapWorkspace.EmptyAsync();
        ws.Environment["DOCKER_HOST"] = engine.Host;
        ServiceImage.WriteFolder(ws.At("web"), "web");
        ServiceImage.WriteFolder(ws.At("api"), "one");
        var swarm = target == "swarm";
        var service = $"stop_grace_period: 1s\n    healthcheck: {{ test: [NONE] }}{(swarm ? "\n    deploy: { update_config: { monitor: 500ms } }" : "")}";
        var port = swarm ? $"{{ target: 8080, published: {Ports.Free()}, mode: host }}" : $"\"127.0.0.1:{Ports.Free()}:8080\"";
        ws.Write("compose.yml", $$"""
            name: rec{{Guid.NewGuid().ToString("N")[..8]}}
            services:
              web:
                build: web
                {{service}}
                depends_on: { api: { condition: service_started, restart: true } }
                ports: [ {{port}} ]
              api:
                build: api
                {{service}}

            """);
        return ws;
    }

    /// <summary>Of the component, the one that runs.</summary>
    private static async Task<string> ContainerAsync(DockerEngine engine, LapWorkspace ws, string component)
    {
        var name = ws.Read("compose.yml").Split('\n')[0]["name: ".Length..];
        return (await engine.DockerAsync("ps", "--quiet", "--no-trunc", "--filter", $"label=laptime.workspace={name}", "--filter", $"label=laptime.component={component}")).Trim();
    }
}
