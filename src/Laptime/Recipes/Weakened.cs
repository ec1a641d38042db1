namespace Laptime.Recipes;

/// <summary>How a run shows less than the last green one did: tests are weakened one small step at a time, and each step looks reasonable.</summary>
public static class Weakened
{
    /// <summary>Each in a sentence, in the order of the tiers; empty: it shows at least as much. Pure.</summary>
    /// <param name="last">The last green run of the same recipe on the same target.</param>
    public static IReadOnlyList<string> Of(RecipeRunDocument last, RecipeRunDocument now)
    {
        var findings = new List<string>();
        foreach (var before in last.Tiers)
        {
            var name = Word(before.Tier);
            if (!now.Stages.Contains(name))
            {
                if (before.Status == TierStatus.Pass)
                {
                    findings.Add($"{name} was not asked for: it passed with {Checks(before.Checks)} in the last green run");
                }

                continue;
            }

            if (now.Tiers.FirstOrDefault(t => t.Tier == before.Tier) is not { } after)
            {
                findings.Add($"{name} did not run: it {Did(before.Status)} in the last green run");
                continue;
            }

            Tier(name, before, after, findings);
        }

        if (last.Teardown == "clean" && now.Teardown is "kept" or "not-run")
        {
            findings.Add($"the teardown is missing ({now.Teardown}): it was clean in the last green run");
        }

        if (last.Fresh == "pass" && now.Fresh == "not verified")
        {
            findings.Add("a fresh install of head was not verified: it passed in the last green run (--fresh)");
        }

        if (last.Lane == "faithful" && now.Lane != "faithful")
        {
            findings.Add("the run was in the fast lane: the last green one had the recipe as it is (--lane faithful)");
        }

        foreach (var dependency in last.Deps.Deployed.Where(d => now.Deps.Warm.Contains(d)))
        {
            findings.Add($"the dependency {dependency} was warm: it was deployed from nothing in the last green run");
        }

        foreach (var dependency in last.Deps.Deployed.Concat(last.Deps.Warm).Where(d => !now.Deps.Deployed.Contains(d) && !now.Deps.Warm.Contains(d)))
        {
            findings.Add($"the dependency {dependency} was not there: the last green run had it");
        }

        return findings;
    }

    /// <summary>As JSON has it.</summary>
    public static string Word(Tier tier) => tier.ToString().ToLowerInvariant();

    public static string Word(TierStatus status) => status.ToString().ToLowerInvariant();

    private static void Tier(string name, TierReport before, TierReport after, List<string> findings)
    {
        if (before.Status == TierStatus.Pass && after.Status is TierStatus.Skip or TierStatus.Unverified)
        {
            findings.Add($"{name} {(after.Status == TierStatus.Skip ? "was skipped" : "is unverified")}{(after.Reason is { } reason ? $" ({reason})" : "")}: it passed with {Checks(before.Checks)} in the last green run");
            return;
        }

        if (after.Checks < before.Checks)
        {
            findings.Add($"{name} ran {Checks(after.Checks)}, {before.Checks - after.Checks} fewer than the {before.Checks} of the last green run");
        }

        foreach (var skipped in after.Skipped.Where(s => !before.Skipped.Any(b => CheckOf(b) == CheckOf(s))))
        {
            findings.Add($"{name}: the check {CheckOf(skipped)} was skipped, which the last green run did not");
        }

        if (before.VerifiedVersion is not null && after is { VerifiedVersion: null, Status: TierStatus.Pass })
        {
            findings.Add($"{name} did not read which version ran: the last green run did");
        }
    }

    private static string CheckOf(string skipped) => skipped.IndexOf(": ", StringComparison.Ordinal) is > 0 and var colon ? skipped[..colon] : skipped;

    private static string Checks(int count) => count == 1 ? "1 check" : $"{count} checks";

    private static string Did(TierStatus status) => status switch
    {
        TierStatus.Pass => "passed",
        TierStatus.Skip => "was skipped",
        TierStatus.Unverified => "was unverified",
        _ => "failed",
    };
}
