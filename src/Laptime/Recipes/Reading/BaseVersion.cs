using Laptime.Foundations;

namespace Laptime.Recipes.Reading;

/// <summary>Where an upgrade comes from.</summary>
/// <param name="Version">Null: there is nothing to come from.</param>
/// <param name="Reason">Why this one, or why none, in a sentence.</param>
public sealed record BaseVersion(RecipeVersion? Version, string Reason)
{
    /// <summary>The version that was asked for, else the newest published one that is strictly older than head. Pure.</summary>
    /// <param name="wanted">As the user wrote it; null: not asked for.</param>
    /// <exception cref="LapException">What was asked for is not published.</exception>
    public static BaseVersion Of(Recipe recipe, string? wanted)
    {
        if (wanted is not null)
        {
            return recipe.Published.FirstOrDefault(v => v.Text == wanted) is { } asked
                ? new BaseVersion(asked, "asked for")
                : throw new LapException($"{recipe.Name} has no published version `{wanted}`", recipe.Root,
                    recipe.Published.Count == 0 ? "nothing is published: a version is a tag X.Y.Z or X.Y.Z+A.B.C" : NearestName.Suggest(wanted, [.. recipe.Published.Select(static v => v.Text).Reverse()]));
        }

        if (recipe.Published.Count == 0)
        {
            return new BaseVersion(null, "nothing is published yet: there is no version to come from");
        }

        if (VersionNumber.Parse(recipe.Head.Text) is not { } head)
        {
            // It says nothing of its place among the published ones: what is being made comes after them.
            return new BaseVersion(recipe.Published[^1], "the newest published version");
        }

        var older = recipe.Published.LastOrDefault(v => VersionNumber.Parse(v.Text) is { } number && number.CompareTo(head) < 0);
        return older is not null
            ? new BaseVersion(older, $"the newest published version before {recipe.Head.Text}")
            : new BaseVersion(null, $"no published version is older than {recipe.Head.Text}");
    }
}
