using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Recipes;
using Laptime.Recipes.Reading;

namespace Laptime.Cli.Rendering;

/// <summary>`lap test --list`: what a run would do, from reading alone.</summary>
internal static class RecipePlanView
{
    private const int Indent = 12;

    public static string Render(Recipe recipe, BaseVersion from, string target, RecipeRunOptions options, Terminal terminal)
    {
        var upgrade = options.Stages.Contains(Tier.Upgrade) && from.Version is not null && from.Version.Text != recipe.Head.Text;
        var cold = recipe.Settings.Deps.Count(d => d.Mode == DependencyMode.Cold);
        var auto = recipe.Settings.Deps.Count(d => d.Mode == DependencyMode.Auto);
        var plan = new RecipePlan(
            "laptime/recipe-plan/v1", recipe.Name, target, options.Lane.ToString().ToLowerInvariant(), upgrade ? from.Version!.Text : recipe.Head.Text, recipe.Head.Text, [.. recipe.Published.Select(p => p.Text)],
            [.. options.Stages.Order().Select(t => t.ToString().ToLowerInvariant())], [.. recipe.Checks.Select(c => new RecipePlanCheck(c.Tier.ToString().ToLowerInvariant(), c.Name))],
            [.. recipe.Settings.Deps.Select(d => new RecipePlanDependency(d.Recipe, d.Mode.ToString().ToLowerInvariant()))], 1 + cold + (options.Fresh ? 1 : 0), 1 + cold + auto + (options.Fresh ? 1 : 0), upgrade ? 1 : 0, recipe.Notices);
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(plan, RecipePlanJson.Default.RecipePlan) + "\n";
        }

        var page = new Page(terminal);
        page.Wrapped(new Span(""), new Span($"{recipe.Name} on {target}, {plan.Lane} lane", Tone.Strong), 0);
        Fact("base", upgrade ? $"{plan.Base}, the newest published version that is older than head" : options.Stages.Contains(Tier.Upgrade) ? $"head itself: {from.Reason}" : "head itself: the upgrade was not asked for");
        Fact("head", $"{recipe.Head.Text}{(recipe.Head.Commit is { } commit ? $" ({commit[..8]})" : ", with what is not committed")}");
        Fact("published", plan.Published.Count == 0 ? "nothing" : string.Join(", ", plan.Published.TakeLast(8)));
        Fact("tiers", string.Join(", ", plan.Stages));
        Fact("checks", plan.Checks.Count == 0 ? "none of its own" : string.Join(", ", plan.Checks.Select(c => c.Name)));
        Fact("deps", plan.Dependencies.Count == 0 ? "none" : string.Join(", ", plan.Dependencies.Select(d => $"{d.Recipe} ({d.Mode})")));
        Fact("budget", $"deploys {(plan.Deploys == plan.DeploysAtMost ? $"{plan.Deploys}" : $"{plan.Deploys} to {plan.DeploysAtMost}")}, updates in place {plan.Updates}, removals as many as deploys");
        foreach (var notice in plan.Notices)
        {
            Fact("notice", notice);
        }

        return page.ToString();

        void Fact(string name, string text) => page.Wrapped(new Span("  " + name.PadRight(Indent - 2), Tone.Dim), new Span(text), Indent);
    }
}

/// <summary>`lap test --list -o json`.</summary>
/// <param name="Deploys">Expected: 1 + cold dependencies (+ 1 with --fresh).</param>
/// <param name="DeploysAtMost">When no `auto` dependency stands warm.</param>
internal sealed record RecipePlan(
    string Schema, string Recipe, string Target, string Lane, string Base, string Head, IReadOnlyList<string> Published, IReadOnlyList<string> Stages, IReadOnlyList<RecipePlanCheck> Checks,
    IReadOnlyList<RecipePlanDependency> Dependencies, int Deploys, int DeploysAtMost, int Updates, IReadOnlyList<string> Notices);

internal sealed record RecipePlanCheck(string Tier, string Name);

internal sealed record RecipePlanDependency(string Recipe, string Mode);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(RecipePlan))]
internal sealed partial class RecipePlanJson : JsonSerializerContext;
