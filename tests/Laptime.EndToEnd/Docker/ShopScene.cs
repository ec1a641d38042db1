using System.Globalization;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd.Docker;

/// <summary>
/// A copy of examples/shop, as it is published with lap, on an engine and a swarm of its own. Only ports and waits are others, so that it can be beside others and a class of tests is
/// quick. Made once for the tests of a class: each begins with <see cref="SteadyAsync"/>.
/// </summary>
public sealed class ShopScene : IAsyncLifetime
{
    /// <summary>Of the catalog's probe for readiness; as the file of the scene says.</summary>
    internal const double ReadyBound = 3;

    internal const double ReadyPoll = 0.4;

    private DockerEngine? engine;
    private LapWorkspace? workspace;

    internal DockerEngine Engine => engine!;

    internal LapWorkspace Workspace => workspace!;

    internal int Port { get; private set; }

    public async ValueTask InitializeAsync()
    {
        engine = await DockerEngine.OwnAsync();
        await engine.SwarmAsync();
        workspace = await LapWorkspace.EmptyAsync();
        workspace.Environment["DOCKER_HOST"] = engine.Host;
        workspace.Environment.Remove("DOCKER_CONTEXT");
        var source = Path.Combine(Lap.Root, ".out", "cli", "demo", "shop");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            workspace.Write(Path.GetRelativePath(source, file), await File.ReadAllTextAsync(file));
        }

        foreach (var port in (string[])["18080", "18081", "18082"])
        {
            var free = Ports.Free();
            Port = port == "18080" ? free : Port;
            workspace.Edit("laptime.yaml", port, free.ToString(CultureInfo.InvariantCulture));
        }

        workspace.Edit("swarm.yml", "18080", Port.ToString(CultureInfo.InvariantCulture));
        // The engine counts a service's version up while it watches an update: for half a second instead of five.
        // And it waits five before it starts a task again that has ended.
        workspace.Edit("swarm.yml", "order: start-first", "order: start-first, monitor: 500ms");
        workspace.Edit("swarm.yml", "monitor: 500ms }", "monitor: 500ms }, restart_policy: { delay: 500ms }");
        workspace.Edit("swarm.yml", "    ports: [", "    deploy: { restart_policy: { delay: 500ms } }\n    ports: [");
        // The gateway keeps connections open: what is open when dockerd is killed holds a task's address for some seconds instead of two minutes (lap waits for it, and says so).
        workspace.Write("swarm.yml", workspace.Read("swarm.yml").Replace("    stop_grace_period: 3s\n", "    stop_grace_period: 3s\n    sysctls: [ net.ipv4.tcp_orphan_retries=4 ]\n", StringComparison.Ordinal));
        var catalog = workspace.Read("laptime.yaml").IndexOf("  catalog:", StringComparison.Ordinal);
        var before = workspace.Read("laptime.yaml");
        var bound = string.Create(CultureInfo.InvariantCulture, $"timeout: {ReadyBound}s, poll: {ReadyPoll * 1000}ms");
        workspace.Write("laptime.yaml", before[..catalog] + Replaced(before[catalog..], "timeout: 30s", bound));
    }

    /// <summary>`lap deploy --env swarm -o json` with this exit code.</summary>
    internal Task<JsonObject> DeployAsync(int exitCode = 0, params string[] arguments) => Workspace.JsonAsync(exitCode, ["deploy", "--env", "swarm", .. arguments]);

    /// <summary>Starts `lap deploy`, which tells its segments on stderr as they end.</summary>
    internal LapProcess Start(params string[] arguments) => Workspace.Start(["deploy", "--env", "swarm", "-o", "json", "--progress", "plain", .. arguments]);

    /// <summary>Waits until a running deploy of the catalog has told the swarm of it, and its new task is not asked yet.</summary>
    internal async Task AppliedAsync(LapProcess deploying)
    {
        await Workspace.UntilAsync(() => deploying.HasExited || deploying.ErrorSoFar.Contains("[catalog] rollout/apply", StringComparison.Ordinal), "the catalog's service is updated");
        Assert.False(deploying.HasExited, deploying.ErrorSoFar);
    }

    /// <summary>The shop as its files are, deployed and at rest, whatever the test before left.</summary>
    internal async Task SteadyAsync()
    {
        await DeployAsync();
        await RestAsync();
    }

    /// <summary>Takes the stack away by Docker's own means; its volume and the network stay.</summary>
    internal async Task RemovedAsync()
    {
        if (Lines(await Engine.DockerAsync("service", "ls", "--quiet")) is { Count: > 0 } services)
        {
            await Engine.DockerAsync(["service", "rm", .. services]);
            await RestAsync();
        }
    }

    /// <summary>Gives the catalog another product, which users see through the storefront.</summary>
    internal void Sell(string product)
    {
        var lines = Workspace.Read("src/catalog/Program.cs").Split('\n');
        var at = Array.FindIndex(lines, l => l.Contains("new(2, ", StringComparison.Ordinal));
        lines[at] = $"    new(2, \"{product}\", 350),";
        Workspace.Write("src/catalog/Program.cs", string.Join('\n', lines));
    }

    /// <summary>What users see: the storefront asks the gateway, which asks the catalog.</summary>
    internal async Task<string> SeenAsync()
    {
        var (status, body) = await Workspace.GetAsync(Port, "/api/products");
        Assert.True(status == 200, $"{status} {body}");
        return (string)JsonNode.Parse(body)!.AsArray().Single(p => (int)p!["id"]! == 2)!["name"]!;
    }

    /// <summary>The engine's own count of changes, by service.</summary>
    internal async Task<Dictionary<string, string>> VersionsAsync()
    {
        var versions = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var id in Lines(await Engine.DockerAsync("service", "ls", "--quiet")))
        {
            var said = (await Engine.DockerAsync("service", "inspect", "--format", "{{.Spec.Name}} {{.ID}}/{{.Version.Index}}", id)).Split(' ');
            versions[said[0]] = said[1];
        }

        return versions;
    }

    /// <summary>Everything that happened to services, networks and containers since a moment, by the engine.</summary>
    internal async Task<IReadOnlyList<string>> EventsAsync(DateTimeOffset since) => Lines(await Engine.DockerAsync(
        "events", "--since", Seconds(since), "--until", Seconds(DateTimeOffset.UtcNow), "--filter", "type=service", "--filter", "type=network", "--filter", "type=container",
        "--filter", "type=config", "--filter", "type=secret", "--filter", "type=image", "--format", "{{.Type}} {{.Action}} {{index .Actor.Attributes \"name\"}}"));

    /// <summary>Until the engine itself has nothing more to do: no update is watched, and no container of an old task is left.</summary>
    internal async Task RestAsync()
    {
        await DockerScene.UntilAsync(async () =>
        {
            var services = Lines(await Engine.DockerAsync("service", "ls", "--quiet"));
            var updates = services.Count == 0 ? "" : await Engine.DockerAsync(["service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", .. services]);
            var containers = Lines(await Engine.DockerAsync("ps", "--all", "--format", "{{.ID}} {{.State}}"));
            return !updates.Contains("updating", StringComparison.Ordinal) && !updates.Contains("rollback_started", StringComparison.Ordinal)
                && containers.Count(c => c.EndsWith("running", StringComparison.Ordinal)) == services.Count;
        }, "the swarm comes to rest");
    }

    public async ValueTask DisposeAsync()
    {
        if (workspace is not null)
        {
            await workspace.DisposeAsync();
        }

        if (engine is not null)
        {
            await engine.DisposeAsync();
        }
    }

    internal static IReadOnlyList<string> Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string Seconds(DateTimeOffset at) => (at.ToUnixTimeMilliseconds() / 1000.0).ToString("0.000", CultureInfo.InvariantCulture);

    private static string Replaced(string text, string old, string with)
    {
        var at = text.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, old);
        return text[..at] + with + text[(at + old.Length)..];
    }
}
