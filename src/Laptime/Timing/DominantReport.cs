using System.Text.Json.Serialization;

namespace Laptime.Timing;

/// <summary>The segment that took the most of the critical path.</summary>
/// <param name="Share">Of the interval without idle waiting, 0 to 1.</param>
/// <param name="IntervalWithout">Seconds that the interval would take with this segment at zero, by scheduling the rest again.</param>
public sealed record DominantReport(string Segment, string? Component, double Seconds, double Share, double IntervalWithout)
{
    /// <summary>Its kind, where the name alone does not say what it is: of a wait, and of a build that an earlier run did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Kind { get; init; }
}
