using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Building;

/// <summary>The steps of one component in one build.</summary>
internal sealed class StepSequence(
    BuildRequest request, Outputs outputs, StepRecords records, ProcessRunner runner, string pidFile,
    Timeline timeline, int? parentSegment, Action<BuildLine>? onLine)
{
    private readonly Component component = request.Component;
    private readonly StepCache cache = new(request, records);
    private readonly Dictionary<string, StepRecord> known = new(StringComparer.Ordinal);

    /// <summary>Asked for only where a step leaves traces.</summary>
    private HashSet<string> Inputs => field ??= [.. request.Fingerprint.FileNames()];

    public IReadOnlyList<string> Warnings => cache.Warnings;

    public async Task<IReadOnlyList<StepResult>> RunAsync(IReadOnlyList<Step> steps, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        List<ResolvedCommand> commands;
        using (var prepare = timeline.Begin("lookup", component.Name, "steps", parentSegment))
        {
            commands = [.. steps.Select(CommandOf)];
            RemoveStale(steps, commands);
            prepare.End();
        }

        List<StepResult> results = [];
        var before = "";
        int? previous = null;
        for (var i = 0; i < steps.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var (step, command) = (steps[i], commands[i]);
            IReadOnlyList<int> after = previous is { } id ? [id] : [];
            // Only now: an earlier step may just have made this one's inputs.
            var start = timeline.Now;
            var key = cache.KeyOf(step, command, before);
            before = key?.SharedKey ?? before;
            StepResult result;
            if (cache.Hit(step, key) is { } record)
            {
                known[step.Name] = record;
                var segment = timeline.Record($"build/{step.Name}", start, timeline.Now - start, component.Name, KindOf(step), "hit", parentSegment, "ok", after);
                var ran = record.Ended is { } end && record.Seconds >= 0 ? new StepRun(end.AddSeconds(-record.Seconds), end) : null;
                result = new StepResult(step.Name, step.Kind, "hit", segment, null, ran);
            }
            else
            {
                result = await RunAsync(step, command, key, after, cancel).ConfigureAwait(false);
            }

            results.Add(result);
            previous = result.Segment.Id;
        }

        Settle();
        return results;
    }

    private ResolvedCommand CommandOf(Step step)
    {
        var log = Path.Combine(request.LogFolder, StepRecords.SafeName(component.Name), StepRecords.SafeName(step.Name) + ".log");
        return ResolvedCommand.Of(request, step, Path.GetFullPath(Path.Combine(request.Root, component.Path)), log);
    }

    /// <summary>Removes declared outputs, but for what steps that will be hits wrote. A step that turns out to be none after all removes its own.</summary>
    private void RemoveStale(IReadOnlyList<Step> steps, List<ResolvedCommand> commands)
    {
        var keep = new HashSet<string>(StringComparer.Ordinal);
        var before = "";
        for (var i = 0; i < steps.Count; i++)
        {
            var key = cache.KeyOf(steps[i], commands[i], before);
            before = key?.SharedKey ?? before;
            if (cache.Hit(steps[i], key) is { } record)
            {
                known[steps[i].Name] = record;
                keep.UnionWith(record.Products.Select(p => p.Path));
            }
        }

        outputs.Remove(keep);
    }

    private async Task<StepResult> RunAsync(Step step, ResolvedCommand command, StepKey? key, IReadOnlyList<int> after, CancellationToken cancel)
    {
        var cached = key is null ? "none" : "miss";
        if (known.Remove(step.Name, out var expected))
        {
            foreach (var product in expected.Products)
            {
                outputs.Delete(product.Path);
            }
        }

        var earlier = records.Read(step.Name);
        records.Forget(step.Name);
        var traces = key is null ? null : Traces.Before(request.Root, component.Path);
        var listed = key is null ? null : outputs.List();
        using var segment = timeline.Begin($"build/{step.Name}", component.Name, KindOf(step), parentSegment, after);
        segment.Cache(cached);
        ProcessResult ended;
        try
        {
            // Only here, beside the step's key: a trace's ids are new each time and are no input of anything.
            var environment = timeline.Trace?.Into(command.Command.Environment, segment.Id) ?? command.Command.Environment;
            ended = await runner.RunAsync(command.Command with { PidFile = pidFile, Environment = environment },
                onLine is null ? null : line => onLine(new BuildLine(component.Name, step.Name, line)), cancel).ConfigureAwait(false);
        }
        catch (FaultException e)
        {
            segment.End("failed");
            throw new FaultException(e.Fault with { Where = $"{component.Name}, step {step.Name} ({step.At}), {e.Fault.Where}" }, e);
        }

        if (!ended.Succeeded)
        {
            segment.End(ended.TimedOut ? "timeout" : "failed");
            throw new FaultException(Failure(step, command, ended));
        }

        if (key is { } wanted)
        {
            Write(step, wanted, traces!.After(), listed!, earlier, segment.Segment.Start);
        }

        return new StepResult(step.Name, step.Kind, cached, segment.End(), command.Command.LogFile);
    }

    private void Write(Step step, StepKey key, Dictionary<string, FileStamp> traces, Dictionary<string, FileStamp> before, StepRecord? earlier, double start)
    {
        // What it made the last time and found in place this time is still what it stands for.
        foreach (var trace in earlier?.Witnesses ?? [])
        {
            if (cache.Stamp(trace) is { } stamp)
            {
                traces.TryAdd(trace.Path, stamp);
            }
        }

        var products = outputs.List().Where(o => !before.TryGetValue(o.Key, out var old) || !old.IsUntouched(o.Value)).ToList();
        // Also the folders it found done already (packages restored by hand): they are what it stands for.
        foreach (var (name, isFolder) in Tree.Entries(Path.Combine(request.Root, component.Path)))
        {
            var path = component.Path.Length == 0 ? name : $"{component.Path}/{name}";
            if (isFolder && !Inputs.Any(i => IsBelow(path, i)) && FileStamp.Read(Path.Combine(request.Root, path)) is { } stamp)
            {
                traces.TryAdd(path, stamp);
            }
        }

        // An input that was saved while the step ran is no trace of the step; a folder of outputs may come and go with its files.
        var witnesses = traces.Where(t => !Inputs.Contains(t.Key) && !products.Any(p => p.Key == t.Key || IsBelow(t.Key, p.Key)));
        var record = new StepRecord(StepRecord.CurrentVersion, key.Key, key.SharedKey,
            [.. witnesses.Select(t => new Trace(t.Key, t.Value))], [.. products.Select(p => new Trace(p.Key, p.Value))],
            timeline.Started.AddSeconds(timeline.Now), timeline.Now - start);
        known[step.Name] = record;
        records.Write(step.Name, record);
    }

    private static bool IsBelow(string folder, string path) =>
        path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal);

    /// <summary>
    /// Later steps of this build may have replaced what earlier ones left. For intermediate files that is how the build works: their present
    /// state is the one to find next time. A declared output that two steps write would be half of the next artifact: the first of them keeps no record.
    /// </summary>
    private void Settle()
    {
        foreach (var (step, record) in known)
        {
            if (record.Products.Any(p => cache.Stamp(p) is not { } now || !now.IsUntouched(p.Stamp)))
            {
                records.Forget(step);
                continue;
            }

            var witnesses = record.Witnesses.Select(w => (Old: w, Now: cache.Stamp(w))).ToList();
            if (witnesses.Any(w => w.Now is not { } now || !now.IsSameEntry(w.Old.Stamp)))
            {
                records.Write(step, record with { Witnesses = [.. witnesses.Where(w => w.Now is not null).Select(w => w.Old with { Stamp = w.Now!.Value })] });
            }
        }
    }

    private Fault Failure(Step step, ResolvedCommand command, ProcessResult ended) => new(
        Outcome.BuildFailed,
        $"{component.Name}: step {step.Name} failed, {ended.Ending}: `{command.Text}`",
        $"{component.Name}, step {step.Name} ({step.At})",
        ended.TimedOut
            ? $"the step's bound is {Duration.Text(step.Timeout)} (`timeout:` on the step changes it); the whole output is in {command.Command.LogFile}"
            : $"the whole output is in {command.Command.LogFile}",
        ended.Tail);

    private static string KindOf(Step step) => step.Kind.ToString().ToLowerInvariant();
}
