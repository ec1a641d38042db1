using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Nodes to a <see cref="Workspace"/>: reads everything, tells every problem, and only then checks what refers to what.</summary>
internal sealed class WorkspaceBinder(string file, string root, ValueBinder values, Func<string, string?> environmentVariable)
{
    private readonly PathRule paths = new(root, values.Problems);

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
        var workspace = new Workspace
        {
            Root = root,
            File = file,
            Sources = [file],
            Name = name ?? "",
            Components = components,
            Profiles = profiles,
            Environments = environments,
            Artifacts = Store(fields["artifacts"], WorkspaceKeys.Artifacts, "oci://") is { } artifacts ? new ArtifactSettings(artifacts) : new ArtifactSettings(),
            Journal = Store(fields["journal"], WorkspaceKeys.Journal, "postgres://", "postgresql://") is { } journal ? new JournalSettings(journal) : new JournalSettings(),
            Trust = Trust(fields["trust"]),
            Ledgers = Ledgers(fields["ledgers"]),
        };
        new ReferenceChecks(workspace, bound, declared, values).Tell();
        return Problems.Any ? null : workspace;
    }

    private List<BoundComponent> Components(Field? field, List<string> declared)
    {
        var components = new List<BoundComponent>();
        var binder = new ComponentBinder(root, values, paths);
        foreach (var (key, value) in Named(field, "component"))
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
        foreach (var (key, value) in Named(field, "profile"))
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
                        var (line, column) = values.Templates.Place(text, 0);
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
        var first = profiles.Count > 0 ? profiles[0].Name : null;
        foreach (var (key, value) in Named(field, "environment"))
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

            environments.Add(new DeployEnvironment
            {
                Name = key.Text,
                Target = values.Choice(fields["target"]) is { } target ? (TargetKind)target : TargetKind.Process,
                Loop = values.Choice(fields["loop"]) is { } loop ? (Loop)loop : Loop.Fast,
                Profile = profile ?? first,
                Stack = values.Texts(fields["stack"], Existing),
                Infra = fields["infra"] is { } infra ? Infra(infra) : null,
                At = Problems.At(key),
            });
        }

        if (environments.Count == 0)
        {
            environments.Add(new DeployEnvironment { Name = "local", Profile = first });
        }

        return environments;
    }

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

    /// <summary>A place: a relative path, or an address with one of the schemes. The only plain text that may use ${env.NAME}: an address may hold a password.</summary>
    private string? Store(Field? section, KeySet keys, params ReadOnlySpan<string> schemes)
    {
        if (section is null || Fields.Of(section.Value, section.KeyNode, $"`{section.Name}`", keys, Problems)?["store"] is not { } field ||
            values.Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is not { } node)
        {
            return null;
        }

        if (Resolved(node) is not { } text)
        {
            return null;
        }

        foreach (var scheme in schemes)
        {
            if (text.StartsWith(scheme, StringComparison.Ordinal) && text.Length > scheme.Length)
            {
                return text;
            }
        }

        if (text.Contains("://", StringComparison.Ordinal))
        {
            Problems.Add(node, $"`{section.Name}.store` cannot be `{ProblemList.Short(text[..(text.IndexOf("://", StringComparison.Ordinal) + 3)])}…`", $"a relative path, or {string.Join(" or ", schemes!)}…");
            return null;
        }

        return paths.Path(text == node.Text ? node : new YamlNode(YamlKind.Scalar, node.Line, node.Column, node.Start) { Text = text }, "store", root);
    }

    private string? Resolved(YamlNode node)
    {
        var before = values.Templates.Uses.Count;
        var template = values.Templates.Parse(node, TemplateScope.Environment, null, []);
        var told = false;
        foreach (var use in values.Templates.Uses[before..])
        {
            if (!use.Name.StartsWith("env.", StringComparison.Ordinal))
            {
                Problems.Add(use.Line, use.Column, $"`${{{ProblemList.Short(use.Name)}}}` has no value here", "only `${env.NAME}` is replaced in `store`");
                told = true;
            }
            else if (ValueBinder.IsVariable(use.Name[4..]) && string.IsNullOrEmpty(environmentVariable(use.Name[4..])))
            {
                Problems.Add(use.Line, use.Column, $"the environment variable `{ProblemList.Short(use.Name[4..])}` is not set", "set it, or write the place out");
                told = true;
            }
            else if (!ValueBinder.IsVariable(use.Name[4..]))
            {
                Problems.Add(use.Line, use.Column, $"`{ProblemList.Short(use.Name[4..])}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
                told = true;
            }
        }

        values.Templates.Uses.RemoveRange(before, values.Templates.Uses.Count - before);
        return told ? null : template.Resolve(n => environmentVariable(n[4..]));
    }

    private List<TrustRule> Trust(Field? field)
    {
        var rules = new List<TrustRule>();
        foreach (var item in values.Items(field))
        {
            if (Fields.Of(item, item, "a trust rule", WorkspaceKeys.Trust, Problems) is not { } fields)
            {
                continue;
            }

            var (source, builder, age) = (values.Text(fields["source"]), values.Text(fields["builder"]), values.Span(fields["max-age"]));
            var key = fields["key"] is { } keyField && values.Text(keyField) is not null ? paths.Path(keyField.Value, "key", root) : null;
            if (source is not null && builder is not null && key is not null)
            {
                rules.Add(new TrustRule(source, builder, key, age));
            }
        }

        return rules;
    }

    private List<LedgerSettings> Ledgers(Field? field)
    {
        var ledgers = new List<LedgerSettings>();
        var commands = new CommandBinder(values, TemplateScope.Environment, null, []);
        foreach (var (key, value) in Named(field, "ledger"))
        {
            if (Fields.Of(value, key, $"ledger `{key.Text}`", WorkspaceKeys.Ledger, Problems) is not { } fields)
            {
                continue;
            }

            var tool = values.Choice(fields["tool"]) is { } index ? ((KeyType.Choice)fields["tool"]!.Key.Type).Of[index] : "auto";
            var path = fields["path"] is { } pathField && values.Text(pathField) is not null ? Existing(pathField.Value, "path") : null;
            ledgers.Add(new LedgerSettings(key.Text, tool, path ?? "", commands.Template(fields["database"])));
        }

        return ledgers;
    }

    private string? Existing(YamlNode node, string name)
    {
        if (paths.Path(node, name, root) is not { } path)
        {
            return null;
        }

        var full = Path.GetFullPath(Path.Combine(root, path));
        if (name == "stack" ? File.Exists(full) : Path.Exists(full))
        {
            return paths.StaysInside(node, name, full) ? path : null;
        }

        Problems.Add(node, Directory.Exists(full) ? $"`{name}: {ProblemList.Short(path)}` is a folder" : $"`{ProblemList.Short(path)}` does not exist", "create it, or correct the path");
        return null;
    }

    private List<(YamlNode Key, YamlNode Value)> Named(Field? field, string what)
    {
        var named = new List<(YamlNode, YamlNode)>();
        if (field is null || field.Value.Kind == YamlKind.Broken)
        {
            return named;
        }

        if (field.Value.Kind != YamlKind.Map)
        {
            Problems.Add(field.Value.IsNull ? field.KeyNode : field.Value, $"`{field.Name}` must be a mapping from names, not {field.Value.Describe()}", $"for example `{field.Name}: {field.Key.Example}`");
            return named;
        }

        foreach (var entry in field.Value.Entries)
        {
            if (!entry.Key.Text.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) && values.IsName(entry.Key, entry.Key.Text, what + " name"))
            {
                named.Add((entry.Key, entry.Value));
            }
        }

        return named;
    }
}
