using Laptime.Recipes;
using Laptime.Timing;

namespace Laptime.Tests.Recipes;

/// <summary>Runs as they end, for reports.</summary>
internal static class RecipeRuns
{
    public static RecipeRunDocument Named(string name) => name switch
    {
        "green" => Green(),
        "failed" => Failed(),
        "over" => Over(),
        "weak" => Weak(),
        "broken" => Broken(),
        "hostile" => Hostile(),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    public static TierReport Of(Tier tier, TierStatus status = TierStatus.Pass, int checks = 5, string? version = "1.1.0+3.12") => new()
    {
        Tier = tier, Status = status, Checks = checks, VerifiedVersion = version, OperationSeconds = 0.9, WaitSeconds = 0.3, AssertSeconds = 0.1, Reason = status == TierStatus.Pass ? null : "because",
        Evidence = status == TierStatus.Pass ? [$"{tier} was seen"] : [],
    };

    public static RecipeRunDocument Green() => new()
    {
        Id = "rt-20261122-101500-7f3a9c", Recipe = "notes", Source = "examples/recipes/notes", Target = "swarm", Lane = "fast", Base = "1.0.0+3.11", Head = "1.1.0+3.12",
        HeadCommit = "1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b", Started = new DateTimeOffset(2026, 11, 22, 10, 15, 0, TimeSpan.Zero), Seconds = 36.94,
        Stages = ["install", "upgrade", "backup", "restore", "custom"], DeployCount = 2, Expected = 2, InPlaceUpdates = 1, ExpectedUpdates = 1, Removes = 2, CountedByTarget = 2, UpdatesByTarget = 1, RemovesByTarget = 2,
        Deps = new DependenciesReport(["kv"], []), Teardown = "clean",
        Tiers =
        [
            Of(Tier.Install, checks: 4, version: "1.0.0+3.11") with { OperationSeconds = 0.4, WaitSeconds = 30.9, AssertSeconds = 0.2 },
            Of(Tier.Upgrade, checks: 7) with { OperationSeconds = 0.2, WaitSeconds = 5.2 },
            Of(Tier.Backup, checks: 6) with { OperationSeconds = 0.41, WaitSeconds = 0 },
            Of(Tier.Restore, checks: 6) with { OperationSeconds = 1.2, WaitSeconds = 0.4 },
            Of(Tier.Custom, checks: 2) with { OperationSeconds = 0, WaitSeconds = 0, AssertSeconds = 0.15, Skipped = ["tests/custom/mail.sh: no mail server here"] },
        ],
        Segments =
        [
            new Segment { Id = 1, Name = "apply", Start = 0.1, Seconds = 0.3, Outcome = "ok" }, new Segment { Id = 2, Name = "health-wait", Start = 0.4, Seconds = 30, CriticalPath = true, Outcome = "ok" },
            new Segment { Id = 3, Name = "health-wait", Start = 31, Seconds = 5.1, Outcome = "ok" }, new Segment { Id = 4, Name = "teardown", Start = 33, Seconds = 4.2, Outcome = "ok" },
        ],
        Dominant = new RecipeDominant("health-wait", "install", 30.0, 36.9),
        ParityGaps = ["app: its health is asked every 1.00 s instead of 30.0 s, with a grace of 6 m 00 s instead of 1 m 00 s so that nothing is killed sooner"],
        ComparedWith = "rt-20261121-101500-000001", Outcome = "ok", ExitCode = 0, Folder = "/srv/recipes/notes/.laptime/test/runs/rt-20261122-101500-7f3a9c",
    };

    public static RecipeRunDocument Failed() => Green() with
    {
        Tiers =
        [
            Of(Tier.Install, checks: 4, version: "1.0.0+3.11"), Of(Tier.Upgrade, checks: 7),
            Of(Tier.Backup, TierStatus.Unverified, 2) with { Reason = "the archive of `pg` holds only backup.sql, and nothing that was written is in it", Mend = "give recipe.yaml a `seed`, so that there is something to look for" },
            Of(Tier.Restore, TierStatus.Fail, 3) with
            {
                Reason = "a deleted item did not come back: seed-2", Mend = "see what the hook `/pg_backup.sh restore` of db prints", Tail = ["psql: error: connection refused", "restore: nothing to do"],
            },
            Of(Tier.Custom, TierStatus.Skip, 0, null) with { Reason = "declared: it has no interface" },
        ],
        Outcome = "tier-failed", ExitCode = 23,
    };

    public static RecipeRunDocument Over() => Green() with
    {
        CountedByTarget = 3, UpdatesByTarget = 2, BudgetFindings = ["the swarm saw 3 installs, and the run made 2", "the swarm saw 2 updates, and the run made 1"],
        BudgetEvidence = ["10:15:01.2 create notes-1a2b_app", "10:15:41.0 create sneaky_app"], Teardown = "leaked", Left = ["service sneaky_app", "volume notes-1a2b_data"], Outcome = "budget-exceeded", ExitCode = 18,
    };

    public static RecipeRunDocument Weak() => Green() with
    {
        Stages = ["install", "custom"], Base = "1.1.0+3.12", HeadCommit = null, Lane = "faithful", ParityGaps = [],
        Tiers = [Of(Tier.Install, checks: 4), Of(Tier.Custom, checks: 1)], DeployCount = 1, Expected = 1, InPlaceUpdates = 0, ExpectedUpdates = 0, Removes = 0, CountedByTarget = 1, UpdatesByTarget = 0, RemovesByTarget = 0,
        Deps = new DependenciesReport([], ["kv"]), Teardown = "kept", Weakened = ["custom ran 1 check, 1 fewer than the 2 of the last green run"], Warnings = ["compose.yml:3:3: the service `app` has no label `coop-cloud.${STACK_NAME}.version`"],
        Outcome = "tier-failed", ExitCode = 23, Dominant = null, Segments = [],
    };

    public static RecipeRunDocument Broken() => Green() with
    {
        Base = null, Tiers = [], DeployCount = 0, CountedByTarget = 0, InPlaceUpdates = 0, Removes = 0, UpdatesByTarget = 0, RemovesByTarget = 0, Deps = new DependenciesReport([], []), Teardown = "not-run", Expected = 1,
        Segments = [], Dominant = null, ParityGaps = [], BudgetFindings = ["0 installs, and 1 was expected"],
        Fault = new FaultReport("rollout-failed", "the engine cannot be reached", "unix:///var/run/docker.sock", "start dockerd", ["connection refused"]), Outcome = "rollout-failed", ExitCode = 11,
    };

    public static RecipeRunDocument Hostile() => Failed() with
    {
        Recipe = "no\u202etes\u001b[31m|<b>`x`", Head = "1.1.0\n# not a heading", Outcome = "tier-failed",
        Tiers =
        [
            Of(Tier.Install, TierStatus.Fail, 1) with
            {
                Reason = "a \u001b[2J\u0007 ]]> <script> & \"quotes\" | `code` " + new string('x', 300), Mend = "line one\nline two", Tail = ["\u001b]0;title\u0007 red", "\0\u0001", "]]>", new string('y', 500)], Evidence = ["a | b"],
            },
        ],
        Canonical = new CanonicalReport(null, "failed", 1.2, "it did not stand again"), Fresh = "fail", Left = [.. Enumerable.Range(0, 30).Select(i => $"volume v{i}")], Teardown = "leaked",
    };
}
