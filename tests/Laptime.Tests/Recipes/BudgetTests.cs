using Laptime.Recipes;

namespace Laptime.Tests.Recipes;

public sealed class BudgetTests
{
    private static readonly LedgerLine Install = Line(LedgerAct.Install);
    private static readonly LedgerLine Update = Line(LedgerAct.Update);
    private static readonly LedgerLine Remove = Line(LedgerAct.Remove);

    private static LedgerLine Line(LedgerAct act) => new(DateTimeOffset.UnixEpoch, act, "lt-kv-1", "kv", "1.0.0", "base");

    private static IReadOnlyList<string> Judge(Budget budget, LedgerLine[] ledger, (int Installs, int Updates, int Removes) seen, params LedgerLine[] failed) =>
        budget.Judge(ledger, failed, new TargetCount(seen.Installs, seen.Updates, seen.Removes, []));

    [Fact]
    public void It_holds_when_all_three_agree() => Assert.Empty(Judge(new Budget(1, 1, 1), [Install, Update, Remove], (1, 1, 1)));

    [Fact]
    public void More_or_fewer_deploys_than_expected_break_it()
    {
        Assert.Contains("made 2, expected 1", Assert.Single(Judge(new Budget(1, 0, 2), [Install, Install, Remove, Remove], (2, 0, 2))), StringComparison.Ordinal);
        Assert.Contains("made 1, expected 2", Assert.Single(Judge(new Budget(2, 0, 1), [Install, Remove], (1, 0, 1))), StringComparison.Ordinal);
    }

    [Fact]
    public void What_only_the_target_saw_was_done_behind_its_back() =>
        Assert.Contains("behind its back", Assert.Single(Judge(new Budget(1, 1, 1), [Install, Update, Remove], (1, 2, 1))), StringComparison.Ordinal);

    [Fact]
    public void What_the_target_did_not_see_was_not_done() =>
        Assert.Contains("did not show there", Assert.Single(Judge(new Budget(1, 1, 1), [Install, Update, Remove], (1, 0, 1))), StringComparison.Ordinal);

    [Fact]
    public void Of_a_deploy_that_failed_the_target_may_have_recorded_nothing_but_never_more()
    {
        Assert.Empty(Judge(new Budget(1, 0, 1), [Install, Remove], (0, 0, 0), Install));
        Assert.Empty(Judge(new Budget(1, 0, 1), [Install, Remove], (1, 0, 0), Install));
        Assert.Empty(Judge(new Budget(1, 1, 1), [Install, Update, Remove], (1, 0, 1), Update));
        Assert.NotEmpty(Judge(new Budget(1, 0, 1), [Install, Remove], (2, 0, 1), Install));
    }

    [Fact]
    public void Every_other_count_is_told_once()
    {
        foreach (var (i, u, r) in from i in Enumerable.Range(0, 4) from u in Enumerable.Range(0, 4) from r in Enumerable.Range(0, 4) select (i, u, r))
        {
            Assert.Equal(new[] { i, u, r }.Count(seen => seen != 1), Judge(new Budget(1, 1, 1), [Install, Update, Remove], (i, u, r)).Count);
        }
    }
}
