using FsCheck;
using FsCheck.Fluent;
using Laptime.Gates;

namespace Laptime.Tests.Gates;

/// <summary>How an item stands, from what happened to it.</summary>
public sealed class GateJudgeTests
{
    private readonly Given given = new();

    [Fact]
    public void Nobody_has_claimed_it() => Assert.Equal(GateStatus.Unclaimed, given.Judge().Status);

    [Fact]
    public void A_claim_is_no_verification()
    {
        given.Claim("Ann");
        Assert.Equal(GateStatus.Claimed, given.Judge().Status);
    }

    [Fact]
    public void Somebody_else_who_repeats_it_makes_it_pass()
    {
        given.Verdict("Ben", given.Claim("Ann"), pass: true);
        var standing = given.Judge();
        Assert.Equal((GateStatus.Pass, "verified by Ben"), (standing.Status, standing.Why));
    }

    [Fact]
    public void The_claimers_own_verdict_counts_for_nothing()
    {
        given.Verdict("Ann", given.Claim("Ann"), pass: true);
        Assert.Equal(GateStatus.Claimed, given.Judge().Status);
    }

    [Fact]
    public void Another_name_with_the_same_key_is_the_same_hand()
    {
        given.Verdict("Ben", given.Claim("Ann", key: "k1"), pass: true, key: "k1");
        Assert.Equal(GateStatus.Claimed, given.Judge().Status);
    }

    [Fact]
    public void Two_keys_that_the_repository_knows_are_two_hands_whatever_git_calls_them()
    {
        given.Verdict("Ann", given.Claim("Ann", key: "k1"), pass: true, key: "k2");
        Assert.Equal(GateStatus.Pass, given.Judge().Status);
    }

    [Fact]
    public void A_key_that_nobody_knows_makes_nobody_else()
    {
        given.Verdict("Ann", given.Claim("Ann", key: "k1"), pass: true, key: "unknown");
        Assert.Equal(GateStatus.Claimed, given.Judge().Status);
    }

    [Fact]
    public void One_who_could_not_repeat_it_outweighs_those_who_could_until_they_can()
    {
        var claim = given.Claim("Ann");
        given.Verdict("Ben", claim, pass: false);
        given.Verdict("Cem", claim, pass: true);
        Assert.Equal(GateStatus.Fail, given.Judge().Status);
        given.Verdict("Ben", claim, pass: true);
        Assert.Equal(GateStatus.Pass, given.Judge().Status);
    }

    [Fact]
    public void A_change_of_what_it_is_about_makes_it_stale_and_names_it()
    {
        given.Verdict("Ben", given.Claim("Ann", inputs: "before"), pass: true);
        var standing = given.Judge();
        Assert.Equal((GateStatus.Stale, "src/a.c changed in 0123456789ab (change)"), (standing.Status, standing.Why));
        given.Verdict("Ben", given.Claim("Ann"), pass: true);
        Assert.Equal(GateStatus.Pass, given.Judge().Status);
    }

    [Fact]
    public void A_veto_stands_until_its_author_or_somebody_who_did_not_claim_lifts_it()
    {
        given.Verdict("Ben", given.Claim("Ann"), pass: true);
        var veto = given.Veto("Cem", "it tests nothing");
        Assert.Equal((GateStatus.Veto, "Cem stands against it: it tests nothing"), (given.Judge().Status, given.Judge().Why));
        given.Lift("Ann", veto);
        Assert.Equal(GateStatus.Veto, given.Judge().Status);
        given.Lift("Cem", veto);
        Assert.Equal(GateStatus.Pass, given.Judge().Status);
        var again = given.Veto("Cem");
        Assert.Equal(GateStatus.Veto, given.Judge().Status);
        given.Lift("Ben", again);
        Assert.Equal(GateStatus.Pass, given.Judge().Status);
    }

    [Fact]
    public void Claimers_may_withdraw_their_own_veto()
    {
        given.Verdict("Ben", given.Claim("Ann"), pass: true);
        given.Lift("Ann", given.Veto("Ann"));
        Assert.Equal(GateStatus.Pass, given.Judge().Status);
    }

    [Fact]
    public void A_record_that_is_gone_is_missed_by_those_after_it()
    {
        var claim = given.Claim("Ann");
        var veto = given.Veto("Cem");
        given.Verdict("Ben", claim, pass: true);
        given.Forget(veto);
        Assert.Equal(GateStatus.Broken, given.Judge().Status);
        Assert.Contains("gone", given.Judge().Why, StringComparison.Ordinal);
    }

    [Fact]
    public void An_edited_record_never_passes()
    {
        given.Verdict("Ben", given.Claim("Ann"), pass: true);
        var standing = given.Judge(signed: false, new GateTrouble("tests", "gates/tests/x.json", "was edited"));
        Assert.Equal((GateStatus.Broken, "gates/tests/x.json was edited"), (standing.Status, standing.Why));
    }

    [Fact]
    public void With_signed_only_what_a_known_key_signed_counts_but_a_veto_always()
    {
        given.Verdict("Ben", given.Claim("Ann"), pass: true);
        Assert.Equal(GateStatus.Unclaimed, given.Judge(signed: true).Status);
        var claim = given.Claim("Ann", key: "k1");
        given.Verdict("Ben", claim, pass: true);
        Assert.Equal(GateStatus.Claimed, given.Judge(signed: true).Status);
        given.Verdict("Ben", claim, pass: true, key: "k2");
        Assert.Equal(GateStatus.Pass, given.Judge(signed: true).Status);
        given.Veto("Cem");
        Assert.Equal(GateStatus.Veto, given.Judge(signed: true).Status);
    }

    [Fact]
    public void An_item_waits_for_what_it_needs()
    {
        GateStanding Standing(string id, GateStatus status, params string[] needs) => new(Given.Item with { Id = id, Needs = needs }, status, "", null, [], [], null, []);

        var all = GateJudge.WithNeeds([Standing("release", GateStatus.Pass, "tests"), Standing("tests", GateStatus.Pass, "build"), Standing("build", GateStatus.Veto), Standing("docs", GateStatus.Pass)]);
        Assert.Equal([GateStatus.Blocked, GateStatus.Blocked, GateStatus.Veto, GateStatus.Pass], all.Select(s => s.Status));
        Assert.Equal("it needs tests (blocked)", all[0].Why);
    }

    /// <summary>Sequences of what three people do, two of whom may have a key, one of which all may use.</summary>
    [Fact]
    public void Whatever_happens_a_claim_never_verifies_itself_a_veto_wins_and_what_is_stale_does_not_pass()
    {
        var passed = 0;
        Prop.ForAll(ArbMap.Default.ArbFor<(byte, byte, byte, byte)[]>(), steps =>
        {
            var history = new Given();
            string[] people = ["Ann", "Ben", "Cem"];
            string?[] keys = [null, "k1", "k2", "unknown1"];
            var (claims, vetoes) = (new List<StoredRecord>(), new List<StoredRecord>());
            foreach (var (what, who, which, with) in steps)
            {
                var (by, key) = (people[who % 3], keys[with % 4]);
                switch (what % 5)
                {
                    case 0:
                        claims.Add(history.Claim(by, which % 3 == 0 ? "before" : "now", key));
                        break;
                    case 1 or 2 when claims.Count > 0:
                        history.Verdict(by, claims[which % claims.Count], pass: what % 7 != 0, key);
                        break;
                    case 3:
                        vetoes.Add(history.Veto(by));
                        break;
                    case 4 when vetoes.Count > 0:
                        history.Lift(by, vetoes[which % vetoes.Count]);
                        break;
                }

                var standing = history.Judge();
                var open = vetoes.Any(v => !history.Records.Any(l => l.Kind == "lift" && l.Record.Veto == v.Digest.ToString()));
                if (open && standing.Status != GateStatus.Veto)
                {
                    return false;
                }

                if (standing.Status != GateStatus.Pass)
                {
                    continue;
                }

                passed++;
                var claim = standing.Claim!;
                if (claim.Record.Inputs != "now" || standing.Verdicts.Count == 0 || standing.Verdicts.Any(v => v.Kind != "pass" || v.Record.Claim != claim.Digest.ToString())
                    || standing.Verdicts.Any(v => (v.Record.Key is not null && v.Record.Key == claim.Record.Key) || (v.Record.By == claim.Record.By && (v.KnownKey is null || claim.KnownKey is null))))
                {
                    return false;
                }
            }

            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(30));
        Assert.True(passed > 500, $"only {passed} of the histories ever passed: they show nothing");
    }

    [Fact]
    public void The_order_of_the_files_says_nothing() =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            var history = new Given();
            var claim = history.Claim("Ann");
            history.Verdict("Ben", claim, pass: seed % 2 == 0);
            history.Verdict("Ben", claim, pass: seed % 3 == 0);
            history.Lift("Cem", history.Veto("Cem"));
            var shuffled = history.Records.ToArray();
            new Random(seed).Shuffle(shuffled);
            return GateJudge.Of(Given.Item, shuffled, [], false, _ => null).Status == history.Judge().Status;
        }).QuickCheckThrowOnFailure();
}
