using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>One component, and where its references are written.</summary>
internal sealed record BoundComponent(Component Component, Field? Uses, Field? Needs, Field? Reconcile, Field? PortField, Field? Base)
{
    /// <summary>Where the ledger of its migrations is named.</summary>
    public YamlNode? Ledger { get; init; }
}

/// <summary>Reads components.NAME. What it refers to is checked later, when every component is known.</summary>
internal sealed class ComponentBinder(string root, ValueBinder values, PathRule paths)
{
    private static readonly TimeSpan DefaultMigrateTimeout = TimeSpan.FromMinutes(30);

    private ProblemList Problems => values.Problems;

    public BoundComponent? Bind(string name, YamlNode key, YamlNode value)
    {
        if (value.IsNull)
        {
            Problems.Add(key, $"component `{name}` is empty", "say at least where it is: `path: src/" + name + "`");
            return null;
        }

        if (Fields.Of(value, key, $"component `{ProblemList.Short(name)}`", WorkspaceKeys.Component, Problems) is not { } fields)
        {
            return null;
        }

        var path = fields["path"] is { } pathField ? Folder(pathField) : "";
        var folder = Path.GetFullPath(Path.Combine(root, path ?? ""));
        Field? onto = null;
        var build = fields["build"] is { } buildField ? Build(buildField, name, folder, out onto) : new BuildSettings();
        var (run, port) = fields["run"] is { } runField ? Run(runField, name, build) : (null, null);
        var reconcile = fields["reconcile"] is { } reconcileField ? Reconcile(reconcileField) : (All: false, Only: []);
        YamlNode? ledger = null;
        var migrate = fields["migrate"] is { } migrateField ? Migrate(migrateField, name, out ledger) : null;
        if (migrate is not null && fields["run"] is null)
        {
            Problems.Add(fields["migrate"]!.KeyNode, $"component `{name}` has `migrate` and no `run`: it is never rolled out, so nothing would apply its migrations", "move it to the component that runs");
        }

        var inputs = values.Texts(fields["inputs"], (node, key) => paths.Glob(node, key, folder));
        var component = new Component
        {
            Name = name,
            Path = path ?? "",
            // A fixed image is made of nothing that is here.
            Inputs = fields["inputs"] is not null ? inputs : run?.Image is not null && fields["build"] is null ? [] : ["**"],
            Uses = build.Image?.BaseComponent is { } below ? [.. values.Texts(fields["uses"], static (node, _) => node.Text), below] : values.Texts(fields["uses"], static (node, _) => node.Text),
            Needs = values.Texts(fields["needs"], static (node, _) => node.Text),
            ReconcileAll = reconcile.All,
            ReconcileOnly = reconcile.Only,
            Vars = values.Texts(fields["vars"], Variable),
            Build = build,
            Run = run,
            Migrate = migrate,
            Probes = fields["probes"] is { } probes ? new ProbeBinder(values, name, hasPort: port is not null).Probes(probes) : new ProbeSettings(),
            At = Problems.At(key),
        };
        return new BoundComponent(component, fields["uses"], fields["needs"], fields["reconcile"], port, onto) { Ledger = ledger };
    }

    private string? Folder(Field field)
    {
        if (values.Text(field) is null || paths.Path(field.Value, "path", root) is not { } path)
        {
            return null;
        }

        var full = Path.GetFullPath(Path.Combine(root, path));
        if (Directory.Exists(full))
        {
            return path.Length == 0 || paths.StaysInside(field.Value, "path", full) ? path : null;
        }

        if (new FileInfo(full).LinkTarget is { } target && !Leads(full))
        {
            Problems.Add(field.Value, $"`path: {ProblemList.Short(path)}` is a link that leads nowhere: {target}", "mend the link, or write the folder it should lead to");
            return null;
        }

        Problems.Add(field.Value, File.Exists(full) ? $"`path: {ProblemList.Short(path)}` is a file: a component is a folder" : $"the folder `{ProblemList.Short(path)}` does not exist", Nearby(full));
        return null;
    }

    private static bool Leads(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: true) is { Exists: true };
        }
        catch (IOException)
        {
            // Too many links: a circle.
            return false;
        }
    }

    private static string Nearby(string full)
    {
        var parent = Path.GetDirectoryName(full)!;
        if (File.Exists(full))
        {
            return "write the folder that holds it";
        }

        if (!Directory.Exists(parent))
        {
            return "create it, or correct the path";
        }

        var names = new List<string>();
        foreach (var directory in Directory.EnumerateDirectories(parent))
        {
            if (names.Count == 500)
            {
                break;
            }

            names.Add(Path.GetFileName(directory));
        }

        names.Sort(StringComparer.Ordinal);
        return NearestName.Of(Path.GetFileName(full), names) is { } near ? $"did you mean `{near}`?" : "create it, or correct the path";
    }

    private MigrateSettings? Migrate(Field field, string component, out YamlNode? ledger)
    {
        ledger = null;
        var commands = new CommandBinder(values, TemplateScope.Build, component, []);
        if (field.Value.Kind is YamlKind.Scalar or YamlKind.List)
        {
            return commands.Command(field) is { } only ? new MigrateSettings(only, null, DefaultMigrateTimeout, Problems.At(field.KeyNode)) : null;
        }

        if (Fields.Of(field.Value, field.KeyNode, "`migrate`", WorkspaceKeys.Migrate, Problems) is not { } fields)
        {
            return null;
        }

        var (run, named, timeout) = (commands.Command(fields["run"]), values.Text(fields["ledger"]), values.Span(fields["timeout"]));
        ledger = named is null ? null : fields["ledger"]!.Value;
        return run is null ? null : new MigrateSettings(run, named, timeout ?? DefaultMigrateTimeout, Problems.At(field.KeyNode));
    }

    /// <summary>One word for all dependencies, or one for each.</summary>
    private (bool All, IReadOnlyList<string> Only) Reconcile(Field field)
    {
        var words = new KeyType.Choice(((KeyType.ChoiceByName)field.Key.Type).Of);
        if (field.Value.Kind != YamlKind.Map)
        {
            return (values.Choice(field.Value, field.Name, words) == 1, []);
        }

        var only = new List<string>();
        foreach (var entry in field.Value.Entries)
        {
            if (!entry.Key.Text.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) && values.Choice(entry.Value, entry.Key.Text, words) == 1)
            {
                only.Add(entry.Key.Text);
            }
        }

        return (false, only);
    }

    private string? Variable(YamlNode node, string name)
    {
        if (ValueBinder.IsVariable(node.Text))
        {
            return node.Text;
        }

        Problems.Add(node, $"`{ProblemList.Short(node.Text)}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
        return null;
    }

    /// <param name="onto">Where the base of its image is written.</param>
    private BuildSettings Build(Field field, string component, string folder, out Field? onto)
    {
        onto = null;
        if (Fields.Of(field.Value, field.KeyNode, "`build`", WorkspaceKeys.Build, Problems) is not { } fields)
        {
            return new BuildSettings();
        }

        var steps = new List<Step>();
        var names = new HashSet<string>();
        foreach (var item in values.Items(fields["steps"]))
        {
            if (Step(item, component, folder) is not { } step)
            {
                continue;
            }

            if (!names.Add(step.Name))
            {
                Problems.Add(item, $"step `{step.Name}` is there twice", "give each step its own name");
                continue;
            }

            steps.Add(step);
        }

        ImageSettings? image = null;
        if (fields["image"] is { } imageField)
        {
            image = new ImageBinder(values, paths, component, folder).Image(imageField, steps.Count > 0, out onto);
        }

        return new BuildSettings { Steps = steps, Outputs = values.Texts(fields["outputs"], (node, key) => paths.Glob(node, key, folder, inside: true)), Image = image };
    }

    private Step? Step(YamlNode node, string component, string folder)
    {
        if (Fields.Of(node, node, "a step", WorkspaceKeys.Step, Problems) is not { } fields)
        {
            return null;
        }

        var loops = new List<Loop>();
        foreach (var item in values.Items(fields["loops"]))
        {
            if (values.Choice(item, "loops", (KeyType.Choice)((KeyType.Many)fields["loops"]!.Key.Type).Of) is { } loop && !loops.Contains((Loop)loop))
            {
                loops.Add((Loop)loop);
            }
        }

        if (fields["loops"] is { Value: { Kind: YamlKind.List, Items.Count: 0 } empty })
        {
            Problems.Add(empty, "`loops` is empty: the step would never run", "name loops, or remove the key: all");
        }

        var commands = new CommandBinder(values, TemplateScope.Build, component, loops);
        var name = values.Name(fields["name"]);
        var kind = values.Choice(fields["kind"]);
        var run = commands.Command(fields["run"]);
        var inputs = fields["inputs"] is { } inputsField ? values.Texts(inputsField, (item, key) => paths.Glob(item, key, folder)) : null;
        var tool = commands.Command(fields["tool"]);
        var timeout = values.Span(fields["timeout"]);
        var env = commands.Templates(fields["env"], commands.Variable);
        return name is null || run is null
            ? null
            : new Step
            {
                Name = name,
                Kind = kind is { } k ? (StepKind)k : StepKind.Other,
                Run = run,
                Inputs = inputs,
                Loops = loops,
                Tool = tool,
                Timeout = timeout ?? TimeSpan.FromMinutes(30),
                Env = env,
                At = Problems.At(node),
            };
    }

    private (RunSettings? Run, Field? Port) Run(Field field, string component, BuildSettings build)
    {
        var commands = new CommandBinder(values, TemplateScope.Run, component, []);
        if (field.Value.Kind is YamlKind.Scalar or YamlKind.List)
        {
            return (commands.Command(field) is { } only ? new RunSettings { Command = only } : null, null);
        }

        if (Fields.Of(field.Value, field.KeyNode, "`run`", WorkspaceKeys.Run, Problems) is not { } fields)
        {
            return (null, null);
        }

        var image = fields["image"] is { } written ? FixedImage(written, build) : null;
        if (fields["command"] is null && build.Image is null && fields["image"] is null)
        {
            Problems.Add(field.KeyNode, "`run` has no `command`", "add `command: ...` (only an image has one of its own)");
        }

        var run = new RunSettings
        {
            Command = commands.Command(fields["command"]) ?? new CommandLine.Exec([]),
            Port = values.Integer(fields["port"]),
            Image = image,
            ContainerPort = values.Integer(fields["container-port"]),
            Env = commands.Templates(fields["env"], commands.Variable),
            Replicas = values.Integer(fields["replicas"]) ?? 1,
            StopGrace = values.Span(fields["stop-grace"]) ?? TimeSpan.FromSeconds(10),
            Drain = values.Span(fields["drain"]) ?? TimeSpan.FromSeconds(5),
        };
        return (run, fields["port"]);
    }

    /// <summary>What a movable name leads to may change unseen: it is written pinned.</summary>
    private string? FixedImage(Field field, BuildSettings build)
    {
        if (build.Image is not null)
        {
            Problems.Add(field.KeyNode, "`run.image` beside `build.image`: one of them would be ignored", "remove one");
        }

        if (values.Text(field) is not { } text)
        {
            return null;
        }

        var at = text.LastIndexOf('@');
        if (at == 0 || !ImageReference.IsDigest(text[(at + 1)..]))
        {
            Problems.Add(field.Value, $"`{ProblemList.Short(text)}` is not pinned by digest: what it leads to may change unseen",
                "write repo@sha256:... (docker image inspect --format '{{index .RepoDigests 0}}' IMAGE prints it)");
        }

        return text;
    }
}
