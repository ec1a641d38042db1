namespace Laptime.Recipes;

/// <summary>What the command line asks of a run. Nothing here changes what is expected but by changing what is done.</summary>
public sealed record RecipeRunOptions
{
    /// <summary>The tiers that run; the base is deployed whatever they are.</summary>
    public IReadOnlySet<Tier> Stages { get; init; } = new HashSet<Tier>(Enum.GetValues<Tier>());

    public Lane Lane { get; init; } = Lane.Fast;

    /// <summary>Also install head from nothing, in a deployment of its own: one more deploy.</summary>
    public bool Fresh { get; init; }

    /// <summary>What shows less than the last green run fails this one.</summary>
    public bool Strict { get; init; }

    /// <summary>The published version to come from; null: the newest one that is older than head.</summary>
    public string? Base { get; init; }

    /// <summary>Leave the deployment standing, to look at; the next run of the recipe removes it.</summary>
    public bool Keep { get; init; }

    /// <summary>After a green run bring the canonical deployment, which others use as a warm dependency, to head.</summary>
    public bool RefreshCanonical { get; init; }

    /// <summary>Run the scripts of a recipe that was named by its address.</summary>
    public bool TrustScripts { get; init; }
}
