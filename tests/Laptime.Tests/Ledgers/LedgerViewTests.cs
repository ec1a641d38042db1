using System.Text.Json.Nodes;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Ledgers.Governance;
using Laptime.Workspaces;

namespace Laptime.Tests.Ledgers;

/// <summary>Two axes: each verdict comes out as it went in, whatever the other one is.</summary>
public sealed class LedgerViewTests
{
    private static readonly Terminal Plain = new(ProgressMode.Quiet, Json: false, Color: false, ErrorColor: false, Unicode: false, Width: 200, Height: 40);

    private static readonly GovernanceReport[] Governances =
    [
        new([]),
        new([new LedgerFinding { Kind = FindingKind.OwnerUnknown, Weight = FindingWeight.Notice, Id = "db", What = "nobody is named", Mend = "name them" }]),
        new([new LedgerFinding { Kind = FindingKind.DuplicateId, Id = "0042", What = "0042 is taken twice", Owner = "a.sql: first", Records = "ledger has 0042", Mend = "renumber b.sql" }]),
        new([new LedgerFinding { Kind = FindingKind.Phantom, Id = "0042", What = "it never ran", Mend = "look first" }, new LedgerFinding { Kind = FindingKind.Partial, Id = "0043", What = "half", Mend = "look" }]),
    ];

    private static readonly BehaviourReport[] Behaviours =
    [
        BehaviourReport.NotLooked,
        new("unaffected", "run twice, nothing differs", []),
        new("affected", "the second run counts up", [new BehaviourFinding { Id = "0042", File = "db/0042_a.sql", Verdict = "not-idempotent", Weight = FindingWeight.Conflict, What = "n = n + 1", Evidence = ["content of users differs"] }]),
        new("unknown", "no scratch database could be made", [new BehaviourFinding { Id = "0043", File = "db/0043_b.sql", Verdict = "not-observed", What = "f was not called", Evidence = ["window of 3 days"] }]),
    ];

    public static TheoryData<int, int> Combinations
    {
        get
        {
            var all = new TheoryData<int, int>();
            for (var g = 0; g < Governances.Length; g++)
            {
                for (var b = 0; b < Behaviours.Length; b++)
                {
                    all.Add(g, b);
                }
            }

            return all;
        }
    }

    private static LedgerReading Reading(GovernanceReport governance, BehaviourReport behaviour) => new()
    {
        Settings = new LedgerSettings("main", "dbmate", "db", null), Governance = governance, Behaviour = behaviour, DatabaseWords = "none", MergeWords = "this is main",
        State = new LedgerState { Tool = LedgerTools.Named("dbmate"), Folder = "db", Here = MigrationSet.Empty },
    };

    [Theory, MemberData(nameof(Combinations))]
    public void Every_combination_of_the_two_appears_unchanged_on_the_terminal(int g, int b)
    {
        var (governance, behaviour) = (Governances[g], Behaviours[b]);
        var lines = LedgerView.Check([Reading(governance, behaviour)], Plain).Split('\n');
        var first = Assert.Single(lines, l => l.StartsWith("  governance  ", StringComparison.Ordinal));
        var second = Assert.Single(lines, l => l.StartsWith("  behaviour   ", StringComparison.Ordinal));
        Assert.Equal(Array.IndexOf(lines, first) + 1, Array.IndexOf(lines, second));
        Assert.Contains($" {governance.Verdict} ", first, StringComparison.Ordinal);
        Assert.EndsWith(LedgerWords.Governance(governance), first, StringComparison.Ordinal);
        Assert.Contains($" {behaviour.Verdict} ", second, StringComparison.Ordinal);
        Assert.EndsWith(behaviour.What, second, StringComparison.Ordinal);
        // The line of one axis is the same whatever the other one says.
        Assert.All(Behaviours, other => Assert.Contains(first, LedgerView.Check([Reading(governance, other)], Plain).Split('\n')));
        Assert.All(Governances, other => Assert.Contains(second, LedgerView.Check([Reading(other, behaviour)], Plain).Split('\n')));
        Assert.All(governance.Findings, f => Assert.Contains(lines, l => l.EndsWith($"governance: {f.Kind} {f.Id}", StringComparison.Ordinal)));
        Assert.All(behaviour.Findings, f => Assert.Contains(lines, l => l.EndsWith($"behaviour: {f.Verdict} {f.Id}", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_policy_changes_weights_and_no_verdict()
    {
        var grave = new BehaviourFinding { Id = "0042", File = "db/0042_a.sql", Verdict = "not-idempotent", Grave = true, What = "n = n + 1" };
        var report = new BehaviourReport("affected", "1 body is not idempotent", [grave, grave with { Id = "0043", Verdict = "called", Grave = false }]);
        var (warned, refused) = (report.Under(BehaviourPolicy.Warn), report.Under(BehaviourPolicy.Refuse));
        Assert.False(warned.Refuses);
        Assert.True(refused.Refuses);
        Assert.Equal([FindingWeight.Conflict, FindingWeight.Notice], refused.Findings.Select(f => f.Weight));
        Assert.Equal((report.Verdict, report.What), (refused.Verdict, refused.What));
        foreach (var governance in Governances)
        {
            string[] axes = [.. LedgerView.Check([Reading(governance, warned)], Plain).Split('\n').Where(l => l.StartsWith("  governance  ", StringComparison.Ordinal) || l.StartsWith("  behaviour   ", StringComparison.Ordinal))];
            var lines = LedgerView.Check([Reading(governance, refused)], Plain).Split('\n');
            Assert.All(axes, a => Assert.Contains(a, lines));
            Assert.Single(lines, l => l.Contains("refused by `behaviour: refuse`: 0042 (not-idempotent)", StringComparison.Ordinal));
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Every_combination_of_the_two_appears_unchanged_in_the_document(int g, int b)
    {
        var (governance, behaviour) = (Governances[g], Behaviours[b]);
        var document = JsonNode.Parse(LedgerDocuments.Check([Reading(governance, behaviour)], governance.IsClean ? Outcome.Ok : Outcome.LedgerConflict))!;
        Assert.Equal((governance.Verdict, behaviour.Verdict), ((string?)document["ledgers"]![0]!["governance"]!["verdict"], (string?)document["ledgers"]![0]!["behaviour"]!["verdict"]));
        Assert.Equal(behaviour.What, (string?)document["ledgers"]![0]!["behaviour"]!["what"]);
        Assert.Equal(governance.Findings.Select(f => f.What), document["governance"]!.AsArray().Select(f => (string)f!["what"]!));
        Assert.Equal(behaviour.Findings.Select(f => f.What), document["behaviour"]!.AsArray().Select(f => (string)f!["what"]!));
        // Behaviour alone never makes a conflict of the ledger, and never unmakes one.
        Assert.Equal(governance.IsClean ? 0 : 19, (int)document["exitCode"]!);
    }
}
