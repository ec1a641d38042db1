using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>The whole lap on a real swarm, from a compose file alone: build, stack, convergence, drift, failures, crashes.</summary>
public sealed class SwarmTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_compose_file_is_deployed_changed_broken_and_repaired()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine);

        // First deploy: both services, the one that is needed first.
        var first = await ws.DeployAsync();
        Assert.Equal("reflected", first.Outcome());
        Assert.Equal(2, first.Count("deploys"));
        Assert.Equal("one", await ContentAsync(ws));
        var versions = await VersionsAsync(engine, ws);

        // No-op: nothing is written to the engine.
        var noop = await ws.DeployAsync();
        Assert.Equal("unchanged", noop.Outcome());
        Assert.Equal(versions, await VersionsAsync(engine, ws));

        // One change rolls out one service.
        ws.Write("web/www/content", "two");
        var change = await ws.DeployAsync();
        Assert.Equal("build+rollout inputs-changed", change.What("web"));
        Assert.Equal("skip unchanged", change.What("side"));
        Assert.Equal("two", await ContentAsync(ws));
        Assert.Contains(change["segments"]!.AsArray(), s => (string?)s!["name"] == "rollout/first-answer");
        Assert.Equal(versions["side"], (await VersionsAsync(engine, ws))["side"]);

        // Other inputs, the same image: built, and nothing is rolled out.
        versions = await SettledAsync(engine, ws);
        ws.Write("web/Dockerfile", ws.Read("web/Dockerfile") + "# a comment\n");
        var same = await ws.DeployAsync();
        Assert.Equal("build digest-already-deployed", same.What("web"));
        Assert.Equal(versions, await VersionsAsync(engine, ws));

        // An explicit component, then a plain deploy: no drift, no rebuild.
        ws.Write("web/www/content", "three");
        Assert.Equal("reflected", (await ws.DeployAsync("web")).Outcome());
        Assert.Equal("unchanged", (await ws.DeployAsync()).Outcome());

        // Removed by hand: seen, and repaired alone.
        versions = await SettledAsync(engine, ws);
        await engine.DockerAsync("service", "rm", $"{Stack(ws)}_side");
        var repaired = await ws.DeployAsync();
        Assert.Equal("rollout target-drifted", repaired.What("side"));
        Assert.Equal("skip unchanged", repaired.What("web"));
        Assert.Equal(versions["web"], (await VersionsAsync(engine, ws))["web"]);

        // Left the file: removed.
        ws.Edit("compose.yml", "    depends_on: [side]\n", "");
        ws.Write("compose.yml", ws.Read("compose.yml")[..ws.Read("compose.yml").IndexOf("  side:", StringComparison.Ordinal)]);
        await ws.DeployAsync();
        Assert.Equal(["web"], (await VersionsAsync(engine, ws)).Keys);

        await ws.JsonAsync(0, "down");
        Assert.Empty(await VersionsAsync(engine, ws));
    }

    [Fact]
    public async Task Failures_end_early_and_what_served_serves_on()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine);
        await ws.DeployAsync();

        // A crash: early, with the last words.
        ws.Edit("compose.yml", "READY_AFTER: \"0\"", "CRASH: \"7\"");
        var crash = await ws.JsonAsync(13, "deploy");
        Assert.Equal("not-live", crash.Outcome());
        Assert.Contains("cannot go on", crash["failure"]!.ToJsonString());
        Assert.Equal("one", await ContentAsync(ws));

        // Never healthy: at the check's bound.
        ws.Edit("compose.yml", "CRASH: \"7\"", "READY_AFTER: never");
        ws.Edit("compose.yml", "healthcheck: { test: [NONE] }", "healthcheck: { test: [CMD, wget, -q, -O, '-', 'http://127.0.0.1:8080/health'], interval: 1s, retries: 60 }");
        var never = await ws.JsonAsync(12, "deploy");
        Assert.Equal("readiness-timeout", never.Outcome());
        Assert.Equal("one", await ContentAsync(ws));

        // A task that the swarm rejects: at once, not at a deadline.
        ws.Edit("compose.yml", "READY_AFTER: never", "READY_AFTER: \"0\"");
        ws.Edit("compose.yml", "    depends_on: [side]\n", "    depends_on: [side]\n    volumes: [ '/nowhere/at/all:/data' ]\n");
        var rejected = await ws.JsonAsync(11, "deploy");
        Assert.Contains("bind source path does not exist", rejected.FailureMessage());
        Assert.Contains(rejected["segments"]!.AsArray(), s => (string?)s!["name"] == "rollout/first-answer" && (string?)s["outcome"] == "failed");
        Assert.Equal("one", await ContentAsync(ws));
        await ws.JsonAsync(0, "down");
    }

    [Fact]
    public async Task A_killed_lap_is_healed_by_the_next_and_two_at_once_wait_for_each_other()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine);
        await ws.DeployAsync();
        ws.Write("web/www/content", "two");
        var killed = ws.Start("deploy");
        await ws.UntilAsync(() => killed.ErrorSoFar.Contains("rollout/apply", StringComparison.Ordinal) || killed.HasExited, "the stack is applied");
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromSeconds(30), Cancel);

        var healed = await ws.LapAsync("deploy", "-o", "json");
        Assert.Equal(0, healed.ExitCode);
        Assert.Equal("two", await ContentAsync(ws));
        Assert.Equal("unchanged", (await ws.DeployAsync()).Outcome());

        ws.Write("web/www/content", "three");
        var both = await Task.WhenAll(ws.LapAsync("deploy", "-o", "json"), ws.LapAsync("deploy", "-o", "json"));
        Assert.All(both, b => Assert.Contains(b.ExitCode, (int[])[0, 20]));
        Assert.Contains(both, b => b.ExitCode == 0);
        Assert.Equal("three", await ContentAsync(ws));
        await ws.JsonAsync(0, "down");
    }

    [Fact]
    public async Task An_engine_that_is_restarted_in_the_middle_gives_a_truthful_end_and_the_next_deploy_heals()
    {
        await using var engine = await DockerEngine.OwnAsync();
        await engine.SwarmAsync();
        await using var ws = await OpenAsync(engine);
        await ws.DeployAsync();
        ws.Write("web/www/content", "two");
        var deploying = ws.Start("deploy", "-o", "json", "--progress", "plain");
        await ws.UntilAsync(() => deploying.ErrorSoFar.Contains("rollout/apply", StringComparison.Ordinal) || deploying.HasExited, "the stack is applied");
        await engine.KillAsync();
        await engine.StartAgainAsync();
        var ended = await deploying.ResultAsync(TimeSpan.FromMinutes(3), Cancel);

        // Whatever it says, what it says is so.
        if (ended.ExitCode == 0)
        {
            Assert.Equal("two", await ContentAsync(ws));
        }
        else
        {
            Assert.NotEqual("reflected", ended.Json.Outcome());
        }

        var next = await ws.LapAsync("deploy", "-o", "json");
        Assert.True(next.ExitCode == 0, next.ToString());
        Assert.Equal("two", await ContentAsync(ws));
        TestContext.Current.SendDiagnosticMessage($"ended with {ended.ExitCode}, the next with {next.Json.Outcome()}: {string.Join("; ", next.Json["components"]!.AsArray().Select(c => $"{c!["name"]} {c["action"]} {c["cause"]} {c["detail"]!.ToJsonString()}"))}");

        if (ended.ExitCode == 0)
        {
            // What the swarm brings back by itself is not deployed on top.
            next.Json.IsUnchanged();
        }

        // It healed once: nothing is left to do.
        (await ws.DeployAsync("--progress", "plain")).IsUnchanged();
    }

    [Fact]
    public async Task An_address_that_a_dead_task_still_answers_at_is_waited_for_and_told()
    {
        await using var engine = await DockerEngine.OwnAsync();
        await engine.SwarmAsync();
        await using var ws = await OpenAsync(engine);
        // What is open when a task dies is given up after seconds, not after two minutes.
        ws.Write("compose.yml", ws.Read("compose.yml").Replace("    stop_grace_period: 1s\n", "    stop_grace_period: 1s\n    sysctls: [ net.ipv4.tcp_orphan_retries=6 ]\n", StringComparison.Ordinal));
        await ws.DeployAsync();

        // A connection between the two whose ends do not reach each other any more; then dockerd dies, and with it the tasks.
        var (side, web) = (await ContainerAsync("side"), await ContainerAsync("web"));
        await engine.DockerAsync("exec", "--detach", side, "sh", "-c", "sleep 600 | /bin/busybox nc web 8080");
        var network = await engine.DockerAsync("inspect", "--format", "{{.State.Pid}}", web);
        await Docker.DockerScene.UntilAsync(async () => (await InsideAsync("ss", "-Htn", "state", "established")).Contains(":8080", StringComparison.Ordinal), "they are connected");
        await InsideAsync("ip", "link", "set", "eth0", "down");
        await engine.KillAsync();
        await engine.StartAgainAsync();
        await engine.DockerAsync("service", "rm", $"{Stack(ws)}_web", $"{Stack(ws)}_side");

        var again = (await ws.DeployAsync("--progress", "plain")).Valid();
        Assert.Equal(("reflected", 2), (again.Outcome(), again.Count("deploys")));
        Assert.Equal("one", await ContentAsync(ws));
        Assert.Contains(again["segments"]!.AsArray(), s => (string?)s!["name"] == "wait" && (string?)s["kind"] == "leftover" && (double)s["seconds"]! > 0.1 && (string?)s["outcome"] == "ok");
        var delay = again["components"]!.AsArray().SelectMany(c => c!["engineDelays"]?.AsArray() ?? []).First(d => (string?)d!["kind"] == "leftover-address")!;
        Assert.Contains("ip link delete veth", (string?)delay["mend"], StringComparison.Ordinal);

        async Task<string> ContainerAsync(string name) => await engine.DockerAsync("ps", "--quiet", "--no-trunc", "--filter", $"label=com.docker.swarm.service.name={Stack(ws)}_{name}");

        async Task<string> InsideAsync(params string[] command)
        {
            using var program = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("nsenter", ["--target", network, "--net", .. command]) { RedirectStandardOutput = true })!;
            var output = await program.StandardOutput.ReadToEndAsync(Cancel);
            await program.WaitForExitAsync(Cancel);
            Assert.Equal(0, program.ExitCode);
            return output;
        }
    }

    [Fact]
    public async Task A_rollback_brings_back_what_was_deployed_with_the_settings_of_then()
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await using var ws = await OpenAsync(engine);
        ws.Write("mounted/file", "here");
        ws.Edit("compose.yml", "READY_AFTER: \"0\"", "READY_AFTER: \"0\", X: \"1\"");
        await ws.DeployAsync();
        Assert.StartsWith("side@" + (await ServiceImage.LoadAsync(engine, "e2e/side:1", "side"))["sha256:".Length..][..12], (string?)(await ws.JsonAsync(0, "status"))["components"]!.AsArray().Single(c => (string?)c!["name"] == "side")!["observed"]!["revision"]);

        // Another program and other settings; then back to both of then.
        ws.Write("web/www/content", "two");
        ws.Edit("compose.yml", "X: \"1\"", "X: \"2\"");
        ws.Edit("compose.yml", "    depends_on: [side]\n", "    depends_on: [side]\n    hostname: second\n    volumes: [ './mounted:/mounted' ]\n");
        await ws.DeployAsync();
        Assert.Equal(("two", "2", "second"), await SeenAsync());
        var back = await ws.JsonAsync(0, "rollback");
        Assert.Equal("rolled-back", back.Outcome());
        Assert.Equal("one", await ContentAsync(ws));
        var (_, x, name) = await SeenAsync();
        Assert.Equal("1", x);
        Assert.NotEqual("second", name);
        Assert.DoesNotContain("as they are now", back.ToJsonString());
        Assert.Contains("run settings of then", back["components"]!.ToJsonString());

        // What differs from the files is told as what it is.
        Assert.Equal("rollout inputs-changed", (await ws.JsonAsync(0, "plan")).What("web"));
        ws.Write("web/www/content", "one");
        var plan = await ws.JsonAsync(0, "plan", "web");
        Assert.Equal("rollout run-settings-changed", plan.What("web"));
        Assert.Contains("run.env.X", plan["components"]!.ToJsonString());
        Assert.Contains("run.stack.hostname", plan["components"]!.ToJsonString());

        // Only settings differ: they too can be gone back from.
        await ws.DeployAsync();
        Assert.Equal(("one", "2", "second"), await SeenAsync());
        await ws.JsonAsync(0, "rollback", "web");
        Assert.Equal("1", (await SeenAsync()).X);

        // A way back that fails is 22, and says what serves.
        await ws.DeployAsync();
        ws.Edit("compose.yml", "    hostname: second\n    volumes: [ './mounted:/mounted' ]\n", "");
        await ws.DeployAsync();
        Directory.Delete(ws.At("mounted"), recursive: true);
        var failed = await ws.JsonAsync(22, "rollback");
        Assert.Contains("bind source path does not exist", failed.FailureMessage());
        Assert.Contains("still serves", failed.FailureMessage());
        Assert.Equal(("one", "2"), ((await SeenAsync()).Content, (await SeenAsync()).X));

        // Without what was kept: said, and the present file's settings stand.
        Directory.Delete(ws.At(".laptime/env/local/stacks"), recursive: true);
        var without = await ws.JsonAsync(0, "rollback");
        Assert.Contains("not kept here any more", without.ToJsonString());
        Assert.Equal(("two", "2"), ((await SeenAsync()).Content, (await SeenAsync()).X));
        await ws.JsonAsync(0, "down");
        Assert.Empty(Directory.Exists(ws.At(".laptime/env/local/stacks")) ? Directory.GetFiles(ws.At(".laptime/env/local/stacks")) : []);

        async Task<(string Content, string X, string Name)> SeenAsync()
        {
            var said = await ws.LapAsync("exec", "web", "--", "sh", "-c", "echo $X $(hostname)");
            Assert.Equal(0, said.ExitCode);
            var words = said.Out.Trim().Split(' ');
            return (await ContentAsync(ws), words[0], words[1]);
        }
    }

    private static async Task<LapWorkspace> OpenAsync(DockerEngine engine)
    {
        var ws = await LapWorkspace.EmptyAsync();
        ws.Environment["DOCKER_HOST"] = engine.Host;
        ServiceImage.WriteFolder(ws.At("web"), "one");
        var side = await ServiceImage.LoadAsync(engine, "e2e/side:1", "side");
        ws.Write("compose.yml", $$"""
            name: e2e{{Guid.NewGuid().ToString("N")[..8]}}
            services:
              web:
                build: web
                stop_grace_period: 1s
                depends_on: [side]
                environment: { READY_AFTER: "0" }
                healthcheck: { test: [NONE] }
                ports: [ { target: 8080, published: {{Ports.Free()}}, mode: host } ]
                deploy: { update_config: { monitor: 500ms }, restart_policy: { delay: 500ms } }
              side:
                image: {{side}}
                stop_grace_period: 1s
                deploy: { update_config: { monitor: 500ms }, restart_policy: { delay: 500ms } }

            """);
        return ws;
    }

    private static string Stack(LapWorkspace ws) => ws.Read("compose.yml").Split('\n')[0]["name: ".Length..];

    private static async Task<string> ContentAsync(LapWorkspace ws)
    {
        var text = ws.Read("compose.yml");
        var from = text.IndexOf("published: ", StringComparison.Ordinal) + "published: ".Length;
        return (await ws.GetAsync(int.Parse(text[from..text.IndexOf(',', from)], System.Globalization.CultureInfo.InvariantCulture), "/content")).Body.Trim();
    }

    /// <summary>The engine counts versions up itself until it has watched an update for its `monitor`.</summary>
    private static async Task<Dictionary<string, string>> SettledAsync(DockerEngine engine, LapWorkspace ws)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(30); ; await Task.Delay(50, Cancel))
        {
            var state = await engine.DockerAsync("service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", $"{Stack(ws)}_web");
            if (state is "completed" or "")
            {
                return await VersionsAsync(engine, ws);
            }

            Assert.True(DateTime.UtcNow < deadline, state);
        }
    }

    private static async Task<Dictionary<string, string>> VersionsAsync(DockerEngine engine, LapWorkspace ws)
    {
        var versions = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var id in (await engine.DockerAsync("service", "ls", "--quiet", "--filter", $"label=com.docker.stack.namespace={Stack(ws)}")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var said = (await engine.DockerAsync("service", "inspect", "--format", "{{index .Spec.Labels \"laptime.component\"}} {{.Version.Index}}", id)).Split(' ');
            versions[said[0]] = said[1];
        }

        return versions;
    }
}
