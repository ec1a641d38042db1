using System.Globalization;
using Laptime.Foundations;
using Laptime.Recipes;

namespace Laptime.Reports;

/// <summary>What every report of a recipe's run says in the same words.</summary>
public static class RecipeSentences
{
    /// <summary>"kv 1.0.0 → 1.1.0 on swarm, fast lane".</summary>
    public static string Title(RecipeRunDocument run, string arrow = "→") =>
        $"{run.Recipe} {(run.Base is { } from && from != run.Head ? $"{from} {arrow} {run.Head}" : run.Head)} on {run.Target}, {run.Lane} lane";

    /// <summary>"5 of 5 tiers passed".</summary>
    public static string Verdict(RecipeRunDocument run)
    {
        var passed = run.Tiers.Count(t => t.Status == TierStatus.Pass);
        var others = string.Join(", ", new[] { (TierStatus.Fail, "failed"), (TierStatus.Unverified, "unverified"), (TierStatus.Skip, "skipped") }
            .Select(s => (Count: run.Tiers.Count(t => t.Status == s.Item1), Word: s.Item2)).Where(s => s.Count > 0).Select(s => $"{s.Count} {s.Word}"));
        return $"{passed} of {run.Stages.Count} {(run.Stages.Count == 1 ? "tier" : "tiers")} passed{(others.Length > 0 ? $", {others}" : "")}";
    }

    /// <summary>"health-wait 30.0 s of 36.9 s"; null: nothing was measured.</summary>
    public static string? Dominant(RecipeRunDocument run) => run.Dominant is { } dominant ? $"{dominant.Segment} {Duration.Text(dominant.Seconds)} of {Duration.Text(dominant.Of)}" : null;

    public static string DeployCount(RecipeRunDocument run) => string.Create(CultureInfo.InvariantCulture, $"deploy-count = {run.DeployCount} (expect {run.Expected})");

    public static string Updates(RecipeRunDocument run) => string.Create(CultureInfo.InvariantCulture, $"in-place updates = {run.InPlaceUpdates} (expect {run.ExpectedUpdates})");

    /// <summary>The independent count.</summary>
    public static string ByTarget(RecipeRunDocument run) => string.Create(
        CultureInfo.InvariantCulture, $"counted by {run.Target} itself: {run.CountedByTarget} {(run.CountedByTarget == 1 ? "install" : "installs")}, {run.UpdatesByTarget} {(run.UpdatesByTarget == 1 ? "update" : "updates")}, {run.RemovesByTarget} {(run.RemovesByTarget == 1 ? "removal" : "removals")}");

    public static string Deployed(RecipeRunDocument run) => $"deps deployed: [{string.Join(", ", run.Deps.Deployed)}]";

    public static string Warm(RecipeRunDocument run) => $"deps warm: [{string.Join(", ", run.Deps.Warm)}]";

    public static string Teardown(RecipeRunDocument run) => $"teardown: {run.Teardown}";

    public static string Fresh(RecipeRunDocument run) => $"fresh install of head: {run.Fresh}";

    public static bool BudgetHolds(RecipeRunDocument run) => run.BudgetFindings.Count == 0 && run.DeployCount == run.Expected;

    /// <summary>"1 base + 1 cold (keycloak) + 1 fresh = 3".</summary>
    public static string Formula(RecipeRunDocument run)
    {
        var cold = run.Deps.Deployed.Count;
        var fresh = run.Expected - 1 - cold;
        return string.Create(CultureInfo.InvariantCulture,
            $"1 base{(cold > 0 ? $" + {cold} cold ({string.Join(", ", run.Deps.Deployed)})" : "")}{(fresh > 0 ? $" + {fresh} fresh" : "")} = {run.Expected}");
    }

    /// <summary>All that a tier took, seconds.</summary>
    public static double Seconds(TierReport tier) => tier.OperationSeconds + tier.WaitSeconds + tier.AssertSeconds;

    /// <summary>Whether a tier must be explained: it did not pass.</summary>
    public static bool IsTold(TierReport tier) => tier.Status != TierStatus.Pass;
}
