using Laptime.Measurement;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Reports;

/// <summary>
/// What makes two ordinary transactions comparable: the same verb did the same to the same components, in the same environment, loop and profile. How they
/// were triggered is left out on purpose: idle waiting is not part of what is compared, and a save and a commit of the same change take the same way.
/// </summary>
public sealed record TransactionScenario(string Verb, string Environment, string Loop, string? Profile, string Actions)
{
    /// <summary>Null for what measures nothing: failed, killed and running transactions, and plans.</summary>
    public static TransactionScenario? Of(TransactionDocument document)
    {
        if (document is not { ExitCode: 0, Interval.Seconds: not null } || document.Outcome == "planned")
        {
            return null;
        }

        var acted = document.Components.Where(c => c.Action != "skip").GroupBy(c => c.Action, c => c.Name).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => $"{g.Key} {string.Join('+', g.Order(StringComparer.Ordinal))}").ToList();
        return new TransactionScenario(document.Verb, document.Environment, document.Loop, document.Profile, acted.Count == 0 ? "nothing to do" : string.Join(", ", acted));
    }

    /// <summary>"build+rollout gateway", "rollback: rollout web": what `--scenario` takes.</summary>
    public string Text => Verb == "deploy" ? Actions : $"{Verb}: {Actions}";

    public bool Acts => Actions != "nothing to do";
}

/// <param name="Name">As <see cref="SegmentName.Bare"/> says it.</param>
/// <param name="Values">Seconds in each transaction, oldest first; null where there was no such segment.</param>
/// <param name="Median">Of those that had it.</param>
/// <param name="Last">In the newest transaction; null when it had none.</param>
/// <param name="Share">Median of what it took of the critical path, of the interval without idle waiting: 0 to 1.</param>
/// <param name="Dominant">In how many of the transactions it was the dominant segment.</param>
public sealed record SegmentRow(string Name, string? Component, string? Kind, IReadOnlyList<double?> Values, double Median, double? Last, double Share, int Dominant);

/// <summary>The last transactions of one scenario, segment by segment: what is slow, and whether it is getting slower. Pure.</summary>
/// <param name="Transactions">Oldest first.</param>
/// <param name="Of">How many of this scenario were found in all.</param>
/// <param name="Interval">Without idle waiting.</param>
/// <param name="ArtifactPublish">From the interval's start to the artifact, as recorded; idle waiting is part of it.</param>
/// <param name="Rows">Those with the largest share first.</param>
/// <param name="Others">Other scenarios that were found, the most frequent first.</param>
public sealed record SegmentHistory(
    TransactionScenario Scenario, IReadOnlyList<TransactionDocument> Transactions, int Of, SegmentRow Interval, SegmentRow ArtifactPublish, SegmentRow Rollout,
    IReadOnlyList<SegmentRow> Rows, IReadOnlyList<(TransactionScenario Scenario, int Count)> Others)
{
    /// <param name="newest">Transactions, the newest first.</param>
    /// <param name="asked">A scenario's text or a part of it that is unique; null: that of the newest transaction that did something.</param>
    /// <param name="most">How many of the newest count.</param>
    /// <returns>Null when no transaction measures anything.</returns>
    /// <exception cref="Foundations.LapException">No scenario, or more than one, is what was asked for.</exception>
    public static SegmentHistory? Make(IReadOnlyList<TransactionDocument> newest, string? asked, int most)
    {
        var measured = newest.Select(t => (Transaction: t, Scenario: TransactionScenario.Of(t))).Where(m => m.Scenario is not null).ToList();
        if (measured.Count == 0)
        {
            return null;
        }

        var counts = measured.GroupBy(m => m.Scenario!).Select(g => (Scenario: g.Key, Count: g.Count())).OrderByDescending(g => g.Count).ToList();
        var scenario = asked is null ? measured.Find(m => m.Scenario!.Acts).Scenario ?? measured[0].Scenario! : Chosen(asked, counts);
        var all = measured.Where(m => m.Scenario == scenario).Select(m => m.Transaction).ToList();
        var shown = all.Take(most).Reverse().ToList();
        var runs = shown.ConvertAll(t => MeasuredRun.Of(t)!);
        return new SegmentHistory(
            scenario, shown, all.Count, Whole("interval", [.. runs.Select(r => (double?)r.Interval)]),
            Whole("until the artifact", [.. shown.Select(t => t.Interval!.ArtifactPublishSeconds)]), Whole("rollout time", [.. shown.Select(t => t.Interval!.RolloutSeconds)]),
            Segments(shown, runs), [.. counts.Where(c => c.Scenario != scenario)]);
    }

    private static TransactionScenario Chosen(string asked, IReadOnlyList<(TransactionScenario Scenario, int Count)> counts)
    {
        var found = counts.Where(c => c.Scenario.Text.Equals(asked, StringComparison.OrdinalIgnoreCase)).ToList();
        if (found.Count == 0)
        {
            found = [.. counts.Where(c => c.Scenario.Text.Contains(asked, StringComparison.OrdinalIgnoreCase))];
        }

        return found switch
        {
            [var one] => one.Scenario,
            [] => throw new Foundations.LapException(
                $"no scenario of this history is called `{asked}`", null, "one of: " + string.Join("; ", counts.Take(8).Select(c => $"\"{c.Scenario.Text}\" ({c.Count})"))),
            _ => throw new Foundations.LapException(
                $"`{asked}` means {found.Count} scenarios", null,
                "one of: " + string.Join("; ", found.Take(8).Select(c => $"\"{c.Scenario.Text}\" in {c.Scenario.Environment} ({c.Scenario.Loop}, {c.Scenario.Profile ?? "no profile"})"))
                + "; --env chooses the environment"),
        };
    }

    private static SegmentRow Whole(string name, IReadOnlyList<double?> values) =>
        new(name, null, null, values, new Samples(values.OfType<double>()).Median, values[^1], 0, 0);

    private static IReadOnlyList<SegmentRow> Segments(List<TransactionDocument> transactions, List<MeasuredRun> runs)
    {
        // The report names it as people say it; which kind of look-up or wait it was stands in the segment itself.
        var dominant = transactions.ConvertAll(t => t.Dominant is { } d
            && t.Segments.FirstOrDefault(s => s.CriticalPath && s.Name == d.Segment && s.Component == d.Component && s.Seconds == d.Seconds) is { } segment
                ? (SegmentName.Bare(segment.Name, segment.Kind), segment.Component) : default);
        var keys = runs.SelectMany(r => r.Segments).Select(Key).Distinct().ToList();
        return
        [
            .. keys.Select(key =>
            {
                var own = runs.ConvertAll(r => r.Segments.Where(s => Key(s) == key).ToList());
                double?[] values = [.. own.Select(o => o.Count == 0 ? null : (double?)o.Sum(s => s.Seconds))];
                var shares = own.Select((o, i) => runs[i].Interval > 0 ? o.Where(s => s.OnPath).Sum(s => s.Seconds) / runs[i].Interval : 0);
                return new SegmentRow(
                    key.Name, key.Component, own.First(o => o.Count > 0)[0].Kind, values, new Samples(values.OfType<double>()).Median, values[^1],
                    Math.Min(1, new Samples(shares).Median), dominant.Count(d => d == key));
            }).OrderByDescending(r => r.Share).ThenByDescending(r => r.Median).ThenBy(r => r.Name, StringComparer.Ordinal),
        ];

        static (string Name, string? Component) Key(MeasuredSegment s) => (SegmentName.Bare(s.Name, s.Kind), s.Component);
    }
}
