using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>Nothing to do on a real swarm: the short way says so, after reading what runs, and gives way whenever something that decides is another.</summary>
public sealed class SwarmNoOpTests
{
    [Fact]
    public async Task A_deploy_with_nothing_to_do_takes_the_short_way_and_writes_nothing_to_the_swarm()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine, "one.yml");
        ws.Write("laptime.yaml", Yaml("  swarm: { target: swarm, stack: one.yml }"));
        await ws.DeployAsync();
        await ShortAsync(ws);
        var versions = await VersionsAsync(engine, ws);
        var document = await DeployAsync(ws, isShort: true);
        Assert.Equal("unchanged", document.Outcome());
        Assert.Equal(["side", "web"], document["components"]!.AsArray().Select(c => (string)c!["name"]!).Order());
        Assert.Equal(versions, await VersionsAsync(engine, ws));

        // A variable that the stack asks for, by the environment and by .env.
        ws.Environment["FLAVOUR"] = "lemon";
        await ChangedAsync(ws, "a variable of the stack");
        ws.Environment.Remove("FLAVOUR");
        await ChangedAsync(ws, "the variable unset");
        ws.Write(".env", "FLAVOUR=mint\n");
        await ChangedAsync(ws, ".env appeared");
        ws.Write(".env", "FLAVOUR=basil\n");
        await ChangedAsync(ws, ".env has another value");

        // What somebody does by hand.
        await engine.DockerAsync("service", "rm", $"{Stack(ws, "one.yml")}_side");
        await ChangedAsync(ws, "a service removed by hand");
        await ws.JsonAsync(0, "down");
    }

    [Fact]
    public async Task A_compose_file_alone_takes_it_too()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine, "compose.yml");
        await ws.DeployAsync();
        await ShortAsync(ws);

        // It is told what is deployed, and why to a swarm, as in the full run.
        var said = (await ws.LapAsync("deploy")).Exits(0);
        Assert.Contains("unchanged", said.Out);
        Assert.DoesNotContain("interval", said.Out);
        Assert.Contains("no laptime.yaml, so compose.yml is deployed, to swarm:", said.Error);
        Assert.Empty((await ws.LapAsync("deploy", "-q")).Exits(0).Error);

        // An override file, one that compose prefers, a laptime.yaml: each decides from now on.
        ws.Write("compose.override.yml", "services: { web: { environment: { MORE: \"1\" } } }\n");
        await ChangedAsync(ws, "an override file");
        ws.Write("compose.override.yml", "services: { web: { environment: { MORE: \"2\" } } }\n");
        await ChangedAsync(ws, "another override");
        File.Delete(ws.At("compose.override.yml"));
        await ChangedAsync(ws, "the override is gone");
        ws.Write("compose.yaml", ws.Read("compose.yml").Replace("READY_AFTER: \"0\"", "READY_AFTER: \"0\", MORE: \"3\"", StringComparison.Ordinal));
        await ChangedAsync(ws, "a file that compose prefers");
        File.Delete(ws.At("compose.yaml"));
        await ChangedAsync(ws, "the preferred file is gone");
        await ws.JsonAsync(0, "down");
        ws.Write("laptime.yaml", Yaml("  local: { target: swarm, stack: compose.yml }"));
        await DeployAsync(ws, isShort: false);
        await ShortAsync(ws);
        File.Delete(ws.At("laptime.yaml"));
        await DeployAsync(ws, isShort: false);
        await ws.JsonAsync(0, "down");
    }

    [Fact]
    public async Task A_compose_file_for_a_swarm_takes_it_on_an_engine_without_one_until_that_manages_one()
    {
        await using var engine = await DockerEngine.OwnAsync();
        await using var ws = await OpenAsync(engine, "compose.yml");
        await ws.DeployAsync();
        await ShortAsync(ws);
        Assert.Contains("to docker: ", (await ws.LapAsync("deploy")).Exits(0).Error);
        await engine.SwarmAsync();
        var moved = await DeployAsync(ws, isShort: false);
        Assert.Equal("swarm", (string?)moved["target"]);
        Assert.Equal("reflected", moved.Outcome());
    }

    [Fact]
    public async Task Environments_deployed_in_turn_each_have_their_own_proof()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine, "one.yml", "two.yml");
        ws.Write("laptime.yaml", Yaml("  one: { target: swarm, stack: one.yml }\n  two: { target: swarm, stack: two.yml }"));
        await ws.DeployAsync();
        await ws.DeployAsync("--env", "two");
        await ShortAsync(ws);
        await ShortAsync(ws, "--env", "two");
        for (var turn = 0; turn < 2; turn++)
        {
            await DeployAsync(ws, isShort: true);
            await DeployAsync(ws, isShort: true, "--env", "two");
            await DeployAsync(ws, isShort: true, "--env", "one");
        }

        // What only one of them is made of is not missed because the other looked since (which finds nothing to do, but looks: the stacks of all are scanned together).
        ws.Edit("two.yml", "READY_AFTER: \"0\"", "READY_AFTER: \"0\", MORE: \"1\"");
        Assert.Equal("unchanged", (await DeployAsync(ws, isShort: false)).Outcome());
        await ShortAsync(ws);
        Assert.Equal("reflected", (await DeployAsync(ws, isShort: false, "--env", "two")).Outcome());
        await ShortAsync(ws, "--env", "two");
        await DeployAsync(ws, isShort: true);

        // What both are made of is seen by both.
        ws.Write("web/www/content", "other");
        Assert.Equal("reflected", (await DeployAsync(ws, isShort: false, "--env", "two")).Outcome());
        await ShortAsync(ws, "--env", "two");
        Assert.Equal("reflected", (await DeployAsync(ws, isShort: false)).Outcome());
        await ShortAsync(ws);
        await DeployAsync(ws, isShort: true, "--env", "two");
        await ws.JsonAsync(0, "down");
        await ws.JsonAsync(0, "down", "--env", "two");
    }

    /// <summary>The full run decides, does something, and then the short way stands again.</summary>
    private static async Task ChangedAsync(LapWorkspace ws, string what)
    {
        var document = await DeployAsync(ws, isShort: false);
        Assert.True(document.Outcome() == "reflected", $"{what}: {document}");
        await ShortAsync(ws);
    }

    /// <summary>Files written a moment ago are racy, and an update is under way until the engine has watched it: until then the full run looks.</summary>
    private static Task ShortAsync(LapWorkspace ws, params string[] arguments) =>
        ws.UntilAsync(async () => IsShort(ws, await ws.DeployAsync(arguments)), $"the short way stands {string.Join(' ', arguments)}");

    private static async Task<JsonObject> DeployAsync(LapWorkspace ws, bool isShort, params string[] arguments)
    {
        var document = await ws.DeployAsync(arguments);
        Assert.True(IsShort(ws, document) == isShort, $"the short way was {(isShort ? "not " : "")}taken: {document}");
        return document;
    }

    /// <summary>Only the short way writes the no-op log, and the full run folds it away.</summary>
    private static bool IsShort(LapWorkspace ws, JsonObject document) =>
        File.Exists(ws.At(".laptime/journal.noop")) && ws.Read(".laptime/journal.noop").Contains((string)document["id"]!, StringComparison.Ordinal);

    private static string Yaml(string environments) => $$"""
        version: 1
        name: noop
        components:
          web: { path: web, build: { image: { dockerfile: Dockerfile } } }
        environments:
        {{environments}}

        """;

    private static async Task<LapWorkspace> OpenAsync(DockerEngine engine, params string[] stacks)
    {
        var ws = await LapWorkspace.EmptyAsync();
        ws.Environment["DOCKER_HOST"] = engine.Host;
        ServiceImage.WriteFolder(ws.At("web"), "one");
        var side = await ServiceImage.LoadAsync(engine, "e2e/side:1", "side");
        foreach (var stack in stacks)
        {
            ws.Write(stack, $$"""
                name: noop{{Guid.NewGuid().ToString("N")[..8]}}
                services:
                  web:
                    build: web
                    stop_grace_period: 1s
                    environment: { READY_AFTER: "0", FLAVOUR: "${FLAVOUR:-none}" }
                    healthcheck: { test: [NONE] }
                    deploy: { update_config: { monitor: 500ms } }
                  side:
                    image: {{side}}
                    stop_grace_period: 1s
                    deploy: { update_config: { monitor: 500ms } }

                """);
        }

        return ws;
    }

    private static string Stack(LapWorkspace ws, string file) => ws.Read(file).Split('\n')[0]["name: ".Length..];

    private static async Task<string> VersionsAsync(DockerEngine engine, LapWorkspace ws)
    {
        var ids = (await engine.DockerAsync("service", "ls", "--quiet", "--filter", $"label=com.docker.stack.namespace={Stack(ws, "one.yml")}")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', (await Task.WhenAll(ids.Select(id => engine.DockerAsync("service", "inspect", "--format", "{{.Spec.Name}} {{.Version.Index}}", id)))).Order());
    }
}
