using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap baseline`, by the real program on a git workspace.</summary>
public sealed class BaselineTests
{
    private const string Edited = "src/web/text.txt";
    private static readonly SmallJsonSchema Schema = Of("baseline");
    private static readonly SmallJsonSchema ListSchema = Of("baselines");

    private static SmallJsonSchema Of(string name) => new(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", name + ".v1.json")))!);

    private static async Task<LapWorkspace> InGitAsync(string? step = null)
    {
        var (workspace, _) = await LapWorkspace.OneAsync(step: step, steps: "- { name: lint, kind: validate, run: \"true\", loops: [safe] }");
        workspace.Write(".gitignore", "out/\n");
        workspace.Write("README.md", "no input of anything\n");
        await workspace.GitAsync("init", "-q");
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "all");

        // Hours old and with nanoseconds: nothing that is written anew has such a time by chance.
        await workspace.RunAsync("touch", "-d", "2026-01-02 03:04:05.123456789", Edited);
        await workspace.RunAsync("chmod", "751", Edited);
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "modes");
        return workspace;
    }

    /// <summary>Content, mode, time of writing to the nanosecond, and inode.</summary>
    private static async Task<string> FactsAsync(LapWorkspace workspace) =>
        await workspace.RunAsync("stat", "-c", "%a %y %s %i %U", Edited) + await workspace.RunAsync("sha256sum", Edited) + "status:" + await workspace.RunAsync("git", "status", "--porcelain");

    [Fact]
    public async Task A_recording_killed_at_any_moment_leaves_the_working_tree_as_it_was()
    {
        await using var workspace = await InGitAsync();
        await workspace.DeployAsync();
        var before = await FactsAsync(workspace);
        Assert.EndsWith("status:", before);
        var text = workspace.Read(Edited);
        var undo = workspace.At(".laptime/measuring/undo.json");
        var samples = new List<int>();
        (string Moment, Func<LapProcess, bool> Come)[] moments =
        [
            ("announced", _ => File.Exists(undo)),
            ("edited", _ => workspace.Read(Edited) != text),
            ("the edit is built", lap => workspace.Read(Edited) != text && lap.ErrorSoFar.Contains("\"run-started\"", StringComparison.Ordinal) && Directory.Exists(workspace.At("src/web/out"))),
            ("after a run", lap => lap.ErrorSoFar.Contains("\"run-ended\"", StringComparison.Ordinal)),
            ("the second run is edited", lap => lap.ErrorSoFar.Contains("\"run-started\",\"run\":2", StringComparison.Ordinal) && workspace.Read(Edited) != text),
            ("the last deploy", lap => lap.ErrorSoFar.Contains("the workspace as it is", StringComparison.Ordinal) && File.Exists(undo)),
        ];
        foreach (var (moment, come) in moments)
        {
            var lap = workspace.Start("baseline", "record", "edit:" + Edited, "-n", "5", "--progress", "json");
            await workspace.UntilAsync(() => come(lap) || lap.HasExited, moment);
            Assert.False(lap.HasExited, $"it ended before: {moment}\n{lap.ErrorSoFar}");
            lap.Signal(UnixSignal.Kill);
            Assert.Equal(137, (await lap.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).ExitCode);

            var deploy = await workspace.LapAsync("deploy", "-o", "json");
            Assert.True(deploy.ExitCode == 0, $"{moment}: {deploy}");
            Assert.Equal(before, await FactsAsync(workspace));
            Assert.False(File.Exists(undo), moment);

            // The run whose recorder was killed is not there any more to deploy its edit after all.
            (await workspace.DeployAsync()).IsUnchanged();
            var list = await workspace.JsonAsync(0, "baseline", "list");
            Assert.Null(ListSchema.Refusal(list));
            Assert.Null(list["items"]![0]!["ended"]);
            samples.Add((int)list["items"]![0]!["samples"]!);
        }

        Assert.Equal(5, samples[^1]);
        Assert.True(samples[3] >= 1);
        Assert.Contains("of 5", (await workspace.LapAsync("baseline", "list")).Exits(0).Out, StringComparison.Ordinal);
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task An_edit_is_measured_from_its_save_and_every_run_is_marked_in_the_history()
    {
        await using var workspace = await InGitAsync();
        var before = await FactsAsync(workspace);
        var baseline = await workspace.JsonAsync(0, "baseline", "record", "edit:" + Edited, "-n", "3", "--name", "mine");
        Assert.Null(Schema.Refusal(baseline));
        Assert.Equal(before, await FactsAsync(workspace));
        Assert.Equal(("complete", 0), (baseline.Text("ended"), (int)baseline["exitCode"]!));
        Assert.False((bool)baseline["dirty"]!);
        Assert.Equal("edit:" + Edited, (string?)baseline["key"]!["scenario"]);
        var samples = baseline["samples"]!.AsArray();
        Assert.Equal(3, samples.Count);
        foreach (var sample in samples)
        {
            var run = (await workspace.JsonAsync(0, "report", (string)sample!["transaction"]!)).Valid();
            Assert.Equal(baseline.Text("id"), run.Text("measuredFor"));
            Assert.Equal(("reflected", "save", 1), (run.Outcome(), (string)run["interval"]!["from"]!, run.Count("built")));
            Assert.Equal((double)run["interval"]!["seconds"]!, (double)sample["intervalSeconds"]!);
            Assert.NotNull(sample["calibrationBefore"]);
            Assert.NotNull(sample["calibrationAfter"]);
            Assert.Contains(sample["segments"]!.AsArray(), s => (string?)s!["name"] == "build/copy" && (string?)s["cache"] != "hit");
        }

        // What serves is what is in the workspace.
        (await workspace.DeployAsync()).IsUnchanged();
        Assert.True(JsonNode.DeepEquals(baseline, await workspace.JsonAsync(0, "baseline", "show", "mine")));
        Assert.Contains("mine: edit:" + Edited, (await workspace.LapAsync("baseline", "show", "mine")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("a baseline mine already", (await workspace.LapAsync("baseline", "record", "warm", "-n", "1", "--name", "mine")).Exits(2).Error, StringComparison.Ordinal);
        (await workspace.LapAsync("baseline", "rm", "mine")).Exits(0);
        (await workspace.LapAsync("baseline", "show", "mine")).Exits(2);
    }

    [Fact]
    public async Task Only_warm_runs_count_as_warm_and_what_was_needed_to_become_warm_is_told()
    {
        await using var workspace = await InGitAsync();
        var baseline = await workspace.JsonAsync(0, "baseline", "record", "warm", "-n", "3");
        Assert.Null(Schema.Refusal(baseline));
        Assert.Equal("warm-1", baseline.Text("name"));
        Assert.All(baseline["samples"]!.AsArray(), s => Assert.Equal("unchanged", (string?)s!["outcome"]));
        var reasons = baseline["discarded"]!.AsArray().Select(d => (string)d!["reason"]!).ToList();
        Assert.Equal(3, reasons.Count);
        Assert.Contains("what was pending: web (build+rollout, never-built)", reasons[0], StringComparison.Ordinal);
        Assert.Contains("first warm run", reasons[2], StringComparison.Ordinal);

        // The run of the fast path is in the journal with its mark, and in its report.
        var sample = baseline["samples"]![1]!;
        Assert.Equal(baseline.Text("id"), (await workspace.JsonAsync(0, "report", (string)sample["transaction"]!)).Valid().Text("measuredFor"));
        Assert.DoesNotContain(sample["segments"]!.AsArray(), s => (string?)s!["name"] == "plan");
    }

    [Fact]
    public async Task What_is_built_anew_each_time_is_never_called_warm()
    {
        await using var workspace = await InGitAsync(step: "date +%s%N > stamp.txt");
        var ran = await workspace.LapAsync("baseline", "record", "warm", "-n", "2", "-o", "json");
        Assert.Equal(17, ran.ExitCode);
        Assert.Contains("not warm", ran.Error, StringComparison.Ordinal);
        Assert.Empty(ran.Json["samples"]!.AsArray());
    }

    [Fact]
    public async Task Cold_runs_build_everything_and_the_caches_are_back_afterwards()
    {
        await using var workspace = await InGitAsync();
        await workspace.DeployAsync();
        var artifacts = Artifacts(workspace);
        var baseline = await workspace.JsonAsync(0, "baseline", "record", "cold", "-n", "2");
        Assert.Null(Schema.Refusal(baseline));
        foreach (var sample in baseline["samples"]!.AsArray())
        {
            var run = await workspace.JsonAsync(0, "report", (string)sample!["transaction"]!);
            Assert.Equal(("start", 1, 1), ((string)run["interval"]!["from"]!, run.Count("built"), run.Count("rollouts")));
        }

        Assert.Equal(artifacts, Artifacts(workspace));
        (await workspace.DeployAsync()).IsUnchanged();

        // Killed in the middle, the next command puts them back.
        var lap = workspace.Start("baseline", "record", "cold", "-n", "5", "--progress", "json");
        await workspace.UntilAsync(() => lap.ErrorSoFar.Contains("\"run-ended\"", StringComparison.Ordinal) || lap.HasExited, "a cold run");
        lap.Signal(UnixSignal.Kill);
        await lap.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);
        Assert.NotEqual(artifacts, Artifacts(workspace));
        var plan = await workspace.LapAsync("plan");
        Assert.Contains("a measurement was killed", plan.Error, StringComparison.Ordinal);
        Assert.NotEqual(artifacts, Artifacts(workspace));
        var deploy = (await workspace.LapAsync("deploy", "-o", "json")).Exits(0);
        Assert.Contains("is back where it was", deploy.Error, StringComparison.Ordinal);
        Assert.Subset(Artifacts(workspace).ToHashSet(), artifacts.ToHashSet());
    }

    [Fact]
    public async Task Full_runs_have_the_steps_that_the_loop_leaves_out()
    {
        await using var workspace = await InGitAsync();
        var baseline = await workspace.JsonAsync(0, "baseline", "record", "full", "-n", "1");
        var segments = baseline["samples"]![0]!["segments"]!.AsArray().Select(s => (string)s!["name"]!).ToList();
        Assert.Contains("build/lint", segments);
        Assert.Contains("reflect", segments);
    }

    [Fact]
    public async Task A_failing_run_stops_the_recording_with_its_own_code_and_what_was_measured_stays()
    {
        await using var workspace = await InGitAsync(step: "test ! -e ../../../beside/fail");
        var before = await FactsAsync(workspace);
        workspace.Write("../beside/edit.sh", "echo x >> ../beside/count; date +%s%N >> \"$LAPTIME_EDIT_PATH\"; [ $(wc -l < ../beside/count) -lt 4 ] || touch ../beside/fail\n");
        var ran = await workspace.LapAsync("baseline", "record", "edit:" + Edited, "-n", "5", "--edit-with", "sh ../beside/edit.sh", "-o", "json");
        ran.Exits(10);
        Assert.Null(Schema.Refusal(ran.Json));
        Assert.Equal(("failed", 10, 2), (ran.Json.Text("ended"), (int)ran.Json["exitCode"]!, ran.Json["samples"]!.AsArray().Count));
        Assert.Equal("build-failed", (string?)ran.Json["failure"]!["kind"]);
        Assert.Equal(before, await FactsAsync(workspace));
        Assert.Contains("2 of 5", (await workspace.LapAsync("baseline", "list")).Exits(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_it_keeps_the_runs_so_far_and_undoes_the_edit()
    {
        await using var workspace = await InGitAsync();
        var before = await FactsAsync(workspace);
        foreach (var (signal, code) in new[] { (UnixSignal.Interrupt, 130), (UnixSignal.Terminate, 143) })
        {
            var lap = workspace.Start("baseline", "record", "edit:" + Edited, "-n", "50", "--progress", "json", "-o", "json");
            await workspace.UntilAsync(() => lap.ErrorSoFar.Contains("\"run-started\",\"run\":2", StringComparison.Ordinal) || lap.HasExited, "the second run");
            lap.Signal(signal);
            var ran = await lap.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);
            Assert.True(ran.ExitCode == code, ran.ToString());
            Assert.Equal(("interrupted", code), (ran.Json.Text("ended"), (int)ran.Json["exitCode"]!));
            Assert.InRange(ran.Json["samples"]!.AsArray().Count, 1, 2);
            Assert.Equal(before, await FactsAsync(workspace));
            Assert.False(File.Exists(workspace.At(".laptime/measuring/undo.json")));
        }
    }

    [Fact]
    public async Task What_cannot_be_recorded_is_refused_with_its_cure_and_nothing_is_changed()
    {
        await using var workspace = await InGitAsync();
        await workspace.DeployAsync();
        var before = await FactsAsync(workspace);
        foreach (var (arguments, told) in new[]
        {
            ("record wram", "did you mean `warm`?"), ("record edit:no.cs", "there is no file no.cs"), ("record edit:README.md -n 1", "builds nothing"), ("record warm --aside src", "--aside belongs to cold"),
            ("record warm --name last", "cannot be a name"), ("record warm nothing", "there is no component nothing"), ("show nothing", "there is no baseline nothing"), ("record warm -n 0", "a number from 1"),
        })
        {
            var ran = await workspace.LapAsync(["baseline", .. arguments.Split(' ')]);
            Assert.True(ran.ExitCode == 2 && ran.Error.Contains(told, StringComparison.Ordinal), $"wanted `{told}`\n{ran}");
            Assert.Equal(before, await FactsAsync(workspace));
        }
    }

    [Fact]
    public async Task Two_recordings_are_compared_only_when_they_are_of_one_thing_and_with_too_few_runs_nothing_is_said()
    {
        await using var workspace = await InGitAsync();
        foreach (var name in new[] { "one", "two" })
        {
            await workspace.JsonAsync(0, "baseline", "record", "warm", "-n", "2", "--name", name);
        }

        await workspace.JsonAsync(0, "baseline", "record", "full", "-n", "1", "--name", "other");
        var few = await workspace.JsonAsync(17, "baseline", "compare", "one", "two", "--fail-on", "worse");
        Assert.Equal(("laptime/comparison/v1", "inconclusive", 17), (few.Text("schema"), few.Outcome(), (int)few["exitCode"]!));
        Assert.NotEmpty(few["kinds"]!.AsArray());
        var text = await workspace.LapAsync("baseline", "compare", "one", "two");
        Assert.Contains("inconclusive", text.Exits(17).Out, StringComparison.Ordinal);
        Assert.Contains("kind", text.Out, StringComparison.Ordinal);
        var refused = (await workspace.LapAsync("baseline", "compare", "one", "other")).Exits(2);
        Assert.Contains("scenario: warm, and full", refused.Error, StringComparison.Ordinal);
        Assert.Contains("with itself", (await workspace.LapAsync("baseline", "compare", "one", "one")).Exits(2).Error, StringComparison.Ordinal);
    }

    private static List<string> Artifacts(LapWorkspace workspace)
    {
        // While it is set aside, there is none until the run stores something.
        var folder = workspace.At(".laptime/artifacts");
        return !Directory.Exists(folder) ? [] : [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => f.Contains("/blobs/", StringComparison.Ordinal)).Select(f => $"{Path.GetFileName(f)} {File.GetLastWriteTimeUtc(f).Ticks}").Order(StringComparer.Ordinal)];
    }
}
