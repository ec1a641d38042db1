using System.Globalization;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>What recorded evidence says of an item.</summary>
public enum ChecklistStatus
{
    Met,
    NotMet,

    /// <summary>Nothing was recorded that could tell.</summary>
    NoEvidence,
}

/// <param name="Id">1 to 10.</param>
/// <param name="Text">As the paper has it.</param>
/// <param name="What">In a sentence.</param>
/// <param name="Evidence">Where it is recorded: report files, commands that show the record.</param>
public sealed record ChecklistItem(int Id, string Text, ChecklistStatus Status, string What, IReadOnlyList<string> Evidence);

/// <summary>What was recorded of an environment.</summary>
/// <param name="History">Its transactions, the newest first, without those of measurements.</param>
/// <param name="Elsewhere">Those of the other environments.</param>
public sealed record ChecklistFacts(
    Workspace Workspace, DeployEnvironment Environment, IReadOnlyList<TransactionDocument> History, IReadOnlyList<TransactionDocument> Elsewhere, IReadOnlyList<Baseline> Baselines, IReadOnlyList<Experiment> Experiments);

/// <summary>
/// The verification checklist of "The deploy loop has hidden costs" (2026), each item evaluated from what was recorded for an environment. Pure: nothing is asked, and nothing is taken on trust.
/// </summary>
public static class Checklist
{
    private static readonly string[] Texts =
    [
        "State the exact interval being optimized (commit → user-visible reflection).",
        "Capture baseline and after-change timings, by segment.",
        "Identify the dominant cost before changing implementation.",
        "Move expensive artifact work earlier only at a trustworthy source event.",
        "Record artifact provenance and immutable digest evidence.",
        "Keep fallback behavior for missing or expired prebuilt artifacts.",
        "Distinguish process liveness, HTTP readiness, and functional smoke.",
        "Keep fast-loop parity gaps explicit and production guardrails intact.",
        "Preserve rollback target and service-status evidence for production changes.",
        "Separate governance cleanup from runtime behavior-impact analysis.",
    ];

    public static IReadOnlyList<ChecklistItem> Of(ChecklistFacts facts)
    {
        var last = facts.History.FirstOrDefault(t => t.ExitCode == 0 && t.Counters.Rollouts > 0);
        return
        [
            Interval(last), Timings(facts), DominantFirst(facts, last), Earlier(last), Provenance(last), Fallback(facts), Signals(facts, last), Gaps(facts, last), Rollback(facts, last), TwoAxes(facts, last),
        ];
    }

    private static ChecklistItem Interval(TransactionDocument? last) => last?.Interval is not { Seconds: { } seconds } interval ? Nothing(1, "nothing was rolled out here yet")
        : interval.To == "reflected" ? Met(1, $"from {interval.From} to {interval.To}: {Duration.Text(TimeSpan.FromSeconds(seconds))}", Report(last))
        : Not(1, $"the interval ended with {interval.To}, which is not what users see", Report(last));

    private static ChecklistItem Timings(ChecklistFacts facts)
    {
        if (facts.Experiments.FirstOrDefault(e => e.Comparison is not null) is { } compared)
        {
            return Met(2, $"the experiment {compared.Name} compares {compared.Before.Label} with {compared.After?.Label ?? "(nothing)"}, by segment", $"lap experiment show {compared.Name}");
        }

        var pairs = facts.Baselines.Where(b => b.IsComplete).GroupBy(b => b.Key).FirstOrDefault(g => g.Count() > 1);
        return pairs is not null ? Met(2, $"{pairs.Count()} baselines of one scenario", [.. pairs.Select(b => $"lap baseline show {b.Name}")])
            : facts.Baselines.FirstOrDefault(b => b.IsComplete) is { } only ? Not(2, $"there is the baseline {only.Name}, and none after it", $"lap baseline show {only.Name}")
            : Nothing(2, "no baseline was recorded: lap baseline record full");
    }

    private static ChecklistItem DominantFirst(ChecklistFacts facts, TransactionDocument? last) =>
        facts.Experiments.FirstOrDefault(e => e.Dominant is not null) is { Dominant: { } first } experiment
            ? Met(3, $"the experiment {experiment.Name} began with {first.Segment}{(first.Component is { } of ? " of " + of : "")}, {Percent(first.Share)} of the interval", $"lap experiment show {experiment.Name}")
            : Nothing(3, last?.Dominant is { } now ? $"the last rollout names {now.Segment} ({Percent(now.Share)}), but no experiment began with that" : "no experiment was started: lap experiment start", last is null ? [] : Report(last));

    private static ChecklistItem Earlier(TransactionDocument? last)
    {
        if (last is null)
        {
            return Nothing(4, "nothing was rolled out here yet");
        }

        var acted = last.Components.Where(c => c.Action != "skip" && c.Artifact is not null).ToList();
        var built = acted.Where(c => c.ArtifactSource == "built").ToList();
        return built.Count > 0 ? Not(4, $"{Names(built)} {(built.Count == 1 ? "was" : "were")} built while somebody waited", Report(last))
            : acted.Where(c => c.Provenance is null).ToList() is { Count: > 0 } untold ? Not(4, $"{Names(untold)} came from a store, and nothing says at which event {(untold.Count == 1 ? "it was" : "they were")} built", Report(last))
            : Met(4, $"built at {string.Join(", ", acted.Select(c => c.Provenance!.Source).Distinct())}, before the rollout", Report(last));
    }

    private static ChecklistItem Provenance(TransactionDocument? last)
    {
        if (last is null)
        {
            return Nothing(5, "nothing was rolled out here yet");
        }

        var without = last.Components.Where(c => c.Action != "skip" && c.Artifact is not null && c.Provenance is null).ToList();
        return without.Count > 0 ? Not(5, $"the digests are recorded; {Names(without)} {(without.Count == 1 ? "has" : "have")} no verified provenance", Report(last)) : Met(5, "every artifact by digest, with verified provenance", Report(last));
    }

    private static ChecklistItem Fallback(ChecklistFacts facts)
    {
        var fell = facts.History.Concat(facts.Elsewhere).FirstOrDefault(t => t.ExitCode == 0 && t.Loop == "fast" && t.Components.Any(c => c.Fallback is not null && c.ArtifactSource == "built"));
        return fell is null ? Nothing(6, "no deploy of a fast loop had to do without a prebuilt artifact yet")
            : Met(6, $"{Names(fell.Components.Where(c => c.Fallback is not null))}: {fell.Components.First(c => c.Fallback is not null).Fallback}, built instead", Report(fell));
    }

    private static ChecklistItem Signals(ChecklistFacts facts, TransactionDocument? last)
    {
        if (last is null)
        {
            return Nothing(7, "nothing was rolled out here yet");
        }

        var poor = last.Components.Where(c => c.Action is not ("skip" or "stop" or "build") && facts.Workspace.Find(c.Name)?.Run is not null)
            .Select(c => (c.Name, Missing: Reports(c.Signals).Where(s => s.Status is "not-defined" or "not-run" or "unknown").Select(s => s.Name).ToList())).Where(c => c.Missing.Count > 0).ToList();
        return poor.Count > 0 ? Not(7, string.Join("; ", poor.Select(p => $"{p.Name}: {string.Join(" and ", p.Missing)} {(p.Missing.Count == 1 ? "was" : "were")} not looked at")), Report(last))
            : Met(7, "live, ready and smoke were looked at one by one", Report(last));
    }

    private static ChecklistItem Gaps(ChecklistFacts facts, TransactionDocument? last)
    {
        var safe = facts.Environment.Loop == Loop.Safe ? last : facts.Elsewhere.FirstOrDefault(t => t is { Loop: "safe", ExitCode: 0, Guardrails: not null });
        if (safe?.Guardrails is not { } guardrails)
        {
            return Nothing(8, "no rollout to an environment of the safe loop was recorded: lap promote");
        }

        var opened = guardrails.Where(g => g.Status is "overridden" or "reported").ToList();
        var gaps = facts.History.Concat(facts.Elsewhere).FirstOrDefault(t => t.Loop == "fast")?.ParityGaps;
        return opened.Count > 0 ? Not(8, $"{string.Join(", ", opened.Select(o => $"{o.Name} was {o.Status}"))} in {safe.Id}", Report(safe))
            : Met(8, $"no guardrail was opened; the fast loop's last report tells {gaps?.Count ?? 0} parity {(gaps?.Count == 1 ? "gap" : "gaps")}", Report(safe));
    }

    private static ChecklistItem Rollback(ChecklistFacts facts, TransactionDocument? last)
    {
        if (facts.Environment.Loop != Loop.Safe)
        {
            return Nothing(9, $"{facts.Environment.Name} is of the fast loop, which looks at no rollback target");
        }

        return last?.Guardrails?.FirstOrDefault(g => g.Name == "rollback") is not { } rollback ? Nothing(9, "nothing was rolled out here under guardrails yet")
            : rollback.Status != "pass" ? Not(9, $"{rollback.Status}: {rollback.What}", Report(last))
            : Met(9, $"{rollback.What}; what served before and after is in the report", [.. rollback.Evidence, .. Report(last)]);
    }

    private static ChecklistItem TwoAxes(ChecklistFacts facts, TransactionDocument? last) =>
        facts.Workspace.Ledgers.Count == 0 ? Nothing(10, "no migration ledger is declared (`ledgers`)")
        : last?.Guardrails?.FirstOrDefault(g => g.Name == "ledger") is { Status: not "not-asked" } ledger
            ? Met(10, $"governance: {ledger.What}; behaviour is told apart from it by `lap ledger check`", [.. Report(last), "lap ledger check"])
            : Nothing(10, "no rollout here asked the ledger's governance yet: lap ledger check shows both axes");

    private static IEnumerable<(string Name, string Status)> Reports(SignalsReport signals) => [("live", signals.Live.Status), ("ready", signals.Ready.Status), ("smoke", signals.Smoke.Status)];

    private static string[] Report(TransactionDocument transaction) => [$".laptime/reports/{transaction.Id}.md"];

    private static string Names(IEnumerable<ComponentReport> components) => string.Join(", ", components.Select(c => c.Name));

    private static string Percent(double share) => (100 * share).ToString("0", CultureInfo.InvariantCulture) + " %";

    private static ChecklistItem Met(int id, string what, params IReadOnlyList<string> evidence) => new(id, Texts[id - 1], ChecklistStatus.Met, what, evidence);

    private static ChecklistItem Not(int id, string what, params IReadOnlyList<string> evidence) => new(id, Texts[id - 1], ChecklistStatus.NotMet, what, evidence);

    private static ChecklistItem Nothing(int id, string what, params IReadOnlyList<string> evidence) => new(id, Texts[id - 1], ChecklistStatus.NoEvidence, what, evidence);
}
