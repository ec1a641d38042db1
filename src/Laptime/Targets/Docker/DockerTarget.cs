using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets.Local;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>Where a Docker environment belongs: what its containers are found by.</summary>
/// <param name="Workspace">Name of the workspace.</param>
/// <param name="Root">Its folder.</param>
/// <param name="Environment">Name of the environment.</param>
public sealed record DockerPlace(string Workspace, string Root, string Environment)
{
    /// <summary>Components that others reach by their names.</summary>
    public IReadOnlySet<string> Reachable { get; init; } = new HashSet<string>();

    /// <summary>The environment's compose files; null: it has none.</summary>
    public ComposeContainers? Compose { get; init; }

    /// <summary>The target is this one only because the engine manages no swarm.</summary>
    public bool IsForWantOfSwarm { get; init; }
}

/// <summary>
/// The docker target: components run as containers of one engine. Users reach them at the front port, which the workspace's agent owns; it leads to containers that are published on
/// loopback. The new container is started beside the old one, asked there, and only then led to. Everything about what runs is in the containers' labels and names.
/// </summary>
/// <param name="engine">Disposed with the target.</param>
/// <param name="launcher">The workspace's agent.</param>
/// <param name="place">What its containers are found by.</param>
/// <param name="signals">How to ask what serves a component at a revision and transaction for its signals; null: it is not asked.</param>
/// <param name="mayLaunch">False: no agent is started just to read.</param>
public sealed class DockerTarget(EngineClient engine, AgentLauncher launcher, DockerPlace place, TimeProvider clock, Func<string, string, string, SignalPlan?>? signals = null, bool mayLaunch = true) : Target
{
    private readonly DockerFronts fronts = new(launcher, place.Environment, mayLaunch);
    private readonly DateTimeOffset opened = clock.GetUtcNow();
    private readonly Lock settling = new();
    private readonly List<Task> unsettled = [];

    /// <summary>Names of the variables that the compose files looked up, if there are any: their values decide what runs.</summary>
    public IReadOnlyList<string> Variables => place.Compose?.Project.Variables ?? [];

    public override async Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel)
    {
        var containers = await ListAsync(null, cancel);
        var leads = containers.Any(c => c.Label(DockerLabels.Front) is not null) ? await fronts.ReadAsync(cancel) : null;
        return await StatesAsync(containers, leads, state => PlanOf(state), new RunningSignals(clock), clock.GetUtcNow(), engine, cancel);
    }

    /// <summary>
    /// Hands the question whether there is nothing to do over to the agent, which asks the engine on a warm connection; false when it cannot answer it.
    /// </summary>
    /// <param name="mayLaunch">Whether an agent is started for it.</param>
    /// <param name="variable">Reads an environment variable: what decides which engine it is.</param>
    public async Task<bool> OfferNoOpAsync(bool mayLaunch, Func<string, string?> variable, CancellationToken cancel)
    {
        var containers = await ListAsync(null, cancel);
        if (FactsOf(place.Compose?.Project, opened) is not { } files)
        {
            return false;
        }

        var plans = containers.Where(c => c.Standing == Standing.Current).DistinctBy(c => c.Label(DockerLabels.Component))
            .Select(c => signals?.Invoke(c.Label(DockerLabels.Component)!, c.Label(DockerLabels.Revision) ?? "", c.Label(DockerLabels.Transaction) ?? "")).ToList();
        if (plans.Contains(null) || (mayLaunch ? await launcher.ConnectAsync(cancel) : await launcher.TryConnectAsync(cancel)) is not { } client)
        {
            return false;
        }

        await using (client)
        {
            var variables = EngineEndpoint.Variables.Select(v => (v, variable(v))).Where(v => v.Item2 is not null).ToDictionary(v => v.v, v => v.Item2!, StringComparer.Ordinal);
            return (await client.AskAsync<AgentAnswer.Done>(
                new AgentRequest.LookAt(place.Environment, place.Workspace, variables, engine.Endpoint.Text, [.. plans.OfType<SignalPlan>()]) { Files = files, NoSwarm = place.IsForWantOfSwarm }, cancel)).Changed;
        }
    }

    private static IReadOnlyDictionary<string, string>? FactsOf(Workspaces.Compose.ComposeProject? project, DateTimeOffset read) =>
        project is null ? new Dictionary<string, string>() : FileFacts.Of(project, read);

    /// <summary>What the containers are, component by component, with the signals of what serves.</summary>
    internal static async Task<IReadOnlyList<Observed>> StatesAsync(
        IReadOnlyList<OurContainer> containers, IReadOnlyDictionary<string, LeadState>? leads, Func<Observed, SignalPlan?> plans, RunningSignals signals, DateTimeOffset now,
        EngineClient engine, CancellationToken cancel) =>
        await Task.WhenAll(containers.GroupBy(c => c.Label(DockerLabels.Component)!).Select(async group =>
        {
            var state = DockerObserver.StateOf(group.Key, [.. group], leads?.GetValueOrDefault(group.Key), leads is not null, now);
            return state switch
            {
                { Serving: true } when plans(state) is { } plan => await signals.ReadAsync(state, [.. group.Where(c => c.Standing == Standing.Current).Select(c => new AskedAt(c.Published))], plan, cancel),
                { Serving: false } when group.FirstOrDefault(c => c.Standing == Standing.Current && !c.Runs) is { } ended => state with { Tail = await engine.TailAsync(ended.Id, 5, cancel) },
                _ => state,
            };
        }));

    private SignalPlan? PlanOf(Observed state) => signals?.Invoke(state.Component, state.Revision ?? "", state.Transaction ?? "");

    public override async Task<RolloutResult> RolloutAsync(RolloutRequest request, Gate gate, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        var run = request.Component.Run
            ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"{request.Component.Name} has nothing to run", request.Component.At.ToString(), "give it `run:`"));
        CheckFence(await ListAsync(null, cancel), request.Fence);
        await using var rollout = new DockerRollout(engine, fronts, place, request, run, timeline, parentSegment, clock);
        var result = await rollout.RunAsync(gate, token => ListAsync(request.Component.Name, token), cancel);
        if (result.Fault is null)
        {
            Settle(rollout.RetireAsync());
        }

        return result;
    }

    public override async Task<Fingerprints.Digest> PinAsync(Component component, CancellationToken cancel) =>
        await base.PinAsync(component, cancel) is { IsNone: false } written ? written
        : component.Run is { Image: not null } run ? await new DockerImages(engine, place.Workspace).DigestOfAsync(component, run, cancel) : default;

    public override async Task<bool> StopAsync(string component, long fence, CancellationToken cancel)
    {
        var all = await ListAsync(null, cancel);
        CheckFence(all, fence);
        OurContainer[] ours = [.. all.Where(c => c.Label(DockerLabels.Component) == component)];
        var led = await fronts.EndAsync(component, cancel);
        await Task.WhenAll(ours.Select(c => StopOneAsync(engine, c, cancel)));
        if (place.Reachable.Count > 0)
        {
            await new DockerNetworks(engine, place).PruneAsync(cancel);
        }

        return ours.Length > 0 || led;
    }

    public override async Task<ExecEnd> ExecAsync(ExecRequest request, Action<ExecLine> said, CancellationToken cancel)
    {
        var containers = await ListAsync(request.Component, cancel);
        var one = request.Choose([.. containers.Where(c => c is { Standing: Standing.Current, Runs: true }).OrderBy(c => c.Instance)], place.Environment);
        request.RefuseInput($"docker exec -i {one.Summary.Name}");
        return new ExecEnd(await engine.RunAsync(one.Id, request, said, cancel), one.Summary.Name);
    }

    public override async IAsyncEnumerable<string> LogsAsync(string component, int lines, bool follow, [EnumeratorCancellation] CancellationToken cancel)
    {
        var since = clock.GetUtcNow();
        var containers = await ListAsync(component, cancel);
        OurContainer[] told = [.. containers.Where(c => c.Standing == Standing.Current).OrderBy(c => c.Instance)];
        if (!follow)
        {
            foreach (var container in told)
            {
                await foreach (var line in engine.ContainerLogsAsync(container.Id, lines, follow: false, null, cancel))
                {
                    yield return told.Length > 1 ? $"{container.Instance} | {line.Text}" : line.Text;
                }
            }

            yield break;
        }

        // Those that are there, and those that come: a rollout's new containers speak in the same stream.
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var channel = Channel.CreateBounded<string>(1000);
        var speaking = told.Select(c => SpeakAsync(c.Id, lines, null, channel.Writer, ending.Token)).ToList();
        var listening = ListenAsync(component, since, speaking, lines, channel.Writer, ending.Token);
        try
        {
            await foreach (var line in EndingQuietly(channel.Reader, cancel))
            {
                yield return line;
            }
        }
        finally
        {
            await ending.CancelAsync();
            await listening;
            await Task.WhenAll(speaking);
        }
    }

    /// <summary>Waits until the old containers of all rollouts have been drained and removed.</summary>
    public override Task SettleAsync(CancellationToken cancel)
    {
        lock (settling)
        {
            var all = Task.WhenAll(unsettled);
            unsettled.Clear();
            return all.WaitAsync(cancel);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await SettleAsync(CancellationToken.None);
        engine.Dispose();
        await base.DisposeAsync();
    }

    /// <summary>Ends it as it asked to be ended, then removes it. What has gone already is what is wanted.</summary>
    internal static async Task StopOneAsync(EngineClient engine, OurContainer container, CancellationToken cancel)
    {
        var grace = double.TryParse(container.Label(DockerLabels.StopGrace), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) ? seconds : 10;
        try
        {
            await engine.StopContainerAsync(container.Id, TimeSpan.FromSeconds(grace), cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.NotFound)
        {
            return;
        }

        await engine.RemoveContainerAsync(container.Id, force: true, cancel);
    }

    private void Settle(Task task)
    {
        lock (settling)
        {
            unsettled.Add(task);
        }
    }

    /// <summary>Our containers, of one component or of all.</summary>
    private async Task<IReadOnlyList<OurContainer>> ListAsync(string? component, CancellationToken cancel)
    {
        List<string> labels = [$"{DockerLabels.Workspace}={place.Workspace}", $"{DockerLabels.Environment}={place.Environment}"];
        if (component is not null)
        {
            labels.Add($"{DockerLabels.Component}={component}");
        }

        var all = await ListAsync(engine, labels, cancel);
        if (all.FirstOrDefault(c => c.Label(DockerLabels.Root) is { } root && root != place.Root && Directory.Exists(root)) is { } foreign)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{place.Workspace}/{place.Environment} runs in this engine from another folder: {foreign.Label(DockerLabels.Root)}", $"{engine.Endpoint}",
                $"stop it there (lap down --env {place.Environment}), or give this workspace or its environment another name"));
        }

        return all;
    }

    internal static async Task<IReadOnlyList<OurContainer>> ListAsync(EngineClient engine, IEnumerable<string> labels, CancellationToken cancel) =>
        [.. (await engine.ListContainersAsync(all: true, labels, cancel)).Where(c => c.Label(DockerLabels.Component) is not null).Select(DockerObserver.Read)];

    private void CheckFence(IReadOnlyList<OurContainer> containers, long fence)
    {
        var highest = containers.Select(c => long.TryParse(c.Label(DockerLabels.Fence), NumberStyles.None, CultureInfo.InvariantCulture, out var seen) ? seen : 0).DefaultIfEmpty().Max();
        if (fence < highest)
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"this command lost the lock of {place.Environment}: its fencing token is {fence}, {highest} was seen", place.Environment, "run it again"));
        }
    }

    /// <summary>Passes on what one container says until it ends.</summary>
    private async Task SpeakAsync(string container, int lines, DateTimeOffset? since, ChannelWriter<string> into, CancellationToken cancel)
    {
        try
        {
            await foreach (var line in engine.ContainerLogsAsync(container, lines, follow: true, since, cancel))
            {
                await into.WriteAsync(line.Text, cancel);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (EngineException e) when (e.Error is EngineError.NotFound or EngineError.Conflict or EngineError.Unreachable)
        {
            // It has gone.
        }
        catch (EngineException e)
        {
            into.TryComplete(e);
        }
    }

    private async Task ListenAsync(string component, DateTimeOffset since, List<Task> speaking, int lines, ChannelWriter<string> into, CancellationToken cancel)
    {
        try
        {
            await foreach (var started in engine.EventsAsync(
                [("type", "container"), ("event", "start"), .. PlaceLabels().Select(l => ("label", l)), ("label", $"{DockerLabels.Component}={component}")], since, cancel))
            {
                speaking.Add(SpeakAsync(started.Id, Math.Max(lines, 1000), null, into, cancel));
            }

            into.TryComplete();
        }
        catch (OperationCanceledException)
        {
        }
        catch (EngineException e)
        {
            into.TryComplete(e);
        }
    }

    private string[] PlaceLabels() => [$"{DockerLabels.Workspace}={place.Workspace}", $"{DockerLabels.Environment}={place.Environment}"];

    private static async IAsyncEnumerable<string> EndingQuietly(ChannelReader<string> lines, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            string line;
            try
            {
                line = await lines.ReadAsync(cancel);
            }
            catch (Exception e) when (e is OperationCanceledException or ChannelClosedException { InnerException: null })
            {
                yield break;
            }
            catch (ChannelClosedException e) when (e.InnerException is FaultException told)
            {
                throw told;
            }

            yield return line;
        }
    }
}
