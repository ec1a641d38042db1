namespace Laptime.Signals;

/// <summary>How far one attempt came. Connecting and answering are different things, and so are their failures.</summary>
public enum ProbeReach
{
    /// <summary>The probe cannot be asked at all (no port, a template without a value): asking again will not help.</summary>
    Unaskable,

    /// <summary>Nothing accepted a connection.</summary>
    Nothing,

    /// <summary>Something accepted a connection, and did not answer (or not in the protocol).</summary>
    Connected,

    /// <summary>There was an answer: a status, an exit code, a file.</summary>
    Answered,
}

/// <summary>What one attempt at a probe gave. Secrets are already redacted.</summary>
/// <param name="Passed">The answer is the one that is wanted.</param>
/// <param name="Seen">In words, one line: <c>200</c>, <c>301 → /login</c>, <c>connection refused</c>, <c>exit code 3</c>.</param>
/// <param name="Reach">How far it came.</param>
public sealed record ProbeAnswer(bool Passed, string Seen, ProbeReach Reach)
{
    /// <summary>The body, output or content, as far as it is kept (64 KB); null when there was none.</summary>
    public string? Text { get; init; }

    /// <summary>The attempt's own bound ran out.</summary>
    public bool TimedOut { get; init; }

    internal static ProbeAnswer Unaskable(string why) => new(false, why, ProbeReach.Unaskable);
}
