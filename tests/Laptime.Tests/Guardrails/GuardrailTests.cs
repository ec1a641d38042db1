using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Guardrails;
using Laptime.Planning;
using Laptime.Tests.Workspaces;
using Laptime.Workspaces;

namespace Laptime.Tests.Guardrails;

/// <summary>The verdicts of single guardrails, and what a policy and an override make of them.</summary>
public sealed class GuardrailTests
{
    private const string Ann = "Ann <ann@example.org>";
    private const string Bob = "Bob <bob@example.org>";
    private static readonly ReviewSettings ByGit = new(ReviewEvidence.Git, Self: false, null, null);

    [Theory]
    [InlineData("2026-12-18T15:59:59+01:00", false)] // a Friday
    [InlineData("2026-12-18T16:00:00+01:00", true)]
    [InlineData("2026-12-18T15:00:00Z", true)] // the same minute, told in UTC
    [InlineData("2026-12-20T12:00:00+01:00", true)]
    [InlineData("2026-12-21T07:59:00+01:00", true)]
    [InlineData("2026-12-21T08:00:00+01:00", false)]
    [InlineData("2026-07-17T16:00:00+02:00", true)] // in summer the zone's clock is another one
    [InlineData("2026-07-17T16:00:00+01:00", true)]
    [InlineData("2026-07-17T15:00:00+01:00", true)]
    [InlineData("2026-07-17T14:30:00+01:00", false)]
    public void A_weekly_window_goes_by_its_own_clock_over_the_turn_of_the_week(string now, bool frozen)
    {
        var window = new FreezeWindow.Weekly("weekend", TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), (4 * 24 * 60) + (16 * 60), 8 * 60);
        Assert.Equal(frozen ? GuardrailStatus.Refused : GuardrailStatus.Pass, FreezeCheck.Of([window], DateTimeOffset.Parse(now, null)).Status);
    }

    [Fact]
    public void The_end_of_an_open_window_is_told_in_its_own_time()
    {
        var window = new FreezeWindow.Weekly("weekend", TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), (4 * 24 * 60) + (16 * 60), 8 * 60);
        Assert.Equal("frozen by weekend until Mon 2026-12-21 08:00 Europe/Berlin", FreezeCheck.Of([window], DateTimeOffset.Parse("2026-12-19T12:00:00Z", null)).What);
        Assert.Equal(GuardrailStatus.NotAsked, FreezeCheck.Of([], DateTimeOffset.UnixEpoch).Status);
    }

    [Fact]
    public void Every_minute_of_a_week_is_in_a_weekly_window_or_in_the_one_from_its_end_to_its_start() =>
        Prop.ForAll(Gen.Choose(0, FreezeWindow.Weekly.Week - 1).Three().ToArbitrary(), times =>
        {
            var (start, end, minute) = times;
            var now = new DateTimeOffset(2026, 11, 16, 0, 0, 0, TimeSpan.Zero).AddMinutes(minute);
            var one = new FreezeWindow.Weekly("a", TimeZoneInfo.Utc, start, end).OpenUntil(now);
            var other = new FreezeWindow.Weekly("b", TimeZoneInfo.Utc, end, start).OpenUntil(now);
            return start == end ? one is null && other is null : (one is null) != (other is null) && (one ?? other) > now.UtcDateTime && (one ?? other) <= now.UtcDateTime.AddMinutes(FreezeWindow.Weekly.Week);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(Bob, Ann, false, ReviewVerdict.FourEyes)]
    [InlineData(Ann, Ann, false, ReviewVerdict.Self)]
    [InlineData(null, Ann, false, ReviewVerdict.None)]
    [InlineData(null, Bob, true, ReviewVerdict.FourEyes)] // who merged is somebody else
    [InlineData(null, Ann, true, ReviewVerdict.Self)]
    [InlineData(null, "GitHub <noreply@github.com>", true, ReviewVerdict.None)] // a forge that merges is nobody's eyes
    [InlineData("Bot <1+ci[bot]@users.noreply.github.com>", Ann, false, ReviewVerdict.None)]
    [InlineData("Ann Again <ANN@example.org>", Ann, false, ReviewVerdict.Self)] // the address tells, not the name
    public void A_review_counts_when_somebody_else_than_every_author_made_it(string? reviewer, string committer, bool isMerge, ReviewVerdict verdict) =>
        Assert.Equal(verdict, ReviewCheck.Judge(new string('a', 40), "Change", [Ann], committer, isMerge, reviewer is null ? ["Signed-off-by: Ann <ann@example.org>"] : [$"Reviewed-by: {reviewer}"]).Verdict);

    [Fact]
    public void Who_wrote_a_part_of_a_merge_is_no_reviewer_of_it() =>
        Assert.Equal(ReviewVerdict.Self, ReviewCheck.Judge(new string('a', 40), "Merge", [Ann, Bob], Bob, isMerge: true, []).Verdict);

    [Fact]
    public void The_worst_commit_decides_and_self_is_never_four_eyes()
    {
        CommitReview Of(ReviewVerdict verdict) => new(new string('a', 40), "Change", Ann, verdict, "merged " + Bob);
        Assert.Equal(GuardrailStatus.Pass, ReviewCheck.Judge([Of(ReviewVerdict.FourEyes)], ByGit).Status);
        Assert.Equal(GuardrailStatus.Refused, ReviewCheck.Judge([Of(ReviewVerdict.FourEyes), Of(ReviewVerdict.Self)], ByGit).Status);
        Assert.Equal(GuardrailStatus.Refused, ReviewCheck.Judge([Of(ReviewVerdict.FourEyes), Of(ReviewVerdict.None)], ByGit with { Self = true }).Status);
        var self = ReviewCheck.Judge([Of(ReviewVerdict.FourEyes), Of(ReviewVerdict.Self)], ByGit with { Self = true });
        Assert.Equal(GuardrailStatus.Pass, self.Status);
        Assert.StartsWith("self: 1 of 2", self.What, StringComparison.Ordinal);
    }

    [Fact]
    public void An_override_opens_only_what_the_policy_names_and_only_what_refuses()
    {
        var policy = new GuardrailSettings { Overridable = new HashSet<GuardrailName> { GuardrailName.Freeze }, ReportOnly = new HashSet<GuardrailName> { GuardrailName.Review } };
        var asked = new GuardrailOverride(new HashSet<GuardrailName> { GuardrailName.Freeze, GuardrailName.Ledger, GuardrailName.Smoke }, "incident 1");
        var verdicts = asked.Apply(
            [
                Guardrail.Refuse(GuardrailName.Review, "none", "review it"), Guardrail.Pass(GuardrailName.Smoke, "passed"), Guardrail.Refuse(GuardrailName.Ledger, "phantom", "reconcile"),
                Guardrail.Refuse(GuardrailName.Freeze, "frozen", "wait"), Guardrail.Refuse(GuardrailName.Rollback, "missing", "publish"),
            ], policy);
        Assert.Equal(
            [GuardrailStatus.Reported, GuardrailStatus.Pass, GuardrailStatus.Refused, GuardrailStatus.Overridden, GuardrailStatus.Refused], verdicts.Select(v => v.Status));
        Assert.Equal("incident 1", verdicts[3].Reason);
        Assert.Contains("not allowed here", verdicts[2].Mend, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("freze", "x", "there is no guardrail freze")]
    [InlineData("freeze", null, "needs a reason")]
    [InlineData("freeze", "  ", "needs a reason")]
    [InlineData(null, "why", "--reason is the reason of an --override")]
    public void An_override_without_a_name_or_a_reason_is_refused(string? name, string? reason, string words) =>
        Assert.Contains(words, Assert.Throws<LapException>(() => SafeLoopGuard.ReadOverrides(name is null ? [] : [name], reason)).Problems[0].What, StringComparison.Ordinal);

    [Fact]
    public void Parity_gaps_are_the_steps_that_were_told_as_left_out_and_the_profile()
    {
        using var folder = new TemporaryWorkspace("src/web/");
        var component = folder.Load("""
            name: shop
            components:
              web:
                path: src/web
                build:
                  steps: [ { name: make, run: make }, { name: lint, run: lint, loops: [safe] }, { name: quick, run: quick, loops: [fast] } ]
                  outputs: out
            """).Components[0];
        var told = ParityGap.Text("web", component.Build.Steps[1], Loop.Fast);
        Assert.Equal([told], ParityGap.Between(component, "fast", "release", [told], "release"));
        Assert.Empty(ParityGap.Between(component, "fast", "release", [], "release")); // a --full deploy left nothing out
        Assert.Equal(["web: built with the profile fast, not release"], ParityGap.Between(component, "fast", "fast", [], "release"));
    }
}
