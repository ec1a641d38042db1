using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>
/// What a deploy leaves out of what the safe loop does: computed from the policies of both environments and from what is deployed, never kept by hand.
/// </summary>
public static class ParityGap
{
    /// <summary>Whether a step runs in this loop.</summary>
    public static bool Runs(Step step, Loop loop, bool full) => full || step.Loops.Count == 0 || step.Loops.Contains(loop);

    public static string Text(string component, Step step, Loop loop) =>
        $"{component}: step {step.Name} is left out of the {(loop == Loop.Fast ? "fast" : "safe")} loop";

    /// <summary>The environment whose policy a fast one is measured by: the one that takes promotions from it, else the first of the safe loop. Null: there is none.</summary>
    public static DeployEnvironment? Counterpart(Workspace workspace, DeployEnvironment fast)
    {
        if (fast.Loop != Loop.Fast)
        {
            return null;
        }

        var first = workspace.Environments.FirstOrDefault(e => e.Loop == Loop.Fast)?.Name;
        var safe = workspace.Environments.Where(e => e.Loop == Loop.Safe).ToList();
        return safe.FirstOrDefault(e => (e.Guardrails.From ?? first) == fast.Name) ?? safe.FirstOrDefault();
    }

    /// <summary>What building alone leaves out: steps, and the profile.</summary>
    /// <param name="profile">The one in use; null: none.</param>
    /// <param name="selected">Null: all components.</param>
    /// <param name="full">Every step is run.</param>
    public static IReadOnlyList<string> OfBuild(Workspace workspace, DeployEnvironment environment, string? profile, IReadOnlySet<string>? selected, bool full)
    {
        var components = workspace.Components.Where(c => selected is null || selected.Contains(c.Name)).ToList();
        var built = components.Where(c => c.Build.Steps.Count > 0).Select(c => c.Name).ToList();
        return
        [
            .. from component in components from step in component.Build.Steps where !Runs(step, environment.Loop, full) select Text(component.Name, step, environment.Loop),
            .. Counterpart(workspace, environment) is { } safe && safe.Profile != profile && built.Count > 0
                ? [$"{string.Join(", ", built)}: built with the profile {profile ?? "(none)"}, and {safe.Name} builds with {safe.Profile ?? "(none)"}"]
                : (IReadOnlyList<string>)[],
        ];
    }

    /// <summary>What a deploy leaves out, in words that also say what closes it.</summary>
    /// <param name="plan">What is deployed, as far as it is known.</param>
    /// <param name="records">What was last verified in the environment: it knows where that came from which is not touched now.</param>
    public static IReadOnlyList<string> Of(
        Workspace workspace, DeployEnvironment environment, string? profile, Plan plan, IReadOnlyDictionary<string, DeployedRecord> records, bool full, bool noSmoke)
    {
        var gaps = OfBuild(workspace, environment, profile, plan.Components.Select(c => c.Name).ToHashSet(StringComparer.Ordinal), full).ToList();
        if (noSmoke && workspace.Components.Any(c => c.Probes.Smoke.Count > 0))
        {
            gaps.Add("smoke checks are left out (--no-smoke)");
        }

        if (Counterpart(workspace, environment) is not { } safe)
        {
            return gaps;
        }

        var cannot = full ? ", which --full cannot make up for" : "";
        var runs = plan.Components.Where(c => workspace.Find(c.Name)?.Run is not null).ToList();
        if (runs.Where(c => workspace.Find(c.Name)!.Probes.Smoke.Count == 0).Select(c => c.Name).ToList() is { Count: > 0 } untested)
        {
            gaps.Add($"{string.Join(", ", untested)}: no smoke check is defined, and {safe.Name} wants one{cannot}: add probes.smoke");
        }

        if (runs.Where(c => !IsAttested(c, records)).Select(c => c.Name).ToList() is { Count: > 0 } unsigned)
        {
            gaps.Add($"{string.Join(", ", unsigned)}: no verified provenance, and {safe.Name} wants it{cannot}: lap publish");
        }

        return gaps;
    }

    /// <summary>What an earlier transaction left out of one component, measured by the policy of the safe environment that it is to go to.</summary>
    /// <param name="loop">Of the transaction: fast or safe.</param>
    /// <param name="profile">Of the transaction.</param>
    /// <param name="told">The parity gaps that the transaction itself reported.</param>
    /// <param name="wanted">The profile of the environment that it is to go to.</param>
    public static IReadOnlyList<string> Between(Component component, string loop, string? profile, IReadOnlyList<string> told, string? wanted) =>
    [
        .. from step in component.Build.Steps
           where loop != "safe" && !Runs(step, Loop.Fast, full: false) && Runs(step, Loop.Safe, full: false) && told.Contains(Text(component.Name, step, Loop.Fast))
           select Text(component.Name, step, Loop.Fast),
        .. component.Build.Steps.Count > 0 && profile != wanted ? [$"{component.Name}: built with the profile {profile ?? "(none)"}, not {wanted ?? "(none)"}"] : (IReadOnlyList<string>)[],
    ];

    /// <summary>What is acted on says it itself; what is left as it runs was verified when it came.</summary>
    private static bool IsAttested(PlannedComponent planned, IReadOnlyDictionary<string, DeployedRecord> records) => !planned.Builds
        && (planned.Prebuilt || (planned.Action is ActionKind.Skip or ActionKind.Reconcile && records.GetValueOrDefault(planned.Name) is { Attested: true } record && record.Artifact == planned.Artifact));
}
