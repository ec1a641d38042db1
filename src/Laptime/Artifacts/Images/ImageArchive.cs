using System.Text;
using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts.Images;

/// <summary>An image of a store as one tar that every engine loads: an OCI layout with docker's older <c>manifest.json</c> beside it.</summary>
public static class ImageArchive
{
    private const string NameKey = "io.containerd.image.name";

    /// <summary>Streams the archive; every blob is verified on its way.</summary>
    /// <param name="name">What the engine is to call it, with a tag: <c>shop/web:1a2b3c</c>; null: nothing.</param>
    /// <returns>Digest of the image's config: the id that the engine (with its own image store, not containerd's) will know it by.</returns>
    /// <exception cref="FaultException">It is no image, absent or damaged; or the store failed.</exception>
    public static Task<Digest> WriteAsync(ArtifactStore store, Digest artifact, string? name, Stream to, CancellationToken cancel) => WriteAsync(store, artifact, name, 0, to, cancel);

    /// <summary>The same for an engine that has some of the layers: they are named, and their bytes are left out.</summary>
    /// <param name="present">How many of the lowest layers these are.</param>
    public static async Task<Digest> WriteAsync(ArtifactStore store, Digest artifact, string? name, int present, Stream to, CancellationToken cancel)
    {
        var stored = await store.GetManifestAsync(artifact, cancel).ConfigureAwait(false)
            ?? throw new StoreException(StoreFailure.Absent, new Fault(Outcome.RolloutFailed, $"the image {artifact} is not in the store", store.Name, "`lap deploy --force` builds it again"));
        var manifest = stored.ToManifest();
        if (manifest.Config.MediaType is not (ImageConfig.MediaType or ImageConfig.DockerMediaType))
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, $"the artifact {artifact.Short} is no image but files", store.Name, "give the component `build.image`, or deploy it to a target that starts processes"));
        }

        await FileAsync("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray()).ConfigureAwait(false);
        await FileAsync("index.json", Json(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteString("mediaType", StoredManifest.IndexType);
            json.WriteStartArray("manifests");
            json.WriteStartObject();
            json.WriteString("mediaType", stored.Descriptor.MediaType);
            json.WriteString("digest", artifact.ToString());
            json.WriteNumber("size", stored.Bytes.Length);
            if (name is not null)
            {
                json.WriteStartObject("annotations");
                json.WriteString(NameKey, name);
                json.WriteString("org.opencontainers.image.ref.name", name[(name.LastIndexOf(':') + 1)..]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        })).ConfigureAwait(false);
        await FileAsync("manifest.json", Json(json =>
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("Config", NameOf(manifest.Config.Digest));
            json.WriteStartArray("RepoTags");
            if (name is not null)
            {
                json.WriteStringValue(name);
            }

            json.WriteEndArray();
            json.WriteStartArray("Layers");
            foreach (var layer in manifest.Layers)
            {
                json.WriteStringValue(NameOf(layer.Digest));
            }

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
        })).ConfigureAwait(false);
        await FileAsync(NameOf(artifact), stored.Bytes).ConfigureAwait(false);
        var left = manifest.Layers.Take(present).Select(l => l.Digest).Except(manifest.Layers.Skip(present).Select(l => l.Digest)).ToHashSet();
        foreach (var blob in stored.Blobs.DistinctBy(b => b.Digest).Where(b => !left.Contains(b.Digest)))
        {
            await to.WriteAsync(TarWriter.FileHeader(NameOf(blob.Digest), blob.Size), cancel).ConfigureAwait(false);
            var stream = await store.OpenBlobAsync(blob, cancel).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await stream.CopyToAsync(to, 1 << 20, cancel).ConfigureAwait(false);
            }

            await to.WriteAsync(TarWriter.PaddingAfter(blob.Size), cancel).ConfigureAwait(false);
        }

        await to.WriteAsync(TarWriter.End, cancel).ConfigureAwait(false);
        return manifest.Config.Digest;

        async Task FileAsync(string path, ReadOnlyMemory<byte> content)
        {
            await to.WriteAsync(TarWriter.FileHeader(path, content.Length), cancel).ConfigureAwait(false);
            await to.WriteAsync(content, cancel).ConfigureAwait(false);
            await to.WriteAsync(TarWriter.PaddingAfter(content.Length), cancel).ConfigureAwait(false);
        }
    }

    private static string NameOf(Digest digest) => "blobs/sha256/" + digest.ToHex();

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            write(json);
        }

        return buffer.WrittenSpan.ToArray();
    }
}
