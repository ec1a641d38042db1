using System.Text.Json.Nodes;
using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Targets.Kubernetes;

/// <summary>
/// Components as workloads of a Kubernetes cluster, through kubectl: objects are applied server-side, with the component's image pinned by digest, and are
/// converged when the cluster says so of this generation and no other pod is left. Old pods serve until then, as the workload's strategy says.
/// </summary>
/// <param name="root">Absolute path of the workspace.</param>
/// <param name="components">Names of all components.</param>
/// <param name="imageOf">The image reference of an artifact, pinned to its digest; null when the cluster could not pull it.</param>
/// <param name="registry">The registry that the cluster pulls from: what it lacks is pushed before the rollout. Null: images are there already.</param>
/// <param name="recordFolder">Where the objects of successful rollouts are kept, to roll back to.</param>
public sealed class KubernetesTarget(
    string root, string workspace, string environment, KubernetesSettings settings, IReadOnlyCollection<string> components, Func<Digest, string?> imageOf, Func<ArtifactStore>? registry, string recordFolder,
    IReadOnlyList<string> secrets, ProcessRunner runner, TimeProvider clock) : Target
{
    private static readonly TimeSpan UndoBound = TimeSpan.FromMinutes(1);

    private readonly Kubectl kubectl = new(root, settings, secrets, runner);
    private readonly SemaphoreSlim reading = new(1);
    private IReadOnlyList<JsonObject>? objects;

    public override async Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel)
    {
        await kubectl.RequireAsync(cancel);
        return [.. StatesOf(await kubectl.ListAsync(Labels.Selector(workspace, environment), cancel)).Select(s => s.ToObserved())];
    }

    public override async Task<RolloutResult> RolloutAsync(RolloutRequest request, Gate gate, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        var component = request.Component;
        var image = imageOf(request.Artifact);
        if (component.Build.Image is null || image is null)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, component.Build.Image is null ? $"{component.Name} is no container image" : $"the cluster cannot pull the image of {component.Name}: it is only in a folder of this machine",
                component.At.ToString(), component.Build.Image is null ? "give it `build: { image: ... }`" : "use a registry that the cluster reaches: `artifacts: { store: oci://host/repository }`"));
        }

        await kubectl.RequireAsync(cancel);
        var before = await StateAsync(component.Name, cancel);
        var plan = await PlanAsync(request, image, before?.OnPods(Labels.Restarted), timeline, parentSegment, cancel);
        if (plan.Endpoint is null && (component.Probes.Smoke.Count > 0 || component.Probes.Reflect is not null))
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name} declares smoke or reflect probes, and nothing says where lap reaches it", component.At.ToString(),
                $"annotate its workload or Service with `{Labels.Endpoint}: http://HOST:PORT`, or leave these probes out: the cluster's own evidence is used then"));
        }

        if (before is not null && before.Fence > request.Fence)
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"{component.Name} was changed by a later transaction (fence {before.Fence}; this one has {request.Fence})", component.Name, "see `lap lock status`, then deploy again"));
        }

        await PushAsync(request, timeline, parentSegment, cancel);
        SignalSet signals;
        try
        {
            using (var apply = timeline.Begin("rollout/apply", component.Name, parent: parentSegment))
            {
                await kubectl.ApplyAsync(plan.Objects, cancel);
                apply.End();
            }

            signals = await ProveAsync(request, plan, gate, timeline, parentSegment, cancel);
        }
        catch (FaultException e)
        {
            return new RolloutResult(SignalSet.NotRun, e.Fault, await UndoAsync(before, plan, timeline, component.Name, parentSegment));
        }
        catch
        {
            await UndoAsync(before, plan, timeline, component.Name, parentSegment);
            throw;
        }

        if (signals.Fault is { } fault)
        {
            return new RolloutResult(signals, fault, await UndoAsync(before, plan, timeline, component.Name, parentSegment));
        }

        LastGood.Save(recordFolder, component.Name, plan);
        return new RolloutResult(signals, null, null) { Endpoint = plan.Endpoint };
    }

    public override async Task<bool> StopAsync(string component, long fence, CancellationToken cancel)
    {
        if (await StateAsync(component, cancel) is not { } running)
        {
            return false;
        }

        if (running.Fence > fence)
        {
            throw new FaultException(new Fault(Outcome.Locked, $"{component} was changed by a later transaction (fence {running.Fence}; this one has {fence})", component, "see `lap lock status`"));
        }

        await kubectl.DeleteAsync(Labels.Selector(workspace, environment, component), cancel);
        return true;
    }

    public override async IAsyncEnumerable<string> LogsAsync(
        string component, int lines, bool follow, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        // kubectl follows the pods that there are; when they end, those that have come instead are followed.
        do
        {
            await foreach (var line in kubectl.LogsAsync(Labels.Selector(workspace, environment, component), lines, follow, cancel))
            {
                yield return line;
            }

            lines = -1;
        }
        while (follow && !cancel.IsCancellationRequested && await StateAsync(component, cancel) is { Pods.Count: > 0 });
    }

    public override async Task<ExecEnd> ExecAsync(ExecRequest request, Action<ExecLine> said, CancellationToken cancel)
    {
        await kubectl.RequireAsync(cancel);
        var state = await StateAsync(request.Component, cancel);
        var running = state?.Pods.Where(p => (string?)p["status"]?["phase"] == "Running" && p["metadata"]?["deletionTimestamp"] is null)
            .OrderBy(p => (string?)p["metadata"]?["name"], StringComparer.Ordinal).ToList() ?? [];
        var pod = (string)request.Choose(running, environment)["metadata"]!["name"]!;
        var container = state!.About(Labels.Containers)?.Split(',')[0] ?? (string)ObjectPlan.ContainersOf(state.Workload).First()["name"]!;
        return new ExecEnd(await kubectl.ExecAsync(pod, container, request, said, cancel), pod);
    }

    /// <summary>The tag only keeps it from the registry's garbage collection: what is deployed is the digest.</summary>
    private async Task PushAsync(RolloutRequest request, Timeline timeline, int? parent, CancellationToken cancel)
    {
        if (registry is null || request.Store is not { } store || registry() is not { } to || ReferenceEquals(store, to))
        {
            return;
        }

        using var segment = timeline.Begin("rollout/push", request.Component.Name, parent: parent);
        try
        {
            await ArtifactCopy.CopyAsync(store, to, request.Artifact, [$"deployed-{environment}-{request.Component.Name}"], cancel);
            segment.End();
        }
        catch (StoreException e)
        {
            segment.End("failed");
            throw new FaultException(e.Fault with { Outcome = Outcome.RolloutFailed, What = $"{request.Component.Name}: its image cannot be pushed: {e.Fault.What}" }, e);
        }
    }

    private async Task<ObjectPlan> PlanAsync(RolloutRequest request, string image, string? restarted, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/render", request.Component.Name, parent: parent);
        await reading.WaitAsync(cancel);
        try
        {
            objects ??= await kubectl.ReadAsync(Files(), $"{workspace}-{environment}", cancel);
        }
        finally
        {
            reading.Release();
        }

        var plan = ObjectPlan.Of(objects, request, workspace, image, components, restarted);
        segment.End();
        return plan;
    }

    /// <summary>The manifest files, in the order of their paths.</summary>
    private IReadOnlyList<string> Files()
    {
        if (settings.Manifests.Count == 0)
        {
            return [];
        }

        var patterns = InputPatterns.Compile("", settings.Manifests);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var start in patterns.Roots.Select(r => Path.Combine(root, r)))
        {
            IEnumerable<string> files = File.Exists(start) ? [start] : Directory.Exists(start) ? Directory.EnumerateFiles(start, "*", SearchOption.AllDirectories) : [];
            found.UnionWith(files.Select(f => Path.GetRelativePath(root, f).Replace('\\', '/')).Where(patterns.Matches));
        }

        return found.Count > 0 ? [.. found] : throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"no file matches manifests: {string.Join(", ", settings.Manifests)}", $"environment {environment}", "correct the pattern"));
    }

    private async Task<WorkloadState?> StateAsync(string component, CancellationToken cancel) =>
        StatesOf(await kubectl.ListAsync(Labels.Selector(workspace, environment, component), cancel)).FirstOrDefault();

    private static List<WorkloadState> StatesOf(IReadOnlyList<JsonObject> found)
    {
        var pods = found.Where(o => (string?)o["kind"] == "Pod").ToLookup(p => (string?)p["metadata"]?["labels"]?[Labels.Component]);
        return [.. found.Where(ObjectPlan.IsWorkload).Select(w => new WorkloadState(w, [.. pods[(string?)w["metadata"]?["labels"]?[Labels.Component]]]))];
    }

    private async Task<SignalSet> ProveAsync(RolloutRequest request, ObjectPlan plan, Gate gate, Timeline timeline, int? parent, CancellationToken cancel)
    {
        var component = request.Component;
        var bound = component.Probes.Ready?.Timeout
            ?? TimeSpan.FromSeconds(plan.Workload["spec"]?["progressDeadlineSeconds"] is { } seconds && int.TryParse(seconds.ToJsonString(), out var deadline) ? deadline : 600);
        var convergence = new Convergence(kubectl, Labels.Selector(workspace, environment, component.Name), plan.Kind, plan.Pod, component.Name, clock);
        var (signals, state) = await convergence.WaitAsync(bound, timeline, parent, cancel);
        if (signals.Fault is not null)
        {
            return signals;
        }

        var context = ContextOf(request, plan);
        if (plan.Endpoint is not null)
        {
            var asked = await gate.BeforeSwitchAsync(context, timeline, parent, cancel);
            // The cluster's word on readiness stands where the component has no probe of its own.
            signals = asked with { Ready = asked.Ready.Status == SignalStatus.NotDefined ? signals.Ready : asked.Ready };
            if (signals.Fault is not null)
            {
                return signals;
            }
        }

        var reflected = await gate.AfterSwitchAsync(
            context, request.Revision, _ => Task.FromResult(new ReflectedSignal(
                SignalStatus.Pass, request.Revision, state!.Ready, state.Wanted, Attempts: 1, LastSeen: $"{state.Ready} of {state.Wanted} pods are of {request.Revision}, and no other pod is left")),
            timeline, parent, cancel);
        return signals with { Reflected = reflected with { Instances = state!.Ready, Of = state.Wanted } };
    }

    private ProbeContext ContextOf(RolloutRequest request, ObjectPlan plan)
    {
        var uri = plan.Endpoint is null ? null : Uri.TryCreate(plan.Endpoint, UriKind.Absolute, out var read) && System.Net.IPAddress.TryParse(read.Host.Trim('[', ']'), out _) ? read
            : throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{Labels.Endpoint}: {plan.Endpoint} is no http://ADDRESS:PORT", request.Component.Name, "probes never resolve names: write a literal address"));
        return new ProbeContext
        {
            Component = request.Component.Name, Host = uri?.Host.Trim('[', ']') ?? "127.0.0.1", Port = uri?.Port, Directory = root, Secrets = [.. secrets.Union(request.Secrets)],
            Names = name => name == "port" ? $"{uri?.Port}" : request.Names(name),
            Life = async token => await StateAsync(request.Component.Name, token) is { } now
                ? now.Trouble(plan.Pod) is { Kind: PodTroubleKind.Crash } crash ? new Life.CrashLoop(1, crash.What, []) : new Life.Running()
                : new Life.Exited(null, null, []),
            Environment = new Dictionary<string, string?> { ["LAPTIME_REVISION"] = request.Revision, ["LAPTIME_COMPONENT"] = request.Component.Name, ["PORT"] = uri?.Port.ToString(System.Globalization.CultureInfo.InvariantCulture) },
        };
    }

    /// <summary>
    /// Back to the objects that were last seen converged here; without them (another checkout deployed those) to the cluster's previous revision. What was
    /// never there before is removed. Done also when the deploy was interrupted.
    /// </summary>
    /// <returns>The revision that serves; null: none.</returns>
    private async Task<string?> UndoAsync(WorkloadState? before, ObjectPlan plan, Timeline timeline, string component, int? parent)
    {
        using var segment = timeline.Begin("rollout/rollback", component, parent: parent);
        try
        {
            var selector = Labels.Selector(workspace, environment, component);
            if (before is null)
            {
                await kubectl.DeleteAsync(selector, CancellationToken.None);
                segment.End();
                return null;
            }

            var now = await StateAsync(component, CancellationToken.None);
            if (now is null || now.About(Labels.Transaction) == (string?)plan.Workload["metadata"]?["annotations"]?[Labels.Transaction])
            {
                if (LastGood.Load(recordFolder, component) is { } good && LastGood.KeyOf(good) == before.About(Labels.DeploymentKey))
                {
                    await kubectl.ApplyAsync(good, CancellationToken.None);
                }
                else
                {
                    await kubectl.UndoAsync(plan.Kind, plan.Name, CancellationToken.None);
                }
            }

            var pod = before.OnPods(Labels.Pod) ?? "";
            var convergence = new Convergence(kubectl, selector, plan.Kind, pod, component, clock);
            var serves = await convergence.ComesBackAsync(UndoBound, CancellationToken.None);
            segment.End(serves ? "ok" : "timeout");
            return serves ? before.About(Labels.Revision) : null;
        }
        catch (FaultException)
        {
            // What failed first is what has to be told; observing says what serves.
            segment.End("failed");
            return null;
        }
    }
}
