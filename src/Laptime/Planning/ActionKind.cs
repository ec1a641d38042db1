namespace Laptime.Planning;

/// <summary>What is done to a component. Text as in the contract.</summary>
public enum ActionKind
{
    Skip,

    /// <summary>Only built: a component that does not run.</summary>
    Build,
    BuildAndRollout,

    /// <summary>The artifact is here already; only the target is brought to it.</summary>
    Rollout,

    /// <summary>A prebuilt artifact from a trusted event is rolled out.</summary>
    LookupAndRollout,

    /// <summary>Nothing of its own changed; its instances are replaced because they loaded another artifact of what they depend on.</summary>
    Reconcile,
    Bootstrap,
}

/// <summary>Why. Text as in the contract.</summary>
public enum Cause
{
    Unchanged,
    DigestAlreadyDeployed,
    InputsChanged,
    UsesChanged,
    SettingsChanged,
    ProfileChanged,
    NeverBuilt,
    NeverDeployed,
    ArtifactMissing,
    ArtifactTainted,
    RunSettingsChanged,
    TargetDrifted,
    InfraChanged,

    /// <summary>The artifact of something it uses or needs is another than its instances loaded.</summary>
    DependencyChanged,
    Forced,
}

public static class PlanText
{
    public static string Text(this ActionKind action) => action switch
    {
        ActionKind.Skip => "skip",
        ActionKind.Build => "build",
        ActionKind.BuildAndRollout => "build+rollout",
        ActionKind.Rollout => "rollout",
        ActionKind.LookupAndRollout => "lookup+rollout",
        ActionKind.Reconcile => "reconcile",
        _ => "bootstrap",
    };

    public static string Text(this Cause cause) => cause switch
    {
        Cause.Unchanged => "unchanged",
        Cause.DigestAlreadyDeployed => "digest-already-deployed",
        Cause.InputsChanged => "inputs-changed",
        Cause.UsesChanged => "uses-changed",
        Cause.SettingsChanged => "settings-changed",
        Cause.ProfileChanged => "profile-changed",
        Cause.NeverBuilt => "never-built",
        Cause.NeverDeployed => "never-deployed",
        Cause.ArtifactMissing => "artifact-missing",
        Cause.ArtifactTainted => "artifact-tainted",
        Cause.RunSettingsChanged => "run-settings-changed",
        Cause.TargetDrifted => "target-drifted",
        Cause.InfraChanged => "infra-changed",
        Cause.DependencyChanged => "dependency-changed",
        _ => "forced",
    };
}
