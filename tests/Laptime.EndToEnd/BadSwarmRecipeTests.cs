using Laptime.EndToEnd.Docker;

namespace Laptime.EndToEnd;

/// <summary>The recipes of examples/recipes/bad, each wrong in one way: every one is caught, with the exit code and in the words of its line of the page.</summary>
public sealed class BadSwarmRecipeTests
{
    /// <summary>They mostly wait: more at once than there are processors.</summary>
    private const int AtOnce = 4;

    /// <summary>Those with a test of their own: what they take is not in the folder alone.</summary>
    private static readonly string[] Own = ["orphaned-service", "teardown-leak", "hook-deploys"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_bad_recipe_has_a_line_on_their_page() =>
        Assert.Equal(Directory.EnumerateDirectories(BadRecipe.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal), BadRecipe.All.Select(static b => b.Name).Order(StringComparer.Ordinal));

    [Fact]
    public async Task Every_bad_recipe_is_caught_in_words()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0", "kv:stable");
        var cases = BadRecipe.All.Where(static b => !Own.Contains(b.Name)).ToList();
        cases.ForEach(one => scene.Copy(one.Example));
        var missed = new List<string>();
        await Parallel.ForEachAsync(cases, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Cancel }, async (one, _) =>
        {
            if (one.Missed(await scene.TestAsync(one.Exit, one.Name, null, "--stages", one.Stages)) is { } what)
            {
                lock (missed)
                {
                    missed.Add(what);
                }
            }
        });
        Assert.True(missed.Count == 0, string.Join("\n\n", missed));
    }

    [Fact]
    public async Task A_service_that_head_dropped_is_removed_and_one_that_stays_behind_fails_the_upgrade()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        var bad = BadRecipe.Named("orphaned-service");
        scene.Copy(bad.Example);
        var path = new Dictionary<string, string> { ["PATH"] = scene.At("orphaned-service/no-prune") + ":" + Environment.GetEnvironmentVariable("PATH") };
        Assert.Null(bad.Missed(await scene.TestAsync(bad.Exit, bad.Name, path, "--stages", bad.Stages)));

        var pruned = await scene.TestAsync(0, bad.Name, null, "--stages", bad.Stages);
        Assert.Contains("worker is gone, as head has it", pruned["tiers"]![1]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deploy_behind_the_back_turns_a_green_run_into_18()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        await scene.VersionsAsync("behind", null, f => f.Compose("/dump dump", "touch /data/please; until [ -e /data/done ]; do sleep 0.1; done; /dump dump"));
        var run = scene.TestAsync(18, "behind", null, "--stages", "install,upgrade,backup");
        string container;
        do
        {
            Assert.False(run.IsFaulted, run.Exception?.Message);
            await Task.Delay(50, Cancel);
            container = (await scene.Engine.DockerAsync("ps", "--quiet", "--filter", "name=lt-behind-", "--latest")).Trim();
        }
        while (container.Length == 0 || (await scene.Engine.RunAsync("exec", container, "test", "-e", "/data/please")).Code != 0);

        // What a hook with the engine's socket could do: a deploy that changes nothing which anybody sees.
        var service = (await scene.Engine.DockerAsync("service", "ls", "--format", "{{.Name}}", "--filter", "name=lt-behind-")).Trim();
        await scene.Engine.DockerAsync("service", "update", "--detach", "--quiet", service);
        await scene.Engine.DockerAsync("exec", container, "touch", "/data/done");
        var document = await run;
        Assert.All(document["tiers"]!.AsArray(), t => Assert.Equal("pass", (string?)t!["status"]));
        Assert.Equal((1, 2), ((int)document["inPlaceUpdates"]!, (int)document["updatesByTarget"]!));
        Assert.Contains("somebody else deployed behind its back", document["budgetFindings"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("not by this run: update app", document["budgetEvidence"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_check_leaves_running_in_a_volume_is_a_leak_by_name()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        var bad = BadRecipe.Named("teardown-leak");
        scene.Copy(bad.Example);
        Assert.Null(bad.Missed(await scene.TestAsync(bad.Exit, bad.Name, null, "--stages", bad.Stages)));
        Assert.Contains(await scene.LeftAsync(bad.Name), l => l.StartsWith("volume ", StringComparison.Ordinal));

        // The next run removes what could not be removed.
        var holder = (await scene.LeftAsync(bad.Name)).Single(static l => l.StartsWith("container ", StringComparison.Ordinal)).Split(' ')[1];
        await scene.Engine.DockerAsync("rm", "--force", "--volumes", holder);
        await scene.TestAsync(0, bad.Name, null, "--stages", "install");
        Assert.Empty(await scene.LeftAsync(bad.Name));
    }
}
