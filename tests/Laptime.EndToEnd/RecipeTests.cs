using System.Text.Json.Nodes;
using Laptime.EndToEnd.Docker;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap test` on processes: examples/recipes/kv, and what is made wrong with it.</summary>
public sealed class RecipeTests
{
    private static readonly SmallJsonSchema Schema = new(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", "recipe-run.v1.json")))!);

    /// <summary>The recipe as it lies in the examples: a folder with a bundle.</summary>
    private static Task<LapWorkspace> KvAsync() => ExampleAsync("kv");

    private static async Task<LapWorkspace> ExampleAsync(string name)
    {
        var workspace = await LapWorkspace.EmptyAsync();
        var source = Path.Combine(Lap.Root, "examples", "recipes", name);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/.laptime/", StringComparison.Ordinal)))
        {
            var target = workspace.At(Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return workspace;
    }

    /// <summary>The recipe as a repository of its own, its published version 1.0.0 the head as it is, and head as <paramref name="change"/> makes it.</summary>
    private static async Task<LapWorkspace> PublishedAsync(Action<LapWorkspace> change)
    {
        var workspace = await KvAsync();
        File.Delete(workspace.At("published.bundle"));
        await workspace.GitAsync("init", "-q");
        await CommitAsync(workspace, "1.0.0");
        workspace.Edit("kv.py", "VERSION = \"1.1.0\"", "VERSION = \"1.2.0\"");
        change(workspace);
        await CommitAsync(workspace, "1.2.0");
        return workspace;
    }

    private static async Task CommitAsync(LapWorkspace workspace, string tag)
    {
        await workspace.RunAsync("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "add", "-A");
        await workspace.RunAsync("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", tag);
        await workspace.RunAsync("git", "tag", tag);
    }

    private static void WriteProgram(LapWorkspace workspace, string path, string text)
    {
        workspace.Write(path, text);
        File.SetUnixFileMode(workspace.At(path), (UnixFileMode)0b111_101_101);
    }

    private static async Task<JsonObject> TestAsync(LapWorkspace workspace, int exitCode, params string[] arguments)
    {
        var document = await workspace.JsonAsync(exitCode, ["test", ".", .. arguments]);
        Assert.Null(Schema.Refusal(document));
        return document;
    }

    private static JsonObject Tier(JsonObject document, string name) => document["tiers"]!.AsArray().Select(t => t!.AsObject()).Single(t => (string)t["name"]! == name);

    private static string Statuses(JsonObject document) => string.Join(' ', document["tiers"]!.AsArray().Select(t => (string)t!["status"]!));

    private static (int, int, int, int, int, int) Counts(JsonObject document) =>
        ((int)document["deployCount"]!, (int)document["expected"]!, (int)document["inPlaceUpdates"]!, (int)document["removes"]!, (int)document["countedByTarget"]!, (int)document["updatesByTarget"]!);

    /// <summary>Nothing that works in the recipe's folders runs any more.</summary>
    private static void NothingRuns(LapWorkspace workspace) => Assert.Empty(workspace.Leftovers());

    [Fact]
    public async Task The_key_value_recipe_passes_all_five_tiers_on_one_deployment()
    {
        await using var workspace = await KvAsync();
        var seen = (await workspace.LapAsync("test", ".")).Exits(0).Out;
        Assert.Contains("1.0.0 → 1.1.0 on process", seen, StringComparison.Ordinal);
        Assert.Contains("deploy-count = 1 (expect 1)", seen, StringComparison.Ordinal);
        Assert.Contains("teardown: clean", seen, StringComparison.Ordinal);
        Assert.Contains("fresh install of head: not verified", seen, StringComparison.Ordinal);

        var document = await TestAsync(workspace, 0, "--fresh", "--strict");
        Assert.Equal("pass pass pass pass pass", Statuses(document));
        Assert.Equal((2, 2, 1, 2, 2, 1), Counts(document));
        Assert.Equal(("1.0.0", "1.1.0", "pass"), ((string)document["base"]!, (string)document["head"]!, (string)document["fresh"]!));
        Assert.Equal("1.0.0", (string)Tier(document, "install")["verifiedVersion"]!);
        Assert.Equal("1.1.0", (string)Tier(document, "upgrade")["verifiedVersion"]!);
        NothingRuns(workspace);
        Assert.Contains("1 base", (await workspace.LapAsync("test", ".", "--budget-record")).Exits(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chosen_tiers_have_the_version_itself_as_their_base_and_a_missing_check_weakens()
    {
        await using var workspace = await KvAsync();
        var document = await TestAsync(workspace, 0, "--stages", "install,custom");
        Assert.Equal("pass pass", Statuses(document));
        Assert.Equal((1, 1, 0, 1, 1, 0), Counts(document));
        Assert.Equal("1.1.0", (string)document["base"]!);
        File.Delete(workspace.At("tests/custom/unknown-item.sh"));
        var weaker = await TestAsync(workspace, 23, "--stages", "install,custom", "--strict");
        Assert.NotEmpty(weaker["weakened"]!.AsArray());
        NothingRuns(workspace);
    }

    [Fact]
    public async Task A_hook_that_deploys_turns_a_green_run_into_a_broken_budget()
    {
        var bad = BadRecipe.Named("hook-deploys");
        await using var workspace = await ExampleAsync(bad.Example);
        workspace.Environment["PATH"] = Path.GetDirectoryName(Lap.Program) + ":" + Environment.GetEnvironmentVariable("PATH");
        var document = await TestAsync(workspace, bad.Exit);
        Assert.Null(bad.Missed(document));
        Assert.Equal(("budget-exceeded", 2), ((string)document["outcome"]!, (int)document["updatesByTarget"]!));
        NothingRuns(workspace);
    }

    [Fact]
    public async Task What_is_wrong_with_a_recipe_fails_its_tier_in_words()
    {
        await using var workspace = await PublishedAsync(w => w.Edit("kv.py", "VERSION = \"1.2.0\"", "VERSION = \"1.1.0\""));
        var same = await TestAsync(workspace, 23, "--stages", "upgrade");
        Assert.Contains("nothing was replaced", (string)Tier(same, "upgrade")["reason"]!, StringComparison.Ordinal);

        // Memory in place of files: nothing that is restored is seen.
        workspace.Edit("kv.py", "return self.answer(200, file.read_text()) if file and file.is_file() else self.answer(404, \"no such item\\n\")",
            "return self.answer(200, MEMORY[file.name]) if file and file.name in MEMORY else self.answer(404, \"no such item\\n\")");
        workspace.Edit("kv.py", "        temporary.replace(file)", "        temporary.replace(file)\n        MEMORY[file.name] = file.read_text()");
        workspace.Edit("kv.py", "        file.unlink()", "        file.unlink()\n        MEMORY.pop(file.name)");
        workspace.Edit("kv.py", "server = http", "MEMORY = {f.name: f.read_text() for f in (DATA / \"items\").iterdir()}\nserver = http");
        var deaf = await TestAsync(workspace, 23);
        Assert.Equal(("pass", "fail"), ((string)Tier(deaf, "backup")["status"]!, (string)Tier(deaf, "restore")["status"]!));
        Assert.Contains("the restore restored nothing", (string)Tier(deaf, "restore")["reason"]!, StringComparison.Ordinal);

        WriteProgram(workspace, "tests/custom/meddle.sh", $"#!/bin/sh\ncd \"$RECIPE_FOLDER/../deployments/$RECIPE_DEPLOYMENT/work\" && exec \"{Lap.Program}\" deploy --force -q\n");
        var meddled = await TestAsync(workspace, 18, "--stages", "install,custom");
        Assert.Contains("meddle.sh changed the deployment", (string)Tier(meddled, "custom")["reason"]!, StringComparison.Ordinal);
        File.Delete(workspace.At("tests/custom/meddle.sh"));

        workspace.Edit("kv.py", "server.serve_forever()", "import subprocess; subprocess.Popen([\"setsid\", \"-f\", \"sleep\", \"97\"])\nserver.serve_forever()");
        var leaked = await TestAsync(workspace, 23, "--stages", "install");
        Assert.Equal("leaked", (string)leaked["teardown"]!);
        foreach (var left in leaked["left"]!.AsArray().Select(l => ((string)l!).Split(' ')[1]))
        {
            UnixSignal.Send(int.Parse(left, System.Globalization.CultureInfo.InvariantCulture), 9);
        }

        workspace.Edit("kv.py", "(200 if os.access(DATA, os.W_OK) else 503, \"ready\\n\")", "(503, \"never\\n\")");
        workspace.Edit("laptime.yaml", "timeout: 15s", "timeout: 1s");
        var never = await TestAsync(workspace, 23, "--stages", "install,custom");
        Assert.Equal("fail unverified", Statuses(never));
        Assert.Contains("readiness-timeout", (string)Tier(never, "install")["reason"]!, StringComparison.Ordinal);

        workspace.Write("kv.py", "print('leaving')\n");
        var looping = await TestAsync(workspace, 23, "--stages", "install");
        Assert.Contains("not-live", (string)Tier(looping, "install")["reason"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cold_dependency_is_deployed_once_and_wired_and_a_warm_one_is_borrowed()
    {
        await using var workspace = await KvAsync();
        await using var other = await KvAsync();
        workspace.Write("recipe.yaml", workspace.Read("recipe.yaml") + $$"""
            deps: [ { recipe: "{{other.Root}}", mode: auto, export: { OTHER_URL: "${url}" } } ]
            """);
        other.Write("recipe.yaml", "recipe: other\n" + other.Read("recipe.yaml"));
        WriteProgram(workspace, "tests/custom/wired.sh", "#!/bin/sh\nexec python3 -c 'import os, urllib.request; urllib.request.urlopen(os.environ[\"OTHER_URL\"] + \"/health\", timeout=10)'\n");
        var cold = await TestAsync(workspace, 0, "--stages", "install,custom");
        Assert.Equal((2, 2, 0, 2, 2, 0), Counts(cold));
        Assert.Equal("other", (string)cold["deps"]!["deployed"]![0]!);

        Assert.Equal("created", (string)(await TestAsync(other, 0, "--stages", "install", "--refresh-canonical"))["canonical"]!["action"]!);
        var warm = await TestAsync(workspace, 0, "--stages", "install,custom");
        Assert.Equal((1, 1, 0, 1, 1, 0), Counts(warm));
        Assert.Equal("other", (string)warm["deps"]!["warm"]![0]!);
        foreach (var work in Directory.EnumerateDirectories(other.At(".laptime/test/canonical/deployments")))
        {
            await other.RunAsync(Lap.Program, "agent", "stop", "--instances", "-f", Path.Combine(work, "work", "laptime.yaml"));
        }

        NothingRuns(workspace);
    }

    [Fact]
    public async Task What_a_killed_run_left_is_removed_by_the_next_one()
    {
        await using var workspace = await KvAsync();
        WriteProgram(workspace, "tests/custom/wait.sh", $"#!/bin/sh\ntouch '{workspace.At("reached")}'\nwhile [ ! -e '{workspace.At("go")}' ]; do sleep 0.05; done\n");
        var run = workspace.Start("test", ".", "--stages", "install,custom");
        await workspace.UntilAsync(() => File.Exists(workspace.At("reached")), "the check runs");
        run.Signal(9);
        await workspace.UntilAsync(() => run.HasExited, "it is dead");

        workspace.Write("go", "");
        var next = await TestAsync(workspace, 0, "--stages", "install,custom");
        Assert.Contains(next["warnings"]!.AsArray(), w => ((string)w!).Contains("it is removed now", StringComparison.Ordinal));
        Assert.Equal((1, 1, 0, 1, 1, 0), Counts(next));
        NothingRuns(workspace);
    }

    [Theory]
    [InlineData("unknown-key: 1", "unknown-key")]
    [InlineData("deploys: 2", "no key touches the budget")]
    public async Task Mistakes_are_told_before_anything_runs(string line, string said)
    {
        await using var workspace = await KvAsync();
        workspace.Write("recipe.yaml", line + "\n");
        var told = (await workspace.LapAsync("test", ".")).Exits(2);
        Assert.Contains(said, told.Error, StringComparison.Ordinal);
        Assert.Contains("recipe.yaml:1:1", told.Error, StringComparison.Ordinal);
        File.Delete(workspace.At("recipe.yaml"));
        Assert.Contains("backup", (await workspace.LapAsync("test", ".", "--stages", "restore")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("install", (await workspace.LapAsync("test", ".", "--stages", "instal")).Exits(2).Error, StringComparison.Ordinal);
    }
}
