using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>
/// The values of ${names} in one environment, read once before anything runs. Values of ${env.X} are secrets: they go where the file says and are
/// redacted everywhere else.
/// </summary>
public sealed class TemplateScope
{
    private readonly Workspace workspace;
    private readonly DeployEnvironment environment;
    private readonly Profile? profile;
    private readonly Dictionary<string, string> variables = new(StringComparer.Ordinal);

    /// <exception cref="LapException">An environment variable that the file names is not set; all of them together.</exception>
    public TemplateScope(Workspace workspace, DeployEnvironment environment, Profile? profile, Func<string, string?> environmentVariable)
    {
        this.workspace = workspace;
        this.environment = environment;
        this.profile = profile;
        var problems = new List<Problem>();
        foreach (var component in workspace.Components)
        {
            foreach (var name in Templates(component).SelectMany(t => t.Names).Where(n => n.StartsWith("env.", StringComparison.Ordinal)).Distinct())
            {
                if (environmentVariable(name[4..]) is { } value)
                {
                    variables[name[4..]] = value;
                }
                else
                {
                    problems.Add(new Problem(
                        $"component {component.Name} uses ${{{name}}}, but the environment variable {name[4..]} is not set", component.At, $"export {name[4..]}=..."));
                }
            }

            foreach (var name in Templates(component).SelectMany(t => t.Names).Where(n => n.StartsWith("profile.", StringComparison.Ordinal)).Distinct())
            {
                if (profile is null || !profile.Vars.ContainsKey(name[8..]))
                {
                    problems.Add(new Problem(
                        $"component {component.Name} uses ${{{name}}}, but " + (profile is null ? $"environment {environment.Name} has no profile" : $"profile {profile.Name} has no {name[8..]}"),
                        component.At, profile is null ? "give the environment a profile, or --profile NAME" : NearestName.Suggest(name[8..], [.. profile.Vars.Keys])));
                }
            }
        }

        foreach (var name in Templates(environment).SelectMany(t => t.Names).Distinct())
        {
            if (name.StartsWith("env.", StringComparison.Ordinal) && !variables.ContainsKey(name[4..]))
            {
                if (environmentVariable(name[4..]) is { } value)
                {
                    variables[name[4..]] = value;
                }
                else
                {
                    problems.Add(new Problem(
                        $"environment {environment.Name} uses ${{{name}}}, but the environment variable {name[4..]} is not set", environment.At ?? new SourceLocation(workspace.File, 1, 1), $"export {name[4..]}=..."));
                }
            }
            else if (name.StartsWith("profile.", StringComparison.Ordinal) && profile?.Vars.ContainsKey(name[8..]) != true)
            {
                problems.Add(new Problem($"environment {environment.Name} uses ${{{name}}}, but its profile has no {name[8..]}", environment.At ?? new SourceLocation(workspace.File, 1, 1), "give it one, or --profile NAME"));
            }
        }

        if (problems.Count > 0)
        {
            throw new LapException(problems);
        }
    }

    /// <summary>Values to redact.</summary>
    public IReadOnlyList<string> Secrets => [.. variables.Values.Where(v => v.Length >= 3)];

    /// <summary>Names of the environment variables that any ${env.X} reads.</summary>
    public IReadOnlyCollection<string> Variables => variables.Keys;

    /// <summary>The value of a name in what belongs to no component: the environment's commands.</summary>
    public string? Of(string name) => name switch
    {
        "workspace.name" => workspace.Name,
        "environment" => environment.Name,
        "listen" => HasProcesses ? "127.0.0.1" : "0.0.0.0",
        _ when name.StartsWith("env.", StringComparison.Ordinal) => variables.GetValueOrDefault(name[4..]),
        _ when name.StartsWith("profile.", StringComparison.Ordinal) => profile?.Vars.GetValueOrDefault(name[8..]),
        _ when name.StartsWith("components.", StringComparison.Ordinal) && name.EndsWith(".port", StringComparison.Ordinal) =>
            workspace.Find(name["components.".Length..^".port".Length])?.Run?.Port?.ToString(),
        _ when name.StartsWith("components.", StringComparison.Ordinal) && name.EndsWith(".address", StringComparison.Ordinal) =>
            AddressOf(workspace.Find(name["components.".Length..^".address".Length])),
        _ => null,
    };

    /// <summary>Instances are programs of this machine, or of a machine of their own: what they open to others, all can reach.</summary>
    private bool HasProcesses => environment.Target is TargetKind.Process or TargetKind.Command;

    /// <summary>Where other components of the environment reach one: its front on this machine, or, between containers, its name.</summary>
    private string? AddressOf(Component? component) => component?.Run is not { Port: { } port } run ? null
        : HasProcesses ? $"127.0.0.1:{port}"
        : $"{component.Name}:{run.ContainerPort ?? component.Build.Image?.Port ?? port}";

    /// <summary>The value of a name for a component at build time; null for names that have none then (port, revision, transaction).</summary>
    public Func<string, string?> For(Component component) => name => name == "component" ? component.Name : Of(name);

    /// <summary>The same with the names that have a value once a rollout is decided.</summary>
    public Func<string, string?> For(Component component, string revision, string transaction)
    {
        var build = For(component);
        return name => name switch { "revision" => revision, "transaction" => transaction, _ => build(name) };
    }

    /// <summary>Every template of an environment.</summary>
    public static IEnumerable<Template> Templates(DeployEnvironment environment)
    {
        var commands = environment.Commands;
        return new[] { commands?.Observe, commands?.Rollout, commands?.Rollback, commands?.Stop, commands?.Logs, commands?.Exec }
            .Concat(environment.Infra?.Bootstrap ?? []).OfType<CommandLine>().SelectMany(Of);
    }

    /// <summary>Every template of a component.</summary>
    public static IEnumerable<Template> Templates(Component component)
    {
        foreach (var step in component.Build.Steps)
        {
            foreach (var template in Of(step.Run).Concat(step.Tool is null ? [] : Of(step.Tool)).Concat(step.Env.Values))
            {
                yield return template;
            }
        }

        if (component.Run is { } run)
        {
            foreach (var template in Of(run.Command).Concat(run.Env.Values))
            {
                yield return template;
            }
        }

        foreach (var template in component.Migrate is { } migrate ? Of(migrate.Run) : [])
        {
            yield return template;
        }

        var probes = component.Probes;
        foreach (var probe in new[] { probes.Live, probes.Ready, probes.Reflect }.Concat(probes.Smoke).OfType<Probe>())
        {
            IEnumerable<Template?> templates = probe.Form switch
            {
                ProbeForm.Http http => [http.Path, http.Contains, .. http.Headers.Values],
                ProbeForm.Run command => [.. Of(command.Command), command.Contains],
                ProbeForm.File file => [file.Path, file.Contains],
                _ => [],
            };
            foreach (var template in templates.OfType<Template>())
            {
                yield return template;
            }
        }
    }

    private static IReadOnlyList<Template> Of(CommandLine command) => command switch
    {
        CommandLine.Shell shell => [shell.Text],
        CommandLine.Exec exec => exec.Arguments,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
