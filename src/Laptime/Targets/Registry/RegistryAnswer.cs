namespace Laptime.Targets.Registry;

/// <summary>How a registry stood when it was asked.</summary>
public enum RegistryStanding
{
    /// <summary>It answers as a registry does, also when it wants credentials first (401).</summary>
    Up,

    /// <summary>Nobody accepts a connection there.</summary>
    Refused,

    /// <summary>No answer within the bound.</summary>
    Silent,

    /// <summary>Something answers, and it is no registry.</summary>
    Foreign,

    /// <summary>A server that cannot serve now: 5xx, 429, or a connection that broke.</summary>
    Failing,
}

/// <summary>What came back for <c>GET /v2/</c>.</summary>
/// <param name="Words">What was seen, for messages: <c>connection refused</c>, <c>no answer within 2 s</c>, <c>404 to GET /v2/</c>.</param>
public sealed record RegistryAnswer(RegistryStanding Standing, string Words);
