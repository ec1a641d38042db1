using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>The parts of the file that are about the workspace as a whole: stores, trust, ledgers.</summary>
internal sealed class SettingsBinder(string root, ValueBinder values, PathRule paths, Func<string, string?> environmentVariable)
{
    private ProblemList Problems => values.Problems;

    public ArtifactSettings Artifacts(Field? section)
    {
        if (section is null || Fields.Of(section.Value, section.KeyNode, "`artifacts`", WorkspaceKeys.Artifacts, Problems) is not { } fields)
        {
            return new ArtifactSettings();
        }

        var store = Place(section.Name, fields["store"], anywhere: true, "oci://");
        var settings = (store is null ? new ArtifactSettings() : new ArtifactSettings(store)) with
        {
            LocalRegistry = values.Switch(fields["local-registry"]) ?? false, Insecure = values.Switch(fields["insecure"]), Timeout = values.Span(fields["timeout"]),
        };
        if (settings.LocalRegistry && (store is not null || fields["store"] is null) && RegistryEndpoint.Of(settings.Store) is not { IsLoopback: true, PortIsGiven: true })
        {
            Problems.Add(fields["local-registry"]!.Value, $"`local-registry` starts a registry on this machine, but `store: {ProblemList.Short(settings.Store)}` is none",
                $"`store: oci://127.0.0.1:5000/NAME`, or leave `local-registry` out");
        }

        foreach (var name in (string[])["insecure", "timeout"])
        {
            if (fields[name] is { } field && (store is not null || fields["store"] is null) && !settings.Store.StartsWith(RegistryEndpoint.Scheme, StringComparison.Ordinal))
            {
                Problems.Add(field.Value, $"`{name}` is about registries, but `store: {ProblemList.Short(settings.Store)}` is a folder", $"`store: oci://HOST/NAME`, or leave `{name}` out");
            }
        }

        if (settings is { LocalRegistry: true, Insecure: false })
        {
            Problems.Add(fields["insecure"]!.Value, "the registry that `local-registry` starts speaks plain HTTP, on this machine only", "leave `insecure` out");
        }

        return settings;
    }

    /// <summary>A place: a relative path, or an address with one of the schemes. The only plain text that may use ${env.NAME}: an address may hold a password.</summary>
    public string? Store(Field? section, KeySet keys, params ReadOnlySpan<string> schemes) =>
        section is null ? null : Place(section.Name, Fields.Of(section.Value, section.KeyNode, $"`{section.Name}`", keys, Problems)?["store"], anywhere: false, schemes);

    /// <param name="anywhere">Folders outside of the workspace too: several checkouts may share it.</param>
    private string? Place(string section, Field? field, bool anywhere, params ReadOnlySpan<string> schemes)
    {
        if (field is null || values.Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is not { } node)
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
            Problems.Add(node, $"`{section}.store` cannot be `{ProblemList.Short(text[..(text.IndexOf("://", StringComparison.Ordinal) + 3)])}…`", $"a relative path, or {string.Join(" or ", schemes!)}…");
            return null;
        }

        if (anywhere && (Path.IsPathRooted(text) || text == ".." || text.StartsWith("../", StringComparison.Ordinal)) && !text.Any(char.IsControl))
        {
            return Path.GetFullPath(text, root);
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

    public List<TrustRule> Trust(Field? field)
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
                rules.Add(new TrustRule(source, builder, key, age) { Until = values.Moment(fields["until"]), At = Problems.At(item) });
            }
        }

        return rules;
    }

    public List<LedgerSettings> Ledgers(Field? field)
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
            ledgers.Add(new LedgerSettings(key.Text, tool, path ?? "", commands.Template(fields["database"]))
            {
                Main = values.Text(fields["main"]), Owners = fields["owners"] is { } owners ? CommandBinder.Texts(values, owners).DistinctBy(static o => o.Key.Text).ToDictionary(static o => o.Key.Text, static o => o.Value.Text) : new Dictionary<string, string>(),
                Table = values.Text(fields["table"]), Scratch = commands.Template(fields["scratch"]), TryOn = values.Text(fields["template"]), At = Problems.At(key),
                Behaviour = (BehaviourPolicy)(values.Choice(fields["behaviour"]) ?? 0),
            });
        }

        return ledgers;
    }

    /// <summary>A path to something that is there; for `stack`, a file.</summary>
    public string? Existing(YamlNode node, string name)
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

    /// <summary>The entries of a mapping from names of the user's choice, the valid ones.</summary>
    public List<YamlEntry> Named(Field? field, string what)
    {
        var named = new List<YamlEntry>();
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
                named.Add(entry);
            }
        }

        return named;
    }
}
