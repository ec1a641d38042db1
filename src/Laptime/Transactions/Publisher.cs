using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Building;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>Who publishes, and what of.</summary>
/// <param name="Source">The event that the commit came from.</param>
/// <param name="Builder">A URI that names who builds.</param>
/// <param name="Key">Signs.</param>
/// <param name="LapVersion">Of this lap.</param>
public sealed record Publication(SourceEvent Source, string Builder, SigningKey Key, string LapVersion);

/// <summary>
/// Builds what has no trusted artifact yet, from a clean checkout, and puts it into the shared store with signed provenance. The attestation is written last:
/// a look-up finds an artifact whole or not at all, and of two publishers at once either one's, never half of each.
/// </summary>
/// <param name="scope">Of the clean checkout.</param>
/// <param name="own">The workspace's own store: what is published can be deployed from here at once.</param>
/// <param name="lookup">Finds what is published already; its shared store is published to.</param>
public sealed class Publisher(
    DeployScope scope, OciLayoutStore own, ArtifactLookup lookup, Publication publication, ProcessRunner runner, Func<string, string?> environmentVariable, Action<BuildLine>? onLine,
    TransactionLog log, TimeProvider clock)
{
    private const int AtOnce = 4;

    /// <param name="options">Selected, Force, Full and Parallel count.</param>
    public Task<TransactionDocument> PublishAsync(DeployOptions options, Timeline timeline, CancellationToken cancel) => TransactionFrame.RunAsync(
        new TransactionRun(scope, options with { OnlyPrebuilt = true }, timeline, log, clock),
        run => WorkAsync(run, cancel),
        () => Task.FromResult(new TriggerReport(publication.Source.Event == SourceEvent.MergeToMain ? "merge" : "commit", publication.Source.CommittedAt, publication.Source.Commit, false)),
        () => Task.CompletedTask, cancel);

    private async Task<Outcome> WorkAsync(TransactionRun run, CancellationToken cancel)
    {
        var detector = new Detector(scope, own, lookup, null, runner, environmentVariable, clock);
        var detected = await detector.DetectAsync(run.Options, toAct: true, run.Timeline, cancel);
        if (await lookup.ReadyAsync(run.Timeline, cancel) is { } news)
        {
            log.Warn(news);
        }

        var plan = Plan(run, detected);
        log.Change(d => d with { ParityGaps = ParityGap.OfBuild(scope.Workspace, scope.Environment, scope.Profile?.Name, run.Options.Selected, run.Options.Full) });
        if (!plan.HasChanges)
        {
            return Outcome.Unchanged;
        }

        using (var wait = run.Timeline.Begin("wait", kind: "journal"))
        {
            log.Begin(ProcessOwner.Current());
            wait.End();
        }

        var began = run.Clock.GetUtcNow();
        var builder = new Builder(runner, clock);
        var built = await new BuildPhase(
            run, detected, detector, own, new ArtifactFetch(own, lookup.Shared), lookup, new EarlierBuilds(run, own, detected.Lookups), builder, onLine).RunAsync(plan, cancel);
        var published = built.Components.Where(c => c.Builds).Select(c => new BuildNode(c.Name, [])).ToList();
        run.Check(await BuildGraph.RunAsync(published, async (node, token) => await PublishOneAsync(run, detected, built, built.Components.First(c => c.Name == node.Name), began, token), AtOnce, cancel), "published");
        return published.Count > 0 ? Outcome.Published : Outcome.Unchanged;
    }

    /// <summary>What the store has with provenance that holds is left alone; everything else is built.</summary>
    private Plan Plan(TransactionRun run, Detected detected)
    {
        var plan = Planner.Make(scope.Workspace, scope.Environment, detected.Facts);
        foreach (var planned in plan.Components)
        {
            run.Tell(ComponentReports.Describe(planned, detected) with { Fallback = null, FallbackDetail = null });
        }

        run.Count(c => c with { Skipped = plan.Components.Count(p => p.Action == ActionKind.Skip) });
        return plan;
    }

    private async Task PublishOneAsync(TransactionRun run, Detected detected, Plan built, PlannedComponent planned, DateTimeOffset began, CancellationToken cancel)
    {
        if (run.IsTainted(planned.Name))
        {
            throw new FaultException(new Fault(
                Outcome.BuildFailed, $"{planned.Name}: its inputs changed while it was built, in a checkout that nobody else should write to: it is not published", planned.Name, "find out which step writes to its own inputs"));
        }

        using var publish = run.Timeline.Begin("publish", planned.Name, "shared");
        var fingerprint = planned.Fingerprint.Value;
        var manifest = await own.GetManifestAsync(planned.Artifact, cancel)
            ?? throw new FaultException(new Fault(Outcome.BuildFailed, $"{planned.Name}: the artifact {planned.Artifact.Short} was removed from the store before it was published", own.Name, "publish again"));
        var provenance = ProvenanceOf(run, detected, built, planned, began);
        var attestation = await Attestation.SignAsync(provenance, manifest.Descriptor, publication.Key, clock.GetUtcNow(), cancel);
        foreach (var store in ReferenceEquals(own, lookup.Shared) ? (ArtifactStore[])[own] : [own, lookup.Shared])
        {
            if (!ReferenceEquals(store, own))
            {
                await ArtifactCopy.CopyAsync(own, store, planned.Artifact, [ArtifactStore.TagOf(fingerprint)], cancel);
            }

            foreach (var (blob, content) in attestation.Blobs)
            {
                await store.PutBlobAsync(blob.MediaType, content, cancel);
            }

            await store.PutManifestAsync(StoredManifest.Read(attestation.Manifest, OciManifest.MediaType, store.Name), [Attestation.TagOf(fingerprint)], cancel);
        }

        run.Tell(run[planned.Name] with
        {
            Provenance = new ProvenanceReport(publication.Source.Event, publication.Source.Repository, publication.Source.Commit, publication.Builder, publication.Key.Public.Hint[..12], provenance.Finished),
        });
        publish.End();
    }

    private BuildProvenance ProvenanceOf(TransactionRun run, Detected detected, Plan built, PlannedComponent planned, DateTimeOffset began)
    {
        var component = scope.Workspace.Find(planned.Name)!;
        var segments = log.Document.Segments.Where(s => s.Component == planned.Name && s.Name.StartsWith("build/", StringComparison.Ordinal) && s.Seconds is not null).ToList();
        var tools = detected.Tools.GetValueOrDefault(planned.Name);
        var (count, inputs) = BuildProvenance.InputsOf(planned.Fingerprint);
        return new BuildProvenance
        {
            Component = planned.Name,
            Artifact = planned.Artifact,
            Fingerprint = planned.Fingerprint.Value,
            Source = publication.Source,
            Builder = publication.Builder,
            Invocation = run.Id,
            Started = began,
            Finished = clock.GetUtcNow(),
            Profile = scope.Profile?.Name,
            Loop = scope.Environment.Loop,
            Dirty = false,
            Steps =
            [
                .. segments.Select(s => (Segment: s, Step: component.Build.Steps.FirstOrDefault(b => "build/" + b.Name == s.Name))).Where(s => s.Step is not null)
                    .Select(s => new ProvenanceStep(s.Step!.Name, s.Step.Kind, s.Segment.Seconds!.Value, s.Segment.Cache ?? "none", tools?.GetValueOrDefault(s.Step.Name))),
            ],
            InputCount = count,
            InputsDigest = inputs,
            Uses =
            [
                .. component.Uses.Select(u => new UsedArtifact(u, built.Components.FirstOrDefault(c => c.Name == u)?.Artifact ?? detected.Facts.Artifacts.GetValueOrDefault(u))).Where(u => !u.Artifact.IsNone),
            ],
            LapVersion = publication.LapVersion,
        };
    }
}
