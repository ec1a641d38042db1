using Laptime.Ledgers;

namespace Laptime.Cli.Rendering;

/// <summary>The governance verdict in one line of words; the behaviour axis brings its own.</summary>
internal static class LedgerWords
{
    public static string Governance(GovernanceReport report)
    {
        var (conflicts, notices) = (report.Findings.Count(static f => f.Weight == FindingWeight.Conflict), report.Findings.Count(static f => f.Weight == FindingWeight.Notice));
        var heaviest = report.Findings.Where(static f => f.Weight == FindingWeight.Conflict).GroupBy(static f => f.Kind).Select(static g => g.Count() == 1 ? $"{g.Key.Meaning} ({g.First().Id})" : $"{g.Key.Meaning} ({g.Count()} times)");
        return conflicts > 0 ? string.Join("; ", heaviest) + (notices > 0 ? $"; and {Count(notices, "notice")}" : "") : notices > 0 ? $"nothing to decide; {Count(notices, "notice")}" : "every identifier has one owner, and the records fit";
    }

    /// <summary>What the policy refuses, in a clause.</summary>
    public static string Refused(BehaviourReport report) => string.Join(", ", report.Findings.Where(static f => f.Weight == FindingWeight.Conflict).Select(static f => $"{f.Id} ({f.Verdict})").Take(5));

    public static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";
}
