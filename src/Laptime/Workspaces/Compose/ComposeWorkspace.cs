using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>Compose files as workspaces: alone, or as the stack of an environment of laptime.yaml.</summary>
public static class ComposeWorkspace
{
    /// <summary>
    /// The services as components of a workspace with one environment, <c>local</c>: Swarm where the file is one for Swarm and the engine is a swarm's manager, else Docker.
    /// </summary>
    /// <param name="isSwarmManager">Asked only when the file is one for Swarm.</param>
    /// <exception cref="LapException">As <see cref="ComposeFile.Read"/>; or a build context is missing or outside.</exception>
    public static ComposeLoad Load(IReadOnlyList<string> paths, Func<string, string?> environmentVariable, Func<bool> isSwarmManager)
    {
        var project = ComposeFile.Read(paths, environmentVariable);
        var (target, why) = project.SwarmEvidence is not { } evidence ? (TargetKind.Docker, "the compose file has nothing that only Swarm keeps")
            : isSwarmManager() ? (TargetKind.Swarm, $"{evidence}, and the engine is a swarm's manager")
            : (TargetKind.Docker, $"{evidence}, but the engine is no swarm's manager: what only Swarm keeps is left out");
        var root = project.Directory;
        return new ComposeLoad(
            new Workspace
            {
                Root = root,
                File = project.Files[0],
                Sources = project.Sources,
                Name = project.Name is { } name && ValueBinder.NameLike(name) == name ? name : ValueBinder.NameLike(Path.GetFileName(root)) ?? "workspace",
                Components = Components(project, root, [.. project.Services]),
                Profiles = [],
                Environments =
                [
                    new DeployEnvironment
                    {
                        Name = "local", Target = target, Stack = [.. project.Files.Select(f => Path.GetRelativePath(root, f).Replace('\\', '/'))], At = new SourceLocation(WorkspaceFile.Shown(project.Files[0]), 1, 1),
                    },
                ],
            },
            project, target, why);
    }

    /// <summary>
    /// The workspace as it is in an environment with compose files: a component is run as its service of the same name says; services without a component are components too.
    /// Without compose files it is returned as it is.
    /// </summary>
    /// <exception cref="LapException">As <see cref="ComposeFile.Read"/>; or a component that is an image has no service.</exception>
    public static Workspace For(Workspace workspace, DeployEnvironment environment, Func<string, string?> environmentVariable)
    {
        if (environment.Stack.Count == 0)
        {
            return workspace;
        }

        // A workspace that was read from these files is what they say already.
        if (environment.Stack.Select(s => Path.GetFullPath(Path.Combine(workspace.Root, s))).ToList() is var files && files.Contains(workspace.File))
        {
            return workspace;
        }

        var project = ComposeFile.Read(files, environmentVariable);
        var problems = new ProblemCollector();
        var components = new List<Component>(workspace.Components.Count);
        foreach (var component in workspace.Components)
        {
            if (project.Find(component.Name) is { } service)
            {
                components.Add(component with
                {
                    Needs = [.. component.Needs.Union(service.DependsOn.Keys, StringComparer.Ordinal)],
                    ReconcileOnly = [.. component.ReconcileOnly.Union(service.RestartsWith, StringComparer.Ordinal)],
                    Run = (component.Run ?? new RunSettings { Command = new CommandLine.Exec([]) }) with
                    {
                        Port = component.Run?.Port ?? PortOf(service), Replicas = service.Replicas, StopGrace = service.StopGrace ?? RunSettings.DefaultStopGrace, Stack = service.Settings,
                    },
                });
            }
            else if (component is { Run: not null, Build.Image: not null })
            {
                problems.Add(
                    component.At, $"component `{component.Name}` is an image, and environment `{environment.Name}` has no service of that name in {string.Join(", ", environment.Stack)}",
                    ProblemList.Suggest(component.Name, [.. project.Services.Select(s => s.Name)]));
            }
            else
            {
                // What is no image runs elsewhere: as a process, say.
                components.Add(component with { Run = null });
            }
        }

        problems.ThrowIfAny();
        components.AddRange(Components(project, workspace.Root, [.. project.Services.Where(s => workspace.Find(s.Name) is null)]));
        return workspace with { Components = components, Sources = [.. workspace.Sources, .. project.Sources.Except(workspace.Sources)] };
    }

    /// <summary>Services that stand for themselves: built where they have a <c>build</c>, else a fixed image.</summary>
    private static List<Component> Components(ComposeProject project, string root, IReadOnlyList<ComposeService> services)
    {
        var problems = new ProblemList(WorkspaceFile.Shown(project.Files[0]));
        var paths = new PathRule(root, problems);
        var components = new List<Component>(services.Count);
        foreach (var service in services)
        {
            string? context = null;
            if (service.Build is { IsRemote: false } build)
            {
                var at = new YamlNode(YamlKind.Scalar, build.At.Line, build.At.Column, 0) { Text = build.Context };
                var full = Path.GetFullPath(Path.Combine(project.Directory, build.Context));
                context = paths.Path(at, "context", root, Path.GetRelativePath(root, full).Replace('\\', '/'));
                if (context is not null && !Directory.Exists(full))
                {
                    problems.Add(at, $"the folder `{ProblemList.Short(build.Context)}` does not exist", "correct `context`");
                }
            }
            else if (service.Build is { } remote)
            {
                problems.Add(remote.At.Line, remote.At.Column, $"service `{service.Name}` is built from {ProblemList.Short(remote.Context)}: what is not a folder has no fingerprint", "clone it into a folder, or use its image");
            }

            components.Add(new Component
            {
                Name = service.Name,
                Path = context ?? "",
                Inputs = context is null ? [] : ["**"],
                Needs = [.. service.DependsOn.Keys],
                ReconcileOnly = service.RestartsWith,
                Build = context is null ? new BuildSettings() : new BuildSettings { Image = ImageOf(service.Build!) },
                Run = new RunSettings
                {
                    Command = new CommandLine.Exec([.. (service.Command ?? []).Select(Template.Literal)]),
                    Port = PortOf(service),
                    Env = service.Environment.ToDictionary(static e => e.Key, static e => Template.Literal(e.Value), StringComparer.Ordinal),
                    Replicas = service.Replicas,
                    StopGrace = service.StopGrace ?? RunSettings.DefaultStopGrace,
                    Image = service.Build is null ? service.Image : null,
                    ContainerPort = service.Ports.FirstOrDefault(static p => p is { Published: not null, Protocol: "tcp" })?.Target,
                    // The variables are the component's own already.
                    Stack = service.Settings.Where(static s => !s.Key.StartsWith("environment.", StringComparison.Ordinal)).ToDictionary(static s => s.Key, static s => s.Value, StringComparer.Ordinal),
                },
                At = service.At,
            });
        }

        problems.ThrowIfAny();
        return components;
    }

    private static ImageSettings ImageOf(ComposeBuild build)
    {
        var image = new ImageSettings(build.Dockerfile, "", build.Target);
        return build.Args.Count == 0 ? image : image with { Arguments = build.Args.ToDictionary(static a => a.Key, static a => Template.Literal(a.Value), StringComparer.Ordinal) };
    }

    /// <summary>Where users reach it: the first published TCP port.</summary>
    private static int? PortOf(ComposeService service) => service.Ports.FirstOrDefault(static p => p is { Published: not null, Protocol: "tcp" })?.Published;
}

/// <param name="Project">The files as they are meant.</param>
/// <param name="Target">Docker or Swarm.</param>
/// <param name="Why">In words, why this target.</param>
public sealed record ComposeLoad(Workspace Workspace, ComposeProject Project, TargetKind Target, string Why);
