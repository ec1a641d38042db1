using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Nodes to a <see cref="Workspace"/>: reads everything, tells every problem, and only then checks what refers to what.</summary>
internal sealed class WorkspaceBinder(string file, string root, ValueBinder values, Func<string, string?> environmentVariable)
{
    private readonly List<YamlNode> portsOf = [];
    private readonly PathRule paths = new(root, values.Problems);
    private readonly SettingsBinder settings = new(root, values, new PathRule(root, values.Problems), environmentVariable);

    private ProblemList Problems => values.Problems;

    /// <summary>Null: problems were told.</summary>
    public Workspace? Bind(YamlNode node)
    {
        if (Fields.Of(node, node, "laptime.yaml", WorkspaceKeys.Root, Problems) is not { } fields)
        {
            return null;
        }

        if (fields["version"] is { Value: { Kind: YamlKind.Scalar, Plain: true } written } && int.TryParse(written.Text, out var number) && number > 1)
        {
            Problems.Add(written, $"the file is written for a newer lap: version {number}; this one reads version 1", "update lap");
        }
        else
        {
            values.Integer(fields["version"]);
        }

        var name = values.Name(fields["name"]);
        var declared = new List<string>();
        var bound = Components(fields["components"], declared);
        var components = bound.ConvertAll(static b => b.Component);
        var profiles = Profiles(fields["profiles"]);
        var environments = Environments(fields["environments"], profiles);
        if (fields["components"] is null && !node.Partial && !environments.Exists(static e => e.Stack.Count > 0))
        {
            Problems.Add(node, "laptime.yaml has no `components`", "add `components: { gateway: { path: src/gateway } }`");
        }

        var workspace = new Workspace
        {
            Root = root,
            File = file,
            Sources = [file],
            Name = name ?? "",
            Components = components,
            Profiles = profiles,
            Environments = environments,
            Artifacts = settings.Artifacts(fields["artifacts"]),
            Journal = settings.Store(fields["journal"], WorkspaceKeys.Journal, "postgres://", "postgresql://") is { } journal ? new JournalSettings(journal) : new JournalSettings(),
            Trust = settings.Trust(fields["trust"]),
            Ledgers = settings.Ledgers(fields["ledgers"]),
        };
        foreach (var key in portsOf.Where(k => !declared.Contains(k.Text) && environments.TrueForAll(e => e.Stack.Count == 0)))
        {
            Problems.Add(key, $"`ports` names the component `{ProblemList.Short(key.Text)}`, which there is none of", ProblemList.Suggest(key.Text, declared));
        }

        new ReferenceChecks(workspace, bound, declared, values).Tell();
        return Problems.Any ? null : workspace;
    }

    private List<BoundComponent> Components(Field? field, List<string> declared)
    {
        var components = new List<BoundComponent>();
        var binder = new ComponentBinder(root, values, paths);
        foreach (var (key, value) in settings.Named(field, "component"))
        {
            declared.Add(key.Text);
            if (binder.Bind(key.Text, key, value) is { } component)
            {
                components.Add(component);
            }
        }

        if (field is { Value: { Kind: YamlKind.Map, Entries.Count: 0, Partial: false } empty })
        {
            Problems.Add(empty, "`components` is empty", "`lap init` writes a first one from what is in the folder");
        }

        return components;
    }

    private List<Profile> Profiles(Field? field)
    {
        var profiles = new List<Profile>();
        foreach (var (key, value) in settings.Named(field, "profile"))
        {
            var vars = new Dictionary<string, string>();
            if (!value.IsNull && Fields.Of(value, key, $"profile `{key.Text}`", WorkspaceKeys.Profile, Problems)?["vars"] is { } varsField)
            {
                foreach (var (name, text) in CommandBinder.Texts(values, varsField))
                {
                    if (!values.IsName(name, name.Text, "profile variable"))
                    {
                        continue;
                    }

                    if (text.Text.Contains("${", StringComparison.Ordinal))
                    {
                        var (line, column) = values.Templates.Place(text);
                        Problems.Add(line, column, $"`${{…}}` is not replaced in the profile variable `{name.Text}`", "write the value out, or use `${env.NAME}` in the step itself");
                        continue;
                    }

                    vars[name.Text] = text.Text;
                }
            }

            profiles.Add(new Profile(key.Text, vars, Problems.At(key)));
        }

        return profiles;
    }

    private List<DeployEnvironment> Environments(Field? field, List<Profile> profiles)
    {
        var environments = new List<DeployEnvironment>();
        var guarded = new List<(Field Field, string Environment)>();
        var first = profiles.Count > 0 ? profiles[0].Name : null;
        foreach (var (key, value) in settings.Named(field, "environment"))
        {
            if (value.IsNull)
            {
                environments.Add(new DeployEnvironment { Name = key.Text, Profile = first, At = Problems.At(key) });
                continue;
            }

            if (Fields.Of(value, key, $"environment `{key.Text}`", WorkspaceKeys.Environment, Problems) is not { } fields)
            {
                continue;
            }

            var profile = values.Name(fields["profile"]);
            if (profile is not null && !profiles.Exists(p => p.Name == profile))
            {
                Problems.Add(fields["profile"]!.Value, $"there is no profile `{profile}`", ProblemList.Suggest(profile, profiles.ConvertAll(static p => p.Name)));
            }

            var target = values.Choice(fields["target"]) is { } chosen ? (TargetKind)chosen : TargetKind.Process;
            var loop = values.Choice(fields["loop"]) is { } policy ? (Loop)policy : Loop.Fast;
            if (fields["guardrails"] is { } guardrails)
            {
                guarded.Add((guardrails, key.Text));
            }

            environments.Add(new DeployEnvironment
            {
                Name = key.Text,
                Target = target,
                Loop = loop,
                Guardrails = fields["guardrails"] is { } rails ? new GuardrailBinder(values, paths, root).Read(rails, loop) : GuardrailSettings.Default,
                Profile = profile ?? first,
                Ports = Ports(fields["ports"]),
                Stack = values.Texts(fields["stack"], settings.Existing),
                Commands = Commands(fields["commands"], key, target),
                Kubernetes = Kubernetes(fields, key, target),
                Infra = fields["infra"] is { } infra ? Infra(infra) : null,
                Timeouts = fields["timeouts"] is { } timeouts ? Timeouts(timeouts) : WaitBounds.None,
                At = Problems.At(key),
            });
        }

        foreach (var (rails, name) in guarded)
        {
            if (environments.Find(e => e.Name == name)?.Guardrails.From is { } from && (from == name || environments.TrueForAll(e => e.Name != from)))
            {
                Problems.Add(rails.KeyNode, from == name ? $"`{name}` cannot take promotions from itself" : $"`from` names the environment `{from}`, which there is none of",
                    ProblemList.Suggest(from, [.. environments.Select(static e => e.Name).Where(e => e != name)]));
            }
        }

        if (environments.Count == 0)
        {
            environments.Add(new DeployEnvironment { Name = "local", Profile = first });
        }

        return environments;
    }

    private TargetCommands? Commands(Field? field, YamlNode environment, TargetKind target)
    {
        if (field is null)
        {
            if (target == TargetKind.Command)
            {
                Problems.Add(environment, $"environment `{environment.Text}` has no `commands`", $"`target: command` needs them: `commands: {WorkspaceKeys.Environment.Find("commands")!.Example}`");
            }

            return null;
        }

        if (Fields.Of(field.Value, field.KeyNode, "`commands`", WorkspaceKeys.Commands, Problems) is not { } fields)
        {
            return null;
        }

        if (target != TargetKind.Command)
        {
            Problems.Add(field.KeyNode, $"`commands` has no meaning with `target: {target.ToString().ToLowerInvariant()}`", "write `target: command`, or remove it");
        }

        var commands = new CommandBinder(values, TemplateScope.Environment, null, []);
        var (observe, rollout, timeout) = (commands.Command(fields["observe"]), commands.Command(fields["rollout"]), values.Span(fields["timeout"]));
        var (rollback, stop) = (commands.Command(fields["rollback"]), commands.Command(fields["stop"]));
        var (logs, exec) = (commands.Command(fields["logs"]), commands.Command(fields["exec"]));
        return observe is null || rollout is null
            ? null
            : new TargetCommands { Observe = observe, Rollout = rollout, Rollback = rollback, Stop = stop, Logs = logs, Exec = exec, Timeout = timeout ?? TimeSpan.FromMinutes(5) };
    }

    private KubernetesSettings? Kubernetes(Fields fields, YamlNode environment, TargetKind target)
    {
        var manifests = values.Texts(fields["manifests"], (node, key) => paths.Glob(node, key, root));
        var kustomize = Folder(fields["kustomize"]);
        var chart = Folder(fields["chart"]);
        var given = values.Texts(fields["values"], settings.Existing);
        var context = values.Text(fields["context"]);
        var name = values.Name(fields["namespace"]);
        Field?[] sources = [fields["manifests"], fields["kustomize"], fields["chart"]];
        if (target != TargetKind.Kubernetes)
        {
            foreach (var field in ((Field?[])[.. sources, fields["values"], fields["context"], fields["namespace"]]).OfType<Field>())
            {
                Problems.Add(field.KeyNode, $"`{field.Name}` has no meaning with `target: {target.ToString().ToLowerInvariant()}`", "write `target: kubernetes`, or remove it");
            }

            return null;
        }

        var count = sources.Count(static s => s is not null);
        if (count != 1)
        {
            Problems.Add(environment, count == 0 ? $"environment `{environment.Text}` says nothing of its objects" : $"environment `{environment.Text}` has several sources of its objects",
                "exactly one of `manifests: [\"k8s/*.yaml\"]`, `kustomize: FOLDER` and `chart: FOLDER`");
        }

        if (fields["values"] is { } without && fields["chart"] is null)
        {
            Problems.Add(without.KeyNode, "`values` are a chart's", "add `chart: FOLDER`, or remove it");
        }

        return new KubernetesSettings(manifests, kustomize, chart, given, context, name);
    }

    /// <summary>A folder that is there.</summary>
    private string? Folder(Field? field)
    {
        if (field is null || values.Text(field) is null || settings.Existing(field.Value, field.Name) is not { } path)
        {
            return null;
        }

        if (!Directory.Exists(Path.Combine(root, path)))
        {
            Problems.Add(field.Value, $"`{field.Name}: {ProblemList.Short(path)}` is a file", "write the folder that holds it");
            return null;
        }

        return path;
    }

    private Dictionary<string, int> Ports(Field? field)
    {
        var ports = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (key, value) in settings.Named(field, "component"))
        {
            if (values.Scalar(value, key.Text, new KeyType.Integer(1, 65535), "9080") is { } node && values.Integer(node, key.Text, new KeyType.Integer(1, 65535)) is { } port)
            {
                ports[key.Text] = port;
                portsOf.Add(key);
            }
        }

        return ports;
    }

    private WaitBounds Timeouts(Field field) => Fields.Of(field.Value, field.KeyNode, "`timeouts`", WorkspaceKeys.Timeouts, Problems) is { } fields
        ? new WaitBounds(values.Span(fields["rollout"]), values.Span(fields["ready"]), values.Span(fields["reconcile"]), values.Span(fields["poll"]))
        : WaitBounds.None;

    private InfraSettings? Infra(Field field)
    {
        if (Fields.Of(field.Value, field.KeyNode, "`infra`", WorkspaceKeys.Infra, Problems) is not { } fields)
        {
            return null;
        }

        var commands = new CommandBinder(values, TemplateScope.Environment, null, []);
        var bootstrap = new List<CommandLine>();
        foreach (var item in values.Items(fields["bootstrap"]))
        {
            var command = item.Kind == YamlKind.Map
                ? commands.Command(Fields.Of(item, item, "a bootstrap command", WorkspaceKeys.Bootstrap, Problems)?["run"])
                : commands.Command(item, item, "bootstrap", "./infra/up.sh");
            if (command is not null)
            {
                bootstrap.Add(command);
            }
        }

        return new InfraSettings(values.Texts(fields["inputs"], (node, key) => paths.Glob(node, key, root)), bootstrap);
    }
}
