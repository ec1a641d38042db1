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

    /// <summary>What was built; null: an earlier version did not say.</summary>
    public string? Component { get; init; }

    /// <summary>The build settings; null: none, or an earlier version did not say.</summary>
    public string? Profile { get; init; }

    /// <summary>Environments in which it was seen serving.</summary>
    public IReadOnlyList<string> DeliveredTo { get; init; } = [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ArtifactOrigin))]
internal sealed partial class OriginJson : JsonSerializerContext;
