using System.Buffers;
using System.Text.Json;

namespace Laptime.Artifacts.Provenance;

/// <summary>
/// A sigstore bundle v0.3 with an envelope and the hint of a public key: what cosign and the sigstore libraries read. No certificate, no log entry: whoever
/// verifies has the key.
/// </summary>
/// <param name="Hint">base64(SHA-256(SPKI)) of the key; the same text as the envelope's keyid.</param>
public sealed record SigstoreBundle(DsseEnvelope Envelope, string Hint)
{
    public const string MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

    public byte[] ToBytes()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            json.WriteStartObject();
            json.WriteString("mediaType", MediaType);
            json.WriteStartObject("verificationMaterial");
            json.WriteStartObject("publicKey");
            json.WriteString("hint", Hint);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WritePropertyName("dsseEnvelope");
            Envelope.Write(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">Not such a bundle, or one with several signatures.</exception>
    public static SigstoreBundle Parse(ReadOnlyMemory<byte> bytes) => JsonPart.Read(bytes, "the bundle", json =>
    {
        json["mediaType"].Must(MediaType);
        var material = json["verificationMaterial"];
        if (material.Find("publicKey") is not { } key)
        {
            throw new FormatException("the bundle names no public key: one that was signed with a certificate is not read here");
        }

        var envelope = DsseEnvelope.Read(json["dsseEnvelope"]);
        return envelope.Signatures.Count == 1
            ? new SigstoreBundle(envelope, key.Find("hint")?.Text ?? "")
            : throw new FormatException($"the bundle has {envelope.Signatures.Count} signatures, not one");
    });
}
