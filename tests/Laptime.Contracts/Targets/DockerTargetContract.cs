using System.Net;
using System.Net.Sockets;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;
using Laptime.Tests.Engines;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Contracts.Targets;

/// <summary>The docker target on a real engine, with its real agent and real containers.</summary>
public sealed class DockerTargetContract : TargetContract, IAsyncLifetime
{
    private static readonly SourceLocation At = new("laptime.yaml", 1, 1);

    private readonly string root = Directory.CreateTempSubdirectory("lap docker té-").FullName;
    private readonly string workspace = "contract-" + Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal);
    private readonly int front = FreePort();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });
    private DockerEngine? engine;
    private DockerTarget? target;
    private string image = "";

    protected override Target Target => target ??= Open();

    private AgentLauncher Launcher => new(new AgentFolder(root), "0", TimeProvider.System);

    public async ValueTask InitializeAsync()
    {
        Environment.SetEnvironmentVariable(AgentLauncher.PathVariable, LocalTargetContract.Sibling("tests", "Laptime.Contracts", "src", "Laptime.Agent", "lap-agent"));
        engine = await DockerEngine.SharedAsync();
        image = await ServiceImage.LoadAsync(engine, "contract/service:1", "one");
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (engine is not null)
        {
            using var client = Client();
            foreach (var left in await client.ListContainersAsync(true, [$"{DockerLabels.Workspace}={workspace}"], CancellationToken.None))
            {
                await client.RemoveContainerAsync(left.Id, force: true, CancellationToken.None);
            }
        }

        await (target?.DisposeAsync() ?? ValueTask.CompletedTask);
        if (await Launcher.TryConnectAsync(CancellationToken.None) is { } agent)
        {
            await using (agent)
            {
                await Launcher.EndAsync(agent, "stop", CancellationToken.None);
            }
        }

        Directory.Delete(root, recursive: true);
    }

    protected override Component Component(string name, IReadOnlyDictionary<string, string>? env = null) => new()
    {
        Name = name, Path = "", At = At,
        Run = new RunSettings
        {
            Command = new CommandLine.Exec([]), Image = image, Port = front,
            Env = (env ?? new Dictionary<string, string>()).ToDictionary(v => v.Key, v => Template.Literal(v.Value)),
            Drain = TimeSpan.FromSeconds(2), StopGrace = TimeSpan.FromSeconds(3),
        },
        Probes = new ProbeSettings { Ready = HttpProbe("/health") },
    };

    protected override async Task<string> InstanceAsync()
    {
        using var client = Client();
        return Assert.Single(await client.ListContainersAsync(false, [$"{DockerLabels.Workspace}={workspace}"], Cancel)).Id;
    }

    [Fact]
    public async Task Users_get_the_new_revision_from_the_front()
    {
        await DeployAsync(Component("web"), "one");
        var second = await DeployAsync(WithReflect(Component("web")), "two");
        Assert.Equal(second.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task Swaps_under_load_fail_no_request()
    {
        var web = WithReflect(Component("web"));
        await DeployAsync(web, "0");
        using var enough = new CancellationTokenSource();
        var failures = new List<string>();
        var revisions = new HashSet<string>();
        async Task LoadAsync()
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    using var answer = await http.GetAsync($"http://127.0.0.1:{front}/version", Cancel);
                    var text = (await answer.Content.ReadAsStringAsync(Cancel)).Trim();
                    lock (failures)
                    {
                        revisions.Add(text);
                        if (answer.StatusCode != HttpStatusCode.OK)
                        {
                            failures.Add($"{answer.StatusCode} {text}");
                        }
                    }
                }
                catch (HttpRequestException e)
                {
                    lock (failures)
                    {
                        failures.Add(e.ToString());
                    }
                }
            }
        }

        Task[] load = [.. Enumerable.Range(0, 4).Select(_ => LoadAsync())];
        for (var i = 1; i <= 3; i++)
        {
            await DeployAsync(web, $"{i}");
        }

        await enough.CancelAsync();
        await Task.WhenAll(load);
        Assert.Empty(failures);
        Assert.Equal(4, revisions.Count);
    }

    [Fact]
    public async Task Nothing_is_left_of_the_old_one_and_the_new_one_has_its_name()
    {
        await DeployAsync(Component("web"), "one");
        var second = await DeployAsync(Component("web"), "two");
        using var client = Client();
        var only = Assert.Single(await client.ListContainersAsync(true, [$"{DockerLabels.Workspace}={workspace}"], Cancel));
        Assert.Equal($"{workspace}-local-web-1", only.Name);
        Assert.Equal((second.Revision, second.Transaction, image), (only.Label(DockerLabels.Revision), only.Label(DockerLabels.Transaction), only.ImageID));
        var inspected = await client.InspectContainerAsync(only.Id, Cancel);
        Assert.Equal("unless-stopped", inspected!.HostConfig!.RestartPolicy!.Name);
        Assert.True(inspected.HostConfig.Init);
        Assert.Equal(["no-new-privileges"], inspected.HostConfig.SecurityOpt!);
        Assert.Equal("127.0.0.1", inspected.PublishedAt(8080)!.Value.Host);
    }

    [Fact]
    public async Task A_container_that_dies_says_its_last_words_at_once()
    {
        var first = await DeployAsync(Component("web"), "one");
        var began = TimeProvider.System.GetTimestamp();
        var result = await RolloutAsync(Request(Component("web", new Dictionary<string, string> { ["CRASH"] = "7" }), "two"));
        Assert.Equal((Outcome.NotLive, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains("exit code 7", result.Fault!.What);
        Assert.Contains(result.Fault.Tail!, l => l.Contains("cannot go on: CRASH=7", StringComparison.Ordinal));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "long before the ready probe's bound");
        Assert.Equal(first.Revision, await GetAsync("/version"));
        using var client = Client();
        Assert.Single(await client.ListContainersAsync(true, [$"{DockerLabels.Workspace}={workspace}"], Cancel));
    }

    [Fact]
    public async Task A_failure_keeps_the_last_log_lines_of_what_was_removed()
    {
        var bad = Component("web", new Dictionary<string, string> { ["READY_AFTER"] = "never" });
        bad = bad with { Probes = bad.Probes with { Ready = bad.Probes.Ready! with { Timeout = TimeSpan.FromMilliseconds(300) } } };
        var request = Request(bad, "one");
        var result = await RolloutAsync(request);
        Assert.Equal((Outcome.ReadinessTimeout, null), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains($"starting {request.Revision}", result.Fault!.Tail!);
        Assert.Empty(await Target.ObserveAsync(Cancel));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync("/version"));
    }

    [Fact]
    public async Task Nothing_that_listens_is_told_from_not_ready()
    {
        var deaf = Component("web");
        deaf = deaf with
        {
            Run = deaf.Run! with { Command = new CommandLine.Exec([Template.Literal("/bin/sleep"), Template.Literal("60")]) },
            Probes = deaf.Probes with { Ready = deaf.Probes.Ready! with { Timeout = TimeSpan.FromMilliseconds(500) } },
        };
        var result = await RolloutAsync(Request(deaf, "one"));
        Assert.Equal(Outcome.NeverListened, result.Fault?.Outcome);
    }

    [Fact]
    public async Task A_missing_image_is_told_at_once()
    {
        var first = await DeployAsync(Component("web"), "one");
        foreach (var missing in (string[])["sha256:" + new string('0', 64), "127.0.0.1:1/no/such@sha256:" + new string('0', 64)])
        {
            var web = Component("web");
            var began = TimeProvider.System.GetTimestamp();
            var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(web with { Run = web.Run! with { Image = missing } }, "two")));
            Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
            Assert.Contains(missing, fault.Fault.What);
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(3));
        }

        Assert.Equal(first.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task A_movable_image_is_refused()
    {
        var web = Component("web");
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(web with { Run = web.Run! with { Image = "contract/service:1" } }, "one")));
        Assert.Contains("not pinned", fault.Fault.What);
    }

    [Fact]
    public async Task A_program_that_the_image_does_not_have_is_named()
    {
        var web = Component("web");
        web = web with { Run = web.Run! with { Command = new CommandLine.Exec([Template.Literal("/no-such-program")]) } };
        var result = await RolloutAsync(Request(web, "one"));
        Assert.Equal(Outcome.NotLive, result.Fault?.Outcome);
        Assert.Contains("exit code 127", result.Fault!.What);
        Assert.Contains(result.Fault.Tail!, l => l.Contains("no-such-program", StringComparison.Ordinal));
        Assert.Empty(await Target.ObserveAsync(Cancel));
    }

    [Theory]
    [InlineData("stop")]
    [InlineData("rm")]
    [InlineData("rename")]
    public async Task What_somebody_did_by_hand_is_seen_and_repaired(string what)
    {
        await DeployAsync(Component("web"), "one");
        var name = $"{workspace}-local-web-1";
        await engine!.DockerAsync(what switch { "stop" => ["stop", "--time", "1", name], "rm" => ["rm", "--force", name], _ => ["rename", name, name + "x"] });
        var seen = await Target.ObserveAsync(Cancel);
        Assert.True(what == "rm" ? seen.Count == 0 : seen is [{ Serving: false, Detail: not null }], seen is [var one] ? one.Detail : "nothing");
        await DeployAsync(Component("web"), "one");
        Assert.True(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
        using var client = Client();
        Assert.Equal(name, Assert.Single(await client.ListContainersAsync(true, [$"{DockerLabels.Workspace}={workspace}"], Cancel)).Name);
    }

    [Fact]
    public async Task Observing_changes_nothing_in_the_engine()
    {
        await DeployAsync(Component("web"), "one");
        using var client = Client();
        var since = TimeProvider.System.GetUtcNow();
        for (var i = 0; i < 3; i++)
        {
            Assert.True(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
        }

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        enough.CancelAfter(TimeSpan.FromMilliseconds(300));
        var events = new List<string>();
        try
        {
            await foreach (var happened in client.EventsAsync([("label", $"{DockerLabels.Workspace}={workspace}")], since, enough.Token))
            {
                events.Add($"{happened.Type} {happened.Action}");
            }
        }
        catch (OperationCanceledException)
        {
        }

        Assert.Empty(events);
    }

    [Fact]
    public async Task What_a_killed_command_left_is_seen_and_removed_by_the_next_rollout()
    {
        var first = await DeployAsync(Component("web"), "one");
        // As a lap that is killed before the switch leaves it.
        var left = $"{workspace}-local-web-1.new-0123456789ab";
        string[] labels = [.. new Dictionary<string, string>
        {
            [DockerLabels.Workspace] = workspace, [DockerLabels.Environment] = "local", [DockerLabels.Component] = "web", [DockerLabels.Revision] = "web@000000000000",
        }.SelectMany(l => (string[])["--label", $"{l.Key}={l.Value}"])];
        await engine!.DockerAsync(["run", "--detach", "--name", left, .. labels, image]);
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, false), (seen.Revision, seen.Serving));
        Assert.Contains(left, seen.Detail);
        Assert.Equal(first.Revision, await GetAsync("/version"));
        await DeployAsync(Component("web"), "one");
        Assert.Null(Assert.Single(await Target.ObserveAsync(Cancel)).Detail);
    }

    [Fact]
    public async Task Cancelling_leaves_the_old_one_serving_and_nothing_of_the_new()
    {
        var first = await DeployAsync(Component("web"), "one");
        var bad = Component("web", new Dictionary<string, string> { ["READY_AFTER"] = "never" });
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var rollout = Target.RolloutAsync(Request(bad, "two"), Gate(bad), new Timeline(TimeProvider.System, s =>
        {
            if (s is { Name: "ready", Seconds: null })
            {
                interrupt.CancelAfter(TimeSpan.FromMilliseconds(20));
            }
        }), null, interrupt.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rollout);
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, true), (seen.Revision, seen.Serving));
        using var client = Client();
        Assert.Single(await client.ListContainersAsync(true, [$"{DockerLabels.Workspace}={workspace}"], Cancel));
    }

    [Fact]
    public async Task A_revision_that_is_not_reflected_is_switched_back()
    {
        var first = await DeployAsync(Component("web"), "one");
        var web = Component("web");
        web = web with { Probes = web.Probes with { Reflect = HttpProbe("/version", "something else") with { Timeout = TimeSpan.FromMilliseconds(200) } } };
        var result = await RolloutAsync(Request(web, "two"));
        Assert.Equal((Outcome.NotReflected, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Equal(first.Revision, await GetAsync("/version"));
        Assert.True(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
    }

    [Fact]
    public async Task A_killed_agent_is_followed_by_one_that_leads_there_again()
    {
        var first = await DeployAsync(Component("web"), "one");
        var pid = Launcher.Folder.ReadIdentity()!.Pid;
        new Session(pid, ProcessOwner.TicksOf(pid)!.Value).Kill();
        await UntilAsync(() => ProcessOwner.TicksOf(pid) is null, "the agent is dead");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.True(seen.Serving, seen.Detail);
        Assert.Equal(first.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task A_front_port_of_somebody_else_is_named_before_anything_is_started()
    {
        using var thief = new TcpListener(IPAddress.Loopback, front);
        thief.Start();
        var since = TimeProvider.System.GetUtcNow();
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(Component("web"), "one")));
        Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
        Assert.Contains($"port {front} is in use by", fault.Fault.What);
        using var client = Client();
        Assert.Empty(await client.ListContainersAsync(true, [$"{DockerLabels.Workspace}={workspace}"], Cancel));
    }

    [Fact]
    public async Task Replicas_are_asked_one_by_one_and_all_lead_to_the_revision()
    {
        var web = Component("web");
        web = web with { Run = web.Run! with { Replicas = 3 } };
        var request = await DeployAsync(web, "one");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((3, 3, true, request.Revision), (seen.Instances, seen.Of, seen.Serving, seen.Revision));
        await engine!.DockerAsync("rm", "--force", $"{workspace}-local-web-2");
        Assert.False(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
    }

    [Fact]
    public async Task An_image_with_a_health_check_is_ready_when_it_passes_and_not_after_its_interval()
    {
        var healthy = await HealthyImageAsync("wget -q -O /dev/null http://127.0.0.1:8080/health");
        var web = Component("web", new Dictionary<string, string> { ["READY_AFTER"] = "1" });
        web = web with { Run = web.Run! with { Image = healthy }, Probes = new ProbeSettings() };
        var request = Request(web, "one");
        var result = await RolloutAsync(request);
        Assert.True(result.Fault is null, result.Fault?.What);
        Assert.Equal(SignalStatus.Pass, result.Signals.Ready.Status);
        Assert.InRange(result.Signals.Ready.Seconds!.Value, 0.3, 20);
    }

    [Fact]
    public async Task A_fixed_image_is_pulled_in_the_name_of_the_user()
    {
        await using var registry = await RegistryServer.StartAsync(password: true);
        using var client = Client();
        var repository = $"{registry.Authority}/private/web";
        await client.TagImageAsync(image, repository, "1", Cancel);
        var digest = await client.PushImageAsync(repository, "1", new EngineAuth { User = RegistryServer.User, Password = RegistryServer.Password, Server = registry.Authority }, Cancel);

        // Another content under that name, which the engine does not have: the one that it has would not be pulled.
        var reference = $"{repository}@{digest}";
        await client.RemoveImageAsync($"{repository}:1", Cancel);
        Assert.Null(await client.InspectImageAsync(reference, Cancel));
        var web = Component("web");
        web = web with { Run = web.Run! with { Image = reference } };
        var refused = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(web, "one")));
        Assert.Contains("cannot be had", refused.Fault.What);

        var config = Directory.CreateDirectory(Path.Combine(root, "docker-config")).FullName;
        var account = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{RegistryServer.User}:{RegistryServer.Password}"));
        File.WriteAllText(Path.Combine(config, "config.json"), $$"""{"auths":{"{{registry.Authority}}":{"auth":"{{account}}"} } }""");
        await using var known = new DockerTarget(
            new EngineClient(EngineEndpoint.Parse(engine!.Host, "the test"), TimeProvider.System) { Accounts = new EngineAccounts(new ProcessRunner(TimeProvider.System), config) }, Launcher,
            new DockerPlace(workspace, root, "local"), TimeProvider.System);
        var result = await known.RolloutAsync(Request(web, "one"), Gate(web), Timeline(), null, Cancel);
        Assert.True(result.Fault is null, result.Fault?.What);
        await known.SettleAsync(Cancel);
    }

    private DockerTarget Open() => new(Client(), Launcher, new DockerPlace(workspace, root, "local"), TimeProvider.System);

    private EngineClient Client() => new(EngineEndpoint.Parse(engine!.Host, "the test"), TimeProvider.System);

    /// <summary>The service with a HEALTHCHECK whose interval nobody could wait for.</summary>
    private async Task<string> HealthyImageAsync(string test)
    {
        var name = $"contract/healthy:{Guid.NewGuid():N}";
        var container = await engine!.DockerAsync("create", image);
        await engine.DockerAsync("commit", "--change", $"HEALTHCHECK --interval=1h CMD {test}", container, name);
        await engine.DockerAsync("rm", container);
        return await engine.DockerAsync("image", "inspect", "--format", "{{.Id}}", name);
    }

    private async Task<string> GetAsync(string path) => (await http.GetStringAsync($"http://127.0.0.1:{front}{path}", Cancel)).Trim();

    private static Probe HttpProbe(string path, string? contains = null) => new()
    {
        Form = new ProbeForm.Http(Template.Literal(path), null, contains is null ? null : Template.Literal(contains), new Dictionary<string, Template>()),
        Timeout = TimeSpan.FromSeconds(20), At = At,
    };

    private static Component WithReflect(Component component) => component with
    {
        Probes = component.Probes with
        {
            Reflect = HttpProbe("/version") with
            {
                Form = new ProbeForm.Http(Template.Literal("/version"), null, new Template("${revision}", [new TemplatePart.Name("revision")]), new Dictionary<string, Template>()),
            },
        },
    };

    private static async Task UntilAsync(Func<bool> holds, string what)
    {
        using var bounded = new CancellationTokenSource(Bound);
        while (!holds())
        {
            Assert.False(bounded.IsCancellationRequested, $"not within {Duration.Text(Bound)}: {what}");
            await Task.Delay(10, CancellationToken.None);
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
