using System.Text.Json;
using Laptime.Foundations;
using Laptime.Recipes;
using Laptime.Reports;

namespace Laptime.Cli.Rendering;

/// <summary>`lap test`: one run on one screen.</summary>
internal static class RecipeView
{
    private const int WidestBar = 24;
    private const int NarrowestBar = 6;
    private const int TailLines = 10;

    public static string Render(RecipeRunDocument run, Terminal terminal)
    {
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(run, RecipeRunJson.Readable.RecipeRunDocument) + "\n";
        }

        var page = new Page(terminal);
        page.Wrapped(run.ExitCode == 0 ? Symbols.Good(terminal) : Symbols.Bad(terminal), new Span($"{RecipeSentences.Title(run, terminal.Unicode ? "→" : "->")}: {(run.ExitCode == 0 ? "" : run.Outcome + ": ")}{RecipeSentences.Verdict(run)} in {Duration.Text(run.Seconds)}", Tone.Strong), 2);
        if (run.Fault is { } fault)
        {
            page.Blank();
            page.Wrapped("  ", new Span($"{fault.Outcome}: {fault.What}", Tone.Bad), 2);
            Detail(page, fault.Where, fault.Mend, fault.Tail);
        }

        page.Blank();
        Tiers(page, run, terminal);
        foreach (var tier in run.Tiers.Where(RecipeSentences.IsTold))
        {
            page.Blank();
            page.Wrapped(Sign(tier.Status, terminal), new Span($"{Weakened.Word(tier.Tier)}: {tier.Reason ?? Weakened.Word(tier.Status)}", Tones(tier.Status) is var tone && tone == Tone.Dim ? Tone.Plain : tone), 2);
            Detail(page, null, tier.Mend, tier.Tail);
        }

        page.Blank();
        if (RecipeSentences.Dominant(run) is { } dominant)
        {
            page.Line("  ", new Span(dominant, Tone.Strong), new Span(run.Dominant!.Tier is { } at ? $" ({at})" : "", Tone.Dim));
        }

        Budget(page, run);
        Sentences(page, "weakened", run.Weakened, Tone.Warn);
        Sentences(page, "warning", run.Warnings, Tone.Warn);
        Sentences(page, "parity", run.ParityGaps, Tone.Dim);
        if (run.Folder is { } folder)
        {
            page.Wrapped(new Span("  logs", Tone.Dim), new Span(folder, Tone.Dim), 12);
        }

        if (run.ExitCode != 0)
        {
            page.Wrapped("  ", new Span($"{run.Outcome} (exit {run.ExitCode})", Tone.Bad), 2);
        }

        return page.ToString();
    }

    private static void Tiers(Page page, RecipeRunDocument run, Terminal terminal)
    {
        var whole = run.Tiers.Select(RecipeSentences.Seconds).DefaultIfEmpty(0).Max();
        var versions = run.Tiers.Select(t => TextWidth.Of(TextWidth.Clean(t.VerifiedVersion ?? ""))).DefaultIfEmpty(0).Max();
        // Sign, name, status, version, checks, time and the gaps between them.
        var room = Math.Clamp(terminal.Width - (1 + 7 + 10 + Math.Max(8, versions) + 6 + 8 + (6 * 2)), 0, WidestBar);
        var (operation, wait, assert) = terminal.Unicode ? ('█', '░', '▒') : ('#', '-', '=');
        var rows = run.Tiers.Select(t => new Span[]
        {
            Sign(t.Status, terminal), Weakened.Word(t.Tier), new(Weakened.Word(t.Status), Tones(t.Status)), t.VerifiedVersion ?? "", $"{t.Checks}", Duration.Text(RecipeSentences.Seconds(t)),
            new(Bar(t), Tone.Accent),
        }).Concat(run.Stages.Where(s => run.Tiers.All(t => Weakened.Word(t.Tier) != s)).Select(s => new Span[] { new("-", Tone.Dim), s, new("did not run", Tone.Warn), "", "", "", "" })).ToList();
        page.Table(
            [new Column(""), new Column("tier"), new Column("status"), new Column("verified", Yields: Yields.Shrinking), new Column("checks", Right: true, Yields: Yields.Late), new Column("took", Right: true), new Column("", Yields: Yields.First)],
            rows);
        if (room >= NarrowestBar && whole > 0)
        {
            page.Line(new Span($"   {operation} operation  {wait} wait  {assert} assert", Tone.Dim));
        }

        string Bar(TierReport tier)
        {
            if (room < NarrowestBar || whole <= 0)
            {
                return "";
            }

            // Rounded as sums, so that the parts of a bar are together as long as the tier.
            int At(double seconds) => (int)Math.Round(seconds / whole * room, MidpointRounding.AwayFromZero);
            var (first, second, third) = (At(tier.OperationSeconds), At(tier.OperationSeconds + tier.WaitSeconds), At(RecipeSentences.Seconds(tier)));
            // What took any time is seen to have taken some.
            return third > 0 ? new string(operation, first) + new string(wait, second - first) + new string(assert, third - second)
                : RecipeSentences.Seconds(tier) <= 0 ? ""
                : (tier.OperationSeconds >= tier.WaitSeconds && tier.OperationSeconds >= tier.AssertSeconds ? operation : tier.WaitSeconds >= tier.AssertSeconds ? wait : assert).ToString();
        }
    }

    private static void Budget(Page page, RecipeRunDocument run)
    {
        var holds = RecipeSentences.BudgetHolds(run);
        page.Line("  ", new Span(RecipeSentences.DeployCount(run), holds ? Tone.Good : Tone.Bad));
        page.Line("  ", new Span($"{RecipeSentences.Updates(run)}, removes = {run.Removes}", Tone.Dim));
        page.Line("  ", new Span(RecipeSentences.ByTarget(run), Tone.Dim));
        foreach (var finding in run.BudgetFindings)
        {
            page.Wrapped(new Span("  budget", Tone.Bad), finding, 12);
        }

        if (!holds)
        {
            foreach (var line in run.BudgetEvidence.Take(TailLines))
            {
                page.Line("  | ", new Span(line, Tone.Dim));
            }
        }

        page.Line("  ", RecipeSentences.Deployed(run));
        page.Line("  ", RecipeSentences.Warm(run));
        page.Line("  ", new Span(RecipeSentences.Teardown(run), run.Teardown switch { "clean" => Tone.Good, "kept" => Tone.Warn, _ => Tone.Bad }));
        foreach (var left in run.Left.Take(TailLines))
        {
            page.Line("  | ", new Span(left, Tone.Bad));
        }

        if (run.Left.Count > TailLines)
        {
            page.Line("  | ", new Span($"and {run.Left.Count - TailLines} more", Tone.Bad));
        }

        page.Line("  ", new Span(RecipeSentences.Fresh(run), run.Fresh switch { "pass" => Tone.Good, "not verified" => Tone.Dim, _ => Tone.Bad }));
        if (run.Canonical is { } canonical)
        {
            page.Wrapped("  ", $"outside of the budget: canonical {canonical.Action}{(canonical.Version is { } version ? $" at {version}" : "")} in {Duration.Text(canonical.Seconds)}{(canonical.Reason is { } reason ? $": {reason}" : "")}", 4);
        }
    }

    private static void Detail(Page page, string? where, string? mend, IReadOnlyList<string> tail)
    {
        if (where is not null)
        {
            page.Wrapped(new Span("  where", Tone.Dim), where, 12);
        }

        if (mend is not null)
        {
            page.Wrapped(new Span("  mend", Tone.Dim), mend, 12);
        }

        foreach (var line in tail.TakeLast(TailLines))
        {
            page.Line("  | ", new Span(line, Tone.Dim));
        }
    }

    private static void Sentences(Page page, string name, IReadOnlyList<string> sentences, Tone tone)
    {
        foreach (var sentence in sentences)
        {
            page.Wrapped(new Span($"  {name}", tone), sentence, 12);
        }
    }

    private static Span Sign(TierStatus status, Terminal terminal) => status switch
    {
        TierStatus.Pass => Symbols.Good(terminal),
        TierStatus.Fail => Symbols.Bad(terminal),
        TierStatus.Skip => new Span("-", Tone.Dim),
        _ => new Span("!", Tone.Warn),
    };

    private static Tone Tones(TierStatus status) => status switch
    {
        TierStatus.Pass => Tone.Good,
        TierStatus.Fail => Tone.Bad,
        TierStatus.Skip => Tone.Dim,
        _ => Tone.Warn,
    };
}
