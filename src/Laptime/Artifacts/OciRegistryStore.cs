using Laptime.Artifacts.Registries;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Artifacts;

/// <summary>
/// Artifacts in a repository of an OCI registry (distribution spec 1.1). Files go in and out through a layout on this machine: what was unpacked or stored once
/// does not travel again. Loads HTTP on its first request, and not before.
/// </summary>
/// <param name="address">Host and repository.</param>
/// <param name="cache">The layout on this machine. When and by whom an artifact was built is kept there too: other machines read its provenance.</param>
/// <param name="options">Bounds, TLS, credentials.</param>
/// <param name="runner">For Docker's credential helpers.</param>
/// <param name="clock">For bounds and retries.</param>
public sealed class OciRegistryStore(RegistryAddress address, OciLayoutStore cache, RegistryOptions options, ProcessRunner runner, TimeProvider clock) : ArtifactStore, IDisposable
{
    private readonly Lazy<RegistryRequests> requests = new(() => new RegistryRequests(new RegistryClient(address, options, runner, clock)));

    public override string Name => address.ToString();

    public RegistryAddress Address => address;

    /// <summary>The layout that files pass through.</summary>
    public OciLayoutStore Cache => cache;

    private RegistryRequests Requests => requests.Value;

    public override async Task<Digest> StoreAsync(IReadOnlyList<OutputFile> files, Digest fingerprint, CancellationToken cancel)
    {
        var artifact = await cache.StoreAsync(files, Digest.None, cancel).ConfigureAwait(false);
        await ArtifactCopy.CopyAsync(cache, this, artifact, fingerprint.IsNone ? [] : [TagOf(fingerprint)], cancel).ConfigureAwait(false);
        if (!fingerprint.IsNone)
        {
            await cache.TagAsync(fingerprint, artifact, cancel).ConfigureAwait(false);
        }

        return artifact;
    }

    /// <inheritdoc/>
    /// <remarks>One request: what a registry has under a tag it took only with all its parts.</remarks>
    public override async Task<Digest?> FindAsync(Digest fingerprint, CancellationToken cancel) =>
        (await ResolveAsync(TagOf(fingerprint), cancel).ConfigureAwait(false))?.Digest;

    public override Task<bool> HasAsync(Digest artifact, CancellationToken cancel) => ArtifactCopy.HasAllAsync(this, artifact, cancel);

    public override async Task UnpackAsync(Digest artifact, string folder, CancellationToken cancel)
    {
        if (await cache.HasAsync(artifact, cancel).ConfigureAwait(false))
        {
            try
            {
                await cache.UnpackAsync(artifact, folder, cancel).ConfigureAwait(false);
                return;
            }
            catch (StoreException e) when (e.Failure is StoreFailure.Damaged or StoreFailure.Absent)
            {
                // The copy here is spoilt; the registry may have a good one.
            }
        }

        await ArtifactCopy.CopyAsync(this, cache, artifact, [], cancel).ConfigureAwait(false);
        await cache.UnpackAsync(artifact, folder, cancel).ConfigureAwait(false);
    }

    public override async Task TagAsync(Digest fingerprint, Digest artifact, CancellationToken cancel)
    {
        if (await GetManifestAsync(artifact, cancel).ConfigureAwait(false) is { } manifest)
        {
            await PutManifestAsync(manifest, [TagOf(fingerprint)], cancel).ConfigureAwait(false);
        }
        else
        {
            await ArtifactCopy.CopyAsync(cache, this, artifact, [TagOf(fingerprint)], cancel).ConfigureAwait(false);
        }
    }

    public override async Task UntagAsync(Digest fingerprint, CancellationToken cancel)
    {
        await RemoveTagAsync(TagOf(fingerprint), cancel).ConfigureAwait(false);
        await cache.UntagAsync(fingerprint, cancel).ConfigureAwait(false);
    }

    public override Task RecordOriginAsync(Digest fingerprint, ArtifactOrigin origin, CancellationToken cancel) => cache.RecordOriginAsync(fingerprint, origin, cancel);

    public override Task<ArtifactOrigin?> OriginAsync(Digest fingerprint, CancellationToken cancel) => cache.OriginAsync(fingerprint, cancel);

    public override Task<Descriptor?> ResolveAsync(string tag, CancellationToken cancel) => Requests.ResolveAsync(RequireTag(tag), cancel);

    public override Task<StoredManifest?> GetManifestAsync(string tag, CancellationToken cancel) => Requests.GetManifestAsync(RequireTag(tag), cancel);

    public override Task<StoredManifest?> GetManifestAsync(Digest digest, CancellationToken cancel) => Requests.GetManifestAsync(digest, cancel);

    public override Task<bool> HasBlobAsync(Descriptor blob, CancellationToken cancel) => Requests.HasBlobAsync(blob, cancel);

    public override Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancel) => Requests.OpenBlobAsync(blob, cancel);

    public override Task<bool> PutBlobAsync(Descriptor blob, Func<CancellationToken, Task<Stream>> open, CancellationToken cancel) => Requests.PutBlobAsync(blob, open, cancel);

    public override Task PutManifestAsync(StoredManifest manifest, IReadOnlyList<string> tags, CancellationToken cancel) =>
        Requests.PutManifestAsync(manifest, [.. tags.Select(RequireTag)], cancel);

    public override Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancel) => Requests.ListTagsAsync(cancel);

    /// <inheritdoc/>
    /// <remarks>
    /// A registry deletes by digest, and with the digest all its tags; so the tag is first moved to a manifest of its own that says "removed", and that one is
    /// deleted. Where deleting is not allowed it stays, is listed, and resolves to nothing.
    /// </remarks>
    public override Task<bool> RemoveTagAsync(string tag, CancellationToken cancel) => Requests.RemoveTagAsync(RequireTag(tag), cancel);

    public override Task<bool> RemoveManifestAsync(Digest digest, CancellationToken cancel) => Requests.RemoveManifestAsync(digest, cancel);

    public void Dispose()
    {
        if (requests.IsValueCreated)
        {
            requests.Value.Dispose();
        }
    }
}
