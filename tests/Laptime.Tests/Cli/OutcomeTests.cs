using Laptime.Foundations;

namespace Laptime.Tests.Cli;

public sealed class OutcomeTests
{
    /// <summary>Section 3 of the contract, as it stands there.</summary>
    private static readonly (int Code, string Name)[] Contract =
    [
        (1, "internal-error"), (2, "usage-error"), (3, "has-changes"), (10, "build-failed"), (11, "rollout-failed"), (12, "readiness-timeout"), (13, "not-live"), (14, "smoke-failed"),
        (15, "not-reflected"), (16, "regression"), (17, "inconclusive"), (18, "budget-exceeded"), (19, "ledger-conflict"), (20, "locked"), (21, "guardrail-refused"),
        (22, "rollback-failed"), (23, "tier-failed"), (24, "gate-failed"), (25, "never-listened"), (26, "flapping"), (130, "interrupted"), (143, "interrupted"),
    ];

    [Fact]
    public void Exit_codes_and_their_names_are_the_contracts() =>
        Assert.Equal(Contract, Outcome.All.Where(o => o.ExitCode != 0).Select(o => (o.ExitCode, o.Name)).Order());

    [Fact]
    public void What_went_well_is_zero_under_its_own_name() =>
        Assert.Equal(["bootstrapped", "built", "ok", "planned", "published", "reflected", "rolled-back", "stopped", "unchanged"], Outcome.All.Where(o => o.ExitCode == 0).Select(o => o.Name).Order());

    [Fact]
    public void The_table_holds_every_outcome_there_is_and_each_says_what_it_means()
    {
        var made = typeof(Outcome).GetFields(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Static).Where(f => f.FieldType == typeof(Outcome)).Select(f => f.GetValue(null));
        Assert.Equal(made, Outcome.All);
        Assert.All(Outcome.All, o => Assert.NotEmpty(o.Meaning));
    }
}
