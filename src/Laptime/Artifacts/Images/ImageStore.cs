using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Processes;

namespace Laptime.Artifacts.Images;

/// <summary>Puts images into the artifact store, whoever made them.</summary>
/// <param name="store">The store.</param>
/// <param name="root">Absolute path of the workspace.</param>
/// <param name="folder">For what is on its way.</param>
/// <param name="runner">For the credential helpers of registries with base images.</param>
/// <param name="clock">For locks and bounds.</param>
public sealed class ImageStore(ArtifactStore store, string root, string folder, ProcessRunner runner, TimeProvider clock)
{
    /// <summary>Stores the image as one OCI image manifest with all its blobs, and removes what the build left.</summary>
    /// <param name="fingerprint">Tags it; <see cref="Digest.None"/> leaves it untagged (tainted).</param>
    /// <returns>Digest of the manifest: the artifact's digest.</returns>
    /// <exception cref="Foundations.FaultException">What was built is no image for the platform, the base cannot be had, or the store failed.</exception>
    public async Task<Digest> StoreAsync(BuiltImage image, Digest fingerprint, CancellationToken cancel)
    {
        IReadOnlyList<string> tags = fingerprint.IsNone ? [] : [ArtifactStore.TagOf(fingerprint)];
        if (image is BuiltImage.Layered layered)
        {
            return await new LayeredImage(store, folder, new BaseImages(store, root, runner, clock), clock).StoreAsync(layered, tags, cancel).ConfigureAwait(false);
        }

        var archive = (BuiltImage.Archive)image;
        try
        {
            return await ImageImport.StoreAsync(store, archive, tags, cancel).ConfigureAwait(false);
        }
        finally
        {
            // Its folder is this build's own.
            if (Path.GetDirectoryName(archive.Path) is { } own && Directory.Exists(own))
            {
                Directory.Delete(own, recursive: true);
            }
        }
    }
}
