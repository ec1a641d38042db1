using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Targets.Local;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Contracts.Targets;

/// <summary>The process target with its real agent and real processes.</summary>
public sealed class LocalTargetContract : TargetContract, IAsyncLifetime
{
    private static readonly string Separator = Path.DirectorySeparatorChar.ToString();
    private static readonly SourceLocation At = new("laptime.yaml", 1, 1);

    private readonly string root = Directory.CreateTempSubdirectory("lap agent té-").FullName;
    private readonly int front = FreePort();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1 });
    private LocalTarget? target;

    protected override Target Target => target ??= Open();

    private AgentLauncher Launcher => new(new AgentFolder(root), "0", TimeProvider.System);

    private static string FakeTool => Sibling("tests", "Laptime.Contracts", "tests", "FakeTool", "faketool");

    public ValueTask InitializeAsync()
    {
        Environment.SetEnvironmentVariable(AgentLauncher.PathVariable, Sibling("tests", "Laptime.Contracts", "src", "Laptime.Agent", "lap-agent"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (await Launcher.TryConnectAsync(CancellationToken.None) is { } agent)
        {
            await using (agent)
            {
                var pid = agent.Agent.Pid;
                await agent.AskAsync<AgentAnswer.Done>(new AgentRequest.Shutdown("stop"), CancellationToken.None);
                await UntilAsync(() => ProcessOwner.TicksOf(pid) is null, "the agent ends");
            }
        }

        Directory.Delete(root, recursive: true);
    }

    protected override Component Component(string name, IReadOnlyDictionary<string, string>? env = null) => new()
    {
        Name = name, Path = name, At = At,
        Run = new RunSettings
        {
            Command = new CommandLine.Exec([Template.Literal(FakeTool), Template.Literal("serve")]), Port = front,
            Env = (env ?? new Dictionary<string, string>()).ToDictionary(v => v.Key, v => Template.Literal(v.Value)),
            Drain = TimeSpan.FromSeconds(2), StopGrace = TimeSpan.FromSeconds(3),
        },
        Probes = new ProbeSettings { Ready = HttpProbe("/health"), Reflect = null },
    };

    protected override async Task<string> InstanceAsync() => string.Join(' ', Assert.Single(await Target.ObserveAsync(Cancel)).Pids);

    [Fact]
    public async Task Users_get_the_new_revision_from_the_front()
    {
        await DeployAsync(Component("web"), "one");
        var second = await DeployAsync(WithReflect(Component("web")), "two");
        Assert.Equal(second.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task Ten_swaps_under_load_fail_no_request()
    {
        var web = WithReflect(Component("web"));
        await DeployAsync(web, "0");
        using var enough = new CancellationTokenSource();
        var failures = new List<string>();
        var revisions = new HashSet<string>();
        var requests = 0;
        async Task LoadAsync(bool post)
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    using var answer = post
                        ? await http.PostAsync($"http://127.0.0.1:{front}/echo", new StringContent("hello"), Cancel)
                        : await http.GetAsync($"http://127.0.0.1:{front}/version", Cancel);
                    var text = await answer.Content.ReadAsStringAsync(Cancel);
                    Interlocked.Increment(ref requests);
                    lock (failures)
                    {
                        _ = post || revisions.Add(text);
                        if (answer.StatusCode != HttpStatusCode.OK || (post && text != "hello"))
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

        Task[] load = [.. Enumerable.Range(0, 8).Select(i => LoadAsync(post: i % 2 == 1))];
        var swaps = new List<double>();
        for (var i = 1; i <= 10; i++)
        {
            var segments = new List<Segment>();
            var result = await RolloutAsync(Request(web, $"{i}"), segments);
            Assert.Null(result.Fault);
            var ready = segments.Single(s => s.Name == "ready");
            var reflect = segments.Single(s => s.Name == "reflect");
            swaps.Add(reflect.Start + reflect.Seconds!.Value - ready.Start - ready.Seconds!.Value);
        }

        await enough.CancelAsync();
        await Task.WhenAll(load);
        Assert.Empty(failures);
        Assert.Equal(11, revisions.Count);
        TestContext.Current.SendDiagnosticMessage($"{requests} requests over ten swaps; from ready to reflected: {string.Join(", ", swaps.Select(Duration.Text))}");
    }

    [Fact]
    public async Task A_request_under_way_finishes_on_the_old_instance()
    {
        var first = await DeployAsync(Component("web"), "one");
        using var slow = await http.GetAsync($"http://127.0.0.1:{front}/slow?10x50", HttpCompletionOption.ResponseHeadersRead, Cancel);
        var second = await DeployAsync(Component("web"), "two");
        Assert.NotEqual(first.Revision, second.Revision);
        Assert.EndsWith("chunk 9\n", await slow.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_websocket_lives_until_its_instance_has_drained()
    {
        await DeployAsync(Component("web"), "one");
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{front}/ws"), Cancel);
        Assert.Equal("before", await EchoAsync(socket, "before"));
        var request = Request(Component("web"), "two");
        var result = await Target.RolloutAsync(request, Gate(request.Component), Timeline(), null, Cancel);
        Assert.Null(result.Fault);

        // Switched and confirmed; the old instance drains, and the socket still works.
        Assert.Equal(request.Revision, await GetAsync("/version"));
        Assert.Equal("across", await EchoAsync(socket, "across"));
        await Target.SettleAsync(Cancel);
        await Assert.ThrowsAsync<WebSocketException>(() => EchoAsync(socket, "after"));

        using var next = new ClientWebSocket();
        await next.ConnectAsync(new Uri($"ws://127.0.0.1:{front}/ws"), Cancel);
        Assert.Equal("new", await EchoAsync(next, "new"));
        next.Abort();
    }

    [Fact]
    public async Task The_front_passes_requests_on_as_they_are()
    {
        await DeployAsync(Component("web"), "one");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{front}/head?a=%2F&b=..%2f", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Headers.Host = "shop.example";
        request.Headers.TryAddWithoutValidation("X-Odd", "é");
        request.Headers.TryAddWithoutValidation("Connection", "X-Private");
        request.Headers.TryAddWithoutValidation("X-Private", "mine");
        var head = Encoding.Latin1.GetString(await (await http.SendAsync(request, Cancel)).Content.ReadAsByteArrayAsync(Cancel));
        Assert.StartsWith("GET /head?a=%2F&b=..%2f HTTP/1.1\r\n", head);
        Assert.Contains("Host: shop.example", head);
        Assert.Contains("X-Odd: é", head);
        Assert.Contains("X-Forwarded-For: 127.0.0.1", head);
        Assert.Contains("X-Forwarded-Host: shop.example", head);
        Assert.Contains("X-Forwarded-Proto: http", head);
        Assert.DoesNotContain("X-Private", head);

        using var big = new HttpRequestMessage(HttpMethod.Put, $"http://127.0.0.1:{front}/echo") { Content = new ByteArrayContent(new byte[40_000_000]) };
        big.Headers.ExpectContinue = true;
        Assert.Equal(40_000_000, (await (await http.SendAsync(big, Cancel)).Content.ReadAsByteArrayAsync(Cancel)).Length);
        using var chunked = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{front}/echo") { Content = new StringContent("abc") };
        chunked.Headers.TransferEncodingChunked = true;
        Assert.Equal("abc", await (await http.SendAsync(chunked, Cancel)).Content.ReadAsStringAsync(Cancel));

        // The first part of a stream arrives while the last is not yet written.
        using var slow = await http.GetAsync($"http://127.0.0.1:{front}/slow?2x400", HttpCompletionOption.ResponseHeadersRead, Cancel);
        var stream = await slow.Content.ReadAsStreamAsync(Cancel);
        var buffer = new byte[100];
        Assert.Equal("chunk 0\n", Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, Cancel)));
    }

    [Fact]
    public async Task A_new_instance_that_dies_says_its_last_words()
    {
        var first = await DeployAsync(Component("web"), "one");
        var result = await RolloutAsync(Request(Command("web", "say:about to fail", "err:no database", "exit:3"), "two"));
        Assert.Equal((Outcome.NotLive, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains("no database", result.Fault!.Tail!);
        Assert.Contains("3", result.Fault.What);
        Assert.Equal(first.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task A_program_that_is_missing_is_named()
    {
        var web = Component("web");
        web = web with { Run = web.Run! with { Command = new CommandLine.Exec([Template.Literal("no-such-program")]) } };
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(web, "one")));
        Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
        Assert.Contains("no-such-program", fault.Fault.What);
        Assert.Empty(await Target.ObserveAsync(Cancel));
    }

    [Fact]
    public async Task A_killed_agent_is_followed_by_one_that_takes_its_instances_over()
    {
        await DeployAsync(Component("web"), "one");
        var before = Assert.Single(await Target.ObserveAsync(Cancel));
        var pid = await GetAsync("/pid");
        await KillAgentAsync();

        // The next command starts an agent again.
        var after = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal(before.Pids, after.Pids);
        Assert.True(after.Serving, after.Detail);
        Assert.Equal(pid, await GetAsync("/pid"));
        await DeployAsync(Component("web"), "two");
        Assert.NotEqual(pid, await GetAsync("/pid"));
        await UntilAsync(() => ProcessOwner.TicksOf(before.Pids[0]) is null, "the adopted instance was stopped");
    }

    [Fact]
    public async Task An_instance_that_died_while_no_agent_ran_is_started_again()
    {
        await DeployAsync(Component("web"), "one");
        var before = Assert.Single(await Target.ObserveAsync(Cancel));
        await KillAgentAsync();
        new Session(before.Pids[0], ProcessOwner.TicksOf(before.Pids[0])!.Value).Kill();
        await UntilAsync(async () => (await Target.ObserveAsync(Cancel)).Single() is { Serving: true } again && again.Pids[0] != before.Pids[0], "it serves again");
        Assert.Equal(before.Revision, await GetAsync("/version"));
    }

    [Fact]
    public async Task A_command_that_is_killed_before_the_switch_leaves_the_old_one_alone()
    {
        var first = await DeployAsync(Component("web"), "one");
        var (client, started) = await BeginByHandAsync(Component("web"), "two");
        Assert.NotNull(ProcessOwner.TicksOf(started.Instances[0].Pid));
        await client.DisposeAsync();
        await UntilAsync(() => ProcessOwner.TicksOf(started.Instances[0].Pid) is null, "the agent stops the new instance by itself");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, true), (seen.Revision, seen.Serving));
        await DeployAsync(Component("web"), "three");
    }

    [Fact]
    public async Task A_command_that_is_killed_after_the_switch_leaves_it_unconfirmed()
    {
        await DeployAsync(Component("web"), "one");
        var (client, started) = await BeginByHandAsync(Component("web"), "two");
        await UntilAsync(() => PortListener.Sockets(started.Instances[0].Port) is { Count: > 0 }, "the new instance listens");
        await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Switch(), Cancel);
        await client.DisposeAsync();
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((Request(Component("web"), "two").Revision, false), (seen.Revision, seen.Serving));
        Assert.Contains("not confirmed", seen.Detail);

        // The next deploy starts from there, and leaves one instance.
        await DeployAsync(Component("web"), "three");
        Assert.Null(ProcessOwner.TicksOf(started.Instances[0].Pid));
        Assert.Single(Assert.Single(await Target.ObserveAsync(Cancel)).Pids);
    }

    [Fact]
    public async Task Cancelling_leaves_the_old_one_serving_and_nothing_of_the_new()
    {
        var first = await DeployAsync(Component("web"), "one");
        var bad = Component("web", new Dictionary<string, string> { ["HEALTH"] = "bad" });
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var request = Request(bad, "two");
        var rollout = Target.RolloutAsync(request, Gate(bad), new Timeline(TimeProvider.System, s =>
        {
            if (s is { Name: "ready", Seconds: null })
            {
                interrupt.CancelAfter(TimeSpan.FromMilliseconds(20));
            }
        }), null, interrupt.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rollout);
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, true), (seen.Revision, seen.Serving));
        Assert.Single(InstancesAlive());
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
        Assert.Single(InstancesAlive());
    }

    [Fact]
    public async Task A_foreign_process_on_the_front_port_is_named_before_anything_is_started()
    {
        using var foreign = new TcpListener(IPAddress.Loopback, front);
        foreign.Start();
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(Component("web"), "one")));
        Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
        Assert.Contains($"{front}", fault.Fault.What);
        Assert.Contains($"pid {Environment.ProcessId}", fault.Fault.What);
        Assert.NotNull(fault.Fault.Mend);
        Assert.False(Directory.Exists(Path.Combine(root, ".laptime", "logs")));
    }

    [Fact]
    public async Task An_instance_that_dies_after_the_deploy_is_started_again()
    {
        await DeployAsync(Component("web"), "one");
        var pid = await GetAsync("/pid");
        await Assert.ThrowsAnyAsync<HttpRequestException>(async () => (await http.GetAsync($"http://127.0.0.1:{front}/die", Cancel)).EnsureSuccessStatusCode());
        await UntilAsync(async () => (await Target.ObserveAsync(Cancel)).Single().Serving, "it serves again");
        Assert.NotEqual(pid, await GetAsync("/pid"));
    }

    [Fact]
    public async Task A_crash_loop_is_given_up_and_said()
    {
        // Lives until the file is there, then dies at every start.
        var file = Path.Combine(root, "die");
        var worker = Command("worker", $"await:{file}", "err:cannot go on", "exit:9");
        worker = worker with { Run = worker.Run! with { Port = null }, Probes = new ProbeSettings() };
        await DeployAsync(worker, "one");
        await File.WriteAllTextAsync(file, "", Cancel);
        await UntilAsync(async () => (await Target.ObserveAsync(Cancel)).Single().Detail?.StartsWith("crash loop", StringComparison.Ordinal) == true, "the crash loop is said");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((false, 0, 1), (seen.Serving, seen.Instances, seen.Of));
        Assert.Contains("exited with 9", seen.Detail);
        await KillAgentAsync();
        Assert.Equal(seen.Detail, Assert.Single(await Target.ObserveAsync(Cancel)).Detail);
    }

    [Fact]
    public async Task Stopping_leaves_no_process_of_the_whole_session()
    {
        var pidFile = Path.Combine(root, "grandchild");
        var web = Command("web", $"grandchild:{pidFile}", "ignore", "serve");
        web = web with { Run = web.Run! with { StopGrace = TimeSpan.FromMilliseconds(300) } };
        await DeployAsync(web, "one");
        var grandchild = int.Parse(await File.ReadAllTextAsync(pidFile, Cancel));
        Assert.NotNull(ProcessOwner.TicksOf(grandchild));
        Assert.True(await Target.StopAsync("web", 1, Cancel));
        Assert.Null(ProcessOwner.TicksOf(grandchild));
        Assert.Empty(InstancesAlive());
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(IPAddress.Loopback, front, Cancel).AsTask());
    }

    [Fact]
    public async Task Replicas_all_serve_and_are_all_counted()
    {
        var web = WithReflect(Component("web"));
        web = web with { Run = web.Run! with { Replicas = 3 } };
        var result = await RolloutAsync(Request(web, "one"));
        Assert.Null(result.Fault);
        Assert.Equal((3, 3), (result.Signals.Reflected.Instances, result.Signals.Reflected.Of));
        var pids = new HashSet<string>();
        for (var i = 0; i < 6; i++)
        {
            pids.Add(await GetAsync("/pid"));
        }

        Assert.Equal(3, pids.Count);
        Assert.Equal(3, Assert.Single(await Target.ObserveAsync(Cancel)).Pids.Count);
    }

    [Fact]
    public async Task The_no_op_answer_is_one_line_for_each_component_and_what_the_watch_knows()
    {
        var request = await DeployAsync(WithReflect(Component("web")), "one");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Launcher.Folder.ReadIdentity()!.Socket), Cancel);
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var lines = new LineReader(stream, 100_000);
        async Task<string> LineAsync() => Encoding.UTF8.GetString((await lines.ReadAsync(Cancel))!.Value.Span);
        for (var i = 0; i < 2; i++)
        {
            await stream.WriteAsync("noop local 1.2.3\n"u8.ToArray(), Cancel);
            Assert.Equal(
                $"web\t{request.Artifact}\t{request.DeploymentKey}\t{request.Fingerprint}\t{request.Revision}\t1\t1\t1\tpass\tpass\thttp://127.0.0.1:{front}\t{request.Transaction}",
                await LineAsync());
            Assert.Equal("watch unknown -", await LineAsync());
            Assert.Equal(".", await LineAsync());
        }
    }

    [Fact]
    public async Task A_watched_folder_is_clean_until_something_happens_in_it()
    {
        var inputs = Directory.CreateDirectory(Path.Combine(root, "inputs")).FullName;
        await using var client = await Launcher.ConnectAsync(Cancel);
        var mark = (await client.AskAsync<AgentAnswer.Watching>(new AgentRequest.Watch("local", [inputs]), Cancel)).Mark;
        Assert.SkipWhen(mark is null, "this file system or system cannot be watched");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Launcher.Folder.ReadIdentity()!.Socket), Cancel);
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var lines = new LineReader(stream, 100_000);
        async Task<string[]> AskAsync(string with, string environment = "local")
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"noop {environment} {with}\n"), Cancel);
            var words = Encoding.UTF8.GetString((await lines.ReadAsync(Cancel))!.Value.Span).Split(' ');
            Assert.Equal(1, (await lines.ReadAsync(Cancel))!.Value.Length);
            return words;
        }

        Assert.Equal("clean", (await AskAsync(mark!))[1]);
        Assert.Equal("unknown", (await AskAsync("another-agents.1.1"))[1]);
        await File.WriteAllTextAsync(Path.Combine(inputs, "a"), "1", Cancel);
        var dirty = await AskAsync(mark!);
        Assert.Equal("dirty", dirty[1]);
        Assert.Equal("clean", (await AskAsync(dirty[2]))[1]);

        // Another environment has folders of its own: what happens there is its affair, and neither's mark means anything to the other.
        var more = Directory.CreateDirectory(Path.Combine(root, "more")).FullName;
        var other = (await client.AskAsync<AgentAnswer.Watching>(new AgentRequest.Watch("other", [inputs, more]), Cancel)).Mark!;
        Assert.Equal("clean", (await AskAsync(dirty[2]))[1]);
        Assert.Equal("unknown", (await AskAsync(dirty[2], "other"))[1]);
        await File.WriteAllTextAsync(Path.Combine(more, "a"), "1", Cancel);
        Assert.Equal("clean", (await AskAsync(dirty[2]))[1]);
        Assert.Equal("dirty", (await AskAsync(other, "other"))[1]);

        // With the same folders they share one: whoever had it looks again once.
        var shared = (await client.AskAsync<AgentAnswer.Watching>(new AgentRequest.Watch("other", [inputs]), Cancel)).Mark!;
        var again = await AskAsync(dirty[2]);
        Assert.Equal("unknown", again[1]);
        Assert.Equal("clean", (await AskAsync(again[2]))[1]);
        Assert.Equal("clean", (await AskAsync(shared, "other"))[1]);
        await File.WriteAllTextAsync(Path.Combine(inputs, "a"), "2", Cancel);
        Assert.Equal("dirty", (await AskAsync(again[2]))[1]);
        Assert.Equal("dirty", (await AskAsync(shared, "other"))[1]);
    }

    [Fact]
    public async Task A_deep_workspace_has_its_socket_elsewhere()
    {
        var deep = Path.Combine(root, new string('d', 90), "ä b'\"$x");
        Directory.CreateDirectory(deep);
        var launcher = new AgentLauncher(new AgentFolder(deep), "0", TimeProvider.System);
        await using var client = await launcher.ConnectAsync(Cancel);
        var socket = launcher.Folder.ReadIdentity()!.Socket;
        Assert.False(socket.StartsWith(deep, StringComparison.Ordinal));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(Path.GetDirectoryName(socket)!) == (UnixFileMode)0b111_000_000);
        await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Shutdown("stop"), Cancel);
        await UntilAsync(() => ProcessOwner.TicksOf(client.Agent.Pid) is null, "the agent ends");
    }

    [Fact]
    public async Task Two_commands_at_once_start_one_agent()
    {
        var clients = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Launcher.ConnectAsync(Cancel)));
        Assert.Single(clients.Select(c => c.Agent.Pid).Distinct());
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_front_port_that_another_component_has_is_refused()
    {
        await DeployAsync(Component("web"), "one");
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(Component("other"), "one")));
        Assert.Contains("web", fault.Fault.What);
    }

    [Fact]
    public async Task A_changed_front_port_moves()
    {
        await DeployAsync(Component("web"), "one");
        var other = FreePort();
        var web = Component("web");
        await DeployAsync(web with { Run = web.Run! with { Port = other } }, "two");
        Assert.Equal(Request(web, "two").Revision, await http.GetStringAsync($"http://127.0.0.1:{other}/version", Cancel));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(IPAddress.Loopback, front, Cancel).AsTask());
    }

    [Fact]
    public async Task A_port_that_was_taken_meanwhile_is_chosen_anew()
    {
        // The first start finds its port taken by a process that is not its own (it left the session).
        var marker = Path.Combine(root, "was-here");
        var script = $"""
            [ -e '{marker}' ] && exec '{FakeTool}' serve
            setsid '{FakeTool}' serve > '{marker}.log' & echo $! > '{marker}.new'
            until grep -q listening '{marker}.log'; do sleep 0.01; done
            mv '{marker}.new' '{marker}'; echo 'bind: Address already in use'; exit 1
            """;
        var web = Component("web");
        web = web with { Run = web.Run! with { Command = new CommandLine.Shell(Template.Literal(script)) } };
        var segments = new List<Segment>();
        var result = await RolloutAsync(Request(web, "one"), segments);
        var thief = int.Parse(await File.ReadAllTextAsync(marker, Cancel));
        try
        {
            Assert.True(result.Fault is null, result.Fault?.What);
            Assert.Equal(2, segments.Count(x => x.Name == "rollout/start"));
            Assert.True(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
        }
        finally
        {
            if (ProcessOwner.TicksOf(thief) is { } ticks)
            {
                new Session(thief, ticks).Kill();
            }
        }
    }

    [Fact]
    public async Task A_large_log_is_rotated_under_the_writer()
    {
        await DeployAsync(Command("web", "flood:17", "serve"), "one");
        var logs = Path.Combine(root, ".laptime", "logs", "local", "web");
        await UntilAsync(() => Directory.GetFiles(logs, "*.log.1").Length == 1, "the log is rotated");
        await UntilAsync(() => new FileInfo(Directory.GetFiles(logs, "*.log").Single()).Length < 1_000_000, "the log is cut");
        Assert.True(await Target.StopAsync("web", 1, Cancel));
        Assert.EndsWith("ended as asked\n", await File.ReadAllTextAsync(Directory.GetFiles(logs, "*.log").Single(), Cancel));
    }

    [Fact]
    public async Task Release_folders_of_the_serving_and_the_two_before_are_kept()
    {
        foreach (var content in (string[])["one", "two", "three", "four", "five"])
        {
            await DeployAsync(Component("web"), content);
        }

        var kept = Directory.GetDirectories(Path.Combine(root, ".laptime", "releases", "local", "web")).Select(Path.GetFileName).ToHashSet();
        Assert.Superset(new HashSet<string?>(((string[])["three", "four", "five"]).Select(c => Fingerprints.Digest.Of(c).Short)), kept);
        Assert.DoesNotContain(Fingerprints.Digest.Of("one").Short, kept);
    }

    [Fact]
    public async Task What_cannot_be_written_down_is_not_started()
    {
        // As on a full disk: the list of what runs cannot be replaced.
        var first = await DeployAsync(Component("web"), "one");
        var list = Launcher.Folder.Instances;
        File.Delete(list);
        Directory.CreateDirectory(Path.Combine(list, "in the way"));
        var fault = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(Component("web"), "two")));
        Assert.Equal(Outcome.RolloutFailed, fault.Fault.Outcome);
        Assert.Contains("cannot be written", fault.Fault.What);
        Assert.Equal(first.Revision, await GetAsync("/version"));
        Assert.Single(InstancesAlive());

        // With the disk mended it is written by itself.
        Directory.Delete(list, recursive: true);
        await UntilAsync(() => File.Exists(list), "it is written down");
    }

    [Fact]
    public async Task Ending_the_agent_keeps_what_runs()
    {
        await DeployAsync(Component("web"), "one");
        var before = Assert.Single(await Target.ObserveAsync(Cancel));
        var agent = (await Launcher.TryConnectAsync(Cancel))!;
        await agent.AskAsync<AgentAnswer.Done>(new AgentRequest.Shutdown("keep"), Cancel);
        await agent.DisposeAsync();

        // At once, while it is still ending: the next one waits for its turn.
        var after = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((before.Pids[0], true), (after.Pids[0], after.Serving));
    }

    [Fact]
    public async Task The_socket_and_what_it_knows_are_private()
    {
        await DeployAsync(Component("web"), "one");
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("no Unix modes");
            return;
        }

        var run = Launcher.Folder.Run;
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(run));
        foreach (var file in (string[])["agent.sock", "agent.json", "instances.json"])
        {
            Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(Path.Combine(run, file)));
        }
    }

    [Fact]
    public async Task The_front_listens_on_loopback_only()
    {
        await DeployAsync(Component("web"), "one");
        var listening = System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(e => e.Port == front).ToList();
        Assert.NotEmpty(listening);
        Assert.All(listening, e => Assert.True(IPAddress.IsLoopback(e.Address), e.ToString()));
    }

    [Fact]
    public async Task Another_user_who_gets_as_far_as_the_socket_is_not_answered()
    {
        await DeployAsync(Component("web"), "one");
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root" || !File.Exists("/usr/bin/setpriv") || !File.Exists("/usr/bin/perl"))
        {
            Assert.Skip("only root can be another user, with setpriv; and perl asks");
            return;
        }

        var socket = Path.Combine(Launcher.Folder.Run, "agent.sock");
        var asks = new Command
        {
            Program = "/usr/bin/setpriv",
            Arguments =
            [
                "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/perl", "-MSocket", "-e",
                "$SIG{PIPE} = 'IGNORE'; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; if (!connect($s, sockaddr_un($ARGV[0]))) { print \"refused: $!\"; exit } "
                    + "syswrite $s, \"noop local -\\n\"; print sysread($s, my $b, 1000) ? \"told: $b\" : 'nothing';",
                socket,
            ],
            Directory = "/",
        };
        Assert.Equal("refused: Permission denied", await SaidAsync());

        // Whatever opened the way: a mode changed by hand, a file system without modes.
        foreach (var opened in (string[])[root, Path.GetDirectoryName(Launcher.Folder.Run)!, Launcher.Folder.Run, socket])
        {
            File.SetUnixFileMode(opened, (UnixFileMode)0b111_111_111);
        }

        Assert.Equal("nothing", await SaidAsync());
        await DeployAsync(Component("web"), "two");

        async Task<string> SaidAsync()
        {
            var lines = new List<string>();
            var ended = await new ProcessRunner(TimeProvider.System).RunAsync(asks, line => lines.Add(line.Text), Cancel);
            Assert.True(ended.Succeeded, string.Join('\n', lines));
            return string.Join('\n', lines);
        }
    }

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

    private Component Command(string name, params string[] acts)
    {
        var component = Component(name);
        return component with { Run = component.Run! with { Command = new CommandLine.Exec([Template.Literal(FakeTool), .. acts.Select(Template.Literal)]) } };
    }

    private LocalTarget Open() => new(Launcher, "local", runner: new ProcessRunner(TimeProvider.System));

    private async Task<string> GetAsync(string path) => await http.GetStringAsync($"http://127.0.0.1:{front}{path}", Cancel);

    private async Task KillAgentAsync()
    {
        var pid = Launcher.Folder.ReadIdentity()!.Pid;
        new Session(pid, ProcessOwner.TicksOf(pid)!.Value).Kill();
        await UntilAsync(() => ProcessOwner.TicksOf(pid) is null, "the agent is dead");
    }

    /// <summary>What a lap does up to the start of the instances, without the rest.</summary>
    private async Task<(AgentClient Client, AgentAnswer.Started Started)> BeginByHandAsync(Component component, string content)
    {
        var request = Request(component, content);
        var client = await Launcher.ConnectAsync(Cancel);
        await client.AskAsync<AgentAnswer.Begun>(new AgentRequest.Begin(new RevisionLabels
        {
            Workspace = root, Environment = "local", Component = component.Name, Revision = request.Revision, Artifact = request.Artifact.ToString(),
            Fingerprint = request.Fingerprint.ToString(), DeploymentKey = request.DeploymentKey.ToString(), Transaction = request.Transaction,
        }, 1, front), Cancel);
        return (client, await client.AskAsync<AgentAnswer.Started>(new AgentRequest.Start(RunPlanner.PlanOf(request, component.Run!, root)), Cancel));
    }

    /// <summary>Processes whose environment says that they are an instance of this workspace (the agent's own is not).</summary>
    private int[] InstancesAlive() =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0)
            .Where(pid => pid > 0 && ProcessOwner.TicksOf(pid) is not null && WorkingDirectory(pid)?.StartsWith(Path.Combine(root, ".laptime", "releases"), StringComparison.Ordinal) == true),
    ];

    private static string? WorkingDirectory(int pid)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/cwd").LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static async Task<string> EchoAsync(ClientWebSocket socket, string text)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Cancel);
        var buffer = new byte[1000];
        var got = await socket.ReceiveAsync(buffer, Cancel);
        return got.MessageType == WebSocketMessageType.Close
            ? throw new WebSocketException("closed")
            : Encoding.UTF8.GetString(buffer, 0, got.Count);
    }

    private static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(() => Task.FromResult(holds()), what);

    private static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        using var bounded = new CancellationTokenSource(Bound);
        while (!await holds())
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

    /// <summary>The program of a project built in the same configuration as this one.</summary>
    internal static string Sibling(string group, string project, string otherGroup, string otherProject, string program) =>
        Path.GetFullPath(Path.Combine(
            AppContext.BaseDirectory.Replace($"{Separator}{group}{Separator}{project}{Separator}", $"{Separator}{otherGroup}{Separator}{otherProject}{Separator}", StringComparison.Ordinal),
            OperatingSystem.IsWindows() ? program + ".exe" : program));
}
