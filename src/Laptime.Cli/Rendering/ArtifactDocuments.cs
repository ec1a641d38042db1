using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Artifacts.Provenance;
using Laptime.Targets.Registry;
using Laptime.Transactions.Stored;

namespace Laptime.Cli.Rendering;

/// <summary>A store as documents name it.</summary>
/// <param name="Kind">local or shared.</param>
internal sealed record StoreReport(string Kind, string Name);

/// <summary>What a local registry had to have done before the command.</summary>
internal sealed record RegistryWait(string Action, double Seconds, string Detail)
{
    public static RegistryWait? Of(RegistryState? state) => state is null ? null : new RegistryWait(state.Name, Math.Round(state.Took.TotalSeconds, 6), state.Detail);
}

/// <summary><c>lap artifacts list</c>.</summary>
internal sealed record ArtifactList(string Schema, StoreReport Store, RegistryWait? Registry, IReadOnlyList<ArtifactItem> Items, IReadOnlyList<string> Unread);

/// <param name="Status">trusted; or the refusal: missing, expired, untrusted, tampered, dirty-tree; none: it has no provenance.</param>
/// <param name="Key">The rule's key, of one that is trusted.</param>
internal sealed record TrustReport(string Status, string? Source, string? Builder, string? Key, string? Detail, string? Mend);

internal sealed record ArtifactItem(
    string Id, string? Component, string? Fingerprint, string Artifact, string Kind, long? Size, DateTimeOffset? BuiltAt, string? Transaction, string? Profile,
    TrustReport Trust, IReadOnlyList<string> Deployed, IReadOnlyList<string> Rollback, bool Used, string? Flaw)
{
    public static ArtifactItem Of(ArtifactEntry e) => new(
        e.Id.ToString(), e.Component, e.Fingerprint.IsNone ? null : e.Fingerprint.ToString(), e.Artifact.ToString(), e.Kind, e.Size, e.BuiltAt, e.Transaction, e.Profile, TrustOf(e.Trust),
        e.DeployedIn, e.RollbackIn, e.IsUsed, e.Flaw);

    private static TrustReport TrustOf(TrustVerdict? verdict) => verdict switch
    {
        TrustVerdict.Trusted trusted => new TrustReport("trusted", trusted.Rule.Source, trusted.Provenance.Builder, trusted.Rule.Key, null, null),
        TrustVerdict.Refused refused => new TrustReport(refused.Fallback, null, null, null, refused.What, refused.Mend),
        _ => new TrustReport("none", null, null, null, null, null),
    };
}

/// <summary><c>lap artifacts show</c>.</summary>
internal sealed record ArtifactDocument(
    string Schema, StoreReport Store, RegistryWait? Registry, ArtifactItem Artifact, IReadOnlyList<string> Tags, IReadOnlyList<LayerReport> Layers, ProvenanceReport? Provenance);

/// <param name="Files">Null: its content was not listed (an image's layer is compressed).</param>
internal sealed record LayerReport(string Digest, string MediaType, long Size, IReadOnlyList<FileReport>? Files);

internal sealed record FileReport(string Path, long Size, bool Executable, string? Link);

/// <param name="Believed">A trust rule accepts it; otherwise it is only what the attestation says of itself.</param>
internal sealed record ProvenanceReport(
    bool Believed, string Event, string Repository, string Ref, string Commit, DateTimeOffset CommittedAt, string Builder, string Transaction, DateTimeOffset Started, DateTimeOffset Finished,
    string? Profile, string Loop, bool Dirty, long Inputs, string LapVersion, IReadOnlyList<StepReport> Steps, IReadOnlyList<UsedReport> Uses);

internal sealed record StepReport(string Name, string Kind, double Seconds, string Cache, string? Tool);

internal sealed record UsedReport(string Component, string Artifact);

/// <summary><c>lap artifacts verify</c>.</summary>
internal sealed record VerifyDocument(string Schema, StoreReport Store, RegistryWait? Registry, string Outcome, int ExitCode, IReadOnlyList<VerifyItem> Items);

internal sealed record VerifyItem(
    string Id, string? Component, string? Fingerprint, string Artifact, string Status, string? Detail, string? Mend, IReadOnlyList<DamageReport> Damaged);

internal sealed record DamageReport(string Digest, string Where, string What);

/// <summary><c>lap artifacts prune</c>.</summary>
internal sealed record PruneDocument(
    string Schema, StoreReport Store, RegistryWait? Registry, string Outcome, int ExitCode, bool DryRun, IReadOnlyList<PruneItem> Removed, IReadOnlyList<PruneItem> Kept,
    IReadOnlyList<string> Attestations, int Blobs, int Leftovers, long Bytes, IReadOnlyList<string> Notes);

internal sealed record PruneItem(string Id, string? Component, string Artifact, long? Size, DateTimeOffset? BuiltAt, string? Profile, string Why);

/// <summary><c>lap artifacts registry</c>.</summary>
/// <param name="Standing">up, refused, silent, foreign, failing.</param>
internal sealed record RegistryDocument(
    string Schema, string Address, string Standing, string Words, bool Own, int? Pid, string? Container, DateTimeOffset? Since, string Data, long DataBytes, string Log, RegistryWait? Done);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ArtifactList))]
[JsonSerializable(typeof(ArtifactDocument))]
[JsonSerializable(typeof(VerifyDocument))]
[JsonSerializable(typeof(PruneDocument))]
[JsonSerializable(typeof(RegistryDocument))]
internal sealed partial class ArtifactJson : JsonSerializerContext
{
    public static ArtifactJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
