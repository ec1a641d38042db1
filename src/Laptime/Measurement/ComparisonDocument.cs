using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Laptime.Measurement;

/// <summary>The document <c>laptime/comparison/v1</c>: what <c>lap compare</c>, <c>lap baseline compare|race</c> and an experiment say, and every renderer is fed with.</summary>
public sealed record ComparisonDocument
{
    public string Schema { get; init; } = "laptime/comparison/v1";

    public required SideName A { get; init; }

    public required SideName B { get; init; }

    /// <summary>apart (recorded one after the other) or pairs (in turn).</summary>
    public required string Design { get; init; }

    /// <summary>The runs were taken in turn, and the ratios of the pairs are judged.</summary>
    public bool Paired => Design == "pairs";

    /// <summary>The race that it is made from; null when there was none.</summary>
    public RaceReport? Race { get; init; }

    public required Comparison Interval { get; init; }

    /// <summary>From commit to artifact available; null when nothing was published.</summary>
    public Comparison? ArtifactPublish { get; init; }

    /// <summary>From the first rollout to the last reflection; null when nothing was rolled out.</summary>
    public Comparison? Rollout { get; init; }

    /// <summary>Those that took the most first. A run without the segment took 0 s for it.</summary>
    public IReadOnlyList<SegmentComparison> Segments { get; init; } = [];

    /// <summary>The same by kind of work, in the order in which the kinds come; made by <c>lap baseline compare</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<KindComparison>? Kinds { get; init; }

    /// <summary>What took the most of B's critical path.</summary>
    public DominantShare? Dominant { get; init; }

    /// <summary>The same of A.</summary>
    public DominantShare? DominantBefore { get; init; }

    public MachineMove? Calibration { get; init; }

    /// <summary>What else the figures say, such as that the cache is not the bottleneck.</summary>
    public IReadOnlyList<string> Findings { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The verdict in words.</summary>
    public required string Sentence { get; init; }

    /// <summary>ok, regression or inconclusive: as the command ends.</summary>
    public string? Outcome { get; init; }

    public int? ExitCode { get; init; }
}

/// <param name="Id">What it can be found by.</param>
/// <param name="Label">What people call it.</param>
public sealed record SideName(string Id, string Label);

/// <summary>A segment on both sides: the figures of <see cref="Comparison"/>, and whose they are.</summary>
public sealed record SegmentComparison : Comparison
{
    [JsonConstructor]
    public SegmentComparison()
    {
    }

    [SetsRequiredMembers]
    internal SegmentComparison(string segment, string? component, Comparison figures) : base(figures) => (Segment, Component) = (segment, component);

    public required string Segment { get; init; }

    public string? Component { get; init; }

    public string? Kind { get; init; }

    /// <summary>On the critical path of at least half the runs of A or of B.</summary>
    public bool OnPath { get; init; }

    /// <summary>Below 1 % of the interval on both sides: shown, not judged.</summary>
    public bool Negligible { get; init; }
}

/// <param name="Seconds">Median of what it took on the path.</param>
/// <param name="Share">Of the median interval, 0 to 1.</param>
public sealed record DominantShare(string Segment, string? Component, string? Kind, double Seconds, double Share);

/// <summary>Source-generated JSON of comparisons: camelCase, nulls written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ComparisonDocument))]
public sealed partial class MeasurementJson : JsonSerializerContext
{
    /// <summary>For people and files: indented, and without escaping of non-ASCII text.</summary>
    public static MeasurementJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
