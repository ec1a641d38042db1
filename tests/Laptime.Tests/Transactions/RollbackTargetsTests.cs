using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Targets;
using Laptime.Tests.Planning;
using Laptime.Transactions;
using Laptime.Workspaces;
using TemplateScope = Laptime.Transactions.TemplateScope;

namespace Laptime.Tests.Transactions;

public sealed class RollbackTargetsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static DeployedRecord Record(string component, int artifact, string? transaction = null) => new()
    {
        Component = component, Artifact = Digest.Of($"{artifact}"), Fingerprint = Digest.Of($"f{artifact}"), DeploymentKey = Digest.Of($"k{artifact}"), Revision = $"{component}@{artifact}",
        Transaction = transaction ?? $"tx-20261121-11030{artifact}-000000", At = Given.Then,
    };

    private static Observed Runs(string component, int artifact, bool serving = true) => new() { Component = component, Artifact = Digest.Of($"{artifact}"), Serving = serving };

    private Task<IReadOnlyDictionary<string, DeployedRecord>> FindAsync(string? to, string[]? selected, Observed[] observed, params DeployedRecord[] newestFirst) =>
        FindAsync(Again(), to, selected, observed, _ => true, static _ => { }, newestFirst);

    /// <summary>What the target kept of these can be had.</summary>
    private static DeployedAgain Again(params DeployedRecord[] records) => new(records.ToDictionary(r => (r.Component, r.Stack), _ => (string?)null));

    private Task<IReadOnlyDictionary<string, DeployedRecord>> FindAsync(
        string? to, string[]? selected, Observed[] observed, Func<DeployedRecord, bool> holds, Action<string> pass, params DeployedRecord[] newestFirst) =>
        FindAsync(Again(), to, selected, observed, holds, pass, newestFirst);

    private Task<IReadOnlyDictionary<string, DeployedRecord>> FindAsync(
        DeployedAgain again, string? to, string[]? selected, Observed[] observed, Func<DeployedRecord, bool> holds, Action<string> pass, params DeployedRecord[] newestFirst)
    {
        var workspace = Given.Workspace(Given.Component("a"), Given.Component("b"), Given.Component("lib", runs: false));
        var scope = new DeployScope(workspace, Given.Local, null, new TemplateScope(workspace, Given.Local, null, _ => null), new WorkspaceFolder(folder));
        return RollbackTargets.FindAsync(
            scope, newestFirst.GroupBy(r => r.Component).ToDictionary(g => g.Key, g => (IReadOnlyList<DeployedRecord>)[.. g]), selected?.ToHashSet(), to, observed, again, anySchema: false,
            (record, _) => Task.FromResult((holds(record), $"{record.Revision} is missing")), pass, TestContext.Current.CancellationToken);
    }

    private static string[] Revisions(IReadOnlyDictionary<string, DeployedRecord> targets) => [.. targets.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key} {t.Value.Revision}")];

    [Fact]
    public void Run_settings_that_were_others_are_named_and_a_record_without_them_says_nothing()
    {
        var then = Record("a", 1) with { RunSettings = new Dictionary<string, string> { ["port"] = "1", ["env.A"] = "x", ["stack.deploy"] = "d" } };
        var now = new Dictionary<string, string> { ["port"] = "1", ["env.B"] = "x", ["stack.deploy"] = "e" };
        Assert.Equal(["env.A", "env.B", "stack.deploy"], DeployedAgain.ChangedSettings(then, now));
        Assert.Empty(DeployedAgain.ChangedSettings(then, then.RunSettings));
        Assert.Empty(DeployedAgain.ChangedSettings(Record("a", 1), now));
        var lost = new DeployedAgain(new Dictionary<(string, Digest), string?> { [("a", Digest.Of("s"))] = "it was pruned" });
        Assert.Contains("(it was pruned): env.A, env.B, stack.deploy", lost.Warning(then with { Stack = Digest.Of("s") }, now), StringComparison.Ordinal);
        Assert.Contains("with it: env.A", lost.Warning(then, now), StringComparison.Ordinal);
        Assert.Null(lost.Warning(then, then.RunSettings));
    }

    [Fact]
    public async Task A_deployment_whose_settings_are_kept_is_gone_back_to_also_where_only_they_differ()
    {
        var (old, now) = (Record("a", 1) with { Stack = Digest.Of("s1"), DeploymentKey = Digest.Of("old"), Transaction = "tx-20261121-110302-000000" }, Record("a", 1) with { Stack = Digest.Of("s2"), Transaction = "tx-20261121-110303-000000" });
        Observed[] runs = [Runs("a", 1) with { DeploymentKey = now.DeploymentKey }];
        var before = Record("a", 2) with { Transaction = "tx-20261121-110301-000000" };
        async Task<DeployedRecord> ToAsync(DeployedAgain again, string? to) => (await FindAsync(again, to, ["a"], runs, _ => true, static _ => { }, now, old, before))["a"];
        Assert.Equal(old, await ToAsync(Again(old, now), null));
        Assert.Equal(old, await ToAsync(Again(old, now), old.Transaction));
        // Without them there is nothing in it that does not run already.
        Assert.Equal(before, await ToAsync(Again(), null));
        await Assert.ThrowsAsync<LapException>(() => ToAsync(Again(), old.Transaction));
    }

    [Fact]
    public void Its_settings_come_back_with_it_or_those_of_the_files_stay()
    {
        var record = Record("a", 1) with { Stack = Digest.Of("s"), RunSettings = new Dictionary<string, string> { ["env.A"] = "x" } };
        var now = new Dictionary<string, string> { ["env.A"] = "y" };
        var planned = new PlannedComponent { Name = "a", Action = ActionKind.Rollout, Cause = Cause.Forced, Fingerprint = Given.Fingerprint("a"), Artifact = record.Artifact };
        var back = Again(record).Plan(planned, record, now);
        Assert.Equal((record, record.DeploymentKey), (back.Again, back.DeploymentKey));
        Assert.Contains(back.Detail, d => d.Contains("run settings of then", StringComparison.Ordinal) && d.Contains("env.A", StringComparison.Ordinal));
        Assert.Null(Again(record).Warning(record, now));
        var without = Again().Plan(planned, record, now);
        Assert.Equal((null, DeploymentKey.Of(record.Artifact, now)), (without.Again, without.DeploymentKey));
    }

    [Fact]
    public async Task A_record_that_does_not_hold_is_passed_over_for_the_one_before_and_told()
    {
        var told = new List<string>();
        Assert.Equal(["a a@1"], Revisions(await FindAsync(null, null, [Runs("a", 3)], r => r.Artifact != Digest.Of("2"), told.Add, Record("a", 3), Record("a", 2), Record("a", 1))));
        Assert.Equal(["passed over: a@2 is missing"], told);
    }

    [Fact]
    public async Task Where_none_holds_it_is_a_failed_rollback_that_says_what_serves()
    {
        var fault = (await Assert.ThrowsAsync<FaultException>(() => FindAsync(null, null, [Runs("a", 3) with { Revision = "a@3" }], _ => false, static _ => { }, Record("a", 3), Record("a", 2), Record("a", 1)))).Fault;
        Assert.Equal(Outcome.RollbackFailed, fault.Outcome);
        Assert.Contains("a@2 is missing; a@1 is missing; what serves now goes on serving (a@3)", fault.What, StringComparison.Ordinal);
        Assert.Equal(Outcome.RollbackFailed, (await Assert.ThrowsAsync<FaultException>(() => FindAsync(
            "tx-20261121-110302-000000", ["a"], [Runs("a", 3)], _ => false, static _ => { }, Record("a", 3), Record("a", 2), Record("a", 1)))).Fault.Outcome);
    }

    [Fact]
    public async Task Without_a_transaction_it_is_the_newest_verified_artifact_that_does_not_run_now()
    {
        var targets = await FindAsync(null, null, [Runs("a", 3), Runs("b", 1)], Record("a", 3), Record("a", 2), Record("a", 1), Record("b", 1));
        Assert.Equal(["a a@2"], Revisions(targets));
        Assert.Equal((Digest.Of("2"), Digest.Of("f2"), "tx-20261121-110302-000000"), (targets["a"].Artifact, targets["a"].Fingerprint, targets["a"].Transaction));
    }

    [Fact]
    public async Task What_drifted_goes_back_to_what_was_verified_last() =>
        Assert.Equal(["a a@3"], Revisions(await FindAsync(null, null, [Runs("a", 9)], Record("a", 3), Record("a", 2))));

    [Fact]
    public async Task With_the_same_artifact_under_other_settings_it_goes_further_back() =>
        Assert.Equal(["a a@1"], Revisions(await FindAsync(null, null, [Runs("a", 3)], Record("a", 3), Record("a", 3, "tx-20261121-110302-000000"), Record("a", 1))));

    [Fact]
    public async Task Where_nothing_runs_it_is_the_one_before_the_last() =>
        Assert.Equal(["a a@2"], Revisions(await FindAsync(null, null, [], Record("a", 3), Record("a", 2))));

    [Fact]
    public async Task To_a_transaction_it_is_what_stood_after_it_for_every_component() => Assert.Equal(
        ["a a@1", "b b@2"],
        Revisions(await FindAsync("tx-20261121-110302-000000", null, [Runs("a", 3), Runs("b", 4)], Record("a", 3), Record("a", 1), Record("b", 4), Record("b", 2), Record("b", 1))));

    [Fact]
    public async Task To_a_transaction_of_the_same_second_is_to_that_very_one() => Assert.Equal(
        ["a a@1"],
        Revisions(await FindAsync("tx-20261121-110301-ffffff", ["a"], [Runs("a", 3)], Record("a", 3, "tx-20261121-110309-000000"), Record("a", 2, "tx-20261121-110301-111111"), Record("a", 1, "tx-20261121-110301-ffffff"))));

    [Fact]
    public async Task What_serves_already_is_left_alone_and_what_is_dead_is_not()
    {
        await Assert.ThrowsAsync<LapException>(() => FindAsync("tx-20261121-110303-000000", null, [Runs("a", 3)], Record("a", 3)));
        Assert.Equal(["a a@3"], Revisions(await FindAsync("tx-20261121-110303-000000", ["a"], [Runs("a", 3, serving: false)], Record("a", 3))));
    }

    [Fact]
    public async Task What_was_asked_for_by_name_and_has_nothing_to_go_back_to_is_told_with_what_is_known()
    {
        var mistake = await Assert.ThrowsAsync<LapException>(() => FindAsync(null, ["a", "b"], [Runs("a", 3)], Record("a", 3)));
        Assert.Equal(["a has no verified artifact before the present one", "b has no verified artifact before the present one"], mistake.Problems.Select(p => p.What));
        Assert.Contains("a@3 (tx-20261121-110303-000000)", mistake.Problems[0].Mend, StringComparison.Ordinal);
        Assert.Equal("it was never deployed here", mistake.Problems[1].Mend);
        Assert.Contains("or before", (await Assert.ThrowsAsync<LapException>(() => FindAsync("tx-20261121-110301-000000", ["a"], [Runs("a", 3)], Record("a", 3)))).Problems[0].What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_at_all_to_go_back_to_is_said() =>
        Assert.Contains("nothing to roll back to", (await Assert.ThrowsAsync<LapException>(() => FindAsync(null, null, [Runs("a", 3)], Record("a", 3)))).Problems.Single().What, StringComparison.Ordinal);
}
