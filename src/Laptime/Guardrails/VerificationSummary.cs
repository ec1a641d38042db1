using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Transactions;

namespace Laptime.Guardrails;

/// <summary>
/// What a promotion decided about one artifact, for other tools: SLSA's verification summary in an in-toto statement, written for refusals too. What lap knows beyond it (the guardrails one by one, the
/// transactions, how far the audit log went) stands in fields of its own, as SLSA wants them.
/// </summary>
public sealed record VerificationSummary
{
    /// <summary>https://slsa.dev/spec/v1.1/verification_summary</summary>
    public const string PredicateType = "https://slsa.dev/verification_summary/v1";

    public required string Component { get; init; }

    /// <summary>The artifact's manifest.</summary>
    public required Digest Artifact { get; init; }

    /// <summary>Who verified.</summary>
    public required string Verifier { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>What it was verified for: workspace, environment and component.</summary>
    public required string Resource { get; init; }

    /// <summary>The file with the policy, and its content's digest.</summary>
    public required (string Uri, Digest Digest) Policy { get; init; }

    /// <summary>All statements that were read to decide it: provenance bundles, review files.</summary>
    public required IReadOnlyList<AttestationRef> Inputs { get; init; }

    public required bool Passed { get; init; }

    /// <summary>The promotion, and what was promoted.</summary>
    public required string Transaction { get; init; }

    public required string? From { get; init; }

    public required IReadOnlyList<GuardrailReport> Guardrails { get; init; }

    /// <summary>How far the audit log went, with this promotion in it.</summary>
    public required AuditHead Audit { get; init; }

    /// <summary>The in-toto statement.</summary>
    public byte[] ToStatement()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            json.WriteStartObject();
            json.WriteString("_type", Statement.Type);
            json.WriteStartArray("subject");
            json.WriteStartObject();
            json.WriteString("name", Component);
            Sha256(json, Artifact);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteString("predicateType", PredicateType);
            json.WriteStartObject("predicate");
            json.WriteStartObject("verifier");
            json.WriteString("id", Verifier);
            json.WriteEndObject();
            json.WriteString("timeVerified", At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            json.WriteString("resourceUri", Resource);
            json.WriteStartObject("policy");
            json.WriteString("uri", Policy.Uri);
            Sha256(json, Policy.Digest);
            json.WriteEndObject();
            if (Inputs.Count > 0)
            {
                json.WriteStartArray("inputAttestations");
                foreach (var input in Inputs)
                {
                    json.WriteStartObject();
                    json.WriteString("uri", input.Uri);
                    Sha256(json, Digest.Parse(input.Digest));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteString("verificationResult", Passed ? "PASSED" : "FAILED");
            json.WriteStartArray("verifiedLevels");
            // Level 1 is what was looked at: there is provenance, and it holds. Whether the builder is hardened nobody here can see.
            json.WriteStringValue(Passed && Guardrails.Any(g => g is { Name: "provenance", Status: "pass" }) ? "SLSA_BUILD_LEVEL_1" : "FAILED");
            json.WriteEndArray();
            json.WriteString("slsaVersion", "1.1");
            json.WriteString("laptime_transaction", Transaction);
            if (From is not null)
            {
                json.WriteString("laptime_promotedFrom", From);
            }

            json.WriteStartArray("laptime_guardrails");
            foreach (var guardrail in Guardrails)
            {
                json.WriteStartObject();
                json.WriteString("name", guardrail.Name);
                json.WriteString("status", guardrail.Status);
                json.WriteString("what", guardrail.What);
                if (guardrail.Reason is not null)
                {
                    json.WriteString("reason", guardrail.Reason);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartObject("laptime_audit");
            json.WriteNumber("count", Audit.Count);
            json.WriteString("head", Audit.Head.ToString());
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The head of the audit log that a statement pins; null: it is no such statement.</summary>
    public static AuditHead? PinnedIn(ReadOnlyMemory<byte> statement)
    {
        try
        {
            return JsonPart.Read(statement, "the summary", json =>
            {
                json["predicateType"].Must(PredicateType);
                var audit = json["predicate"]["laptime_audit"];
                return new AuditHead(audit["count"].Count, audit["head"].Digest);
            });
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Signed, as sigstore's bundle.</summary>
    public static async Task<byte[]> SignAsync(byte[] statement, SigningKey key, CancellationToken cancel)
    {
        var signature = await key.SignAsync(DsseEnvelope.PreAuthentication(DsseEnvelope.InToto, statement), cancel).ConfigureAwait(false);
        return new SigstoreBundle(new DsseEnvelope(DsseEnvelope.InToto, statement, [new DsseSignature(key.Public.Hint, signature)]), key.Public.Hint).ToBytes();
    }

    private static void Sha256(Utf8JsonWriter json, Digest digest)
    {
        json.WriteStartObject("digest");
        json.WriteString("sha256", digest.ToHex());
        json.WriteEndObject();
    }
}
