using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Recipes;

/// <summary>What a recipe is made of, which decides where it can run.</summary>
public enum RecipeKind
{
    /// <summary>A compose file (a Co-op Cloud recipe, or any other): runs on Swarm.</summary>
    Compose,

    /// <summary>A laptime.yaml: runs as processes.</summary>
    Workspace,
}

/// <summary>A recipe as it lies there: its settings, its versions and the checks it brings. What a version says is read from a checkout of that version.</summary>
public sealed record Recipe
{
    /// <summary>Name of the folder or repository, or <c>recipe:</c> of recipe.yaml.</summary>
    public required string Name { get; init; }

    public required RecipeKind Kind { get; init; }

    /// <summary>The folder that was named, absolute; a clone of it where a repository was named by its address. Never written to, but for <see cref="Home"/>.</summary>
    public required string Root { get; init; }

    /// <summary>Where runs of this recipe leave their things: records, checkouts, archives. Absolute, private to the user, ignored by git.</summary>
    public required string Home { get; init; }

    public required RecipeSettings Settings { get; init; }

    /// <summary>What is tested: the folder as it is now.</summary>
    public required RecipeVersion Head { get; init; }

    /// <summary>The oldest first. Head may be one of them.</summary>
    public required IReadOnlyList<RecipeVersion> Published { get; init; }

    /// <summary>What recipe.yaml and the folders `tests` beside it bring, in the order in which they run.</summary>
    public IReadOnlyList<RecipeCheck> Checks { get; init; } = [];

    /// <summary>It was named by an address, not by a folder of this machine: its scripts run only when the user says so.</summary>
    public bool IsForeign { get; init; }

    /// <summary>What people should know, each in a sentence.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];
}

/// <summary>One version of a recipe.</summary>
/// <param name="Text">As the tag has it ("1.1.0+3.12"); of a head without a tag its commit ("@1a2b3c4d"), or "working tree" outside git.</param>
/// <param name="Commit">Null: the folder as it is now, with what is not committed.</param>
/// <param name="IsPublished">A tag names exactly this.</param>
public sealed record RecipeVersion(string Text, string? Commit, bool IsPublished)
{
    public override string ToString() => Text;
}

/// <summary>A program of the recipe's own that asserts something: 0 pass, 77 skip when declared, anything else fail. It may change nothing.</summary>
/// <param name="Tier">The tier it belongs to.</param>
/// <param name="Name">Relative to the folder of the recipe: `tests/custom/search.sh`.</param>
/// <param name="File">Absolute.</param>
public sealed record RecipeCheck(Tier Tier, string Name, string File);

/// <summary>recipe.yaml, checked; all defaults without one. No key touches the budget.</summary>
public sealed record RecipeSettings
{
    /// <summary>Absolute path of the file; null: there is none.</summary>
    public string? File { get; init; }

    /// <summary>What the recipe calls itself; null: the folder's name.</summary>
    public string? Name { get; init; }

    /// <summary>Null: by the files present.</summary>
    public TargetKind? Target { get; init; }

    /// <summary>Over those of .env.sample (compose), or the variables of the run (workspace).</summary>
    public IReadOnlyDictionary<string, string> Env { get; init; } = new Dictionary<string, string>();

    /// <summary>By service.</summary>
    public IReadOnlyDictionary<string, RecipeReady> Ready { get; init; } = new Dictionary<string, RecipeReady>();

    public RecipeSeed? Seed { get; init; }

    public IReadOnlyList<RecipeDependency> Deps { get; init; } = [];

    /// <summary>Tiers that are declared not to apply, with the reason.</summary>
    public IReadOnlyDictionary<Tier, string> NotApplicable { get; init; } = new Dictionary<Tier, string>();

    /// <summary>Checks that may end with 77, by name, with the reason.</summary>
    public IReadOnlyDictionary<string, string> MaySkip { get; init; } = new Dictionary<string, string>();

    /// <summary>Compose file over every deploy of a run, absolute.</summary>
    public string? OverlayEnvironment { get; init; }

    /// <summary>Compose file over the base alone (a repair of the old version), absolute. It must not mask head.</summary>
    public string? OverlayBaseOnly { get; init; }

    /// <summary>Workspace recipes: folders that outlive the instances, by name, with the environment variable that tells the recipe where the folder is.</summary>
    public IReadOnlyDictionary<string, string> Volumes { get; init; } = new Dictionary<string, string>();

    /// <summary>Workspace recipes: programs around backup and restore (compose recipes have them as labels).</summary>
    public IReadOnlyList<RecipeHook> Hooks { get; init; } = [];

    /// <summary>Bound on converging, for services that name none; null: the recipe's own label, else 300 s.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <param name="Http">Path, asked at the service's own address; null: the service's own health test decides.</param>
/// <param name="Port">Null: the port of the service, or of its proxy label.</param>
public sealed record RecipeReady(string? Http, int? Port, TimeSpan? Timeout);

/// <summary>
/// Programs that write and read items, run like checks: <c>put NAME VALUE</c> writes an item, <c>get NAME</c> prints its value (nothing, or another exit code than 0, when there is none),
/// <c>delete NAME</c> removes it; the verb is not passed, each has a program of its own.
/// </summary>
/// <param name="Put">Absolute path.</param>
/// <param name="Get">Absolute path.</param>
/// <param name="Delete">Absolute path; null: items cannot be deleted.</param>
public sealed record RecipeSeed(string Put, string Get, string? Delete);

/// <summary>How a dependency is had.</summary>
public enum DependencyMode
{
    /// <summary>Warm when its canonical deployment stands and answers, else cold; which one it was is reported, and changes what is expected.</summary>
    Auto,

    /// <summary>Deployed for this run, once, before the base; removed last.</summary>
    Cold,

    /// <summary>The canonical deployment that stands already, with a namespace of this run's own.</summary>
    Warm,
}

/// <param name="Recipe">Absolute path of its folder, or an address.</param>
/// <param name="Export">Variables of the recipe that depends on it; values may hold <c>${url}</c>, <c>${host}</c>, <c>${port}</c>, <c>${namespace}</c>, <c>${env.NAME}</c> (a variable of the dependency) and <c>${secret.NAME}</c>.</param>
/// <param name="Namespace">Program that makes (<c>create NAME</c>) and removes (<c>delete NAME</c>) this run's namespace in a warm one, absolute; null: it needs none.</param>
public sealed record RecipeDependency(string Recipe, DependencyMode Mode, IReadOnlyDictionary<string, string> Export, string? Namespace, SourceLocation At);

/// <summary>A program that runs in (or for) a service around an archive.</summary>
/// <param name="Service">The service it runs in.</param>
/// <param name="Moment">When.</param>
/// <param name="Command">For the service's own shell (`/bin/sh -c`).</param>
public sealed record RecipeHook(string Service, HookMoment Moment, string Command);

public enum HookMoment
{
    BeforeBackup,
    AfterBackup,
    BeforeRestore,
    AfterRestore,
}
