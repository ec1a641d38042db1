using System.Collections.Concurrent;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;

namespace Laptime.Transactions.Stored;

/// <summary>A blob or manifest that is not what its digest says.</summary>
/// <param name="Where">Its file, or the store.</param>
public sealed record DamagedBlob(Digest Digest, string Where, string What);

/// <summary>What verifying an artifact found.</summary>
/// <param name="Status">
/// <c>verified</c>: every byte, and a rule trusts its provenance. <c>intact</c>: every byte, of one that has no provenance and needs none (the workspace's own
/// builds). Otherwise why it is refused: <c>missing</c>, <c>expired</c>, <c>untrusted</c>, <c>tampered</c>, <c>dirty-tree</c>.
/// </param>
public sealed record CheckedArtifact(ArtifactEntry Entry, string Status, string? Detail, string? Mend, IReadOnlyList<DamagedBlob> Damaged)
{
    public bool IsGood => Status is "verified" or "intact";
}

/// <summary>Reads every byte of artifacts and their attestations, and asks the trust rules. Changes nothing.</summary>
/// <param name="needsProvenance">An artifact without an attestation is refused: the store is shared.</param>
public sealed class ArtifactCheck(ArtifactStore store, bool needsProvenance)
{
    private readonly ConcurrentDictionary<Digest, DamagedBlob?> seen = [];

    /// <exception cref="StoreException">The store itself failed.</exception>
    public async Task<CheckedArtifact> RunAsync(ArtifactEntry entry, CancellationToken cancel)
    {
        var damaged = new List<DamagedBlob>();
        if (entry.Manifests.Count == 0)
        {
            // Read again for the place of the damage.
            await ManifestAsync(entry.Artifact, damaged, cancel);
        }

        foreach (var blob in entry.Manifests.SelectMany(m => m.Blobs).DistinctBy(b => b.Digest))
        {
            await BlobAsync(blob, damaged, cancel);
        }

        foreach (var listed in entry.Manifests.SelectMany(m => m.Manifests))
        {
            await ManifestAsync(listed.Digest, damaged, cancel);
        }

        if (entry.AttestationDamage is { } broken)
        {
            damaged.Add(broken);
        }

        if (entry.Attestation is { } attestation && await ManifestAsync(attestation, damaged, cancel) is { } manifest)
        {
            foreach (var blob in manifest.Blobs)
            {
                await BlobAsync(blob, damaged, cancel);
            }
        }

        return damaged.Count > 0
            ? new CheckedArtifact(entry, "tampered", damaged.Count == 1 ? damaged[0].What : $"{damaged.Count} blobs are damaged: {damaged[0].What}", "`lap deploy --force` or `lap publish` puts a good one there", damaged)
            : entry.Trust switch
            {
                TrustVerdict.Trusted => new CheckedArtifact(entry, "verified", null, null, []),
                TrustVerdict.Refused refused => new CheckedArtifact(entry, refused.Fallback, refused.What, refused.Mend, []),
                _ when entry.Flaw is { } flaw => new CheckedArtifact(entry, "tampered", flaw, "`lap deploy --force` or `lap publish` puts a good one there", []),
                _ when needsProvenance => Missing(entry),
                _ => new CheckedArtifact(entry, "intact", null, null, []),
            };
    }

    private static CheckedArtifact Missing(ArtifactEntry entry)
    {
        var missing = TrustPolicy.Missing(entry.Component ?? entry.Artifact.Short, entry.Fingerprint);
        return new CheckedArtifact(entry, missing.Fallback, "it has no provenance", missing.Mend, []);
    }

    private async Task BlobAsync(Descriptor blob, List<DamagedBlob> damaged, CancellationToken cancel)
    {
        if (!seen.TryGetValue(blob.Digest, out var known))
        {
            try
            {
                var stream = await store.OpenBlobAsync(blob, cancel);
                await using (stream)
                {
                    await stream.CopyToAsync(Stream.Null, 1 << 20, cancel);
                }
            }
            catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
            {
                known = new DamagedBlob(blob.Digest, e.Fault.Where ?? store.Name, e.Message);
            }

            seen[blob.Digest] = known;
        }

        if (known is not null)
        {
            damaged.Add(known);
        }
    }

    private async Task<StoredManifest?> ManifestAsync(Digest digest, List<DamagedBlob> damaged, CancellationToken cancel)
    {
        try
        {
            var manifest = await store.GetManifestAsync(digest, cancel);
            if (manifest is null)
            {
                damaged.Add(new DamagedBlob(digest, store.Name, $"the manifest {digest.Short} is missing"));
            }

            return manifest;
        }
        catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
        {
            damaged.Add(new DamagedBlob(digest, e.Fault.Where ?? store.Name, e.Message));
            return null;
        }
    }
}
