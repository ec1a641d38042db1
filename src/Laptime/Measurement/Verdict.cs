using System.Text.Json.Serialization;

namespace Laptime.Measurement;

/// <summary>What two sets of measurements say about each other, B against A.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>B takes less, with evidence.</summary>
    [JsonStringEnumMemberName("better")]
    Better,

    /// <summary>B takes more, with evidence.</summary>
    [JsonStringEnumMemberName("worse")]
    Worse,

    /// <summary>There were runs enough to see a difference, and none was seen: no proof that there is none.</summary>
    [JsonStringEnumMemberName("no-evidence")]
    NoEvidence,

    /// <summary>Too few runs, or the machine itself moved: neither pass nor fail.</summary>
    [JsonStringEnumMemberName("inconclusive")]
    Inconclusive,
}
