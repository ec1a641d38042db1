using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Images;

/// <summary>
/// Base images, pinned by digest: from the artifact store, where they stay once they were used, or from a layout or registry, which is asked only the first time.
/// </summary>
/// <param name="root">Absolute path of the workspace: layouts are relative to it.</param>
/// <param name="runner">For the credential helpers of registries.</param>
internal sealed class BaseImages(ArtifactStore store, string root, ProcessRunner runner, TimeProvider clock)
{
    /// <summary>The base's manifest, with all it refers to in the store; null for <c>scratch</c>.</summary>
    /// <exception cref="FaultException">It is not there, not for the platform, or cannot be fetched.</exception>
    public async Task<OciManifest?> FindAsync(string text, string platform, CancellationToken cancel)
    {
        if (!ImageReference.TryParse(text, out var reference, out _) || reference is not ImageReference.Pinned pinned)
        {
            return null;
        }

        var digest = Digest.Parse(pinned.Digest);
        // A list of manifests is not kept, only the one of this platform: by this tag it is found without asking anybody.
        var tag = $"base-{digest.ToHex()}-{platform.Replace('/', '-')}";
        if ((await store.GetManifestAsync(digest, cancel).ConfigureAwait(false) ?? await store.GetManifestAsync(tag, cancel).ConfigureAwait(false)) is { IsIndex: false } here
            && await store.HasAsync(here.Descriptor.Digest, cancel).ConfigureAwait(false))
        {
            return await CheckedAsync(text, here, platform, cancel).ConfigureAwait(false);
        }

        // The layout is for files on their way into a registry: none are here.
        using var remote = reference is ImageReference.Registry at
            ? new OciRegistryStore(RegistryAddress.Parse(at.Address), new OciLayoutStore(Path.Combine(root, ".laptime", "artifacts"), clock), new RegistryOptions(), runner, clock)
            : null;
        ArtifactStore from = reference is ImageReference.Layout layout ? new OciLayoutStore(Path.GetFullPath(Path.Combine(root, layout.Folder)), clock) : remote ?? store;
        try
        {
            var found = await from.GetManifestAsync(digest, cancel).ConfigureAwait(false)
                ?? throw new FaultException(new Fault(Outcome.BuildFailed, $"the base image {text} is not there", from.Name,
                    reference is ImageReference.Stored ? "name where it is: `HOST/REPOSITORY@sha256:…` or `oci-layout:FOLDER@sha256:…`" : "correct the digest, or push the base again"));
            if (found.IsIndex)
            {
                var chosen = ImageIndex.Choose(ImageIndex.Read(found.Bytes), platform, $"the base image {text}");
                found = await from.GetManifestAsync(chosen.Descriptor.Digest, cancel).ConfigureAwait(false)
                    ?? throw new FaultException(new Fault(Outcome.BuildFailed, $"the base image {text} lists {chosen.Descriptor.Digest.Short} for {platform}, which is not there", from.Name, "push the base again, whole"));
            }

            await ArtifactCopy.CopyAsync(from, store, found.Descriptor.Digest, [tag], cancel).ConfigureAwait(false);
            return await CheckedAsync(text, found, platform, cancel).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            throw new FaultException(e.Fault with { What = $"the base image {text} cannot be fetched: {e.Fault.What}" }, e);
        }
    }

    private async Task<OciManifest> CheckedAsync(string text, StoredManifest found, string platform, CancellationToken cancel)
    {
        var manifest = found.ToManifest();
        if (manifest.Config.MediaType is not (ImageConfig.MediaType or ImageConfig.DockerMediaType))
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the base {text} is no image: its config is {manifest.Config.MediaType}", null, "name an image that containers can run"));
        }

        var there = ImageConfig.PlatformOf(await store.ReadBlobAsync(manifest.Config, StoredManifest.LargestBytes, cancel).ConfigureAwait(false));
        return there is null || ImageConfig.Fits(there, platform)
            ? manifest
            : throw new FaultException(new Fault(Outcome.BuildFailed, $"the base image {text} is for {there}, not for {platform}", null, "pin a base for that platform, or set `platform:`"));
    }
}
