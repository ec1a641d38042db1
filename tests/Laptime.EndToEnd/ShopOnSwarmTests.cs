using System.Globalization;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Docker;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>examples/shop on a real swarm (and on one engine), as its page promises; what goes wrong there, and what the run after it says.</summary>
public sealed class ShopOnSwarmTests(ShopScene shop) : IClassFixture<ShopScene>
{
    private static readonly string[] Services = ["catalog", "gateway", "storefront"];
    private static readonly string[] Signals = ["live", "ready", "smoke", "reflected"];

    private LapWorkspace Workspace => shop.Workspace;

    [Fact]
    public async Task First_deploy_no_op_one_change_the_same_digest_one_by_name_and_removed_by_hand()
    {
        // Whichever test comes first: here the stack is new.
        await shop.RemovedAsync();
        var first = (await shop.DeployAsync()).Valid();
        Assert.Equal(("reflected", 3, 3), (first.Outcome(), first.Count("rollouts"), first.Count("deploys")));
        Assert.All(Services, name => Assert.All(Signals, signal => Assert.Equal("pass", first.Signal(name, signal))));
        Assert.All(Services, name => Assert.Equal((1, 1), Instances(first, name)));
        // Only the storefront is published; the others are nobody's on this machine.
        Assert.Equal($"http://127.0.0.1:{shop.Port}", (string?)first.Component("storefront")["endpoint"]);
        Assert.Null((string?)first.Component("catalog")["endpoint"]);
        var seen = await shop.SeenAsync();
        await shop.RestAsync();

        // No-op: not one event, not one version.
        var (versions, began) = (await shop.VersionsAsync(), DateTimeOffset.UtcNow);
        var noop = (await shop.DeployAsync()).IsUnchanged();
        Assert.Empty(await shop.EventsAsync(began));
        Assert.Equal(versions, await shop.VersionsAsync());
        Assert.All(Services, name => Assert.NotNull(noop.Component(name)["reading"]));
        Assert.DoesNotContain((await Workspace.JsonAsync(0, "status", "--env", "swarm"))["components"]!.AsArray(), c => c!["drift"]?.GetValueKind() == System.Text.Json.JsonValueKind.String);

        // One change, one service.
        shop.Sell("Blue chalk");
        Assert.NotEqual("Blue chalk", seen);
        began = DateTimeOffset.UtcNow;
        var change = (await shop.DeployAsync()).Valid();
        Assert.Equal(("build+rollout inputs-changed", "skip unchanged", "skip unchanged", 1), (change.What("catalog"), change.What("gateway"), change.What("storefront"), change.Count("deploys")));
        Assert.Equal(["catalog"], change.Built());
        Assert.Equal("Blue chalk", await shop.SeenAsync());
        Assert.All((await shop.EventsAsync(began)).Where(e => e.StartsWith("service", StringComparison.Ordinal)), e => Assert.Equal("service update shop_catalog", e));
        await shop.RestAsync();

        // Other inputs, the same programs: built, and nothing is rolled out.
        (versions, began) = (await shop.VersionsAsync(), DateTimeOffset.UtcNow);
        Workspace.Write("src/catalog/Catalog.csproj", Workspace.Read("src/catalog/Catalog.csproj") + "<!-- A remark. -->\n");
        var same = (await shop.DeployAsync()).Valid();
        Assert.Equal(("build digest-already-deployed", "unchanged", 0, 1), (same.What("catalog"), same.Outcome(), same.Count("deploys"), same.Count("built")));
        Assert.Empty(await shop.EventsAsync(began));
        Assert.Equal(versions, await shop.VersionsAsync());

        // By its name, then everything: no drift, no build.
        shop.Sell("Red chalk");
        Assert.Equal(("reflected", 1), ((await shop.DeployAsync(0, "catalog")).Valid() is var named ? named.Outcome() : "", named.Count("deploys")));
        (await shop.DeployAsync()).IsUnchanged();
        await shop.RestAsync();

        // Removed by hand: seen, told, and repaired alone.
        versions = await shop.VersionsAsync();
        await shop.Engine.DockerAsync("service", "rm", "shop_storefront");
        var plan = await Workspace.JsonAsync(0, "plan", "--env", "swarm");
        Assert.Equal(("rollout target-drifted", "skip unchanged", "skip unchanged"), (plan.What("storefront"), plan.What("gateway"), plan.What("catalog")));
        var repaired = (await shop.DeployAsync()).Valid();
        Assert.Equal(("rollout target-drifted", "reflected", 1, 0), (repaired.What("storefront"), repaired.Outcome(), repaired.Count("deploys"), repaired.Count("built")));
        var after = await shop.VersionsAsync();
        Assert.Equal((versions["shop_gateway"], versions["shop_catalog"]), (after["shop_gateway"], after["shop_catalog"]));
        Assert.NotEqual(versions["shop_storefront"], after["shop_storefront"]);
        Assert.Equal("Red chalk", await shop.SeenAsync());
    }

    [Fact]
    public async Task Other_infrastructure_is_bootstrapped_once_what_it_took_down_comes_back_and_then_it_is_steady()
    {
        await shop.SteadyAsync();
        var network = await NetworkAsync();
        var seen = await shop.SeenAsync();
        Workspace.Write("infra/network.env", Workspace.Read("infra/network.env") + "\n# A remark is no other network, but the script is asked.\n");
        var quiet = (await shop.DeployAsync()).Valid();
        Assert.Equal(("bootstrapped", 0, 1), (quiet.Outcome(), quiet.Count("deploys"), Bootstraps(quiet)));
        Assert.Equal(network, await NetworkAsync());

        Workspace.Edit("infra/network.env", "MTU=1450", "MTU=1400");
        var changed = (await shop.DeployAsync(0, "catalog")).Valid();
        Assert.Equal(("reflected", 3, 0, 1), (changed.Outcome(), changed.Count("deploys"), changed.Count("built"), Bootstraps(changed)));
        Assert.All(Services, name => Assert.Equal(("bootstrap infra-changed", "infra/network.env"), (changed.What(name), Assert.Single(changed.Detail(name)))));
        Assert.Contains(Document.Texts(changed["warnings"]), w => w.EndsWith("not only catalog", StringComparison.Ordinal));
        Assert.NotEqual(network, await NetworkAsync());
        Assert.Equal(seen, await shop.SeenAsync());

        await shop.RestAsync();
        (network, var began) = (await NetworkAsync(), DateTimeOffset.UtcNow);
        Assert.Equal(0, Bootstraps((await shop.DeployAsync()).IsUnchanged()));
        Assert.Empty(await shop.EventsAsync(began));
        Assert.Equal(network, await NetworkAsync());
    }

    [Fact]
    public async Task A_crash_loop_ends_early_with_the_last_words_and_the_old_one_serves()
    {
        await shop.SteadyAsync();
        var seen = await shop.SeenAsync();
        using var _ = Broken("app.Run();", "Console.Error.WriteLine(\"no chalk left\"); Environment.Exit(7); app.Run();");
        var crash = (await shop.DeployAsync(13)).Valid();
        Assert.Equal(("not-live", "fail", "not-run"), (crash.Outcome(), crash.Signal("catalog", "live"), crash.Signal("catalog", "reflected")));
        Assert.Contains("exit code 7", crash.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("no chalk left", crash["failure"]!["tail"]!.ToJsonString(), StringComparison.Ordinal);
        // Early: at the task's end, not at any probe's bound.
        Assert.True(Seconds(crash, "live", "catalog") < ShopScene.ReadyBound, crash["segments"]!.ToJsonString());
        Assert.Equal(("fail", 1), (crash.Signal("catalog", "live"), crash.Count("deploys")));
        Assert.StartsWith("catalog@", (string?)crash.Component("catalog")["stillServing"], StringComparison.Ordinal);
        Assert.Equal(seen, await shop.SeenAsync());
    }

    [Fact]
    public async Task Never_ready_ends_at_its_bound_and_the_old_one_serves()
    {
        await shop.SteadyAsync();
        var seen = await shop.SeenAsync();
        using var _ = Broken("() => \"ready\"", "() => Results.StatusCode(503)");
        var never = (await shop.DeployAsync(12)).Valid();
        Assert.Equal(("readiness-timeout", "pass", "timeout", "not-run"), (never.Outcome(), never.Signal("catalog", "live"), never.Signal("catalog", "ready"), never.Signal("catalog", "smoke")));
        var ready = never.Component("catalog")["signals"]!["ready"]!;
        Assert.InRange((double)ready["seconds"]!, ShopScene.ReadyBound - ShopScene.ReadyPoll, ShopScene.ReadyBound + ShopScene.ReadyPoll);
        Assert.InRange((int)ready["attempts"]!, 2, 1000);
        Assert.Contains("503", never.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(seen, await shop.SeenAsync());
    }

    [Fact]
    public async Task A_missing_image_ends_within_three_seconds_in_the_registrys_words_and_touches_nothing()
    {
        var registry = await RegistryServer.SharedAsync();
        var there = await ServiceImage.LoadAsync(shop.Engine, "e2e/cache:1", "cache");
        await shop.SteadyAsync();
        using var file = Restored("swarm.yml");
        var with = Workspace.Read("swarm.yml").Replace("services:\n", $"services:\n  cache:\n    image: {there}\n    stop_grace_period: 1s\n    networks: [shop]\n", StringComparison.Ordinal);
        Workspace.Write("swarm.yml", with);
        Assert.Equal("reflected", (await shop.DeployAsync()).Valid().Outcome());
        await shop.RestAsync();

        var (versions, began) = (await shop.VersionsAsync(), DateTimeOffset.UtcNow);
        Workspace.Write("swarm.yml", with.Replace(there, $"{registry.Authority}/shop/cache:gone", StringComparison.Ordinal));
        var missing = (await shop.DeployAsync(11)).Valid();
        Assert.Equal("rollout-failed", missing.Outcome());
        Assert.Contains("manifest unknown", missing.FailureMessage(), StringComparison.Ordinal);
        Assert.True(Seconds(missing, "rollout", "cache") < 3, missing["segments"]!.ToJsonString());
        // Not even asked of the swarm: the old task is where it was.
        Assert.Equal(versions, await shop.VersionsAsync());
        Assert.DoesNotContain(await shop.EventsAsync(began), e => e.StartsWith("service", StringComparison.Ordinal) || e.StartsWith("container", StringComparison.Ordinal));
        Workspace.Write("swarm.yml", with);
        (await shop.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task What_the_swarm_rejects_is_told_as_soon_as_it_says_so()
    {
        await shop.SteadyAsync();
        var seen = await shop.SeenAsync();
        using var file = Restored("swarm.yml");
        Workspace.Edit("swarm.yml", "    image: shop/catalog\n", "    image: shop/catalog\n    volumes: [ \"/nowhere/at/all:/more\" ]\n");
        var rejected = (await shop.DeployAsync(11)).Valid();
        Assert.Contains("bind source path does not exist", rejected.FailureMessage(), StringComparison.Ordinal);
        // By the engine's own clock, which is this machine's: from the rejection of the first task to the end of the wait for it.
        var tasks = ShopScene.Lines(await shop.Engine.DockerAsync("service", "ps", "--quiet", "--no-trunc", "--filter", "desired-state=shutdown", "shop_catalog"));
        var said = ShopScene.Lines(await shop.Engine.DockerAsync(["inspect", "--format", "{{.Status.State}} {{.Status.Timestamp}}", .. tasks]));
        var first = said.Where(s => s.StartsWith("rejected", StringComparison.Ordinal))
            .Select(s => DateTimeOffset.ParseExact(s["rejected ".Length..][..26], "yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)).Min();
        var waited = rejected["segments"]!.AsArray().Single(s => (string?)s!["name"] == "rollout/first-answer")!;
        var told = DateTimeOffset.Parse((string)rejected["interval"]!["start"]!, CultureInfo.InvariantCulture) + TimeSpan.FromSeconds((double)waited["start"]! + (double)waited["seconds"]!);
        Assert.InRange((told - first).TotalSeconds, -0.1, 3);
        Assert.Equal("failed", (string?)waited["outcome"]);
        Assert.Equal(seen, await shop.SeenAsync());
    }

    [Fact]
    public async Task A_dockerd_that_dies_in_the_middle_gives_a_truthful_end_the_next_run_heals_and_the_one_after_finds_nothing_to_do()
    {
        await shop.SteadyAsync();
        var (before, product) = (await shop.SeenAsync(), Product());
        shop.Sell(product);
        var deploying = shop.Start();
        await shop.AppliedAsync(deploying);
        await shop.Engine.KillAsync();
        await shop.Engine.StartAgainAsync();
        var ended = await deploying.ResultAsync(TimeSpan.FromMinutes(2), Workspace.Cancel);
        TestContext.Current.SendDiagnosticMessage($"under the restart it ended with {ended.ExitCode}");
        if (ended.ExitCode == 0)
        {
            // A success is only claimed after it was seen.
            Assert.Equal(("reflected", "pass"), (ended.Json.Valid().Outcome(), ended.Json.Signal("catalog", "reflected")));
        }
        else
        {
            Assert.Contains(ended.ExitCode, (int[])[11, 12, 13, 15]);
            Assert.NotEqual("pass", ended.Json.Valid().Signal("catalog", "reflected"));
        }

        await HealedAsync(product, before);
    }

    [Fact]
    public async Task A_killed_lap_is_healed_by_the_next_run_and_the_one_after_finds_nothing_to_do()
    {
        await shop.SteadyAsync();
        var (before, product) = (await shop.SeenAsync(), Product());
        shop.Sell(product);
        var killed = shop.Start();
        await shop.AppliedAsync(killed);
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromSeconds(30), Workspace.Cancel);
        await HealedAsync(product, before);
        var history = (await Workspace.JsonAsync(0, "history"))["items"]!.AsArray();
        Assert.Contains(history, i => (string?)i!["outcome"] == "interrupted");
    }

    [Fact]
    public async Task Of_two_deploys_at_once_one_rolls_out_and_the_other_waits_for_it()
    {
        await shop.SteadyAsync();
        var product = Product();
        shop.Sell(product);
        var first = shop.Start();
        await shop.AppliedAsync(first);
        var second = shop.Start();
        var impatient = shop.Start("--lock-timeout", "1ms");
        var one = (await first.ResultAsync(TimeSpan.FromMinutes(1), Workspace.Cancel)).Exits(0).Json.Valid();
        var two = (await second.ResultAsync(TimeSpan.FromMinutes(1), Workspace.Cancel)).Exits(0).Json.Valid();
        var three = (await impatient.ResultAsync(TimeSpan.FromMinutes(1), Workspace.Cancel)).Exits(20).Json;
        Assert.Equal(("reflected", 1), (one.Outcome(), one.Count("deploys")));
        Assert.Equal("locked", three.Outcome());
        // Looked again under the lock: what the first has deployed is not deployed again.
        Assert.Equal(("unchanged", 0, 0), (two.Outcome(), two.Count("deploys"), two.Count("built")));
        Assert.Contains(two["segments"]!.AsArray(), s => (string?)s!["name"] == "wait" && (string?)s["kind"] == "lock" && (double)s["seconds"]! > 0.01);
        Assert.Equal(product, await shop.SeenAsync());
    }

    [Fact]
    public async Task The_same_shop_runs_on_one_engine_behind_its_front_ports()
    {
        await shop.RemovedAsync();
        Task<JsonObject> DeployAsync(int code = 0, params string[] more) => Workspace.JsonAsync(code, ["deploy", "--env", "docker", .. more]);
        var first = (await DeployAsync()).Valid();
        Assert.Equal(("reflected", 3), (first.Outcome(), first.Count("deploys")));
        Assert.All(Services, name => Assert.All(Signals, signal => Assert.Equal("pass", first.Signal(name, signal))));
        var began = DateTimeOffset.UtcNow;
        (await DeployAsync()).IsUnchanged();
        Assert.Empty(await shop.EventsAsync(began));

        var product = Product();
        shop.Sell(product);
        var change = (await DeployAsync()).Valid();
        Assert.Equal(("build+rollout inputs-changed", 1), (change.What("catalog"), change.Count("deploys")));
        Assert.Equal(product, await shop.SeenAsync());
        using (Broken("() => \"ready\"", "() => Results.StatusCode(503)"))
        {
            Assert.Equal("readiness-timeout", (await DeployAsync(12)).Valid().Outcome());
            Assert.Equal(product, await shop.SeenAsync());
        }

        await shop.Engine.DockerAsync("rm", "--force", (await shop.Engine.DockerAsync("ps", "--quiet", "--filter", "label=laptime.component=gateway")).Split('\n')[0]);
        var repaired = (await DeployAsync()).Valid();
        Assert.Equal(("rollout target-drifted", "skip unchanged", 1), (repaired.What("gateway"), repaired.What("storefront"), repaired.Count("deploys")));
        Assert.Equal(product, await shop.SeenAsync());
        Assert.Contains("listens on 0.0.0.0:8080", (await Workspace.LapAsync("logs", "storefront", "--env", "docker")).Exits(0).Out, StringComparison.Ordinal);
        await Workspace.JsonAsync(0, "down", "--env", "docker");
        Assert.Empty(await shop.Engine.DockerAsync("ps", "--all", "--quiet"));
    }

    private async Task HealedAsync(string product, string before)
    {
        var healed = await Workspace.LapAsync("deploy", "--env", "swarm", "-o", "json");
        Assert.True(healed.ExitCode == 0, healed.ToString());
        Assert.NotEqual(before, product);
        Assert.Equal(product, await shop.SeenAsync());
        var after = await shop.DeployAsync();
        Assert.True(after.Outcome() == "unchanged", $"healed: {healed.Out}\nafter: {after}");
        after.IsUnchanged();
    }

    /// <summary>A change of the catalog that is taken back.</summary>
    private Restore Broken(string old, string with)
    {
        var restore = Restored("src/catalog/Program.cs");
        Workspace.Edit("src/catalog/Program.cs", old, with);
        return restore;
    }

    private Restore Restored(string file) => new(Workspace, file, Workspace.Read(file));

    private sealed record Restore(LapWorkspace Workspace, string File, string Content) : IDisposable
    {
        public void Dispose() => Workspace.Write(File, Content);
    }

    private static string Product() => $"Chalk {Guid.NewGuid().ToString("N")[..6]}";

    private Task<string> NetworkAsync() => shop.Engine.DockerAsync("network", "inspect", "--format", "{{.ID}}", "shop");

    private static int Bootstraps(JsonObject document) => document["segments"]!.AsArray().Count(s => (string?)s!["name"] == "bootstrap");

    private static double Seconds(JsonObject document, string segment, string component) =>
        (double)document["segments"]!.AsArray().Single(s => (string?)s!["name"] == segment && (string?)s["component"] == component)!["seconds"]!;

    private static (int, int) Instances(JsonObject document, string component)
    {
        var reflected = document.Component(component)["signals"]!["reflected"]!;
        return ((int)reflected["instances"]!, (int)reflected["of"]!);
    }
}
