using Laptime.Fingerprints;

namespace Laptime.Planning;

/// <summary>What a deploy would do, per component, in the order of `uses` (what is used comes first).</summary>
public sealed record Plan(IReadOnlyList<PlannedComponent> Components, IReadOnlyList<string> Warnings)
{
    /// <summary>Null: the environment stands.</summary>
    public PlannedBootstrap? Bootstrap { get; init; }

    public bool HasChanges => Bootstrap is not null || Components.Any(c => c.Action != ActionKind.Skip);
}

/// <summary>What is planned for one component, and why.</summary>
public sealed record PlannedComponent
{
    public required string Name { get; init; }

    public required ActionKind Action { get; init; }

    public required Cause Cause { get; init; }

    /// <summary>The facts behind the cause: files, variables by name, tool versions, upstream artifacts.</summary>
    public IReadOnlyList<string> Detail { get; init; } = [];

    public required ComponentFingerprint Fingerprint { get; init; }

    /// <summary>The artifact of that fingerprint; none when it must be built first.</summary>
    public Digest Artifact { get; init; }

    /// <summary>None as long as the artifact is not known.</summary>
    public Digest DeploymentKey { get; init; }

    /// <summary>The artifact was built at a trusted event, and its provenance was verified.</summary>
    public bool Prebuilt { get; init; }

    /// <summary>What its instances load of each dependency when they are started now; without those that nobody can know yet.</summary>
    public IReadOnlyDictionary<string, Digest> Loads { get; init; } = new Dictionary<string, Digest>();

    /// <summary>The fixed image that it runs, as written; null: its artifact is what runs.</summary>
    public string? Image { get; init; }

    /// <summary>The deployment whose settings come back with its artifact; null: the settings are those of the files.</summary>
    public DeployedRecord? Again { get; init; }

    /// <summary>With <see cref="ActionKind.Reconcile"/>: the dependencies that are why.</summary>
    public IReadOnlyList<string> ReconciledFor { get; init; } = [];

    public bool Builds => Action is ActionKind.Build or ActionKind.BuildAndRollout;

    public bool RollsOut => Action is ActionKind.Rollout or ActionKind.BuildAndRollout or ActionKind.LookupAndRollout or ActionKind.Reconcile or ActionKind.Bootstrap;
}

/// <summary>What Laptime wrote when it last verified a component in an environment: history that explains, never the reason to skip.</summary>
public sealed record DeployedRecord
{
    public required string Component { get; init; }

    public Digest Fingerprint { get; init; }

    public Digest Artifact { get; init; }

    public Digest DeploymentKey { get; init; }

    public string? Revision { get; init; }

    public string? Transaction { get; init; }

    public DateTimeOffset At { get; init; }

    public string? Profile { get; init; }

    /// <summary>An input changed while it was built: the artifact was never cached.</summary>
    public bool Tainted { get; init; }

    /// <summary>The artifact came with provenance that was verified.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public bool Attested { get; init; }

    /// <summary>The transaction that started the instances; null: an older record that does not know it.</summary>
    public string? StartedBy { get; init; }

    /// <summary>What those instances loaded of each dependency; null: it is not known.</summary>
    public IReadOnlyDictionary<string, Digest>? Loaded { get; init; }

    /// <summary>Digests of the run settings by name, so that a change can be named.</summary>
    public IReadOnlyDictionary<string, string> RunSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>By what the target finds the settings again that its instances were started with; none: it keeps none.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public Digest Stack { get; init; }

    /// <summary>The schema of its database moved on since it was verified, in words: no proven rollback target any more. Null: it did not, as far as lap knows.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public string? UnsafeSchema { get; init; }
}

/// <summary>What the target says, as far as planning needs it.</summary>
/// <param name="Serving">Every wanted instance is alive and reachable by users.</param>
/// <param name="Detail">In words, when it is not serving.</param>
public sealed record Running(Digest Artifact, Digest DeploymentKey, Digest Fingerprint, string? Revision, bool Serving, string? Detail)
{
    /// <summary>The transaction that started the instances.</summary>
    public string? Transaction { get; init; }

    /// <summary>What the instances loaded of each dependency, as they say themselves; null: they do not.</summary>
    public IReadOnlyDictionary<string, Digest>? Loaded { get; init; }
}

/// <summary>Everything a plan follows from. Nothing else decides.</summary>
public sealed record PlanningFacts
{
    /// <summary>Wanted fingerprints by component.</summary>
    public required IReadOnlyDictionary<string, ComponentFingerprint> Fingerprints { get; init; }

    /// <summary>Artifact known for the wanted fingerprint, by component; absent when none is.</summary>
    public required IReadOnlyDictionary<string, Digest> Artifacts { get; init; }

    /// <summary>Components whose artifact comes with provenance that was verified.</summary>
    public IReadOnlySet<string> Prebuilt { get; init; } = new HashSet<string>();

    /// <summary>Digests of the wanted run settings by component and setting.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> RunSettings { get; init; }

    /// <summary>What the target runs; absent: nothing.</summary>
    public required IReadOnlyDictionary<string, Running> Observed { get; init; }

    /// <summary>Why the target could not be read; null: it was. Nothing is skipped on a target that nobody read.</summary>
    public string? Unreadable { get; init; }

    /// <summary>What was last verified here; absent: never.</summary>
    public required IReadOnlyDictionary<string, DeployedRecord> Records { get; init; }

    /// <summary>The fingerprint (with its parts) that each record was made from; absent when lost.</summary>
    public required IReadOnlyDictionary<string, ComponentFingerprint> RecordedFingerprints { get; init; }

    /// <summary>Components to act on; null: all.</summary>
    public IReadOnlySet<string>? Selected { get; init; }

    /// <summary>Null: the environment has no bootstrap.</summary>
    public InfraFacts? Infra { get; init; }

    /// <summary>The components that were named, where a bootstrap made that all; null: it did not.</summary>
    public IReadOnlySet<string>? Widened { get; init; }

    public bool Force { get; init; }

    /// <summary>Nothing is rolled out: what has an artifact is done.</summary>
    public bool OnlyBuild { get; init; }

    /// <summary>Run every step, also those that the loop leaves out.</summary>
    public bool Full { get; init; }
}
