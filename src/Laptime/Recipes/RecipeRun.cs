using System.Runtime.ExceptionServices;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Recipes.Reading;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>
/// One run of a recipe: its dependencies, ONE deployment through the tiers that were asked for, the teardown, the budget. Whatever fails is in the document; what was deployed is removed on
/// every way out, and by the next run after a kill.
/// </summary>
/// <param name="drivers">A driver for a placement, of the run's target.</param>
/// <param name="open">Reads another recipe: a dependency.</param>
/// <param name="say">Progress, in sentences.</param>
public sealed class RecipeRun(
    RecipeSource source, string target, Func<Placement, RecipeDriver> drivers, Func<string, CancellationToken, Task<RecipeSource>> open, ProcessRunner runner, TimeProvider clock, Action<string> say)
{
    private static readonly TimeSpan TeardownBound = TimeSpan.FromMinutes(5);

    private readonly Dictionary<int, Segment> segments = [];
    private readonly List<TierReport> tiers = [];
    private readonly List<string> warnings = [];
    private readonly List<string> parity = [];
    private readonly List<string> left = [];
    private readonly Lock gate = new();
    private TargetCount counted = TargetCount.Nothing;
    private string teardown = "not-run";
    private string fresh = "not verified";
    private bool upgraded;
    private bool vacuous;

    private Recipe Recipe => source.Recipe;

    private IReadOnlyList<Segment> Segments
    {
        get
        {
            lock (gate)
            {
                return [.. segments.Values.OrderBy(s => s.Id)];
            }
        }
    }

    /// <exception cref="LapException">The recipe, or what was asked, is wrong: nothing was touched.</exception>
    /// <exception cref="FaultException">Another run is under way, or what an earlier one left cannot be removed.</exception>
    public async Task<RecipeRunDocument> RunAsync(RecipeRunOptions options, CancellationToken cancel)
    {
        var timeline = new Timeline(clock, Listen);
        Require(options);
        var from = options.Stages.Contains(Tier.Upgrade) || options.Base is not null ? BaseVersion.Of(Recipe, options.Base) : new BaseVersion(null, "the upgrade was not asked for");
        var ground = new RunFolders(Recipe, drivers, clock);
        using var held = ground.Lock();
        var dependencies = new Dependencies(Recipe, open, drivers, runner, clock, options.Lane, say);
        await dependencies.OpenAsync(cancel);
        using (var sweep = timeline.Begin("sweep"))
        {
            await ground.SweepAsync(dependencies.Recipes, Warn, cancel);
            sweep.End();
        }

        var id = ground.NewRun();
        var folder = ground.FolderOf(id);
        var ledger = new RunLedger(Path.Combine(folder, RunFolders.LedgerFile), clock);
        FaultReport? failure = null;
        Outcome? interrupted = null;
        ExceptionDispatchInfo? mistake = null;
        warnings.AddRange(Recipe.Notices);
        try
        {
            var head = await CheckOutAsync(Recipe.Head, Path.Combine(folder, "head"), isBase: false, cancel);
            var installed = from.Version is { } older && older.Text != Recipe.Head.Text ? await CheckOutAsync(older, Path.Combine(folder, "base"), isBase: true, cancel) : head;
            await dependencies.UpAsync(ledger, folder, timeline, cancel);
            await TiersAsync(options, from, installed, head, ledger, folder, dependencies, timeline, cancel);
            if (options.Fresh)
            {
                await FreshAsync(head, ledger, folder, dependencies, options, timeline, cancel);
            }
        }
        catch (FaultException e)
        {
            failure = FaultReport.Of(e.Fault);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            interrupted = Outcome.Interrupted;
        }
        catch (LapException e)
        {
            // Found late, in a version that was checked out or in what a dependency offers: what stands already is still taken down.
            mistake = ExceptionDispatchInfo.Capture(e);
        }

        if (dependencies.Failure is { } missing)
        {
            failure ??= FaultReport.Of(missing);
        }

        foreach (var tier in options.Stages.Order().Where(t => tiers.All(r => r.Tier != t)))
        {
            tiers.Add(TierRun.Without(tier, TierStatus.Unverified, dependencies.Failure is not null ? "a dependency does not stand" : interrupted is not null ? "interrupted before it" : "the run ended before it"));
        }

        // A cancelled run still takes down what it put up; only a second signal ends that.
        await dependencies.DownAsync(ledger, options, timeline, CancellationToken.None);
        mistake?.Throw();
        counted = counted.And(dependencies.Counted);
        left.AddRange(dependencies.Left);
        var document = Close(id, options, from, ledger, dependencies, timeline, failure, interrupted);
        document = Compare(document, ground, options);
        if (options.RefreshCanonical)
        {
            document = document with { Canonical = await new Canonical(Recipe, drivers, clock).RefreshAsync(source, options.Lane, document.ExitCode == 0, cancel) };
        }

        document = document with { Folder = folder, Seconds = timeline.Now };
        RunFolders.Save(folder, document);
        if (!options.Keep)
        {
            RunFolders.DeleteCheckouts(folder);
        }

        return document;
    }

    /// <summary>Every run of a recipe that ended, the newest first.</summary>
    public static IReadOnlyList<RecipeRunDocument> Results(Recipe recipe, TimeProvider clock) => new RunFolders(recipe, _ => throw new System.Diagnostics.UnreachableException(), clock).Results();

    private void Listen(Segment segment)
    {
        lock (gate)
        {
            segments[segment.Id] = segment;
        }
    }

    private void Warn(string what)
    {
        warnings.Add(what);
        say(what);
    }

    private static void Require(RecipeRunOptions options)
    {
        if (options.Stages.Contains(Tier.Restore) && !options.Stages.Contains(Tier.Backup))
        {
            throw new LapException("the restore has nothing to restore without the backup", "--stages", "ask for both: --stages backup,restore");
        }

        if (options.Stages.Count == 0)
        {
            throw new LapException("no tier was asked for", "--stages", "name some: --stages install,upgrade,backup,restore,custom");
        }
    }

    private async Task<PlacedVersion> CheckOutAsync(RecipeVersion version, string folder, bool isBase, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder);
        await source.CheckOutAsync(version, folder, cancel);
        return new PlacedVersion(version, folder, isBase);
    }

    private async Task TiersAsync(
        RecipeRunOptions options, BaseVersion from, PlacedVersion installed, PlacedVersion head, RunLedger ledger, string folder, Dependencies dependencies, Timeline timeline, CancellationToken cancel)
    {
        if (dependencies.Failure is not null)
        {
            return;
        }

        var placement = RunFolders.Place(folder, Recipe, options.Lane, dependencies.Exports);
        var driver = drivers(placement);
        await using (driver.ConfigureAwait(false))
        {
            await driver.AttachAsync(cancel);
            try
            {
                var stage = new Stage(driver, placement, ledger, installed, head, runner, folder, !Recipe.IsForeign || options.TrustScripts);
                // What the lane changes follows from what the versions say.
                parity.AddRange(driver.ParityNotes);
                warnings.AddRange(stage.HeadFacts.Warnings.Concat(stage.BaseFacts.Warnings).Distinct());
                Seed(stage, options);
                await EachAsync(stage, options, from, timeline, cancel);
                vacuous = stage.WasVacuous;
            }
            finally
            {
                warnings.AddRange(driver.Warnings.Except(warnings));
                await KeepLogsAsync(driver, folder);
                await TearDownAsync(driver, placement, ledger, options, timeline);
            }
        }
    }

    private async Task EachAsync(Stage stage, RecipeRunOptions options, BaseVersion from, Timeline timeline, CancellationToken cancel)
    {
        var broken = (string?)null;
        foreach (var tier in Enum.GetValues<Tier>())
        {
            var asked = options.Stages.Contains(tier);
            if (!asked && tier != Tier.Install)
            {
                continue;
            }

            if (broken is not null)
            {
                Tell(TierRun.Without(tier, TierStatus.Unverified, broken));
                continue;
            }

            if (asked && NotRun(stage, tier, from) is { } without)
            {
                Tell(without);
                continue;
            }

            var run = new TierRun(tier, timeline);
            try
            {
                await OneAsync(stage, tier, asked, run, cancel);
            }
            catch (FaultException e)
            {
                run.Break(e.Fault);
            }
            finally
            {
                var report = run.End(Segments);
                if (asked || report.Status == TierStatus.Fail)
                {
                    Tell(report);
                }

                broken = run.IsBroken && tier is Tier.Install or Tier.Upgrade || (run.IsBroken && tier == Tier.Restore) ? $"the {tier.ToString().ToLowerInvariant()} left nothing that stands" : null;
            }
        }
    }

    private async Task OneAsync(Stage stage, Tier tier, bool asked, TierRun run, CancellationToken cancel)
    {
        switch (tier)
        {
            case Tier.Install:
                await InstallTier.DeployAsync(stage, run, cancel);
                if (asked && !run.IsBroken)
                {
                    await InstallTier.AssertAsync(stage, run, cancel);
                }

                break;
            case Tier.Upgrade:
                upgraded = true;
                await UpgradeTier.RunAsync(stage, stage.Driver.Read(stage.Head with { IsBare = true }), run, cancel);
                break;
            case Tier.Backup:
                await BackupTier.RunAsync(stage, stage.Facts.Backup!, run, cancel);
                break;
            case Tier.Restore:
                await RestoreTier.RunAsync(stage, stage.Facts.Backup!, run, cancel);
                break;
            case Tier.Custom:
                run.VerifiedVersion = (await stage.Driver.ObserveAsync(cancel)).Version;
                await stage.AssertAsync(run, cancel);
                break;
        }
    }

    /// <summary>A tier that does not run, and why; null: it runs.</summary>
    private TierReport? NotRun(Stage stage, Tier tier, BaseVersion from)
    {
        var could = tier switch
        {
            Tier.Upgrade => stage.Base != stage.Head,
            Tier.Backup or Tier.Restore => stage.Facts.Backup is not null,
            Tier.Custom => Recipe.Checks.Any(c => c.Tier == Tier.Custom),
            _ => true,
        };
        if (Recipe.Settings.NotApplicable.TryGetValue(tier, out var declared))
        {
            if (could)
            {
                Warn($"`not-applicable: {{ {tier.ToString().ToLowerInvariant()}: {declared} }}` is stale: the tier could run");
            }

            return TierRun.Without(tier, TierStatus.Skip, $"declared not applicable: {declared}");
        }

        return could ? null : tier switch
        {
            Tier.Upgrade => TierRun.Without(tier, TierStatus.Skip, $"not applicable: {from.Reason}"),
            Tier.Custom => TierRun.Without(tier, TierStatus.Skip, "the recipe brings no checks of its own (tests/custom)"),
            _ when stage.Facts.Volumes.Count == 0 => TierRun.Without(tier, TierStatus.Skip, "not applicable: the recipe has no volumes, there is nothing to keep"),
            Tier.Restore when tiers.FirstOrDefault(t => t.Tier == Tier.Backup) is not { Status: TierStatus.Pass or TierStatus.Unverified } => TierRun.Without(tier, TierStatus.Unverified, "there is no backup to restore"),
            _ => TierRun.Without(tier, TierStatus.Unverified, "the recipe keeps data and declares no backup",
                $"declare one (label backupbot.backup, or `volumes:` in recipe.yaml), or say why not: not-applicable: {{ {tier.ToString().ToLowerInvariant()}: … }}"),
        };
    }

    private void Tell(TierReport report)
    {
        tiers.Add(report);
        say($"{report.Tier.ToString().ToLowerInvariant()}: {report.Status.ToString().ToLowerInvariant()}{(report.Reason is { } why ? ", " + why : "")}");
    }

    private void Seed(Stage stage, RecipeRunOptions options)
    {
        if (!options.Stages.Overlaps([Tier.Upgrade, Tier.Backup, Tier.Restore]))
        {
            return;
        }

        var excluded = stage.BaseFacts.Backup?.Excluded ?? [];
        stage.Seeders.AddRange(stage.BaseFacts.Volumes.Where(v => !excluded.Contains(v)).Select(v => new VolumeSeeder(stage.Driver, v)));
        stage.Seeders.AddRange(Seeders.For(stage.BaseFacts, stage.Driver));
        if (Recipe.Settings.Seed is { } seed && (!Recipe.IsForeign || options.TrustScripts))
        {
            stage.Seeders.Add(new ScriptSeeder(seed, async (file, arguments, stop) => await stage.ScriptAsync(file, arguments, null, await stage.Driver.ObserveAsync(stop), stop)));
        }
    }

    private static async Task KeepLogsAsync(RecipeDriver driver, string folder)
    {
        try
        {
            foreach (var service in (await driver.ObserveAsync(CancellationToken.None)).Services)
            {
                await File.WriteAllLinesAsync(Path.Combine(folder, service.Name + ".log"), await driver.LogsAsync(service.Name, 2000, CancellationToken.None));
            }
        }
        catch (Exception e) when (e is FaultException or LapException or IOException)
        {
            // Logs help; their absence must not hide what happened.
        }
    }

    private async Task TearDownAsync(RecipeDriver driver, Placement placement, RunLedger ledger, RecipeRunOptions options, Timeline timeline)
    {
        var stands = ledger.Lines.Any(l => l.Deployment == placement.Id);
        if (options.Keep || !stands)
        {
            teardown = stands ? "kept" : teardown;
            counted = counted.And(await driver.CountAsync(CancellationToken.None));
            return;
        }

        using var bound = new CancellationTokenSource(TeardownBound, clock);
        using var segment = timeline.Begin("teardown");
        try
        {
            left.AddRange(await ledger.RemoveAsync(driver, placement, options.Lane == Lane.Fast, bound.Token));
            teardown = teardown is "not-run" or "clean" ? left.Count == 0 ? "clean" : "leaked" : teardown;
            segment.End(left.Count == 0 ? "ok" : "failed");
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            teardown = "failed";
            Warn(e is FaultException fault ? $"teardown: {fault.Fault.What}" : $"teardown: not done after {Duration.Text(TeardownBound)}");
        }

        counted = counted.And(await driver.CountAsync(CancellationToken.None));
    }

    private async Task FreshAsync(PlacedVersion head, RunLedger ledger, string folder, Dependencies dependencies, RecipeRunOptions options, Timeline timeline, CancellationToken cancel)
    {
        var placement = RunFolders.Place(folder, Recipe, options.Lane, dependencies.Exports);
        var driver = drivers(placement);
        await using (driver.ConfigureAwait(false))
        {
            await driver.AttachAsync(cancel);
            using var segment = timeline.Begin("fresh");
            try
            {
                await driver.PrepareAsync(head, timeline, segment.Id, cancel);
                var fault = await ledger.DeployAsync(driver, placement, head, "fresh", timeline, segment.Id, cancel);
                var version = fault is null ? (await driver.ObserveAsync(cancel)).Version : null;
                fresh = fault is not null ? $"fail: {fault.What}" : version == driver.Read(head).Version ? "pass" : $"fail: the running system says {version ?? "nothing"}";
                segment.End(fresh == "pass" ? "ok" : "failed");
            }
            finally
            {
                await TearDownAsync(driver, placement, ledger, options, timeline);
            }
        }
    }

    private RecipeRunDocument Close(
        string id, RecipeRunOptions options, BaseVersion from, RunLedger ledger, Dependencies dependencies, Timeline timeline, FaultReport? failure, Outcome? interrupted)
    {
        var stood = ledger.Lines.Count(l => l.Act == LedgerAct.Install);
        var isDeployed = ledger.Lines.Any(l => l.Purpose == "base");
        var budget = new Budget((isDeployed || failure is null ? 1 : 0) + dependencies.Deployed.Count + (options.Fresh && (isDeployed || failure is null) ? 1 : 0), upgraded ? 1 : 0, options.Keep ? 0 : stood);
        var findings = budget.Judge(ledger.Lines, ledger.Failed, vacuous && counted.Updates == 0 ? counted with { Updates = budget.Updates } : counted);
        var bad = tiers.Any(t => t.Status is TierStatus.Fail or TierStatus.Unverified) || failure is not null || teardown is "leaked" or "failed" || dependencies.Teardown is "leaked" or "failed" || fresh.StartsWith("fail", StringComparison.Ordinal);
        var outcome = interrupted ?? (findings.Count > 0 ? Outcome.BudgetExceeded : bad ? Outcome.TierFailed : Outcome.Ok);
        return new RecipeRunDocument
        {
            Id = id, Recipe = Recipe.Name, Source = Recipe.Root, Target = target, Lane = options.Lane.ToString().ToLowerInvariant(), Base = ledger.Lines.FirstOrDefault(l => l.Purpose == "base")?.Version,
            Head = Recipe.Head.Text, HeadCommit = Recipe.Head.Commit, Started = timeline.Started, Seconds = timeline.Now, Stages = [.. options.Stages.Order().Select(s => s.ToString().ToLowerInvariant())],
            DeployCount = stood, Expected = budget.Installs, InPlaceUpdates = ledger.Lines.Count(l => l.Act == LedgerAct.Update), ExpectedUpdates = budget.Updates,
            Removes = ledger.Lines.Count(l => l.Act == LedgerAct.Remove), CountedByTarget = counted.Installs, UpdatesByTarget = counted.Updates, RemovesByTarget = counted.Removes,
            BudgetFindings = findings, BudgetEvidence = [.. ledger.Lines.Where(static l => l.Act != LedgerAct.Gone).Select(l => $"{l.At:HH:mm:ss.fff} {l.Act.ToString().ToLowerInvariant()} {l.Recipe} {l.Version} ({l.Purpose})"), .. counted.Evidence.Select(e => "target: " + e)],
            Deps = new DependenciesReport(dependencies.Deployed, dependencies.Warm), Teardown = dependencies.Teardown is "leaked" or "failed" ? dependencies.Teardown : teardown, Left = left, Fresh = fresh,
            Tiers = [.. tiers.OrderBy(t => t.Tier)], Segments = Segments, Dominant = DominantOf(), ParityGaps = parity, Warnings = warnings,
            Outcome = outcome.Name, ExitCode = outcome.ExitCode, Fault = failure,
        };
    }

    /// <summary>The part of a tier that took the most.</summary>
    private RecipeDominant? DominantOf()
    {
        var all = Segments;
        var whole = all.Where(s => s.Kind == "tier" && s.Seconds is not null).ToDictionary(s => s.Id);
        return all.Where(s => s is { Seconds: not null, Parent: { } parent } && whole.ContainsKey(parent)).GroupBy(s => (s.Name, Parent: s.Parent!.Value))
            .Select(g => new RecipeDominant(g.Key.Name, whole[g.Key.Parent].Name, g.Sum(s => s.Seconds!.Value), whole[g.Key.Parent].Seconds!.Value))
            .Concat(all.Where(s => s is { Name: "teardown", Seconds: not null }).Select(s => new RecipeDominant(s.Name, null, s.Seconds!.Value, s.Seconds.Value)))
            .MaxBy(d => d.Seconds);
    }

    private static RecipeRunDocument Compare(RecipeRunDocument document, RunFolders ground, RecipeRunOptions options)
    {
        if (ground.Results().FirstOrDefault(r => r.ExitCode == 0 && r.Target == document.Target) is not { } last)
        {
            return document;
        }

        var weakened = Weakened.Of(last, document);
        var fails = options.Strict && weakened.Count > 0 && document.ExitCode == 0;
        return document with
        {
            Weakened = weakened, ComparedWith = last.Id, Outcome = fails ? Outcome.TierFailed.Name : document.Outcome, ExitCode = fails ? Outcome.TierFailed.ExitCode : document.ExitCode,
        };
    }
}
