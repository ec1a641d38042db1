using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>What is to be recorded.</summary>
public sealed record RecordRequest
{
    public required Scenario Scenario { get; init; }

    /// <summary>Runs that count.</summary>
    public required int Runs { get; init; }

    /// <summary>Null: made from the scenario.</summary>
    public string? Name { get; init; }

    public required DeployScope Scope { get; init; }

    public IReadOnlyList<string> Components { get; init; } = [];

    public string? EditWith { get; init; }

    /// <summary>lap's own caches and what <c>--aside</c> names: full paths.</summary>
    public required IReadOnlyList<string> Caches { get; init; }

    /// <summary>As <c>--aside</c> named them.</summary>
    public IReadOnlyList<string> Aside { get; init; } = [];

    /// <summary>What the deploys are given beside components and the scenario's flags: environment, profile, file.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>lap itself.</summary>
    public required Command Lap { get; init; }

    public required string Version { get; init; }
}

/// <summary>
/// Records a baseline: the scenario's deploy again and again, each with the fixed work of <see cref="Calibration"/> before and after it. A run is kept the moment
/// it is over. Whatever happens, the workspace is as it was afterwards.
/// </summary>
public sealed class BaselineRecorder(RecordRequest request, Journal journal, ProcessRunner runner, TimeProvider clock, Action<RecordEvent> publish, Action<TransactionDocument> report)
{
    /// <summary>Deploys in a row that may turn out not to have been warm.</summary>
    private const int Patience = 3;

    private readonly BaselineStore store = new(journal);
    private readonly UndoLog undo = new(request.Scope.Workspace.Root);
    private readonly List<double> cycles = [];
    private Baseline baseline = null!;
    private MeasuredCommand deploy = null!;
    private Calibration calibration = null!;

    /// <returns>The baseline as it is in the journal, complete or not; it has the exit code and the failure.</returns>
    /// <exception cref="LapException">The user's mistake, found before anything ran.</exception>
    public async Task<Baseline> RecordAsync(CancellationToken cancel)
    {
        using var taken = undo.TryTake() ?? throw new LapException(
            "another measurement runs in this workspace", request.Scope.Workspace.Root, "wait for it: two at once would measure each other");
        if (undo.Pending() is { } other)
        {
            throw new LapException($"the measurement {other.Of} (pid {other.Owner.Pid} on {other.Owner.Host}) has the workspace", undo.Folder, "end it, or wait for it");
        }

        baseline = await BeginAsync(cancel);
        store.Save(baseline);
        deploy = new MeasuredCommand(runner, journal, request.Lap with { PidFile = undo.PidFile }, baseline.Id, report);
        calibration = new Calibration(runner, clock, undo.Folder);
        publish(new RecordEvent.Started(baseline));
        try
        {
            await MeasureAsync(cancel);
            baseline = baseline with { Ended = "complete", ExitCode = 0 };
        }
        catch (StoppedException e)
        {
            baseline = baseline with { Ended = "failed", ExitCode = e.ExitCode, Failure = e.Failure };
        }
        catch (LapException e)
        {
            baseline = baseline with
            {
                Ended = "failed", ExitCode = Outcome.UsageError.ExitCode,
                Failure = new FailureReport(Outcome.UsageError.Name, string.Join('\n', e.Problems.Select(p => p.What)), e.Problems[0].Where, e.Problems[0].Mend),
            };
        }
        catch (FaultException e)
        {
            baseline = baseline with
            {
                Ended = "failed", ExitCode = e.Fault.Outcome.ExitCode, Failure = new FailureReport(e.Fault.Outcome.Name, e.Fault.What, e.Fault.Where, e.Fault.Mend, e.Fault.Tail),
            };
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            baseline = baseline with
            {
                Ended = "interrupted", ExitCode = Outcome.Interrupted.ExitCode,
                Failure = new FailureReport(Outcome.Interrupted.Name, "interrupted; the workspace is as it was, and the runs so far are kept", null, After(request.Scenario)),
            };
        }

        store.Save(baseline);
        return baseline with { Samples = store.Find(baseline.Id).Samples };
    }

    private async Task<Baseline> BeginAsync(CancellationToken cancel)
    {
        var taken = store.All().Select(b => b.Name).ToHashSet(StringComparer.Ordinal);
        var name = request.Name ?? Enumerable.Range(1, int.MaxValue - 1).Select(i => $"{request.Scenario.Slug}-{i}").First(n => !taken.Contains(n));
        if (request.Scenario is Scenario.Edit { Path: var path } && request.EditWith is null)
        {
            // Told before anything runs.
            _ = SourceEdit.Apply(path, await File.ReadAllBytesAsync(Path.Combine(request.Scope.Workspace.Root, path), cancel), "00000000");
        }

        var git = await GitState.ReadAsync(runner, request.Scope.Workspace.Root, cancel);
        var now = clock.GetUtcNow();
        return new Baseline
        {
            Id = RecordId.New("bl", now), Name = name, Workspace = request.Scope.Workspace.Name, At = now, Revision = git.Revision, Dirty = git.Dirty,
            Lap = request.Version, Requested = request.Runs,
            Key = new BaselineKey
            {
                Scenario = request.Scenario.Text, Profile = request.Scope.Profile?.Name, Environment = request.Scope.Environment.Name, Components = request.Components,
                EditWith = request.EditWith, Aside = request.Aside, Machine = MachineReport.Here(),
            },
        };
    }

    private Task MeasureAsync(CancellationToken cancel) => request.Scenario switch
    {
        Scenario.Cold => ColdAsync(cancel),
        Scenario.Warm => WarmAsync(cancel),
        Scenario.Full => FullAsync(cancel),
        Scenario.Edit edit => EditAsync(edit, cancel),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private async Task FullAsync(CancellationToken cancel)
    {
        for (var run = 1; run <= request.Runs; run++)
        {
            await CountedAsync(run, cancel);
        }

        await SettleAsync([], cancel);
    }

    private async Task ColdAsync(CancellationToken cancel)
    {
        var caches = new CachesAside(undo, baseline.Id, request.Caches);
        caches.SetAside();
        try
        {
            for (var run = 1; run <= request.Runs; run++)
            {
                if (run > 1)
                {
                    caches.Clear();
                }

                await CountedAsync(run, cancel);
            }
        }
        finally
        {
            caches.PutBack();
        }

        await SettleAsync([], cancel);
    }

    /// <summary>Only a run that found nothing to do is warm; the first such run arms what makes the following ones fast.</summary>
    private async Task WarmAsync(CancellationToken cancel)
    {
        await BecomeUnchangedAsync(cancel);
        publish(new RecordEvent.Preparing("the first warm run, which is not counted"));
        Discard(await RunAsync(cancel), "the first warm run: it arms the watch and fills the caches");
        var cold = 0;
        for (var run = 1; run <= request.Runs;)
        {
            var started = Begin(run);
            var (ended, before, after) = await CalibratedAsync(cancel);
            if (NotWarm(ended.Document!) is { } reason)
            {
                Discard(ended, $"not warm: {reason}");
                if (++cold == Patience)
                {
                    throw NeverWarm(reason);
                }

                continue;
            }

            cold = 0;
            Count(run++, ended, before, after, started);
        }
    }

    /// <summary>Deploys what is pending, so that the next deploy has nothing to do.</summary>
    private async Task BecomeUnchangedAsync(CancellationToken cancel)
    {
        string? reason = null;
        for (var attempt = 0; attempt < Patience; attempt++)
        {
            publish(new RecordEvent.Preparing("brings the environment up to date"));
            var ended = await RunAsync(cancel);
            reason = NotWarm(ended.Document!);
            if (reason is null)
            {
                Discard(ended, "looks whether anything was pending");
                return;
            }

            Discard(ended, $"deployed what was pending: {reason}");
        }

        throw NeverWarm(reason!);
    }

    private async Task EditAsync(Scenario.Edit edit, CancellationToken cancel)
    {
        publish(new RecordEvent.Preparing("deploys what is pending"));
        var pending = await deploy.RunAsync([.. request.Components, .. request.Arguments], cancel);
        Check(pending);
        Discard(pending, NotWarm(pending.Document!) is { } reason ? $"deployed what was pending: {reason}" : "looks whether anything was pending");

        IReadOnlyList<string> built = [];
        var file = new FileEdit(request.Scope.Workspace.Root, undo, baseline.Id, edit.Path, request.EditWith, runner);
        try
        {
            publish(new RecordEvent.Preparing("the first edit, which is not counted"));
            var first = await EditedAsync(file, () => RunAsync(cancel), cancel);
            Discard(first, "the first edit after a pause: build servers start, caches of build tools fill");
            built = [.. first.Document!.Components.Where(c => c.ArtifactSource == "built").Select(c => c.Name)];
            if (built.Count == 0)
            {
                throw new LapException(
                    $"an edit of {edit.Path} builds nothing: it is no input of {(request.Components.Count == 0 ? "any component" : string.Join(", ", request.Components))}", edit.Path,
                    "name a file that a component is built from (lap why COMPONENT tells)");
            }

            if (first.Document.Counters.Rollouts == 0)
            {
                Note($"the edited {edit.Path} is built to the artifact that runs already: no rollout is in these intervals (--edit-with can make a change that shows)");
            }

            for (var run = 1; run <= request.Runs; run++)
            {
                var started = Begin(run);
                // The fixed work lies outside of the edit: between the save and the command it would be part of the interval.
                var before = await calibration.MeasureAsync(cancel);
                var ended = await EditedAsync(file, () => RunAsync(cancel), cancel);
                var after = await calibration.MeasureAsync(cancel);
                if (ended.Document!.Counters.Built == 0)
                {
                    throw new LapException($"run {run}: the edit of {edit.Path} built nothing", edit.Path, "the edit has to be another one each time: something that was built before is found again");
                }

                Count(run, ended, before, after, started);
            }

            // The last deploy is of the tree as it is. Its file is newer than all that was built of the edits, for the tools that go by time stamps.
            await file.ApplyContentOfOriginalAsync(cancel);
            await SettleAsync(["--force", .. built], cancel);
        }
        finally
        {
            PutBack(file);
        }
    }

    private async Task<MeasuredRunOfLap> EditedAsync(FileEdit file, Func<Task<MeasuredRunOfLap>> run, CancellationToken cancel)
    {
        await file.ApplyAsync(cancel);
        try
        {
            return await run();
        }
        finally
        {
            PutBack(file);
        }
    }

    private void PutBack(FileEdit file)
    {
        foreach (var said in file.Undo())
        {
            Note(said);
        }
    }

    /// <summary>After the last run: what serves is again what is in the workspace. Its failure is told, and takes no run away.</summary>
    private async Task SettleAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        publish(new RecordEvent.Preparing("deploys the workspace as it is"));
        var ended = await deploy.RunAsync([.. arguments.Count > 0 ? arguments : request.Components, "--since", "start", .. request.Arguments], cancel);
        if (ended.ExitCode != 0)
        {
            throw new StoppedException(ended.ExitCode, ended.Failure with { Message = $"all runs are recorded, but the deploy that ends a recording failed: {ended.Failure.Message}" });
        }

        Discard(ended, "after the last run: what serves is what is in the workspace");
    }

    private async Task CountedAsync(int run, CancellationToken cancel)
    {
        var started = Begin(run);
        var (ended, before, after) = await CalibratedAsync(cancel);
        Count(run, ended, before, after, started);
    }

    private async Task<(MeasuredRunOfLap Run, CalibrationSample Before, CalibrationSample After)> CalibratedAsync(CancellationToken cancel)
    {
        var before = await calibration.MeasureAsync(cancel);
        var run = await RunAsync(cancel);
        return (run, before, await calibration.MeasureAsync(cancel));
    }

    private async Task<MeasuredRunOfLap> RunAsync(CancellationToken cancel)
    {
        var run = await deploy.RunAsync([.. request.Components, .. request.Scenario.Flags, .. request.Arguments], cancel);
        Check(run);
        return run;
    }

    private static void Check(MeasuredRunOfLap run)
    {
        if (run.ExitCode != 0 || run.Document is null)
        {
            throw new StoppedException(run.ExitCode == 0 ? Outcome.InternalError.ExitCode : run.ExitCode, run.Failure);
        }
    }

    private long Begin(int run)
    {
        publish(new RecordEvent.RunStarted(run, request.Runs, Left(run)));
        return clock.GetTimestamp();
    }

    private void Count(int run, MeasuredRunOfLap ended, CalibrationSample before, CalibrationSample after, long started)
    {
        if (BaselineSample.Of(ended.Document!) is not { } measured)
        {
            throw new StoppedException(Outcome.InternalError.ExitCode, new FailureReport(Outcome.InternalError.Name, $"the transaction {ended.Document!.Id} has no interval", null, "please report it"));
        }

        // The command was given the moment the file was saved: what the transaction calls idle waiting is the start of lap's process.
        var sample = measured with
        {
            CommandSeconds = ended.Seconds, CalibrationBefore = before, CalibrationAfter = after,
            Segments = request.Scenario is Scenario.Edit
                ? [.. measured.Segments.Select(s => s is { Name: "wait", Kind: "idle" } ? s with { Name = "start", Kind = "process" } : s)]
                : measured.Segments,
        };
        store.Add(baseline, sample);
        cycles.Add(clock.GetElapsedTime(started).TotalSeconds);
        publish(new RecordEvent.RunEnded(run, request.Runs, sample, Left(run + 1)));
    }

    /// <summary>Seconds until the last run is over; null before the first.</summary>
    private double? Left(int next) => cycles.Count == 0 ? null : cycles.Order().ElementAt(cycles.Count / 2) * Math.Max(0, request.Runs - next + 1);

    private void Discard(MeasuredRunOfLap run, string reason)
    {
        baseline = baseline with { Discarded = [.. baseline.Discarded, new DiscardedRun(run.Document!.Id, reason)] };
        store.Save(baseline);
        publish(new RecordEvent.Discarded(run.Document.Id, reason));
    }

    private void Note(string text)
    {
        if (!baseline.Notes.Contains(text))
        {
            baseline = baseline with { Notes = [.. baseline.Notes, text] };
            publish(new RecordEvent.Noted(text));
        }
    }

    /// <summary>Null when the run found nothing to do.</summary>
    private static string? NotWarm(TransactionDocument run)
    {
        var acted = run.Components.Where(c => c.Action != "skip").Select(c => $"{c.Name} ({c.Action}, {c.Cause})").ToList();
        return acted.Count > 0 ? string.Join(", ", acted) : run.Outcome == Outcome.Unchanged.Name ? null : run.Outcome;
    }

    private static StoppedException NeverWarm(string reason) => new(Outcome.Inconclusive.ExitCode, new FailureReport(
        Outcome.Inconclusive.Name, $"{Patience} deploys in a row were not warm: {reason}", null,
        "a deploy with nothing to do has to find nothing to do: is a file written while it is built, or somebody editing?"));

    private static string? After(Scenario scenario) => scenario is Scenario.Warm ? null : "what serves may be what the last run built: lap deploy brings it to the workspace as it is";

    /// <summary>A run ended badly: the recording ends with it, and with its exit code.</summary>
    private sealed class StoppedException(int exitCode, FailureReport failure) : Exception(failure.Message)
    {
        public int ExitCode { get; } = exitCode;

        public FailureReport Failure { get; } = failure;
    }
}

/// <summary>What happens while a baseline is recorded, for whoever shows progress.</summary>
public abstract record RecordEvent
{
    private RecordEvent() { }

    public sealed record Started(Baseline Baseline) : RecordEvent;

    /// <summary>A deploy that does not count begins.</summary>
    public sealed record Preparing(string What) : RecordEvent;

    /// <param name="SecondsLeft">Until the last run is over, by the runs so far; null before the first.</param>
    public sealed record RunStarted(int Run, int Of, double? SecondsLeft) : RecordEvent;

    public sealed record RunEnded(int Run, int Of, BaselineSample Sample, double? SecondsLeft) : RecordEvent;

    /// <summary>A run that does not count is over.</summary>
    public sealed record Discarded(string Transaction, string Reason) : RecordEvent;

    public sealed record Noted(string Text) : RecordEvent;
}
