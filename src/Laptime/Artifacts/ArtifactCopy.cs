using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>What a copy did.</summary>
/// <param name="Manifest">What was copied.</param>
/// <param name="Blobs">Blobs it refers to, each once.</param>
/// <param name="Sent">Blobs that were not there before.</param>
/// <param name="Bytes">Bytes of those.</param>
public sealed record CopyResult(Descriptor Manifest, int Blobs, int Sent, long Bytes);

/// <summary>Moves artifacts and images between stores, byte by byte: no digest changes.</summary>
public static class ArtifactCopy
{
    /// <summary>Blobs on their way at once: enough to hide round trips, not enough to fill a memory.</summary>
    private const int Parallel = 4;

    /// <summary>An index of indexes of indexes is nobody's image.</summary>
    internal const int Deepest = 4;

    /// <summary>
    /// Copies a manifest, or an index with all its manifests, with every blob. Blobs that are there are not read. The tags are set last: they never point at
    /// something incomplete. Idempotent; a copy that was cut off goes on where it was when it is called again.
    /// </summary>
    /// <remarks>From a registry into a layout this is a pull in which every blob that arrives is verified.</remarks>
    /// <exception cref="StoreException">Absent or damaged in <paramref name="from"/>, or one of the stores failed.</exception>
    public static async Task<CopyResult> CopyAsync(ArtifactStore from, ArtifactStore to, Digest digest, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        var documents = new List<StoredManifest>();
        await GatherAsync(from, digest, 0, documents, cancel).ConfigureAwait(false);
        var blobs = documents.SelectMany(d => d.Blobs).DistinctBy(b => b.Digest).ToList();
        var (sent, bytes) = (0, 0L);
        await System.Threading.Tasks.Parallel.ForEachAsync(blobs, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancel }, async (blob, token) =>
        {
            if (await to.PutBlobAsync(blob, c => from.OpenBlobAsync(blob, c), token).ConfigureAwait(false))
            {
                Interlocked.Increment(ref sent);
                Interlocked.Add(ref bytes, blob.Size);
            }
        }).ConfigureAwait(false);

        // Children first: a registry refuses an index whose manifests it has not.
        for (var i = documents.Count - 1; i >= 0; i--)
        {
            await to.PutManifestAsync(documents[i], i == 0 ? tags : [], cancel).ConfigureAwait(false);
        }

        return new CopyResult(documents[0].Descriptor, blobs.Count, sent, bytes);
    }

    /// <summary>Reads a manifest or index with everything below it, every byte, and compares digests. Changes nothing.</summary>
    /// <returns>What was read.</returns>
    /// <exception cref="StoreException">The first thing that is absent or damaged.</exception>
    public static async Task<StoredManifest> VerifyAsync(ArtifactStore store, Digest digest, CancellationToken cancel)
    {
        var documents = new List<StoredManifest>();
        await GatherAsync(store, digest, 0, documents, cancel).ConfigureAwait(false);
        var blobs = documents.SelectMany(d => d.Blobs).DistinctBy(b => b.Digest);
        await System.Threading.Tasks.Parallel.ForEachAsync(blobs, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancel }, async (blob, token) =>
        {
            var stream = await store.OpenBlobAsync(blob, token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await stream.CopyToAsync(Stream.Null, 1 << 20, token).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
        return documents[0];
    }

    /// <summary>Whether a manifest or index is there with everything below it, in its lengths at least.</summary>
    internal static async Task<bool> HasAllAsync(ArtifactStore store, Digest digest, CancellationToken cancel)
    {
        var documents = new List<StoredManifest>();
        try
        {
            await GatherAsync(store, digest, 0, documents, cancel).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Absent)
        {
            return false;
        }

        var here = await Task.WhenAll(documents.SelectMany(d => d.Blobs).DistinctBy(b => b.Digest).Select(b => store.HasBlobAsync(b, cancel))).ConfigureAwait(false);
        return here.All(h => h);
    }

    /// <summary>The document and all below it, parents before children, each once.</summary>
    private static async Task GatherAsync(ArtifactStore store, Digest digest, int depth, List<StoredManifest> documents, CancellationToken cancel)
    {
        if (depth > Deepest)
        {
            throw new StoreException(StoreFailure.Damaged, new Fault(Outcome.BuildFailed, $"the index {digest.Short} lies more than {Deepest} indexes deep", store.Name, "find out who wrote it"));
        }

        if (documents.Any(d => d.Descriptor.Digest == digest))
        {
            return;
        }

        var document = await store.GetManifestAsync(digest, cancel).ConfigureAwait(false)
            ?? throw new StoreException(StoreFailure.Absent, new Fault(Outcome.BuildFailed, $"the manifest {digest} is not in the store", store.Name, "build and publish the component again"));
        documents.Add(document);
        foreach (var child in document.Manifests)
        {
            await GatherAsync(store, child.Digest, depth + 1, documents, cancel).ConfigureAwait(false);
        }
    }
}
