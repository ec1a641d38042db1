using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;

namespace Laptime.Tests.Artifacts.Provenance;

public sealed class AttestationTests : IDisposable
{
    private readonly Signed signed = new();

    public void Dispose() => signed.Dispose();

    [Fact]
    public async Task The_manifest_is_what_cosign_writes_and_carries_its_bundle()
    {
        var attestation = await Attestation.SignAsync(signed.Provenance, Signed.Subject, signed.Key, signed.Clock.GetUtcNow(), Signed.Cancel);
        var json = JsonNode.Parse(attestation.Manifest)!;
        Assert.Equal(2, (int)json["schemaVersion"]!);
        Assert.Equal("application/vnd.oci.image.manifest.v1+json", (string?)json["mediaType"]);
        Assert.Equal("application/vnd.dev.sigstore.bundle.v0.3+json", (string?)json["artifactType"]);
        Assert.Equal("application/vnd.oci.empty.v1+json", (string?)json["config"]!["mediaType"]);
        Assert.Equal(Signed.Subject.Digest.ToString(), (string?)json["subject"]!["digest"]);
        Assert.Equal(417, (int)json["subject"]!["size"]!);
        Assert.Equal("dsse-envelope", (string?)json["annotations"]!["dev.sigstore.bundle.content"]);
        Assert.Equal("https://slsa.dev/provenance/v1", (string?)json["annotations"]!["dev.sigstore.bundle.predicateType"]);
        Assert.Equal("2026-11-21T11:03:29Z", (string?)json["annotations"]!["org.opencontainers.image.created"]);
        var layer = json["layers"]!.AsArray().Single()!;
        Assert.Equal(attestation.Bundle, Convert.FromBase64String((string)layer["data"]!));
        Assert.Equal(Digest.Of(attestation.Bundle).ToString(), (string?)layer["digest"]);

        // Every blob that the manifest names is one to store first; the store's own reader finds them.
        var read = OciManifest.Parse(attestation.Manifest);
        Assert.Equal([read.Config, read.Layers.Single()], attestation.Blobs.Select(b => b.Descriptor));
        Assert.All(attestation.Blobs, b => Assert.Equal((b.Descriptor.Digest, b.Descriptor.Size), (Digest.Of(b.Content), b.Content.Length)));
        Assert.Equal("att-" + Signed.Fingerprint.ToHex(), Attestation.TagOf(Signed.Fingerprint));
        Assert.Equal(Signed.Fingerprint, Attestation.FingerprintOf(Attestation.TagOf(Signed.Fingerprint)));
        Assert.Null(Attestation.FingerprintOf("fp-" + Signed.Fingerprint.ToHex()));
        Assert.Equal(signed.Provenance.Builder, attestation.ReadUnverified().Builder);

        var again = Attestation.Parse(attestation.Manifest);
        Assert.Equal((attestation.Digest, attestation.Subject), (again.Digest, again.Subject));
        Assert.Equal(attestation.Bundle, again.Bundle);
    }

    [Fact]
    public async Task The_bundle_names_its_key_in_both_places_and_has_one_signature()
    {
        var bundle = JsonNode.Parse(Attestation.Parse(await signed.SignAsync(signed.Provenance)).Bundle)!;
        var hint = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(signed.Key.Public.Spki));
        Assert.Equal((hint, hint), ((string?)bundle["verificationMaterial"]!["publicKey"]!["hint"], (string?)bundle["dsseEnvelope"]!["signatures"]![0]!["keyid"]));
        Assert.Equal("application/vnd.in-toto+json", (string?)bundle["dsseEnvelope"]!["payloadType"]);
        Assert.Single(bundle["dsseEnvelope"]!["signatures"]!.AsArray());
    }

    public static TheoryData<string, string, string> Damaged => new()
    {
        { "mediaType", "\"application/vnd.oci.image.index.v1+json\"", "not application/vnd.oci.image.manifest.v1+json" },
        { "artifactType", "\"application/vnd.dev.sigstore.bundle.v0.4+json\"", "not application/vnd.dev.sigstore.bundle.v0.3+json" },
        { "layers", "[]", "not one bundle" },
        { "layers.0.mediaType", "\"text/plain\"", "not application/vnd.dev.sigstore.bundle.v0.3+json" },
        { "layers.0.size", "7", "another digest" },
        { "layers.0.digest", "\"sha256:" + new string('a', 64) + "\"", "another digest" },
        { "layers.0.data", "\"QQ==\"", "another digest" },
        { "layers.0.data", "\"Q Q==\"", "not base64" },
        { "layers.0.data", "null", "no data" },
        { "subject", "null", "no subject" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public async Task An_attestation_that_does_not_hold_together_is_refused(string path, string value, string reason)
    {
        var manifest = StatementTests.With(await signed.SignAsync(signed.Provenance), path, value);
        Assert.Contains(reason, Assert.Throws<FormatException>(() => Attestation.Parse(manifest)).Message, StringComparison.Ordinal);
        Assert.Equal("tampered", Assert.IsType<TrustVerdict.Refused>(signed.Verify(manifest)).Fallback);
    }

    public static TheoryData<string, string, string> Strange => new()
    {
        { "mediaType", "\"application/vnd.dev.sigstore.bundle.v0.2+json\"", "v0.2" },
        { "mediaType", "\"application/vnd.dev.sigstore.bundle+json;version=0.3\"", "version=0.3" },
        { "verificationMaterial", "{\"certificate\":{\"rawBytes\":\"QQ==\"}}", "signed with a certificate" },
        { "dsseEnvelope", "null", "no dsseEnvelope" },
        { "dsseEnvelope.signatures", "[]", "0 signatures" },
        { "dsseEnvelope.signatures", "[{\"sig\":\"QQ==\"},{\"sig\":\"QQ==\"}]", "2 signatures" },
    };

    [Theory]
    [MemberData(nameof(Strange))]
    public async Task A_bundle_of_another_kind_is_refused_with_the_reason(string path, string value, string reason)
    {
        var bundle = StatementTests.With(Attestation.Parse(await signed.SignAsync(signed.Provenance)).Bundle, path, value);
        Assert.Contains(reason, Assert.Throws<FormatException>(() => SigstoreBundle.Parse(bundle)).Message, StringComparison.Ordinal);
        var refused = Assert.IsType<TrustVerdict.Refused>(signed.Verify(signed.Wrap(bundle)));
        Assert.Contains(reason, refused.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_changed_byte_is_refused_or_changes_nothing_that_is_read()
    {
        var manifest = await signed.SignAsync(signed.Provenance);
        var bundle = Attestation.Parse(manifest).Bundle;
        using var policy = signed.Policy(Signed.Rule);
        var expected = Statement.ToBytes(signed.Provenance);
        // In the store, and by somebody who makes the manifest anew around a changed bundle.
        Every(manifest, m => m);
        Every(bundle, b => signed.Wrap(b));

        void Every(byte[] original, Func<byte[], byte[]> store)
        {
            for (var i = 0; i < original.Length; i++)
            {
                var changed = (byte[])original.Clone();
                changed[i] ^= (byte)(1 << (i * 5 % 8));
                Check(store(changed), $"byte {i}, bit {i * 5 % 8}");
            }
        }

        void Check(byte[] changed, string which)
        {
            if (policy.Verify(changed, "gateway", Signed.Fingerprint) is TrustVerdict.Trusted trusted)
            {
                Assert.True(expected.AsSpan().SequenceEqual(Statement.ToBytes(trusted.Provenance)), which);
            }
        }
    }

    [Fact]
    public async Task Cut_doubled_and_random_bytes_are_refused_and_never_a_crash()
    {
        var manifest = await signed.SignAsync(signed.Provenance);
        using var policy = signed.Policy(Signed.Rule);
        for (var length = 0; length < manifest.Length; length += 7)
        {
            Assert.Equal("tampered", Assert.IsType<TrustVerdict.Refused>(policy.Verify(manifest.AsMemory(0, length), "gateway", Signed.Fingerprint)).Fallback);
        }

        Assert.IsType<TrustVerdict.Refused>(policy.Verify((byte[])[.. manifest, .. manifest], "gateway", Signed.Fingerprint));
        Assert.Contains("allowed", Assert.IsType<TrustVerdict.Refused>(policy.Verify(new byte[Attestation.MostBytes + 1], "gateway", Signed.Fingerprint)).What, StringComparison.Ordinal);
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            Assert.IsType<TrustVerdict.Refused>(policy.Verify(bytes, "gateway", Signed.Fingerprint));
            Assert.IsType<TrustVerdict.Refused>(policy.Verify(signed.Wrap(bytes), "gateway", Signed.Fingerprint));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
        Assert.IsType<TrustVerdict.Refused>(policy.Verify(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("[", 100_000))), "gateway", Signed.Fingerprint));
    }
}
