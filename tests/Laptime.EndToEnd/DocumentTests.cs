using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>`lap deploy -o json` against docs/schema/transaction.v1.json, for every way a deploy ends.</summary>
public sealed class DocumentTests
{
    /// <summary>Two components, a library that one of them uses, and a step that the fast loop leaves out.</summary>
    private static async Task<(LapWorkspace Workspace, int Port)> ThreeAsync()
    {
        var port = Ports.Free();
        var workspace = await LapWorkspace.OfAsync(
            "  library:\n    path: lib\n    build: { steps: [ { name: make, run: \"mkdir -p out && cp words.txt out/\" } ], outputs: [\"out/**\"] }\n"
            + LittleServer.Yaml("api", Ports.Free(), "uses: [library]")
            + LittleServer.Yaml("web", port, "needs: [api]", steps: "- { name: lint, kind: validate, run: \"true\", loops: [safe] }"));
        workspace.Write("lib/words.txt", "words");
        return (workspace, port);
    }

    [Fact]
    public async Task Reflected_and_unchanged_documents_are_as_the_schema_says_and_their_times_add_up()
    {
        var (workspace, _) = await ThreeAsync();
        await using var end = workspace;
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Equal("reflected", first.Outcome());
        Assert.Equal((3, 2, 2), (first.Count("built"), first.Count("rollouts"), first.Count("deploys")));
        Assert.Equal("build+rollout never-built", first.What("web"));
        Assert.Equal("build never-built", first.What("library"));
        Assert.Equal("pass", first.Signal("web", "live"));
        Assert.Equal("pass", first.Signal("web", "ready"));
        Assert.Equal("not-defined", first.Signal("web", "smoke"));
        Assert.Equal("pass", first.Signal("web", "reflected"));
        Assert.Equal(first.Component("web").Text("revision"), (string?)first.Component("web")["signals"]!["reflected"]!["observed"]);
        Assert.Equal(["web: step lint is left out of the fast loop"], Document.Texts(first["parityGaps"]));

        var fast = (await workspace.DeployAsync()).IsUnchanged();
        var full = (await workspace.DeployAsync("--progress", "plain")).IsUnchanged();
        Assert.Equal(Document.Texts(first["parityGaps"]), Document.Texts(fast["parityGaps"]));
        // The plan is a segment of the full run only: the fast path compares with a plan that was made before.
        Assert.Contains(full["segments"]!.AsArray(), s => (string?)s!["name"] == "plan");
        Assert.DoesNotContain(fast["segments"]!.AsArray(), s => (string?)s!["name"] == "plan");
        SameKeys(full, fast, "$");
        foreach (var name in (string[])["library", "api", "web"])
        {
            var (slow, quick) = (full.Component(name).DeepClone().AsObject(), fast.Component(name).DeepClone().AsObject());
            foreach (var reading in new[] { slow["reading"], quick["reading"] }.OfType<JsonObject>())
            {
                reading.Remove("at");
            }

            Assert.True(JsonNode.DeepEquals(slow, quick), $"{slow}\n{quick}");
        }
    }

    [Fact]
    public async Task The_report_command_and_the_report_file_have_the_same_document()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        foreach (var run in (string[][])[[], []])
        {
            var printed = await workspace.DeployAsync(run);
            var id = printed.Text("id");
            Assert.True(JsonNode.DeepEquals(printed, await workspace.JsonAsync(0, "report", id)), "report -o json differs");
            Assert.True(JsonNode.DeepEquals(printed, JsonNode.Parse(workspace.Read($".laptime/reports/{id}.json"))), "the file differs");
            Assert.Contains(id, workspace.Read($".laptime/reports/{id}.md"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_failed_document_has_the_failure_and_is_as_the_schema_says()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(step: "false");
        await using var end = workspace;
        var document = (await workspace.JsonAsync(10, "deploy")).Valid();
        Assert.Equal(("build-failed", 10), (document.Outcome(), (int)document["exitCode"]!));
        Assert.Equal("build-failed", (string?)document["failure"]!["kind"]);
        Assert.Equal("failed", (string?)document["interval"]!["to"]);
    }

    [Fact]
    public async Task An_interrupted_document_is_as_the_schema_says_and_so_is_that_of_a_killed_run()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(step: "echo begun >> ../../../beside/begun && sleep 600");
        await using var end = workspace;
        var begun = Path.Combine(workspace.Beside, "begun");
        var run = workspace.Start("deploy", "-o", "json");
        await workspace.UntilAsync(() => File.Exists(begun), "the step begins");
        run.Signal(UnixSignal.Interrupt);
        var interrupted = (await run.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(130).Json.Valid();
        Assert.Equal("interrupted", interrupted.Outcome());

        File.Delete(begun);
        var killed = workspace.Start("deploy", "-o", "json");
        await workspace.UntilAsync(() => File.Exists(begun), "the step begins again");
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);
        workspace.Edit("laptime.yaml", "sleep 600", "true");
        (await workspace.DeployAsync()).Valid();
        var items = (await workspace.JsonAsync(0, "history"))["items"]!.AsArray();
        var id = (string)items[1]!["id"]!;
        var closed = (await workspace.JsonAsync(0, "report", id)).Valid();
        Assert.Equal("interrupted", closed.Outcome());
        Assert.Null(closed["interval"]?["end"]);
        Assert.Contains(closed["segments"]!.AsArray(), s => s!["seconds"] is null);
        Assert.Contains("interrupted", workspace.Read($".laptime/reports/{id}.md"), StringComparison.Ordinal);
        JsonNode.Parse(workspace.Read($".laptime/reports/{id}.json"))!.AsObject().Valid();
    }

    [Fact]
    public async Task Down_rollback_and_plan_documents_are_as_the_schema_says()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        Assert.Equal("planned", (await workspace.JsonAsync(0, "plan")).Valid().Outcome());
        await workspace.DeployAsync();
        workspace.Write("src/web/text.txt", "second text");
        (await workspace.DeployAsync()).Valid();
        var back = (await workspace.JsonAsync(0, "rollback")).Valid();
        Assert.Equal("rolled-back", back.Outcome());
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
        Assert.Equal("stopped", (await workspace.JsonAsync(0, "down")).Valid().Outcome());
    }

    /// <summary>The same keys in the same order, wherever both have an object.</summary>
    private static void SameKeys(JsonNode? full, JsonNode? fast, string at)
    {
        if (full is JsonObject a && fast is JsonObject b)
        {
            Assert.True(a.Select(k => k.Key).SequenceEqual(b.Select(k => k.Key)), $"{at}: {string.Join(' ', a.Select(k => k.Key))} / {string.Join(' ', b.Select(k => k.Key))}");
            foreach (var (key, value) in a)
            {
                SameKeys(value, b[key], $"{at}.{key}");
            }
        }
        else if (full is JsonArray x && fast is JsonArray y && x.Count > 0 && y.Count > 0)
        {
            // Segments are not the same ones; each has the same keys.
            if (at == "$.segments")
            {
                Assert.All(x.Concat(y), s => Assert.Equal(x[0]!.AsObject().Select(k => k.Key), s!.AsObject().Select(k => k.Key)));
                return;
            }

            for (var i = 0; i < Math.Min(x.Count, y.Count); i++)
            {
                SameKeys(x[i], y[i], $"{at}[{i}]");
            }
        }
        else
        {
            Assert.True((full is null) == (fast is null) || at.EndsWith("trigger.revision", StringComparison.Ordinal) || at.EndsWith(".actor", StringComparison.Ordinal), $"{at}: {full} / {fast}");
        }
    }
}
