using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Targets.Local;

/// <summary>
/// The process target: components run as processes of this machine under the workspace's agent, which owns their front ports. The new instance is started
/// beside the old one, asked on a port of its own, and only then does the front lead to it. A component without a port has no front: its new instance
/// runs beside the old one until it is live, so for that moment there are two.
/// </summary>
/// <param name="launcher">The workspace's agent.</param>
/// <param name="environment">Name of the environment.</param>
/// <param name="mayLaunch">False: never start an agent just to read (<c>lap plan</c>); without one nothing is seen serving.</param>
/// <param name="runner">Runs programs beside instances; null: none are run.</param>
public sealed class LocalTarget(AgentLauncher launcher, string environment, bool mayLaunch = true, ProcessRunner? runner = null) : Target
{
    private const int ReleasesKept = 2;

    private readonly Lock settling = new();
    private readonly List<Task> unsettled = [];

    public override async Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel)
    {
        // Without an agent and without anything it left behind, nothing runs, and no agent has to be started to know it.
        var client = await launcher.TryConnectAsync(cancel);
        if (client is null)
        {
            if (!launcher.HasInstances)
            {
                return [];
            }

            if (!mayLaunch)
            {
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, "the agent does not run, so what runs cannot be read", launcher.Folder.Run, "`lap agent start` brings it back; it takes its instances over"));
            }

            client = await launcher.ConnectAsync(cancel);
        }

        await using (client)
        {
            var answer = await client.AskAsync<AgentAnswer.Observations>(new AgentRequest.Observe(environment), cancel);
            return [.. answer.Components.Select(ToObserved)];
        }
    }

    public override async Task<RolloutResult> RolloutAsync(RolloutRequest request, Gate gate, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        var run = request.Component.Run
            ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"{request.Component.Name} has nothing to run", request.Component.At.ToString(), "give it `run:`"));

        // The first rollout starts the agent: then this is a large part of it.
        using var reaching = timeline.Begin("rollout/agent", request.Component.Name, parent: parentSegment);
        var client = await launcher.ConnectAsync(cancel);
        var confirmed = false;
        try
        {
            var begun = await client.AskAsync<AgentAnswer.Begun>(new AgentRequest.Begin(LabelsOf(request), request.Fence, run.Port), cancel);
            reaching.End();
            var releases = launcher.Folder.ReleasesOf(environment, request.Component.Name);
            var folder = await UnpackAsync(request, releases, timeline, parentSegment, cancel);
            var plan = RunPlanner.PlanOf(request, run, folder);

            var signals = await StartAndSwitchAsync(client, request, plan, gate, timeline, parentSegment, cancel);
            if (signals.Fault is null)
            {
                signals = signals with { Reflected = await AskReflectedAsync(client, request, run, plan, gate, timeline, parentSegment, cancel) };
            }

            if (signals.Fault is { } fault)
            {
                await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Abort(), cancel);
                return new RolloutResult(signals, fault, begun.Serving);
            }

            await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Confirm(), cancel);
            confirmed = true;
            Settle(SettleOneAsync(client, request.Component.Name, timeline, parentSegment, () => Releases.Prune(releases, [folder, .. begun.InUse], ReleasesKept)));
            return new RolloutResult(signals, null, null);
        }
        finally
        {
            if (!confirmed)
            {
                // Whatever stopped us half way (Ctrl-C, a fault): the new instance goes, the old one serves. The agent would do the same on the closed
                // connection; asking makes it done before the command ends.
                await UndoAsync(client);
            }
        }
    }

    /// <summary>Waits until the old instances of all rollouts have been drained and stopped. Not part of anybody's interval.</summary>
    public override Task SettleAsync(CancellationToken cancel)
    {
        lock (settling)
        {
            var all = Task.WhenAll(unsettled);
            unsettled.Clear();
            return all.WaitAsync(cancel);
        }
    }

    public override async Task<bool> StopAsync(string component, long fence, CancellationToken cancel)
    {
        if (await launcher.TryConnectAsync(cancel) is not { } client)
        {
            if (!launcher.HasInstances)
            {
                return false;
            }

            client = await launcher.ConnectAsync(cancel);
        }

        await using (client)
        {
            return (await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Stop(environment, component, fence), cancel)).Changed;
        }
    }

    public override IAsyncEnumerable<string> LogsAsync(string component, int lines, bool follow, CancellationToken cancel) =>
        InstanceLogs.ReadAsync(launcher.Folder.LogsOf(environment, component), lines, follow, cancel);

    /// <summary>In the instance's folder, with its environment: processes of one machine have nothing else of their own.</summary>
    public override async Task<ExecEnd> ExecAsync(ExecRequest request, Action<ExecLine> said, CancellationToken cancel)
    {
        IReadOnlyList<InstancePlace> places = [];
        if (await launcher.TryConnectAsync(cancel) is { } client)
        {
            await using (client)
            {
                places = (await client.AskAsync<AgentAnswer.Places>(new AgentRequest.AskPlaces(environment, request.Component), cancel)).Instances;
            }
        }

        var place = request.Choose(places, environment);
        var names = System.Environment.GetEnvironmentVariables().Keys.Cast<string>();
        return new ExecEnd(await (runner ?? throw new InvalidOperationException("nothing runs programs here")).PassAsync(
            new Command
            {
                Program = request.Command[0].Contains('/') ? Path.GetFullPath(request.Command[0], place.Directory) : request.Command[0], Arguments = [.. request.Command.Skip(1)], Directory = place.Directory,
                Environment = names.Where(n => !place.Environment.ContainsKey(n)).ToDictionary(n => n, _ => (string?)null).Concat(place.Environment.Select(v => KeyValuePair.Create(v.Key, (string?)v.Value)))
                    .ToDictionary(v => v.Key, v => v.Value),
                InputFile = request.Input,
            },
            said, cancel), place.Id);
    }

    public override async ValueTask DisposeAsync()
    {
        await SettleAsync(CancellationToken.None);
        await base.DisposeAsync();
    }

    private static async Task UndoAsync(AgentClient client)
    {
        try
        {
            using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(15));
            await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Abort(), bound.Token);
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            // The agent undoes it by itself when the connection ends; what brought us here is what has to be told.
        }
        finally
        {
            await client.DisposeAsync();
        }
    }

    private static async Task SettleOneAsync(AgentClient client, string component, Timeline timeline, int? parentSegment, Action prune)
    {
        await using (client)
        {
            using var segment = timeline.Begin("drain", component, parent: parentSegment);
            try
            {
                await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Settle(), CancellationToken.None);
                segment.End();
                prune();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What could not be removed is the next rollout's to remove.
            }
            catch (FaultException)
            {
                // The next agent stops what is left of the old revision; the new one was seen and stays.
                segment.End("failed");
            }
        }
    }

    private void Settle(Task task)
    {
        lock (settling)
        {
            unsettled.Add(task);
        }
    }

    private static async Task<string> UnpackAsync(RolloutRequest request, string releases, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/unpack", request.Component.Name, parent: parent);
        var folder = await Releases.UnpackAsync(releases, request.Artifact, request.Unpack, cancel);
        segment.End();
        return folder;
    }

    /// <summary>
    /// Starts the instances, asks each before users get to it, and switches. A port that somebody took between choosing and listening is chosen anew.
    /// </summary>
    private static async Task<SignalSet> StartAndSwitchAsync(
        AgentClient client, RolloutRequest request, RunPlan plan, Gate gate, Timeline timeline, int? parent, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            AgentAnswer.Started started;
            using (var segment = timeline.Begin("rollout/start", request.Component.Name, parent: parent))
            {
                started = await client.AskAsync<AgentAnswer.Started>(new AgentRequest.Start(plan), cancel);
                segment.End();
            }

            var asked = await Task.WhenAll(started.Instances.Select(instance =>
                gate.BeforeSwitchAsync(RunPlanner.ContextOf(request, plan, instance.Port, token => LifeAsync(client, instance.Id, token)), timeline, parent, cancel)));
            var signals = asked.FirstOrDefault(s => s.Fault is not null) ?? asked[0];
            if (signals.Fault is null)
            {
                signals = await SwitchAsync(client, request.Component.Name, signals, timeline, parent, cancel);
            }

            if (signals.Fault is not { Tail: { } tail } || !tail.Any(SaysPortIsTaken) || attempt == 3
                || !started.Instances.Any(i => PortListener.Sockets(i.Port) is { Count: > 0 }))
            {
                return signals;
            }
        }
    }

    /// <summary>The switch itself; before it the agent proves that the new instances live and hold their ports, which is liveness too.</summary>
    private static async Task<SignalSet> SwitchAsync(AgentClient client, string component, SignalSet signals, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/switch", component, parent: parent);
        try
        {
            await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Switch(), cancel);
            segment.End();
            return signals;
        }
        catch (FaultException e) when (e.Fault.Outcome == Outcome.NotLive || e.Fault.Outcome == Outcome.NeverListened)
        {
            segment.End("failed");
            return signals with { Live = signals.Live with { Status = SignalStatus.Fail, LastSeen = e.Fault.What, Fault = e.Fault } };
        }
    }

    private static bool SaysPortIsTaken(string line) =>
        line.Contains("address already in use", StringComparison.OrdinalIgnoreCase) || line.Contains("EADDRINUSE", StringComparison.Ordinal);

    private static async ValueTask<Life> LifeAsync(AgentClient client, string instance, CancellationToken cancel)
    {
        var life = await client.AskAsync<AgentAnswer.LifeOf>(new AgentRequest.AskLife(instance), cancel);
        return life.State switch
        {
            "running" => new Life.Running(),
            "exited" => new Life.Exited(life.Code, life.Signal, life.Tail),
            "crash-loop" => new Life.CrashLoop(life.Restarts, life.Signal ?? $"exit code {life.Code}", life.Tail),
            var state => new Life.Unknown(state),
        };
    }

    private static async Task<ReflectedSignal> AskReflectedAsync(
        AgentClient client, RolloutRequest request, RunSettings run, RunPlan plan, Gate gate, Timeline timeline, int? parent, CancellationToken cancel)
    {
        var front = RunPlanner.ContextOf(request, plan, run.Port ?? 0, _ => ValueTask.FromResult<Life>(new Life.Running())) with { Port = run.Port };
        var reflected = await gate.AfterSwitchAsync(front, request.Revision, token => EvidenceAsync(client, request.Revision, token), timeline, parent, cancel);
        if (reflected is not { Status: SignalStatus.Pass, Of: <= 1 } || run.Replicas == 1)
        {
            return reflected;
        }

        // The probe saw one of them; the agent knows of the others.
        var evidence = await EvidenceAsync(client, request.Revision, cancel);
        return reflected with { Instances = evidence.Instances, Of = evidence.Of };
    }

    private static async Task<ReflectedSignal> EvidenceAsync(AgentClient client, string revision, CancellationToken cancel)
    {
        var evidence = await client.AskAsync<AgentAnswer.Evidence>(new AgentRequest.AskEvidence(), cancel);
        var status = evidence.Verdict switch { "pass" => SignalStatus.Pass, "fail" => SignalStatus.Fail, _ => SignalStatus.Unknown };
        var seen = evidence.Why ?? $"the front leads to {evidence.Instances} of {evidence.Of} instances, whose processes hold their ports";
        return new ReflectedSignal(
            status, evidence.Revision, evidence.Instances, evidence.Of, Attempts: 1, LastSeen: seen,
            Fault: status == SignalStatus.Pass ? null : new Fault(Outcome.NotReflected, $"{revision} was switched to, but: {seen}", Mend: "see the component's log; declare probes.reflect to ask the instance itself"));
    }

    private RevisionLabels LabelsOf(RolloutRequest request) => new()
    {
        Workspace = launcher.Folder.Root, Environment = environment, Component = request.Component.Name, Revision = request.Revision,
        Artifact = request.Artifact.ToString(), Fingerprint = request.Fingerprint.ToString(), DeploymentKey = request.DeploymentKey.ToString(),
        Transaction = request.Transaction, Loaded = LoadedText.Format(request.Loads),
    };

    private static Observed ToObserved(ComponentState state) => new()
    {
        Component = state.Labels.Component, Revision = state.Labels.Revision, Artifact = DigestOf(state.Labels.Artifact),
        DeploymentKey = DigestOf(state.Labels.DeploymentKey), Fingerprint = DigestOf(state.Labels.Fingerprint), Transaction = state.Labels.Transaction, Loaded = LoadedText.Parse(state.Labels.Loaded),
        Ready = SignalStatusText.Parse(state.Ready), Reflected = SignalStatusText.Parse(state.Reflected), Since = state.Since, Instances = state.Alive, Of = state.Of,
        Serving = state.Serving, Detail = state.Detail, Tail = state.Tail, Endpoint = state.Endpoint, Pids = state.Pids,
    };

    private static Digest DigestOf(string text) => Digest.TryParse(text, out var digest) ? digest : Digest.None;
}
