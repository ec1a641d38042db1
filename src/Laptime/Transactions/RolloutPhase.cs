using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>
/// Brings the target to what was built: under the lock, after observing again, in the order of `needs`. Holds <see cref="DeployOneAsync"/>, the only function
/// in Laptime that deploys.
/// </summary>
internal sealed class RolloutPhase(TransactionRun run, ArtifactStore store, Target target, Prober prober)
{
    private static readonly TimeSpan RecoveryBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RecoveryPoll = TimeSpan.FromMilliseconds(200);

    private readonly StateStore state = new(run.Scope.EnvironmentFolder);
    private readonly EarlierBuilds builds = new(run, store, new Dictionary<string, LookupAnswer>());
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> segments = new(StringComparer.Ordinal);

    /// <summary>Applied before a component that has them is rolled out; null: none are (a rollback goes to what is there).</summary>
    public Migrations? Migrations { get; init; }

    /// <summary>Asked under the lock, before anything is touched; null: nobody has to agree.</summary>
    public Func<EnvironmentLock, CancellationToken, Task>? Agreed { get; init; }

    /// <summary>What the plan under the lock left as it is, as it was observed there; null: there was nothing to roll out.</summary>
    public IReadOnlyList<Observed>? Left { get; private set; }

    /// <summary>Rolls the plan out.</summary>
    /// <returns>How many components were rolled out.</returns>
    public async Task<int> RunAsync(Plan built, PlanningFacts facts, bool recreate, ProcessRunner runner, CancellationToken cancel)
    {
        using var held = await LockAsync(cancel);
        await (Agreed?.Invoke(held, cancel) ?? Task.CompletedTask);
        if (built.Bootstrap is { } bootstrap)
        {
            // Everything is built: only now is the environment touched.
            await new Bootstrap(run.Scope).RunAsync(run, bootstrap, runner, held.Fence, cancel);
        }

        var observed = await ObserveAsync(cancel);
        if (recreate)
        {
            using var segment = run.Timeline.Begin("bootstrap", kind: "recreate");
            foreach (var running in observed.Where(o => IsSelected(o.Component)))
            {
                await target.LeaveAsync(running.Component, held.Fence, cancel);
            }

            foreach (var running in observed.Where(o => IsSelected(o.Component)))
            {
                await target.StopAsync(running.Component, held.Fence, cancel);
            }

            observed = [.. observed.Where(o => !IsSelected(o.Component))];
            segment.End();
        }

        observed = await RecoveredAsync(observed, cancel);
        List<PlannedComponent> plans;
        using (var again = run.Timeline.Begin("plan", kind: "again"))
        {
            plans = PlanAgain(built, facts, observed);
            again.End();
        }

        foreach (var there in plans.Where(p => p.Action == ActionKind.Skip && !p.Artifact.IsNone && built.Components.Any(b => b.Name == p.Name && b.Builds)))
        {
            await builds.DeliveredAsync(there, cancel);
        }

        var rollouts = plans.Where(p => p.RollsOut).ToDictionary(p => p.Name, StringComparer.Ordinal);
        RequireNeeds(rollouts, observed);
        Left = [.. observed.Where(o => !rollouts.ContainsKey(o.Component))];
        var needed = rollouts.Keys.SelectMany(name => run.Scope.Workspace.Find(name)!.Needs).ToHashSet(StringComparer.Ordinal);
        await new StillReady(run, prober).RequireAsync(Left.Where(o => needed.Contains(o.Component)), "what is needed does not serve: ", cancel);
        await RolloutAllAsync(rollouts, facts, held, cancel);
        return rollouts.Count + await PruneAsync(held, cancel);
    }

    /// <summary>A deploy of everything leaves nothing running that the files do not have any more, where the target can tell.</summary>
    /// <returns>How many components were removed.</returns>
    private async Task<int> PruneAsync(EnvironmentLock held, CancellationToken cancel)
    {
        if (!target.Prunes || run.Options.Selected is not null)
        {
            return 0;
        }

        using var segment = run.Timeline.Begin("rollout", kind: "prune");
        var removed = await target.PruneAsync(held.Fence, cancel);
        foreach (var name in removed)
        {
            state.Removed(name);
            target.KeepOnly(name, new HashSet<Digest>());
            run.Log.Warn($"{name} was removed: the files do not have it any more");
        }

        segment.End();
        return removed.Count;
    }

    /// <summary>Which of these the target can bring back as they were.</summary>
    public Task<DeployedAgain> AskAgainAsync(IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> records, CancellationToken cancel) => DeployedAgain.AskAsync(target, records, cancel);

    /// <summary>Rolls given artifacts out: no plan decides, the records (or a promoted transaction) do.</summary>
    public async Task RolloutGivenAsync(IReadOnlyDictionary<string, PlannedComponent> rollouts, PlanningFacts facts, CancellationToken cancel)
    {
        using var held = await LockAsync(cancel);
        await (Agreed?.Invoke(held, cancel) ?? Task.CompletedTask);
        await RolloutAllAsync(rollouts, facts, held, cancel);
    }

    /// <summary>Stops components and sees that they are gone.</summary>
    public async Task StopAsync(IReadOnlySet<string>? selected, CancellationToken cancel)
    {
        using var held = await LockAsync(cancel);
        var observed = await ObserveAsync(cancel);
        var order = Order.ByNeeds(run.Scope.Workspace).Select(c => c.Name).Reverse().ToList();
        var stopping = observed.Select(o => o.Component).Where(c => selected?.Contains(c) ?? true).OrderBy(c => order.IndexOf(c)).ToList();
        foreach (var name in selected?.Except(stopping, StringComparer.Ordinal) ?? [])
        {
            run.Log.Warn($"{name} does not run");
        }

        foreach (var component in stopping)
        {
            await target.LeaveAsync(component, held.Fence, cancel);
        }

        foreach (var component in stopping)
        {
            using var segment = run.Timeline.Begin("rollout", component, "stop");
            await target.StopAsync(component, held.Fence, cancel);
            state.Removed(component);
            target.KeepOnly(component, new HashSet<Digest>());
            run.Tell(new ComponentReport
            {
                Name = component, Action = "stop", Cause = Cause.Forced.Text(), Revision = observed.First(o => o.Component == component).Revision,
            });
            segment.End();
        }
    }

    /// <summary>Components that do not run are verified by their artifact being in the store.</summary>
    public async Task RememberBuiltAsync(Plan plan, PlanningFacts facts, CancellationToken cancel)
    {
        foreach (var planned in plan.Components)
        {
            var component = run.Scope.Workspace.Find(planned.Name)!;
            if (component.Run is null && !planned.Artifact.IsNone && facts.Records.GetValueOrDefault(planned.Name)?.Fingerprint != planned.Fingerprint.Value
                && await store.HasAsync(planned.Artifact, cancel))
            {
                Verified(component, planned, facts, null, started: false);
            }
        }
    }

    private bool IsSelected(string component) => run.Options.Selected?.Contains(component) ?? true;

    private async Task<EnvironmentLock> LockAsync(CancellationToken cancel)
    {
        using var wait = run.Timeline.Begin("wait", kind: "lock");
        run.Scope.Folder.Create(run.Scope.EnvironmentFolder);
        var held = await EnvironmentLock.AcquireAsync(
            run.Scope.EnvironmentFolder, run.Scope.Environment.Name, run.Id, null, run.Options.LockTimeout,
            holder => run.Log.Warn($"waiting for {holder.Transaction} ({holder.Owner.User}@{holder.Owner.Host}, pid {holder.Owner.Pid})"), run.Clock, cancel);
        if (held.TakenFrom is { } dead)
        {
            run.Log.Warn($"{dead.Transaction} (pid {dead.Owner.Pid}) died holding {run.Scope.Environment.Name}; its lock was taken over");
        }

        wait.End();
        return held;
    }

    private async Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel)
    {
        using var again = run.Timeline.Begin("lookup", kind: "target");
        var observed = await target.ObserveAsync(cancel);
        again.End();
        return observed;
    }

    /// <summary>What the target is bringing back by itself is waited for, within the bound of being ready: deploying it on top would replace what only has to start.</summary>
    private async Task<IReadOnlyList<Observed>> RecoveredAsync(IReadOnlyList<Observed> observed, CancellationToken cancel)
    {
        var coming = Coming(observed);
        if (coming.Count == 0)
        {
            return observed;
        }

        using var wait = run.Timeline.Begin("wait", coming.Count == 1 ? coming[0].Component : null, "recovery");
        var bound = coming.Max(o => run.Scope.Workspace.Find(o.Component)!.Probes.Ready?.Timeout ?? RecoveryBound);
        bound = run.Options.Bounds.Over(run.Scope.Environment.Timeouts).Ready ?? bound;
        var began = run.Clock.GetTimestamp();
        while (Coming(observed).Count > 0 && run.Clock.GetElapsedTime(began) < bound)
        {
            await Task.Delay(RecoveryPoll, run.Clock, cancel);
            observed = await target.ObserveAsync(cancel);
        }

        wait.End(Coming(observed).Count == 0 ? "ok" : "timeout");
        return observed;

        List<Observed> Coming(IReadOnlyList<Observed> seen) => [.. seen.Where(o => o.Recovering && IsSelected(o.Component) && run.Scope.Workspace.Find(o.Component)?.Run is not null)];
    }

    /// <summary>The plan as the target stands under the lock: what came out with the digest that is already there is not rolled out.</summary>
    private List<PlannedComponent> PlanAgain(Plan built, PlanningFacts before, IReadOnlyList<Observed> observed)
    {
        var readAt = run.Clock.GetUtcNow();
        var facts = before with
        {
            Observed = Detector.RunningOf(observed),
            Unreadable = null,
            Artifacts = built.Components.Where(c => !c.Artifact.IsNone).ToDictionary(c => c.Name, c => c.Artifact, StringComparer.Ordinal),
            Prebuilt = built.Components.Where(c => c is { Prebuilt: true, Builds: false }).Select(c => c.Name).ToHashSet(StringComparer.Ordinal),
            Fingerprints = built.Components.ToDictionary(c => c.Name, c => c.Fingerprint, StringComparer.Ordinal),
            Force = false,
        };
        var plans = new List<PlannedComponent>();
        foreach (var planned in built.Components)
        {
            var component = run.Scope.Workspace.Find(planned.Name)!;
            if (component.Run is null || (run.Options.Force && planned.Builds))
            {
                plans.Add(planned);
                continue;
            }

            var now = Planner.PlanOne(component, facts, new Dictionary<string, PlannedComponent>());
            if (planned.Builds && now.Action == ActionKind.Skip)
            {
                now = now with { Cause = Cause.DigestAlreadyDeployed, Detail = planned.Detail };
            }
            else if (planned.Builds)
            {
                now = now with { Action = ActionKind.BuildAndRollout, Cause = planned.Cause, Detail = planned.Detail };
            }
            else if (built.Bootstrap is { } bootstrap && now.RollsOut && now.Cause == Cause.TargetDrifted)
            {
                // It stood before, or nobody could look: the bootstrap took it down.
                now = now with { Action = ActionKind.Bootstrap, Cause = Cause.InfraChanged, Detail = bootstrap.Detail };
            }

            if (now.Action == ActionKind.Skip && planned.Builds)
            {
                // Seen just now: the artifact of these inputs is what serves. The next plan then calls them unchanged.
                Verified(component, now, facts, facts.Observed[component.Name].Revision ?? ComponentReports.Revision(component.Name, now.Artifact), started: false);
            }

            plans.Add(now);
        }

        plans = [.. Reconciliation.Apply(run.Scope.Workspace, facts, plans)];
        foreach (var (planned, now) in built.Components.Zip(plans))
        {
            if (ReferenceEquals(planned, now) || run.Scope.Workspace.Find(planned.Name)!.Run is null || (run.Options.Force && planned.Builds))
            {
                continue;
            }

            Recount(planned.Action, now.Action);
            var reading = observed.FirstOrDefault(o => o.Component == planned.Name);
            run.Tell(run[planned.Name] with
            {
                // A component that was built says so, also when its artifact turned out to be the one that runs.
                Action = planned.Builds && now.Action == ActionKind.Skip ? ActionKind.Build.Text() : now.Action.Text(),
                Cause = now.Cause.Text(),
                Detail = now.Detail,
                DeploymentKey = now.DeploymentKey.ToString(),
                Reading = ComponentReports.Reading(reading, readAt),
                Signals = now.Action == ActionKind.Skip && reading is not null ? ComponentReports.Observation(reading) : new SignalsReport(),
                Endpoint = reading?.Endpoint,
            });
        }

        TellOfThoseLeft(plans, facts);
        return plans;
    }

    /// <summary>Only what was named is acted on: what would have been restarted for it is told.</summary>
    private void TellOfThoseLeft(IReadOnlyList<PlannedComponent> plans, PlanningFacts facts)
    {
        if (run.Options.Selected is not { } selected)
        {
            return;
        }

        var moved = plans.Where(p => p.RollsOut).Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var component in run.Scope.Workspace.Components.Where(c => !selected.Contains(c.Name) && facts.Observed.ContainsKey(c.Name) && c.Reconciles.Any(moved.Contains)))
        {
            run.Log.Warn($"{component.Name} goes on with what it loaded of {string.Join(", ", component.Reconciles.Where(moved.Contains))} when it was started: `lap deploy` restarts it when that is another now");
        }
    }

    private void Recount(ActionKind planned, ActionKind now)
    {
        var change = (planned == ActionKind.Skip ? -1 : 0) + (now == ActionKind.Skip ? 1 : 0);
        run.Count(c => c with { Skipped = c.Skipped + change });
    }

    private async Task RolloutAllAsync(IReadOnlyDictionary<string, PlannedComponent> rollouts, PlanningFacts facts, EnvironmentLock held, CancellationToken cancel)
    {
        var nodes = new List<BuildNode>();
        string? restarted = null;
        foreach (var component in Order.ByRollout(run.Scope.Workspace).Where(c => rollouts.ContainsKey(c.Name)))
        {
            var reconciles = rollouts[component.Name].Action == ActionKind.Reconcile;
            var after = component.Needs.Union(component.Reconciles, StringComparer.Ordinal).Where(rollouts.ContainsKey);

            // What only has to be restarted is so one after the other: when one does not come back, the others are left as they run.
            nodes.Add(new BuildNode(component.Name, [.. reconciles && restarted is not null ? after.Append(restarted).Distinct() : after]));
            restarted = reconciles ? component.Name : restarted;
        }

        run.Check(await BuildGraph.RunAsync(nodes, async (node, cancelOne) =>
        {
            int[] after;
            lock (gate)
            {
                after = [.. node.After.Where(segments.ContainsKey).Select(n => segments[n])];
            }

            if (Migrations is { } migrations && run.Scope.Workspace.Find(node.Name) is { Migrate: not null } migrated && rollouts[node.Name].Action != ActionKind.Reconcile)
            {
                after = [await migrations.ApplyAsync(migrated, held, after, state, gate, cancelOne)];
            }

            using var segment = run.Timeline.Begin(rollouts[node.Name].Action == ActionKind.Reconcile ? "reconcile" : "rollout", node.Name, after: after);
            lock (gate)
            {
                segments[node.Name] = segment.Id;
            }

            try
            {
                await DeployOneAsync(run.Scope.Workspace.Find(node.Name)!, rollouts[node.Name], facts, held, segment.Id, cancelOne);
                segment.End();
            }
            catch (FaultException)
            {
                segment.End("failed");
                throw;
            }
        }, Math.Max(run.Options.Parallel, target.AtOnce ?? 0), cancel), "rolled out");
    }

    /// <summary>THE choke point: nothing else in Laptime deploys, nothing else counts deploys.</summary>
    private async Task DeployOneAsync(Component component, PlannedComponent planned, PlanningFacts facts, EnvironmentLock held, int parent, CancellationToken cancel)
    {
        if (!held.IsStillHeld())
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"the lock of {run.Scope.Environment.Name} was released or taken over meanwhile", component.Name, "see `lap lock status`, then deploy again"));
        }

        // Every new start of a component is a deploy; a restart for what others changed is no rollout.
        var reconciles = planned.Action == ActionKind.Reconcile;
        run.Count(c => c with { Rollouts = c.Rollouts + (reconciles ? 0 : 1), Reconciled = c.Reconciled + (reconciles ? 1 : 0), Deploys = c.Deploys + 1 });
        var revision = await RevisionAsync(component, planned, parent, cancel);
        var bounds = run.Options.Bounds.Over(run.Scope.Environment.Timeouts);
        component = bounds.Bind(component);
        using var bounded = new RolloutBound(run, component.Name, reconciles, bounds, cancel);
        var asking = new Gate(prober, component.Probes, !run.Options.NoSmoke);
        var result = await bounded.RunAsync(token => target.RolloutAsync(
            new RolloutRequest
            {
                Component = component,
                Environment = run.Scope.Environment.Name,
                Revision = revision,
                Artifact = planned.Artifact,
                Fingerprint = planned.Fingerprint.Value,
                DeploymentKey = planned.DeploymentKey,
                Transaction = run.Id,
                Loads = planned.Loads,
                ReconciledFor = planned.ReconciledFor,
                Stack = planned.Again?.Stack ?? Digest.None,
                Fence = held.Fence,
                Unpack = (folder, unpacking) => store.UnpackAsync(planned.Artifact, folder, unpacking),
                Store = store,
                Names = run.Scope.Names.For(component, revision, run.Id),
                Secrets = run.Scope.Names.Secrets,
            },
            asking, run.Timeline, parent, token));

        run.Tell(run[component.Name] with
        {
            Revision = revision,
            Signals = SignalReports.Of(result.Signals),
            FirstAnswerAt = asking.FirstAnswer,
            EngineDelays = result.Delays.Count == 0 ? null : [.. result.Delays.Select(d => new EngineDelayReport(d.Kind, d.Owner, d.Seconds, d.Waited, d.What, d.Setting, d.Mend))],
            StillServing = result.Fault is null ? null : result.StillServing,
            Endpoint = !result.Reached ? null : result.Endpoint is { } endpoint ? endpoint : component.Run?.Port is { } port ? $"http://127.0.0.1:{port}" : null,
        });
        foreach (var note in result.Notes)
        {
            run.Log.Warn($"{component.Name}: {note}");
        }

        if (result.Fault is { } fault)
        {
            throw new FaultException(fault);
        }

        if (!held.IsStillHeld())
        {
            run.Log.Warn($"{component.Name}: the lock of {run.Scope.Environment.Name} was released or taken over while it was rolled out: it serves, but is not recorded as verified");
            return;
        }

        Verified(component, planned, facts, revision, started: true, result.Stack);
        await builds.DeliveredAsync(planned, cancel);
    }

    /// <summary>A revision is called after the artifact that runs: where a fixed image does, after that.</summary>
    private async Task<string> RevisionAsync(Component component, PlannedComponent planned, int parent, CancellationToken cancel)
    {
        if (planned.Again?.Revision is { } again)
        {
            return again;
        }

        if (component.Run?.Image is null)
        {
            return ComponentReports.Revision(component.Name, planned.Artifact);
        }

        using var segment = run.Timeline.Begin("rollout/image", component.Name, "pin", parent: parent);
        var image = await target.PinAsync(component, cancel);
        segment.End();
        return ComponentReports.Revision(component.Name, image.IsNone ? planned.Artifact : image);
    }

    /// <param name="started">Its instances were started now; otherwise they are those that the record before knows.</param>
    private void Verified(Component component, PlannedComponent planned, PlanningFacts facts, string? revision, bool started, Digest stack = default)
    {
        var before = facts.Records.GetValueOrDefault(component.Name);
        lock (gate)
        {
            run.Scope.Folder.Create(run.Scope.EnvironmentFolder);
            if (planned.Fingerprint.Parts.Count > 0)
            {
                FingerprintRecord.Save(run.Scope.FingerprintFile(component.Name, planned.Fingerprint.Value), planned.Fingerprint);
            }

            state.Verified(new DeployedRecord
            {
                Component = component.Name,
                Fingerprint = planned.Fingerprint.Value,
                Artifact = planned.Artifact,
                DeploymentKey = planned.DeploymentKey,
                Revision = revision,
                Transaction = run.Id,
                At = run.Clock.GetUtcNow(),
                Profile = run.Scope.Profile?.Name,
                Tainted = run.IsTainted(component.Name),
                Attested = planned.Prebuilt || (state.Load().GetValueOrDefault(component.Name)?.Any(r => r.Attested && r.Artifact == planned.Artifact) ?? false),
                StartedBy = started ? run.Id : before?.StartedBy,
                Loaded = started ? planned.Loads : before?.Loaded,
                RunSettings = planned.Again?.RunSettings ?? facts.RunSettings[component.Name],
                Stack = started ? stack : before?.Stack ?? default,
            });
            run.Scope.PruneFingerprints(component.Name, state.Load()[component.Name].Select(r => r.Fingerprint).Distinct().Take(StateStore.Kept));
            target.KeepOnly(component.Name, state.Load()[component.Name].Select(r => r.Stack).ToHashSet());
        }
    }

    private void RequireNeeds(Dictionary<string, PlannedComponent> rollouts, IReadOnlyList<Observed> observed)
    {
        foreach (var name in rollouts.Keys)
        {
            var component = run.Scope.Workspace.Find(name)!;
            foreach (var needed in component.Needs)
            {
                if (!rollouts.ContainsKey(needed) && run.Scope.Workspace.Find(needed)?.Run is not null && observed.FirstOrDefault(o => o.Component == needed) is not { Serving: true })
                {
                    throw new FaultException(new Fault(
                        Outcome.RolloutFailed, $"{name} needs {needed}, which is not serving and was not asked for", component.At.ToString(), $"lap deploy {needed} {name}"));
                }
            }
        }
    }
}
