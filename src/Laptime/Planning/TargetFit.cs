using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>Whether a target can run what the components are: told in planning, before anything is built.</summary>
public static class TargetFit
{
    /// <exception cref="LapException">Components of an image on a target that starts processes; all of them.</exception>
    public static void Require(Workspace workspace, DeployEnvironment environment, IReadOnlySet<string>? selected)
    {
        if (environment.Target != TargetKind.Process)
        {
            return;
        }

        var images = workspace.Components.Where(c => c is { Build.Image: not null, Run: not null } && (selected?.Contains(c.Name) ?? true)).ToList();
        if (images.Count == 0)
        {
            return;
        }

        var other = workspace.Environments.FirstOrDefault(e => e.Target != TargetKind.Process)?.Name;
        throw new LapException([.. images.Select(c => new Problem(
            $"{c.Name} is a container image, and the environment {environment.Name} (`target: process`) starts processes", c.At,
            other is not null ? $"deploy it to one that runs images: `--env {other}`" : "deploy it to an environment with `target: docker` or `swarm`, or declare `steps` and `outputs` instead of `image`"))]);
    }
}
