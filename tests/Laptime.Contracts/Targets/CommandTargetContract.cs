using System.Net;
using System.Net.Sockets;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Targets.Commands;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Contracts.Targets;

/// <summary>The command target with the shell scripts of examples/command-target.</summary>
public sealed class CommandTargetContract : TargetContract, IAsyncLifetime
{
    private static readonly SourceLocation At = new("laptime.yaml", 1, 1);

    private readonly string root = Directory.CreateTempSubdirectory("lap command-").FullName;
    private readonly int port = FreePort();
    private CommandTarget? target;

    protected override Target Target => target ??= Open();

    private static string FakeTool => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory.Replace("/Laptime.Contracts/", "/FakeTool/", StringComparison.Ordinal), OperatingSystem.IsWindows() ? "faketool.exe" : "faketool"));

    public ValueTask InitializeAsync()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("the example's commands are shell scripts");
        }

        foreach (var file in Directory.EnumerateFiles(Path.Combine(Checkout(), "examples", "command-target", "ops")))
        {
            Directory.CreateDirectory(Path.Combine(root, "ops"));
            var copy = Path.Combine(root, "ops", Path.GetFileName(file));
            File.Copy(file, copy);
            File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (Directory.Exists(Path.Combine(root, ".ops")))
        {
            await Open().StopAsync("web", 1000, CancellationToken.None);
        }

        Directory.Delete(root, recursive: true);
    }

    protected override Component Component(string name, IReadOnlyDictionary<string, string>? env = null) => new()
    {
        Name = name, Path = name, At = At,
        Run = new RunSettings
        {
            Command = new CommandLine.Exec([Template.Literal(FakeTool), Template.Literal("serve")]), Port = port,
            Env = (env ?? new Dictionary<string, string>()).ToDictionary(v => v.Key, v => Template.Literal(v.Value)),
        },
        Probes = new ProbeSettings { Ready = Probe(new ProbeForm.Http(Template.Literal("/health"), null, null, new Dictionary<string, Template>()), TimeSpan.FromSeconds(20)) },
    };

    protected override Task<string> InstanceAsync() => File.ReadAllTextAsync(Path.Combine(root, ".ops", "local", "web", "pid"), Cancel);

    [Fact]
    public async Task A_restart_that_left_the_old_instance_is_not_reflected()
    {
        await DeployAsync(Component("web"), "one");
        target = Open(Commands() with { Rollout = Shell(". ./ops/lib.sh; item \"$unit\"") });
        var web = Component("web");
        web = web with { Probes = web.Probes with { Reflect = Probe(new ProbeForm.Http(Template.Literal("/version"), null, null, new Dictionary<string, Template>()), TimeSpan.FromMilliseconds(300)) } };
        var result = await RolloutAsync(Request(web, "one") with { ReconciledFor = ["catalog"] });
        Assert.Equal((Outcome.NotReflected, SignalStatus.Fail), (result.Fault?.Outcome, result.Signals.Reflected.Status));
    }

    [Fact]
    public async Task A_command_that_ends_well_while_the_old_revision_runs_is_not_reflected()
    {
        var first = await DeployAsync(Component("web"), "one");
        target = Open(Commands() with { Rollout = Shell("""echo "{\"component\":\"$LAPTIME_COMPONENT\",\"revision\":\"$LAPTIME_REVISION\"}" """) });
        var web = Component("web");
        web = web with { Probes = web.Probes with { Reflect = Probe(new ProbeForm.Http(Template.Literal("/version"), null, null, new Dictionary<string, Template>()), TimeSpan.FromMilliseconds(300)) } };
        var result = await RolloutAsync(Request(web, "two"));
        Assert.Equal((Outcome.NotReflected, first.Revision, SignalStatus.Fail), (result.Fault?.Outcome, result.StillServing, result.Signals.Reflected.Status));
        Assert.Contains($"observe says {first.Revision}", result.Fault!.What);
    }

    [Fact]
    public async Task An_instance_that_dies_ends_the_rollout_early_with_its_last_lines()
    {
        var first = await DeployAsync(Component("web"), "one");
        var dying = Component("web");
        dying = dying with { Run = dying.Run! with { Command = new CommandLine.Exec([Template.Literal(FakeTool), Template.Literal("say:last \"words\""), Template.Literal("exit:7")]) } };
        var result = await RolloutAsync(Request(dying, "two"));
        Assert.Equal((Outcome.NotLive, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains("last \"words\"", result.Fault!.Tail!);
        Assert.Contains("exit code 7", result.Fault.What);
    }

    [Theory]
    [InlineData("echo hello; echo '{}'", "hello")]
    [InlineData("echo '{\"revision\":\"x\"}'", "component")]
    [InlineData("echo '[1]'", "[1]")]
    [InlineData("echo '{\"component\":\"web\",\"artifact\":\"abc\"}'", "`artifact` of web is no digest")]
    [InlineData("echo '{\"component\":\"web\",\"state\":\"fine\"}'", "`state` of web")]
    [InlineData("echo '{\"component\":\"web\"'", "{\"component\":\"web\"")]
    public async Task What_is_no_answer_is_told_with_its_first_line(string script, string told)
    {
        target = Open(Commands() with { Observe = Shell(script) });
        var fault = (await Assert.ThrowsAsync<FaultException>(() => Target.ObserveAsync(Cancel))).Fault;
        Assert.Equal(Outcome.RolloutFailed, fault.Outcome);
        Assert.Contains(told, fault.What);
        Assert.NotNull(fault.Mend);
    }

    [Theory]
    [InlineData("echo oops >&2; exit 3", "exit code 3", 11)]
    [InlineData("echo oops >&2; exit 12", "exit code 12", 12)]
    [InlineData("echo oops >&2; exit 20", "exit code 20", 20)]
    [InlineData("echo oops >&2; echo garbage", "garbage", 11)]
    [InlineData("echo oops >&2; echo '{\"step\":\"x\"}'", "did not print what runs of web", 11)]
    public async Task A_failing_rollout_command_says_why_and_what_served_comes_back(string script, string told, int exitCode)
    {
        var first = await DeployAsync(Component("web"), "one");
        // Whatever it did before it failed: here the old instance was stopped, and nothing more.
        target = Open(Commands() with { Rollout = Shell($". ./ops/lib.sh; halt \"$unit\"; {script}") });
        var result = await RolloutAsync(Request(Component("web"), "two"));
        Assert.Equal((exitCode, first.Revision), (result.Fault!.Outcome.ExitCode, result.StillServing));
        Assert.Contains(told, result.Fault.What);
        Assert.Contains("oops", result.Fault.Tail!);
    }

    [Fact]
    public async Task A_command_that_hangs_ends_at_its_bound()
    {
        target = Open(Commands() with { Observe = Shell("echo waiting >&2; sleep 1000"), Timeout = TimeSpan.FromMilliseconds(200) });
        var fault = (await Assert.ThrowsAsync<FaultException>(() => Target.ObserveAsync(Cancel))).Fault;
        Assert.Contains("no end within", fault.What);
        Assert.Contains("waiting", fault.Tail!);
    }

    [Fact]
    public async Task Secrets_reach_the_commands_and_are_shown_nowhere()
    {
        target = new CommandTarget(
            root, "local", Commands() with { Observe = new CommandLine.Shell(new Template("${env.KEY}", [new TemplatePart.Text("echo "), new TemplatePart.Name("env.KEY"), new TemplatePart.Text("; echo hunter22 >&2")])) },
            name => name == "env.KEY" ? "hunter22" : null, ["hunter22"], new ProcessRunner(TimeProvider.System), TimeProvider.System);
        var fault = (await Assert.ThrowsAsync<FaultException>(() => Target.ObserveAsync(Cancel))).Fault;
        Assert.DoesNotContain("hunter22", fault.What + string.Join('\n', fault.Tail!));
        Assert.Contains("[redacted]", fault.What);
    }

    [Fact]
    public async Task Its_steps_are_segments_and_its_facts_are_whole()
    {
        var segments = new List<Segment>();
        var request = Request(Component("web", new Dictionary<string, string> { ["ODD"] = "it's $HOME\nand more" }), "one");
        target = Open(Commands() with { Rollout = Shell("""env | grep ^LAPTIME_ | sort > facts.txt; . "$LAPTIME_ENV_FILE"; printf %s "$ODD" > odd.txt; exec ./ops/rollout.sh""") });
        var result = await RolloutAsync(request, segments);
        Assert.Null(result.Fault);
        Assert.Equal(["rollout/unpack", "rollout/stop", "rollout/start", "rollout/command", "rollout/converge", "live", "ready", "reflect"], segments.Select(s => s.Name));
        Assert.All(segments, s => Assert.Equal(("ok", "web"), (s.Outcome, s.Component)));
        Assert.Equal("it's $HOME\nand more", File.ReadAllText(Path.Combine(root, "odd.txt")));
        var facts = File.ReadAllLines(Path.Combine(root, "facts.txt")).ToDictionary(l => l[..l.IndexOf('=')], l => l[(l.IndexOf('=') + 1)..]);
        Assert.Equal(
            (request.Revision, request.Artifact.ToString(), request.DeploymentKey.ToString(), request.Fingerprint.ToString(), request.Transaction, "1", "web", "local", $"{port}"),
            (facts["LAPTIME_REVISION"], facts["LAPTIME_ARTIFACT"], facts["LAPTIME_DEPLOYMENT_KEY"], facts["LAPTIME_FINGERPRINT"], facts["LAPTIME_TRANSACTION"], facts["LAPTIME_FENCE"],
                facts["LAPTIME_COMPONENT"], facts["LAPTIME_ENVIRONMENT"], facts["LAPTIME_PORT"]));
        Assert.Equal("one", File.ReadAllText(Path.Combine(facts["LAPTIME_ARTIFACT_FOLDER"], "content.txt")));
        Assert.Equal((UnixFileMode)0b110_000_000, OperatingSystem.IsWindows() ? 0 : File.GetUnixFileMode(facts["LAPTIME_ENV_FILE"]));
    }

    private static Probe Probe(ProbeForm form, TimeSpan timeout) => new() { Form = form, Timeout = timeout, At = At };

    private static CommandLine Shell(string text) => new CommandLine.Shell(Template.Literal(text));

    private static TargetCommands Commands() => new()
    {
        Observe = Shell("./ops/observe.sh"), Rollout = Shell("./ops/rollout.sh"), Rollback = Shell("./ops/rollback.sh"), Stop = Shell("./ops/stop.sh"), Logs = Shell("./ops/logs.sh"), Exec = Shell("./ops/exec.sh \"$@\""),
        Timeout = TimeSpan.FromSeconds(30),
    };

    private CommandTarget Open(TargetCommands? commands = null) =>
        new(root, "local", commands ?? Commands(), _ => null, [], new ProcessRunner(TimeProvider.System), TimeProvider.System);

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Checkout()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Laptime.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
