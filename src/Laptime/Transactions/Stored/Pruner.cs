using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Transactions.Stored;

/// <summary>What pruning a store does, or would do.</summary>
/// <param name="Attestations">Tags of attestations that go with their subjects.</param>
/// <param name="Blobs">Blobs and manifests that nothing refers to then; empty for a registry, which collects them itself.</param>
/// <param name="Leftovers">Files that killed writers left.</param>
public sealed record PrunePlan(IReadOnlyList<PruneDecision> Decisions, IReadOnlyList<string> Attestations, IReadOnlyList<StoredBlob> Blobs, IReadOnlyList<string> Leftovers)
{
    public IEnumerable<ArtifactEntry> Going => Decisions.Where(d => d.Goes).Select(d => d.Entry);

    /// <summary>What is freed. In a registry: what those alone refer to, freed when it collects its garbage.</summary>
    public required long Bytes { get; init; }

    /// <summary>What a person has to know of it; null: nothing.</summary>
    public string? Note { get; init; }

    public bool IsEmpty => Attestations.Count + Blobs.Count + Leftovers.Count == 0 && !Decisions.Any(d => d.Goes);
}

/// <summary>
/// Takes artifacts that nobody needs out of a store. A folder is pruned alone: while any other lap uses it nothing is removed, so that what a deploy found
/// stays until that deploy has ended. A registry gives no such lock; there only what the rules let go is removed, each manifest by its digest.
/// </summary>
public sealed class Pruner(ArtifactStore store)
{
    /// <summary>What would go. Changes nothing.</summary>
    public async Task<PrunePlan> PlanAsync(IReadOnlyList<PruneDecision> decisions, IEnumerable<Digest> deployed, CancellationToken cancel)
    {
        var staying = decisions.Where(d => !d.Goes).Select(d => d.Entry).ToList();
        var kept = staying.Select(e => e.Artifact).Concat(deployed).ToHashSet();
        if (store is not OciLayoutStore)
        {
            // One manifest may have several tags, and removing it removes them all.
            decisions = [.. decisions.Select(d => d.Goes && kept.Contains(d.Entry.Artifact) ? d with { Goes = false, Why = "the same artifact as one that stays" } : d)];
        }

        var tags = await store.ListTagsAsync(cancel);
        var going = decisions.Where(d => d.Goes).Select(d => d.Entry).ToList();
        var goingTags = going.Select(e => e.Tag!).ToHashSet(StringComparer.Ordinal);
        var attestations = new List<string>();
        foreach (var tag in tags.Where(t => t.StartsWith("att-", StringComparison.Ordinal)))
        {
            if (await LosesSubjectAsync(tag, kept, tags, goingTags, cancel))
            {
                attestations.Add(tag);
            }
        }

        if (store is not OciLayoutStore layout)
        {
            var remaining = staying.SelectMany(BlobsOf).Select(b => b.Digest).ToHashSet();
            return new PrunePlan(decisions, attestations, [], []) { Bytes = going.SelectMany(BlobsOf).DistinctBy(b => b.Digest).Where(b => !remaining.Contains(b.Digest)).Sum(b => b.Size) };
        }

        var gone = goingTags.Concat(attestations).ToHashSet(StringComparer.Ordinal);
        var roots = kept.ToHashSet();
        foreach (var (tag, manifest) in await layout.EntriesAsync(cancel))
        {
            if (tag is null || !gone.Contains(tag))
            {
                roots.Add(manifest.Digest);
            }
        }

        roots.UnionWith(tags.Where(t => !gone.Contains(t)).Select(t => layout.ReadTag(t) ?? Digest.None));
        var (reachable, damaged) = await ReachableAsync(roots, cancel);
        // What a damaged manifest refers to nobody can say: then every blob may be needed.
        var blobs = damaged ? [] : layout.Blobs().Where(b => !reachable.Contains(b.Digest)).ToList();
        var leftovers = layout.Leftovers();
        return new PrunePlan(decisions, attestations, blobs, leftovers)
        {
            Note = damaged ? "no blob is removed while an artifact that stays is damaged: `lap artifacts verify` names it" : null,
            Bytes = blobs.Sum(b => b.Size) + leftovers.Sum(l => new FileInfo(l).Length),
        };
    }

    /// <summary>Removes what the plan says. For a folder the caller holds it alone (<see cref="OciLayoutStore.AloneAsync"/>) since the plan was made.</summary>
    /// <exception cref="StoreException">The store failed, or a registry refuses to delete.</exception>
    public async Task RunAsync(PrunePlan plan, CancellationToken cancel)
    {
        if (store is not OciLayoutStore layout)
        {
            await RunInRegistryAsync(plan, cancel);
            return;
        }

        foreach (var tag in plan.Attestations)
        {
            await store.RemoveTagAsync(tag, cancel);
        }

        foreach (var entry in plan.Going)
        {
            await store.UntagAsync(entry.Fingerprint, cancel);
        }

        foreach (var blob in plan.Blobs)
        {
            await layout.RemoveBlobAsync(blob.Digest, cancel);
        }

        foreach (var leftover in plan.Leftovers)
        {
            File.Delete(leftover);
        }
    }

    private async Task RunInRegistryAsync(PrunePlan plan, CancellationToken cancel)
    {
        try
        {
            // Artifacts first: an attestation whose subject is gone is found by nobody, and goes the next time.
            foreach (var entry in plan.Going.Where(e => !e.Artifact.IsNone).DistinctBy(e => e.Artifact))
            {
                await store.RemoveManifestAsync(entry.Artifact, cancel);
            }

            foreach (var tag in plan.Attestations)
            {
                if (await store.ResolveAsync(tag, cancel) is { } attestation)
                {
                    await store.RemoveManifestAsync(attestation.Digest, cancel);
                }
            }
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Refused)
        {
            throw new StoreException(StoreFailure.Refused, e.Fault with
            {
                Mend = $"{e.Fault.Mend}; prune again then, and let the registry collect its garbage, which alone frees the space (docker-registry garbage-collect CONFIG)",
            }, e);
        }
    }

    private static IEnumerable<Descriptor> BlobsOf(ArtifactEntry entry) => entry.Manifests.SelectMany(m => m.Blobs.Append(m.Descriptor));

    /// <summary>An attestation goes when what it speaks of is gone. One that cannot be read goes with its fingerprint's tag, and stays while that is there.</summary>
    private async Task<bool> LosesSubjectAsync(string tag, HashSet<Digest> kept, IReadOnlyList<string> tags, HashSet<string> going, CancellationToken cancel)
    {
        var subjectTag = "fp-" + tag["att-".Length..];
        try
        {
            if (await store.GetManifestAsync(tag, cancel) is not { } manifest)
            {
                return false;
            }

            var subject = Attestation.Parse(manifest.Bytes).Subject.Digest;
            if (kept.Contains(subject))
            {
                return false;
            }

            return going.Contains(subjectTag) || (!tags.Contains(subjectTag) && await store.GetManifestAsync(subject, cancel) is null);
        }
        catch (Exception e) when (e is FormatException or StoreException { Failure: StoreFailure.Damaged or StoreFailure.Absent })
        {
            return going.Contains(subjectTag);
        }
    }

    /// <summary>Manifests and everything they refer to; and whether one of them cannot be read.</summary>
    private async Task<(HashSet<Digest> Reached, bool Damaged)> ReachableAsync(IEnumerable<Digest> roots, CancellationToken cancel)
    {
        var reached = new HashSet<Digest>();
        var isDamaged = false;
        var open = new Queue<Digest>(roots);
        while (open.TryDequeue(out var digest))
        {
            if (digest.IsNone || !reached.Add(digest))
            {
                continue;
            }

            try
            {
                if (await store.GetManifestAsync(digest, cancel) is { } manifest)
                {
                    reached.UnionWith(manifest.Blobs.Select(b => b.Digest));
                    foreach (var below in manifest.Manifests)
                    {
                        open.Enqueue(below.Digest);
                    }
                }
            }
            catch (StoreException e) when (e.Failure == StoreFailure.Damaged)
            {
                isDamaged = true;
            }
        }

        return (reached, isDamaged);
    }
}
