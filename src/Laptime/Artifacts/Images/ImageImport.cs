using System.Text.Json;
using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts.Images;

/// <summary>
/// Puts what a tool wrote into a store as one OCI image: an OCI layout (folder or tar), or docker's older archive, whose layers become OCI layers as
/// they are. Nothing is compressed or unpacked; every blob is read once, and verified by its digest.
/// </summary>
internal static class ImageImport
{
    private const int Deepest = 4;

    /// <summary>Docker's older archives say nothing of a layer's kind: it is a plain tar, whose digest the config has.</summary>
    private sealed record LegacyImage(string Config, IReadOnlyList<string> Layers);

    /// <returns>Digest of the image's manifest.</returns>
    /// <exception cref="FaultException">It is no image, not one for the platform, or damaged; or the store failed.</exception>
    public static async Task<Digest> StoreAsync(ArtifactStore store, BuiltImage.Archive image, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        try
        {
            var files = await ImageFiles.OpenAsync(image.Path, cancel).ConfigureAwait(false);
            var stored = files.Has("index.json") ? await LayoutAsync(store, files, image, cancel).ConfigureAwait(false)
                : files.Has("manifest.json") ? await LegacyAsync(store, files, image, cancel).ConfigureAwait(false)
                : throw new InvalidDataException("it has neither index.json nor manifest.json");
            await store.PutManifestAsync(stored, tags, cancel).ConfigureAwait(false);
            return stored.Descriptor.Digest;
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or JsonException or EndOfStreamException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"what the image build wrote is no image: {e.Message}", image.Path, "look at the build's log; is the disk full?"), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"what the image build wrote cannot be read: {e.Message}", image.Path, "free some disk space"), e);
        }
    }

    private static async Task<StoredManifest> LayoutAsync(ArtifactStore store, ImageFiles files, BuiltImage.Archive image, CancellationToken cancel)
    {
        var offered = ImageIndex.Read(await files.ReadAsync("index.json", cancel).ConfigureAwait(false));
        for (var depth = 0; ; depth++)
        {
            var flat = new List<IndexedManifest>();
            foreach (var one in offered)
            {
                if (!one.IsIndex)
                {
                    flat.Add(one);
                }
                else if (depth < Deepest)
                {
                    flat.AddRange(ImageIndex.Read(await files.ReadAsync(NameOf(one.Descriptor.Digest), cancel).ConfigureAwait(false)));
                }
            }

            if (flat.SequenceEqual(offered))
            {
                break;
            }

            offered = flat;
        }

        var chosen = ImageIndex.Choose(offered, image.Platform, "the built image");
        var bytes = await files.ReadAsync(NameOf(chosen.Descriptor.Digest), cancel).ConfigureAwait(false);
        if (Digest.Of(bytes) != chosen.Descriptor.Digest)
        {
            throw new InvalidDataException($"its manifest is not what its digest {chosen.Descriptor.Digest.Short} says");
        }

        var manifest = StoredManifest.Read(bytes, chosen.Descriptor.MediaType, image.Path);
        var parts = manifest.ToManifest();
        var config = await files.ReadAsync(NameOf(parts.Config.Digest), cancel).ConfigureAwait(false);
        RequirePlatform(config, image.Platform);
        var settled = image.Stamped ? await SettledAsync(files, parts, image.Path, cancel).ConfigureAwait(false) : null;
        foreach (var layer in settled is null ? parts.Layers : parts.Layers.SkipLast(1))
        {
            await PutAsync(store, files, layer, NameOf(layer.Digest), cancel).ConfigureAwait(false);
        }

        if (!image.Stamped)
        {
            await PutAsync(store, files, parts.Config, NameOf(parts.Config.Digest), cancel).ConfigureAwait(false);
            return manifest;
        }

        if (settled is { } top)
        {
            await store.PutBlobAsync(top.Layer, _ => Task.FromResult<Stream>(File.OpenRead(top.Path)), cancel).ConfigureAwait(false);
            parts = parts with { Layers = [.. parts.Layers.SkipLast(1), top.Layer] };
        }

        var plain = await store.PutBlobAsync(ImageConfig.MediaType, ImageConfig.Unstamped(config, settled?.Layer.Digest), cancel).ConfigureAwait(false);
        return StoredManifest.Read(new OciManifest(null, plain, parts.Layers).ToBytes(), null, image.Path);
    }

    /// <summary>The last layer, which is the tool's own: the others are the base's.</summary>
    private static async Task<(Descriptor Layer, string Path)?> SettledAsync(ImageFiles files, OciManifest parts, string path, CancellationToken cancel)
    {
        if (parts.Layers.Count == 0)
        {
            return null;
        }

        var folder = path + ".layer";
        Directory.CreateDirectory(folder);
        return await SettledLayer.WriteAsync(() => files.Open(NameOf(parts.Layers[^1].Digest)), folder, cancel).ConfigureAwait(false);
    }

    private static async Task<StoredManifest> LegacyAsync(ArtifactStore store, ImageFiles files, BuiltImage.Archive image, CancellationToken cancel)
    {
        var legacy = ReadLegacy(await files.ReadAsync("manifest.json", cancel).ConfigureAwait(false));
        var config = await files.ReadAsync(legacy.Config, cancel).ConfigureAwait(false);
        RequirePlatform(config, image.Platform);
        var ids = ImageConfig.DiffIds(config);
        if (ids.Count != legacy.Layers.Count)
        {
            throw new InvalidDataException($"its config names {ids.Count} layers, its manifest {legacy.Layers.Count}");
        }

        var layers = new List<Descriptor>();
        for (var i = 0; i < ids.Count; i++)
        {
            var length = files.LengthOf(legacy.Layers[i]) ?? throw new InvalidDataException($"it has no {legacy.Layers[i]}");
            layers.Add(new Descriptor(OciManifest.LayerType, Digest.Parse(ids[i]), length));
            await PutAsync(store, files, layers[i], legacy.Layers[i], cancel).ConfigureAwait(false);
        }

        var stored = await store.PutBlobAsync(ImageConfig.MediaType, image.Stamped ? ImageConfig.Unstamped(config, null) : config, cancel).ConfigureAwait(false);
        return StoredManifest.Read(new OciManifest(null, stored, layers).ToBytes(), null, image.Path);
    }

    private static LegacyImage ReadLegacy(ReadOnlyMemory<byte> bytes)
    {
        using var document = JsonDocument.Parse(bytes);
        var images = document.RootElement.EnumerateArray().ToList();
        return images is [var one]
            ? new LegacyImage(one.GetProperty("Config").GetString() ?? "", [.. one.GetProperty("Layers").EnumerateArray().Select(l => l.GetString() ?? "")])
            : throw new InvalidDataException($"it holds {images.Count} images");
    }

    private static void RequirePlatform(byte[] config, string wanted)
    {
        if (ImageConfig.PlatformOf(config) is { } there && !ImageConfig.Fits(there, wanted))
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the built image is for {there}, not for {wanted}", null, "set `platform:`, or build on a base for that platform"));
        }
    }

    private static Task<bool> PutAsync(ArtifactStore store, ImageFiles files, Descriptor blob, string name, CancellationToken cancel) =>
        files.LengthOf(name) == blob.Size
            ? store.PutBlobAsync(blob, _ => Task.FromResult(files.Open(name)), cancel)
            : throw new InvalidDataException($"its {name} has {files.LengthOf(name)?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "no"} bytes, not {blob.Size}");

    private static string NameOf(Digest digest) => "blobs/sha256/" + digest.ToHex();
}
