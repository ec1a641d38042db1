using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>Whether a target can run what the components are: told in planning, before anything is built.</summary>
public static class TargetFit
{
    /// <exception cref="LapException">Components that the environment's target cannot run; all of them.</exception>
    public static void Require(Workspace workspace, DeployEnvironment environment, IReadOnlySet<string>? selected)
    {
        if (Problems(workspace, environment, selected) is { Count: > 0 } problems)
        {
            throw new LapException(problems);
        }
    }

    /// <summary>What the environment's target cannot run, and why.</summary>
    public static IReadOnlyList<Problem> Problems(Workspace workspace, DeployEnvironment environment, IReadOnlySet<string>? selected)
    {
        var components = workspace.Components.Where(c => c.Run is not null && (selected?.Contains(c.Name) ?? true));
        return environment.Target switch
        {
            TargetKind.Process => [.. components.Where(IsImage).Select(c => Image(c, workspace, environment))],
            TargetKind.Docker => [.. components.Select(c => Container(c, workspace, environment)).OfType<Problem>()],
            _ => [],
        };
    }

    private static bool IsImage(Component component) => component.Build.Image is not null || component.Run?.Image is not null;

    private static Problem Image(Component component, Workspace workspace, DeployEnvironment environment)
    {
        var other = workspace.Environments.FirstOrDefault(e => e.Target != TargetKind.Process)?.Name;
        var elsewhere = other is not null ? $"deploy it to one that runs images: `--env {other}`" : "deploy it to an environment with `target: docker` or `swarm`";
        return new Problem(
            $"{component.Name} is a container image, and the environment {environment.Name} (`target: process`) starts processes", component.At,
            component.Build is { Image.IsLayered: true, Outputs.Count: > 0 } ? $"give it a `run.command`: then its outputs run as a process here, and as an image elsewhere; or {elsewhere}"
            : other is not null ? elsewhere : elsewhere + ", or declare `steps` and `outputs` instead of `image`");
    }

    private static Problem? Container(Component component, Workspace workspace, DeployEnvironment environment)
    {
        if (!IsImage(component))
        {
            return new Problem(
                $"{component.Name} is no container image, and the environment {environment.Name} (`target: docker`) runs containers", component.At,
                "give it `build.image` (with `base`, lap itself makes one of its outputs), or `run.image: repo@sha256:...`");
        }

        ReadOnlySpan<Probe?> probes = [component.Probes.Live, component.Probes.Ready, component.Probes.Reflect, .. component.Probes.Smoke];
        foreach (var probe in probes)
        {
            if (probe is { Form: ProbeForm.File })
            {
                return new Problem($"{component.Name}: a `file` probe cannot look into a container", probe.At, "ask with `http`, `tcp` or `run`");
            }
        }

        return null;
    }
}
