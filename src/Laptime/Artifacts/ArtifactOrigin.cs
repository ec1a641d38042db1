using System.Text.Json.Serialization;

namespace Laptime.Artifacts;

/// <summary>When and by which transaction an artifact was built: who deploys it later knows by it what its build still cost this change.</summary>
/// <param name="Transaction">The transaction that built it.</param>
/// <param name="Start">When the build began.</param>
/// <param name="End">When the artifact was available.</param>
public sealed record ArtifactOrigin(string Transaction, DateTimeOffset Start, DateTimeOffset End)
{
    /// <summary>Built at a trusted event, with provenance that was verified: nobody who deploys it waited for its build.</summary>
    public bool Trusted { get; init; }

    /// <summary>Environments in which it was seen serving.</summary>
    public IReadOnlyList<string> DeliveredTo { get; init; } = [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ArtifactOrigin))]
internal sealed partial class OriginJson : JsonSerializerContext;
