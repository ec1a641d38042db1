using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Laptime.Fingerprints;

namespace Laptime.Artifacts.Provenance;

/// <summary>
/// Provenance as a store keeps it: an OCI manifest with the sigstore bundle as its layer, in the form that cosign 3 writes, found by a tag made of the
/// fingerprint. The layer's descriptor carries the bundle itself (OCI's <c>data</c>), so that one read of the tag gives everything that is verified, and two
/// publishers at once cannot leave half of each.
/// </summary>
public sealed record Attestation
{
    /// <summary>Longer manifests are refused, as registries do.</summary>
    public const int MostBytes = 4 << 20;

    private const string ContentKey = "dev.sigstore.bundle.content";
    private const string PredicateKey = "dev.sigstore.bundle.predicateType";
    private const string CreatedKey = "org.opencontainers.image.created";

    private Attestation() { }

    /// <summary>The manifest's bytes, to be stored under <see cref="TagOf"/> (and its own digest).</summary>
    public required byte[] Manifest { get; init; }

    public Digest Digest => Digest.Of(Manifest);

    /// <summary>The bundle's bytes; also a blob to be stored, for other tools and because registries ask for every blob that a manifest names.</summary>
    public required byte[] Bundle { get; init; }

    /// <summary>The artifact's manifest, as the attestation points at it. Not signed: compare it with what the statement says.</summary>
    public required Descriptor Subject { get; init; }

    /// <summary>What must be in the store before the manifest is put there.</summary>
    public IReadOnlyList<(Descriptor Descriptor, byte[] Content)> Blobs =>
        [(Empty, OciManifest.EmptyConfig), (new Descriptor(SigstoreBundle.MediaType, Digest.Of(Bundle), Bundle.Length), Bundle)];

    private static Descriptor Empty { get; } = new("application/vnd.oci.empty.v1+json", Digest.Of(OciManifest.EmptyConfig), OciManifest.EmptyConfig.Length);

    /// <summary>The tag of a fingerprint's attestation, in every kind of store.</summary>
    public static string TagOf(Digest fingerprint) => "att-" + fingerprint.ToHex();

    /// <summary>The fingerprint that a tag is made of; null: it is no attestation's.</summary>
    public static Digest? FingerprintOf(string tag) =>
        tag.StartsWith("att-", StringComparison.Ordinal) && Digest.TryParse("sha256:" + tag[4..], out var fingerprint) ? fingerprint : null;

    /// <summary>What the statement says before anybody verified it: for lists and messages, never for a decision.</summary>
    /// <exception cref="FormatException">It is no statement that this version reads.</exception>
    public BuildProvenance ReadUnverified() => Statement.Parse(SigstoreBundle.Parse(Bundle).Envelope.Payload);

    /// <summary>Signs the provenance.</summary>
    /// <param name="subject">The artifact's manifest; its digest must be the provenance's artifact.</param>
    /// <param name="key">Whose signature it gets. The signature is verified before it is used.</param>
    /// <param name="created">When.</param>
    /// <exception cref="Foundations.FaultException">The key did not sign.</exception>
    public static async Task<Attestation> SignAsync(BuildProvenance provenance, Descriptor subject, SigningKey key, DateTimeOffset created, CancellationToken cancel)
    {
        if (subject.Digest != provenance.Artifact)
        {
            throw new ArgumentException("the provenance is of another artifact", nameof(subject));
        }

        var payload = Statement.ToBytes(provenance);
        var signature = await key.SignAsync(DsseEnvelope.PreAuthentication(DsseEnvelope.InToto, payload), cancel).ConfigureAwait(false);
        var bundle = new SigstoreBundle(new DsseEnvelope(DsseEnvelope.InToto, payload, [new DsseSignature(key.Public.Hint, signature)]), key.Public.Hint).ToBytes();
        return new Attestation { Manifest = ManifestOf(bundle, subject, created), Bundle = bundle, Subject = subject };
    }

    /// <summary>Reads a manifest that a store gave. Nothing in it is verified but that it holds together.</summary>
    /// <exception cref="FormatException">It is no attestation of ours, or the bundle in it is not the one that it names.</exception>
    public static Attestation Parse(ReadOnlyMemory<byte> manifest)
    {
        if (manifest.Length > MostBytes)
        {
            throw new FormatException($"the attestation has {manifest.Length} bytes; {MostBytes} are allowed");
        }

        return JsonPart.Read(manifest, "the attestation", json =>
        {
            json["mediaType"].Must(OciManifest.MediaType);
            json["artifactType"].Must(SigstoreBundle.MediaType);
            if (json["layers"].Items is not [var layer])
            {
                throw json["layers"].Wrong("one bundle");
            }

            layer["mediaType"].Must(SigstoreBundle.MediaType);
            var bundle = StrictBase64.Decode(layer["data"].Text, "the attestation's bundle");
            if (bundle.Length != layer["size"].Count || Digest.Of(bundle) != layer["digest"].Digest)
            {
                throw new FormatException("the bundle in the attestation has another digest than the attestation says");
            }

            var subject = json["subject"];
            return new Attestation
            {
                Manifest = manifest.ToArray(), Bundle = bundle,
                Subject = new Descriptor(subject["mediaType"].Name, subject["digest"].Digest, subject["size"].Count),
            };
        });
    }

    /// <summary>Any signed statement about an artifact, as it is stored.</summary>
    /// <param name="bundle">A <see cref="SigstoreBundle"/>'s bytes.</param>
    /// <param name="predicateType">Of the statement in it.</param>
    public static Attestation Of(byte[] bundle, Descriptor subject, string predicateType, DateTimeOffset created) =>
        new() { Manifest = ManifestOf(bundle, subject, created, predicateType), Bundle = bundle, Subject = subject };

    internal static byte[] ManifestOf(byte[] bundle, Descriptor subject, DateTimeOffset created, string predicateType = Statement.PredicateType)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteString("mediaType", OciManifest.MediaType);
            json.WriteString("artifactType", SigstoreBundle.MediaType);
            json.WritePropertyName("config");
            OciManifest.Write(json, Empty);
            json.WriteStartArray("layers");
            json.WriteStartObject();
            json.WriteString("mediaType", SigstoreBundle.MediaType);
            json.WriteString("digest", Digest.Of(bundle).ToString());
            json.WriteNumber("size", bundle.Length);
            json.WriteBase64String("data", bundle);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WritePropertyName("subject");
            OciManifest.Write(json, subject);
            json.WriteStartObject("annotations");
            json.WriteString(ContentKey, "dsse-envelope");
            json.WriteString(PredicateKey, predicateType);
            json.WriteString(CreatedKey, created.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
