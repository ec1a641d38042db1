using System.Text.Json.Nodes;
using Laptime.EndToEnd.Docker;

namespace Laptime.EndToEnd;

/// <summary>Recipes that are wrong in one way each, made from a good one by one edit: every one is caught, by the tier that has to, in words that say what is wrong.</summary>
public sealed class BadSwarmRecipeTests
{
    /// <summary>They mostly wait: more at once than there are processors.</summary>
    private const int AtOnce = 4;

    private static readonly string[] Upgrade = ["--stages", "install,upgrade"];
    private static readonly string[] Install = ["--stages", "install"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Case[] Cases { get; } =
    [
        new("same-version", 23, "upgrade", "nothing was upgraded: the running system says 1.0.0+1.0.0 before and after", Upgrade,
            f => f.Compose("version=1.1.0+1.1.0", "version=1.0.0+1.0.0")),
        new("mutable-tag", 23, "upgrade", "the tag laptime.example/kv:stable says nothing", Upgrade,
            f => f.Compose("kv:1.1.0", "kv:stable")) { Before = f => f.Compose("kv:1.0.0", "kv:stable") },
        new("masked-head", 23, "upgrade", "an overlay masks head: app would run laptime.example/kv:1.0.0 where head has laptime.example/kv:1.1.0", Upgrade, f =>
        {
            f.Write("compose.test.yml", "version: \"3.8\"\nservices: { app: { image: \"laptime.example/kv:1.0.0\" } }\n");
            f.Edit("recipe.yaml", "env:", "overlay: { environment: compose.test.yml }\nenv:");
        }),
        new("renamed-volume", 23, "upgrade", "head does not have the volume data any more, but store: what was written stays behind", Upgrade, f =>
        {
            f.Compose("data:/data", "store:/data");
            f.Compose("\n  data:", "\n  store:");
            f.Compose("volumes.data.path", "volumes.store.path");
        }),
        new("empty-dump", 23, "backup", "data/items.tar is empty in the backup", ["--stages", "backup"], f => f.Compose("/dump dump", ": > /data/items.tar")),
        new("restores-nothing", 23, "restore", "the restore restored nothing", ["--stages", "backup,restore"], f => f.Compose("        - \"backupbot.restore.post-hook=/dump load\"\n", "")),
        new("exits-well", 23, "install", "not-live: stack", Install, f => f.Compose("- DOMAIN", "- DOMAIN\n      - EXIT=0")) { Also = "tasks ended with exit code 0" },
        new("never-healthy", 23, "install", "readiness-timeout", Install, f =>
        {
            f.Compose("- DOMAIN", "- DOMAIN\n      - HEALTH=bad");
            f.Edit(".env.sample", "#TIMEOUT=60", "TIMEOUT=5");
        }) { Also = "its health test ended with 1" },
        new("rolled-back", 23, "upgrade", "the engine rolled", Upgrade, f => f.Compose("- DOMAIN", "- DOMAIN\n      - EXIT=3")),
        new("mutating-check", 18, "install", "tests/install.sh changed the deployment", Install,
            f => f.Write("tests/install.sh", "#!/bin/sh\nexec docker service update --detach --quiet --label-add a=b ${RECIPE_DEPLOYMENT}_app\n", program: true)),
    ];

    [Fact]
    public async Task Every_bad_recipe_is_caught_in_words()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        await scene.Engine.DockerAsync("tag", "laptime.example/kv:1.0.0", "laptime.example/kv:stable");
        foreach (var one in Cases)
        {
            await scene.VersionsAsync(one.Name, one.Before, one.Head);
        }

        var wrong = new List<string>();
        await Parallel.ForEachAsync(Cases, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Cancel }, async (one, _) =>
        {
            var run = await scene.TestAsync(one.Exit, one.Name, null, one.Arguments);
            var tier = run["tiers"]!.AsArray().FirstOrDefault(t => (string?)t!["name"] == one.Tier);
            var said = $"{tier?["reason"]}\n{tier?["evidence"]}\n{tier?["tail"]}";
            if ((string?)tier?["status"] != "fail" || !said.Contains(one.Words, StringComparison.Ordinal) || (one.Also is not null && !said.Contains(one.Also, StringComparison.Ordinal)) || (string?)run["teardown"] != "clean")
            {
                lock (wrong)
                {
                    wrong.Add($"{one.Name}: wanted {one.Tier} to fail with `{one.Words}`{(one.Also is null ? "" : $" and `{one.Also}`")}\n{run["tiers"]!.ToJsonString()}\nteardown {run["teardown"]}: {run["left"]?.ToJsonString()}");
                }
            }
        });
        Assert.True(wrong.Count == 0, string.Join("\n\n", wrong));
    }

    [Fact]
    public async Task A_service_that_head_dropped_is_removed_and_one_that_stays_behind_fails_the_upgrade()
    {
        await using var scene = await RecipeScene.OpenAsync("kv:1.0.0", "kv:1.1.0");
        await scene.VersionsAsync("dropped", f => f.Compose("\nnetworks:\n", "\n  worker:\n    image: laptime.example/kv:1.0.0\n    networks: [proxy]\n\nnetworks:\n"), _ => { });

        // A docker program that does not prune.
        var folder = Directory.CreateDirectory(scene.At("bin")).FullName;
        var real = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(static p => Path.Combine(p, "docker")).First(File.Exists);
        await File.WriteAllTextAsync(Path.Combine(folder, "docker"), $"#!/bin/bash\nargs=()\nfor a; do [ \"$a\" = --prune ] || args+=(\"$a\"); done\nexec {real} \"${{args[@]}}\"\n", Cancel);
        File.SetUnixFileMode(Path.Combine(folder, "docker"), (UnixFileMode)0b111_101_101);
        var path = new Dictionary<string, string> { ["PATH"] = folder + ":" + Environment.GetEnvironmentVariable("PATH") };
        var behind = await scene.TestAsync(23, "dropped", path, Upgrade);
        Assert.Contains("worker was left behind", behind["tiers"]![1]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("clean", (string?)behind["teardown"]);

        var pruned = await scene.TestAsync(0, "dropped", null, Upgrade);
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
        var holder = "leak-" + Path.GetRandomFileName()[..8].Replace(".", "x", StringComparison.Ordinal);
        await scene.VersionsAsync("leaking", null, f => f.Write(
            "tests/custom/leak.sh", $"#!/bin/sh\nexec docker run --detach --name {holder} --volume \"${{RECIPE_DEPLOYMENT}}_data:/held\" laptime.example/kv:1.1.0\n", program: true));
        try
        {
            var run = (await scene.Start(null, "test", "leaking", "--stages", "custom", "-o", "json").ResultAsync(TimeSpan.FromMinutes(2), Cancel)).Json;
            Assert.NotEqual(0, (int)run["exitCode"]!);
            Assert.Equal("leaked", (string?)run["teardown"]);
            Assert.Contains("_data", (string?)Assert.Single(run["left"]!.AsArray())!, StringComparison.Ordinal);
        }
        finally
        {
            await scene.Engine.RunAsync("rm", "--force", "--volumes", holder);
        }

        // The next run removes what could not be removed.
        var next = await scene.LapAsync("test", "leaking", "--stages", "install");
        next.Exits(0);
    }

    private sealed record Case(string Name, int Exit, string Tier, string Words, string[] Arguments, Action<RecipeFiles> Head)
    {
        /// <summary>Of the older version.</summary>
        public Action<RecipeFiles>? Before { get; init; }

        public string? Also { get; init; }
    }
}
