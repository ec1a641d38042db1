using System.Text.Json.Nodes;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Guardrails;
using Laptime.Transactions;

namespace Laptime.Tests.Guardrails;

/// <summary>The statement that a promotion leaves for other tools.</summary>
public sealed class VerificationSummaryTests
{
    [Theory]
    [InlineData(true, "PASSED", "SLSA_BUILD_LEVEL_1")]
    [InlineData(false, "FAILED", "FAILED")]
    public void It_has_what_SLSA_asks_for_and_names_every_statement_that_was_read(bool passed, string result, string level)
    {
        var bundle = Digest.Of("bundle"u8);
        var json = JsonNode.Parse(Of(passed, [new AttestationRef("web", "oci://r/shop:att-1", bundle.ToString()), new AttestationRef(null, "reviews/1.json", Digest.Of("review"u8).ToString())]))!;
        var predicate = json["predicate"]!;
        Assert.Equal((VerificationSummary.PredicateType, result, level), ((string?)json["predicateType"], (string?)predicate["verificationResult"], (string?)predicate["verifiedLevels"]![0]));
        Assert.Equal(["oci://r/shop:att-1", "reviews/1.json"], predicate["inputAttestations"]!.AsArray().Select(i => (string?)i!["uri"]));
        Assert.Equal(bundle.ToHex(), (string?)predicate["inputAttestations"]![0]!["digest"]!["sha256"]);
        Assert.Equal(new AuditHead(7, Digest.Of("head"u8)), VerificationSummary.PinnedIn(Of(passed, [])));
    }

    [Fact]
    public void Where_nothing_was_read_it_names_nothing() => Assert.Null(JsonNode.Parse(Of(false, []))!["predicate"]!["inputAttestations"]);

    private static byte[] Of(bool passed, IReadOnlyList<AttestationRef> inputs) => new VerificationSummary
    {
        Component = "web", Artifact = Digest.Of("artifact"u8), Verifier = "urn:test", At = new DateTimeOffset(2026, 11, 21, 11, 3, 29, TimeSpan.Zero), Resource = "urn:laptime:shop:production:web",
        Policy = ("laptime.yaml", Digest.Of("policy"u8)), Inputs = inputs, Passed = passed, Transaction = "tx-20261121-110329-7f3a9c", From = "tx-20261121-110000-7f3a9b",
        Guardrails = [new GuardrailReport("provenance", passed ? "pass" : "refused", "what", [], null, null)], Audit = new AuditHead(7, Digest.Of("head"u8)),
    }.ToStatement();
}
