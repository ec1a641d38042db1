using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd.Docker;

/// <summary>lap against a real Docker engine.</summary>
public sealed class DockerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_first_deploy_a_no_op_and_a_change_that_no_user_notices()
    {
        await using var scene = await DockerScene.WebAsync();
        var first = (await scene.DeployAsync()).Valid();
        Assert.Equal(("reflected", "build+rollout never-built", "docker"), (first.Outcome(), first.What("web"), (string?)first["target"]));
        Assert.Equal(first.Component("web").Text("revision"), await scene.GetAsync("/version"));
        Assert.Equal(("one", $"{scene.Name}-docker-web-1"), (await scene.GetAsync("/content"), Assert.Single(await scene.ContainersAsync())));

        // Nothing to do is nothing done: the engine was only asked. By lap itself, and by the agent on the short way.
        var before = DateTimeOffset.UtcNow;
        var full = (await scene.DeployAsync("--progress", "plain")).IsUnchanged();
        Assert.Contains(full["segments"]!.AsArray(), s => (string?)s!["name"] == "plan");
        // On a machine that is busy the agent's second may run out: then lap looks in full, and the next one is quick.
        var quick = full;
        await DockerScene.UntilAsync(async () => !(quick = (await scene.DeployAsync()).IsUnchanged())["segments"]!.AsArray().Any(s => (string?)s!["name"] == "plan"), "the short way is taken");
        Assert.Equal(("docker", "pass", "pass"), ((string?)quick["target"], quick.Signal("web", "ready"), quick.Signal("web", "reflected")));
        var plan = await scene.Workspace.JsonAsync(0, "plan");
        Assert.Equal("skip unchanged", plan.What("web"));
        Assert.Empty(await scene.EventsAsync(before));

        using var enough = new CancellationTokenSource();
        var (answers, failures) = (0, new List<string>());
        async Task UseAsync()
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    var (status, body) = await scene.Workspace.GetAsync(scene.Port, "/content");
                    Interlocked.Increment(ref answers);
                    if (status != 200 || body is not ("one" or "two"))
                    {
                        failures.Add($"{status} {body}");
                    }
                }
                catch (HttpRequestException e)
                {
                    failures.Add(e.Message);
                }
            }
        }

        var users = UseAsync();
        scene.Content("two");
        var second = (await scene.DeployAsync()).Valid();
        await enough.CancelAsync();
        await users;
        Assert.Equal(("reflected", "build+rollout inputs-changed"), (second.Outcome(), second.What("web")));
        Assert.Equal(["www/content"], second.Detail("web").Select(d => d.Replace("web/", "", StringComparison.Ordinal)));
        Assert.Equal(("two", second.Component("web").Text("revision")), (await scene.GetAsync("/content"), await scene.GetAsync("/version")));
        Assert.Empty(failures);
        Assert.True(answers > 0);
        Assert.Equal([$"{scene.Name}-docker-web-1"], await scene.ContainersAsync());
    }

    [Fact]
    public async Task An_image_that_comes_out_the_same_is_not_rolled_out()
    {
        await using var scene = await DockerScene.WebAsync();
        await scene.DeployAsync();

        // A comment in a file that is no input of the image, but of its fingerprint.
        scene.Workspace.Edit("laptime.yaml", "    path: web\n", "    path: web\n    vars: [FLAVOUR]\n");
        var before = DateTimeOffset.UtcNow;
        var again = (await scene.DeployAsync()).Valid();
        Assert.Equal(("build digest-already-deployed", 0), (again.What("web"), again.Count("deploys")));
        Assert.Empty(await scene.EventsAsync(before));
    }

    [Fact]
    public async Task A_container_that_was_removed_by_hand_is_seen_and_alone_is_repaired()
    {
        await using var scene = await DockerScene.WebAsync(more: Second());
        var first = await scene.DeployAsync();
        await scene.Engine.DockerAsync("rm", "--force", $"{scene.Name}-docker-web-1");
        var plan = await scene.Workspace.JsonAsync(0, "plan");
        Assert.Equal(("rollout target-drifted", "skip unchanged"), (plan.What("web"), plan.What("two")));
        var before = DateTimeOffset.UtcNow;
        var repaired = (await scene.DeployAsync()).Valid();
        Assert.Equal(("rollout target-drifted", "skip unchanged", 1), (repaired.What("web"), repaired.What("two"), repaired.Count("deploys")));
        Assert.Equal(first.Component("web").Text("revision"), await scene.GetAsync("/version"));
        Assert.Single(await scene.EventsAsync(before), e => e == "container create");
        (await scene.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task A_stopped_container_is_told_by_status_and_repaired()
    {
        await using var scene = await DockerScene.WebAsync();
        await scene.DeployAsync();
        await scene.Engine.DockerAsync("stop", "--time", "1", $"{scene.Name}-docker-web-1");
        var seen = (await scene.Workspace.JsonAsync(0, "status")).Component("web")["observed"]!;
        Assert.False((bool)seen["serving"]!);
        Assert.Contains("Exited", (string?)seen["detail"], StringComparison.Ordinal);
        Assert.Contains(seen["tail"]!.AsArray(), l => ((string?)l)!.StartsWith("listening as", StringComparison.Ordinal));
        Assert.Equal("rollout target-drifted", (await scene.DeployAsync()).What("web"));
        Assert.Equal("one", await scene.GetAsync("/content"));
    }

    [Theory]
    [InlineData("CRASH: \"7\"", 13, "not-live", "exit code 7")]
    [InlineData("CRASH_AFTER: \"0\"", 13, "not-live", "exit code 3")]
    [InlineData("READY_AFTER: never", 12, "readiness-timeout", "bound 2 s")]
    public async Task What_goes_wrong_in_the_container_has_its_own_outcome_and_the_old_one_serves(string variable, int code, string outcome, string what)
    {
        await using var scene = await DockerScene.WebAsync(ready: "2s");
        var first = (await scene.DeployAsync()).Component("web").Text("revision");
        scene.Content("two");
        scene.Variable("MODE: fine", variable);
        var failed = (await scene.Workspace.JsonAsync(code, "deploy")).Valid();
        Assert.Equal(outcome, failed.Outcome());
        Assert.Contains(what, failed.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("starting ", (await scene.Workspace.LapAsync("deploy")).Exits(code).ToString(), StringComparison.Ordinal);
        Assert.Equal(first, (string?)failed.Component("web")["stillServing"]);
        Assert.Equal(("one", first), (await scene.GetAsync("/content"), await scene.GetAsync("/version")));
        Assert.Equal([$"{scene.Name}-docker-web-1"], await scene.ContainersAsync());
        scene.Variable(variable, "MODE: fine");
        Assert.Equal("reflected", (await scene.DeployAsync()).Outcome());
        Assert.Equal("two", await scene.GetAsync("/content"));
    }

    [Fact]
    public async Task A_missing_image_is_told_at_once()
    {
        await using var scene = await DockerScene.WebAsync();
        await scene.DeployAsync();
        var missing = "127.0.0.1:1/no/such@sha256:" + new string('0', 64);
        scene.Workspace.Edit("laptime.yaml", "    build: { image: { base: scratch, workdir: /, command: [/serve], env: { PATH: /bin }, port: 8080 } }\n", "");
        scene.Workspace.Edit("laptime.yaml", "run: { ", $"run: {{ image: \"{missing}\", ");
        var failed = (await scene.Workspace.JsonAsync(11, "deploy")).Valid();
        Assert.Equal("rollout-failed", failed.Outcome());
        Assert.Contains(missing, failed.FailureMessage(), StringComparison.Ordinal);
        var rollout = failed["segments"]!.AsArray().Single(s => (string?)s!["name"] == "rollout")!;
        Assert.True((double)rollout["seconds"]! < 3);
        Assert.Equal("one", await scene.GetAsync("/content"));
    }

    [Theory]
    [InlineData("rollout/start")]
    [InlineData("ready")]
    [InlineData("reflect")]
    [InlineData("rollout/confirm")]
    [InlineData("drain")]
    public async Task Lap_killed_in_the_middle_leaves_a_serving_front_and_the_next_run_heals(string segment)
    {
        await using var scene = await DockerScene.WebAsync();
        await scene.DeployAsync();
        scene.Content("two");
        var lap = scene.Workspace.Start("deploy", "--progress", "json");
        await scene.Workspace.UntilAsync(() => lap.ErrorSoFar.Contains($"\"name\":\"{segment}\"", StringComparison.Ordinal), segment);
        UnixSignal.Send(lap.Pid, UnixSignal.Kill);
        await scene.Workspace.UntilAsync(() => lap.HasExited, "lap ends");
        Assert.Contains(await scene.GetAsync("/content"), (string[])["one", "two"]);
        var next = (await scene.DeployAsync()).Valid();
        Assert.Contains(next.Outcome(), (string[])["reflected", "unchanged"]);
        Assert.Equal("two", await scene.GetAsync("/content"));

        // At the latest when the time of what was being drained is over, nothing is left.
        await scene.DeployAsync("--force");
        Assert.Equal([$"{scene.Name}-docker-web-1"], await scene.ContainersAsync());
        (await scene.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task The_engine_that_ends_in_the_middle_is_told_and_the_next_run_heals()
    {
        await using var scene = await DockerScene.WebAsync(own: true);
        var first = (await scene.DeployAsync()).Component("web").Text("revision");
        scene.Content("two");
        scene.Variable("MODE: fine", "READY_AFTER: never");
        var lap = scene.Workspace.Start("deploy", "--progress", "json", "-o", "json");
        await scene.Workspace.UntilAsync(() => lap.ErrorSoFar.Contains("\"name\":\"ready\"", StringComparison.Ordinal), "ready is asked");
        await scene.Engine.StopAsync();
        var result = await lap.ResultAsync(TimeSpan.FromMinutes(1), Cancel);
        Assert.Contains(result.ExitCode, (int[])[11, 13]);
        var document = result.Json.Valid();
        Assert.NotEqual("reflected", document.Outcome());
        // As the engine said while it ended: nothing runs any more, or the old one still did.
        Assert.Contains((string?)document.Component("web")["stillServing"], (string?[])[null, first]);
        Assert.NotEqual(0, (await scene.Workspace.LapAsync("deploy")).ExitCode);

        await scene.Engine.StartAgainAsync();
        scene.Variable("READY_AFTER: never", "MODE: fine");
        Assert.Equal("reflected", (await scene.DeployAsync()).Outcome());
        Assert.Equal("two", await scene.GetAsync("/content"));
        Assert.Equal([$"{scene.Name}-docker-web-1"], await scene.ContainersAsync());
    }

    [Fact]
    public async Task A_restarted_engine_serves_the_same_again_and_nothing_has_to_be_done()
    {
        await using var scene = await DockerScene.WebAsync(own: true);
        await scene.DeployAsync();
        await scene.Engine.StopAsync();
        Assert.Equal(11, (await scene.Workspace.LapAsync("deploy")).ExitCode);
        await scene.Engine.StartAgainAsync();
        await DockerScene.UntilAsync(async () => (await scene.Workspace.JsonAsync(0, "plan")).What("web") == "skip unchanged", "the container runs again");
        Assert.Equal("one", await scene.GetAsync("/content"));
    }

    [Fact]
    public async Task Rollback_down_and_logs()
    {
        await using var scene = await DockerScene.WebAsync();
        var first = (await scene.DeployAsync()).Component("web").Text("revision");
        scene.Content("two");
        await scene.DeployAsync();
        (await scene.Workspace.LapAsync("rollback")).Exits(0);
        Assert.Equal(("one", first), (await scene.GetAsync("/content"), await scene.GetAsync("/version")));
        Assert.Contains($"listening as {first}", (await scene.Workspace.LapAsync("logs", "web")).Exits(0).Out, StringComparison.Ordinal);
        (await scene.Workspace.LapAsync("down")).Exits(0);
        Assert.Empty(await scene.ContainersAsync());
        Assert.Null((await scene.Workspace.JsonAsync(0, "status")).Component("web")["observed"]);
    }

    [Fact]
    public async Task The_short_way_is_not_taken_when_the_engine_or_the_container_is_another()
    {
        await using var scene = await DockerScene.WebAsync();
        await scene.DeployAsync();
        (await scene.DeployAsync()).IsUnchanged();
        await scene.Engine.DockerAsync("kill", $"{scene.Name}-docker-web-1");
        Assert.Equal("rollout target-drifted", (await scene.DeployAsync()).What("web"));
        (await scene.DeployAsync()).IsUnchanged();

        // An engine that is not there is not the one of which this was said.
        scene.Workspace.Environment["DOCKER_HOST"] = "unix://" + scene.Workspace.At("no.sock");
        var told = (await scene.Workspace.LapAsync("deploy")).Exits(11).ToString();
        Assert.Contains("no Docker engine listens at unix://", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_component_reaches_what_it_needs_by_its_name_and_meets_only_what_is_ready()
    {
        await using var scene = await DockerScene.WebAsync(more: Second("needs: [web]", ", env: { WEB_URL: \"http://${components.web.address}\" }"));
        await scene.DeployAsync();
        async Task<string> FromTwoAsync(string path) => await scene.Engine.DockerAsync("exec", $"{scene.Name}-docker-two-1", "sh", "-c", $"wget -q -O - $WEB_URL{path}");
        Assert.Equal("one", await FromTwoAsync("/content"));

        // The new revision of what is needed is never ready: nobody meets it.
        scene.Workspace.Edit("laptime.yaml", "timeout: 30s", "timeout: 2s");
        scene.Content("two");
        scene.Variable("MODE: fine", "READY_AFTER: never");
        var failing = scene.Workspace.Start("deploy", "web");
        var seen = new HashSet<string>();
        while (!failing.HasExited)
        {
            seen.Add(await FromTwoAsync("/content"));
        }

        Assert.Equal(["one"], seen);
        scene.Variable("READY_AFTER: never", "MODE: fine");
        await scene.DeployAsync();
        Assert.Equal("two", await FromTwoAsync("/content"));
        (await scene.Workspace.LapAsync("down")).Exits(0);
        Assert.Equal("", await scene.Engine.DockerAsync("network", "ls", "--quiet", "--filter", $"label=laptime.workspace={scene.Name}"));
    }

    [Fact]
    public async Task A_compose_file_alone_is_deployed_and_a_service_that_writes_data_never_runs_twice()
    {
        await using var scene = await DockerScene.WebAsync();
        var image = $"e2e/{scene.Name}:1";
        await ServiceImage.LoadAsync(scene.Engine, image, "one");
        File.Delete(scene.Workspace.At("laptime.yaml"));
        scene.Workspace.Write("compose.yml", $$"""
            name: {{scene.Name}}
            services:
              db:
                image: {{image}}
                volumes: ["data:/data"]
                environment: { MODE: fine }
                stop_grace_period: 2s
              web:
                image: {{image}}
                depends_on: [db]
                ports: ["{{scene.Port}}:8080"]
                stop_grace_period: 2s
                healthcheck: { test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/health"], interval: 1h }
            volumes: { data: {} }

            """);
        try
        {
            var first = (await scene.DeployAsync()).Valid();
            Assert.Equal(("docker", "pass"), ((string?)first["target"], first.Signal("web", "ready")));
            Assert.Equal("one", await scene.GetAsync("/content"));
            Assert.Equal("one", await scene.Engine.DockerAsync("exec", $"{scene.Name}-local-web-1", "wget", "-q", "-O", "-", "http://db:8080/content"));
            (await scene.DeployAsync()).IsUnchanged();

            await scene.Engine.DockerAsync("exec", $"{scene.Name}-local-db-1", "sh", "-c", "echo kept > /data/file");
            scene.Workspace.Edit("compose.yml", "MODE: fine", "MODE: \"other\"");
            var before = DateTimeOffset.UtcNow;
            Assert.Equal(("rollout run-settings-changed", "skip unchanged"), ((await scene.DeployAsync()) is var second ? second.What("db") : "", second.What("web")));
            var events = (await scene.EventsAsync(before)).ToList();
            Assert.True(events.IndexOf("container die") < events.IndexOf("container start"), string.Join(", ", events));
            Assert.Equal("kept", await scene.Engine.DockerAsync("exec", $"{scene.Name}-local-db-1", "cat", "/data/file"));

            // One that dies leaves the old one as it was.
            scene.Workspace.Edit("compose.yml", "MODE: \"other\"", "CRASH: \"7\"");
            Assert.Equal("not-live", (await scene.Workspace.JsonAsync(13, "deploy")).Outcome());
            Assert.Equal("kept", await scene.Engine.DockerAsync("exec", $"{scene.Name}-local-db-1", "cat", "/data/file"));

            scene.Workspace.Edit("compose.yml", "    volumes:", "    privileged: true\n    volumes:");
            Assert.Contains("service db: privileged is not applied", (await scene.Workspace.LapAsync("deploy")).Exits(2).ToString(), StringComparison.Ordinal);
        }
        finally
        {
            foreach (var container in await scene.ContainersAsync())
            {
                await scene.Engine.RunAsync("rm", "--force", container);
            }

            await scene.Engine.RunAsync("volume", "rm", $"{scene.Name}_data");
            await scene.Engine.RunAsync("rmi", image);
        }
    }

    [Fact]
    public async Task A_component_without_an_image_is_refused_before_anything_is_done()
    {
        await using var scene = await DockerScene.WebAsync();
        scene.Workspace.Edit("laptime.yaml", "build: { image: { base: scratch, workdir: /, command: [/serve], env: { PATH: /bin }, port: 8080 } }", "build: { outputs: [serve] }");
        scene.Workspace.Edit("laptime.yaml", "run: { ", "run: { command: ./serve, ");
        var told = (await scene.Workspace.LapAsync("deploy")).Exits(2).ToString();
        Assert.Contains("web is no container image", told, StringComparison.Ordinal);
        Assert.Contains("laptime.yaml:4:", told, StringComparison.Ordinal);
    }

    private static string Second(string more = "", string run = "") => $$"""
              two:
                path: web
                {{(more.Length > 0 ? more : "needs: []")}}
                build: { image: { base: scratch, workdir: /, command: [/serve], env: { PATH: /bin }, port: 8080 } }
                run: { port: {{Ports.Free()}}, drain: 1s, stop-grace: 2s{{run}} }
                probes: { ready: { http: /health } }
            """;
}
