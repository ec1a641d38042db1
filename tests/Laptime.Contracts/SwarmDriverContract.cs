using Laptime.Processes;
using Laptime.Recipes;
using Laptime.Recipes.Swarm;
using Laptime.Targets.Docker;
using Laptime.Tests.Engines;

namespace Laptime.Contracts;

/// <summary>Recipes on a real swarm: a key-value store of one service, by a file of its own.</summary>
public sealed class SwarmDriverContract : RecipeDriverContract, IAsyncLifetime
{
    private readonly string root = Directory.CreateTempSubdirectory("lap-driver-").FullName;
    private readonly string stack = "driver-" + Path.GetRandomFileName()[..8].Replace(".", "x", StringComparison.Ordinal);
    private DockerEngine? engine;

    protected override string Service => "app";

    protected override string Volume => "data";

    protected override PlacedVersion Old => Version("1.0.0");

    protected override PlacedVersion New => Version("1.1.0");

    protected override PlacedVersion Dying => Version("1.1.0-dying");

    protected override string LastWords => "cannot go on";

    protected override IReadOnlyList<string> PrintVariable => ["sh", "-c", "echo $DOMAIN"];

    protected override string VariableValue => "kv.test";

    public async ValueTask InitializeAsync()
    {
        engine = await DockerEngine.SharedSwarmAsync();
        await RecipeImages.LoadAsync(engine, "kv:1.0.0", "kv:1.1.0");
    }

    public async ValueTask DisposeAsync()
    {
        if (engine is not null)
        {
            await using var driver = await OpenAsync();
            await driver.RemoveAsync(force: true, CancellationToken.None);
        }

        Directory.Delete(root, recursive: true);
    }

    protected override Task<RecipeDriver> OpenAsync()
    {
        var recipe = new Recipe
        {
            Name = "kv", Kind = RecipeKind.Compose, Root = root, Home = root, Settings = new RecipeSettings(), Head = New.Version, Published = [Old.Version],
        };
        var placement = new Placement { Id = stack, Folder = root, Recipe = recipe, Lane = Lane.Fast };
        return Task.FromResult<RecipeDriver>(new SwarmDriver(
            placement, new EngineClient(EngineEndpoint.Parse(engine!.Host, "the tests"), TimeProvider.System), Read, new ProcessRunner(TimeProvider.System), TimeProvider.System));
    }

    protected override async Task ChangeBehindAsync()
    {
        await engine!.DockerAsync("service", "update", "--quiet", "--detach=false", "--force", $"{stack}_app");
    }

    private PlacedVersion Version(string version) => new(new RecipeVersion(version, version, IsPublished: true), root, IsBase: false);

    private StackVersion Read(PlacedVersion version)
    {
        var name = version.Version.Text.Split('-')[0];
        var file = Path.Combine(root, $"compose.{version.Version.Text}.yml");
        File.WriteAllText(file, $$"""
            version: "3.8"
            services:
              app:
                image: laptime.example/kv:{{name}}
                environment:
                  - DOMAIN
                  {{(version.Version.Text == name ? "" : "- EXIT=0")}}
                volumes: [ "data:/data" ]
                networks: [ shared ]
                secrets: [ key ]
                healthcheck:
                  test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/cgi-bin/health"]
                  interval: 500ms
                deploy:
                  endpoint_mode: dnsrr
                  restart_policy: { delay: 100ms }
                  update_config: { order: start-first, monitor: 500ms }
                  labels: [ "coop-cloud.${STACK_NAME}.version={{name}}" ]
            networks:
              shared: { external: true, name: {{stack}}-shared }
            volumes: { data: {} }
            secrets:
              key: { external: true, name: {{stack}}_key_v1 }

            """);
        return new StackVersion
        {
            Facts = new VersionFacts
            {
                Version = name, Main = "app", Services = [new ServiceFacts("app", $"laptime.example/kv:{name}", name, ["data"])], Volumes = ["data"], Timeout = TimeSpan.FromSeconds(60),
            },
            Folder = root, Files = [file], Environment = new Dictionary<string, string> { ["STACK_NAME"] = stack, ["DOMAIN"] = "kv.test" },
            Networks = [$"{stack}-shared"], Secrets = new Dictionary<string, Func<string>> { [$"{stack}_key_v1"] = () => "secret" }, Volumes = new Dictionary<string, string> { ["data"] = $"{stack}_data" }, Port = 8080,
        };
    }
}
