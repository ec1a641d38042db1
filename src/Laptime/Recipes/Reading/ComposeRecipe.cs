using System.Globalization;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Recipes.Reading;

/// <summary>One service of a compose recipe, with what recipes say by labels.</summary>
/// <param name="Compose">What compose says about it.</param>
/// <param name="Labels">Of the service on the target (<c>deploy.labels</c>), in the file's order.</param>
/// <param name="ProxyPort">Where a proxy is told to reach it (<c>traefik.http.services.*.loadbalancer.server.port</c>); null: nowhere.</param>
public sealed record ComposeRecipeService(ComposeService Compose, IReadOnlyDictionary<string, string> Labels, int? ProxyPort)
{
    public string Name => Compose.Name;

    /// <summary>Where it answers: the proxy's port, else the target of its first published port; null: nobody says.</summary>
    public int? Port => ProxyPort ?? (Compose.Ports.Count > 0 ? Compose.Ports[0].Target : null);
}

/// <summary>A secret that has to be there before the recipe is deployed, under a name of this deployment's own.</summary>
/// <param name="Name">As the recipe calls it.</param>
/// <param name="Target">On the target: <c>stack_name_version</c>.</param>
/// <param name="Maker">How its value is made.</param>
/// <param name="Given">The value that recipe.yaml or a dependency gives it; null: it is made.</param>
public sealed record RecipeSecret(string Name, string Target, SecretMaker Maker, string? Given)
{
    /// <summary>Never the value.</summary>
    public override string ToString() => Target;
}

/// <summary>A config, or a secret with its content, that the recipe brings.</summary>
/// <param name="Kind">config or secret.</param>
/// <param name="Target">Its name on the target, where it cannot be changed.</param>
/// <param name="Content">What is stored; a template is rendered there.</param>
/// <param name="Hash">Of the content and what renders it.</param>
/// <param name="TemplateDriver">golang: rendered with the service's environment and secrets; null: as it stands.</param>
public sealed record RecipeConfig(string Kind, string Name, string Target, byte[] Content, string Hash, string? TemplateDriver, SourceLocation At);

/// <summary>One checkout of a compose recipe as it would be deployed: pure reading. Nothing of the recipe runs, and nothing outside of it is read but the overlays that were named.</summary>
public sealed record ComposeRecipe
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(300);

    /// <summary>Name lengths that Swarm takes.</summary>
    private const int LongestContent = 64;
    private const int LongestService = 63;

    private const long MostFile = 10 << 20;

    public required string Folder { get; init; }

    /// <summary>Name of the deployment on the target.</summary>
    public required string Stack { get; init; }

    /// <summary>Compose files in their order, absolute; the overlays last.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Every variable that files and services may refer to.</summary>
    public required IReadOnlyDictionary<string, string> Env { get; init; }

    /// <summary>Files joined, variables replaced.</summary>
    public required ComposeProject Project { get; init; }

    public required IReadOnlyList<ComposeRecipeService> Services { get; init; }

    /// <summary>The service that users reach.</summary>
    public required ComposeRecipeService Main { get; init; }

    /// <summary>What the recipe says its version is (<c>coop-cloud.STACK.version</c>); null: nothing.</summary>
    public string? VersionLabel { get; init; }

    /// <summary>Its own bound on converging; null: it names none.</summary>
    public TimeSpan? TimeoutLabel { get; init; }

    /// <summary>Secrets to create before it is deployed.</summary>
    public required IReadOnlyList<RecipeSecret> Secrets { get; init; }

    /// <summary>Configs and secrets with the content that the recipe brings.</summary>
    public required IReadOnlyList<RecipeConfig> Configs { get; init; }

    /// <summary>Networks that somebody else owns, by their names on the target (<c>proxy</c>).</summary>
    public required IReadOnlyList<string> ExternalNetworks { get; init; }

    /// <summary>Null: it declares no backup.</summary>
    public BackupFacts? Backup { get; init; }

    /// <summary>What was guessed or left aside, each in a sentence with its place.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    public TimeSpan Timeout { get; init; }

    public ComposeRecipeService? Find(string service) => Services.FirstOrDefault(s => s.Name == service);

    /// <summary>Whether the folder has a compose file, or an .env.sample that names some.</summary>
    internal static bool HasCompose(string folder) => ComposeFile.Find(folder) is not null
        || (Path.Combine(folder, RecipeEnvironment.SampleName) is var sample && File.Exists(sample) && Libc.IsRegular(sample)
            && File.ReadLines(sample).Take(5000).Any(static l => l.TrimStart().StartsWith("COMPOSE_FILE=", StringComparison.Ordinal)));

    /// <param name="folder">The checkout, absolute.</param>
    /// <param name="stack">Name of the deployment on the target.</param>
    /// <param name="exports">What dependencies export.</param>
    /// <param name="isBase">The version that head upgrades from: the overlay for it alone lies over it.</param>
    /// <param name="overlays">More compose files on top (of the lane), absolute.</param>
    /// <exception cref="LapException">Everything that is wrong, with its places.</exception>
    public static ComposeRecipe Read(
        string folder, string stack, RecipeSettings settings, IReadOnlyDictionary<string, string> exports, bool isBase, IReadOnlyList<string>? overlays = null)
    {
        folder = Path.GetFullPath(folder);
        var warnings = new List<string>();
        List<string> over = [.. new[] { settings.OverlayEnvironment, isBase ? settings.OverlayBaseOnly : null }.OfType<string>(), .. overlays ?? []];
        var environment = RecipeEnvironment.Read(folder, stack, settings, exports, Refuse, warnings);
        var files = ComposeFiles(folder, environment);
        files.AddRange(over.Where(o => !files.Contains(o)));
        var project = ComposeFile.Read(files, environment.Values.GetValueOrDefault, Refuse);
        var problems = new List<Problem>();
        warnings.AddRange(files.SelectMany(YamlTruths.Keys));
        var services = project.Services.Select(s => RecipeLabels.Service(s, warnings)).ToList();
        var main = RecipeLabels.Main(services, warnings);
        var timeout = RecipeLabels.Timeout(services, warnings);
        Lengths(project, stack, problems);
        Health(project, problems, warnings);
        var secrets = project.Secrets.Where(s => IsOwn(s, stack)).Select(s => new RecipeSecret(s.Name, s.ActualName!, environment.MakerOf(s.Name), environment.GivenTo(s.Name))).ToList();
        foreach (var secret in secrets.Where(static s => s is { Maker.IsGenerated: false, Given: null }))
        {
            warnings.Add($"the secret {secret.Name} is entered by hand there (generate=false): a random value stands in; `env: {{ SECRET_{secret.Name.ToUpperInvariant()}: … }}` in recipe.yaml gives it one");
        }

        foreach (var secret in project.Secrets.Where(s => s.External && !IsOwn(s, stack)))
        {
            warnings.Add($"{secret.At}: the secret {secret.ActualName} is none of this deployment's own: it must be on the target already");
        }

        var backup = BackupLabels.Read(services, project, problems, warnings);
        if (problems.Count > 0)
        {
            throw new LapException(problems);
        }

        return new ComposeRecipe
        {
            Folder = folder, Stack = stack, Files = files, Env = environment.Values, Project = project, Services = services, Main = main,
            VersionLabel = RecipeLabels.Version(services, main, warnings), TimeoutLabel = timeout, Timeout = settings.Timeout ?? timeout ?? DefaultTimeout,
            Secrets = secrets, Configs = [.. Contents("config", project.Configs, stack), .. Contents("secret", project.Secrets, stack)],
            ExternalNetworks = [.. project.Networks.Where(static n => n.External).Select(static n => n.ActualName ?? n.Name)],
            Backup = backup, Warnings = [.. project.Warnings, .. warnings],
        };

        string? Refuse(string file)
        {
            var name = ProblemText(file);
            if (!Path.Exists(file))
            {
                return null;
            }

            return !over.Contains(file) && !Within.Folder(file, folder) ? $"{name} lies outside of the recipe"
                : Directory.Exists(file) ? null
                : !Libc.IsRegular(file) ? $"{name} is no ordinary file"
                : new FileInfo(Within.Real(file)).Length > MostFile ? $"{name} is larger than {MostFile >> 20} MB"
                : null;
        }

        string ProblemText(string file) => Workspaces.Yaml.ProblemList.Short(file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? file[(folder.Length + 1)..] : file);
    }

    /// <summary>What this version says, for the engine.</summary>
    /// <param name="otherwise">The version's text where no label says it.</param>
    public VersionFacts Facts(string? otherwise = null) => new()
    {
        Version = VersionLabel ?? otherwise ?? "",
        Main = Main.Name,
        Services = [.. Services.Select(static s => new ServiceFacts(s.Name, s.Compose.Image, Definition(s.Compose), [.. VolumesOf(s.Compose)]))],
        Volumes = [.. Project.Volumes.Where(static v => !v.External).Select(static v => v.Name).Where(v => Services.Any(s => VolumesOf(s.Compose).Contains(v)))],
        Backup = Backup,
        Timeout = Timeout,
        Warnings = Warnings,
    };

    /// <summary>Configs and secrets whose content changed while their name stayed, from one version to the next: the target refuses them, for there they cannot be changed. Pure.</summary>
    public static IReadOnlyList<string> Clashes(ComposeRecipe before, ComposeRecipe after)
    {
        var known = before.Configs.ToDictionary(static c => (c.Kind, c.Target));
        return [.. after.Configs.Where(c => known.TryGetValue((c.Kind, c.Target), out var old) && old.Hash != c.Hash).Select(static c =>
            $"{c.At}: the content of the {c.Kind} `{c.Name}` changed under one name ({c.Target}), and on the target it cannot be changed: give it a new version ({Words(c)} in {RecipeEnvironment.ShellName})")];

        static string Words(RecipeConfig config) => $"export {config.Name.ToUpperInvariant().Replace('-', '_')}_VERSION=v…";
    }

    private static bool IsOwn(ComposeContent secret, string stack) => secret is { External: true, ActualName: { } name } && name.StartsWith(stack + "_", StringComparison.Ordinal);

    private static IEnumerable<RecipeConfig> Contents(string kind, IEnumerable<ComposeContent> contents, string stack) => contents.Where(static c => c is { External: false, Content: not null })
        .Select(c => new RecipeConfig(kind, c.Name, c.ActualName ?? $"{stack}_{c.Name}", c.Content!, c.Hash!, c.Node?.TextOf("template_driver"), c.At));

    private static IEnumerable<string> VolumesOf(ComposeService service) =>
        service.Mounts.Where(static m => m is { Type: "volume", Source: not null }).Select(static m => m.Source!).Distinct(StringComparer.Ordinal);

    /// <summary>Whatever a running instance follows from, in one text; where it is deployed counts too.</summary>
    private static string Definition(ComposeService service)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in service.Settings)
        {
            text.Append(CultureInfo.InvariantCulture, $"{key.Length} {key} {value.Length} {value}\n");
        }

        return Digest.Of(text.Append(service.Image).ToString()).ToString();
    }

    private static List<string> ComposeFiles(string folder, RecipeEnvironment environment)
    {
        if (environment.Values.GetValueOrDefault("COMPOSE_FILE") is not { Length: > 0 } named)
        {
            return ComposeFile.Find(folder) is { } only ? [only] : throw new LapException("the recipe has no compose file", folder, $"{string.Join(", ", ComposeFile.FileNames)}, or COMPOSE_FILE in {RecipeEnvironment.SampleName}");
        }

        var (files, problems) = (new List<string>(), new List<Problem>());
        foreach (var name in named.Split(':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var file = Path.GetFullPath(name, folder);
            if (!File.Exists(file))
            {
                problems.Add(new Problem($"COMPOSE_FILE names `{Workspaces.Yaml.ProblemList.Short(name)}`, which does not exist", Path.Combine(WorkspaceFile.Shown(folder), RecipeEnvironment.SampleName),
                    Workspaces.Yaml.ProblemList.Suggest(name, [.. Directory.EnumerateFiles(folder, "*compose*.y*ml").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)])));
            }
            else if (!files.Contains(file))
            {
                files.Add(file);
            }
        }

        return problems.Count == 0 && files.Count > 0 ? files : throw new LapException(problems.Count > 0 ? problems : [new Problem("COMPOSE_FILE names no file", folder)]);
    }

    private static void Lengths(ComposeProject project, string stack, List<Problem> problems)
    {
        foreach (var (kind, content) in project.Configs.Select(static c => ("config", c)).Concat(project.Secrets.Select(static c => ("secret", c))))
        {
            Check(content.ActualName ?? (content.External ? content.Name : $"{stack}_{content.Name}"), kind, content.Name, LongestContent, content.At);
        }

        foreach (var service in project.Services)
        {
            Check($"{stack}_{service.Name}", "service", service.Name, LongestService, service.At);
        }

        void Check(string name, string kind, string own, int most, SourceLocation at)
        {
            if (name.Length > most)
            {
                problems.Add(new Problem($"the name of the {kind} `{own}` on the target would have {name.Length} characters (`{name}`): {most} are allowed", at, $"give the {kind} a shorter name"));
            }
        }
    }

    private static void Health(ComposeProject project, List<Problem> problems, List<string> warnings)
    {
        foreach (var service in project.Services)
        {
            if (service is not { Health: { } health, Node: { } node } || node.Given("healthcheck") is not { } written)
            {
                continue;
            }

            if (health is { Disabled: true, Test.Count: > 0 } && health.Test[0] != "NONE")
            {
                problems.Add(new Problem($"the health check of `{service.Name}` has a `test` and is disabled: the target takes only one of them", (written["disable"] ?? written).At, "take the test back with `test: [\"NONE\"]`"));
            }

            if (health.StartPeriod == TimeSpan.Zero && written["start_period"] is { } period)
            {
                warnings.Add($"{period.At}: `start_period: {period.Text}` means that none is set: what the image (or, in an overlay, the file below) says holds");
            }
        }
    }
}
