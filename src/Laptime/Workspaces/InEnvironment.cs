namespace Laptime.Workspaces;

/// <summary>
/// What of a workspace an environment has: its own ports; with processes, the outputs of a component run as they are, and the image that they would be put on elsewhere has no part in it.
/// </summary>
public static class InEnvironment
{
    /// <summary>The workspace as it is in the environment; the same one where nothing differs.</summary>
    public static Workspace Of(Workspace workspace, DeployEnvironment environment) => WithPorts(WithoutImages(workspace, environment), environment);

    private static Workspace WithPorts(Workspace workspace, DeployEnvironment environment) => environment.Ports.Count == 0 ? workspace : workspace with
    {
        Components = [.. workspace.Components.Select(c => c.Run is not null && environment.Ports.TryGetValue(c.Name, out var port) ? c with { Run = c.Run with { Port = port } } : c)],
    };

    private static Workspace WithoutImages(Workspace workspace, DeployEnvironment environment)
    {
        if (environment.Target != TargetKind.Process || !workspace.Components.Any(RunsBothWays))
        {
            return workspace;
        }

        var components = workspace.Components.Select(static c => RunsBothWays(c) ? WithoutImage(c) : c).ToList();
        // Bases are there for images only. Each that goes may have been the last to stand on another.
        while (components.FindIndex(c => IsBase(c, workspace) && !components.Exists(o => o.Uses.Contains(c.Name) || o.Needs.Contains(c.Name))) is >= 0 and var unused)
        {
            components.RemoveAt(unused);
        }

        return workspace with { Components = components };
    }

    /// <summary>Files that a command starts, and that lap puts on a base where containers run.</summary>
    public static bool RunsBothWays(Component component) =>
        component is { Build: { Image.IsLayered: true, Outputs.Count: > 0 }, Run: { Image: null, Command: not CommandLine.Exec { Arguments.Count: 0 } } };

    private static Component WithoutImage(Component component) => component with
    {
        Build = component.Build with { Image = null },
        // A component's image cannot be used in any other way, so its name is there for nothing else.
        Uses = component.Build.Image?.BaseComponent is { } below ? [.. component.Uses.Where(u => u != below)] : component.Uses,
    };

    private static bool IsBase(Component component, Workspace workspace) =>
        component is { Run: null, Build.Image: not null } && workspace.Components.Any(c => c.Build.Image?.BaseComponent == component.Name);
}
