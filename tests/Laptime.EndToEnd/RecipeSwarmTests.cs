using System.Text.Json.Nodes;
using Laptime.EndToEnd.Docker;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>`lap test` on a real swarm: the recipes of examples/recipes, and what a run leaves when it is killed.</summary>
public sealed class RecipeSwarmTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_PostgreSQL_recipe_passes_all_tiers_on_one_deployment_with_a_cold_dependency()
    {
        await using var scene = await RecipeScene.OpenAsync("postgres:15", "notes:1.0.0", "notes:1.1.0", "kv:1.0.0", "kv:1.1.0");
        scene.Copy("kv-swarm");
        scene.Copy("pg-app");
        var run = await scene.TestAsync(0, "pg-app", null);
        Assert.Equal(("1.0.0+1.0.0", "1.1.0+1.1.0", "swarm", "fast"), ((string?)run["base"], (string?)run["head"], (string?)run["target"], (string?)run["lane"]));
        Assert.Equal(["install pass 1.0.0+1.0.0", "upgrade pass 1.1.0+1.1.0", "backup pass 1.1.0+1.1.0", "restore pass 1.1.0+1.1.0", "custom pass 1.1.0+1.1.0"], Tiers(run));
        Assert.Equal((2, 2, 2), ((int)run["deployCount"]!, (int)run["expected"]!, (int)run["countedByTarget"]!));
        Assert.Equal((1, 1, 2, 2), ((int)run["inPlaceUpdates"]!, (int)run["updatesByTarget"]!, (int)run["removes"]!, (int)run["removesByTarget"]!));
        Assert.Equal(["kv-swarm"], run["deps"]!["deployed"]!.AsArray().Select(d => (string)d!));
        Assert.Equal("clean", (string?)run["teardown"]);
        Assert.Empty(await scene.LeftAsync("pg-app"));
        Assert.Empty(await scene.LeftAsync("kv-swarm"));
        var segments = run["segments"]!.AsArray().Select(s => (string)s!["name"]!).ToHashSet();
        Assert.Superset(new HashSet<string> { "pull", "apply", "schedule", "boot", "health-wait", "monitor-wait", "assert", "teardown" }, segments);
        Assert.Contains(run["parityGaps"]!.AsArray(), n => ((string)n!).Contains("db: its health is asked every", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_killed_run_is_cleaned_up_by_the_next_one_which_says_so_and_can_run_some_tiers_alone()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        scene.Copy("kv-swarm");
        var killed = scene.Start(null, "test", "kv-swarm");
        while (!(await scene.LeftAsync("kv-swarm")).Any(static l => l.StartsWith("container ", StringComparison.Ordinal)))
        {
            Assert.False(killed.HasExited, "it ended before it could be killed");
            await Task.Delay(20, Cancel);
        }

        killed.Signal(9);
        await killed.ResultAsync(TimeSpan.FromSeconds(10), Cancel);
        var dead = (await scene.LeftAsync("kv-swarm")).First(static l => l.StartsWith("service ", StringComparison.Ordinal)).Split(' ', '_')[1];

        var next = (await scene.LapAsync("test", "kv-swarm", "--stages", "install,custom")).Exits(0);
        Assert.Contains($"left {dead}", next.Out + next.Error, StringComparison.Ordinal);
        Assert.Contains("it is removed now", next.Out + next.Error, StringComparison.Ordinal);
        Assert.Contains("deploy-count = 1 (expect 1)", next.Out, StringComparison.Ordinal);
        Assert.Contains("fresh install of head: not verified", next.Out, StringComparison.Ordinal);
        Assert.Empty(await scene.LeftAsync("kv-swarm"));
    }

    [Fact]
    public async Task Head_from_nothing_is_one_more_deploy_and_the_canonical_deployment_is_borrowed_by_others_for_none()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        scene.Copy("kv-swarm");
        var fresh = await scene.TestAsync(0, "kv-swarm", null, "--stages", "install", "--fresh", "--refresh-canonical");
        Assert.Equal((2, 2, 2, 0, 2, "pass"), ((int)fresh["deployCount"]!, (int)fresh["expected"]!, (int)fresh["countedByTarget"]!, (int)fresh["inPlaceUpdates"]!, (int)fresh["removesByTarget"]!, (string?)fresh["fresh"]));
        Assert.Equal(("created", "1.1.0+1.1.0"), ((string?)fresh["canonical"]!["action"], (string?)fresh["canonical"]!["version"]));
        var stands = Assert.Single(await scene.LeftAsync("kv-swarm"), static l => l.StartsWith("service ", StringComparison.Ordinal));

        scene.Copy("kv-swarm", "borrower");
        var files = new RecipeFiles(scene.At("borrower"));
        files.Edit("recipe.yaml", "env:", "deps: [ { recipe: ../kv-swarm, mode: warm, export: { OTHER: \"${url}\" } } ]\nenv:");
        files.Write("tests/custom/wired.sh", "#!/bin/sh\nexec docker exec \"$RECIPE_CONTAINER_APP\" wget -q -O /dev/null \"$OTHER/cgi-bin/version\"\n", program: true);
        var warm = await scene.TestAsync(0, "borrower", null, "--stages", "install,custom");
        Assert.Equal((1, 1, 1), ((int)warm["deployCount"]!, (int)warm["expected"]!, (int)warm["countedByTarget"]!));
        Assert.Equal("kv-swarm", (string?)Assert.Single(warm["deps"]!["warm"]!.AsArray()));
        Assert.Empty(warm["deps"]!["deployed"]!.AsArray());
        Assert.Equal("clean", (string?)warm["teardown"]);
        Assert.Contains(stands, await scene.LeftAsync("kv-swarm"));
    }

    private static IEnumerable<string> Tiers(JsonObject run) => run["tiers"]!.AsArray().Select(t => $"{t!["name"]} {t["status"]} {t["verifiedVersion"]}");
}
