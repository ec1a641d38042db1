using System.Globalization;
using System.Text;
using Laptime.Foundations;
using Laptime.Recipes;

namespace Laptime.Reports;

/// <summary>One run of a recipe's tiers as a page: for the run's folder, a pull request, a wiki. The same document always gives the same page.</summary>
public static class RecipeMarkdown
{
    public static string Render(RecipeRunDocument run)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"# {(run.ExitCode == 0 ? "✓" : "✗")} {MarkdownText.Prose(RecipeSentences.Title(run))}\n\n");
        page.Append(CultureInfo.InvariantCulture, $"{RecipeSentences.Verdict(run)} in {Duration.Text(run.Seconds)}: **{MarkdownText.Prose(run.Outcome)}** (exit {run.ExitCode}).");
        page.Append(RecipeSentences.Dominant(run) is { } dominant ? $" {MarkdownText.Prose(dominant)}{(run.Dominant!.Tier is { } at ? $" ({MarkdownText.Prose(at)})" : "")}.\n" : "\n");
        if (run.Fault is { } fault)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## What ended the run\n\n{MarkdownText.Prose(fault.Outcome)}: {MarkdownText.Prose(fault.What)}\n");
            Facts(page, fault.Where, fault.Mend, fault.Tail);
        }

        Tiers(page, run);
        Budget(page, run);
        foreach (var tier in run.Tiers.Where(RecipeSentences.IsTold))
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {Weakened.Word(tier.Tier)}: {Weakened.Word(tier.Status)}\n\n{MarkdownText.Prose(tier.Reason ?? "no reason was told")}\n");
            Facts(page, null, tier.Mend, tier.Tail);
        }

        List(page, "Weakened", run.Weakened, run.ComparedWith is { } with ? $"Compared with the last green run, {MarkdownText.Code(with, inTable: false)}:" : null);
        List(page, "Warnings", run.Warnings, null);
        List(page, "What this lane does otherwise", run.ParityGaps, null);
        Evidence(page, run);
        Time(page, run);
        page.Append(CultureInfo.InvariantCulture, $"\n---\n\nRun {MarkdownText.Code(run.Id, inTable: false)} of {MarkdownText.Code(run.Source, inTable: false)}, {run.Started.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z");
        page.Append(run.HeadCommit is { } commit ? $", head {MarkdownText.Code(commit, inTable: false)}.\n" : ", head with files that are not committed.\n");
        return page.ToString();
    }

    private static void Tiers(StringBuilder page, RecipeRunDocument run)
    {
        page.Append("\n| tier | status | verified version | checks | operation | wait | assert |\n| --- | --- | --- | ---: | ---: | ---: | ---: |\n");
        foreach (var tier in run.Tiers)
        {
            page.Append(CultureInfo.InvariantCulture,
                $"| {Weakened.Word(tier.Tier)} | {Weakened.Word(tier.Status)} | {(tier.VerifiedVersion is { } version ? MarkdownText.Code(version) : "not read")} | {tier.Checks} | {Duration.Text(tier.OperationSeconds)} | {Duration.Text(tier.WaitSeconds)} | {Duration.Text(tier.AssertSeconds)} |\n");
        }

        foreach (var missing in run.Stages.Where(s => run.Tiers.All(t => Weakened.Word(t.Tier) != s)))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {MarkdownText.Prose(missing)} | did not run | not read | 0 | | | |\n");
        }
    }

    private static void Budget(StringBuilder page, RecipeRunDocument run)
    {
        page.Append("\n## Budget\n\n");
        page.Append(CultureInfo.InvariantCulture, $"- {RecipeSentences.DeployCount(run)}: {MarkdownText.Prose(RecipeSentences.Formula(run))}\n");
        page.Append(CultureInfo.InvariantCulture, $"- {RecipeSentences.Updates(run)}, removes = {run.Removes}\n- {MarkdownText.Prose(RecipeSentences.ByTarget(run))}\n");
        foreach (var line in (ReadOnlySpan<string>)[RecipeSentences.Deployed(run), RecipeSentences.Warm(run), RecipeSentences.Teardown(run), RecipeSentences.Fresh(run)])
        {
            page.Append(CultureInfo.InvariantCulture, $"- {MarkdownText.Code(line, inTable: false)}\n");
        }

        foreach (var finding in run.BudgetFindings)
        {
            page.Append(CultureInfo.InvariantCulture, $"- **over or under**: {MarkdownText.Prose(finding)}\n");
        }

        foreach (var left in run.Left)
        {
            page.Append(CultureInfo.InvariantCulture, $"- left behind: {MarkdownText.Code(left, inTable: false)}\n");
        }

        if (run.Canonical is { } canonical)
        {
            page.Append(CultureInfo.InvariantCulture, $"- outside of the budget, the canonical deployment was {MarkdownText.Prose(canonical.Action)}{(canonical.Version is { } version ? $" at {MarkdownText.Code(version, inTable: false)}" : "")} in {Duration.Text(canonical.Seconds)}{(canonical.Reason is { } reason ? $": {MarkdownText.Prose(reason)}" : "")}\n");
        }

        if (run.BudgetEvidence.Count > 0)
        {
            page.Append('\n').Append(MarkdownText.Fence(run.BudgetEvidence));
        }
    }

    private static void Evidence(StringBuilder page, RecipeRunDocument run)
    {
        if (run.Tiers.All(t => t.Evidence.Count == 0 && t.Skipped.Count == 0))
        {
            return;
        }

        page.Append("\n## Evidence\n");
        foreach (var tier in run.Tiers.Where(t => t.Evidence.Count > 0 || t.Skipped.Count > 0))
        {
            page.Append(CultureInfo.InvariantCulture, $"\n{Weakened.Word(tier.Tier)}\n\n");
            foreach (var seen in tier.Evidence)
            {
                page.Append(CultureInfo.InvariantCulture, $"- {MarkdownText.Prose(seen)}\n");
            }

            foreach (var skipped in tier.Skipped)
            {
                page.Append(CultureInfo.InvariantCulture, $"- skipped: {MarkdownText.Prose(skipped)}\n");
            }
        }
    }

    private static void Time(StringBuilder page, RecipeRunDocument run)
    {
        var parents = run.Segments.Select(s => s.Parent).OfType<int>().ToHashSet();
        var all = run.Segments.Where(s => s.Seconds is not null && !parents.Contains(s.Id)).GroupBy(s => s.Name, StringComparer.Ordinal)
            .Select(g => (Name: g.Key, Seconds: g.Sum(s => s.Seconds!.Value), Count: g.Count())).OrderByDescending(g => g.Seconds).ThenBy(g => g.Name, StringComparer.Ordinal).ToList();
        if (all.Count == 0)
        {
            return;
        }

        page.Append("\n## Where the time went\n\n| segment | all in all | times |\n| --- | ---: | ---: |\n");
        foreach (var (name, seconds, count) in all)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {MarkdownText.Prose(name)} | {Duration.Text(seconds)} | {count} |\n");
        }
    }

    private static void Facts(StringBuilder page, string? where, string? mend, IReadOnlyList<string> tail)
    {
        page.Append(where is null ? "" : $"\nWhere: {MarkdownText.Prose(where)}\n");
        page.Append(mend is null ? "" : $"\nMend: {MarkdownText.Prose(mend)}\n");
        if (tail.Count > 0)
        {
            page.Append('\n').Append(MarkdownText.Fence(tail));
        }
    }

    private static void List(StringBuilder page, string title, IReadOnlyList<string> lines, string? lead)
    {
        if (lines.Count > 0)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n{(lead is null ? "" : lead + "\n\n")}").AppendJoin('\n', lines.Select(l => "- " + MarkdownText.Prose(l))).Append('\n');
        }
    }
}
