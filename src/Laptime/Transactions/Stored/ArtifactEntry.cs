using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;

namespace Laptime.Transactions.Stored;

/// <summary>One artifact as a store has it, and everything that is known of it from elsewhere.</summary>
public sealed record ArtifactEntry
{
    /// <summary>The component; null: nobody says.</summary>
    public string? Component { get; init; }

    /// <summary>What it is found by; none for one that no fingerprint leads to (it was tainted, or its tag is gone) and that is still deployed.</summary>
    public Digest Fingerprint { get; init; }

    /// <summary>Digest of its manifest.</summary>
    public required Digest Artifact { get; init; }

    /// <summary><c>files</c>, <c>image</c>, or <c>damaged</c>: its manifest cannot be read.</summary>
    public required string Kind { get; init; }

    /// <summary>Bytes of everything it refers to, each blob once; null: its manifest cannot be read.</summary>
    public long? Size { get; init; }

    /// <summary>Its manifest, and for an index those below it.</summary>
    public IReadOnlyList<StoredManifest> Manifests { get; init; } = [];

    public DateTimeOffset? BuiltAt { get; init; }

    /// <summary>The transaction that built it.</summary>
    public string? Transaction { get; init; }

    public string? Profile { get; init; }

    /// <summary>The manifest of its attestation; null: it has none.</summary>
    public Digest? Attestation { get; init; }

    /// <summary>Its attestation is there, and its bytes are not what they were.</summary>
    public DamagedBlob? AttestationDamage { get; init; }

    /// <summary>What the trust rules say to the attestation; null: there is none.</summary>
    public TrustVerdict? Trust { get; init; }

    /// <summary>What the attestation says, believed or not; null: there is none, or it cannot be read.</summary>
    public BuildProvenance? Claim { get; init; }

    public IReadOnlyList<string> DeployedIn { get; init; } = [];

    public IReadOnlyList<string> RollbackIn { get; init; } = [];

    /// <summary>What is deployed, or can be gone back to, was built with it.</summary>
    public bool IsUsed { get; init; }

    /// <summary>Environments where it was ever seen serving, as far as its origin says.</summary>
    public IReadOnlyList<string> DeliveredTo { get; init; } = [];

    /// <summary>What is wrong with it, as far as reading its manifest shows; null: nothing.</summary>
    public string? Flaw { get; init; }

    /// <summary>What lists and scripts name it by: its fingerprint, or its digest.</summary>
    public Digest Id => Fingerprint.IsNone ? Artifact : Fingerprint;

    /// <summary>The tag in the store; null: none leads to it.</summary>
    public string? Tag => Fingerprint.IsNone ? null : ArtifactStore.TagOf(Fingerprint);

    /// <summary><c>gateway@1a2b3c4d5e6f</c>, or the digest alone.</summary>
    public string Label => Component is null ? Artifact.Short : $"{Component}@{Artifact.Short}";
}
