using System.Globalization;
using System.Runtime.CompilerServices;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;
using Laptime.Timing;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Swarm;

/// <summary>Where a Swarm environment belongs.</summary>
/// <param name="Workspace">Name of the workspace.</param>
/// <param name="Root">Its folder.</param>
/// <param name="Environment">Name of the environment.</param>
/// <param name="Stack">Name of the stack: services, networks and volumes are called after it.</param>
/// <param name="StateFolder">Where the environment's records are kept, absolute.</param>
public sealed record SwarmPlace(string Workspace, string Root, string Environment, string Stack, string StateFolder)
{
    /// <summary>The name that the compose file gives itself, else the workspace's and the environment's.</summary>
    public static string StackOf(ComposeProject project, string workspace, string environment) => project.Name ?? DockerLabels.NamePart($"{workspace}-{environment}");
}

/// <summary>
/// The Swarm target: components run as services of a stack. `docker stack deploy` makes specs of compose; what comes of them is read from the engine's API. What runs says so itself, in
/// labels of the services; it counts only when every task runs from its service's spec.
/// </summary>
/// <param name="engine">A manager of the swarm; disposed with the target.</param>
/// <param name="project">The environment's compose files.</param>
/// <param name="signals">How to ask what serves a component at a revision and transaction for its signals; null: it is not asked.</param>
/// <param name="registryImage">The name under which nodes pull a built image, by its artifact's digest; null, or a null answer: images are only in this engine.</param>
public sealed class SwarmTarget(
    EngineClient engine, ComposeProject project, SwarmPlace place, ProcessRunner runner, TimeProvider clock, Func<string, string, string, SignalPlan?>? signals = null,
    Func<Digest, string?>? registryImage = null) : Target
{
    /// <summary>Tasks are started by the swarm's nodes and mostly waited for: a whole stack goes at once.</summary>
    private const int ServicesAtOnce = 64;

    private static readonly TimeSpan AgreementBound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(25);

    private readonly SwarmApi api = new(engine);
    private readonly ServiceRecords records = new(Path.Combine(place.StateFolder, "swarm"));
    private readonly KeptStacks stacks = new(Path.Combine(place.StateFolder, "stacks"));
    private readonly DateTimeOffset opened = clock.GetUtcNow();
    private readonly Lock gate = new();
    private StackApplier? applier;
    private SwarmWatch? watch;

    /// <summary>Components whose services are removed, and whose containers may be there yet.</summary>
    private readonly HashSet<string> leaving = new(StringComparer.Ordinal);

    /// <summary>As read last, while nothing has been changed since.</summary>
    private IReadOnlyList<SwarmService>? listed;
    private bool changed;
    private int nodes;

    public override int? AtOnce => ServicesAtOnce;

    public override bool Prunes => true;

    private IReadOnlyList<string> Labels { get; } = [$"{DockerLabels.Workspace}={place.Workspace}", $"{DockerLabels.Environment}={place.Environment}"];

    /// <summary>Without it neither the mesh that publishes ports on every node nor the virtual addresses of services work.</summary>
    private bool IngressWorks { get; } = !OperatingSystem.IsLinux() || engine.Endpoint.Socket is null || File.Exists("/proc/net/ip_vs");

    public override async Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel)
    {
        var (services, tasks) = await ListAsync(cancel);
        return await StatesAsync(services, tasks, records, signals, new RunningSignals(clock), engine, cancel);
    }

    /// <summary>
    /// Hands the question whether there is nothing to do over to the workspace's agent, which asks the swarm on a connection that is warm; false when it cannot answer it.
    /// </summary>
    /// <param name="launcher">The workspace's agent.</param>
    /// <param name="mayLaunch">Whether one is started for it.</param>
    /// <param name="variable">Reads an environment variable: what decides which engine it is.</param>
    public async Task<bool> OfferNoOpAsync(AgentLauncher launcher, bool mayLaunch, Func<string, string?> variable, CancellationToken cancel)
    {
        // Where nothing was done, what was read a moment ago is enough; the agent looks itself.
        var services = listed ?? (await ListAsync(cancel)).Services;
        var plans = services.Select(s => signals?.Invoke(s.Label(DockerLabels.Component)!, s.Label(DockerLabels.Revision) ?? "", s.Label(DockerLabels.Transaction) ?? "")).ToList();
        if (plans.Contains(null) || FileFacts.Of(project, opened) is not { } files || (mayLaunch ? await launcher.ConnectAsync(cancel) : await launcher.TryConnectAsync(cancel)) is not { } client)
        {
            return false;
        }

        await using (client)
        {
            var variables = EngineEndpoint.Variables.Select(v => (v, variable(v))).Where(v => v.Item2 is not null).ToDictionary(v => v.v, v => v.Item2!, StringComparer.Ordinal);
            return (await client.AskAsync<AgentAnswer.Done>(
                new AgentRequest.LookAt(place.Environment, place.Workspace, variables, engine.Endpoint.Text, [.. plans.OfType<SignalPlan>()])
                {
                    Files = files, SwarmRoot = place.Root, SwarmRecords = Path.Combine(place.StateFolder, "swarm"),
                }, cancel)).Changed;
        }
    }

    /// <summary>What services and their tasks are, component by component, with the signals of what serves.</summary>
    internal static async Task<IReadOnlyList<Observed>> StatesAsync(
        IReadOnlyList<SwarmService> services, ILookup<string, SwarmTask> tasks, ServiceRecords records, Func<string, string, string, SignalPlan?>? signals, RunningSignals asking, EngineClient engine,
        CancellationToken cancel)
    {
        var inside = new InsideSignals(new SwarmApi(engine), asking);
        return await Task.WhenAll(services.Select(async service =>
        {
            var state = SwarmObserver.StateOf(service, [.. tasks[service.ID]], records.Find(service.Label(DockerLabels.Component)!));
            return state switch
            {
                { Serving: true } when signals?.Invoke(state.Component, state.Revision ?? "", state.Transaction ?? "") is { } plan =>
                    SwarmObserver.FrontOf(service) is { } front ? await asking.ReadAsync(state, [front], plan, cancel) : await inside.ReadAsync(state, service, tasks[service.ID], plan, cancel),
                { Serving: false } when SwarmObserver.Ended([.. tasks[service.ID]]) is { Container: { } container } => state with { Tail = await engine.TailAsync(container, 5, cancel) },
                _ => state,
            };
        }));
    }

    /// <summary>One listing of an environment's services and one of their tasks, side by side.</summary>
    internal static async Task<(IReadOnlyList<SwarmService> Services, ILookup<string, SwarmTask> Tasks)> ListAsync(SwarmApi api, string workspace, string environment, CancellationToken cancel)
    {
        string[] labels = [$"{DockerLabels.Workspace}={workspace}", $"{DockerLabels.Environment}={environment}"];
        var listing = api.ServicesAsync(labels, cancel);
        var tasks = await api.TasksAsync(labels.Select(static l => ("label", l)), cancel);
        return ([.. (await listing).Where(static s => s.Label(DockerLabels.Component) is not null)], tasks.ToLookup(static t => t.ServiceID ?? ""));
    }

    public override async Task<RolloutResult> RolloutAsync(RolloutRequest request, Gate gate, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        KeptStack? kept = null;
        if (!request.Stack.IsNone)
        {
            kept = stacks.Find(request.Component.Name, request.Stack)
                ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"{request.Component.Name}: the settings that it was deployed with are not kept here any more", place.StateFolder, "deploy the earlier commit instead"));
            request = request with { Component = kept.Over(request.Component) };
        }

        var run = request.Component.Run
            ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"{request.Component.Name} has nothing to run", request.Component.At.ToString(), "give it `run:`"));
        var service = kept?.Service ?? project.Find(request.Component.Name) ?? throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"{request.Component.Name} is no service of {string.Join(", ", project.Files.Select(Path.GetFileName))}", request.Component.At.ToString(), "add the service"));
        var (services, _) = await ListAsync(cancel);
        CheckFence(services, request.Fence);
        var nodes = await NodesAsync(cancel);
        var (eyes, hands) = Begin();
        await using var rollout = new SwarmRollout(
            api, eyes, hands, service, kept?.Project ?? project, place, records, stacks, IngressWorks, request, run, (asking, image) => Reachable(asking, image, nodes), timeline, parentSegment, clock);
        return await rollout.RunAsync(gate, services.FirstOrDefault(s => s.Name == $"{place.Stack}_{request.Component.Name}"), cancel);
    }

    public override async Task<string?> WhyNotAgainAsync(string component, Digest stack, CancellationToken cancel)
    {
        if (stacks.Find(component, stack) is not { } kept)
        {
            return "they are not kept here any more, or were never: it was deployed from another checkout";
        }

        foreach (var (kind, wanted) in new[] { ("configs", kept.Project.Configs), ("secrets", kept.Project.Secrets) })
        {
            if (wanted.Count > 0 && (await api.ContentsAsync(kind, [], cancel)).Select(static c => c.Spec?.Name).ToHashSet() is var there && wanted.FirstOrDefault(c => !there.Contains(c.ActualName)) is { } gone)
            {
                return $"the swarm no longer has {gone.ActualName}, one of its {kind}";
            }
        }

        return null;
    }

    public override void KeepOnly(string component, IReadOnlySet<Digest> wanted) => stacks.Keep(component, wanted);

    public override async Task<Digest> PinAsync(Workspaces.Component component, CancellationToken cancel) =>
        await base.PinAsync(component, cancel) is { IsNone: false } written ? written
        : component.Run is { Image: not null } run ? await new DockerImages(engine, place.Workspace).DigestOfAsync(component, run, cancel) : Digest.None;

    public override async Task LeaveAsync(string component, long fence, CancellationToken cancel)
    {
        var (services, _) = await ListAsync(cancel);
        CheckFence(services, fence);
        foreach (var service in services.Where(s => s.Label(DockerLabels.Component) == component))
        {
            leaving.Add(component);
            await api.RemoveServiceAsync(service.ID, cancel);
        }
    }

    public override async Task<bool> StopAsync(string component, long fence, CancellationToken cancel)
    {
        if (!leaving.Contains(component))
        {
            await LeaveAsync(component, fence, cancel);
        }

        var ours = leaving.Remove(component);
        if (ours)
        {
            await GoneAsync(component, cancel);
        }

        records.Remove(component);
        (changed, listed) = (true, null);
        if (ours && leaving.Count == 0 && (await ListAsync(cancel)).Services.Count == 0)
        {
            await new StackCleaner(api, place, stacks, clock).RemoveRestAsync(cancel);
        }

        return ours;
    }

    /// <summary>Services of this stack that the files do not have any more are removed.</summary>
    public override async Task<IReadOnlyList<string>> PruneAsync(long fence, CancellationToken cancel)
    {
        var (services, _) = await ListAsync(cancel);
        var left = services.Select(s => s.Label(DockerLabels.Component)!).Where(c => project.Find(c) is null).Distinct(StringComparer.Ordinal).ToList();
        foreach (var component in left)
        {
            await StopAsync(component, fence, cancel);
        }

        return left;
    }

    public override async Task<ExecEnd> ExecAsync(ExecRequest request, Action<ExecLine> said, CancellationToken cancel)
    {
        var (services, tasks) = await ListAsync(cancel);
        var node = (await engine.InfoAsync(cancel)).Swarm?.NodeID;
        var running = services.Where(s => s.Label(DockerLabels.Component) == request.Component).SelectMany(s => tasks[s.ID])
            .Where(static t => t is { State: "running", DesiredState: "running", Container: not null }).OrderBy(static t => t.Slot).ThenBy(static t => t.NodeID, StringComparer.Ordinal).ToList();

        // An engine runs programs in its own containers only.
        var here = request.Instance is null && running.Exists(t => t.NodeID == node) ? running.FindAll(t => t.NodeID == node) : running;
        var one = request.Choose(here, place.Environment);
        if (node is not null && one.NodeID != node)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"this instance of {request.Component} runs on another node, {one.NodeID}", $"{engine.Endpoint}", "set DOCKER_HOST to the engine of that node, or name another --instance"));
        }

        request.RefuseInput($"docker exec -i {one.Container}");
        return new ExecEnd(await engine.RunAsync(one.Container!, request, said, cancel), $"{place.Stack}_{request.Component}.{one.Slot.ToString(CultureInfo.InvariantCulture)}");
    }

    public override async IAsyncEnumerable<string> LogsAsync(string component, int lines, bool follow, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (services, _) = await ListAsync(cancel);
        if (services.FirstOrDefault(s => s.Label(DockerLabels.Component) == component) is not { } service)
        {
            yield break;
        }

        var lines2 = engine.SwarmLogsAsync("services", service.ID, lines, follow, cancel).GetAsyncEnumerator(cancel);
        await using (lines2)
        {
            while (true)
            {
                try
                {
                    if (!await lines2.MoveNextAsync())
                    {
                        yield break;
                    }
                }
                catch (OperationCanceledException) when (follow)
                {
                    yield break;
                }

                yield return lines2.Current.Text;
            }
        }
    }

    /// <summary>Configs and secrets of earlier contents, which no service uses any more, are removed.</summary>
    public override async Task SettleAsync(CancellationToken cancel)
    {
        if (changed)
        {
            changed = false;
            try
            {
                await AgreedAsync(cancel);
                await new StackCleaner(api, place, stacks, clock).RemoveUnusedAsync(cancel);
            }
            catch (FaultException)
            {
                // They take no room; the next deploy removes them.
            }
        }
    }

    /// <summary>
    /// Until the swarm itself knows that the old tasks have ended, which the engine told before: whoever looks next must not take it for an update under way.
    /// </summary>
    private async Task AgreedAsync(CancellationToken cancel)
    {
        if (watch is not { } eyes)
        {
            return;
        }

        var began = clock.GetTimestamp();
        while (clock.GetElapsedTime(began) < AgreementBound)
        {
            var snapshot = eyes.Latest ?? await eyes.FreshAsync(cancel);
            if (!snapshot.Services.Any(s => eyes.DeadOf(s.Name) is { Count: > 0 } dead && snapshot.TasksOf(s).Any(t => !t.HasEnded && t.Container is { } container && dead.Contains(container))))
            {
                return;
            }

            await Task.Delay(Moment, clock, cancel);
            await eyes.FreshAsync(cancel);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref watch, null) is { } eyes)
        {
            await eyes.DisposeAsync();
        }

        applier?.Dispose();

        engine.Dispose();
        await base.DisposeAsync();
    }

    private (SwarmWatch Watch, StackApplier Applier) Begin()
    {
        lock (gate)
        {
            (changed, listed) = (true, null);
            watch ??= new SwarmWatch(api, Labels, clock);
            applier ??= new StackApplier(
                project, place.Stack, new Dictionary<string, string> { [DockerLabels.Workspace] = place.Workspace, [DockerLabels.Environment] = place.Environment },
                Path.Combine(place.StateFolder, "swarm", "apply"), engine.Endpoint.Text, IngressWorks, runner, clock,
                async service => (await api.ServiceAsync($"{place.Stack}_{service.Name}", CancellationToken.None))?.Label(DockerLabels.Transaction) == service.Labels[DockerLabels.Transaction]);
            return (watch, applier);
        }
    }

    /// <summary>Names of the variables that the compose files looked up: their values decide what the stack is.</summary>
    public IReadOnlyList<string> Variables => project.Variables;

    private async Task<int> NodesAsync(CancellationToken cancel)
    {
        if (nodes == 0)
        {
            nodes = (await engine.InfoAsync(cancel)).Swarm?.Nodes ?? 1;
        }

        return nodes;
    }

    /// <summary>
    /// An image's id is its content's digest and needs no registry, but only this engine has it: enough for a swarm of one node. Elsewhere it must have a name that every node can pull.
    /// </summary>
    private string Reachable(RolloutRequest request, ImageInspect image, int count)
    {
        var pulled = image.RepoDigests is [var digest, ..] ? digest : null;
        var named = request.Component.Run?.Image is { } written ? (DockerImages.IsPinned(written) && written.Contains('@', StringComparison.Ordinal) ? written : pulled) : registryImage?.Invoke(request.Artifact);
        return count <= 1 ? image.Id : named ?? throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"{request.Component.Name}: the swarm has {count} nodes, and its image is only in this engine", request.Component.At.ToString(),
            "set `artifacts: { store: oci://REGISTRY/REPOSITORY }` to a registry that every node reaches, and `lap publish` it; a fixed image is named `repo@sha256:...`"));
    }

    /// <summary>One listing of services, and one of their tasks.</summary>
    private async Task<(IReadOnlyList<SwarmService> Services, ILookup<string, SwarmTask> Tasks)> ListAsync(CancellationToken cancel)
    {
        try
        {
            var (ours, tasks) = await ListAsync(api, place.Workspace, place.Environment, cancel);
            if (ours.FirstOrDefault(s => s.Label(DockerLabels.Root) is { } root && root != place.Root && Directory.Exists(root)) is { } foreign)
            {
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, $"{place.Workspace}/{place.Environment} runs in this swarm from another folder: {foreign.Label(DockerLabels.Root)}", $"{engine.Endpoint}",
                    $"stop it there (lap down --env {place.Environment}), or give this workspace or its environment another name"));
            }

            listed = changed ? null : ours;
            return (ours, tasks);
        }
        catch (EngineException e) when (e.Error == EngineError.NoSwarm)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"the engine at {engine.Endpoint} is no manager of a swarm", engine.Endpoint.Source,
                "make it one (docker swarm init --advertise-addr 127.0.0.1), let DOCKER_HOST name a manager, or use `target: docker`"), e);
        }
    }

    private void CheckFence(IReadOnlyList<SwarmService> services, long fence)
    {
        var highest = services.Select(static s => long.TryParse(s.Label(DockerLabels.Fence), NumberStyles.None, CultureInfo.InvariantCulture, out var seen) ? seen : 0).DefaultIfEmpty().Max();
        if (fence < highest)
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"this command lost the lock of {place.Environment}: its fencing token is {fence}, {highest} was seen", place.Environment, "run it again"));
        }
    }

    /// <summary>Until the containers have gone too: the swarm forgets a removed service long before.</summary>
    private async Task GoneAsync(string component, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var bound = (project.Find(component)?.StopGrace ?? TimeSpan.FromSeconds(10)) + TimeSpan.FromSeconds(30);
        while (true)
        {
            var left = await engine.ListContainersAsync(all: true, [.. Labels, $"{DockerLabels.Component}={component}"], cancel);
            if (left.Length == 0)
            {
                return;
            }

            if (clock.GetElapsedTime(began) > bound)
            {
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, $"{component}: {left.Length} {(left.Length == 1 ? "container is" : "containers are")} still there {Duration.Text(bound)} after the service was removed", component,
                    "look with `docker ps`; one that ignores SIGTERM ends after its stop_grace_period"));
            }

            await StackCleaner.NextAsync(engine, [("type", "container"), ("event", "destroy"), .. Labels.Select(static l => ("label", l))], clock, cancel);
        }
    }
}
