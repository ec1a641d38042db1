using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>
/// What issue 3 must show, on examples/shop with real deploys. One edit of the protocol builds two components side by side: the storefront, which gets a step of a
/// second and a half and so is what the interval consists of, and the contracts, which get one of a few tenths that nobody waits for. The steps wait instead of
/// working: however slow the machine is, one of them dominates, and the other lies beside it.
/// </summary>
public sealed class ExperimentTests
{
    private const string Bundle = "- { name: bundle, kind: package, run: sleep 2 }";
    private const string Check = "- { name: check, kind: validate, run: sleep 0.5 }";

    [Fact]
    public async Task An_experiment_on_what_does_not_dominate_ends_with_interval_unchanged_and_one_on_what_does_with_faster()
    {
        await using var workspace = await ShopAsync();
        await workspace.DeployAsync();
        var proto = workspace.Read("proto/shop.proto");

        var unchanged = await ExperimentAsync(workspace, "check", "without the check of the contracts a deploy is faster", "sleep 0.5 ", "sleep 0.1 ");
        Assert.Equal("no-evidence", (string?)unchanged["comparison"]!["interval"]!["verdict"]);
        Assert.Equal("better", Segment(unchanged, "build/check", "contracts"));
        Assert.Matches(@"^interval unchanged; the dominant segment is still build/bundle of storefront \(\d+ %\): build/check of contracts \(", Sentence(unchanged));
        Assert.Equal("step check of contracts", (string?)Assert.Single(unchanged["changes"]!.AsArray())!["what"]);
        Assert.Empty(unchanged["warnings"]!.AsArray());

        var faster = await ExperimentAsync(workspace, "bundle", "a faster bundle makes deploys faster", "sleep 2 ", "sleep 0.2 ");
        Assert.Equal("better", (string?)faster["comparison"]!["interval"]!["verdict"]);
        Assert.Equal("better", Segment(faster, "build/bundle", "storefront"));
        Assert.Matches(@"^faster: the interval went from .+ to .+, ×0\.\d+ \(95 %: 0\.\d+ to 0\.\d+\), p = 0\.00\d, 6 runs each; the dominant segment is ", Sentence(faster));

        var page = (await workspace.LapAsync("experiment", "show", faster.Text("name"), "--markdown")).Exits(0).Out;
        Assert.Contains("step bundle of storefront: `components.storefront.build.steps.bundle.run: sleep 2 → sleep 0.2`", page, StringComparison.Ordinal);
        Assert.Equal(page, workspace.Read($".laptime/reports/{faster.Text("id")}.md"));
        Assert.Contains("is finished: faster", (await workspace.LapAsync("experiment", "finish", faster.Text("name"))).Exits(2).Error, StringComparison.Ordinal);

        // The same two baselines, by name: for CI.
        var (before, after) = ((string)faster["before"]!["label"]!, (string)faster["after"]!["label"]!);
        await workspace.JsonAsync(0, "compare", before, after, "--fail-on", "worse", "--min-effect", "25%");
        var back = await workspace.JsonAsync(16, "compare", after, before, "--fail-on", "worse", "--min-effect", "25%");
        Assert.Equal(("regression", "worse"), (back.Text("outcome"), (string?)back["interval"]!["verdict"]));
        Assert.StartsWith("slower: ", back.Text("sentence"), StringComparison.Ordinal);
        Assert.Equal(proto, workspace.Read("proto/shop.proto"));
    }

    [Fact]
    public async Task Single_transactions_are_compared_honestly()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        await workspace.DeployAsync();
        workspace.Write("src/web/text.txt", "second text");
        await workspace.DeployAsync();
        var document = await workspace.JsonAsync(17, "compare", "last~1", "last");
        Assert.Equal(("laptime/comparison/v1", "inconclusive"), (document.Text("schema"), document.Text("outcome")));
        Assert.StartsWith("inconclusive: 1 run each; at least 4 each are needed", document.Text("sentence"), StringComparison.Ordinal);
        Assert.Contains(document["segments"]!.AsArray(), s => (string?)s!["segment"] == "build/copy");
        var text = (await workspace.LapAsync("compare", "last~1", "last")).Exits(17).Out;
        Assert.Contains("? inconclusive: 1 run each", text, StringComparison.Ordinal);
        Assert.Contains("| **interval** |", (await workspace.LapAsync("compare", "last~1", "last", "--markdown")).Exits(17).Out, StringComparison.Ordinal);

        Assert.Contains("there is no transaction `last~7`", (await workspace.LapAsync("compare", "last~7", "last")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("--fail-on better", (await workspace.LapAsync("compare", "last~1", "last", "--fail-on", "better")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("what do you expect?", (await workspace.LapAsync("experiment", "start", "x")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("no experiment is open", (await workspace.LapAsync("experiment", "finish")).Exits(2).Error, StringComparison.Ordinal);
    }

    /// <summary>
    /// The machine of a test is busy with other tests: its calibration may move between the two baselines, and then the honest end is inconclusive. So is the
    /// experiment made again, from its beginning. Only changes by a quarter count here, so that no drift of a busy machine is called one.
    /// </summary>
    private static async Task<JsonObject> ExperimentAsync(LapWorkspace workspace, string name, string hypothesis, string was, string becomes)
    {
        for (var attempt = 1; ; attempt++)
        {
            var started = await workspace.JsonAsync(0, "experiment", "start", $"{name}-{attempt}", "--hypothesis", hypothesis, "--scenario", "edit:proto/shop.proto", "-n", "6");
            Assert.Equal(("laptime/experiment/v1", "build/bundle", "storefront"), (started.Text("schema"), (string?)started["dominant"]!["segment"], (string?)started["dominant"]!["component"]));
            Assert.Equal("open", (string?)(await workspace.JsonAsync(0, "experiment", "list"))["items"]![0]!["state"]);
            workspace.Edit("laptime.yaml", was, becomes);
            var finish = await workspace.LapAsync("experiment", "finish", $"{name}-{attempt}", "--min-effect", "25%", "-o", "json");
            if (finish.ExitCode != 17 || attempt == 6)
            {
                return finish.Exits(0).Json;
            }

            Assert.StartsWith("inconclusive: the machine moved", Sentence(finish.Json), StringComparison.Ordinal);
            workspace.Edit("laptime.yaml", becomes, was);
        }
    }

    private static string Sentence(JsonObject experiment) => (string)experiment["comparison"]!["sentence"]!;

    private static string? Segment(JsonObject experiment, string segment, string component) =>
        (string?)experiment["comparison"]!["segments"]!.AsArray().Single(s => (string?)s!["segment"] == segment && (string?)s["component"] == component)!["verdict"];

    private static async Task<LapWorkspace> ShopAsync()
    {
        var (workspace, _) = await DemoShop.CopyAsync();
        workspace.Edit("laptime.yaml", "- { name: generate, kind: compile, run: sh generate.sh }", "- { name: generate, kind: compile, run: sh generate.sh }\n        " + Check);
        workspace.Edit("laptime.yaml", "- { name: page, kind: compile, run: python3 build.py }", "- { name: page, kind: compile, run: python3 build.py }\n        " + Bundle);
        return workspace;
    }
}
