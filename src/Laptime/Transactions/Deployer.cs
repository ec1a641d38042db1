using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>
/// One transaction from trigger to outcome: detect, plan, build, lock, observe again, roll out, prove. Every phase is measured on the one timeline, every
/// fact goes through the log. Nothing here throws for a failure of the world or a cancellation: the document says it.
/// </summary>
/// <param name="lookup">Finds prebuilt artifacts; null: there is nowhere to look.</param>
/// <param name="guard">The guardrails of a safe environment; null: it has none.</param>
public sealed class Deployer(
    DeployScope scope, Detector detector, ArtifactStore store, ArtifactLookup? lookup, Builder builder, Action<BuildLine>? onLine, Target target, Prober prober, TriggerFinder triggers,
    TransactionLog log, Guard? guard, TimeProvider clock)
{
    /// <summary>Reads what a ledger records; null: ledgers are not read.</summary>
    public LedgerLook? Ledgers { get; init; }

    /// <summary>Deploys what changed. The document is complete but for its end in the journal, which the caller writes.</summary>
    /// <exception cref="LapException">The user's mistake, found before anything was touched.</exception>
    public Task<TransactionDocument> DeployAsync(DeployOptions options, Timeline timeline, CancellationToken cancel)
    {
        Task<TriggerReport>? trigger = null;
        return EndAsync(options, timeline, async run =>
        {
            triggers.Begin(cancel);
            Detected detected;
            try
            {
                detected = await detector.DetectAsync(options, toAct: true, timeline, cancel);
            }
            catch
            {
                await triggers.EndAsync();
                throw;
            }

            if (detected.Facts.Widened is not null)
            {
                run.Widen();
            }

            var earlier = new EarlierBuilds(run, store, detected.Lookups);
            Plan plan;
            IReadOnlySet<string> undelivered;
            using (var planning = timeline.Begin("plan"))
            {
                plan = await PlanAsync(run, detected, cancel);
                undelivered = await earlier.FindAsync(plan, cancel);

                // Nobody waits for git: it answers while the build runs.
                trigger = triggers.FindAsync(
                    [.. plan.Components.Where(c => c.Action != ActionKind.Skip).SelectMany(c => ChangedFiles(c, detected, options.Waits.Known || undelivered.Contains(c.Name))).Distinct()],
                    options.Since, timeline.Started, cancel);
                planning.End();
            }

            if (options.Since is not null)
            {
                // What was asked for may be a mistake, which is told before anything is touched.
                await trigger;
            }

            if (scope.Environment.Loop == Loop.Safe)
            {
                SafeLoop.Require(plan, detected.Lookups);
            }

            var orphans = target.Prunes && run.Options.Selected is null && detected.Observed.Any(o => scope.Workspace.Find(o.Component)?.Run is null);
            if (!plan.HasChanges && !options.Recreate && !orphans)
            {
                await new StillReady(run, prober).RequireAsync(Asked(detected.Observed), "nothing changed, but ", cancel);
                return Outcome.Unchanged;
            }

            var recreate = MustRecreate(options, detected) || options.Recreate;
            RolloutIntent? intent = null;
            if (guard is not null && plan.Components.Where(c => c.RollsOut).ToList() is { Count: > 0 } rollouts)
            {
                intent = new RolloutIntent
                {
                    Run = run, Observed = detected.Observed,
                    Components = [.. rollouts.Select(c => new IntendedRollout(c, (detected.Lookups.GetValueOrDefault(c.Name) as LookupAnswer.Prebuilt)?.Provenance, detected.Lookups.GetValueOrDefault(c.Name) as LookupAnswer.Fallback, detected.Lookups.GetValueOrDefault(c.Name)?.Judged))],
                };
                await guard(intent, cancel);
            }

            Begin(timeline);
            var built = await new BuildPhase(run, detected, detector, store, new ArtifactFetch(store, lookup?.Shared), lookup, earlier, builder, onLine).RunAsync(plan, cancel);
            // What was to be fetched may have been built after all.
            TellGaps(run, built, detected);
            using var migrations = new Migrations(run, builder.Runner, Ledgers);
            var rollout = new RolloutPhase(run, store, target, prober) { Migrations = migrations, Agreed = intent is null ? null : (held, token) => guard!(intent with { Held = held }, token) };
            await rollout.RememberBuiltAsync(built, detected.Facts, cancel);
            Task<int> WorkAsync() => rollout.RunAsync(built with { Bootstrap = plan.Bootstrap }, detected.Facts, recreate, builder.Runner, cancel);
            var rolledOut = !built.Components.Any(c => c.RollsOut) && !recreate && !orphans && plan.Bootstrap is null ? 0
                : scope.Environment.Loop == Loop.Safe && !recreate ? await TakeBack.UnlessAllAsync(run, detected.Facts, rollout, WorkAsync, cancel)
                : await WorkAsync();
            await new StillReady(run, prober).RequireAsync(Asked(rollout.Left ?? detected.Observed), "what was left as it is does not serve: ", cancel);
            return rolledOut > 0 ? Outcome.Reflected
                : plan.Bootstrap is not null ? Outcome.Bootstrapped
                : run.Counters.Built > 0 && built.Components.All(c => scope.Workspace.Find(c.Name)!.Run is null) ? Outcome.Built
                : Outcome.Unchanged;
        }, () => trigger, cancel);

        // With named components, the others are nobody's question.
        IEnumerable<Observed> Asked(IReadOnlyList<Observed> left) => left.Where(o => options.Selected?.Contains(o.Component) ?? true);
    }

    /// <summary>Back to what was verified before, by digest: the newest record before the present one that holds, or the one that stood after a transaction.</summary>
    /// <param name="to">A transaction, or null.</param>
    /// <param name="trial">What decides whether a record may be gone back to.</param>
    public Task<TransactionDocument> RollBackAsync(DeployOptions options, string? to, RollbackTrial trial, Timeline timeline, CancellationToken cancel) => EndAsync(options, timeline, async run =>
    {
        var records = new StateStore(scope.EnvironmentFolder).Load();
        var detected = await detector.DetectAsync(options, toAct: true, timeline, cancel);
        IReadOnlyDictionary<string, DeployedRecord> targets;
        DeployedAgain again;
        using (var probing = timeline.Begin("lookup", kind: "rollback-target"))
        {
            again = await DeployedAgain.AskAsync(target, records, cancel);
            targets = await RollbackTargets.FindAsync(scope, records, options.Selected, to, detected.Observed, again, options.AnySchema, trial, log.Warn, cancel);
            probing.End();
        }

        Begin(timeline);
        var keyed = targets.ToDictionary(t => t.Key, t => TakeBack.To(scope, t.Value, again, detected.Facts, "rollback"), StringComparer.Ordinal);
        foreach (var planned in keyed.Values)
        {
            run.Tell(ComponentReports.Describe(planned, detected));
            if (again.Warning(targets[planned.Name], detected.Facts.RunSettings[planned.Name]) is { } warning)
            {
                run.Log.Warn(warning);
            }
        }

        var fetch = new ArtifactFetch(store, lookup?.Shared);
        foreach (var planned in keyed.Values)
        {
            if (await fetch.TryAsync(planned, null, timeline, cancel) is { } gone)
            {
                throw new FaultException(new Fault(Outcome.RollbackFailed, $"{planned.Name}: {gone.Why}; what serves now goes on serving", planned.Name, gone.Mend));
            }
        }

        var all = await WithRestartsAsync(run, keyed, detected, cancel);
        try
        {
            await new RolloutPhase(run, store, target, prober).RolloutGivenAsync(all, detected.Facts, cancel);
        }
        catch (FaultException e)
        {
            var serves = log.Document.Components.Where(c => c.StillServing is not null).Select(c => c.StillServing).ToList();
            throw new FaultException(e.Fault with
            {
                Outcome = Outcome.RollbackFailed, What = $"the rollback failed ({e.Fault.Outcome.Name}): {e.Fault.What}{(serves.Count > 0 ? $"; {string.Join(", ", serves)} still serves" : "")}",
            }, e);
        }

        return Outcome.RolledBack;
    }, () => null, cancel);

    /// <summary>What runs and loaded what is now rolled back is restarted, as after a deploy; named components limit that too.</summary>
    private async Task<IReadOnlyDictionary<string, PlannedComponent>> WithRestartsAsync(
        TransactionRun run, Dictionary<string, PlannedComponent> targets, Detected detected, CancellationToken cancel)
    {
        var others = Reconciliation.AsTheyRun(scope.Workspace, detected.Facts.Observed).Where(p => !targets.ContainsKey(p.Name) && (run.Options.Selected?.Contains(p.Name) ?? true));
        var all = Reconciliation.Apply(scope.Workspace, detected.Facts, [.. targets.Values, .. others]).Where(p => p.RollsOut).ToDictionary(p => p.Name, StringComparer.Ordinal);
        foreach (var restart in all.Values.Where(p => p.Action == ActionKind.Reconcile).ToList())
        {
            // It is started from the files as they are: where these say something else than runs, that would be a deploy.
            if (DeploymentKey.Of(restart.Artifact, detected.Facts.RunSettings[restart.Name]) == restart.DeploymentKey && await store.HasAsync(restart.Artifact, cancel))
            {
                run.Tell(ComponentReports.Describe(restart, detected));
                continue;
            }

            all.Remove(restart.Name);
            run.Log.Warn($"{restart.Name} loaded what is rolled back ({restart.Detail[0]}), and its run settings are other ones by now: `lap deploy {restart.Name}` restarts it");
        }

        return all;
    }

    /// <summary>Stops what runs.</summary>
    public Task<TransactionDocument> StopAsync(DeployOptions options, Timeline timeline, CancellationToken cancel) => EndAsync(options, timeline, async run =>
    {
        Begin(timeline);
        await new RolloutPhase(run, store, target, prober).StopAsync(options.Selected, cancel);
        return Outcome.Stopped;
    }, () => null, cancel);

    /// <summary>What was replaced is gone before the command ends; the interval does not wait for it.</summary>
    private Task<TransactionDocument> EndAsync(
        DeployOptions options, Timeline timeline, Func<TransactionRun, Task<Outcome>> work, Func<Task<TriggerReport>?> trigger, CancellationToken cancel) =>
        TransactionFrame.RunAsync(new TransactionRun(scope, options, timeline, log, clock), work, trigger, () => target.SettleAsync(CancellationToken.None), cancel);

    private async Task<Plan> PlanAsync(TransactionRun run, Detected detected, CancellationToken cancel)
    {
        var plan = Planner.Make(scope.Workspace, scope.Environment, detected.Facts);
        if (lookup is not null)
        {
            plan = await lookup.AttestAsync(plan, detected, run.Timeline, cancel);
        }

        foreach (var component in plan.Components)
        {
            run.Tell(ComponentReports.Describe(component, detected));
        }

        run.Count(c => c with { Skipped = plan.Components.Count(p => p.Action == ActionKind.Skip) });
        TellGaps(run, plan, detected);
        foreach (var warning in detected.Scan.Warnings.Concat(plan.Warnings).Concat(lookup?.News is { } news ? [news] : []))
        {
            log.Warn(warning);
        }

        return plan;
    }

    private void TellGaps(TransactionRun run, Plan plan, Detected detected) =>
        log.Change(d => d with { ParityGaps = ParityGap.Of(scope.Workspace, scope.Environment, scope.Profile?.Name, plan, detected.Facts.Records, run.Options.Full, run.Options.NoSmoke) });

    /// <summary>Nothing is touched before the intent is on the disk; a slow disk is seen as what it is.</summary>
    private void Begin(Timeline timeline)
    {
        using var wait = timeline.Begin("wait", kind: "journal");
        log.Begin(ProcessOwner.Current());
        wait.End();
    }

    /// <param name="delivers">
    /// Without a record of what was here before, a deploy starts with its command: nobody waited for a first try. But when somebody did (a CI trigger fired, an
    /// earlier run built this for here and did not bring it to an end), all the inputs are the change.
    /// </param>
    private static IEnumerable<string> ChangedFiles(PlannedComponent planned, Detected detected, bool delivers) =>
        detected.Facts.RecordedFingerprints.TryGetValue(planned.Name, out var before) ? FingerprintDiff.Between(before, planned.Fingerprint).Names(PartKind.File)
            : delivers ? detected.Scan.Files(planned.Name).Select(f => f.Path)
            : [];

    /// <summary>An environment that runs something this checkout never deployed is neither kept nor replaced without a word.</summary>
    private bool MustRecreate(DeployOptions options, Detected detected)
    {
        if (new StateStore(scope.EnvironmentFolder).Exists || detected.Observed.Count == 0 || options.ReuseOk || options.Recreate)
        {
            return false;
        }

        var what = $"{scope.Environment.Name} already runs {string.Join(", ", detected.Observed.Select(o => o.Revision ?? o.Component))}, and this checkout has no record of it";
        return options.Ask?.Invoke(what) switch
        {
            "reuse" => false,
            "recreate" => true,
            _ => throw new LapException(what, scope.Environment.Name, "say what to do with it: --reuse-ok keeps what fits, --recreate stops it first"),
        };
    }
}
