using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Laptime.Fingerprints;

namespace Laptime.Artifacts;

/// <summary>A blob or manifest as OCI points at it.</summary>
/// <param name="MediaType">What its content is.</param>
/// <param name="Digest">Of its bytes.</param>
/// <param name="Size">Bytes.</param>
public sealed record Descriptor(string MediaType, Digest Digest, long Size)
{
    /// <summary>Of a manifest that is no image: what kind of artifact it is.</summary>
    public string? ArtifactType { get; init; }
}

/// <summary>
/// The manifest of a file artifact (OCI image spec 1.1, "artifact usage"): an empty config and one layer. It holds nothing volatile, so that
/// equal content gives equal bytes; its digest is the artifact's digest.
/// </summary>
public sealed record OciManifest(string? ArtifactType, Descriptor Config, IReadOnlyList<Descriptor> Layers)
{
    public const string MediaType = "application/vnd.oci.image.manifest.v1+json";
    public const string ComponentType = "application/vnd.laptime.component.v1";
    public const string LayerType = "application/vnd.oci.image.layer.v1.tar";
    public static readonly byte[] EmptyConfig = "{}"u8.ToArray();
    private static readonly Descriptor EmptyDescriptor = new("application/vnd.oci.empty.v1+json", Digest.Of(EmptyConfig), EmptyConfig.Length);

    /// <summary>Without it `+json` is written as `\u002Bjson`: the same to a parser, not to a reader, and not to a digest.</summary>
    internal static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static OciManifest OfFiles(Descriptor layer) => new(ComponentType, EmptyDescriptor, [layer]);

    public byte[] ToBytes()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteString("mediaType", MediaType);
            if (ArtifactType is not null)
            {
                json.WriteString("artifactType", ArtifactType);
            }

            json.WritePropertyName("config");
            Write(json, Config);
            json.WriteStartArray("layers");
            foreach (var layer in Layers)
            {
                Write(json, layer);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">Not a manifest with sha256 descriptors.</exception>
    public static OciManifest Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return Parse(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"not an OCI manifest: {e.Message}", e);
        }
    }

    internal static OciManifest Parse(JsonElement root) => new(
        root.TryGetProperty("artifactType", out var type) ? type.GetString() : null,
        Read(root.GetProperty("config")),
        [.. root.GetProperty("layers").EnumerateArray().Select(Read)]);

    internal static void Write(Utf8JsonWriter json, Descriptor descriptor)
    {
        json.WriteStartObject();
        json.WriteString("mediaType", descriptor.MediaType);
        json.WriteString("digest", descriptor.Digest.ToString());
        json.WriteNumber("size", descriptor.Size);
        json.WriteEndObject();
    }

    /// <exception cref="FormatException">Not a sha256 digest, or an impossible size.</exception>
    internal static Descriptor Read(JsonElement element)
    {
        var descriptor = new Descriptor(
            element.GetProperty("mediaType").GetString() ?? "",
            Digest.Parse(element.GetProperty("digest").GetString() ?? ""),
            element.GetProperty("size").GetInt64());
        return descriptor.Size >= 0 ? descriptor : throw new FormatException($"a size of {descriptor.Size}");
    }
}
