using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>An environment's infrastructure: bootstrapped when its content changed, after everything is built, and steady afterwards.</summary>
public sealed class InfraTests
{
    private static async Task<(LapWorkspace Workspace, int Api, int Web)> TwoAsync()
    {
        var (api, web) = (Ports.Free(), Ports.Free());
        var workspace = await LapWorkspace.OfAsync(
            LittleServer.Yaml("api", api) + LittleServer.Yaml("web", web),
            "environments:\n  local: { target: process, infra: { inputs: [\"infra/**\"], bootstrap: [ { run: sh infra/up.sh } ] } }");
        workspace.Write("infra/size.txt", "small");
        Up(workspace, "true");
        return (workspace, api, web);
    }

    private static void Up(LapWorkspace workspace, string work) => workspace.Write("infra/up.sh", $"echo up >> ../beside/ups\n{work}\n");

    private static int Ups(LapWorkspace workspace) => File.Exists(Path.Combine(workspace.Beside, "ups")) ? File.ReadAllLines(Path.Combine(workspace.Beside, "ups")).Length : 0;

    [Fact]
    public async Task Bootstrapped_once_then_steady_and_a_failed_build_touches_nothing()
    {
        var (workspace, api, web) = await TwoAsync();
        await using var end = workspace;
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("reflected", 1), (first.Outcome(), Ups(workspace)));
        Assert.Contains(first["segments"]!.AsArray(), s => (string?)s!["name"] == "bootstrap" && (string?)s["outcome"] == "ok");
        (await workspace.DeployAsync()).IsUnchanged();
        Assert.Equal(1, Ups(workspace));

        // The environment is about to be replaced; but what has to run in it cannot be built.
        Up(workspace, $"'{Lap.Program}' agent stop --instances > /dev/null");
        workspace.Write("src/web/text.txt", "second text");
        workspace.Edit("laptime.yaml", "mkdir -p out && cp", "test ! -f broken && mkdir -p out && cp");
        workspace.Write("src/web/broken", "");
        Assert.Equal("build-failed", (await workspace.JsonAsync(10, "deploy")).Valid().Outcome());
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(web));
        Assert.Equal(1, Ups(workspace));
        File.Delete(workspace.At("src/web/broken"));

        // Only api is asked for: infra beats it and says so. What the bootstrap took down is back in the same transaction.
        var replaced = (await workspace.DeployAsync("api")).Valid();
        Assert.Equal(("reflected", 2), (replaced.Outcome(), Ups(workspace)));
        Assert.Contains(Document.Texts(replaced["warnings"]), w => w.StartsWith("infra of local changed (infra/up.sh)", StringComparison.Ordinal) && w.EndsWith("not only api", StringComparison.Ordinal));
        Assert.StartsWith("build+rollout", replaced.What("web"), StringComparison.Ordinal);
        Assert.Equal((200, "first text of api"), await workspace.GetAsync(api));
        Assert.Equal((200, "second text"), await workspace.GetAsync(web));
        Assert.Equal("unchanged", (await workspace.DeployAsync()).Valid().Outcome());
        Assert.Equal(2, Ups(workspace));

        // Nothing is built at all: the artifacts are here, and only what was taken down is deployed again.
        workspace.Write("infra/size.txt", "large");
        var larger = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("bootstrap infra-changed", "bootstrap infra-changed", 3), (larger.What("api"), larger.What("web"), Ups(workspace)));
        Assert.Equal(["infra/size.txt"], larger.Detail("web"));
        Assert.Equal((200, "second text"), await workspace.GetAsync(web));
    }

    [Fact]
    public async Task A_bootstrap_that_takes_nothing_down_ends_well_and_one_that_failed_is_done_again()
    {
        var (workspace, api, _) = await TwoAsync();
        await using var end = workspace;
        await workspace.DeployAsync();
        workspace.Write("infra/size.txt", "large");
        var quiet = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("bootstrapped", "skip unchanged", 0, 2), (quiet.Outcome(), quiet.What("api"), quiet.Count("deploys"), Ups(workspace)));

        Up(workspace, "echo no such network >&2; exit 3");
        var failed = (await workspace.JsonAsync(11, "deploy")).Valid();
        Assert.Contains("no such network", failed["failure"]!["tail"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal((200, "first text of api"), await workspace.GetAsync(api));

        // Back to the content that stood before: but the environment was left half way.
        Up(workspace, "true");
        Assert.Equal("bootstrapped", (await workspace.DeployAsync()).Valid().Outcome());
        Assert.Equal(4, Ups(workspace));
        Assert.Equal("unchanged", (await workspace.DeployAsync()).Valid().Outcome());
        Assert.Contains("infra of local changed", (await WithEditAsync(workspace)).Out, StringComparison.Ordinal);
        Assert.Equal(4, Ups(workspace));
    }

    private static async Task<LapResult> WithEditAsync(LapWorkspace workspace)
    {
        workspace.Write("infra/size.txt", "huge");
        return (await workspace.LapAsync("plan")).Exits(0);
    }
}
