using System.Diagnostics;
using System.Globalization;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;
using static Laptime.Tests.Building.BuildBench;

namespace Laptime.Tests.Building;

public sealed class BuilderTests : IDisposable
{
    private readonly BuildBench bench = new();

    public void Dispose() => bench.Dispose();

    private static IEnumerable<string> Paths(BuildResult result) => result.Outputs.Select(o => o.Path);

    private static string Caches(BuildResult result) => string.Join(' ', result.Steps.Select(s => s.Cache));

    [Fact]
    public async Task Steps_run_in_order_and_each_is_a_segment_after_the_one_before()
    {
        var result = await bench.Build([Shell("one", "echo 1; mkdir -p out; echo x > out/a"), Shell("two", "echo 2; cat out/a > out/b")], ["out/**"]);
        Assert.Equal(["out/a", "out/b"], Paths(result));
        Assert.Equal(["1", "2"], bench.Lines.Select(l => l.Line.Text));
        Assert.Equal(("lookup", "steps"), (bench.Segments[0].Name, bench.Segments[0].Kind));
        var ended = bench.Segments.Where(s => s is { Seconds: not null, Kind: not "steps" }).ToList();
        Assert.Equal(["build/one", "build/two"], ended.Select(s => s.Name));
        Assert.All(ended, s => Assert.Equal(("none", "ok", "gateway", "compile"), (s.Cache, s.Outcome, s.Component, s.Kind)));
        Assert.Equal([ended[0].Id], ended[1].After);
        Assert.Equal("1\n", File.ReadAllText(bench.Folder.At("logs", "gateway", "one.log")));
    }

    [Fact]
    public async Task Steps_get_their_environment_and_the_artifacts_they_use()
    {
        bench.Used["catalog-client"] = "/somewhere";
        var step = Shell("one", "echo $LAPTIME_ARTIFACT_CATALOG_CLIENT $MODE ${profile.mode}; mkdir out; touch out/a") with
        {
            Env = new Dictionary<string, Template> { ["MODE"] = Parse("m-${profile.mode}") },
        };
        await bench.Build([step], ["out/**"]);
        Assert.Equal("/somewhere m-Debug Debug", bench.Lines[0].Line.Text);
    }

    [Fact]
    public async Task A_program_with_arguments_is_started_without_a_shell()
    {
        var step = Shell("one", "") with { Run = new CommandLine.Exec([.. new[] { "printf", "%s\\n", "$HOME * ${profile.mode}" }.Select(Parse)]) };
        await bench.Build([step, Shell("two", "mkdir out; touch out/a")], ["out/**"]);
        Assert.Equal("$HOME * Debug", bench.Lines[0].Line.Text);
    }

    [Fact]
    public async Task A_step_that_fails_names_itself_its_command_its_end_its_last_lines_and_its_log()
    {
        var error = await Assert.ThrowsAsync<FaultException>(() => bench.Build(
            [Shell("compile", "echo oh no ${env.TOKEN}; exit 3"), bench.Counted("b", "true")], []));
        var fault = error.Fault;
        Assert.Equal(Outcome.BuildFailed, fault.Outcome);
        Assert.Equal("gateway: step compile failed, exit code 3: `echo oh no [redacted]; exit 3`", fault.What);
        Assert.Contains("laptime.yaml:1:1", fault.Where, StringComparison.Ordinal);
        Assert.Equal(["oh no [redacted]"], fault.Tail);
        var log = bench.Folder.At("logs", "gateway", "compile.log");
        Assert.Contains(log, fault.Mend, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", File.ReadAllText(log), StringComparison.Ordinal);
        Assert.Equal("failed", bench.Segments[^1].Outcome);
        Assert.Equal("", bench.Ran);
    }

    [Fact]
    public async Task A_step_that_hangs_ends_at_its_bound()
    {
        var step = Shell("slow", "echo started; sleep 1000") with { Timeout = TimeSpan.FromMilliseconds(300) };
        var fault = (await Assert.ThrowsAsync<FaultException>(() => bench.Build([step], []))).Fault;
        Assert.Contains("no end within", fault.What, StringComparison.Ordinal);
        Assert.Contains("timeout:", fault.Mend, StringComparison.Ordinal);
        Assert.Equal("timeout", bench.Segments[^1].Outcome);
    }

    [Fact]
    public async Task A_program_that_does_not_exist_fails_the_build_with_its_step()
    {
        var step = Shell("one", "") with { Run = new CommandLine.Exec([Template.Literal("no-such-compiler")]) };
        var fault = (await Assert.ThrowsAsync<FaultException>(() => bench.Build([step], []))).Fault;
        Assert.Contains("`no-such-compiler`", fault.What, StringComparison.Ordinal);
        Assert.Contains("step one", fault.Where, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_with_unchanged_inputs_is_a_hit_and_measured_as_one()
    {
        bench.Folder.File("a.proj", "1");
        bench.Folder.File("b.cs", "1");
        Step[] steps = [bench.Counted("r", "mkdir -p obj; cp a.proj obj/x", "*.proj"), bench.Counted("c", "mkdir -p out; cat obj/x b.cs > out/app")];
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        bench.Folder.File("b.cs", "2");
        Assert.Equal("hit none", Caches(await bench.Build(steps, ["out/**"])));
        var hit = Assert.Single(bench.Segments, s => s.Name == "build/r");
        Assert.Equal(("hit", "ok"), (hit.Cache, hit.Outcome));
        Assert.Equal("rcc", bench.Ran);
        bench.Folder.File("a.proj", "2");
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        Assert.Equal("22", File.ReadAllText(bench.Folder.At("out", "app")));
    }

    [Fact]
    public async Task A_step_is_a_miss_when_anything_that_decides_it_changes()
    {
        bench.Folder.File("a.proj", "1");
        async Task<string> Cache(string text = "true", Action<Step>? _ = null, Func<Step, Step>? change = null) =>
            Caches(await bench.Build([(change ?? (s => s))(Shell("r", text, "*.proj")), Shell("c", "mkdir -p out; touch out/a")], ["out/**"]))[..4];

        Assert.Equal("miss", await Cache());
        Assert.Equal("hit ", await Cache());
        Assert.Equal("miss", await Cache("true ;"));
        Assert.Equal("miss", await Cache("echo ${profile.mode}"));
        bench.Values["profile.mode"] = "Release";
        Assert.Equal("miss", await Cache("echo ${profile.mode}"));
        Assert.Equal("miss", await Cache("true", change: s => s with { Env = new Dictionary<string, Template> { ["A"] = Template.Literal("1") } }));
        Assert.Equal("miss", await Cache());
        bench.MoreParts.Add(new FingerprintPart(PartKind.Tool, "r", "sdk 10"));
        Assert.Equal("miss", await Cache());
        bench.MoreParts.Add(new FingerprintPart(PartKind.Variable, "FLAVOR", "x"));
        Assert.Equal("miss", await Cache());
        bench.MoreParts.Add(new FingerprintPart(PartKind.Tool, "other step", "1"));
        Assert.Equal("hit ", await Cache());
        bench.Folder.File("b.proj", "");
        Assert.Equal("miss", await Cache());
    }

    [Fact]
    public async Task What_a_step_left_is_watched_so_that_git_clean_gives_no_false_hit()
    {
        bench.Folder.File("a.proj", "1");
        bench.Folder.File("src/deep/down/b.cs", "1");
        Step[] steps = [bench.Counted("r", "mkdir -p obj; touch obj/x src/deep/down/gen.cs", "*.proj"), Shell("c", "mkdir -p out; touch out/a")];
        bench.Ignored.Add("gen.cs");
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        Assert.Equal("hit none", Caches(await bench.Build(steps, ["out/**"])));
        Directory.Delete(bench.Folder.At("obj"), recursive: true);
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        Assert.Equal("hit none", Caches(await bench.Build(steps, ["out/**"])));
        // Replaced by an empty one of the same name: even with the same inode number it was born later.
        Directory.Delete(bench.Folder.At("obj"), recursive: true);
        Directory.CreateDirectory(bench.Folder.At("obj"));
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        File.Delete(bench.Folder.At("src", "deep", "down", "gen.cs"));
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        Assert.Equal("hit none", Caches(await bench.Build(steps, ["out/**"])));
    }

    [Fact]
    public async Task A_folder_that_was_there_before_the_first_run_is_watched_too()
    {
        bench.Folder.File("a.proj", "1");
        bench.Folder.File("obj/x", "restored by hand");
        Step[] steps = [bench.Counted("r", "test -f obj/x || { mkdir obj; touch obj/x; }", "*.proj"), Shell("c", "mkdir -p out; touch out/a")];
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
        Assert.Equal("hit none", Caches(await bench.Build(steps, ["out/**"])));
        Directory.Delete(bench.Folder.At("obj"), recursive: true);
        Assert.Equal("miss none", Caches(await bench.Build(steps, ["out/**"])));
    }

    [Fact]
    public async Task Intermediate_files_that_later_steps_replace_do_not_spoil_the_hit()
    {
        bench.Folder.File("a.proj", "1");
        Step[] steps = [Shell("r", "mkdir -p obj; echo 1 > obj/x; echo 1 > obj/temp", "*.proj"), Shell("c", "echo 2 > obj/y; mv obj/y obj/x; rm -f obj/temp; mkdir -p out; touch out/a")];
        await bench.Build(steps, ["out/**"]);
        Assert.Equal("hit none", Caches(await bench.Build(steps, ["out/**"])));
    }

    [Fact]
    public async Task Generated_inputs_are_read_from_disk_and_patterns_that_match_nothing_make_the_step_run()
    {
        bench.Folder.File("a.txt", "1");
        Step[] steps = [Shell("g", "mkdir -p obj; cp a.txt obj/gen"), bench.Counted("u", "mkdir -p out; cp obj/gen out/a", "obj/gen"), bench.Counted("n", "true", "nothing/**")];
        Assert.Equal("none miss none", Caches(await bench.Build(steps, ["out/**"])));
        var again = await bench.Build(steps, ["out/**"]);
        Assert.Equal("none hit none", Caches(again));
        Assert.Contains("`nothing/**` of step n matches nothing", Assert.Single(again.Warnings), StringComparison.Ordinal);
        bench.Folder.File("a.txt", "2");
        Assert.Equal("none miss none", Caches(await bench.Build(steps, ["out/**"])));
        Assert.Equal("2", File.ReadAllText(bench.Folder.At("out", "a")));
    }

    [Fact]
    public async Task Stale_outputs_never_reach_the_artifact_but_what_a_hit_wrote_stays()
    {
        bench.Folder.File("a.txt", "1");
        bench.Folder.File("b.txt", "1");
        bench.Folder.File("out/old/stale", "from another time");
        Step[] steps = [bench.Counted("a", "mkdir -p out/a; cp a.txt out/a/a", "a.txt"), bench.Counted("b", "mkdir -p out/b; cp b.txt out/b/$(cat b.txt)", "b.txt")];
        Assert.Equal(["out/a/a", "out/b/1"], Paths(await bench.Build(steps, ["out/**"])));
        Assert.False(Directory.Exists(bench.Folder.At("out", "old")));
        bench.Folder.File("b.txt", "2");
        var second = await bench.Build(steps, ["out/**"]);
        Assert.Equal("hit miss", Caches(second));
        Assert.Equal(["out/a/a", "out/b/2"], Paths(second));
        // Somebody wrote into the output: it is not what the step left, so it is made again.
        bench.Folder.File("out/a/a", "tampered");
        bench.Folder.File("out/extra", "tampered");
        var third = await bench.Build(steps, ["out/**"]);
        Assert.Equal("miss hit", Caches(third));
        Assert.Equal(["out/a/a", "out/b/2"], Paths(third));
        Assert.Equal("1", File.ReadAllText(bench.Folder.At("out", "a", "a")));
    }

    [Fact]
    public async Task An_output_that_two_steps_write_is_never_half_cached()
    {
        bench.Folder.File("a.txt", "1");
        bench.Folder.File("b.txt", "1");
        Step[] steps = [bench.Counted("a", "mkdir -p out; cp a.txt out/x", "a.txt"), bench.Counted("b", "cat b.txt >> out/x", "b.txt")];
        for (var i = 1; i < 4; i++)
        {
            bench.Folder.File("b.txt", $"{i}");
            await bench.Build(steps, ["out/**"]);
            Assert.Equal($"1{i}", File.ReadAllText(bench.Folder.At("out", "x")));
        }
    }

    [Fact]
    public async Task Switching_the_profile_and_back_never_mixes_their_outputs()
    {
        bench.Folder.File("a.proj", "1");
        Step[] steps =
        [
            bench.Counted("r", "mkdir -p obj; echo packages > obj/packages", "*.proj"),
            bench.Counted("c", "mkdir -p out; echo ${profile.mode} > out/${profile.mode}", "*.proj"),
        ];
        async Task<BuildResult> As(string mode)
        {
            bench.Profile = new Profile(mode, new Dictionary<string, string> { ["mode"] = mode }, null);
            bench.Values["profile.mode"] = mode;
            return await bench.Build(steps, ["out/**"]);
        }

        Assert.Equal(["out/fast"], Paths(await As("fast")));
        Assert.Equal(["out/release"], Paths(await As("release")));
        var back = await As("fast");
        Assert.Equal(["out/fast"], Paths(back));
        // Restoring does the same in both profiles, so it is still good; compiling was overwritten.
        Assert.Equal("hit miss", Caches(back));
        Assert.Equal("hit hit", Caches(await As("fast")));
    }

    [Fact]
    public async Task A_step_that_does_something_else_in_another_profile_runs_again_on_the_way_back()
    {
        bench.Folder.File("package.json", "1");
        Step[] steps = [bench.Counted("i", "mkdir -p obj; echo ${profile.mode} > obj/installed", "package.json"), Shell("c", "mkdir -p out; cp obj/installed out/a")];
        foreach (var mode in (string[])["fast", "release", "fast"])
        {
            bench.Profile = new Profile(mode, new Dictionary<string, string>(), null);
            bench.Values["profile.mode"] = mode;
            await bench.Build(steps, ["out/**"]);
            Assert.Equal(mode + "\n", File.ReadAllText(bench.Folder.At("out", "a")));
        }
    }

    [Fact]
    public async Task Steps_of_the_other_loop_are_left_out_and_named()
    {
        Step[] steps = [Shell("compile", "mkdir -p out; touch out/a"), bench.Counted("lint", "true") with { Loops = [Loop.Safe] }];
        var fast = await bench.Build(steps, ["out/**"]);
        Assert.Equal(["gateway: step lint is left out of the fast loop"], fast.ParityGaps);
        Assert.Equal("", bench.Ran);
        bench.Loop = Loop.Safe;
        Assert.Empty((await bench.Build(steps, ["out/**"])).ParityGaps);
        Assert.Equal("lint", bench.Ran);
    }

    [Fact]
    public async Task A_component_without_outputs_is_its_input_files()
    {
        bench.ComponentPath = "site";
        bench.Folder.File("site/index.html", "hi");
        bench.Folder.File("site/css/a.css", "");
        bench.Folder.File("shared/x.proto", "");
        Assert.Equal(["css/a.css", "index.html"], Paths(await bench.Build([], [])));
        Assert.Equal(["index.html"], Paths(await bench.Build([], ["*.html"])));
    }

    [Fact]
    public async Task Only_declared_outputs_are_taken()
    {
        var result = await bench.Build([Shell("c", "mkdir -p out/bin dist; touch out/bin/app out/bin/app.map out/notes dist/x; ln -s app out/bin/link; chmod +x out/bin/app; mkdir out/empty")],
            ["out/bin/**", "!**/*.map"]);
        Assert.Equal(["out/bin/app", "out/bin/link"], Paths(result));
        Assert.True(result.Outputs[0].Executable);
        Assert.Equal("app", result.Outputs[1].LinkTarget);
    }

    [Fact]
    public async Task Outputs_that_match_nothing_fail_the_build_and_name_the_pattern()
    {
        var fault = (await Assert.ThrowsAsync<FaultException>(() => bench.Build([Shell("c", "mkdir out; touch out/a")], ["out/**", "dist/**"]))).Fault;
        Assert.Contains("`dist/**`", fault.What, StringComparison.Ordinal);
        Assert.DoesNotContain("`out/**`", fault.What, StringComparison.Ordinal);
        Assert.Equal(Outcome.BuildFailed, fault.Outcome);
    }

    [Fact]
    public async Task Outputs_that_would_delete_inputs_or_climb_out_are_refused_before_anything_is_touched()
    {
        bench.Folder.File("src/a.cs", "mine");
        bench.Folder.File("out/tracked", "mine");
        bench.Ignored.Remove("out");
        var inputs = await Assert.ThrowsAsync<LapException>(() => bench.Build([bench.Counted("c", "true")], ["src/**"]));
        Assert.Contains("src/a.cs", inputs.Message, StringComparison.Ordinal);
        Assert.Contains("out/tracked", (await Assert.ThrowsAsync<LapException>(() => bench.Build([bench.Counted("c", "true")], ["out/**"]))).Message, StringComparison.Ordinal);
        Assert.Contains("leads out", (await Assert.ThrowsAsync<LapException>(() => bench.Build([bench.Counted("c", "true")], ["../x/**"]))).Message, StringComparison.Ordinal);
        bench.OtherInputs = ["dist/other.cs"];
        Assert.Contains("dist/other.cs", (await Assert.ThrowsAsync<LapException>(() => bench.Build([bench.Counted("c", "true")], ["dist/**"]))).Message, StringComparison.Ordinal);
        Assert.Equal("", bench.Ran);
        Assert.Equal("mine", File.ReadAllText(bench.Folder.At("out", "tracked")));
    }

    [Fact]
    public async Task A_bare_wildcard_takes_the_folder_as_it_lies_there_and_removes_nothing()
    {
        bench.Folder.File("app.py", "1");
        bench.Folder.File(".env", "precious");
        bench.Folder.File(".git/config", "no part of it");
        bench.Ignored.UnionWith(["site", ".env", ".git"]);
        Step[] steps = [bench.Counted("install", "mkdir -p site; echo x > site/pkg", "app.py")];
        Assert.Equal([".env", "app.py", "ran", "site/pkg"], Paths(await bench.Build(steps, ["**", "!logs/**"])));
        Assert.Equal("hit", Caches(await bench.Build(steps, ["**", "!logs/**"])));
        Assert.Equal("precious", File.ReadAllText(bench.Folder.At(".env")));
        Directory.Delete(bench.Folder.At("site"), recursive: true);
        Assert.Equal("miss", Caches(await bench.Build(steps, ["**", "!logs/**"])));
    }

    [Fact]
    public async Task Nothing_is_deleted_behind_a_link()
    {
        using var precious = new TemporaryFolder();
        precious.File("keep", "precious");
        Directory.CreateSymbolicLink(bench.Folder.At("out"), precious);
        await Assert.ThrowsAsync<FaultException>(() => bench.Build([Shell("c", "true")], ["out/**"]));
        Assert.True(File.Exists(precious.At("keep")));
        File.Delete(bench.Folder.At("out"));
        Directory.CreateDirectory(bench.Folder.At("out"));
        Directory.CreateSymbolicLink(bench.Folder.At("out", "link"), precious);
        await bench.Build([Shell("c", "mkdir -p out; touch out/a")], ["out/**"]);
        Assert.True(File.Exists(precious.At("keep")));
        Assert.False(Path.Exists(bench.Folder.At("out", "link")));
    }

    [Fact]
    public async Task A_failed_step_and_a_cancelled_one_leave_no_record()
    {
        bench.Folder.File("a.txt", "1");
        await Assert.ThrowsAsync<FaultException>(() => bench.Build([bench.Counted("a", "mkdir -p out; touch out/half; exit 1", "a.txt")], ["out/**"]));
        Step[] good = [bench.Counted("a", "echo up; test ! -e go || { mkdir -p out; touch out/half; sleep 1000; }; mkdir -p out; touch out/a", "a.txt")];
        Assert.Equal("miss", Caches(await bench.Build(good, ["out/**"])));
        Assert.Equal("hit", Caches(await bench.Build(good, ["out/**"])));

        bench.Folder.File("a.txt", "2");
        bench.Ignored.Add("go");
        bench.Folder.File("go");
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bench.Build(good, ["out/**"], source.Token, _ => source.Cancel()));
        Assert.Equal("cancelled", bench.Segments[^1].Outcome);
        File.Delete(bench.Folder.At("go"));
        var after = await bench.Build(good, ["out/**"]);
        Assert.Equal("miss", Caches(after));
        Assert.Equal(["out/a"], Paths(after));
        // Back to content that had a hit before the cancelled run: what it left is gone, so it runs.
        bench.Folder.File("a.txt", "1");
        Assert.Equal("miss", Caches(await bench.Build(good, ["out/**"])));
    }

    [Fact]
    public async Task A_step_that_a_killed_lap_left_running_is_ended_before_the_next_build()
    {
        var folder = bench.Folder.At(".laptime", "steps");
        Directory.CreateDirectory(folder);
        using var left = Process.Start("/bin/sh", ["-c", "sleep 1000; true"]);
        var owner = ProcessOwner.Current();
        File.WriteAllText(Path.Combine(folder, "=gateway.pid"),
            string.Create(CultureInfo.InvariantCulture, $"{left.Id} {ProcessOwner.TicksOf(left.Id)} {owner.BootId}"));
        await bench.Build([Shell("c", "mkdir -p out; touch out/a")], ["out/**"]);
        Assert.True(left.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.Equal(137, left.ExitCode);
    }

    [Fact]
    public async Task Two_builds_of_one_component_exclude_each_other()
    {
        Step[] steps = [Shell("c", $"test ! -e busy; touch busy; mkdir -p out; echo x > out/a; sleep 0.05; rm busy")];
        bench.Ignored.Add("busy");
        var builds = await Task.WhenAll(bench.Build(steps, ["out/**"]), bench.Build(steps, ["out/**"]), bench.Build(steps, ["out/**"]));
        Assert.All(builds, b => Assert.Equal(["out/a"], Paths(b)));
        Assert.Contains(bench.Segments, s => s is { Name: "wait", Kind: "lock" });
    }
}
