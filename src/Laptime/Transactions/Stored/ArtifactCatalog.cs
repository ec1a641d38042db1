using System.Collections.Concurrent;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Transactions.Stored;

/// <summary>Reads what a store holds. Changes nothing.</summary>
/// <param name="trust">The workspace's rules; null: attestations are not judged.</param>
/// <param name="transaction">A transaction of the journal by its id: it knows the component where the store does not.</param>
public sealed class ArtifactCatalog(ArtifactStore store, TrustPolicy? trust, Deployments deployments, Func<string, TransactionDocument?> transaction)
{
    private const string FingerprintTag = "fp-";
    private const int AtOnce = 8;
    private readonly ConcurrentDictionary<string, TransactionDocument?> transactions = new(StringComparer.Ordinal);

    /// <summary>By component, the newest first. Tags of other tools are left out.</summary>
    /// <exception cref="StoreException">The store cannot be read. A damaged artifact is an entry that says so.</exception>
    public async Task<IReadOnlyList<ArtifactEntry>> ReadAsync(CancellationToken cancel)
    {
        var tags = await store.ListTagsAsync(cancel);
        var attested = tags.ToHashSet(StringComparer.Ordinal);
        var found = new ConcurrentBag<ArtifactEntry>();
        await Parallel.ForEachAsync(tags.Select(FingerprintOf).OfType<Digest>(), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (fingerprint, token) =>
        {
            if (await TaggedAsync(fingerprint, attested, token) is { } entry)
            {
                found.Add(entry);
            }
        });

        var known = found.Select(e => e.Artifact).ToHashSet();
        foreach (var deployment in deployments.All.Where(d => known.Add(d.Artifact)))
        {
            // A tainted artifact has no tag, and may serve nonetheless.
            if (await UntaggedAsync(deployment, cancel) is { } entry)
            {
                found.Add(entry);
            }
        }

        return [.. found.OrderBy(e => e.Component is null).ThenBy(e => e.Component, StringComparer.Ordinal).ThenByDescending(e => e.BuiltAt ?? DateTimeOffset.MinValue)
            .ThenBy(e => e.Id.ToHex(), StringComparer.Ordinal)];
    }

    /// <summary>The fingerprint of a tag; null: it is another tool's.</summary>
    public static Digest? FingerprintOf(string tag) =>
        tag.StartsWith(FingerprintTag, StringComparison.Ordinal) && Digest.TryParse("sha256:" + tag[FingerprintTag.Length..], out var fingerprint) ? fingerprint : null;

    /// <summary>Null: the tag went away meanwhile.</summary>
    private async Task<ArtifactEntry?> TaggedAsync(Digest fingerprint, HashSet<string> tags, CancellationToken cancel)
    {
        ArtifactEntry? entry;
        try
        {
            entry = await store.GetManifestAsync(ArtifactStore.TagOf(fingerprint), cancel) is { } manifest ? await ReadAsync(manifest, cancel) : null;
        }
        catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
        {
            entry = await DamagedAsync(fingerprint, e, cancel);
        }

        if (entry is null)
        {
            return null;
        }

        var origin = await store.OriginAsync(fingerprint, cancel);
        var deployment = deployments.All.FirstOrDefault(d => d.Fingerprint == fingerprint) ?? deployments.All.FirstOrDefault(d => d.Artifact == entry.Artifact);
        var built = origin is null ? null : transactions.GetOrAdd(origin.Transaction, transaction);
        entry = entry with
        {
            Fingerprint = fingerprint,
            Component = origin?.Component ?? deployment?.Component ?? built?.Components.FirstOrDefault(c => c.Fingerprint == fingerprint.ToString())?.Name,
            BuiltAt = origin?.End,
            Transaction = origin?.Transaction,
            Profile = origin?.Profile ?? deployment?.Profile ?? built?.Profile,
            DeliveredTo = origin?.DeliveredTo ?? [],
        };
        return await JudgeAsync(WithPlaces(entry), tags, cancel);
    }

    private async Task<ArtifactEntry?> UntaggedAsync(Deployment deployment, CancellationToken cancel)
    {
        try
        {
            return await store.GetManifestAsync(deployment.Artifact, cancel) is { } manifest
                ? WithPlaces(await ReadAsync(manifest, cancel) with { Component = deployment.Component, BuiltAt = deployment.At, Transaction = deployment.Transaction, Profile = deployment.Profile })
                : null;
        }
        catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
        {
            return WithPlaces(new ArtifactEntry { Artifact = deployment.Artifact, Kind = "damaged", Component = deployment.Component, Flaw = e.Message });
        }
    }

    private ArtifactEntry WithPlaces(ArtifactEntry entry) =>
        entry with { DeployedIn = deployments.DeployedIn(entry.Artifact), RollbackIn = deployments.RollbackIn(entry.Artifact), IsUsed = deployments.Used.Contains(entry.Artifact) };

    private async Task<ArtifactEntry> ReadAsync(StoredManifest manifest, CancellationToken cancel)
    {
        var all = new List<StoredManifest> { manifest };
        string? flaw = null;
        for (var i = 0; i < all.Count && flaw is null; i++)
        {
            foreach (var child in all[i].Manifests.Where(m => !all.Exists(known => known.Descriptor.Digest == m.Digest)))
            {
                if (await store.GetManifestAsync(child.Digest, cancel) is { } below)
                {
                    all.Add(below);
                }
                else
                {
                    flaw = $"the manifest {child.Digest.Short} that it lists is missing";
                }
            }
        }

        var blobs = all.SelectMany(m => m.Blobs).DistinctBy(b => b.Digest).ToList();
        foreach (var blob in blobs)
        {
            flaw ??= await store.HasBlobAsync(blob, cancel) ? null : $"its blob {blob.Digest.Short} is missing, or has another length";
        }

        return new ArtifactEntry
        {
            Artifact = manifest.Descriptor.Digest,
            Kind = manifest.Descriptor.ArtifactType == OciManifest.ComponentType ? "files" : "image",
            Manifests = all,
            Size = blobs.Sum(b => b.Size) + all.Sum(m => m.Descriptor.Size),
            Flaw = flaw,
        };
    }

    /// <summary>Its tag still says which digest it had.</summary>
    private async Task<ArtifactEntry> DamagedAsync(Digest fingerprint, StoreException damage, CancellationToken cancel)
    {
        var digest = TagDigest(ArtifactStore.TagOf(fingerprint));
        if (digest.IsNone)
        {
            try
            {
                digest = (await store.ResolveAsync(ArtifactStore.TagOf(fingerprint), cancel))?.Digest ?? Digest.None;
            }
            catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
            {
                // A registry that cannot say it either.
            }
        }

        return new ArtifactEntry
        {
            Artifact = digest.IsNone ? deployments.All.FirstOrDefault(d => d.Fingerprint == fingerprint)?.Artifact ?? Digest.None : digest, Kind = "damaged", Flaw = damage.Message,
        };
    }

    /// <summary>What a folder's tag names, whatever is under that name.</summary>
    private Digest TagDigest(string tag) => (store as OciLayoutStore)?.ReadTag(tag) ?? Digest.None;

    /// <summary>With what its attestation says and what the rules say to it.</summary>
    private async Task<ArtifactEntry> JudgeAsync(ArtifactEntry entry, HashSet<string> tags, CancellationToken cancel)
    {
        var tag = Attestation.TagOf(entry.Fingerprint);
        if (!tags.Contains(tag))
        {
            return entry;
        }

        StoredManifest? manifest;
        try
        {
            manifest = await store.GetManifestAsync(tag, cancel);
        }
        catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
        {
            return entry with { Trust = Tampered(entry, e.Message), AttestationDamage = new DamagedBlob(TagDigest(tag), e.Fault.Where ?? store.Name, e.Message) };
        }

        if (manifest is null)
        {
            return entry;
        }

        var claim = ClaimOf(manifest.Bytes);
        var component = entry.Component ?? claim?.Component;
        entry = entry with
        {
            Attestation = manifest.Descriptor.Digest, Claim = claim, Component = component, BuiltAt = entry.BuiltAt ?? claim?.Finished,
            Transaction = entry.Transaction ?? claim?.Invocation, Profile = entry.Profile ?? claim?.Profile,
        };
        var verdict = trust?.Verify(manifest.Bytes, component ?? "?", entry.Fingerprint);
        return entry with
        {
            Trust = verdict is TrustVerdict.Trusted { Provenance.Artifact: var signed } && signed != entry.Artifact
                ? Tampered(entry, $"the tag leads to {entry.Artifact.Short}, and what was signed is {signed.Short}")
                : verdict,
        };
    }

    private static TrustVerdict.Refused Tampered(ArtifactEntry entry, string what) =>
        new(Refusal.Tampered, what, entry.Component, "find out who can write to the store; `lap publish` puts a good one there");

    /// <summary>What an attestation says of itself, for names in lists; nothing is decided by it.</summary>
    private static BuildProvenance? ClaimOf(ReadOnlyMemory<byte> manifest)
    {
        try
        {
            return Statement.Parse(SigstoreBundle.Parse(Attestation.Parse(manifest).Bundle).Envelope.Payload);
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
