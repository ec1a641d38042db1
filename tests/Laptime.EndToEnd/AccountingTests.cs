using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>Where the time went before the command, over several runs: what cannot be made free by doing it earlier, and what nobody may invent.</summary>
public sealed class AccountingTests
{
    private static readonly SmallJsonSchema HistorySchema =
        new(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", "history-segments.v1.json")))!);

    private static IEnumerable<JsonObject> Before(JsonObject document) =>
        document["segments"]!.AsArray().Select(s => s!.AsObject()).Where(s => (double)s["start"]! < 0);

    [Fact]
    public async Task A_build_of_a_failed_deploy_is_counted_in_the_next_one_and_not_in_the_one_after()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(
            probes: "ready: { http: /health, timeout: 1s, poll: 20ms }\nreflect: { http: /version, contains: \"${revision}\", timeout: 5s, poll: 20ms }");
        await using var end = workspace;
        await workspace.DeployAsync();
        var bad = Path.Combine(workspace.Beside, "bad");
        workspace.Write("src/web/server.py", LittleServer.Script(answer: $"if path == \"/health\" and os.path.exists(\"{bad}\"): return 503, \"not yet\""));
        File.WriteAllText(bad, "");
        var failed = (await workspace.JsonAsync(12, "deploy")).Valid();
        Assert.True((double)failed["interval"]!["artifactPublishSeconds"]! > 0, "it was published, and then not ready");
        File.Delete(bad);

        var second = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("save", "rollout"), ((string?)second["trigger"]!["event"], (string?)second.Component("web")["action"]));
        var build = Before(second).Single(s => (string?)s["kind"] == "earlier");
        Assert.Equal(("build", "web", true), ((string?)build["name"], (string?)build["component"], (bool)build["criticalPath"]!));
        Assert.Equal(failed.Text("id"), (string?)second.Component("web")["artifactBuild"]!["transaction"]);
        var published = (double)second["interval"]!["artifactPublishSeconds"]!;
        Assert.InRange(published, (double)build["seconds"]! - 0.001, (double)second["interval"]!["seconds"]! - (double)second["interval"]!["rolloutSeconds"]! + 0.001);

        // Stopped and brought back: no change is delivered, so nothing is waited for.
        await workspace.LapAsync("down");
        var back = (await workspace.DeployAsync()).Valid();
        Assert.Equal("start", (string?)back["trigger"]!["event"]);
        Assert.Empty(Before(back));
    }

    [Fact]
    public async Task What_ci_and_the_caller_say_of_the_wait_is_a_queue_and_an_approval()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        workspace.Write(".gitignore", "out/\n.laptime/\n");
        await workspace.GitAsync("init", "-q");
        await workspace.GitAsync("add", "-A");
        workspace.Environment["GIT_COMMITTER_DATE"] = DateTimeOffset.UtcNow.AddSeconds(-600).ToString("O");
        await workspace.GitAsync("commit", "-qm", "first");
        workspace.Environment["GITLAB_CI"] = "true";
        workspace.Environment["CI_PIPELINE_CREATED_AT"] = DateTimeOffset.UtcNow.AddSeconds(-500).ToString("O");
        workspace.Environment["CI_JOB_STARTED_AT"] = DateTimeOffset.UtcNow.AddSeconds(-50).ToString("O");
        var document = (await workspace.DeployAsync(
            "--approval-since", DateTimeOffset.UtcNow.AddSeconds(-400).ToString("O"), "--approved-at", DateTimeOffset.UtcNow.AddSeconds(-100).ToString("O"))).Valid();
        Assert.Equal("commit", (string?)document["trigger"]!["event"]);
        Assert.Equal(["idle 100", "queue 100", "approval 300", "queue 50", "job 50"], Before(document).Select(s => $"{s["kind"]} {Math.Round((double)s["seconds"]! / 10) * 10}"));
        Assert.Equal(("wait", "approval"), ((string?)document["dominant"]!["segment"], (string?)document["dominant"]!["kind"]));
        Assert.Contains("wait (approval) took the most", (await workspace.LapAsync("report")).Exits(0).Out, StringComparison.Ordinal);

        var mistake = await workspace.JsonAsync(2, "deploy", "--approved-at", "yesterday");
        Assert.Contains("yesterday is no time", mistake.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_run_has_no_end_in_any_of_its_forms()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(step: "echo begun >> ../../../beside/begun && sleep 600");
        await using var end = workspace;
        var killed = workspace.Start("deploy", "--progress", "quiet");
        await workspace.UntilAsync(() => File.Exists(Path.Combine(workspace.Beside, "begun")), "the step begins");
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);
        workspace.Edit("laptime.yaml", "sleep 600", "true");
        await workspace.DeployAsync();
        var items = (await workspace.JsonAsync(0, "history"))["items"]!.AsArray();
        var item = items[1]!;
        Assert.Equal(("interrupted", null, null, null), ((string?)item["outcome"], (double?)item["seconds"], (string?)item["end"], (double?)item["rolloutSeconds"]));
        var id = (string)item["id"]!;
        var document = (await workspace.JsonAsync(0, "report", id)).Valid();
        Assert.Null(document["dominant"]);
        Assert.Contains(document["segments"]!.AsArray(), s => s!["seconds"] is null && ((string)s["name"]!).StartsWith("build/", StringComparison.Ordinal));
        Assert.All(document["segments"]!.AsArray(), s => Assert.False((bool)s!["criticalPath"]!));
        Assert.Contains("no end", (await workspace.LapAsync("report", id)).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("no end recorded", workspace.Read($".laptime/reports/{id}.md"), StringComparison.Ordinal);
        Assert.Contains("no end", (await workspace.LapAsync("history")).Exits(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_history_by_segment_is_as_its_schema_says_and_is_one_scenario()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        Check(await workspace.JsonAsync(0, "history", "--by", "segment"));
        for (var i = 0; i < 4; i++)
        {
            workspace.Write("src/web/text.txt", $"text {i}");
            await workspace.DeployAsync();
        }

        await workspace.DeployAsync();
        var history = Check(await workspace.JsonAsync(0, "history", "--by", "segment", "-n", "3"));
        Assert.Equal(("build+rollout web", 3, 4), ((string?)history["scenario"]!["text"], history["transactions"]!.AsArray().Count, (int)history["of"]!));
        Assert.Equal(3, history["rollout"]!["values"]!.AsArray().Count(v => (double)v! > 0));
        Assert.Equal(3, history["artifactPublish"]!["values"]!.AsArray().Count(v => (double)v! > 0));
        Assert.Equal(3, history["items"]!.AsArray().Sum(i => (int)i!["dominant"]!));
        Assert.Equal("nothing to do", (string?)Check(await workspace.JsonAsync(0, "history", "--by", "segment", "--scenario", "nothing"))["scenario"]!["text"]);
        await workspace.JsonAsync(2, "history", "--by", "segment", "--scenario", "no such thing");
        await workspace.JsonAsync(2, "history", "--scenario", "nothing");

        static JsonObject Check(JsonObject document)
        {
            Assert.Null(HistorySchema.Refusal(document));
            return document;
        }
    }
}
