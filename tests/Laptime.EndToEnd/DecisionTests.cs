using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>What the whole lap builds, rolls out and skips, and why: each miss would be a false skip or wasted work.</summary>
public sealed class DecisionTests
{
    private const string Profiles = """
        profiles:
          fast: { vars: { flavour: debug } }
          release: { vars: { flavour: release } }
        environments:
          local: { target: process, loop: fast, profile: fast }
        """;

    private static async Task<LapWorkspace> TwoAsync(string? more = null)
    {
        var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("api", Ports.Free(), more) + LittleServer.Yaml("web", Ports.Free()));
        Assert.Equal("reflected", (await workspace.DeployAsync()).Outcome());
        return workspace;
    }

    [Fact]
    public async Task A_second_deploy_is_unchanged_with_every_component_skipped_on_a_reading_of_the_target()
    {
        await using var workspace = await TwoAsync();
        var document = (await workspace.DeployAsync()).IsUnchanged();
        Assert.Equal(["skip unchanged", "skip unchanged"], [document.What("api"), document.What("web")]);
        Assert.Contains("unchanged", (await workspace.LapAsync("deploy")).Exits(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_edited_file_builds_its_component_only_and_is_named()
    {
        await using var workspace = await TwoAsync();
        workspace.Write("src/web/text.txt", "second");
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["web"], document.Built());
        Assert.Equal(("build+rollout inputs-changed", "skip unchanged"), (document.What("web"), document.What("api")));
        Assert.Equal(["src/web/text.txt"], document.Detail("web"));
        Assert.Equal((1, 1, 1), (document.Count("built"), document.Count("rollouts"), document.Count("skipped")));
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task Touching_every_file_builds_nothing()
    {
        await using var workspace = await TwoAsync();
        foreach (var file in Directory.EnumerateFiles(workspace.At("src"), "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow);
        }

        (await workspace.DeployAsync()).IsUnchanged();
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task The_same_size_and_time_with_other_content_is_rebuilt()
    {
        await using var workspace = await TwoAsync();
        var path = workspace.At("src/web/text.txt");
        var time = File.GetLastWriteTimeUtc(path);
        var text = File.ReadAllText(path);
        workspace.Write("src/web/text.txt", text.Replace("first", "other", StringComparison.Ordinal));
        File.SetLastWriteTimeUtc(path, time);
        var document = await workspace.DeployAsync();
        Assert.Equal(["web"], document.Built());
        Assert.Equal(["src/web/text.txt"], document.Detail("web"));
    }

    [Fact]
    public async Task A_changed_mode_is_rebuilt()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "modes are of Unix");
        await using var workspace = await TwoAsync();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(workspace.At("src/web/text.txt"), (UnixFileMode)0b111_101_101);
        }

        var document = await workspace.DeployAsync();
        Assert.Equal(["web"], document.Built());
        Assert.Equal(["src/web/text.txt"], document.Detail("web"));
    }

    [Fact]
    public async Task A_renamed_file_is_rebuilt_and_both_names_are_told()
    {
        await using var workspace = await TwoAsync();
        workspace.Write("src/web/notes.txt", "notes");
        await workspace.DeployAsync();
        File.Move(workspace.At("src/web/notes.txt"), workspace.At("src/web/remarks.txt"));
        var document = await workspace.DeployAsync();
        Assert.Equal("inputs-changed", (string?)document.Component("web")["cause"]);
        Assert.Equal(["src/web/notes.txt (removed)", "src/web/remarks.txt (added)"], document.Detail("web").Order(StringComparer.Ordinal));
        Assert.Equal(["web"], document.Built());
    }

    [Fact]
    public async Task A_link_that_points_elsewhere_is_rebuilt()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        await using var workspace = await TwoAsync();
        workspace.Write("src/web/one.txt", "same");
        workspace.Write("src/web/two.txt", "same");
        File.CreateSymbolicLink(workspace.At("src/web/link"), "one.txt");
        await workspace.DeployAsync();
        (await workspace.DeployAsync()).IsUnchanged();
        File.Delete(workspace.At("src/web/link"));
        File.CreateSymbolicLink(workspace.At("src/web/link"), "two.txt");
        var document = await workspace.DeployAsync();
        Assert.Equal(["web"], document.Built());
        Assert.Equal(["src/web/link"], document.Detail("web"));
    }

    [Fact]
    public async Task A_branch_switched_there_and_back_rolls_the_known_artifacts_out_and_builds_nothing()
    {
        await using var workspace = await TwoAsync();
        workspace.Write(".gitignore", "out/\n");
        await workspace.GitAsync("init", "-q");
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "first");
        await workspace.DeployAsync();
        await workspace.GitAsync("checkout", "-q", "-b", "other");
        workspace.Write("src/web/text.txt", "of the branch");
        await workspace.GitAsync("commit", "-q", "-a", "-m", "second");
        var there = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["web"], there.Built());
        Assert.Equal("commit", (string?)there["trigger"]!["event"]);
        await workspace.GitAsync("checkout", "-q", "main");
        var back = (await workspace.DeployAsync()).Valid();
        Assert.Equal((0, 1), (back.Count("built"), back.Count("rollouts")));
        Assert.Equal("cached", (string?)back.Component("web")["artifactSource"]);
        await workspace.GitAsync("checkout", "-q", "other");
        Assert.Equal((0, 1), (await workspace.DeployAsync()) is var again ? (again.Count("built"), again.Count("rollouts")) : default);
    }

    [Fact]
    public async Task A_changed_shared_file_rebuilds_exactly_the_components_that_declare_it()
    {
        await using var workspace = await TwoAsync("inputs: [\"**\", \"../../proto/**\"]");
        workspace.Write("proto/shared.proto", "message One {}");
        Assert.Equal(["proto/shared.proto (added)"], (await workspace.DeployAsync()).Detail("api"));
        workspace.Write("proto/shared.proto", "message Two {}");
        var document = await workspace.DeployAsync();
        Assert.Equal(["api"], document.Built());
        Assert.Equal(["proto/shared.proto"], document.Detail("api"));
        Assert.Equal("skip unchanged", document.What("web"));
    }

    [Fact]
    public async Task A_declared_variable_is_an_input_whose_value_is_shown_nowhere_and_an_undeclared_one_is_nothing()
    {
        const string secret = "pa55-word-of-the-test";
        await using var workspace = await TwoAsync("vars: [FLAVOUR]");
        workspace.Environment["FLAVOUR"] = secret;
        var run = (await workspace.LapAsync("deploy", "-v")).Exits(0);
        var document = await workspace.JsonAsync(0, "report");
        Assert.Equal(["api"], document.Built());
        Assert.Equal(["variable FLAVOUR (added)"], document.Detail("api").Select(d => d.Contains("(added)", StringComparison.Ordinal) ? d : d + " (added)"));
        workspace.Environment["FLAVOUR"] = secret + "2";
        var changed = await workspace.LapAsync("deploy", "-o", "json");
        Assert.Equal(["api"], changed.Exits(0).Json.Built());
        Assert.Equal(["variable FLAVOUR"], changed.Json.Detail("api"));
        workspace.Environment["UNDECLARED"] = "anything";
        (await workspace.DeployAsync()).IsUnchanged();

        Assert.DoesNotContain(secret, run + changed.ToString(), StringComparison.Ordinal);
        foreach (var file in Directory.EnumerateFiles(workspace.At(".laptime"), "*", SearchOption.AllDirectories))
        {
            // What is needed to start the instances again is in the agent's own file, which only the user can read.
            if (Path.GetFileName(file) is not ("instances.json" or "agent.sock" or "agent.lock"))
            {
                Assert.DoesNotContain(secret, System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, workspace.Cancel)), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task A_secret_of_the_environment_in_run_settings_and_in_output_is_shown_nowhere()
    {
        const string secret = "s3cret-of-the-instance";
        var (workspace, port) = await LapWorkspace.OneAsync(step: "echo the secret is $KEY", run: "env: { API_KEY: \"${env.API_KEY}\" }");
        await using var end = workspace;
        workspace.Environment["API_KEY"] = secret;
        workspace.Environment["KEY"] = secret;
        workspace.Write("src/web/server.py", LittleServer.Script("if path == '/key': return 200, os.environ['API_KEY']", "print('started with', os.environ['API_KEY'], flush=True)"));
        var run = (await workspace.LapAsync("deploy", "-v", "-o", "json")).Exits(0);
        Assert.Equal((200, secret), await workspace.GetAsync(port, "/key"));
        workspace.Environment["API_KEY"] = secret + "-changed";
        var changed = (await workspace.LapAsync("deploy", "-o", "json")).Exits(0);
        Assert.Equal("rollout run-settings-changed", changed.Json.What("web"));
        Assert.DoesNotContain(secret, run + changed.ToString(), StringComparison.Ordinal);
        foreach (var folder in (string[])["reports", "env", "logs/build"])
        {
            foreach (var file in Directory.EnumerateFiles(workspace.At(".laptime/" + folder), "*", SearchOption.AllDirectories))
            {
                Assert.False(File.ReadAllText(file).Contains(secret, StringComparison.Ordinal), file);
            }
        }

        foreach (var file in Directory.EnumerateFiles(workspace.At(".laptime"), "journal*"))
        {
            Assert.False(System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, workspace.Cancel)).Contains(secret, StringComparison.Ordinal), file);
        }
    }

    [Fact]
    public async Task An_equal_artifact_of_a_used_component_stops_the_wave()
    {
        await using var workspace = await LapWorkspace.OfAsync(
            "  library:\n    path: lib\n    build: { steps: [ { name: make, run: \"mkdir -p out && grep -v '^#' words.txt > out/words.txt\" } ], outputs: [\"out/**\"] }\n"
            + LittleServer.Yaml("web", Ports.Free(), "uses: [library]", "cat $LAPTIME_ARTIFACT_LIBRARY/out/words.txt >> out/text.txt"));
        workspace.Write("lib/words.txt", "# a remark\nwords\n");
        await workspace.DeployAsync();
        workspace.Write("lib/words.txt", "# another remark\nwords\n");
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["library"], document.Built());
        Assert.Equal("skip", (string?)document.Component("web")["action"]);
        Assert.Equal((1, 0), (document.Count("built"), document.Count("rollouts")));
        (await workspace.DeployAsync()).IsUnchanged();

        workspace.Write("lib/words.txt", "# another remark\nother words\n");
        var both = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["library", "web"], both.Built());
        Assert.Equal("uses-changed", (string?)both.Component("web")["cause"]);
        Assert.Contains("artifact of library", string.Join('\n', both.Detail("web")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changed_run_settings_are_rolled_out_and_nothing_is_built()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(run: "env: { MOOD: calm }");
        await using var end = workspace;
        await workspace.DeployAsync();
        workspace.Edit("laptime.yaml", "MOOD: calm", "MOOD: merry");
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal("rollout run-settings-changed", document.What("web"));
        Assert.Equal((0, 1), (document.Count("built"), document.Count("rollouts")));
        Assert.Contains("run.env", string.Join('\n', document.Detail("web")), StringComparison.Ordinal);
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task An_explicit_component_is_the_only_one_acted_on_and_the_next_deploy_does_the_rest_without_drift()
    {
        await using var workspace = await TwoAsync();
        workspace.Write("src/web/text.txt", "second");
        workspace.Write("src/api/text.txt", "second");
        var one = (await workspace.DeployAsync("web")).Valid();
        Assert.Equal(["web"], one["components"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Equal(["web"], one.Built());
        var status = await workspace.JsonAsync(0, "status");
        Assert.All(status["components"]!.AsArray(), c => Assert.Null(c!["drift"]));
        var rest = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["api"], rest.Built());
        Assert.Equal("skip unchanged", rest.What("web"));
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task Profiles_switched_there_and_back_build_nothing_the_third_time()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(step: "echo ${profile.flavour} > out/text.txt", rest: Profiles);
        await using var end = workspace;
        Assert.Equal(["web"], (await workspace.DeployAsync()).Built());
        var release = (await workspace.DeployAsync("--profile", "release")).Valid();
        Assert.Equal(["web"], release.Built());
        Assert.Equal(("release", "profile-changed"), ((string?)release["profile"], (string?)release.Component("web")["cause"]));
        Assert.Equal((200, "release\n"), await workspace.GetAsync(port));
        var third = (await workspace.DeployAsync()).Valid();
        Assert.Equal((0, 1), (third.Count("built"), third.Count("rollouts")));
        Assert.Equal((200, "debug\n"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task A_rebuild_with_the_same_digest_is_not_rolled_out()
    {
        await using var workspace = await TwoAsync();
        workspace.Write("src/web/remark.md", "not part of the artifact");
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal("build digest-already-deployed", document.What("web"));
        Assert.Equal((1, 0, 0), (document.Count("built"), document.Count("rollouts"), document.Count("deploys")));
        Assert.Equal("unchanged", document.Outcome());

        // What was built is remembered: the next deploy is proven without a plan, and the next change is told from here.
        var next = (await workspace.DeployAsync()).IsUnchanged();
        Assert.Equal("skip unchanged", next.What("web"));
        Assert.DoesNotContain(next["segments"]!.AsArray(), s => (string?)s!["name"] == "plan");
        Assert.Equal("skip unchanged", (await workspace.DeployAsync("--progress", "plain")).What("web"));
        workspace.Write("src/web/text.txt", "second");
        Assert.Equal(["src/web/text.txt"], (await workspace.DeployAsync()).Detail("web"));
    }

    [Fact]
    public async Task Force_builds_and_rolls_out_whatever_the_fingerprints_say()
    {
        await using var workspace = await TwoAsync();
        var document = (await workspace.DeployAsync("--force", "web")).Valid();
        Assert.Equal("build+rollout forced", document.What("web"));
        Assert.Equal((1, 1), (document.Count("built"), document.Count("rollouts")));
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task Full_runs_the_steps_that_the_loop_leaves_out_and_names_no_gap()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(steps: "- { name: lint, kind: validate, run: \"echo linted >> ../../../beside/lint\", loops: [safe] }");
        await using var end = workspace;
        var lint = Path.Combine(workspace.Beside, "lint");
        Assert.Equal(["web: step lint is left out of the fast loop"], Document.Texts((await workspace.DeployAsync())["parityGaps"]));
        Assert.False(File.Exists(lint));
        var full = (await workspace.DeployAsync("--full")).Valid();
        Assert.True(File.Exists(lint));
        Assert.Empty(full["parityGaps"]!.AsArray());
        Assert.Contains(full["segments"]!.AsArray(), s => (string?)s!["name"] == "build/lint" && (string?)s["kind"] == "validate");
        Assert.Equal(["web: step lint is left out of the fast loop"], Document.Texts((await workspace.DeployAsync())["parityGaps"]));
    }

    [Fact]
    public async Task A_failed_lint_of_a_full_run_fails_the_build()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(steps: "- { name: lint, kind: validate, run: \"echo bad style; exit 3\", loops: [safe] }");
        await using var end = workspace;
        Assert.Equal("reflected", (await workspace.DeployAsync()).Outcome());
        Assert.Contains("lint", (await workspace.JsonAsync(10, "deploy", "--full")).FailureMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_stopped_behind_laps_back_is_drift_and_is_rolled_out_again()
    {
        await using var workspace = await TwoAsync();
        var status = await workspace.JsonAsync(0, "status");
        Assert.All(status["components"]!.AsArray(), c => Assert.True((bool)c!["observed"]!["serving"]!));
        (await workspace.LapAsync("agent", "stop", "--instances")).Exits(0);
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal((0, 2), (document.Count("built"), document.Count("rollouts")));
        Assert.Equal("rollout target-drifted", document.What("web"));
    }

    [Fact]
    public async Task A_file_edited_while_its_component_builds_taints_the_artifact_and_is_built_again()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(step: "if [ -f ../../../beside/edit ]; then rm ../../../beside/edit; echo edited meanwhile > text.txt; fi");
        await using var end = workspace;
        File.WriteAllText(Path.Combine(workspace.Beside, "edit"), "");
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Contains(Document.Texts(first["warnings"]), w => w.Contains("src/web/text.txt", StringComparison.Ordinal) && w.Contains("changed while it was built", StringComparison.Ordinal));
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
        var second = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["web"], second.Built());
        Assert.Equal((200, "edited meanwhile\n"), await workspace.GetAsync(port));
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task Nothing_changed_is_no_success_while_what_runs_is_not_ready()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(probes: "live: { tcp: \"${port}\" }\nready: { http: /health, timeout: 20s, poll: 10ms }");
        await using var end = workspace;
        var sick = Path.Combine(workspace.Beside, "sick");
        workspace.Write("src/web/server.py", LittleServer.Script($"if path == '/health' and os.path.exists('{sick}'): return 503, 'sick'"));
        await workspace.DeployAsync();
        (await workspace.DeployAsync()).IsUnchanged();
        File.WriteAllText(sick, "");
        Assert.Equal("fail", (string?)(await workspace.JsonAsync(0, "status")).Component("web")["signals"]!["ready"]!["status"]);
        workspace.Edit("laptime.yaml", "timeout: 20s", "timeout: 200ms");
        var document = (await workspace.JsonAsync(12, "deploy")).Valid();
        Assert.StartsWith("nothing changed, but", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("503", document.FailureMessage(), StringComparison.Ordinal);
        File.Delete(sick);
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task A_deploy_of_one_component_is_no_success_while_another_that_it_left_is_not_ready()
    {
        const string Probes = "live: { tcp: \"${port}\" }\nready: { http: /health, timeout: 21s, poll: 10ms }";
        var (api, web) = (Ports.Free(), Ports.Free());
        await using var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("api", api, probes: Probes) + LittleServer.Yaml("web", web));
        var sick = Path.Combine(workspace.Beside, "sick");
        workspace.Write("src/api/server.py", LittleServer.Script($"if path == '/health' and os.path.exists('{sick}'): return 503, 'sick'"));
        await workspace.DeployAsync();
        File.WriteAllText(sick, "");
        workspace.Edit("laptime.yaml", "timeout: 21s", "timeout: 200ms");
        workspace.Write("src/web/text.txt", "second");
        var document = (await workspace.JsonAsync(12, "deploy")).Valid();
        Assert.StartsWith("what was left as it is does not serve: api", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(("skip unchanged", "timeout", "pass"), (document.What("api"), document.Signal("api", "ready"), document.Signal("web", "reflected")));

        // What was asked for by name is there, and says nothing of the rest.
        workspace.Write("src/web/text.txt", "third");
        Assert.Equal("reflected", (await workspace.DeployAsync("web")).Outcome());
        Assert.Equal((200, "third"), await workspace.GetAsync(web));

        // One that only takes a moment is waited for.
        workspace.Edit("laptime.yaml", "timeout: 200ms", "timeout: 21s");
        workspace.Write("src/web/text.txt", "fourth");
        var waiting = workspace.Start("deploy", "-o", "json", "--progress", "plain");
        await workspace.UntilAsync(() => waiting.HasExited || waiting.ErrorSoFar.Contains("[web] reflect", StringComparison.Ordinal), "web is reflected");
        File.Delete(sick);
        var healed = (await waiting.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0).Json.Valid();
        Assert.Equal(("reflected", "skip unchanged", "pass"), (healed.Outcome(), healed.What("api"), healed.Signal("api", "ready")));
    }

    [Fact]
    public async Task What_is_needed_and_not_ready_is_waited_for_before_the_rollout_that_needs_it()
    {
        const string Probes = "live: { tcp: \"${port}\" }\nready: { http: /health, timeout: 21s, poll: 10ms }";
        await using var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("api", Ports.Free(), probes: Probes) + LittleServer.Yaml("web", Ports.Free(), more: "needs: [api]"));
        var (sick, asked) = (Path.Combine(workspace.Beside, "sick"), Path.Combine(workspace.Beside, "asked"));
        workspace.Write("src/api/server.py", LittleServer.Script($"if path == '/health' and os.path.exists('{sick}'): open('{asked}', 'a').write('x'); return 503, 'sick'"));
        await workspace.DeployAsync();
        File.WriteAllText(sick, "");
        workspace.Write("src/web/text.txt", "second");
        var waiting = workspace.Start("deploy", "web", "-o", "json", "--progress", "plain");
        await workspace.UntilAsync(() => waiting.HasExited || (File.Exists(asked) && new FileInfo(asked).Length > 5), "api is asked again and again");
        File.Delete(sick);
        var done = (await waiting.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0).Json.Valid();
        JsonNode Segment(string name, string component) => done["segments"]!.AsArray().First(s => (string?)s!["name"] == name && (string?)s["component"] == component)!;
        var (ready, rollout) = (Segment("ready", "api"), Segment("rollout", "web"));
        Assert.True((double)ready["start"]! + (double)ready["seconds"]! <= (double)rollout["start"]! + 0.001, $"{ready} {rollout}");

        File.WriteAllText(sick, "");
        workspace.Edit("laptime.yaml", "timeout: 21s", "timeout: 200ms");
        workspace.Write("src/web/text.txt", "third");
        var refused = (await workspace.JsonAsync(12, "deploy", "web")).Valid();
        Assert.StartsWith("what is needed does not serve: api", refused.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(0, refused.Count("deploys"));
    }

    [Fact]
    public async Task What_answers_as_another_revision_than_its_labels_say_is_drift()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        var other = Path.Combine(workspace.Beside, "other");
        workspace.Write("src/web/server.py", LittleServer.Script($"if path == '/version' and os.path.exists('{other}'): return 200, 'web@000000000000'"));
        var revision = (await workspace.DeployAsync()).Component("web").Text("revision");
        File.WriteAllText(other, "");
        Assert.Equal("rollout target-drifted", (await workspace.JsonAsync(0, "plan")).What("web"));
        Assert.Equal("fail", (string?)(await workspace.JsonAsync(0, "status")).Component("web")["signals"]!["reflected"]!["status"]);
        File.Delete(other);
        (await workspace.DeployAsync()).IsUnchanged();
        Assert.Equal((200, revision), await workspace.GetAsync(port, "/version"));
    }
}
