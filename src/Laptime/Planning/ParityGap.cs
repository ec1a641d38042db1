using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>What a loop leaves out, computed from the workspace: never kept by hand.</summary>
public static class ParityGap
{
    /// <summary>Whether a step runs in this loop.</summary>
    public static bool Runs(Step step, Loop loop, bool full) => full || step.Loops.Count == 0 || step.Loops.Contains(loop);

    public static string Text(string component, Step step, Loop loop) =>
        $"{component}: step {step.Name} is left out of the {(loop == Loop.Fast ? "fast" : "safe")} loop";

    public static IReadOnlyList<string> Of(Workspace workspace, IReadOnlySet<string>? selected, Loop loop, bool full) =>
    [
        .. from component in workspace.Components
           where selected is null || selected.Contains(component.Name)
           from step in component.Build.Steps
           where !Runs(step, loop, full)
           select Text(component.Name, step, loop),
    ];

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
}
