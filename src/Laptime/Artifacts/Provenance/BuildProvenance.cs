using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Provenance;

/// <summary>Who built an artifact, when, from what and how: what is signed with it.</summary>
public sealed record BuildProvenance
{
    public required string Component { get; init; }

    /// <summary>Digest of the artifact's manifest: the subject.</summary>
    public required Digest Artifact { get; init; }

    public required Digest Fingerprint { get; init; }

    public required SourceEvent Source { get; init; }

    /// <summary>A URI that names who built, and thereby who could have changed the result.</summary>
    public required string Builder { get; init; }

    /// <summary>The transaction that built it.</summary>
    public required string Invocation { get; init; }

    /// <summary>To the millisecond, as all times here.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When the artifact was available; its age counts from here.</summary>
    public required DateTimeOffset Finished { get; init; }

    public string? Profile { get; init; }

    public required Loop Loop { get; init; }

    /// <summary>It was built from files that were not the commit's.</summary>
    public required bool Dirty { get; init; }

    /// <summary>In the order they ran.</summary>
    public IReadOnlyList<ProvenanceStep> Steps { get; init; } = [];

    /// <summary>How many files went in.</summary>
    public required long InputCount { get; init; }

    /// <summary>Digest over their paths, modes and contents.</summary>
    public required Digest InputsDigest { get; init; }

    /// <summary>Artifacts of other components that went in.</summary>
    public IReadOnlyList<UsedArtifact> Uses { get; init; } = [];

    /// <summary>The version of lap.</summary>
    public required string LapVersion { get; init; }

    /// <summary>How far the publisher's audit log went before; null: there was none. Who cuts that log later cannot cut this.</summary>
    public AuditHead? Audit { get; init; }

    /// <summary>
    /// Number and digest of the files among a fingerprint's parts: paths and contents as the fingerprint has them.
    /// </summary>
    public static (long Count, Digest Digest) InputsOf(ComponentFingerprint fingerprint)
    {
        var files = fingerprint.FilesWhere(static _ => true).ToList();
        return (files.Count, ComponentFingerprint.HashOf(fingerprint.Component, files));
    }
}

/// <param name="Seconds">How long it took; for a cache hit, what the look-up took.</param>
/// <param name="Cache">hit, miss or none.</param>
/// <param name="Tool">The version of its tool, where the step names one.</param>
public sealed record ProvenanceStep(string Name, StepKind Kind, double Seconds, string Cache, string? Tool = null);

public sealed record UsedArtifact(string Component, Digest Artifact);
