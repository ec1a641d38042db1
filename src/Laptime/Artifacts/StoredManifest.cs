using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>A manifest or an index as a store holds it: its very bytes, of which the digest in the descriptor was computed.</summary>
public sealed class StoredManifest
{
    public const string IndexType = "application/vnd.oci.image.index.v1+json";
    public const string DockerManifestType = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerListType = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>More is no manifest, whoever sends it.</summary>
    public const int LargestBytes = 4 << 20;

    private readonly string where;

    private StoredManifest(Descriptor descriptor, ReadOnlyMemory<byte> bytes, IReadOnlyList<Descriptor> manifests, IReadOnlyList<Descriptor> blobs, string where)
    {
        (Descriptor, Bytes, Manifests, Blobs) = (descriptor, bytes, manifests, blobs);
        this.where = where;
    }

    /// <summary>Media type, digest and size; for a manifest with an artifact type that too.</summary>
    public Descriptor Descriptor { get; }

    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Whether it is an index (a list of manifests, one for each platform).</summary>
    public bool IsIndex => Descriptor.MediaType is IndexType or DockerListType;

    /// <summary>The manifests that an index lists.</summary>
    public IReadOnlyList<Descriptor> Manifests { get; }

    /// <summary>Config and layers of a manifest.</summary>
    public IReadOnlyList<Descriptor> Blobs { get; }

    /// <summary>Every kind of manifest that we read.</summary>
    public static IReadOnlyList<string> MediaTypes { get; } = [OciManifest.MediaType, IndexType, DockerManifestType, DockerListType];

    /// <summary>As one manifest with config and layers.</summary>
    /// <exception cref="StoreException">Damaged: it is an index.</exception>
    public OciManifest ToManifest() => IsIndex
        ? throw new StoreException(StoreFailure.Damaged, new Fault(
            Outcome.BuildFailed, $"{Descriptor.Digest.Short} is a list of manifests ({Descriptor.MediaType}) where one manifest is expected", where,
            "ask for one of its manifests by digest, or store the component for one platform"))
        : OciManifest.Parse(Bytes);

    /// <summary>Reads what a store holds.</summary>
    /// <param name="bytes">The document.</param>
    /// <param name="mediaType">What the store calls it; null when it does not say: the document says it itself.</param>
    /// <param name="where">For messages.</param>
    /// <exception cref="StoreException">Damaged: no manifest, of an unknown kind, or of another kind than the store says.</exception>
    public static StoredManifest Read(ReadOnlyMemory<byte> bytes, string? mediaType, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var root = document.RootElement;
            var named = Text(root, "mediaType");
            var listed = root.TryGetProperty("manifests", out var list) && list.ValueKind == JsonValueKind.Array;
            if (listed && (root.TryGetProperty("layers", out _) || root.TryGetProperty("config", out _)))
            {
                // A document that is both can be taken for one by us and for the other by somebody else (CVE-2021-41190).
                throw new FormatException("it is a manifest and a list of manifests at once");
            }

            var kind = mediaType ?? named ?? (listed ? IndexType : OciManifest.MediaType);
            if (!MediaTypes.Contains(kind))
            {
                throw new FormatException($"its media type is {TerminalSafe(kind)}");
            }

            if (named is not null && named != kind)
            {
                throw new FormatException($"the store calls it {kind}, it calls itself {TerminalSafe(named)}");
            }

            if (listed != (kind is IndexType or DockerListType))
            {
                throw new FormatException($"its content is not that of {kind}");
            }

            var digest = Digest.Of(bytes.Span);
            var type = Text(root, "artifactType");
            if (listed)
            {
                return new StoredManifest(new Descriptor(kind, digest, bytes.Length) { ArtifactType = type }, bytes, [.. list.EnumerateArray().Select(OciManifest.Read)], [], where);
            }

            var manifest = OciManifest.Parse(root);
            return new StoredManifest(new Descriptor(kind, digest, bytes.Length) { ArtifactType = type }, bytes, [], [manifest.Config, .. manifest.Layers], where);
        }
        catch (Exception e) when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            throw new StoreException(StoreFailure.Damaged, new Fault(
                Outcome.BuildFailed, $"what is stored is no OCI manifest: {TerminalSafe(e.Message)}", where, "find out who wrote it; build and publish the component again"), e);
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Text of somebody else's in a message of ours: no control characters, not endless.</summary>
    internal static string TerminalSafe(string text)
    {
        var plain = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return plain.Length <= 200 ? plain : plain[..200] + "…";
    }
}
