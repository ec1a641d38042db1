using Laptime.Processes;
using Laptime.Recipes;
using Laptime.Recipes.Reading;
using Laptime.Recipes.Swarm;
using Laptime.Targets.Docker;
using Laptime.Tests.Engines;
using Laptime.Timing;

namespace Laptime.Contracts;

/// <summary>examples/recipes/pg-app as it lies there: secrets, configs with templates, an external network, a database that is only found by its name, dump hooks.</summary>
public sealed class PostgresRecipeTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("lap-recipe-").FullName;
    private readonly string stack = "pg-" + Path.GetRandomFileName()[..8].Replace(".", "x", StringComparison.Ordinal);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task A_recipe_of_coop_cloud_runs_as_it_is_with_its_data_through_an_upgrade_and_a_restore()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await RecipeImages.LoadAsync(engine, "postgres:15", "notes:1.0.0", "notes:1.1.0");
        var runner = new ProcessRunner(TimeProvider.System);
        var source = await RecipeSource.OpenAsync(Path.Combine(RecipeImages.Folder(), "pg-app"), root, runner, TimeProvider.System, Cancel);
        Assert.Equal(["1.0.0+1.0.0", "1.1.0+1.1.0"], source.Recipe.Published.Select(static v => v.Text));
        Assert.Equal(source.Recipe.Published[1], source.Recipe.Head);
        var (old, head) = (await CheckOutAsync(source, source.Recipe.Published[0]), await CheckOutAsync(source, source.Recipe.Head));
        var placement = new Placement
        {
            Id = stack, Folder = Directory.CreateDirectory(Path.Combine(root, "deployment")).FullName, Recipe = source.Recipe, Lane = Lane.Fast, Exports = new Dictionary<string, string> { ["SETTINGS_URL"] = "http://settings" },
        };
        await using var driver = new SwarmDriver(placement, new EngineClient(EngineEndpoint.Parse(engine.Host, "the tests"), TimeProvider.System), runner, TimeProvider.System);
        try
        {
            await driver.AttachAsync(Cancel);
            var facts = driver.Read(old);
            Assert.Equal(("1.0.0+1.0.0", "app"), (facts.Version, facts.Main));
            Assert.Contains(driver.ParityNotes, n => n.Contains("db: its health is asked every 1.00 s", StringComparison.Ordinal));
            await InstallAsync(driver, old);
            var seeder = Assert.Single(Seeders.For(facts, driver));
            Assert.Empty(await seeder.GetAsync(["kept", "gone"], Cancel));
            await seeder.PutAsync(new Dictionary<string, string> { ["kept"] = "it's one", ["gone"] = "two" }, Cancel);

            await InstallAsync(driver, head);
            var picture = await driver.ObserveAsync(Cancel);
            Assert.Equal("1.1.0+1.1.0", picture.Version);
            Assert.All(picture.Services, s => Assert.True(s is { Stands: true, Restarts: 0 }, $"{s.Name}: {s.Detail}, {s.Restarts} restarts"));
            Assert.Equal("it's one", (await seeder.GetAsync(["kept"], Cancel))["kept"]);
            var offered = await driver.OfferAsync(Cancel);
            Assert.Equal($"http://{stack}_app:8080", offered["url"]);
            Assert.Equal(24, offered["secret.db_password"].Length);
            Assert.Equal(["***"], (await driver.ExecAsync("db", ["cat", "/run/secrets/db_password"], Cancel)).Output);

            var backup = driver.Read(head).Backup!;
            Assert.Equal(["backup.sql"], backup.Volumes["postgres"]);
            await HooksAsync(driver, backup, HookMoment.BeforeBackup);
            using var tar = new MemoryStream();
            await driver.GetAsync("postgres", backup.Volumes["postgres"], tar, Cancel);
            await seeder.PutAsync(new Dictionary<string, string> { ["kept"] = "changed" }, Cancel);
            await seeder.DeleteAsync("gone", Cancel);
            Assert.Equal(["kept"], (await seeder.GetAsync(["kept", "gone"], Cancel)).Keys);
            tar.Position = 0;
            await driver.PutAsync("postgres", tar, Cancel);
            await HooksAsync(driver, backup, HookMoment.AfterRestore);
            Assert.Null(await driver.StandAsync(head, Timeline([]), null, Cancel));
            var back = await seeder.GetAsync(["kept", "gone"], Cancel);
            Assert.Equal(("it's one", "two"), (back["kept"], back["gone"]));
            var count = await driver.CountAsync(Cancel);
            Assert.True((count.Installs, count.Updates) == (1, 1), string.Join('\n', count.Evidence));
            Assert.Contains(await driver.ListAsync(Cancel), l => l == $"secret {stack}_db_password_v1");
        }
        finally
        {
            await driver.RemoveAsync(force: true, CancellationToken.None);
        }

        Assert.Empty(await driver.ListAsync(Cancel));
    }

    private static async Task HooksAsync(SwarmDriver driver, BackupFacts backup, HookMoment moment)
    {
        var hook = Assert.Single(backup.Hooks, h => h.Moment == moment);
        var ended = await driver.ExecAsync(hook.Service, ["/bin/sh", "-c", hook.Command], Cancel);
        Assert.True(ended.ExitCode == 0, string.Join('\n', ended.Output));
    }

    private static async Task InstallAsync(SwarmDriver driver, PlacedVersion version)
    {
        var segments = new List<Segment>();
        var timeline = Timeline(segments);
        await driver.PrepareAsync(version, timeline, null, Cancel);
        var fault = await driver.ApplyAsync(version, timeline, null, Cancel);
        Assert.True(fault is null, $"{fault?.What}\n{string.Join('\n', fault?.Tail ?? [])}");
        TestContext.Current.SendDiagnosticMessage(string.Join(", ", segments.Select(static s => $"{s.Name} {s.Seconds:0.00}")));
    }

    private static Timeline Timeline(List<Segment> segments) => new(TimeProvider.System, s =>
    {
        if (s.Seconds is not null)
        {
            segments.Add(s);
        }
    });

    private async Task<PlacedVersion> CheckOutAsync(RecipeSource source, RecipeVersion version)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, version.Text)).FullName;
        await source.CheckOutAsync(version, folder, Cancel);
        return new PlacedVersion(version, folder, IsBase: version != source.Recipe.Head);
    }
}
