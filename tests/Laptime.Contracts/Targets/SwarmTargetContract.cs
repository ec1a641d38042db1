using System.Diagnostics;
using System.Net.Sockets;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;
using Laptime.Targets.Swarm;
using Laptime.Tests.Engines;
using Laptime.Timing;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Contracts.Targets;

/// <summary>The Swarm target on a real swarm, with real services.</summary>
public sealed class SwarmTargetContract : TargetContract, IAsyncLifetime
{
    private static readonly SourceLocation At = new("laptime.yaml", 1, 1);

    private readonly string root = Directory.CreateTempSubdirectory("lap swarm té-").FullName;
    private readonly string stack = "contract" + Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal);
    private readonly int front = FreePort();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero });
    private readonly List<SwarmTarget> targets = [];
    private DockerEngine? engine;
    private SwarmTarget? target;
    private string image = "";

    protected override Target Target => target ??= Open(Web());

    private DockerEngine Engine => engine!;

    public async ValueTask InitializeAsync()
    {
        engine = await DockerEngine.SharedSwarmAsync();
        image = await ServiceImage.LoadAsync(engine, "contract/service:1", "one");
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        foreach (var opened in targets)
        {
            await opened.DisposeAsync();
        }

        if (engine is not null)
        {
            foreach (var left in await ServicesAsync())
            {
                await engine.DockerAsync("service", "rm", left);
            }
        }

        Directory.Delete(root, recursive: true);
    }

    protected override Component Component(string name, IReadOnlyDictionary<string, string>? env = null) => new()
    {
        Name = name, Path = "", At = At,
        Run = new RunSettings
        {
            Command = new CommandLine.Exec([]), Image = image, Port = name == "web" ? front : null, ContainerPort = 8080, StopGrace = TimeSpan.FromSeconds(3),
            Env = (env ?? new Dictionary<string, string>()).ToDictionary(v => v.Key, v => Template.Literal(v.Value)),
        },
        Probes = name == "web" ? new ProbeSettings { Ready = HttpProbe("/health") } : new ProbeSettings(),
    };

    protected override Task<string> InstanceAsync() => TaskAsync("web");

    [Fact]
    public async Task A_first_deploy_serves_and_an_update_is_seen_by_users()
    {
        var first = await DeployAsync(Reflecting("web"), "one");
        Assert.Equal(first.Revision, await GetAsync("/version"));
        var segments = new List<Segment>();
        var second = Request(Reflecting("web"), "two");
        var result = await RolloutAsync(second, segments);
        Assert.True(result.Fault is null, result.Fault?.What);
        Assert.Equal(second.Revision, await GetAsync("/version"));
        Assert.Equal((SignalStatus.Pass, second.Revision, 1, 1), (result.Signals.Reflected.Status, result.Signals.Reflected.Observed, result.Signals.Reflected.Instances, result.Signals.Reflected.Of));
        Assert.Contains(segments, s => s is { Name: "rollout/first-answer", Outcome: "ok" });
        Assert.Equal($"http://127.0.0.1:{front}", result.Endpoint);
    }

    [Fact]
    public async Task Reading_writes_nothing()
    {
        await DeployAsync(Component("web"), "one");
        var before = await VersionAsync("web");
        for (var i = 0; i < 3; i++)
        {
            Assert.True(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
        }

        Assert.Equal(before, await VersionAsync("web"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Reading_a_stack_is_one_listing_of_each_kind_however_many_services_it_has(int services)
    {
        var stack = Open(string.Concat(Enumerable.Range(0, services).Select(i => Worker($"w{i}"))));
        await Task.WhenAll(Enumerable.Range(0, services).Select(i => DeployAsync(stack, Component($"w{i}"), "one")));
        await using var tap = new EngineTap(Engine.Socket);
        var counted = Open(string.Concat(Enumerable.Range(0, services).Select(i => Worker($"w{i}"))), host: tap.Host);
        Assert.Equal(services, (await counted.ObserveAsync(Cancel)).Count(o => o.Serving));
        Assert.Equal(["GET /_ping", "GET /services", "GET /tasks"], tap.Take().Order());
        await counted.ObserveAsync(Cancel);
        Assert.Equal(["GET /services", "GET /tasks"], tap.Take().Order());
    }

    [Fact]
    public async Task Only_the_service_that_changes_is_updated()
    {
        var both = Open(Web() + Worker());
        await DeployAsync(both, Component("web"), "one");
        await DeployAsync(both, Component("worker"), "one");
        var before = (await VersionAsync("web"), await TaskAsync("web"));
        await DeployAsync(both, Component("worker"), "two");
        Assert.Equal(before, (await VersionAsync("web"), await TaskAsync("web")));
        Assert.All(await both.ObserveAsync(Cancel), o => Assert.True(o.Serving, o.Detail));
    }

    [Fact]
    public async Task Services_that_are_rolled_out_at_once_take_two_calls_of_docker()
    {
        var many = Open(string.Concat(Enumerable.Range(0, 6).Select(i => Worker($"w{i}"))));
        var results = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => many.RolloutAsync(Request(Component($"w{i}"), "one"), Gate(Component($"w{i}")), Timeline(), null, Cancel)));
        Assert.All(results, r => Assert.True(r.Fault is null, r.Fault?.What));
        Assert.Equal(6, (await many.ObserveAsync(Cancel)).Count(o => o.Serving));
    }

    [Fact]
    public async Task A_task_that_the_swarm_rejects_ends_the_first_deploy_at_once()
    {
        var missing = Open(Web("volumes: [ '/nowhere/at/all:/data' ]"));
        var began = Stopwatch.GetTimestamp();
        var result = await missing.RolloutAsync(Request(Component("web"), "one"), Gate(Component("web")), Timeline(), null, Cancel);
        var took = Stopwatch.GetElapsedTime(began);
        Assert.Equal((Outcome.RolloutFailed, null), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains("bind source path does not exist", result.Fault!.What);
        Assert.Empty(await ServicesAsync());
        TestContext.Current.SendDiagnosticMessage($"rejected and removed in {Duration.Text(took)}");
    }

    [Fact]
    public async Task An_image_that_does_not_exist_is_told_before_anything_is_touched()
    {
        var first = await DeployAsync(Component("web"), "one");
        var web = Component("web");
        web = web with { Run = web.Run! with { Image = "sha256:" + new string('a', 64) } };
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(web, "two")));
        Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, true), (seen.Revision, seen.Serving));
    }

    [Fact]
    public async Task An_image_that_is_lost_on_the_way_fails_as_a_rejected_task_and_the_old_one_comes_back()
    {
        var first = await DeployAsync(Component("web"), "one");
        var rejected = Open(Web("volumes: [ '/nowhere/at/all:/data' ]"));
        var result = await rejected.RolloutAsync(Request(Component("web"), "two"), Gate(Component("web")), Timeline(), null, Cancel);
        Assert.Equal((Outcome.RolloutFailed, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Equal(first.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task A_rejected_task_is_told_while_the_old_one_is_still_ending()
    {
        var worker = Component("worker", new Dictionary<string, string> { ["DEAF"] = "1" });
        await DeployAsync(Open(Worker()), worker, "one");
        var rejected = Open(Worker() + "    volumes: [ '/nowhere/at/all:/data' ]\n");
        var segments = new List<Segment>();
        var result = await rejected.RolloutAsync(Request(Component("worker"), "two"), Gate(Component("worker")), Timeline(segments), null, Cancel);
        Assert.Equal(Outcome.RolloutFailed, result.Fault?.Outcome);
        Assert.Contains("bind source path does not exist", result.Fault!.What);
        // The old task, which ends by force after its grace, had not gone.
        Assert.DoesNotContain(result.Delays, d => d.Kind == "stop-grace");
        Assert.DoesNotContain("engine's own", result.Fault.What);
        TestContext.Current.SendDiagnosticMessage(string.Join("; ", segments.Select(s => $"{s.Name} {s.Seconds:0.000}")));
    }

    [Fact]
    public async Task Where_the_swarm_tries_a_task_only_after_the_old_one_the_failure_says_how_long_that_took()
    {
        // Both want one port of the node: the new one is not even scheduled before the old one has gone.
        await DeployAsync(Component("web", new Dictionary<string, string> { ["DEAF"] = "1" }), "one");
        var rejected = Open(Web("volumes: [ '/nowhere/at/all:/data' ]"));
        var segments = new List<Segment>();
        var result = await rejected.RolloutAsync(Request(Component("web"), "two"), Gate(Component("web")), Timeline(segments), null, Cancel);
        Assert.Equal(Outcome.RolloutFailed, result.Fault?.Outcome);
        Assert.Contains("bind source path does not exist", result.Fault!.What);
        Assert.Contains("only when the old task had gone", result.Fault.What);
        Assert.Equal(["network-drain", "stop-grace"], result.Delays.Select(d => d.Kind).Except(["update-monitor"]));
        TestContext.Current.SendDiagnosticMessage(result.Fault.What + "\n" + string.Join("; ", segments.Select(s => $"{s.Name} {s.Seconds:0.000}")));
    }

    [Fact]
    public async Task A_crash_ends_early_with_the_last_words_and_the_old_one_comes_back()
    {
        var first = await DeployAsync(Component("web"), "one");
        var result = await RolloutAsync(Request(Component("web", new Dictionary<string, string> { ["CRASH"] = "7" }), "two"));
        Assert.Equal((Outcome.NotLive, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains("7", result.Fault!.What);
        Assert.Contains(result.Fault.Tail!, l => l.Contains("cannot go on", StringComparison.Ordinal));
        Assert.Equal(first.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task A_crash_loop_on_the_first_deploy_leaves_nothing()
    {
        var result = await RolloutAsync(Request(Component("web", new Dictionary<string, string> { ["CRASH"] = "7" }), "one"));
        Assert.Equal((Outcome.NotLive, null), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains(result.Fault!.Tail!, l => l.Contains("cannot go on", StringComparison.Ordinal));
        Assert.Empty(await ServicesAsync());
    }

    [Fact]
    public async Task Never_ready_ends_at_its_bound()
    {
        var web = Component("web", new Dictionary<string, string> { ["READY_AFTER"] = "never" });
        web = web with { Probes = web.Probes with { Ready = web.Probes.Ready! with { Timeout = TimeSpan.FromSeconds(2) } } };
        var result = await RolloutAsync(Request(web, "one"));
        Assert.Equal(Outcome.ReadinessTimeout, result.Fault?.Outcome);
        Assert.InRange(result.Signals.Ready.Seconds!.Value, 1.9, 2.3);
        Assert.Empty(await ServicesAsync());
    }

    [Fact]
    public async Task A_health_check_of_the_compose_file_is_asked_at_once_although_the_engine_asks_late()
    {
        var slow = Open(Web("healthcheck: { test: [ CMD, wget, '-q', '-O', '-', 'http://127.0.0.1:8080/health' ], interval: 2s }"));
        var web = Component("web") with { Probes = new ProbeSettings() };
        var segments = new List<Segment>();
        var result = await slow.RolloutAsync(Request(web, "one"), Gate(web), Timeline(segments), null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        Assert.Equal(SignalStatus.Pass, result.Signals.Ready.Status);
        Assert.True(result.Signals.Ready.Seconds < 2, $"{result.Signals.Ready.Seconds}");
        var delay = Assert.Single(result.Delays);
        Assert.Equal(("health-interval", "healthcheck.start_interval", true), (delay.Kind, delay.Setting, delay.Waited));
        Assert.InRange(delay.Seconds, 1, 4);
        Assert.Contains("(2.0", delay.Mend);
    }

    [Fact]
    public async Task A_service_removed_by_hand_is_missed_and_repaired_alone()
    {
        var both = Open(Web() + Worker());
        await DeployAsync(both, Component("web"), "one");
        await DeployAsync(both, Component("worker"), "one");
        var untouched = await TaskAsync("web");
        await Engine.DockerAsync("service", "rm", $"{stack}_worker");
        Assert.Equal(["web"], (await both.ObserveAsync(Cancel)).Select(o => o.Component));
        await DeployAsync(both, Component("worker"), "one");
        Assert.Equal(untouched, await TaskAsync("web"));
        Assert.Equal(2, (await both.ObserveAsync(Cancel)).Count(o => o.Serving));
    }

    [Theory]
    [InlineData("env", "TaskTemplate.ContainerSpec", "--env-add", "BY=hand")]
    [InlineData("replicas", "Mode.Replicated", "--replicas", "0")]
    [InlineData("label", "Labels", "--label-add", "by=hand")]
    public async Task A_change_by_hand_is_seen(string what, string part, string option, string value)
    {
        await DeployAsync(Component("web"), "one");
        await Engine.DockerAsync("service", "update", "--detach", option, value, $"{stack}_web");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.False(seen.Serving, what);
        Assert.Contains(part, seen.Detail);
        await DeployAsync(Component("web"), "one");
        seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.True(seen.Serving, seen.Detail);
    }

    [Fact]
    public async Task A_change_of_the_image_by_hand_is_seen_also_where_nothing_is_recorded()
    {
        await DeployAsync(Component("web"), "one");
        var other = await ServiceImage.LoadAsync(Engine, "contract/other:1", "other");
        Directory.Delete(Path.Combine(root, ".state"), recursive: true);
        await Engine.DockerAsync("service", "update", "--detach", "--no-resolve-image", "--image", other, $"{stack}_web");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Contains("image was changed", seen.Detail);
    }

    [Fact]
    public async Task Services_that_left_the_file_are_pruned_and_others_stay()
    {
        var both = Open(Web() + Worker());
        await DeployAsync(both, Component("web"), "one");
        await DeployAsync(both, Component("worker"), "one");
        var one = Open(Web());
        Assert.Equal(["worker"], await one.PruneAsync(1, Cancel));
        Assert.Equal(["web"], (await one.ObserveAsync(Cancel)).Select(o => o.Component));
        Assert.Empty(await one.PruneAsync(1, Cancel));
    }

    [Fact]
    public async Task Configs_are_versioned_by_content_and_old_ones_go()
    {
        const string Text = "configs: [ { source: app, target: /www/extra } ]";
        var first = Open(Web(Text), "configs: { app: { content: one } }");
        await DeployAsync(first, Component("web"), "one");
        var before = await ConfigsAsync();
        Assert.StartsWith($"{stack}_app-", Assert.Single(before));
        await first.DisposeAsync();
        var second = Open(Web(Text), "configs: { app: { content: two } }");
        await DeployAsync(second, Component("web"), "two");
        // The first deployment can be gone back to, until no record names it any more.
        Assert.Equal(2, (await ConfigsAsync()).Length);
        second.KeepOnly("web", new HashSet<Digest> { await StackAsync("web") });
        await DeployAsync(second, Component("web"), "three");
        Assert.DoesNotContain(before[0], Assert.Single(await ConfigsAsync()), StringComparison.Ordinal);
        Assert.True(await second.StopAsync("web", 1, Cancel));
        await second.SettleAsync(Cancel);
        Assert.Empty(await ConfigsAsync());
        Assert.Equal("", await Engine.DockerAsync("network", "ls", "--quiet", "--filter", $"label=com.docker.stack.namespace={stack}"));
    }

    [Fact]
    public async Task What_was_deployed_once_is_started_again_with_its_settings_of_then()
    {
        const string Text = "deploy: { update_config: { monitor: 500ms }, labels: { by: '{0}' }, replicas: 1 }\n    environment: { X: '{0}', MONEY: 'a$$b' }\n    configs: [ { source: app, target: /www/content } ]\n    secrets: [ { source: key } ]\n    hostname: h{0}";
        const string Contents = "configs: { app: { content: 'config {0}' } }\nsecrets: { key: { content: 'never written {0}' } }";
        var first = Open(Web(Text.Replace("{0}", "1")), Contents.Replace("{0}", "1"));
        var one = Request(Component("web", new Dictionary<string, string> { ["OWN"] = "own $1" }), "one");
        await DeployAsync(first, one.Component, one);
        Assert.Equal("config 1", await GetAsync("/content"));
        var (stack1, spec1) = (await StackAsync("web"), await SpecAsync());
        var file = Assert.Single(Directory.GetFiles(Path.Combine(root, ".state", "stacks")));
        Assert.Equal($"web.{stack1.ToHex()}.json", Path.GetFileName(file));
        Assert.Equal(stack1, Digest.Of(await File.ReadAllBytesAsync(file, Cancel)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.DoesNotContain("never written", await File.ReadAllTextAsync(file, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain(one.Transaction, await File.ReadAllTextAsync(file, Cancel), StringComparison.Ordinal);

        // The same settings are the same file, whatever deploys them.
        await DeployAsync(first, Component("web", new Dictionary<string, string> { ["OWN"] = "own $1" }), "one");
        Assert.Equal(stack1, await StackAsync("web"));

        var second = Open(Web(Text.Replace("{0}", "2")), Contents.Replace("{0}", "2"));
        await DeployAsync(second, Component("web", new Dictionary<string, string> { ["OWN"] = "own 2", ["NEW"] = "2" }), "two");
        Assert.Equal("config 2", await GetAsync("/content"));
        Assert.Null(await second.WhyNotAgainAsync("web", stack1, Cancel));

        // With the present files' settings in the request, which count for nothing.
        var back = Request(Component("web", new Dictionary<string, string> { ["OWN"] = "own 3" }), "one") with { Stack = stack1 };
        var result = await second.RolloutAsync(back, Gate(back.Component), Timeline(), null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        Assert.Equal(stack1, result.Stack);
        Assert.Equal("config 1", await GetAsync("/content"));
        Assert.Equal(stack1, await StackAsync("web"));
        var spec = await SpecAsync();
        Assert.Equal(Lasting(spec1), Lasting(spec));
        Assert.Contains("X=1", spec, StringComparison.Ordinal);
        Assert.Contains("MONEY=a$b", spec, StringComparison.Ordinal);
        Assert.Contains("OWN=own $1", spec, StringComparison.Ordinal);
        var seen = Assert.Single(await second.ObserveAsync(Cancel));
        Assert.Equal((back.Revision, back.DeploymentKey, true, null), (seen.Revision, seen.DeploymentKey, seen.Serving, seen.Detail));

        // A failing one leaves what serves.
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Cancel)).Replace("h1", "h7", StringComparison.Ordinal), Cancel);
        Assert.Contains("not kept", await second.WhyNotAgainAsync("web", stack1, Cancel));
        var fault = await Assert.ThrowsAsync<FaultException>(() => second.RolloutAsync(Request(Component("web"), "one") with { Stack = stack1 }, Gate(Component("web")), Timeline(), null, Cancel));
        Assert.Contains("not kept", fault.Fault.What);
        Assert.Equal("config 1", await GetAsync("/content"));
        second.KeepOnly("web", new HashSet<Digest>());
        Assert.Empty(Directory.GetFiles(Path.Combine(root, ".state", "stacks")));

        async Task<string> SpecAsync() => await Engine.DockerAsync("service", "inspect", "--format", "{{json .Spec}}", $"{stack}_web");

        // But for the labels and variables that name a deploy.
        static string Lasting(string text) => System.Text.RegularExpressions.Regex.Replace(text, "tx-20261121-110329-[0-9a-f]{6}", "tx");
    }

    [Fact]
    public async Task Right_after_its_end_a_stack_can_be_deployed_again()
    {
        for (var i = 0; i < 3; i++)
        {
            await DeployAsync(Component("web"), $"{i}");
            Assert.True(await Target.StopAsync("web", 1, Cancel));
            Assert.Empty(await Engine.DockerAsync("ps", "--all", "--quiet", "--filter", $"label=com.docker.stack.namespace={stack}"));
        }

        await DeployAsync(Component("web"), "again");
        Assert.Equal(200, (int)(await http.GetAsync($"http://127.0.0.1:{front}/health", Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_port_of_the_node_with_start_first_is_refused_before_it_deadlocks()
    {
        var deadlock = Open(Web("deploy: { update_config: { order: start-first } }"));
        var fault = await Assert.ThrowsAsync<FaultException>(() => deadlock.RolloutAsync(Request(Component("web"), "one"), Gate(Component("web")), Timeline(), null, Cancel));
        Assert.Contains("start-first", fault.Fault.What);
        Assert.Contains("stop-first", fault.Fault.Mend);
    }

    [Fact]
    public async Task What_docker_refuses_is_told_at_its_place_in_the_compose_file()
    {
        var bad = Open(Web("wholly_unknown: 1"));
        var fault = await Assert.ThrowsAsync<FaultException>(() => bad.RolloutAsync(Request(Component("web"), "one"), Gate(Component("web")), Timeline(), null, Cancel));
        Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
        Assert.Contains("wholly_unknown", fault.Fault.What);
        Assert.Contains("compose.yml:", fault.Fault.Where);
    }

    [Fact]
    public async Task A_start_first_update_answers_before_the_old_task_has_gone()
    {
        var service = Open(Worker("worker", "start-first").Replace("500ms", "20s", StringComparison.Ordinal));
        await DeployAsync(service, Component("worker"), "one");
        var segments = new List<Segment>();
        var result = await service.RolloutAsync(Request(Component("worker"), "two"), Gate(Component("worker")), Timeline(segments), null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        var first = segments.Single(s => s.Name == "rollout/first-answer");
        var replaced = segments.Single(s => s.Name == "rollout/replace");
        Assert.True(first.Start + first.Seconds < replaced.Start + replaced.Seconds);
        // The old task's end is seen before the swarm has written it down: a command waits for that before it ends.
        await service.SettleAsync(Cancel);
        Assert.True(Assert.Single(await service.ObserveAsync(Cancel)).Serving);
        // What the engine took for itself happened, and is named; what did not happen is not.
        Assert.Equal(["network-drain", "update-monitor"], result.Delays.Select(d => d.Kind));
        // Two seconds are the engine's own; how long the rest takes is the machine's.
        Assert.True(result.Delays[0].Seconds >= 1.9, $"{result.Delays[0].Seconds} s");
        Assert.Equal((true, null), (result.Delays[0].Waited, result.Delays[0].Setting));
        Assert.Equal((false, "deploy.update_config.monitor", 20.0), (result.Delays[1].Waited, result.Delays[1].Setting, result.Delays[1].Seconds));
        TestContext.Current.SendDiagnosticMessage($"first answer {Duration.Text(first.Seconds!.Value)} after apply, replaced {Duration.Text(replaced.Seconds!.Value)} later; {string.Join("; ", result.Delays)}");
    }

    [Fact]
    public async Task A_first_deploy_has_no_delay_of_the_engines_own_to_tell_and_says_when_it_first_answered()
    {
        var web = Component("web");
        var gate = Gate(web);
        var timeline = Timeline();
        var result = await Target.RolloutAsync(Request(web, "one"), gate, timeline, null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        Assert.Empty(result.Delays);
        Assert.InRange(gate.FirstAnswer!.Value, timeline.Started, timeline.Started.AddSeconds(timeline.Now));
    }

    [Fact]
    public async Task A_program_that_ignores_its_end_is_told_with_what_ends_it_sooner()
    {
        var service = Open(Worker().Replace("stop_grace_period: 3s", "stop_grace_period: 1s", StringComparison.Ordinal));
        await DeployAsync(service, Component("worker", new Dictionary<string, string> { ["DEAF"] = "1" }), "one");
        var worker = Component("worker");
        var result = await service.RolloutAsync(Request(worker, "two"), Gate(worker), Timeline(), null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        var grace = Assert.Single(result.Delays, d => d.Kind == "stop-grace");
        Assert.Equal("init: true", grace.Setting);
        Assert.InRange(grace.Seconds, 0.9, 3);
        Assert.Contains("`stop_grace_period` (1.0", grace.Mend);
        Assert.DoesNotContain(result.Delays, d => d.Kind is "health-interval" or "one-by-one");
    }

    [Fact]
    public async Task Tasks_that_are_replaced_one_after_the_other_are_told()
    {
        var three = Open(Worker().Replace("deploy: {", "deploy: { replicas: 3,", StringComparison.Ordinal));
        var worker = Component("worker");
        worker = worker with { Run = worker.Run! with { Replicas = 3 } };
        await DeployAsync(three, worker, "one");
        var result = await three.RolloutAsync(Request(worker, "two"), Gate(worker), Timeline(), null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        var slow = Assert.Single(result.Delays, d => d.Kind == "one-by-one");
        Assert.Equal("deploy.update_config.parallelism", slow.Setting);
        Assert.Contains("3 new tasks", slow.What);
    }

    [Fact]
    public async Task Each_new_task_is_asked_and_one_that_is_not_ready_fails_the_rollout_although_another_was()
    {
        // Of revision one all get ready; of every other revision only the task that starts first.
        Directory.CreateDirectory(Path.Combine(root, "shared"));
        var only = $"case $$LAPTIME_REVISION in *{Digest.Of("one").Short}|*{Digest.Of("two").Short}) exec /serve ;; esac; mkdir /shared/taken && exec /serve; export READY_AFTER=never; exec /serve";
        var two = Open(Worker().Replace("deploy: {", "deploy: { replicas: 2,", StringComparison.Ordinal)
            + $"    entrypoint: [ /bin/sh, -c, '{only}' ]\n    volumes: [ {{ type: bind, source: '{root}/shared', target: /shared }} ]\n");
        var worker = Component("worker");
        worker = worker with
        {
            Run = worker.Run! with { Port = front, Replicas = 2 }, Probes = new ProbeSettings { Ready = HttpProbe("/health") with { Timeout = TimeSpan.FromSeconds(2) } },
        };
        await DeployAsync(two, worker, "one");

        var segments = new List<Segment>();
        var good = Request(worker, "two");
        var went = await two.RolloutAsync(good, Gate(worker), Timeline(segments), null, Cancel);
        Assert.True(went.Fault is null, went.Fault?.What);
        Assert.Single(segments, s => s is { Name: "ready", Kind: "replica", Outcome: "ok" });
        Assert.Equal((2, 2), (went.Signals.Reflected.Instances, went.Signals.Reflected.Of));

        var result = await two.RolloutAsync(Request(worker, "three"), Gate(worker), Timeline(), null, Cancel);
        Assert.Equal(Outcome.ReadinessTimeout, result.Fault?.Outcome);
        Assert.Contains("after another one had passed", result.Fault!.What);
        Assert.Equal((SignalStatus.Pass, SignalStatus.Timeout, SignalStatus.NotRun), (result.Signals.Live.Status, result.Signals.Ready.Status, result.Signals.Reflected.Status));
        Assert.Equal(good.Revision, result.StillServing);
        var seen = Assert.Single(await two.ObserveAsync(Cancel));
        Assert.Equal((good.Revision, true, 2), (seen.Revision, seen.Serving, seen.Instances));
    }

    [Fact]
    public async Task What_only_other_services_reach_is_asked_whether_it_is_ready_at_the_addresses_of_its_tasks()
    {
        var worker = Component("worker");
        worker = worker with { Run = worker.Run! with { Port = front }, Probes = new ProbeSettings { Ready = HttpProbe("/health") } };
        var inside = Open(Worker(), signals: (_, revision, _) => RunningSignals.PlanOf(worker, name => name == "revision" ? revision : null, []));
        await DeployAsync(inside, worker, "one");
        var ready = Assert.Single(await inside.ObserveAsync(Cancel));
        Assert.Equal((true, SignalStatus.Pass, null), (ready.Serving, ready.Ready, ready.NotReadyAt));

        var container = (await Engine.DockerAsync("ps", "--quiet", "--filter", $"label=com.docker.swarm.service.name={stack}_worker")).Trim();
        await Engine.DockerAsync("exec", container, "/bin/busybox", "rm", "/tmp/www/health");
        var not = Assert.Single(await inside.ObserveAsync(Cancel));
        Assert.Equal((true, SignalStatus.Fail, 8080), (not.Serving, not.Ready, not.NotReadyAt?.Port));
        Assert.NotEqual("127.0.0.1", not.NotReadyAt!.Host);

        await Engine.DockerAsync("exec", container, "sh", "-c", "echo ok > /tmp/www/health");
        Assert.Equal(SignalStatus.Pass, Assert.Single(await inside.ObserveAsync(Cancel)).Ready);
    }

    [Fact]
    public async Task A_rollout_that_is_cancelled_gives_the_old_spec_back()
    {
        var first = await DeployAsync(Component("web"), "one");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var web = Component("web", new Dictionary<string, string> { ["READY_AFTER"] = "never" });
        var timeline = new Timeline(TimeProvider.System, s =>
        {
            if (s is { Name: "ready", Seconds: null })
            {
                stop.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Target.RolloutAsync(Request(web, "two"), Gate(web), timeline, null, stop.Token));
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, true), (seen.Revision, seen.Serving));
        Assert.Equal(first.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task An_update_that_the_engine_paused_is_not_taken_for_serving_and_the_next_deploy_heals_it()
    {
        await DeployAsync(Component("web"), "one");
        await Engine.DockerAsync("service", "update", "--detach", "--env-add", "CRASH=9", "--update-monitor", "1s", $"{stack}_web");
        await UntilAsync(async () => await Engine.DockerAsync("service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", $"{stack}_web") == "paused");
        Assert.False(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
        var second = await DeployAsync(Component("web"), "two");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((second.Revision, true, null), (seen.Revision, seen.Serving, seen.Detail));
    }

    private Component Reflecting(string name)
    {
        var component = Component(name);
        return component with
        {
            Probes = component.Probes with
            {
                Reflect = new Probe
                {
                    Form = new ProbeForm.Http(Template.Literal("/version"), null, new Template("${revision}", [new TemplatePart.Name("revision")]), new Dictionary<string, Template>()), At = At,
                    Timeout = TimeSpan.FromSeconds(10), Poll = TimeSpan.FromMilliseconds(20),
                },
            },
        };
    }

    private SwarmTarget Open(string services, string rest = "", string? host = null, Func<string, string, string, SignalPlan?>? signals = null)
    {
        File.WriteAllText(Path.Combine(root, "compose.yml"), $"name: {stack}\nservices:\n{services}{rest}\n");
        var opened = new SwarmTarget(
            new EngineClient(EngineEndpoint.Parse(host ?? Engine.Host, "the test"), TimeProvider.System), ComposeFile.Read([Path.Combine(root, "compose.yml")], _ => null),
            new SwarmPlace(stack, root, "local", stack, Path.Combine(root, ".state")), new ProcessRunner(TimeProvider.System), TimeProvider.System, signals);
        targets.Add(opened);
        return opened;
    }

    // The swarm waits five seconds before it starts a task again, unless it is told otherwise.
    private string Web(string more = "") =>
        $"  web:\n    image: any\n    stop_grace_period: 3s\n    ports: [ {{ target: 8080, published: {front}, mode: host }} ]\n    {(more.StartsWith("deploy", StringComparison.Ordinal) ? more : $"deploy: {{ update_config: {{ monitor: 500ms }}, restart_policy: {{ delay: 500ms }} }}\n    {more}")}\n";

    private static string Worker(string name = "worker", string order = "stop-first") =>
        $"  {name}:\n    image: any\n    stop_grace_period: 3s\n    deploy: {{ update_config: {{ monitor: 500ms, order: {order} }}, restart_policy: {{ delay: 500ms }} }}\n";

    private static async Task DeployAsync(SwarmTarget where, Component component, RolloutRequest request)
    {
        var result = await where.RolloutAsync(request, Gate(component), Timeline(), null, Cancel);
        await where.SettleAsync(Cancel);
        Assert.True(result.Fault is null, $"{result.Fault?.What}\n{string.Join('\n', result.Fault?.Tail ?? [])}");
    }

    private Task DeployAsync(SwarmTarget where, Component component, string content) => DeployAsync(where, component, Request(component, content));

    private async Task<string[]> ServicesAsync() => Lines(await Engine.DockerAsync("service", "ls", "--quiet", "--filter", $"label=com.docker.stack.namespace={stack}"));

    private async Task<string[]> ConfigsAsync() => Lines(await Engine.DockerAsync("config", "ls", "--format", "{{.Name}}", "--filter", $"label=com.docker.stack.namespace={stack}"));

    private Task<string> VersionAsync(string service) => Engine.DockerAsync("service", "inspect", "--format", "{{.Version.Index}}", $"{stack}_{service}");

    private async Task<Digest> StackAsync(string service) => Digest.Parse(await Engine.DockerAsync("service", "inspect", "--format", "{{index .Spec.Labels \"laptime.stack\"}}", $"{stack}_{service}"));

    private Task<string> TaskAsync(string service) => Engine.DockerAsync("service", "ps", "--quiet", "--filter", "desired-state=running", $"{stack}_{service}");

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<string> GetAsync(string path) => (await http.GetStringAsync($"http://127.0.0.1:{front}{path}", Cancel)).Trim();

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var deadline = DateTime.UtcNow + Bound; !await holds(); await Task.Delay(20, Cancel))
        {
            Assert.True(DateTime.UtcNow < deadline, "it did not come to it");
        }
    }

    private static Probe HttpProbe(string path) => new()
    {
        Form = new ProbeForm.Http(Template.Literal(path), null, null, new Dictionary<string, Template>()), Timeout = TimeSpan.FromSeconds(20), Poll = TimeSpan.FromMilliseconds(20), At = At,
    };

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        return ((System.Net.IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
