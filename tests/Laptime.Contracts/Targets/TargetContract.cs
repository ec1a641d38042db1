using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Contracts.Targets;

/// <summary>What holds for every target. A component here is a program that answers /version with its revision and /health.</summary>
public abstract class TargetContract
{
    protected static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static int transactions;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The target under test, fresh.</summary>
    protected abstract Target Target { get; }

    /// <summary>A component of this name that serves on a port of its own.</summary>
    protected abstract Component Component(string name, IReadOnlyDictionary<string, string>? env = null);

    /// <summary>What tells the instance that serves `web` from every other.</summary>
    protected abstract Task<string> InstanceAsync();

    /// <summary>One rollout of new content.</summary>
    protected RolloutRequest Request(Component component, string content, long fence = 1) => new()
    {
        Component = component, Environment = "local", Artifact = Digest.Of(content), Fingerprint = Digest.Of("f" + content), DeploymentKey = Digest.Of("k" + content),
        Revision = $"{component.Name}@{Digest.Of(content).Short}", Transaction = $"tx-20261121-110329-{Interlocked.Increment(ref transactions):x6}", Fence = fence,
        Unpack = (folder, cancel) => File.WriteAllTextAsync(Path.Combine(folder, "content.txt"), content, cancel),
        Names = name => name == "revision" ? $"{component.Name}@{Digest.Of(content).Short}" : null,
    };

    protected static Gate Gate(Component component) => new(new Prober(TimeProvider.System), component.Probes, smoke: true);

    protected static Timeline Timeline(List<Segment>? segments = null) => new(TimeProvider.System, s =>
    {
        if (s.Seconds is not null)
        {
            segments?.Add(s);
        }
    });

    protected async Task<RolloutResult> RolloutAsync(RolloutRequest request, List<Segment>? segments = null)
    {
        var result = await Target.RolloutAsync(request, Gate(request.Component), Timeline(segments), null, Cancel);
        await Target.SettleAsync(Cancel);
        return result;
    }

    protected async Task<RolloutRequest> DeployAsync(Component component, string content, long fence = 1)
    {
        var request = Request(component, content, fence);
        var result = await RolloutAsync(request);
        Assert.True(result.Fault is null, $"{result.Fault?.What}\n{string.Join('\n', result.Fault?.Tail ?? [])}");
        return request;
    }

    [Fact]
    public async Task Nothing_deployed_is_read_as_nothing() => Assert.Empty(await Target.ObserveAsync(Cancel));

    [Fact]
    public async Task What_was_rolled_out_is_read_back_with_its_labels()
    {
        var request = await DeployAsync(Component("web"), "one");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal(
            (request.Component.Name, request.Revision, request.Artifact, request.Fingerprint, request.DeploymentKey, request.Transaction, true, 1, 1),
            (seen.Component, seen.Revision, seen.Artifact, seen.Fingerprint, seen.DeploymentKey, seen.Transaction, seen.Serving, seen.Instances, seen.Of));
        Assert.Null(seen.Detail);
    }

    [Fact]
    public async Task A_second_rollout_replaces_the_first()
    {
        var web = Component("web");
        await DeployAsync(web, "one");
        var second = await DeployAsync(web, "two");
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((second.Revision, 1, true), (seen.Revision, seen.Instances, seen.Serving));
    }

    [Fact]
    public async Task A_restart_for_a_dependency_starts_the_same_revision_anew_and_says_what_it_loaded()
    {
        var web = Component("web");
        var first = await DeployAsync(web, "one");
        Assert.Empty(Assert.Single(await Target.ObserveAsync(Cancel)).Loaded!);
        var before = await InstanceAsync();
        var loads = new Dictionary<string, Digest> { ["catalog"] = Digest.Of("catalog 2"), ["lib.x-1"] = Digest.Of("lib") };
        var again = Request(web, "one") with { Loads = loads, ReconciledFor = ["catalog"] };
        var result = await RolloutAsync(again);
        Assert.True(result.Fault is null, $"{result.Fault?.What}\n{string.Join('\n', result.Fault?.Tail ?? [])}");
        Assert.Equal((SignalStatus.Pass, SignalStatus.Pass, SignalStatus.Pass), (result.Signals.Live.Status, result.Signals.Ready.Status, result.Signals.Reflected.Status));
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, first.DeploymentKey, again.Transaction, true, 1), (seen.Revision, seen.DeploymentKey, seen.Transaction, seen.Serving, seen.Instances));
        Assert.Equal(loads.OrderBy(l => l.Key), seen.Loaded!.OrderBy(l => l.Key));
        Assert.NotEqual(before, await InstanceAsync());
    }

    [Fact]
    public async Task A_program_runs_beside_the_instance_and_its_lines_and_its_end_are_handed_on()
    {
        var request = await DeployAsync(Component("web"), "one");
        var lines = new List<ExecLine>();
        var end = await Target.ExecAsync(new ExecRequest("web", ["sh", "-c", "echo \"$LAPTIME_REVISION $1\"; echo bad >&2; exit 3", "sh", "two  words 'quoted' $x"]), l => { lock (lines) { lines.Add(l); } }, Cancel);
        Assert.Equal(3, end.ExitCode);
        Assert.Equal([new ExecLine("bad", true), new ExecLine($"{request.Revision} two  words 'quoted' $x", false)], lines.OrderBy(l => l.Text, StringComparer.Ordinal));
        Assert.Equal(0, (await Target.ExecAsync(new ExecRequest("web", ["sh", "-c", "exit 0"]) { Instance = 1 }, _ => { }, Cancel)).ExitCode);
        Assert.InRange((await Target.ExecAsync(new ExecRequest("web", ["no-such-program"]), _ => { }, Cancel)).ExitCode, 126, 127);
        var second = await Assert.ThrowsAsync<FaultException>(() => Target.ExecAsync(new ExecRequest("web", ["sh"]) { Instance = 2 }, _ => { }, Cancel));
        Assert.Contains("web has no instance 2", second.Fault.What);
        await Target.StopAsync("web", 1, Cancel);
        var gone = await Assert.ThrowsAsync<FaultException>(() => Target.ExecAsync(new ExecRequest("web", ["sh"]), _ => { }, Cancel));
        Assert.Contains("web does not run", gone.Fault.What);
    }

    [Fact]
    public async Task The_old_one_stays_when_the_new_one_is_never_ready()
    {
        var first = await DeployAsync(Component("web"), "one");
        var bad = Component("web", new Dictionary<string, string> { ["HEALTH"] = "bad" });
        bad = bad with { Probes = bad.Probes with { Ready = bad.Probes.Ready! with { Timeout = TimeSpan.FromMilliseconds(300) } } };
        var result = await RolloutAsync(Request(bad, "two"));
        Assert.Equal((Outcome.ReadinessTimeout, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Equal((SignalStatus.Pass, SignalStatus.Timeout, SignalStatus.NotRun), (result.Signals.Live.Status, result.Signals.Ready.Status, result.Signals.Reflected.Status));
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, true, 1), (seen.Revision, seen.Serving, seen.Instances));
    }

    [Fact]
    public async Task A_lower_fence_is_refused()
    {
        var web = Component("web");
        await DeployAsync(web, "one", fence: 7);
        var refused = await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request(web, "two", fence: 6)));
        Assert.Equal(Outcome.Locked, refused.Fault.Outcome);
        Assert.Equal(Outcome.Locked, (await Assert.ThrowsAsync<FaultException>(() => Target.StopAsync("web", 6, Cancel))).Fault.Outcome);
        Assert.True(Assert.Single(await Target.ObserveAsync(Cancel)).Serving);
    }

    [Fact]
    public async Task Stopping_removes_it_and_a_second_time_finds_nothing()
    {
        await DeployAsync(Component("web"), "one");
        Assert.True(await Target.StopAsync("web", 1, Cancel));
        Assert.Empty(await Target.ObserveAsync(Cancel));
        Assert.False(await Target.StopAsync("web", 1, Cancel));
    }

    [Fact]
    public async Task Its_log_can_be_read_and_followed()
    {
        await DeployAsync(Component("web"), "one");
        var lines = new List<string>();
        await foreach (var line in Target.LogsAsync("web", 10, follow: false, Cancel))
        {
            lines.Add(line);
        }

        Assert.Contains(lines, l => l.StartsWith("listening as web@", StringComparison.Ordinal));

        // Following goes on over a rollout: the next instance's lines come too.
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        enough.CancelAfter(Bound);
        var second = Task.CompletedTask;
        var seen = false;
        await foreach (var line in Target.LogsAsync("web", 1, follow: true, enough.Token))
        {
            if (second.IsCompleted && !seen)
            {
                second = DeployAsync(Component("web"), "two");
                seen = true;
            }

            if (line.StartsWith($"listening as web@{Digest.Of("two").Short}", StringComparison.Ordinal))
            {
                break;
            }
        }

        Assert.False(enough.IsCancellationRequested);
        await second;
    }
}
