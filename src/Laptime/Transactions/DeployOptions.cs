namespace Laptime.Transactions;

/// <summary>What the command line asks of a deploy.</summary>
public sealed record DeployOptions
{
    /// <summary>Components to act on; null: all.</summary>
    public IReadOnlySet<string>? Selected { get; init; }

    /// <summary>Build and roll out whatever the fingerprints say.</summary>
    public bool Force { get; init; }

    /// <summary>Run every step, also those that the loop leaves out, and read every input again.</summary>
    public bool Full { get; init; }

    /// <summary>Take nothing that was built in this workspace before, only what comes with provenance.</summary>
    public bool OnlyPrebuilt { get; init; }

    public bool NoSmoke { get; init; }

    /// <summary>Keep what runs in an environment that this checkout has no record of.</summary>
    public bool ReuseOk { get; init; }

    /// <summary>Stop what runs in the environment before rolling out.</summary>
    public bool Recreate { get; init; }

    /// <summary>Roll back to what was verified before the schema moved, too.</summary>
    public bool AnySchema { get; init; }

    /// <summary>Where the interval starts: commit, merge, save, start, a time; null: by what changed.</summary>
    public string? Since { get; init; }

    /// <summary>What was waited for before the command.</summary>
    public Waits Waits { get; init; } = Waits.None;

    /// <summary>Over those of the environment.</summary>
    public Workspaces.WaitBounds Bounds { get; init; } = Workspaces.WaitBounds.None;

    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Builds, and rollouts, that run at the same time.</summary>
    public int Parallel { get; init; } = Environment.ProcessorCount;

    /// <summary>Asks a person whether to reuse what runs ("reuse", "recreate", null: neither). Null where nobody can answer.</summary>
    public Func<string, string?>? Ask { get; init; }
}
