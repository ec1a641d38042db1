using System.Globalization;
using System.Net;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets.Docker;
using Laptime.Timing;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Swarm;

/// <summary>
/// One service on its way to a new revision: image, apply, the first new task, the gate, until no old task is left, the proof. Whatever ends it earlier gives the service the spec
/// back that it had, or removes one that was not there before.
/// </summary>
/// <param name="reachable">The name under which every node of the swarm gets the image.</param>
internal sealed class SwarmRollout(
    SwarmApi api, SwarmWatch watch, StackApplier applier, ComposeService service, ComposeProject project, SwarmPlace place, ServiceRecords records, KeptStacks stacks, bool ingressWorks, RolloutRequest request, RunSettings run,
    Func<RolloutRequest, ImageInspect, string> reachable, Timeline timeline, int? parent, TimeProvider clock) : IAsyncDisposable
{
    private const int TailLines = 20;
    private const string Loopback = "127.0.0.1";

    /// <summary>On what the engine does besides the service's own delays: scheduling, pulling what is there, starting.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan UndoBound = TimeSpan.FromSeconds(30);

    private readonly List<string> notes = [];
    private readonly DateTimeOffset since = clock.GetUtcNow();
    private SwarmService? before;
    private readonly TaskAddresses addresses = new(api, watch, $"{place.Stack}_{request.Component.Name}", request.Component.Name, timeline, parent, clock);
    private Digest stack = request.Stack;

    /// <summary>As it was when it was seen to have converged.</summary>
    private SwarmService? seen;
    private bool applied;
    private bool over;

    private string Component => request.Component.Name;

    private string ServiceName => $"{place.Stack}_{Component}";

    /// <summary>The port in the container that users are led to.</summary>
    private int? Inside => run.Port is not { } port ? null : run.ContainerPort ?? service.Ports.FirstOrDefault(p => p.Published == port)?.Target ?? request.Component.Build.Image?.Port ?? port;

    private bool IsPublished => run.Port is { } port && service.Ports.Any(p => p.Published == port);

    /// <param name="there">The service as it is now; null: there is none.</param>
    public async Task<RolloutResult> RunAsync(Gate gate, SwarmService? there, CancellationToken cancel)
    {
        before = there;
        if (there is null)
        {
            // Said once, not at every deploy.
            notes.AddRange(StackFile.Notes(service, ingressWorks));
        }

        RefuseDeadlock();
        HealthConfig? health;
        StackService wanted;
        using (var segment = timeline.Begin("rollout/image", Component, parent: parent))
        {
            var image = await new DockerImages(api.Engine, place.Workspace).EnsureAsync(request, run, cancel);
            health = HealthOf(image);
            wanted = Wanted(reachable(request, image));
            segment.End();
        }

        using (var segment = timeline.Begin("rollout/apply", Component, parent: parent))
        {
            applied = true;
            await applier.ApplyAsync(wanted, cancel);
            segment.End();
        }

        // From the moment the swarm knows of it to the first answer of a new task: what whoever waits for the change feels first.
        SignalSet signals;
        ProbeContext? asked = null;
        string? firstTask = null;
        using (var first = timeline.Begin("rollout/first-answer", Component, parent: parent))
        {
            var (verdict, task) = await FirstAsync(cancel);
            if (verdict is Converged.Failed failed)
            {
                first.End("failed");
                var met = Delays(null);
                return await FailAsync(SignalSet.NotRun with { Live = new LiveSignal(SignalStatus.Fail, Fault: await FaultOf(failed, cancel) is var fault && SwarmDelays.Before(failed, met) is { } words ? fault with { What = $"{fault.What}; {words}" } : fault) }, met);
            }

            if (verdict is Converged.NotYet stuck)
            {
                first.End("timeout");
                return await FailAsync(SignalSet.NotRun with { Live = new LiveSignal(SignalStatus.Timeout, Fault: NotStarted(stuck)) });
            }

            if (task is null)
            {
                // A task that is meant to end has done so, well.
                signals = SignalSet.NotRun with { Live = new LiveSignal(SignalStatus.Pass, LastSeen: "ended with exit code 0"), Ready = new ReadySignal(SignalStatus.NotDefined), Smoke = new SmokeSignal(SignalStatus.NotDefined) };
            }
            else
            {
                firstTask = task.ID;
                asked = await ContextOf(task, wanted, health, cancel);
                signals = await gate.BeforeSwitchAsync(asked, timeline, parent, cancel);
                if (signals.Fault?.Outcome == Outcome.NeverListened && await FreedAsync(task, asked, cancel))
                {
                    // Somebody else's refusals: the task has not been asked yet.
                    signals = await gate.BeforeSwitchAsync(asked, timeline, parent, cancel);
                }
            }

            first.End(signals.Fault is null ? "ok" : "failed");
        }

        if (signals.Fault is not null)
        {
            return await FailAsync(signals);
        }

        using (var replacing = timeline.Begin("rollout/replace", Component, parent: parent))
        {
            var (verdict, replica) = await ConvergedAsync(
                new ReplicaProbes(
                    watch, ServiceName, firstTask, (task, token) => ReachedAsync(task, wanted, health, token),
                    (context, token) => gate.ReplicaAsync(context, timeline, replacing.Id, token)), cancel);
            if (replica is not null)
            {
                replacing.End("failed");
                return await FailAsync(signals with { Live = replica.Live, Ready = replica.Ready });
            }

            if (verdict is not Converged.Yes)
            {
                replacing.End(verdict is Converged.Failed ? "failed" : "timeout");
                var fault = verdict is Converged.Failed failed ? await FaultOf(failed, cancel) : NotReplaced((Converged.NotYet)verdict);
                return await FailAsync(signals with { Reflected = new ReflectedSignal(verdict is Converged.Failed ? SignalStatus.Fail : SignalStatus.Timeout, Fault: fault) });
            }

            replacing.End();
        }

        // Before reflection is asked: what the engine does then is nobody's wait.
        var delays = Delays(gate.FirstAnswer);
        var front = asked is null ? Plain(wanted) : IsPublished ? asked with { Host = "127.0.0.1", Port = run.Port, Health = null, Names = name => name == "port" ? Number(run.Port) : request.Names(name) } : asked with { Health = null };
        signals = signals with { Reflected = await gate.AfterSwitchAsync(front, request.Revision, EvidenceAsync, timeline, parent, cancel) };
        if (signals.Reflected is { Status: SignalStatus.Pass } probed && seen is null)
        {
            // A probe sees one of them; the swarm knows of all.
            var evidence = await EvidenceAsync(cancel);
            signals = signals with { Reflected = evidence.Fault is null ? probed with { Instances = evidence.Instances, Of = evidence.Of } : evidence };
        }

        if (signals.Fault is not null)
        {
            return await FailAsync(signals);
        }

        over = true;
        if (seen is { } now)
        {
            records.Save(Component, new ServiceRecord(now.ID, now.Version.Index, request.Revision, request.Transaction, now.Spec));
        }

        return new RolloutResult(signals, null, null) { Stack = stack, Notes = notes, Delays = delays, Endpoint = IsPublished ? $"http://127.0.0.1:{Number(run.Port)}" : null, Reached = IsPublished };
    }

    public async ValueTask DisposeAsync()
    {
        if (applied && !over)
        {
            // Ctrl-C or a fault half way. What stopped us is what has to be told.
            await UndoAsync();
        }
    }

    /// <summary>Old and new task cannot have one port of the node both: the new one would wait for the old one, which waits for the new one.</summary>
    private void RefuseDeadlock()
    {
        if (service.UpdateOrder == "start-first" && StackFile.HasHostPort(service, ingressWorks))
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed,
                $"{Component}: `order: start-first` with a port in host mode never ends: the new task waits for the port, which the old one has{(ingressWorks ? "" : " (this kernel has no IPVS: every published port is in host mode)")}",
                service.At.ToString(), "write `order: stop-first`, or do not publish the port"));
        }
    }

    private StackService Wanted(string image)
    {
        var wanted = Settings(image);
        if (stack.IsNone)
        {
            stack = stacks.Save(Component, StackFile.Kept(place.Stack, wanted, Own(), ingressWorks));
        }

        var labels = DockerLabels.Of(request, place.Workspace);
        labels[DockerLabels.Root] = place.Root;
        labels[DockerLabels.Image] = image;
        labels[DockerLabels.Stack] = stack.ToString();
        if (Number(Inside) is { } inside)
        {
            labels[DockerLabels.Port] = inside;
        }

        return wanted with
        {
            Labels = labels,
            ContainerLabels = new Dictionary<string, string> { [DockerLabels.Workspace] = place.Workspace, [DockerLabels.Environment] = place.Environment, [DockerLabels.Component] = Component },
            Environment = new Dictionary<string, string>(wanted.Environment, StringComparer.Ordinal)
            {
                ["LAPTIME_REVISION"] = request.Revision, ["LAPTIME_TRANSACTION"] = request.Transaction, ["LAPTIME_COMPONENT"] = Component, ["LAPTIME_ENVIRONMENT"] = request.Environment,
            },
        };
    }

    /// <summary>What another deploy with the same files and the same image has too.</summary>
    private StackService Settings(string image)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in run.Env)
        {
            environment[name] = value.Resolve(n => n == "port" ? Number(Inside) : request.Names(n));
        }

        return new StackService(Component, image, new Dictionary<string, string>(), new Dictionary<string, string>(), environment)
        {
            Project = project,
            // What the file says stands first; where it says nothing, laptime.yaml's own command.
            Command = service.Command is null && service.Entrypoint is null ? CommandWords.Of(run.Command, n => n == "port" ? Number(Inside) : request.Names(n)) : null,
        };
    }

    private Dictionary<string, string> Own()
    {
        var own = new Dictionary<string, string>(StringComparer.Ordinal);
        if (run.Port is not null)
        {
            own["port"] = Number(run.Port)!;
        }

        // As it was found then: an image that exposes another port tomorrow changes nothing of it.
        if (Inside is not null)
        {
            own["container-port"] = Number(Inside)!;
        }

        if (run.Image is not null)
        {
            own["fixed"] = "true";
        }

        return own;
    }

    /// <summary>What the compose file says of health stands before what the image says.</summary>
    private HealthConfig? HealthOf(ImageInspect image)
    {
        if (service.Health is not { } written)
        {
            return image.Config?.Healthcheck;
        }

        return written.Disabled ? null : new HealthConfig
        {
            Test = written.Test.Count > 0 ? [.. written.Test] : image.Config?.Healthcheck?.Test,
            Interval = Nanoseconds(written.Interval) ?? image.Config?.Healthcheck?.Interval,
            Timeout = Nanoseconds(written.Timeout) ?? image.Config?.Healthcheck?.Timeout,
            StartPeriod = Nanoseconds(written.StartPeriod) ?? image.Config?.Healthcheck?.StartPeriod,
            Retries = written.Retries ?? image.Config?.Healthcheck?.Retries,
        };

        static long? Nanoseconds(TimeSpan? span) => span?.Ticks * 100;
    }

    /// <summary>The first new task that can be asked, or why there will be none. No task and a yes: it has done what it is there for.</summary>
    private async Task<(Converged? Verdict, SwarmTask? Task)> FirstAsync(CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        for (var mark = watch.Mark; ;)
        {
            var snapshot = await watch.AfterAsync(mark, cancel);
            mark = snapshot.Turn;
            var now = snapshot.Find(ServiceName);
            var tasks = snapshot.TasksOf(now);
            var verdict = Convergence.Judge(now, tasks, since);
            if (verdict is Converged.Failed)
            {
                return (verdict, null);
            }

            if (NewTasks(now!, tasks).FirstOrDefault(static t => t is { Container: not null, State: "starting" or "running" }) is { } task)
            {
                return (null, task);
            }

            if (verdict is Converged.Yes)
            {
                return (null, null);
            }

            if (clock.GetElapsedTime(began) > Slack + run.StopGrace)
            {
                return (verdict, null);
            }
        }
    }

    /// <summary>Until every task is new and no old one is left, or it is known that this will not be.</summary>
    /// <returns>What came of it; and the signals of a new task that is not as the first one was.</returns>
    private async Task<(Converged Verdict, SignalSet? Replica)> ConvergedAsync(ReplicaProbes replicas, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var bound = Slack + ((run.StopGrace + HealthPatience()) * Math.Max(1, run.Replicas));
        await using var others = replicas;
        for (var mark = watch.Mark; ;)
        {
            var snapshot = await watch.AfterAsync(mark, cancel);
            mark = snapshot.Turn;
            var now = snapshot.Find(ServiceName);
            var tasks = snapshot.TasksOf(now);
            var verdict = Convergence.Judge(now, tasks, since, watch.DeadOf(ServiceName));
            if (run.Replicas > 1 && now is not null)
            {
                others.Ask(NewTasks(now, tasks), cancel);
                if (await others.FailedAsync(all: verdict is Converged.Yes) is { } failed)
                {
                    return (verdict, failed);
                }
            }

            if (verdict is not Converged.NotYet || clock.GetElapsedTime(began) > bound)
            {
                if (others.Unreached is { } told)
                {
                    notes.Add(told);
                }

                return (verdict, null);
            }
        }
    }

    /// <summary>Where a task is asked beside the first; null: this machine does not reach it.</summary>
    private async Task<ProbeContext?> ReachedAsync(SwarmTask task, StackService wanted, HealthConfig? health, CancellationToken cancel) =>
        await api.Engine.InspectContainerAsync(task.Container!, cancel) is not null && await ContextOf(task, wanted, health, cancel) is var context && (Inside is null || context.Host != Loopback)
            ? context : null;

    /// <summary>How long the engine itself may take until a healthy task counts as running: its first check comes after a whole interval.</summary>
    private TimeSpan HealthPatience() => service.Health is { Disabled: false } health
        ? (health.Interval ?? TimeSpan.FromSeconds(30)) * Math.Max(1, health.Retries ?? 3) + (health.StartPeriod ?? TimeSpan.Zero)
        : TimeSpan.FromSeconds(30);

    private static IEnumerable<SwarmTask> NewTasks(SwarmService service, IReadOnlyList<SwarmTask> tasks)
    {
        var wanted = SpecText.OfTemplate(service.Template);
        return tasks.Where(t => t.IsWanted && !t.HasEnded && SpecText.OfTemplate(t.Spec) == wanted);
    }

    /// <summary>
    /// Where the new task is asked: at its own address on the bridge that every task of this node is on, so before users get to it and without the name service; where there is no such
    /// address, at its published port.
    /// </summary>
    private async Task<ProbeContext> ContextOf(SwarmTask task, StackService wanted, HealthConfig? health, CancellationToken cancel)
    {
        var container = task.Container!;
        var context = Plain(wanted) with
        {
            Health = ImageHealth.Of(api.Engine, container, health),
            Life = token => LifeAsync(task.ID, container, token),
        };
        var process = await StartedAsync(task.ID, container, cancel);
        if (Inside is not { } inside)
        {
            return context;
        }

        var address = await addresses.FindAsync(task.ID, container, cancel);
        if (address is not null)
        {
            await addresses.FreedAsync(address, inside, task.ID, process, cancel);
        }

        var (host, port) = address is null ? (Loopback, run.Port) : (address.Ip, inside);
        return context with { Host = host, Port = port, Names = name => name == "port" ? Number(port) : request.Names(name), Environment = With(context.Environment, "PORT", Number(port)) };
    }

    /// <summary>Whether the address that a task was asked at belonged to another for the kernel, and does no more.</summary>
    private async Task<bool> FreedAsync(SwarmTask task, ProbeContext asked, CancellationToken cancel) =>
        asked is { Port: { } port, Host: not Loopback } && await api.Engine.InspectContainerAsync(task.Container!, cancel) is { State: { Running: true, Pid: var process } }
        && await addresses.FindAsync(task.ID, task.Container!, cancel) is { } address && await addresses.FreedAsync(address, port, task.ID, process, cancel);

    private ProbeContext Plain(StackService wanted) => new()
    {
        Component = Component, Port = IsPublished ? run.Port : null, Directory = Path.Combine(place.Root, request.Component.Path),
        Environment = wanted.Environment.ToDictionary(static v => v.Key, static v => (string?)v.Value, StringComparer.Ordinal),
        Names = name => name == "port" ? Number(run.Port) : request.Names(name), Secrets = request.Secrets, Life = static _ => ValueTask.FromResult<Life>(new Life.Running()),
    };

    /// <summary>A task has its container before that runs; the bounds of probes count from when it does.</summary>
    /// <returns>Its first process; 0: it has ended.</returns>
    private async Task<int> StartedAsync(string task, string container, CancellationToken cancel)
    {
        for (var mark = watch.Mark; ;)
        {
            var seen = await api.Engine.InspectContainerAsync(container, cancel);
            if (seen is null || seen.State.Running || seen.State.FinishedAt > seen.State.StartedAt)
            {
                return seen?.State.Pid ?? 0;
            }

            var snapshot = await watch.AfterAsync(mark, cancel);
            mark = snapshot.Turn;
            if (snapshot.TasksOf(snapshot.Find(ServiceName)).FirstOrDefault(t => t.ID == task) is not { HasEnded: false })
            {
                return 0;
            }
        }
    }

    /// <summary>Whether the task that is asked still lives, from the newest listing.</summary>
    private async ValueTask<Life> LifeAsync(string id, string container, CancellationToken cancel)
    {
        if (watch.Latest is not { } snapshot || snapshot.TasksOf(snapshot.Find(ServiceName)).FirstOrDefault(t => t.ID == id) is not { } task)
        {
            return new Life.Running();
        }

        if (!task.HasEnded)
        {
            return new Life.Running();
        }

        var tail = await api.Engine.TailAsync(container, TailLines, cancel);
        var code = task.Status.ContainerStatus?.ExitCode;
        return task.Status.Err is { Length: > 0 } said && !said.Contains("non-zero exit", StringComparison.Ordinal)
            ? new Life.Exited(code, said, tail)
            : ContainerLives.Ended(code, false, tail);
    }

    /// <summary>The swarm's own word: every wanted task runs from the service's spec, which carries this revision.</summary>
    private async Task<ReflectedSignal> EvidenceAsync(CancellationToken cancel)
    {
        var snapshot = await watch.FreshAsync(cancel);
        var now = seen = snapshot.Find(ServiceName);
        var verdict = Convergence.Judge(now, snapshot.TasksOf(now), since, watch.DeadOf(ServiceName));
        var revision = now?.Label(DockerLabels.Revision);
        return verdict is Converged.Yes yes && revision == request.Revision
            ? new ReflectedSignal(SignalStatus.Pass, request.Revision, yes.Instances, yes.Instances, Attempts: 1, LastSeen: $"{yes.Instances} of {yes.Instances} tasks run it, and none of an older spec is left")
            : new ReflectedSignal(SignalStatus.Fail, revision, 0, run.Replicas, Attempts: 1, LastSeen: Words(verdict), Fault: new Fault(
                Outcome.NotReflected, $"{request.Revision} was rolled out, but: {(revision == request.Revision ? Words(verdict) : $"the service says it is {revision ?? "nothing of Laptime's"}")}", Component,
                $"look at its tasks: docker service ps --no-trunc {ServiceName}"));
    }

    private static string Words(Converged verdict) => verdict switch { Converged.NotYet notYet => notYet.Why, Converged.Failed failed => failed.What, _ => "" };

    private async Task<Fault> FaultOf(Converged.Failed failed, CancellationToken cancel)
    {
        var tail = failed.Task?.Container is { } container ? [.. (await api.Engine.TailAsync(container, TailLines, cancel)).Select(Redacted)] : (IReadOnlyList<string>)[];
        var where = $"service {ServiceName}";
        return failed.Kind switch
        {
            ConvergenceFailure.Died => new Fault(Outcome.NotLive, $"{Component}: {failed.What}", where, $"lap logs {Component} shows what it says", tail),
            ConvergenceFailure.Rejected when failed.What.Contains("No such image", StringComparison.Ordinal) => new Fault(
                Outcome.RolloutFailed, $"{Component}: {failed.What}", where, "the node does not have it and cannot pull it: see the registry and the node's access to it", tail),
            ConvergenceFailure.Rejected => new Fault(Outcome.RolloutFailed, $"{Component}: {failed.What}", where, $"docker service ps --no-trunc {ServiceName} shows every try", tail),
            _ => new Fault(Outcome.RolloutFailed, $"{Component}: {failed.What}", where, $"docker service ps --no-trunc {ServiceName} shows its tasks", tail),
        };

        string Redacted(string line) => request.Secrets.Count == 0 ? line : Processes.Redactor.Text(line, Processes.Redactor.Needles(request.Secrets));
    }

    private Fault NotStarted(Converged.NotYet stuck) => new(
        Outcome.RolloutFailed, $"{Component}: no new task was started within {Duration.Text(Slack + run.StopGrace)}: {stuck.Stuck ?? stuck.Why}", $"service {ServiceName}",
        stuck.Stuck?.Contains("port", StringComparison.Ordinal) == true ? "another service has the port: docker service ls" : $"docker service ps --no-trunc {ServiceName} shows what its tasks wait for");

    private Fault NotReplaced(Converged.NotYet waiting) => new(
        Outcome.NotReflected, $"{Component}: the new task answers, but not all of them are new: {waiting.Why}{(waiting.Stuck is { } why ? $" ({why})" : "")}", $"service {ServiceName}",
        $"docker service ps --no-trunc {ServiceName} shows what its tasks wait for");

    /// <summary>What of the time was the engine's own, from what it did.</summary>
    private IReadOnlyList<EngineDelay> Delays(DateTimeOffset? answered)
    {
        if (watch.Latest is not { } snapshot || snapshot.Find(ServiceName) is not { } now)
        {
            return addresses.Delays;
        }

        return [.. addresses.Delays, .. SwarmDelays.Of(new RolloutEvidence(now, [.. NewTasks(now, snapshot.TasksOf(now))], before is null ? [] : watch.EndsOf(ServiceName), watch.Healthy(), answered))];
    }

    /// <param name="delays">What the engine had taken until it failed; what it takes for the way back is not part of it.</param>
    private async Task<RolloutResult> FailAsync(SignalSet signals, IReadOnlyList<EngineDelay>? delays = null)
    {
        var fault = signals.Fault!;
        var serving = await UndoAsync();
        return new RolloutResult(signals, fault, serving) { Notes = notes, Delays = delays ?? addresses.Delays, Reached = IsPublished };
    }

    /// <summary>Back to the spec that served, by our own record of it; a service that was not there before goes again.</summary>
    /// <returns>The revision that serves then; null: none, or it is not known.</returns>
    private async Task<string?> UndoAsync()
    {
        over = true;
        using var bound = new CancellationTokenSource(UndoBound + run.StopGrace, clock);
        try
        {
            using var segment = timeline.Begin("rollout/undo", Component, parent: parent);
            var serving = await RestoreAsync(bound.Token);
            segment.End(serving is null && before is not null ? "failed" : "ok");
            return serving;
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            // What the engine makes of it is for the next look at it to say.
            return null;
        }
    }

    private async Task<string?> RestoreAsync(CancellationToken cancel)
    {
        const int Attempts = 5;
        for (var attempt = 1; ; attempt++)
        {
            if (await api.ServiceAsync(ServiceName, cancel) is not { } now)
            {
                return null;
            }

            if (before is null)
            {
                // Never somebody else's of the same name.
                if (now.Label(DockerLabels.Transaction) == request.Transaction)
                {
                    await api.RemoveServiceAsync(now.ID, cancel);
                }

                return null;
            }

            // The one that was seen serving is better than one that was there but is not known to have served.
            var record = records.Find(Component);
            var good = record is not null && record.Service == now.ID && record.Transaction == before.Label(DockerLabels.Transaction) ? record.Spec : before.Spec;
            if (SpecText.DigestOf(good) == SpecText.DigestOf(now.Spec))
            {
                break;
            }

            try
            {
                await api.UpdateAsync(now.ID, now.Version.Index, good, cancel);
                break;
            }
            catch (EngineException e) when (e.Error == EngineError.OutOfSequence && attempt < Attempts)
            {
                // The engine counts the version up itself while it updates.
            }
        }

        var restored = clock.GetUtcNow();
        for (var mark = watch.Mark; ;)
        {
            var snapshot = await watch.AfterAsync(mark, cancel);
            mark = snapshot.Turn;
            var now = snapshot.Find(ServiceName);
            switch (Convergence.Judge(now is null ? null : now with { UpdateStatus = null }, snapshot.TasksOf(now), restored))
            {
                case Converged.Yes:
                    return now!.Label(DockerLabels.Revision);
                case Converged.Failed:
                    return null;
            }
        }
    }

    private static Dictionary<string, string?> With(IReadOnlyDictionary<string, string?> environment, string name, string? value) => new(environment, StringComparer.Ordinal) { [name] = value };

    private static string? Number(int? number) => number?.ToString(CultureInfo.InvariantCulture);
}
