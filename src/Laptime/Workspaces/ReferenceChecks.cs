using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>What refers to what: components, ports, and the names in templates. Runs when everything was read, so the order in the file does not matter.</summary>
/// <param name="declared">Every component's name in the file, those with problems of their own too.</param>
internal sealed class ReferenceChecks(Workspace workspace, List<BoundComponent> components, List<string> declared, ValueBinder values)
{
    private static readonly string[] Everywhere = ["workspace.name", "environment", "listen"];

    /// <summary>Null for a component with problems of its own.</summary>
    private readonly Dictionary<string, BoundComponent?> byName = ByName(components, declared);

    private ProblemList Problems => values.Problems;

    public void Tell()
    {
        foreach (var component in components)
        {
            Exist(component.Uses);
            Exist(component.Needs);
            AreFiles(component.Uses);
            IsImage(component);
            AreDependencies(component);
            if (component is { Ledger: { } ledger, Component.Migrate.Ledger: { } named } && !workspace.Ledgers.Any(l => l.Name == named))
            {
                Problems.Add(ledger, $"there is no ledger `{ProblemList.Short(named)}`", workspace.Ledgers.Count == 0 ? "add it to `ledgers`" : NearestName.Suggest(named, [.. workspace.Ledgers.Select(static l => l.Name)]));
            }

        }

        Cycles("uses", static c => c.Uses ?? c.Base, static c => c.Component.Uses);
        Cycles("needs", static c => c.Needs, static c => c.Component.Needs);
        if (components.Exists(static c => c.Component.Reconciles.Any(r => !c.Component.Needs.Contains(r))))
        {
            // Restarts follow what they are restarted for, and stand in one order with what needs what.
            Cycles("reconcile", static c => c.Reconcile ?? c.Needs, static c => [.. c.Component.Needs.Union(c.Component.Reconciles)]);
        }

        Ports();
        foreach (var use in values.Templates.Uses)
        {
            if (Problems.Full)
            {
                break;
            }

            Check(use);
        }
    }

    private static Dictionary<string, BoundComponent?> ByName(List<BoundComponent> components, List<string> declared)
    {
        var byName = new Dictionary<string, BoundComponent?>(declared.Count);
        foreach (var name in declared)
        {
            byName[name] = null;
        }

        foreach (var component in components)
        {
            byName[component.Component.Name] = component;
        }

        return byName;
    }

    private void Exist(Field? field)
    {
        if (field is null)
        {
            return;
        }

        var list = field.Value.Kind == YamlKind.List;
        for (var i = 0; i < (list ? field.Value.Items.Count : 1); i++)
        {
            var item = list ? field.Value.Items[i] : field.Value;
            if (item.Kind == YamlKind.Scalar && !item.IsNull && item.Text.Trim().Length > 0 && !byName.ContainsKey(item.Text) && !Problems.Full)
            {
                Problems.Add(item, $"`{field.Name}` names `{ProblemList.Short(item.Text)}`, which is no component", ProblemList.Suggest(item.Text, declared));
            }
        }
    }

    /// <summary>Only what a component uses or needs is there before it, so that it may have loaded it.</summary>
    private void AreDependencies(BoundComponent component)
    {
        if (component.Reconcile is not { Value: { Kind: YamlKind.Map } map })
        {
            return;
        }

        var known = component.Component.Dependencies.ToList();
        foreach (var entry in map.Entries)
        {
            if (!entry.Key.Text.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) && !known.Contains(entry.Key.Text) && !Problems.Full)
            {
                Problems.Add(entry.Key, $"`reconcile` names `{ProblemList.Short(entry.Key.Text)}`, which `{component.Component.Name}` neither `needs` nor `uses`",
                    byName.ContainsKey(entry.Key.Text) ? $"add `needs: [{entry.Key.Text}]`" : ProblemList.Suggest(entry.Key.Text, known));
            }
        }
    }

    /// <summary>A used component's artifact is unpacked for the steps: an image has no files to give.</summary>
    private void AreFiles(Field? uses)
    {
        foreach (var item in uses is null ? [] : uses.Value.Kind == YamlKind.List ? uses.Value.Items : (IReadOnlyList<YamlNode>)[uses.Value])
        {
            if (item.Kind == YamlKind.Scalar && byName.GetValueOrDefault(item.Text)?.Component.Build.Image is not null)
            {
                Problems.Add(item, $"`uses` names `{ProblemList.Short(item.Text)}`, which is an image: its files cannot be handed to steps",
                    "name it in `needs`, or make a component of its files");
            }
        }
    }

    /// <summary>The component that an image is to be put on is an image too.</summary>
    private void IsImage(BoundComponent component)
    {
        if (component is not { Base: { } field, Component.Build.Image.BaseComponent: { } name } || Problems.Full)
        {
            return;
        }

        if (!byName.TryGetValue(name, out var below))
        {
            Problems.Add(field.Value, ImageBinder.NotPinned(name, "is not pinned by digest, and no component has this name"),
                NearestName.Of(name, declared) is { } near ? $"did you mean the component `{near}`?" : ImageBinder.PinIt);
        }
        else if (below is { Component.Build.Image: null })
        {
            Problems.Add(field.Value, $"`base` names the component `{ProblemList.Short(name)}`, which is no image", $"give it `build: {{ image: {{ base: scratch }} }}`");
        }
    }

    /// <summary>Depth first; every circle is told once, at the reference that closes it.</summary>
    private void Cycles(string key, Func<BoundComponent, Field?> field, Func<BoundComponent, IReadOnlyList<string>> references)
    {
        var index = new Dictionary<string, int>(components.Count);
        var linked = false;
        for (var i = 0; i < components.Count; i++)
        {
            index[components[i].Component.Name] = i;
            linked |= references(components[i]).Count > 0;
        }

        if (!linked)
        {
            return;
        }

        // 0: not seen, 1: on the path, 2: done. An explicit stack: a chain may be as long as the file.
        var state = new byte[components.Count];
        var path = new List<int>();
        var next = new List<int>();
        for (var start = 0; start < components.Count; start++)
        {
            if (state[start] != 0)
            {
                continue;
            }

            (path, next) = ([start], [0]);
            state[start] = 1;
            while (path.Count > 0)
            {
                var at = path[^1];
                var targets = references(components[at]);
                if (next[^1] == targets.Count)
                {
                    state[at] = 2;
                    path.RemoveAt(path.Count - 1);
                    next.RemoveAt(next.Count - 1);
                    continue;
                }

                var name = targets[next[^1]++];
                if (!index.TryGetValue(name, out var target))
                {
                    continue;
                }

                if (state[target] == 1)
                {
                    Circle(key, field(components[at])!, path, target, name);
                }
                else if (state[target] == 0)
                {
                    state[target] = 1;
                    path.Add(target);
                    next.Add(0);
                }
            }
        }
    }

    private void Circle(string key, Field field, List<int> path, int target, string name)
    {
        var text = new System.Text.StringBuilder();
        for (var i = path.IndexOf(target); i < path.Count; i++)
        {
            text.Append(components[path[i]].Component.Name).Append(" -> ");
        }

        text.Append(name);
        var at = field.Value.Items.Find(n => n.Text == name) ?? field.Value;
        Problems.Add(at, $"`{key}` goes in a circle: {text}", path[^1] == target ? "a component cannot name itself: remove it" : "remove one of these references");
    }

    private void Ports()
    {
        var seen = new Dictionary<int, BoundComponent>();
        foreach (var component in components)
        {
            if (component.Component.Run?.Port is { } port && component.PortField is { } field && !seen.TryAdd(port, component))
            {
                var first = seen[port];
                Problems.Add(field.Value, $"port {port} is taken: component `{first.Component.Name}` has it in line {first.PortField!.Value.Line}", "give each component its own port");
            }
        }
    }

    private void Check(TemplateUse use)
    {
        if (Known(use) is { } mend)
        {
            Problems.Add(use.Line, use.Column, mend.What, mend.How);
        }
    }

    private (string What, string How)? Known(TemplateUse use)
    {
        var name = use.Name;
        var shown = $"`${{{ProblemList.Short(name)}}}`";
        if (name.StartsWith("env.", StringComparison.Ordinal))
        {
            return ValueBinder.IsVariable(name[4..]) ? null : ($"{shown}: `{ProblemList.Short(name[4..])}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
        }

        if (name.StartsWith("profile.", StringComparison.Ordinal))
        {
            return Profile(name[8..], shown, use);
        }

        if (name.StartsWith("components.", StringComparison.Ordinal) && (name.EndsWith(".port", StringComparison.Ordinal) || name.EndsWith(".address", StringComparison.Ordinal)) && name.LastIndexOf('.') > 11)
        {
            var component = name[11..name.LastIndexOf('.')];
            return !byName.TryGetValue(component, out var bound) ? ($"{shown}: there is no component `{ProblemList.Short(component)}`", ProblemList.Suggest(component, declared))
                : bound is { PortField: null } ? ($"{shown}: component `{component}` has no port", $"add `port: 8080` to the `run` of `{component}`")
                : null;
        }

        if (name is "workspace.name" or "environment" or "listen")
        {
            return null;
        }

        if (name == "component" && use.Component is not null)
        {
            return null;
        }

        if (name is "port" or "revision" or "transaction" && use.Scope == TemplateScope.Run)
        {
            return name == "port" && use.Component is { } own && byName.GetValueOrDefault(own) is { PortField: null }
                ? ($"{shown} has no value: component `{use.Component}` has no `run.port`", "add `port: 8080` to its `run`")
                : null;
        }

        return name switch
        {
            "port" or "revision" or "transaction" when use.Scope == TemplateScope.Build => ($"{shown} has no value in a build step", "it is known when an instance is started: use it in `run` or `probes`"),
            "port" or "revision" or "transaction" or "component" => ($"{shown} has no value here", "it belongs to a component: use it in `run` or `probes`"),
            "" => ("`${}` names nothing", "write `$${}` for a literal `${}`"),
            _ => ($"unknown name {shown}", Suggest(name, use)),
        };
    }

    /// <summary>
    /// The variable must exist in the profile of every environment in whose loop the text is used, because a deploy there could not
    /// resolve it. Profiles that only --profile reaches may lack it: that command line says so itself.
    /// </summary>
    private (string What, string How)? Profile(string variable, string shown, TemplateUse use)
    {
        var all = new List<string>();
        foreach (var profile in workspace.Profiles)
        {
            foreach (var name in profile.Vars.Keys)
            {
                if (!all.Contains(name))
                {
                    all.Add(name);
                }
            }
        }

        if (!all.Contains(variable))
        {
            return ($"{shown}: no profile has the variable `{ProblemList.Short(variable)}`",
                all.Count == 0 ? $"add `profiles: {{ fast: {{ vars: {{ {ProblemList.Short(variable)}: ... }} }} }}`" : ProblemList.Suggest(variable, all));
        }

        foreach (var environment in workspace.Environments)
        {
            var used = use.Loops.Count == 0;
            foreach (var loop in use.Loops)
            {
                used |= loop == environment.Loop;
            }

            if (!used)
            {
                continue;
            }

            foreach (var profile in workspace.Profiles)
            {
                if (profile.Name == environment.Profile && !profile.Vars.ContainsKey(variable))
                {
                    return ($"{shown}: profile `{profile.Name}`, which environment `{environment.Name}` uses, has no variable `{variable}`", $"add `{variable}` to the `vars` of `{profile.Name}`");
                }
            }
        }

        return null;
    }

    private static string Suggest(string name, TemplateUse use)
    {
        var names = new List<string>(Everywhere);
        if (use.Component is not null)
        {
            names.Add("component");
        }

        if (use.Scope == TemplateScope.Run)
        {
            names.AddRange(["port", "revision", "transaction"]);
        }

        if (name.Length <= 64 && NearestName.Of(name, names) is { } near)
        {
            return $"did you mean `${{{near}}}`?";
        }

        return $"valid: {string.Join(", ", names)}, env.NAME, profile.NAME, components.NAME.port, components.NAME.address; for the shell's own variables write `$${{...}}`";
    }
}
