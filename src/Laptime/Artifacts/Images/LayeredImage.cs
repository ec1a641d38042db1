using System.Text.Json;
using Laptime.Building;
using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Images;

/// <summary>
/// lap's own images: a component's files as one layer on a base that is pinned by digest. Every byte follows from the files, the settings and
/// the base, so equal content is an equal digest on every machine, and no engine is needed.
/// </summary>
/// <param name="folder">For the layer while it is written.</param>
/// <param name="bases">Where base images come from.</param>
internal sealed class LayeredImage(ArtifactStore store, string folder, BaseImages bases, TimeProvider clock)
{
    private const int LargestConfig = 4 << 20;

    /// <returns>Digest of the image's manifest.</returns>
    /// <exception cref="FaultException">A file cannot be part of an image, the base is not to be had, or the store failed.</exception>
    public async Task<Digest> StoreAsync(BuiltImage.Layered image, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        if (image.Files.FirstOrDefault(f => !ArtifactPath.IsSafe(f.Path)) is { } odd)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the output `{odd.Path}` has a path that no artifact may hold", odd.Source, "give it a plain relative path"));
        }

        // First: without its base nothing else is worth the work.
        var basis = await bases.FindAsync(image.Settings.Base!, image.Platform, cancel).ConfigureAwait(false);
        var layer = await LayerAsync(image, cancel).ConfigureAwait(false);
        var layers = new List<Descriptor>();
        byte[] config;
        if (basis is null)
        {
            config = ImageConfig.Layered(null, image.Platform, image.Settings, layer.Digest);
        }
        else
        {
            using var below = JsonDocument.Parse(await store.ReadBlobAsync(basis.Config, LargestConfig, cancel).ConfigureAwait(false));
            config = ImageConfig.Layered(below.RootElement, image.Platform, image.Settings, layer.Digest);
            layers.AddRange(basis.Layers.Select(l => l with { MediaType = OciLayerType(l.MediaType) }));
        }

        layers.Add(layer);
        var stored = await store.PutBlobAsync(ImageConfig.MediaType, config, cancel).ConfigureAwait(false);
        var manifest = StoredManifest.Read(new OciManifest(null, stored, layers).ToBytes(), null, store.Name);
        await store.PutManifestAsync(manifest, tags, cancel).ConfigureAwait(false);
        return manifest.Descriptor.Digest;
    }

    private async Task<Descriptor> LayerAsync(BuiltImage.Layered image, CancellationToken cancel)
    {
        var prefix = image.Settings.WorkDir.Trim('/');
        List<OutputFile> files = [.. image.Files.Select(f => f with { Path = prefix.Length == 0 ? Below(f, image.Settings.Root) : $"{prefix}/{Below(f, image.Settings.Root)}" })];
        var path = Path.Combine(folder, $"layer.{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var old in Directory.EnumerateFiles(folder, "layer.*").Where(f => clock.GetUtcNow() - File.GetLastWriteTimeUtc(f) > TimeSpan.FromDays(1)))
            {
                // A killed lap's; nothing takes a day to be stored.
                File.Delete(old);
            }

            Descriptor layer;
            var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 256 << 10);
            await using (file.ConfigureAwait(false))
            {
                using var hashing = new HashingStream(file);
                await TarWriter.WriteAsync(files, hashing, cancel).ConfigureAwait(false);
                layer = new Descriptor(OciManifest.LayerType, hashing.Finish(), hashing.Count);
            }

            await store.PutBlobAsync(layer, _ => Task.FromResult<Stream>(File.OpenRead(path)), cancel).ConfigureAwait(false);
            return layer;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the image's layer cannot be written: {e.Message}", folder, "free some disk space, or make the folder writable"), e);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The output's path below the folder that becomes the working directory.</summary>
    private static string Below(OutputFile file, string root) => root.Length == 0 ? file.Path
        : file.Path.StartsWith(root + "/", StringComparison.Ordinal) ? file.Path[(root.Length + 1)..]
        : throw new FaultException(new Fault(
            Outcome.BuildFailed, $"the output `{file.Path}` does not lie in `{root}`, the image's `root`", file.Source, $"write it below {root}, or narrow `outputs: [\"{root}/**\"]`"));

    /// <summary>Docker's names for the same bytes; the manifest is an OCI one.</summary>
    private static string OciLayerType(string type) => type switch
    {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => OciManifest.LayerType + "+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => OciManifest.LayerType + "+zstd",
        "application/vnd.docker.image.rootfs.diff.tar" => OciManifest.LayerType,
        var same when same.StartsWith(OciManifest.LayerType, StringComparison.Ordinal) => same,
        var other => throw new FaultException(new Fault(Outcome.BuildFailed, $"the base has a layer that may not be copied: {other}", null, "choose a base without foreign layers")),
    };
}
