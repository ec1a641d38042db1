using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd.Docker;

/// <summary>Recipes of examples/recipes in a folder of the test's own, tested by the whole lap on a real swarm.</summary>
internal sealed class RecipeScene : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(4);

    private readonly List<LapProcess> started = [];
    private readonly List<string> recipes = [];

    private RecipeScene(DockerEngine engine) => Engine = engine;

    public DockerEngine Engine { get; }

    public string Folder { get; } = Directory.CreateTempSubdirectory("lap-recipes-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<RecipeScene> OpenAsync(params string[] images)
    {
        var engine = await DockerEngine.SharedSwarmAsync();
        await RecipeImages.LoadAsync(engine, images);
        await Lap.PublishedAsync(Cancel);
        return new RecipeScene(engine);
    }

    public string At(string path) => Path.Combine(Folder, path);

    /// <summary>A recipe as it lies in examples/recipes, with its published versions.</summary>
    public void Copy(string path, string? name = null)
    {
        name ??= Path.GetFileName(path);
        CopyTree(Path.Combine(RecipeImages.Folder(), path), At(name));
        recipes.Add(name);
    }

    /// <summary>A repository of its own with two versions of kv-swarm, the newer one with an edit; both may be edited.</summary>
    public async Task<string> VersionsAsync(string name, Action<RecipeFiles>? before, Action<RecipeFiles> head)
    {
        recipes.Add(name);
        var bundle = Path.Combine(RecipeImages.Folder(), "kv-swarm", "published.bundle");
        await GitAsync(Folder, "clone", "-q", "--no-checkout", bundle, name);
        foreach (var (version, edit) in ((string, Action<RecipeFiles>?)[])[("1.0.0+1.0.0", before), ("1.1.0+1.1.0", head)])
        {
            await GitAsync(At(name), "checkout", "-q", "--force", version);
            edit?.Invoke(new RecipeFiles(At(name)));
            await GitAsync(At(name), "add", "--all");
            await GitAsync(At(name), "commit", "-q", "--allow-empty", "-m", version);
            await GitAsync(At(name), "tag", "--force", "-a", "-m", version, version);
        }

        return name;
    }

    public LapProcess Start(IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var all = LapProcess.CleanEnvironment();
        all["DOCKER_HOST"] = Engine.Host;
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            all[key] = value;
        }

        var process = LapProcess.Start(Lap.Program, arguments, Folder, all);
        lock (started)
        {
            started.Add(process);
        }

        return process;
    }

    public Task<LapResult> LapAsync(params string[] arguments) => Start(null, arguments).ResultAsync(Bound, Cancel);

    /// <summary>The document of <c>lap test</c>; fails with all that was printed unless the exit code is this one.</summary>
    public async Task<JsonObject> TestAsync(int exitCode, string recipe, IReadOnlyDictionary<string, string>? environment, params string[] arguments) =>
        (await Start(environment, ["test", recipe, .. arguments, "-o", "json"]).ResultAsync(Bound, Cancel)).Exits(exitCode).Json;

    /// <summary>Everything on the engine that a run of the recipe made and did not remove, by listing.</summary>
    public async Task<IReadOnlyList<string>> LeftAsync(string recipe)
    {
        var prefix = $"lt-{(recipe.Length > 16 ? recipe[..16].TrimEnd('-') : recipe)}-";
        var left = new List<string>();
        foreach (var (kind, format) in ((string, string)[])[("service", "{{.Name}}"), ("container", "{{.Names}}"), ("network", "{{.Name}}"), ("volume", "{{.Name}}"), ("secret", "{{.Name}}"), ("config", "{{.Name}}")])
        {
            string[] all = kind == "container" ? ["--all"] : [];
            left.AddRange((await Engine.DockerAsync([kind, "ls", .. all, "--format", format])).Split('\n').Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => $"{kind} {n}"));
        }

        return left;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in started)
        {
            process.Dispose();
        }

        foreach (var recipe in recipes)
        {
            foreach (var left in await LeftAsync(recipe))
            {
                var (kind, name) = (left.Split(' ')[0], left.Split(' ')[1]);
                string[] force = kind is "container" or "volume" ? ["--force"] : [];
                await Engine.RunAsync([kind, "rm", .. force, name]);
            }
        }

        Directory.Delete(Folder, recursive: true);
    }

    private static async Task GitAsync(string folder, params string[] arguments)
    {
        var environment = LapProcess.CleanEnvironment();
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        using var git = LapProcess.Start("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "advice.detachedHead=false", .. arguments], folder, environment);
        (await git.ResultAsync(TimeSpan.FromSeconds(30), Cancel)).Exits(0);
    }

    private static void CopyTree(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            // Runs in the checkout itself leave theirs there.
            var name = Path.GetRelativePath(from, file);
            if (!name.StartsWith(".laptime", StringComparison.Ordinal))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, name))!);
                File.Copy(file, Path.Combine(to, name));
            }
        }
    }
}

/// <summary>The files of one version, to be edited.</summary>
internal sealed class RecipeFiles(string folder)
{
    public void Write(string path, string text, bool program = false)
    {
        var full = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        if (program)
        {
            File.SetUnixFileMode(full, (UnixFileMode)0b111_101_101);
        }
    }

    /// <summary>Replaces a text that must be there.</summary>
    public void Edit(string path, string old, string with)
    {
        var full = Path.Combine(folder, path);
        var before = File.ReadAllText(full);
        Assert.Contains(old, before, StringComparison.Ordinal);
        File.WriteAllText(full, before.Replace(old, with, StringComparison.Ordinal));
    }

    /// <summary>Edits compose.yml.</summary>
    public void Compose(string old, string with) => Edit("compose.yml", old, with);
}
