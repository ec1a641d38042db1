using System.Buffers;
using System.Text.Json;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;

namespace Laptime.Audit;

/// <summary>A head that somebody signed or keeps.</summary>
/// <param name="Held">Where it was found, in words: "the checkpoint of entry 12", "the attestation of gateway 1a2b3c4d5e6f".</param>
public sealed record AuditCheckpoint(AuditHead Head, DateTimeOffset At, string Held)
{
    /// <summary>The payload type of the signed envelope.</summary>
    public const string PayloadType = "application/vnd.laptime.audit-checkpoint.v1+json";

    /// <summary>A signed head: a DSSE envelope.</summary>
    public static async Task<byte[]> SignAsync(AuditHead head, DateTimeOffset at, SigningKey key, CancellationToken cancel)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("count", head.Count);
            json.WriteString("head", head.Head.ToString());
            json.WriteString("time", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }

        var payload = buffer.WrittenSpan.ToArray();
        var signature = await key.SignAsync(DsseEnvelope.PreAuthentication(PayloadType, payload), cancel).ConfigureAwait(false);
        return new DsseEnvelope(PayloadType, payload, [new DsseSignature(key.Public.Hint, signature)]).ToBytes();
    }

    /// <summary>Reads an envelope that one of these keys signed.</summary>
    /// <exception cref="FormatException">It is none, or nobody of these signed it.</exception>
    public static AuditCheckpoint Verified(ReadOnlyMemory<byte> envelope, IReadOnlyList<VerificationKey> keys)
    {
        var read = DsseEnvelope.Parse(envelope);
        if (read.PayloadType != PayloadType || read.Signatures is not [var signature])
        {
            throw new FormatException("it is no checkpoint of an audit log");
        }

        var signed = read.PreAuthentication();
        if (!keys.Any(k => k.Verify(signed, signature.Bytes)))
        {
            throw new FormatException("no key that is known here signed it");
        }

        return JsonPart.Read(read.Payload, "the checkpoint", json =>
        {
            var head = new AuditHead(json["count"].Count, json["head"].Digest);
            return new AuditCheckpoint(head, json["time"].Time, $"the signed checkpoint of entry {head.Count}");
        });
    }
}
