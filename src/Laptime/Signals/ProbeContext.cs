namespace Laptime.Signals;

/// <summary>What a probe needs to know of the instance that it asks.</summary>
public sealed record ProbeContext
{
    public required string Component { get; init; }

    /// <summary>A literal address: probes never resolve names.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Null when the instance serves no port.</summary>
    public int? Port { get; init; }

    /// <summary>
    /// Where a bare connection is tried instead, when something that accepts by itself stands before the instance (a container engine's proxy); null: the address above.
    /// </summary>
    public System.Net.IPEndPoint? Listener { get; init; }

    /// <summary>The instance's own health check (an image's HEALTHCHECK), asked where no ready probe is declared; null: it has none.</summary>
    public HealthCheck? Health { get; init; }

    /// <summary>Directory for command and file probes.</summary>
    public required string Directory { get; init; }

    /// <summary>Environment of command probes (PORT, LAPTIME_REVISION, ...).</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Values of template names (revision, port, env.X, ...).</summary>
    public required Func<string, string?> Names { get; init; }

    /// <summary>Values to redact in everything shown.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Asked before every attempt: has the instance died?</summary>
    public required Func<CancellationToken, ValueTask<Life>> Life { get; init; }
}

/// <summary>A check that belongs to the instance itself. Its own interval is not waited for: it is asked as often as a ready probe.</summary>
/// <param name="Text">What it asks, in words.</param>
/// <param name="Ask">One attempt with a bound that it must keep.</param>
/// <param name="Bound">On the whole wait.</param>
public sealed record HealthCheck(string Text, Func<TimeSpan, CancellationToken, Task<ProbeAnswer>> Ask, TimeSpan Bound);

/// <summary>What the supervisor says of an instance.</summary>
public abstract record Life
{
    private Life() { }

    /// <summary>It is known to have ended (or to end again and again): asking further is pointless.</summary>
    public bool HasEnded => this is Exited or CrashLoop;

    public sealed record Running : Life;

    /// <summary>It ended: an exit code, or the signal that ended it, with the last lines of its log.</summary>
    public sealed record Exited(int? Code, string? Signal, IReadOnlyList<string> Tail) : Life;

    /// <summary>It ends and is started again and again.</summary>
    public sealed record CrashLoop(int Restarts, string LastExit, IReadOnlyList<string> Tail) : Life;

    /// <summary>Nobody can say.</summary>
    public sealed record Unknown(string Why) : Life;
}
