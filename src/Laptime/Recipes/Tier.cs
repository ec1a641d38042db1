using System.Text.Json.Serialization;

namespace Laptime.Recipes;

/// <summary>The five tiers, in the order in which they run on the one deployment.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Tier>))]
public enum Tier
{
    [JsonStringEnumMemberName("install")]
    Install,
    [JsonStringEnumMemberName("upgrade")]
    Upgrade,
    [JsonStringEnumMemberName("backup")]
    Backup,
    [JsonStringEnumMemberName("restore")]
    Restore,
    [JsonStringEnumMemberName("custom")]
    Custom,
}

/// <summary>What became of a tier. Only <see cref="Pass"/> is a pass.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TierStatus>))]
public enum TierStatus
{
    /// <summary>It ran, and everything that it has to show was seen.</summary>
    [JsonStringEnumMemberName("pass")]
    Pass,

    [JsonStringEnumMemberName("fail")]
    Fail,

    /// <summary>It does not apply: declared so in recipe.yaml, or there is nothing published to come from.</summary>
    [JsonStringEnumMemberName("skip")]
    Skip,

    /// <summary>It should have run and did not, or what it saw proves nothing. The run fails by it.</summary>
    [JsonStringEnumMemberName("unverified")]
    Unverified,
}

/// <summary>How the run treats the recipe.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Lane>))]
public enum Lane
{
    /// <summary>With a declared overlay (health interval, monitor) and a forced teardown: what differs is in the report.</summary>
    [JsonStringEnumMemberName("fast")]
    Fast,

    /// <summary>The recipe as it is.</summary>
    [JsonStringEnumMemberName("faithful")]
    Faithful,
}

/// <summary>What one tier showed.</summary>
public sealed record TierReport
{
    [JsonPropertyName("name")]
    public required Tier Tier { get; init; }

    public required TierStatus Status { get; init; }

    /// <summary>Why, in a sentence; null for a pass.</summary>
    public string? Reason { get; init; }

    /// <summary>How to mend it; null: there is nothing to mend, or nobody knows.</summary>
    public string? Mend { get; init; }

    /// <summary>What the running system said it is while the tier's assertions ran; null: it was not read.</summary>
    public string? VerifiedVersion { get; init; }

    /// <summary>Assertions that ran, Laptime's own and the recipe's, whatever they said.</summary>
    public int Checks { get; init; }

    /// <summary>Checks of the recipe's own that ended with 77, each with the declared reason: `tests/custom/mail.sh: no mail server here`. They are no checks that ran.</summary>
    public IReadOnlyList<string> Skipped { get; init; } = [];

    /// <summary>Changing the deployment: pull, apply, hooks, archive. Seconds.</summary>
    public double OperationSeconds { get; init; }

    /// <summary>Waiting until what was changed stood. Seconds.</summary>
    public double WaitSeconds { get; init; }

    /// <summary>Seconds.</summary>
    public double AssertSeconds { get; init; }

    /// <summary>What was seen, each in a line.</summary>
    public IReadOnlyList<string> Evidence { get; init; } = [];

    /// <summary>The last lines of whatever failed.</summary>
    public IReadOnlyList<string> Tail { get; init; } = [];
}
