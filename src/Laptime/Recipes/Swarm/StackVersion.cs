namespace Laptime.Recipes.Swarm;

/// <summary>One version of a compose recipe as a stack gets it: everything that `docker stack deploy` and whoever watches it must know, read beforehand.</summary>
internal sealed record StackVersion
{
    public required VersionFacts Facts { get; init; }

    /// <summary>As it was read; null: it is no recipe in a folder.</summary>
    public Reading.ComposeRecipe? Recipe { get; init; }

    /// <summary>Where the files are, absolute: paths in them are relative to it.</summary>
    public required string Folder { get; init; }

    /// <summary>Compose files, absolute, a later one over those before it.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>All that they are interpolated with.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Secrets that the files call external: names in the swarm, each with the value that it gets when the swarm has none of that name.</summary>
    public IReadOnlyDictionary<string, Func<string>> Secrets { get; init; } = new Dictionary<string, Func<string>>();

    /// <summary>Networks that the files call external.</summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Names in the swarm by the recipe's own names; those of other owners left out.</summary>
    public IReadOnlyDictionary<string, string> Volumes { get; init; } = new Dictionary<string, string>();

    /// <summary>Ready probes of recipe.yaml, by service.</summary>
    public IReadOnlyDictionary<string, RecipeReady> Ready { get; init; } = new Dictionary<string, RecipeReady>();

    /// <summary>Where the main service answers HTTP (recipe.yaml, else the label for its proxy); null: nobody said.</summary>
    public int? Port { get; init; }

    /// <summary>The main service is in a network of others, where they find it by its name in the swarm.</summary>
    public bool IsShared { get; init; }
}
