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
}
