using Laptime.Foundations;
using Laptime.Workspaces.Compose;

namespace Laptime.Recipes.Reading;

/// <summary>
/// What a recipe's backup holds and runs, by its <c>backupbot.*</c> labels: one service of the recipe turns it on, then all volumes are in it but those that are excluded or narrowed to paths;
/// hooks run in the running container of the service that has the label.
/// </summary>
internal static class BackupLabels
{
    public const string Prefix = "backupbot.";
    private const string Volumes = "backupbot.backup.volumes.";
    private const string Path = ".path";

    public static BackupFacts? Read(List<ComposeRecipeService> services, ComposeProject project, List<Problem> problems, List<string> warnings)
    {
        ComposeRecipeService? enabled = null;
        string? trouble = null;
        var (hooks, paths, excluded) = (new List<RecipeHook>(), new Dictionary<string, IReadOnlyList<string>?>(StringComparer.Ordinal), new List<string>());
        foreach (var volume in Own(services, project))
        {
            paths[volume] = null;
        }

        foreach (var service in services)
        {
            foreach (var (key, value) in service.Labels.Where(static l => l.Key.StartsWith(Prefix, StringComparison.Ordinal)))
            {
                var at = RecipeLabels.At(service.Compose, key);
                switch (key)
                {
                    case "backupbot.backup":
                        if (ComposeJson.Boolean(value.Trim(), loose: true) is not { } on)
                        {
                            problems.Add(new Problem($"`{key}` must be true or false, not `{Workspaces.Yaml.ProblemList.Short(value)}`", at, $"`{key}=true`"));
                        }
                        else if (on && enabled is not null)
                        {
                            // Recipes that are out there have it so: that is no reason not to install and upgrade them.
                            trouble ??= $"{at}: both `{enabled.Name}` and `{service.Name}` have `{key}=true`: exactly one service of a recipe may turn the backup on, for all of it; backup tools refuse such a recipe";
                        }
                        else if (on)
                        {
                            enabled = service;
                        }

                        break;
                    case "backupbot.backup.pre-hook" or "backupbot.backup.post-hook" or "backupbot.restore.pre-hook" or "backupbot.restore.post-hook":
                        if (value.Trim().Length == 0)
                        {
                            warnings.Add($"{at}: the label {key} is empty: nothing runs");
                        }
                        else
                        {
                            hooks.Add(new RecipeHook(service.Name, key switch
                            {
                                "backupbot.backup.pre-hook" => HookMoment.BeforeBackup,
                                "backupbot.backup.post-hook" => HookMoment.AfterBackup,
                                "backupbot.restore.pre-hook" => HookMoment.BeforeRestore,
                                _ => HookMoment.AfterRestore,
                            }, value));
                        }

                        break;
                    case "backupbot.backup.path":
                        warnings.Add($"{at}: the label {key} is an old one, which today's backups ignore: write `{Volumes}NAME{Path}`");
                        break;
                    default:
                        if (key.StartsWith(Volumes, StringComparison.Ordinal))
                        {
                            Volume(key, value, at);
                        }
                        else if (key is not "backupbot.restore")
                        {
                            warnings.Add($"{at}: the label {key} is none that backups know: it is left aside");
                        }

                        break;
                }
            }
        }

        if (enabled is null)
        {
            if (hooks.Count > 0)
            {
                warnings.Add($"{RecipeLabels.At(services.First(s => s.Name == hooks[0].Service).Compose, "backupbot.backup.pre-hook")}: there are hooks of a backup, and no service has `backupbot.backup=true`: nothing is backed up");
            }

            return null;
        }

        return new BackupFacts(paths, excluded, hooks) { Trouble = trouble };

        void Volume(string key, string value, SourceLocation at)
        {
            var name = key[Volumes.Length..];
            var narrowed = name.EndsWith(Path, StringComparison.Ordinal);
            name = narrowed ? name[..^Path.Length] : name;
            if (!paths.ContainsKey(name) && !excluded.Contains(name))
            {
                warnings.Add($"{at}: the label {key} names no volume of the recipe ({NearestName.Suggest(name, [.. paths.Keys])}): it is left aside");
            }
            else if (narrowed)
            {
                if (Paths(key, value, at) is { } some && paths.ContainsKey(name))
                {
                    paths[name] = some;
                }
            }
            else if (ComposeJson.Boolean(value.Trim(), loose: true) == false)
            {
                paths.Remove(name);
                excluded.Add(name);
            }
        }

        List<string>? Paths(string key, string value, SourceLocation at)
        {
            var some = new List<string>();
            foreach (var path in value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                var relative = path.TrimStart('/').TrimEnd('/');
                if (relative.Length == 0 || relative.Split('/').Any(static s => s is ".." or "") || relative.Contains('\0'))
                {
                    problems.Add(new Problem($"`{key}` must name paths in the volume, not `{Workspaces.Yaml.ProblemList.Short(path)}`", at, "relative to the volume, separated by commas"));
                }
                else if (!some.Contains(relative))
                {
                    some.Add(relative);
                }
            }

            if (some.Count == 0)
            {
                warnings.Add($"{at}: the label {key} is empty: the whole volume is backed up");
                return null;
            }

            return some;
        }
    }

    private static IEnumerable<string> Own(List<ComposeRecipeService> services, ComposeProject project) => project.Volumes.Where(static v => !v.External).Select(static v => v.Name)
        .Where(v => services.Exists(s => s.Compose.Mounts.Any(m => m.Type == "volume" && m.Source == v)));
}
