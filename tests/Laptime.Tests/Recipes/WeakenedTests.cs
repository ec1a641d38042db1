using Laptime.Recipes;

namespace Laptime.Tests.Recipes;

/// <summary>How a run shows less than the last green one did.</summary>
public sealed class WeakenedTests
{
    private static readonly RecipeRunDocument Last = RecipeRuns.Green();

    private static RecipeRunDocument With(Tier tier, Func<TierReport, TierReport> change) => Last with { Tiers = [.. Last.Tiers.Select(t => t.Tier == tier ? change(t) : t)] };

    [Fact]
    public void The_same_run_shows_as_much() => Assert.Empty(Weakened.Of(Last, Last));

    [Fact]
    public void More_is_no_weakness()
    {
        Assert.Empty(Weakened.Of(Last, With(Tier.Backup, t => t with { Checks = 20 })));
        Assert.Empty(Weakened.Of(Last, Last with { Fresh = "pass", Lane = "faithful" }));
        Assert.Empty(Weakened.Of(With(Tier.Custom, t => t with { Status = TierStatus.Skip, Checks = 0 }), Last));
    }

    [Theory]
    [InlineData(5, "backup ran 5 checks, 1 fewer than the 6 of the last green run")]
    [InlineData(1, "backup ran 1 check, 5 fewer than the 6 of the last green run")]
    public void Fewer_checks_are_told_by_tier(int checks, string said) => Assert.Equal([said], Weakened.Of(Last, With(Tier.Backup, t => t with { Checks = checks })));

    [Fact]
    public void A_new_skip_is_told_with_its_reason()
    {
        Assert.Equal(["restore was skipped (stateless): it passed with 6 checks in the last green run"], Weakened.Of(Last, With(Tier.Restore, t => t with { Status = TierStatus.Skip, Reason = "stateless", Checks = 0 })));
        Assert.Equal(["restore is unverified (nothing seeded): it passed with 6 checks in the last green run"], Weakened.Of(Last, With(Tier.Restore, t => t with { Status = TierStatus.Unverified, Reason = "nothing seeded", Checks = 0 })));
        Assert.Equal(["custom: the check tests/custom/b.sh was skipped, which the last green run did not"],
            Weakened.Of(Last, With(Tier.Custom, t => t with { Skipped = ["tests/custom/mail.sh: another reason", "tests/custom/b.sh: no"] })));
    }

    [Fact]
    public void A_tier_that_was_not_asked_for_is_told_and_one_that_did_not_run_too()
    {
        Assert.Equal(["upgrade was not asked for: it passed with 7 checks in the last green run"], Weakened.Of(Last, Last with { Stages = [.. Last.Stages.Where(s => s != "upgrade")], Tiers = [.. Last.Tiers.Where(t => t.Tier != Tier.Upgrade)] }));
        Assert.Equal(["upgrade did not run: it passed in the last green run"], Weakened.Of(Last, Last with { Tiers = [.. Last.Tiers.Where(t => t.Tier != Tier.Upgrade)] }));
    }

    [Fact]
    public void A_skipped_tier_that_is_not_asked_for_any_more_showed_nothing_before_either() =>
        Assert.Empty(Weakened.Of(With(Tier.Restore, t => t with { Status = TierStatus.Skip }), Last with { Stages = [.. Last.Stages.Where(s => s != "restore")], Tiers = [.. Last.Tiers.Where(t => t.Tier != Tier.Restore)] }));

    [Theory]
    [InlineData("kept")]
    [InlineData("not-run")]
    public void A_missing_teardown_is_told(string teardown) => Assert.Equal([$"the teardown is missing ({teardown}): it was clean in the last green run"], Weakened.Of(Last, Last with { Teardown = teardown }));

    [Fact]
    public void What_else_shows_less_is_told()
    {
        Assert.Contains("a fresh install of head was not verified", Assert.Single(Weakened.Of(Last with { Fresh = "pass" }, Last)), StringComparison.Ordinal);
        Assert.Contains("fast lane", Assert.Single(Weakened.Of(Last with { Lane = "faithful" }, Last)), StringComparison.Ordinal);
        Assert.Contains("kv was warm", Assert.Single(Weakened.Of(Last, Last with { Deps = new DependenciesReport([], ["kv"]) })), StringComparison.Ordinal);
        Assert.Contains("kv was not there", Assert.Single(Weakened.Of(Last, Last with { Deps = new DependenciesReport([], []) })), StringComparison.Ordinal);
        Assert.Contains("did not read which version ran", Assert.Single(Weakened.Of(Last, With(Tier.Upgrade, t => t with { VerifiedVersion = null }))), StringComparison.Ordinal);
    }
}
