using System.Collections.Concurrent;
using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Targets;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>Where a command works: one environment of one workspace, under one profile.</summary>
public sealed record DeployScope(Workspace Workspace, DeployEnvironment Environment, Profile? Profile, TemplateScope Names, WorkspaceFolder Folder)
{
    /// <summary>The environment's own folder below <c>.laptime</c>.</summary>
    public string EnvironmentFolder => Folder.Environment(Environment.Name);

    /// <summary>Where the parts of a component's verified fingerprint are kept.</summary>
    public string FingerprintFile(string component, Digest fingerprint) => Path.Combine(EnvironmentFolder, $"{component}.{fingerprint.ToHex()[..16]}.fingerprint");

    /// <summary>Removes the parts of fingerprints that no record names any more.</summary>
    public void PruneFingerprints(string component, IEnumerable<Digest> kept)
    {
        var names = kept.Select(k => FingerprintFile(component, k)).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(EnvironmentFolder, component + ".????????????????.fingerprint").Where(f => !names.Contains(f)))
        {
            File.Delete(file);
        }
    }
}

/// <summary>What was found before planning.</summary>
/// <param name="Scan">The inputs.</param>
/// <param name="Tools">What each `tool:` command printed, by component and step.</param>
/// <param name="Observed">What the target said.</param>
/// <param name="ObservedAt">When it was asked.</param>
/// <param name="Lookups">What was found of the components whose artifact was looked for.</param>
public sealed record Detected(
    WorkspaceScan Scan, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Tools, PlanningFacts Facts, IReadOnlyList<Observed> Observed, DateTimeOffset ObservedAt,
    ConcurrentDictionary<string, LookupAnswer> Lookups);

/// <summary>Reads everything that a plan follows from: inputs, tools, artifacts, the target, the records. Reads only; asked for by plan, why and deploy alike.</summary>
/// <param name="lookup">Finds prebuilt artifacts; null: there is nowhere to look.</param>
/// <param name="target">Null: nothing is deployed, so nothing is asked.</param>
public sealed class Detector(
    DeployScope scope, ArtifactStore store, ArtifactLookup? lookup, Target? target, ProcessRunner runner, Func<string, string?> environmentVariable, TimeProvider clock)
{
    private static readonly TimeSpan ToolBound = TimeSpan.FromSeconds(30);

    /// <param name="toAct">True for a deploy: the stat index is written, and a target that cannot be read ends it. A question writes nothing, and goes on.</param>
    public async Task<Detected> DetectAsync(DeployOptions options, bool toAct, Timeline timeline, CancellationToken cancel)
    {
        TargetFit.Require(scope.Workspace, scope.Environment, options.Selected);
        var observedAt = clock.GetUtcNow();
        var asking = timeline.Begin("lookup", kind: "target");
        var observing = ObserveAsync(asking, cancel);

        var remembering = RememberedAsync();
        WorkspaceScan scan;
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> tools;
        using var detect = timeline.Begin("detect");
        try
        {
            var versions = ToolsAsync(options, cancel);
            scan = Fingerprinter.Scan(scope.Workspace, new ScanOptions { Full = options.Full, SaveIndex = toAct, IndexPath = scope.Folder.Index }, cancel);
            tools = await versions;
        }
        catch
        {
            detect.End("failed");
            await observing.ContinueWith(static _ => { }, TaskScheduler.Default);
            throw;
        }

        // What a bootstrap takes down cannot be known before: then everything is planned, whatever was named.
        var infra = new Bootstrap(scope).Facts(scan);
        var bootstraps = infra?.Plan is not null && !options.OnlyPrebuilt;
        var widened = bootstraps ? options.Selected : null;
        options = bootstraps ? options with { Selected = null } : options;
        var records = await remembering;
        var recorded = new Dictionary<string, ComponentFingerprint>(StringComparer.Ordinal);
        var fingerprints = new Dictionary<string, ComponentFingerprint>(StringComparer.Ordinal);
        var artifacts = new Dictionary<string, Digest>(StringComparer.Ordinal);
        var settings = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        var lookups = new ConcurrentDictionary<string, LookupAnswer>(StringComparer.Ordinal);
        var asked = new Dictionary<string, Task<LookupAnswer>>(StringComparer.Ordinal);
        foreach (var component in lookup is null ? Order.ByUses(scope.Workspace) : Order.ByDepth(scope.Workspace))
        {
            foreach (var used in component.Uses)
            {
                await TakeAsync(used);
            }

            var fingerprint = Fingerprint(component, scan, tools, options, used => UsedDigest(used, options, fingerprints, artifacts, records));
            fingerprints[component.Name] = fingerprint;
            if (records.TryGetValue(component.Name, out var history) && Recorded(component.Name, history[0].Fingerprint, fingerprint) is { } before)
            {
                recorded[component.Name] = before;
            }

            if (!options.OnlyPrebuilt && await store.FindAsync(fingerprint.Value, cancel) is { } artifact)
            {
                artifacts[component.Name] = artifact;
            }

            // What is here already was built here, or fetched before; the safe loop wants to know who built it.
            if (lookup is not null && !options.Force && (options.Selected?.Contains(component.Name) ?? true)
                && (scope.Environment.Loop == Loop.Safe || options.OnlyPrebuilt || !artifacts.ContainsKey(component.Name)))
            {
                asked.Add(component.Name, lookup.FindAsync(component.Name, fingerprint.Value, scan.Files(component.Name).Select(f => f.Path), timeline, cancel));
            }

            settings[component.Name] = DeploymentKey.SettingsOf(component, scope.Names.For(component));
            if (scope.Environment.Kubernetes is not null && component.Run is not null)
            {
                settings[component.Name] = DeploymentKey.With(settings[component.Name], "objects", scan.Files("stack:" + scope.Environment.Name));
            }
        }

        foreach (var left in asked.Keys.ToList())
        {
            await TakeAsync(left);
        }

        detect.End();
        IReadOnlyList<Observed> observed = [];
        string? unreadable = null;
        try
        {
            observed = await observing;
        }
        catch (FaultException e) when (!toAct || bootstraps)
        {
            unreadable = e.Fault.What;
        }

        var facts = new PlanningFacts
        {
            Fingerprints = fingerprints,
            Artifacts = artifacts,
            Prebuilt = lookups.Where(l => l.Value is LookupAnswer.Prebuilt).Select(l => l.Key).ToHashSet(StringComparer.Ordinal),
            RunSettings = settings,
            Observed = RunningOf(observed),
            Unreadable = unreadable,
            Records = records.ToDictionary(r => r.Key, r => r.Value[0], StringComparer.Ordinal),
            RecordedFingerprints = recorded,
            Selected = options.Selected,
            Infra = infra,
            Widened = widened,
            Force = options.Force,
            OnlyBuild = target is null,
            Full = options.Full,
        };
        return new Detected(scan, tools, facts, observed, observedAt, lookups);

        async Task TakeAsync(string name)
        {
            if (asked.Remove(name, out var answer))
            {
                lookups[name] = await answer;
                if (lookups[name] is LookupAnswer.Prebuilt found)
                {
                    artifacts[name] = found.Artifact;
                }
            }
        }
    }

    public static IReadOnlyDictionary<string, Running> RunningOf(IReadOnlyList<Observed> observed) => observed.ToDictionary(
        o => o.Component,
        o => new Running(
            o.Artifact, o.DeploymentKey, o.Fingerprint, o.Revision, o.Serving && o.Reflected != Signals.SignalStatus.Fail,
            o.Detail ?? (o.Reflected == Signals.SignalStatus.Fail ? $"it answers, but not as {o.Revision}" : null)) { Transaction = o.Transaction, Loaded = o.Loaded },
        StringComparer.Ordinal);

    /// <summary>The fingerprint of one component; <paramref name="used"/> gives the digest that stands for a component it uses.</summary>
    public ComponentFingerprint Fingerprint(
        Component component, WorkspaceScan scan, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> tools, DeployOptions options, Func<string, Digest> used)
    {
        var names = scope.Names.For(component);
        return Fingerprinter.Compute(scan, new FingerprintInputs
        {
            Component = component.Name,
            Variables = component.Vars.Distinct().ToDictionary(v => v, environmentVariable, StringComparer.Ordinal),
            Profile = scope.Profile?.Name,
            ProfileVars = scope.Profile?.Vars ?? new Dictionary<string, string>(),
            Steps =
            [
                .. component.Build.Steps.Where(s => ParityGap.Runs(s, scope.Environment.Loop, options.Full)).Select(s => new ResolvedStep(
                    s.Name, s.Kind, s.Run is CommandLine.Shell, [.. Resolve(s.Run, names)],
                    s.Env.ToDictionary(e => e.Key, e => e.Value.Resolve(names), StringComparer.Ordinal))),
            ],
            Outputs = component.Build.Outputs,
            Tools = tools.GetValueOrDefault(component.Name) ?? new Dictionary<string, string>(),
            Uses = component.Uses.ToDictionary(u => u, used, StringComparer.Ordinal),
            Settings = ImageInputs.Of(component, names),
        });
    }

    public static IReadOnlyList<string> Resolve(CommandLine command, Func<string, string?> names) => command switch
    {
        CommandLine.Shell shell => [shell.Text.Resolve(names)],
        CommandLine.Exec exec => [.. exec.Arguments.Select(a => a.Resolve(names))],
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>
    /// The artifact of a used component; while it must still be built, its fingerprint stands for it. One that is not selected is never built here:
    /// its last verified artifact serves when it has no artifact for its present inputs.
    /// </summary>
    private static Digest UsedDigest(
        string used, DeployOptions options, Dictionary<string, ComponentFingerprint> fingerprints, Dictionary<string, Digest> artifacts,
        IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> records)
    {
        if (artifacts.TryGetValue(used, out var artifact) && !(options.Force && (options.Selected?.Contains(used) ?? true)))
        {
            return artifact;
        }

        return options.Selected is { } selected && !selected.Contains(used) && records.TryGetValue(used, out var history)
            ? history[0].Artifact
            : fingerprints[used].Value;
    }

    /// <summary>What was verified before. Read while the files are walked.</summary>
    private async Task<IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>>> RememberedAsync()
    {
        await Task.Yield();
        return new StateStore(scope.EnvironmentFolder).Load();
    }

    /// <summary>The parts of the fingerprint that was verified last. Where it is the one of now they need not be read: there are as many as files.</summary>
    private ComponentFingerprint? Recorded(string component, Digest verified, ComponentFingerprint now) =>
        verified == now.Value ? now : FingerprintRecord.Load(scope.FingerprintFile(component, verified));

    private async Task<IReadOnlyList<Observed>> ObserveAsync(SegmentScope lookup, CancellationToken cancel)
    {
        try
        {
            // On another thread from its first step: the caller's own goes on to the files.
            await Task.Yield();
            IReadOnlyList<Observed> observed = target is null ? [] : await target.ObserveAsync(cancel);
            lookup.End();
            return observed;
        }
        catch
        {
            lookup.End("failed");
            throw;
        }
    }

    private async Task<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> ToolsAsync(DeployOptions options, CancellationToken cancel)
    {
        var asked = new List<(string Component, string Step, Task<string> Version)>();
        foreach (var component in scope.Workspace.Components)
        {
            foreach (var step in component.Build.Steps)
            {
                if (step.Tool is { } tool && ParityGap.Runs(step, scope.Environment.Loop, options.Full))
                {
                    asked.Add((component.Name, step.Name, ToolAsync(component, step, tool, cancel)));
                }
            }
        }

        var tools = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        foreach (var group in asked.GroupBy(a => a.Component))
        {
            var versions = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var (_, step, version) in group)
            {
                versions[step] = await version;
            }

            tools[group.Key] = versions;
        }

        return tools;
    }

    /// <summary>A failing tool command is an error: its step would run with a tool that nobody knows.</summary>
    private async Task<string> ToolAsync(Component component, Step step, CommandLine tool, CancellationToken cancel)
    {
        var words = Resolve(tool, scope.Names.For(component));
        var directory = Path.Combine(scope.Workspace.Root, component.Path);
        var command = tool is CommandLine.Shell ? Command.Shell(words[0], directory) : new Command { Program = words[0], Arguments = [.. words.Skip(1)], Directory = directory };
        var printed = new List<string>();
        var result = await runner.RunAsync(command with { Deadline = ToolBound, Secrets = scope.Names.Secrets }, line => { if (!line.IsError) { printed.Add(line.Text); } }, cancel);
        return result.Succeeded
            ? string.Join('\n', printed).Trim()
            : throw new FaultException(new Fault(
                Outcome.BuildFailed, $"{component.Name}: the tool command of step {step.Name} failed: {string.Join(' ', words)}: {result.Ending}", step.At.ToString(),
                "install the tool, or correct `tool:`", result.Tail));
    }
}
