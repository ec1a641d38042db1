using System.Security.Cryptography;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Artifacts.Provenance;

/// <summary>A workspace with a key of its own in a temporary folder, and provenance signed with it. Keys are made for each test and gone after it.</summary>
internal sealed class Signed : IDisposable
{
    public const string Builder = "https://ci.example.org/main";

    public Signed()
    {
        KeyRing ring = new(Workspace());
        Pair = ring.Create("ci", null, replace: false);
        Key = SigningKey.FromFile(Pair.PrivateFile);
    }

    public TemporaryFolder Folder { get; } = new();

    public ManualTime Clock { get; } = new();

    public KeyPair Pair { get; }

    public SigningKey Key { get; }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Digest Fingerprint { get; } = Digest.Of("fingerprint");

    public static Descriptor Subject { get; } = new(OciManifest.MediaType, Digest.Of("manifest"), 417);

    /// <summary>Built a minute ago by <see cref="Builder"/> from main.</summary>
    public BuildProvenance Provenance => new()
    {
        Component = "gateway", Artifact = Subject.Digest, Fingerprint = Fingerprint, Builder = Builder, Invocation = "tx-20261121-110329-7f3a9c",
        Source = new SourceEvent
        {
            Event = SourceEvent.MergeToMain, Repository = "git+https://git.example.org/shop", Ref = "refs/heads/main", Commit = new string('a', 40),
            CommittedAt = Clock.GetUtcNow().AddMinutes(-10), Evidence = "git: HEAD is refs/heads/main",
        },
        Started = Clock.GetUtcNow().AddMinutes(-2), Finished = Clock.GetUtcNow().AddMinutes(-1), Profile = "release", Loop = Loop.Safe, Dirty = false,
        Steps = [new("restore", StepKind.Install, 0.25, "hit"), new("compile", StepKind.Compile, 12.125, "miss", "dotnet 10.0.100")],
        InputCount = 42, InputsDigest = Digest.Of("inputs"), Uses = [new("catalog-client", Digest.Of("client"))], LapVersion = "0.1.0", Audit = new AuditHead(12, Digest.Of("line 12")),
    };

    public static TrustRule Rule { get; } = new(SourceEvent.MergeToMain, Builder, "keys/ci.pub", null) { At = new SourceLocation("laptime.yaml", 9, 5) };

    public Workspace Workspace(params IReadOnlyList<TrustRule> rules) => new()
    {
        Root = Folder, File = Folder.At("laptime.yaml"), Sources = [], Name = "shop", Components = [], Profiles = [], Environments = [], Trust = rules,
    };

    public async Task<byte[]> SignAsync(BuildProvenance provenance, SigningKey? key = null) =>
        (await Attestation.SignAsync(provenance, Subject with { Digest = provenance.Artifact }, key ?? Key, Clock.GetUtcNow(), Cancel)).Manifest;

    /// <summary>What an attacker writes: any payload, with a good signature by this test's key, in a manifest that holds together.</summary>
    public async Task<byte[]> SignAsync(byte[] payload, string type = DsseEnvelope.InToto)
    {
        var signature = await Key.SignAsync(DsseEnvelope.PreAuthentication(type, payload), Cancel);
        return Wrap(new SigstoreBundle(new DsseEnvelope(type, payload, [new DsseSignature(Key.Public.Hint, signature)]), Key.Public.Hint).ToBytes());
    }

    public byte[] Wrap(byte[] bundle, Digest? subject = null) => Attestation.ManifestOf(bundle, Subject with { Digest = subject ?? Subject.Digest }, Clock.GetUtcNow());

    public TrustPolicy Policy(params TrustRule[] rules) => TrustPolicy.Load(Workspace(rules), Clock);

    public TrustVerdict Verify(byte[]? manifest, params TrustRule[] rules)
    {
        using var policy = Policy(rules.Length == 0 ? [Rule] : rules);
        return policy.Verify(manifest is null ? null : (ReadOnlyMemory<byte>?)manifest, "gateway", Fingerprint);
    }

    /// <summary>A pair that no rule knows, beside the workspace's keys.</summary>
    public SigningKey Other(string name = "other") => SigningKey.FromFile(new KeyRing(Workspace()).Create(name, null, replace: true).PrivateFile);

    public static string PemOf(ECDsa key) => key.ExportPkcs8PrivateKeyPem() + "\n";

    public void Dispose()
    {
        Key.Dispose();
        Folder.Dispose();
    }
}
