using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Building;
using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>Builds what a plan builds, in the order of `uses`, and plans again what waited for it: an artifact that comes out the same stops the wave.</summary>
/// <remarks>
/// What comes from a store is brought here first and read whole: an artifact that turns out damaged, or gone, is built like one that was never there (in the
/// safe loop it ends the transaction), and what uses it is planned again.
/// </remarks>
internal sealed class BuildPhase(
    TransactionRun run, Detected detected, Detector detector, ArtifactStore store, ArtifactFetch fetch, ArtifactLookup? lookup, EarlierBuilds earlier, Builder builder, Action<BuildLine>? onLine)
{
    private readonly ImageStore images = new(store, run.Scope.Workspace.Root, Path.Combine(run.Scope.Folder.Path, "images"), builder.Runner, run.Clock);
    private readonly Lock gate = new();
    private readonly Dictionary<string, PlannedComponent> current = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> segments = new(StringComparer.Ordinal);

    public async Task<Plan> RunAsync(Plan plan, CancellationToken cancel)
    {
        foreach (var component in plan.Components)
        {
            current.Add(component.Name, component);
        }

        await FetchAllAsync(plan, cancel);
        var work = Rebuilt(plan);
        var nodes = plan.Components.Where(c => work.Contains(c.Name)).Select(c => new BuildNode(c.Name, [.. run.Scope.Workspace.Find(c.Name)!.Uses.Where(work.Contains)])).ToList();
        run.Check(await BuildGraph.RunAsync(nodes, OneAsync, run.Options.Parallel, cancel), "built");
        return plan with { Components = [.. plan.Components.Select(c => current[c.Name])] };
    }

    /// <summary>Everything that is not built is brought here, side by side: none waits for another.</summary>
    private async Task FetchAllAsync(Plan plan, CancellationToken cancel)
    {
        var used = plan.Components.Where(c => c.Builds).SelectMany(c => run.Scope.Workspace.Find(c.Name)!.Uses).ToHashSet(StringComparer.Ordinal);
        var nodes = plan.Components.Where(c => !c.Builds && (c.RollsOut || (c.Prebuilt && (used.Contains(c.Name) || !run.Options.OnlyPrebuilt)))).Select(c => new BuildNode(c.Name, [])).ToList();
        run.Check(await BuildGraph.RunAsync(nodes, async (node, token) => await FetchAsync(node.Name, token), Math.Max(run.Options.Parallel, 4), cancel), "fetched");
    }

    /// <summary>Brings one here, or plans its build and says why.</summary>
    private async Task<PlannedComponent> FetchAsync(string name, CancellationToken cancel)
    {
        PlannedComponent planned;
        lock (gate)
        {
            planned = current[name];
        }

        if (await fetch.TryAsync(planned, detected.Lookups.GetValueOrDefault(name) as LookupAnswer.Prebuilt, run.Timeline, cancel) is { } fallback)
        {
            if (run.Scope.Environment.Loop == Loop.Safe)
            {
                throw SafeLoop.Refusal([(name, fallback)]);
            }

            var facts = detected.Facts with
            {
                Artifacts = detected.Facts.Artifacts.Where(a => a.Key != name).ToDictionary(StringComparer.Ordinal),
                Fingerprints = new Dictionary<string, ComponentFingerprint>(detected.Facts.Fingerprints, StringComparer.Ordinal) { [name] = planned.Fingerprint },
            };
            planned = Planner.PlanOne(run.Scope.Workspace.Find(name)!, facts, new Dictionary<string, PlannedComponent>());
            run.Tell(ComponentReports.Describe(planned, detected) with { Fallback = fallback.Reason, FallbackDetail = fallback.Why });
            lock (gate)
            {
                current[name] = planned;
            }
        }

        return planned;
    }

    /// <summary>What is built, and what uses, near or far, something that was to be fetched and is built after all: its fingerprint follows from what comes out.</summary>
    private HashSet<string> Rebuilt(Plan plan)
    {
        var work = plan.Components.Where(c => current[c.Name].Builds).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        var fallen = plan.Components.Where(c => !c.Builds && current[c.Name].Builds).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var component in Order.ByUses(run.Scope.Workspace))
        {
            if (current.ContainsKey(component.Name) && component.Uses.Any(fallen.Contains))
            {
                fallen.Add(component.Name);
                work.Add(component.Name);
            }
        }

        return work;
    }

    private async Task OneAsync(BuildNode node, CancellationToken cancel)
    {
        var component = run.Scope.Workspace.Find(node.Name)!;
        PlannedComponent planned;
        int[] after;
        lock (gate)
        {
            planned = current[node.Name];
            after = [.. node.After.Where(segments.ContainsKey).Select(u => segments[u])];
        }

        if (node.After.Count > 0)
        {
            planned = await PlanAgainAsync(component, cancel);
            lock (gate)
            {
                current[node.Name] = planned;
            }

            if (!planned.Builds && planned.RollsOut)
            {
                planned = await FetchAsync(node.Name, cancel);
            }
        }

        if (planned.Builds)
        {
            using var segment = run.Timeline.Begin("build", component.Name, after: after);
            lock (gate)
            {
                segments[component.Name] = segment.Id;
            }

            try
            {
                planned = await MakeAsync(component, planned, segment.Id, cancel);
                segment.End();
            }
            catch (FaultException)
            {
                segment.End("failed");
                throw;
            }
        }

        lock (gate)
        {
            current[node.Name] = planned;
        }
    }

    /// <summary>After what it uses was built: with equal artifacts its fingerprint is one that is known.</summary>
    private async Task<PlannedComponent> PlanAgainAsync(Component component, CancellationToken cancel)
    {
        var fingerprint = detector.Fingerprint(component, detected.Scan, detected.Tools, run.Options, used => ArtifactOf(used) is { IsNone: false } artifact
            ? artifact
            : detected.Facts.Records.GetValueOrDefault(used)?.Artifact ?? Digest.None);
        var artifacts = new Dictionary<string, Digest>(detected.Facts.Artifacts, StringComparer.Ordinal);
        artifacts.Remove(component.Name);
        var prebuilt = new HashSet<string>(detected.Facts.Prebuilt.Where(p => p != component.Name), StringComparer.Ordinal);
        if (!run.Options.OnlyPrebuilt && await store.FindAsync(fingerprint.Value, cancel) is { } known)
        {
            artifacts[component.Name] = known;
        }
        else if (lookup is not null && !run.Options.Force && await lookup.FindAsync(component.Name, fingerprint.Value, [], run.Timeline, cancel) is LookupAnswer.Prebuilt found)
        {
            artifacts[component.Name] = found.Artifact;
            prebuilt.Add(component.Name);
            detected.Lookups[component.Name] = found;
        }

        var facts = detected.Facts with
        {
            Artifacts = artifacts,
            Prebuilt = prebuilt,
            Fingerprints = new Dictionary<string, ComponentFingerprint>(detected.Facts.Fingerprints, StringComparer.Ordinal) { [component.Name] = fingerprint },
        };
        var again = Planner.PlanOne(component, facts, new Dictionary<string, PlannedComponent>());
        run.Tell(ComponentReports.Describe(again, detected));
        await earlier.TakeAsync(again, cancel);
        if (!again.Builds)
        {
            run.Count(c => c with { Reused = c.Reused + 1, Skipped = c.Skipped + (again.Action == ActionKind.Skip ? 1 : 0) });
        }

        return again;
    }

    /// <summary>Runs the steps, watches for edits under way, stores what came out.</summary>
    private async Task<PlannedComponent> MakeAsync(Component component, PlannedComponent planned, int parent, CancellationToken cancel)
    {
        var began = run.Timeline.Now;
        var onto = component.Build.Image?.BaseComponent is { } below ? UsedArtifact(component, below) : Digest.None;
        var result = await builder.BuildAsync(
            new BuildRequest
            {
                Root = run.Scope.Workspace.Root,
                Component = component,
                Profile = run.Scope.Profile,
                Loop = run.Scope.Environment.Loop,
                Full = run.Options.Full,
                Values = run.Scope.Names.For(component),
                Fingerprint = planned.Fingerprint,
                Secrets = run.Scope.Names.Secrets,
                UsedArtifacts = await UnpackUsedAsync(component, parent, cancel),
                OtherInputs = OtherInputs(component),
                LogFolder = Path.Combine(run.Scope.Folder.Logs, "build", run.Id),
            },
            run.Timeline, parent, onLine, cancel);
        foreach (var warning in result.Warnings)
        {
            run.Log.Warn($"{component.Name}: {warning}");
        }

        foreach (var step in result.Steps)
        {
            if (step.Earlier is { } ran)
            {
                run.Built(new EarlierWork(step.Segment.Name, component.Name, ran.Start, ran.End));
            }
        }

        // Whether it may be cached is found out while it is packed: only then it gets the name that it is found by.
        var looking = EditedAsync(component, parent, cancel);
        IReadOnlyList<string> edited;
        Digest made;
        using (var publish = run.Timeline.Begin("publish", component.Name, "local", parent))
        {
            try
            {
                made = result.Image is null ? await store.StoreAsync(result.Outputs, Digest.None, cancel) : Digest.None;
            }
            finally
            {
                await ((Task)looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            edited = await looking;
            if (edited.Count > 0)
            {
                await store.UntagAsync(planned.Fingerprint.Value, cancel);
            }

            if (result.Image is { } image)
            {
                made = await images.StoreAsync(On(image, onto), edited.Count > 0 ? Digest.None : planned.Fingerprint.Value, cancel);
            }
            else if (edited.Count == 0)
            {
                await store.TagAsync(planned.Fingerprint.Value, made, cancel);
            }

            if (edited.Count == 0)
            {
                await store.RecordOriginAsync(
                    planned.Fingerprint.Value, new ArtifactOrigin(run.Id, run.Timeline.Started.AddSeconds(began), run.Timeline.Started.AddSeconds(run.Timeline.Now))
                    {
                        Component = component.Name, Profile = run.Scope.Profile?.Name,
                    }, cancel);
            }

            publish.End();
        }

        if (edited.Count > 0)
        {
            run.Taint(component.Name);
            run.Log.Warn($"{component.Name}: {string.Join(", ", edited.Take(3))}{(edited.Count > 3 ? $" and {edited.Count - 3} more" : "")} changed while it was built: "
                + "this artifact is deployed but not cached; the next deploy builds again");
        }

        run.Count(c => c with { Built = c.Built + 1 });
        var key = component.Run is null ? Digest.None : DeploymentKey.Of(made, detected.Facts.RunSettings[component.Name]);
        run.Tell(run[component.Name] with
        {
            Artifact = made.ToString(),
            DeploymentKey = key.IsNone ? null : key.ToString(),
            ArtifactSource = "built",
            Provenance = null,
            Revision = ComponentReports.Revision(component.Name, made),
        });
        return planned with { Artifact = made, DeploymentKey = key };
    }

    /// <summary>Inputs that changed since they were fingerprinted: what was built is what was fingerprinted only if there are none.</summary>
    private async Task<IReadOnlyList<string>> EditedAsync(Component component, int parent, CancellationToken cancel)
    {
        using var check = run.Timeline.Begin("detect", component.Name, "taint", parent);
        await Task.Yield();
        IReadOnlyList<string> edited = Fingerprinter.StillAs(detected.Scan, run.Scope.Workspace, run.Scope.Folder.Index) ? [] : WorkspaceScan.Changed(
            detected.Scan,
            Fingerprinter.Scan(run.Scope.Workspace, new ScanOptions { SaveIndex = true, IndexPath = run.Scope.Folder.Index }, cancel),
            component.Name);
        check.End();
        return edited;
    }

    private async Task<IReadOnlyDictionary<string, string>> UnpackUsedAsync(Component component, int parent, CancellationToken cancel)
    {
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        // The image that its own is put on is no files for its steps.
        var files = component.Uses.Where(u => u != component.Build.Image?.BaseComponent).ToList();
        if (files.Count == 0)
        {
            return folders;
        }

        using var unpack = run.Timeline.Begin("lookup", component.Name, "uses", parent);
        foreach (var used in files)
        {
            var artifact = UsedArtifact(component, used);
            var folder = Path.Combine(run.Scope.Folder.Path, "uses", artifact.ToHex()[..16]);
            run.Scope.Folder.Create(Path.GetDirectoryName(folder));
            await store.UnpackAsync(artifact, folder, cancel);
            folders[used] = folder;
        }

        unpack.End();
        return folders;
    }

    /// <summary>What the component is built with: the used one's artifact, or the last that was verified when it was not asked for.</summary>
    private Digest UsedArtifact(Component component, string used)
    {
        if (ArtifactOf(used) is { IsNone: false } artifact)
        {
            return artifact;
        }

        var verified = detected.Facts.Records.GetValueOrDefault(used)?.Artifact ?? Digest.None;
        if (verified.IsNone)
        {
            throw new FaultException(new Fault(
                Outcome.BuildFailed, $"{component.Name} uses {used}, which was never built", component.At.ToString(), $"lap deploy {used} {component.Name}"));
        }

        run.Log.Warn($"{component.Name} is built with the last verified artifact of {used}, whose own changes were not asked for");
        return verified;
    }

    /// <summary>A base that is a component is what that one was built as.</summary>
    private static BuiltImage On(BuiltImage image, Digest onto) =>
        image is BuiltImage.Layered layered && !onto.IsNone ? layered with { Settings = layered.Settings with { Base = onto.ToString() } } : image;

    /// <summary>The artifact of a used component, as it was just built or as it is known; none otherwise.</summary>
    private Digest ArtifactOf(string used)
    {
        lock (gate)
        {
            return current.TryGetValue(used, out var upstream) && !upstream.Artifact.IsNone ? upstream.Artifact : detected.Facts.Artifacts.GetValueOrDefault(used);
        }
    }

    private HashSet<string> OtherInputs(Component component) =>
        [.. run.Scope.Workspace.Components.Where(c => c != component).SelectMany(c => detected.Scan.Files(c.Name)).Select(f => f.Path)];
}
