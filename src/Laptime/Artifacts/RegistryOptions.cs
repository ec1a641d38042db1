namespace Laptime.Artifacts;

/// <summary>How a registry is spoken to.</summary>
public sealed record RegistryOptions
{
    /// <summary>Null: plain HTTP on this machine's own addresses, TLS to every other. True: plain HTTP. False: TLS, here too.</summary>
    public bool? Insecure { get; init; }

    /// <summary>Bound on one question (a look-up, a manifest, an empty answer to a write), with all its retries.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Bound on one try of such a question; a third of <see cref="Timeout"/> unless it is set.</summary>
    public TimeSpan Answer { get => field > TimeSpan.Zero ? field : Timeout / 3; init; }

    /// <summary>Bound on reaching the host.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a blob under way may stand still.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A blob that comes slower than this, in bytes a second, is given up: its bound is its size by this, and <see cref="Stall"/> on top.</summary>
    public long Slowest { get; init; } = 64 << 10;

    /// <summary>Tries, the first one counted.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Pause after the first failed try; each next one is about twice as long.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Folder of Docker's config.json; null: <c>$DOCKER_CONFIG</c>, or <c>~/.docker</c>.</summary>
    public string? DockerConfig { get; init; }
}
