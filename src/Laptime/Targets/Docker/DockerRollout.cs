using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets.Local;
using Laptime.Timing;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Docker;

/// <summary>
/// One component on its way to a new revision: image, new containers beside the old, the gate, the switch, the proof, the confirmation. Whatever ends it earlier leaves the old
/// ones serving and nothing of the new.
/// </summary>
internal sealed class DockerRollout(
    EngineClient engine, DockerFronts fronts, DockerPlace place, RolloutRequest request, RunSettings run, Timeline timeline, int? parent, TimeProvider clock) : IAsyncDisposable
{
    private const int Attempts = 3;
    private const int TailLines = 20;
    private static readonly TimeSpan UndoBound = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan GoneSlack = TimeSpan.FromSeconds(60);

    private readonly ContainerNames names = new(place.Workspace, place.Environment, request.Component.Name);
    private readonly DockerImages images = new(engine, place.Workspace);
    private readonly DockerNetworks networks = new(engine, place);
    private readonly List<Made> made = [];
    private IReadOnlyList<OurContainer> before = [];
    private string imageId = "";
    private ComposeService? service;
    private bool stoppedFirst;
    private HealthConfig? health;
    private LeadState? led;
    private bool reserved;
    private bool switched;
    private bool over;

    private string Component => request.Component.Name;

    /// <param name="list">The component's containers as the engine has them now.</param>
    public async Task<RolloutResult> RunAsync(Gate gate, Func<CancellationToken, Task<IReadOnlyList<OurContainer>>> list, CancellationToken cancel)
    {
        before = await list(cancel);
        ContainerPlan plan;
        using (var segment = timeline.Begin("rollout/image", Component, parent: parent))
        {
            var image = await images.EnsureAsync(request, run, cancel);
            service = place.Compose?.Find(Component);
            plan = ContainerPlan.Of(request, run, image, place.Workspace, place.Root, service);
            imageId = image.Id;
            health = service is null ? image.Config?.Healthcheck : ComposeContainers.HealthOf(service, image.Config?.Healthcheck);
            if (service is not null)
            {
                plan = plan with { Mounts = await place.Compose!.MountsAsync(engine, service, plan.Labels, cancel) };
            }

            segment.End();
        }

        await PrepareAsync(cancel);
        await StopFirstAsync(cancel);
        var since = clock.GetUtcNow();
        await using var lives = new ContainerLives(engine, plan.Labels.Where(l => l.Key is DockerLabels.Workspace or DockerLabels.Environment or DockerLabels.Component or DockerLabels.Transaction).Select(l => $"{l.Key}={l.Value}"), since);
        await StartAllAsync(plan, cancel);
        var contexts = made.Select(m => ContextOf(plan, m, lives)).ToList();
        var asked = await Task.WhenAll(contexts.Select(c => gate.BeforeSwitchAsync(c, timeline, parent, cancel)));
        var signals = asked.FirstOrDefault(s => s.Fault is not null) ?? asked[0];
        if (signals.Fault is null)
        {
            using var segment = timeline.Begin("rollout/switch", Component, parent: parent);
            await Task.WhenAll(made.Select(m => networks.JoinAsync(Component, m.Id!, cancel)));
            if (run.Port is { } front)
            {
                switched = true;
                await fronts.LeadAsync(Component, front, request.Revision, [.. made.Select(m => new Backend(m.Name, m.Published!.Value))], run.Drain, cancel);
            }

            segment.End();
        }

        if (signals.Fault is null)
        {
            var users = contexts[0] with { Host = "127.0.0.1", Port = run.Port, Listener = null, Health = null };
            signals = signals with { Reflected = await gate.AfterSwitchAsync(users, request.Revision, token => EvidenceAsync(list, token), timeline, parent, cancel) };
            if (signals.Reflected is { Status: SignalStatus.Pass, Of: <= 1 } && made.Count > 1)
            {
                // The probe saw one of them; the engine knows of the others.
                var evidence = await EvidenceAsync(list, cancel);
                signals = signals with { Reflected = signals.Reflected with { Instances = evidence.Instances, Of = evidence.Of } };
            }
        }

        if (signals.Fault is { } fault)
        {
            fault = fault.Tail is { Count: > 0 } ? fault : fault with { Tail = await TailAsync(contexts[0], cancel) };
            await UndoAsync();
            return new RolloutResult(signals, fault, await ServingAsync(list));
        }

        await ConfirmAsync(cancel);
        return new RolloutResult(signals, null, null);
    }

    /// <summary>Lets requests under way finish on the old containers, then ends and removes them, and what earlier rollouts left. Part of nobody's interval.</summary>
    public async Task RetireAsync()
    {
        if (before.Count == 0)
        {
            return;
        }

        using var segment = timeline.Begin("drain", Component, parent: parent);
        try
        {
            if (run.Port is not null)
            {
                await fronts.DrainAsync(Component, CancellationToken.None);
            }

            await Task.WhenAll(before.Select(c => DockerTarget.StopOneAsync(engine, c, CancellationToken.None)));
            if (request.Component.Build.Image is not null)
            {
                await images.PruneAsync(Component, [imageId, .. before.Select(c => c.Summary.ImageID).OfType<string>()], CancellationToken.None);
            }

            segment.End();
        }
        catch (FaultException)
        {
            // The new revision was seen and stays; what is left of the old one is told by status and removed by the next rollout.
            segment.End("failed");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!over)
        {
            // Ctrl-C or a fault half way. What stopped us is what has to be told.
            await UndoAsync();
        }
    }

    /// <summary>Removes what interrupted rollouts left and nobody is led to, and takes the front port.</summary>
    private async Task PrepareAsync(CancellationToken cancel)
    {
        if (run.Port is { } front)
        {
            // The first rollout starts the agent: then this is a large part of it.
            using var reaching = timeline.Begin("rollout/agent", Component, parent: parent);
            reserved = await fronts.ReserveAsync(Component, front, cancel);
            led = reserved ? null : (await fronts.ReadAsync(cancel))?.GetValueOrDefault(Component);
            reaching.End();
        }

        OurContainer[] left = [.. before.Where(c => c.Standing != Standing.Current && led?.Backends.Any(b => b.Port == c.Published) != true)];
        await Task.WhenAll(left.Select(c => engine.RemoveContainerAsync(c.Id, force: true, cancel)));
        before = [.. before.Except(left)];
    }

    /// <summary>Two revisions that write the same data would destroy it: the old one ends first. Users wait; when the new one fails it is started again.</summary>
    private async Task StopFirstAsync(CancellationToken cancel)
    {
        OurContainer[] running = [.. before.Where(c => c is { Standing: Standing.Current, Runs: true })];
        if (service is null || !ComposeContainers.WritesData(service) || running.Length == 0)
        {
            return;
        }

        using var segment = timeline.Begin("rollout/stop", Component, parent: parent);
        stoppedFirst = true;
        await Task.WhenAll(running.Select(c => engine.StopContainerAsync(c.Id, run.StopGrace, cancel)));
        segment.End();
    }

    private async Task StartAllAsync(ContainerPlan plan, CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/start", Component, parent: parent);
        var reaches = await networks.OfNeedsAsync(place.Compose is { } compose ? [.. compose.Services.Where(s => s != Component)] : request.Component.Needs, cancel);
        made.AddRange(Enumerable.Range(1, Math.Max(1, run.Replicas)).Select(i => new Made(i)));
        await Task.WhenAll(made.Select(m => StartAsync(plan, m, reaches, cancel)));
        segment.End();
    }

    /// <summary>A port that somebody took between choosing and publishing is chosen anew.</summary>
    private async Task StartAsync(ContainerPlan plan, Made one, IReadOnlyList<string> reaches, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            one.Published = plan.Port is null ? null : FreePort();
            one.Name = names.New(one.Instance, request.Transaction, attempt);
            one.Id = await engine.CreateContainerAsync(one.Name, plan.ToCreate(one.Published), cancel);
            foreach (var network in reaches)
            {
                await engine.ConnectAsync(network, one.Id, [], cancel);
            }

            try
            {
                await engine.StartContainerAsync(one.Id, cancel);
                one.Address = plan.Port is null ? null : AddressOf(await engine.InspectContainerAsync(one.Id, cancel));
                return;
            }
            catch (EngineException e) when (attempt < Attempts && IsPortTaken(e))
            {
                await engine.RemoveContainerAsync(one.Id, force: true, cancel);
                one.Id = null;
            }
        }
    }

    private ProbeContext ContextOf(ContainerPlan plan, Made one, ContainerLives lives)
    {
        var id = one.Id!;
        var context = plan.ContextOf(request, Path.Combine(place.Root, request.Component.Path), one.Published, one.Address, token => lives.OfAsync(id, token));
        return context with { Health = ImageHealth.Of(engine, id, health) };
    }

    /// <summary>The engine's and the agent's own word: every container of the new revision runs, and the front leads to exactly these.</summary>
    private async Task<ReflectedSignal> EvidenceAsync(Func<CancellationToken, Task<IReadOnlyList<OurContainer>>> list, CancellationToken cancel)
    {
        var ids = made.Select(m => m.Id).ToHashSet();
        OurContainer[] ours = [.. (await list(cancel)).Where(c => ids.Contains(c.Id))];
        var alive = ours.Count(c => c.Runs);
        var leads = run.Port is null || DockerObserver.LeadsTo((await fronts.ReadAsync(cancel))?.GetValueOrDefault(Component), ours);
        var seen = !leads ? $"port {run.Port} does not lead to the new containers" : $"{alive} of {made.Count} containers run{(run.Port is null ? "" : ", and the front leads to them")}";
        return leads && alive == made.Count
            ? new ReflectedSignal(SignalStatus.Pass, request.Revision, alive, made.Count, Attempts: 1, LastSeen: seen)
            : new ReflectedSignal(SignalStatus.Fail, null, alive, made.Count, Attempts: 1, LastSeen: seen, Fault: new Fault(
                Outcome.NotReflected, $"{request.Revision} was switched to, but: {seen}", Component, $"lap logs {Component} --env {place.Environment} shows what it says; declare probes.reflect to ask the instance itself"));
    }

    /// <summary>The new revision was seen: the old containers get out of its names, and the engine keeps it running from now on.</summary>
    private async Task ConfirmAsync(CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/confirm", Component, parent: parent);
        await Task.WhenAll(made.Select(m => engine.KeepContainerAsync(m.Id!, "unless-stopped", cancel)));
        var gone = clock.GetUtcNow() + run.Drain + run.StopGrace + GoneSlack;
        await Task.WhenAll(before.Where(c => c.Standing == Standing.Current).Select(c => RenameAsync(c.Id, names.Old(c.Summary.Name, gone), cancel)));
        await Task.WhenAll(made.Select(m => RenameAsync(m.Id!, names.Current(m.Instance), cancel)));
        over = true;
        segment.End();
    }

    private async Task RenameAsync(string id, string name, CancellationToken cancel)
    {
        try
        {
            await engine.RenameContainerAsync(id, name, cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.NotFound && made.All(m => m.Id != id))
        {
            // An old one that somebody removed meanwhile.
        }
        catch (EngineException e) when (e.Error == EngineError.Conflict)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"a container that is not Laptime's has the name {name}", $"{engine.Endpoint}", $"rename or remove it (docker rm -f {name}), then deploy again"), e);
        }
    }

    /// <summary>Back to what served, and nothing left of the new. What cannot be undone now (the engine has gone) the next rollout removes.</summary>
    private async Task UndoAsync()
    {
        over = true;
        using var bound = new CancellationTokenSource(UndoBound, clock);
        try
        {
            if (switched && led is not null)
            {
                await fronts.LeadBackAsync(led, bound.Token);
            }
            else if (switched || reserved)
            {
                await fronts.EndAsync(Component, bound.Token);
            }
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
        }

        try
        {
            await Task.WhenAll(made.Where(m => m.Id is not null).Select(m => engine.RemoveContainerAsync(m.Id!, force: true, bound.Token)));
            if (stoppedFirst)
            {
                await Task.WhenAll(before.Where(c => c.Standing == Standing.Current).Select(c => engine.StartContainerAsync(c.Id, bound.Token)));
            }
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
        }
    }

    /// <summary>The revision that serves now; null when none does, or the engine cannot say.</summary>
    private async Task<string?> ServingAsync(Func<CancellationToken, Task<IReadOnlyList<OurContainer>>> list)
    {
        using var bound = new CancellationTokenSource(UndoBound, clock);
        try
        {
            return (await list(bound.Token)).FirstOrDefault(c => c is { Standing: Standing.Current, Runs: true })?.Label(DockerLabels.Revision);
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<string>> TailAsync(ProbeContext instance, CancellationToken cancel) =>
        [.. (await engine.TailAsync(made[0].Id!, TailLines, cancel)).Select(line => ProbeText.Redact(line, instance))];

    /// <summary>The container's own address, where this machine has a leg in its network; elsewhere it is reached only through its published port.</summary>
    private static string? AddressOf(ContainerInspect? container)
    {
        var local = new Lazy<HashSet<string>>(() =>
            [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(n => n.GetIPProperties().UnicastAddresses).Select(a => a.Address.ToString())]);
        return container?.NetworkSettings?.Networks?.Values
            .FirstOrDefault(n => n is { IPAddress.Length: > 0, Gateway.Length: > 0 } && local.Value.Contains(n.Gateway))?.IPAddress;
    }

    private static bool IsPortTaken(EngineException e) =>
        e.Message.Contains("port is already allocated", StringComparison.Ordinal) || e.Message.Contains("address already in use", StringComparison.Ordinal);

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>A container of the new revision, as far as it has been made.</summary>
    private sealed class Made(int instance)
    {
        public int Instance => instance;

        public string Name { get; set; } = "";

        public string? Id { get; set; }

        public int? Published { get; set; }

        public string? Address { get; set; }
    }
}
