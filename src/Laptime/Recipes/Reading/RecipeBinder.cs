using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Yaml;

namespace Laptime.Recipes.Reading;

/// <summary>Nodes to <see cref="RecipeSettings"/>: reads everything and tells every problem.</summary>
internal sealed class RecipeBinder(string file, RecipeFileGround ground, ValueBinder values)
{
    /// <summary>Somebody who writes one of these wants to say how many deploys there may be.</summary>
    private static readonly string[] Budget = ["deploy", "budget", "expect", "count", "install", "remove", "update", "max", "limit", "allow", "quota", "times"];

    private static readonly string[] Tiers = ["install", "upgrade", "backup", "restore", "custom"];

    private static readonly string[] ExportNames = ["url", "host", "port", "namespace"];

    private readonly string folder = Path.GetDirectoryName(file)!;

    private ProblemList Problems => values.Problems;

    /// <summary>Null: problems were told.</summary>
    public RecipeSettings? Bind(YamlNode node)
    {
        if (Fields.Of(node, node, RecipeFile.FileName, RecipeKeys.Root, Problems, Refused) is not { } fields)
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

        var target = values.Choice(fields["target"]);
        var overlay = Section(fields["overlay"], RecipeKeys.Overlay);
        For(RecipeKind.Compose, fields["overlay"]);
        For(RecipeKind.Workspace, fields["volumes"]);
        For(RecipeKind.Workspace, fields["hooks"]);
        var settings = new RecipeSettings
        {
            File = file,
            Name = values.Name(fields["recipe"]),
            Target = target is null ? null : target == 0 ? TargetKind.Process : TargetKind.Swarm,
            Env = Texts(fields["env"], Variable),
            Ready = Ready(fields["ready"]),
            Timeout = values.Span(fields["timeout"]),
            Seed = Seed(fields["seed"]),
            Deps = Dependencies(fields["deps"]),
            NotApplicable = NotApplicable(fields["not-applicable"]),
            MaySkip = Texts(fields["may-skip"], Check, reasons: true),
            OverlayEnvironment = FilePath(overlay?["environment"], program: false),
            OverlayBaseOnly = FilePath(overlay?["base-only"], program: false),
            Volumes = Texts(fields["volumes"], key => values.IsName(key, key.Text, "name of a volume"), value: node => IsVariable(node, node.Text)),
            Hooks = Hooks(fields["hooks"]),
        };
        if (settings.Target is { } at && at != (ground.Kind == RecipeKind.Compose ? TargetKind.Swarm : TargetKind.Process))
        {
            Problems.Add(fields["target"]!.Value, at == TargetKind.Swarm ? "a recipe without a compose file does not run on Swarm" : "a recipe with a compose file alone does not run as processes",
                at == TargetKind.Swarm ? "add a compose file, or leave `target` out" : "add a laptime.yaml, or leave `target` out");
        }

        return Problems.Any ? null : settings;
    }

    private static string? Refused(string typed) => Array.Exists(Budget, w => typed.Contains(w, StringComparison.OrdinalIgnoreCase))
        && NearestName.Of(typed.Replace('_', '-'), RecipeKeys.Root.Names) is null
            ? "no key touches the budget: how many deploys there may be follows from the tiers and the cold dependencies, and is counted"
            : null;

    private void For(RecipeKind kind, Field? field)
    {
        if (field is not null && ground.Kind != kind)
        {
            Problems.Add(field.KeyNode, $"`{field.Name}` is for {(kind == RecipeKind.Compose ? "recipes with a compose file" : "recipes with a laptime.yaml")}: this one has none",
                field.Name == "hooks" ? "a compose recipe has its hooks as labels: backupbot.backup.pre-hook and the like" : "remove it");
        }
    }

    private Fields? Section(Field? field, KeySet keys) => field is null ? null : Fields.Of(field.Value, field.KeyNode, $"`{field.Name}`", keys, Problems, Refused);

    private Dictionary<string, RecipeReady> Ready(Field? field)
    {
        var ready = new Dictionary<string, RecipeReady>(StringComparer.Ordinal);
        foreach (var (key, value) in Entries(field))
        {
            if (!Truth(key) && values.IsName(key, key.Text, "name of a service") && Fields.Of(value, key, $"`ready.{key.Text}`", RecipeKeys.Ready, Problems, Refused) is { } fields)
            {
                var http = values.Text(fields["http"]);
                if (http is not null && (http[0] != '/' || http.AsSpan().ContainsAny(" \t\r\n#")))
                {
                    Problems.Add(fields["http"]!.Value, $"`http` must be a path, not `{ProblemList.Short(http)}`", "it starts with `/`: the address is the service's own");
                }

                if (fields["http"] is null && fields["port"] is { } port)
                {
                    Problems.Add(port.KeyNode, "`port` says where `http` is asked, and there is none", "add `http: /`");
                }

                ready[key.Text] = new RecipeReady(http, values.Integer(fields["port"]), values.Span(fields["timeout"]));
            }
        }

        return ready;
    }

    private RecipeSeed? Seed(Field? field) => Section(field, RecipeKeys.Seed) is { } fields
        && (FilePath(fields["put"], program: true), FilePath(fields["get"], program: true), FilePath(fields["delete"], program: true)) is ({ } put, { } get, var delete)
            ? new RecipeSeed(put, get, delete)
            : null;

    private List<RecipeDependency> Dependencies(Field? field)
    {
        var (deps, seen) = (new List<RecipeDependency>(), new Dictionary<string, YamlNode>(StringComparer.Ordinal));
        foreach (var item in values.Items(field))
        {
            if (Fields.Of(item, item, "a dependency", RecipeKeys.Dependency, Problems, Refused) is not { } fields)
            {
                continue;
            }

            var recipe = Recipe(fields["recipe"]);
            if (recipe is not null && !seen.TryAdd(recipe, item))
            {
                Problems.Add(item, $"the dependency is written twice: the other is in line {seen[recipe].Line}", "keep one: a dependency is deployed once, and reused");
            }

            var mode = values.Choice(fields["mode"]);
            var export = Exports(fields["export"]);
            var space = FilePath(fields["namespace"], program: true);
            if (mode == (int)DependencyMode.Cold && fields["namespace"] is { } unused)
            {
                Problems.Add(unused.KeyNode, "a cold dependency is this run's alone: it needs no namespace", "remove `namespace`, or choose `mode: auto`");
            }

            if (recipe is not null)
            {
                deps.Add(new RecipeDependency(recipe, (DependencyMode)(mode ?? 0), export, space, Problems.At(item)));
            }
        }

        return deps;
    }

    /// <summary>An absolute path, or the address as it stands.</summary>
    private string? Recipe(Field? field)
    {
        if (values.Text(field) is not { } named)
        {
            return null;
        }

        try
        {
            var address = RecipeAddress.Parse(named, folder);
            if (ground.IsForeign && address.Kind != RecipeAddress.Sort.Remote && !address.Target.StartsWith(ground.Root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                Problems.Add(field!.Value, "a recipe that was fetched names its dependencies by their addresses: this is a folder of this machine", "for example https://git.example.org/recipes/keycloak.git");
                return null;
            }

            if (address.Target == ground.Root)
            {
                Problems.Add(field!.Value, "the recipe depends on itself", "remove it");
                return null;
            }

            return address.Target;
        }
        catch (LapException e)
        {
            Problems.Add(field!.Value, e.Problems[0].What, e.Problems[0].Mend);
            return null;
        }
    }

    private Dictionary<string, string> Exports(Field? field) => Texts(field, Variable, value: node =>
    {
        var told = Problems.Count;
        var before = values.Templates.Uses.Count;
        values.Templates.Parse(node, TemplateScope.Environment, null, []);
        foreach (var use in values.Templates.Uses.Skip(before))
        {
            if (!ExportNames.Contains(use.Name) && !(use.Name.StartsWith("env.", StringComparison.Ordinal) && ValueBinder.IsVariable(use.Name[4..]))
                && !(use.Name.StartsWith("secret.", StringComparison.Ordinal) && use.Name.Length > 7))
            {
                Problems.Add(use.Line, use.Column, $"`${{{ProblemList.Short(use.Name)}}}` is nothing that a dependency has", ProblemList.Suggest(use.Name, [.. ExportNames, "env.NAME", "secret.NAME"]));
            }
        }

        return Problems.Count == told;
    });

    private Dictionary<Tier, string> NotApplicable(Field? field) => Texts(field, key =>
    {
        if (!Tiers.Contains(key.Text))
        {
            Problems.Add(key, $"there is no tier `{ProblemList.Short(key.Text)}`", ProblemList.Suggest(key.Text, Tiers[1..]));
            return false;
        }

        if (key.Text == Tiers[0])
        {
            Problems.Add(key, "`install` always applies: every other tier stands on it", "remove it");
            return false;
        }

        return true;
    }, reasons: true).ToDictionary(t => (Tier)Array.IndexOf(Tiers, t.Key), t => t.Value);

    private List<RecipeHook> Hooks(Field? field)
    {
        var hooks = new List<RecipeHook>();
        foreach (var item in values.Items(field))
        {
            if (Fields.Of(item, item, "a hook", RecipeKeys.Hook, Problems, Refused) is { } fields
                && (values.Name(fields["service"]), values.Choice(fields["when"]), fields["run"]) is ({ } service, { } when, { } run)
                && values.Scalar(run.Value, run.Name, run.Key.Type, run.Key.Example) is { } command)
            {
                if (command.Text.Trim().Length == 0)
                {
                    Problems.Add(command, "`run` is empty: it must be a command", "write what the hook does, or remove it");
                }

                hooks.Add(new RecipeHook(service, (HookMoment)when, command.Text));
            }
        }

        return hooks;
    }

    /// <summary>A file below the folder of recipe.yaml, or of the recipe: absolute, and there.</summary>
    private string? FilePath(Field? field, bool program)
    {
        if (values.Text(field) is not { } text)
        {
            return null;
        }

        var shown = ProblemList.Short(text);
        if (Path.IsPathRooted(text) || text.Contains('\\') || text.AsSpan().IndexOfAnyInRange('\0', '\u001f') >= 0)
        {
            Problems.Add(field!.Value, $"`{field.Name}` must be a relative path: `{shown}`", "relative to the folder of recipe.yaml, with `/`");
            return null;
        }

        var full = Path.GetFullPath(text, folder);
        if (!File.Exists(full))
        {
            var beside = Path.GetDirectoryName(full)!;
            var near = Directory.Exists(beside) ? NearestName.Of(Path.GetFileName(full), Directory.EnumerateFiles(beside).Take(500).Select(f => Path.GetFileName(f)!)) : null;
            Problems.Add(field!.Value, Directory.Exists(full) ? $"`{shown}` is a folder" : $"the file `{shown}` does not exist",
                near is null ? "paths are relative to the folder of recipe.yaml" : $"did you mean `{Path.Combine(Path.GetDirectoryName(text) ?? "", near)}`?");
            return null;
        }

        if (!Within.Folder(full, folder) && !Within.Folder(full, ground.Root))
        {
            Problems.Add(field!.Value, $"`{field.Name}` leads out of the recipe: `{shown}`", "put the file beside recipe.yaml, or into the recipe");
            return null;
        }

        if (program && !OperatingSystem.IsWindows() && !WorkingFolder.IsProgram(full))
        {
            Problems.Add(field!.Value, $"`{shown}` may not be executed", $"chmod +x {shown}");
            return null;
        }

        return full;
    }

    private Dictionary<string, string> Texts(Field? field, Func<YamlNode, bool> name, bool reasons = false, Func<YamlNode, bool>? value = null)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, text) in field is null ? [] : CommandBinder.Texts(values, field))
        {
            if (Truth(key) || !name(key))
            {
                continue;
            }

            if (reasons && text.Text.Trim().Length == 0)
            {
                Problems.Add(text, $"`{field!.Name}.{ProblemList.Short(key.Text)}` has no reason", "say why, for those who read the report");
            }
            else if (value?.Invoke(text) != false)
            {
                texts[key.Text] = text.Text;
            }
        }

        return texts;
    }

    private List<YamlEntry> Entries(Field? field)
    {
        if (field is null || field.Value.Kind == YamlKind.Broken)
        {
            return [];
        }

        if (field.Value.Kind != YamlKind.Map)
        {
            Problems.Add(field.Value, $"`{field.Name}` must be {field.Key.Type.Words}, not {field.Value.Describe()}", $"for example `{field.Name}: {field.Key.Example}`");
            return [];
        }

        return field.Value.Entries;
    }

    private bool Truth(YamlNode key)
    {
        if (!YamlTruths.Is(key))
        {
            return false;
        }

        Problems.Add(key, $"the key `{key.Text}` is true or false to readers of YAML 1.1, not a name", $"write it in quotes: \"{key.Text}\":");
        return true;
    }

    private bool Variable(YamlNode key)
    {
        if (!IsVariable(key, key.Text))
        {
            return false;
        }

        if (key.Text is "STACK_NAME" || key.Text.StartsWith("LAPTIME_", StringComparison.Ordinal))
        {
            Problems.Add(key, $"`{key.Text}` is set by lap: every run has its own", "remove it");
            return false;
        }

        return true;
    }

    private bool IsVariable(YamlNode at, string text)
    {
        if (ValueBinder.IsVariable(text))
        {
            return true;
        }

        Problems.Add(at, $"`{ProblemList.Short(text)}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
        return false;
    }

    private bool Check(YamlNode key)
    {
        if (ground.Checks is null || ground.Checks.Contains(key.Text))
        {
            return true;
        }

        Problems.Add(key, $"there is no check `{ProblemList.Short(key.Text)}`", ProblemList.Suggest(key.Text, ground.Checks));
        return false;
    }
}
