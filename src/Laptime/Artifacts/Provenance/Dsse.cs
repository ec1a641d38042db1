using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Laptime.Artifacts.Provenance;

/// <summary>One signature of an envelope.</summary>
/// <param name="KeyId">A hint at the key, which nobody signed: it may narrow the search, never decide it.</param>
/// <param name="Bytes">The signature; DER for the keys that we have.</param>
public sealed record DsseSignature(string KeyId, byte[] Bytes);

/// <summary>
/// A DSSE v1 envelope: bytes, what they are, and signatures over both. The payload is kept as the very bytes that were signed; it is parsed only after
/// they were verified, and never written anew.
/// </summary>
public sealed record DsseEnvelope(string PayloadType, byte[] Payload, IReadOnlyList<DsseSignature> Signatures)
{
    /// <summary>The payload type of in-toto statements.</summary>
    public const string InToto = "application/vnd.in-toto+json";

    /// <summary>What is signed: <c>"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body</c>, lengths in bytes.</summary>
    public static byte[] PreAuthentication(string payloadType, ReadOnlySpan<byte> payload)
    {
        var type = Encoding.UTF8.GetBytes(payloadType);
        return
        [
            .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"DSSEv1 {type.Length} ")), .. type,
            .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $" {payload.Length} ")), .. payload,
        ];
    }

    public byte[] PreAuthentication() => PreAuthentication(PayloadType, Payload);

    public byte[] ToBytes()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            Write(json);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">Not an envelope.</exception>
    public static DsseEnvelope Parse(ReadOnlyMemory<byte> bytes) => JsonPart.Read(bytes, "the envelope", Read);

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("payload", StrictBase64.Encode(Payload));
        json.WriteString("payloadType", PayloadType);
        json.WriteStartArray("signatures");
        foreach (var signature in Signatures)
        {
            json.WriteStartObject();
            json.WriteString("sig", StrictBase64.Encode(signature.Bytes));
            json.WriteString("keyid", signature.KeyId);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static DsseEnvelope Read(JsonPart json) => new(
        json["payloadType"].Name,
        StrictBase64.Decode(json["payload"].Text, "the envelope's payload"),
        [.. json["signatures"].Items.Select(s => new DsseSignature(s.Find("keyid")?.Text ?? "", StrictBase64.Decode(s["sig"].Name, "the signature")))]);
}
