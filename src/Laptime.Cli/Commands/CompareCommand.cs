using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Reports;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>`lap compare A B`, and how every comparison is judged, printed and turned into an exit code.</summary>
internal static class CompareCommand
{
    private static readonly Option<string?> FailOn = Flag.Text("--fail-on", "End with 16 when the interval got worse, with evidence", "worse");
    private static readonly Option<string?> Alpha = Flag.Text("--alpha", "Highest rate of false alarms (default: 0.05)", "P");
    private static readonly Option<string?> LeastEffect = Flag.Text("--min-effect", "Changes below this are called neither better nor worse (default: 1%)", "PERCENT");
    private static readonly Option<bool> Markdown = Flag.Switch("--markdown", "Print Markdown, for a pull request or a job summary");
    private static readonly Argument<string> A = new("A") { Description = "Before: a transaction (id, beginning of one, last, last~1) or a baseline" };
    private static readonly Argument<string> B = new("B") { Description = "After: the same" };

    /// <summary>Asks for Markdown in place of the table.</summary>
    public static Option<bool> AsMarkdown => Markdown;

    /// <summary>What every command takes that compares.</summary>
    public static Option[] Flags { get; } = [FailOn, Alpha, LeastEffect, Markdown];

    public static Command Make() => Verb.Make(
        "compare", "Two transactions or baselines side by side, with a verdict where there are runs enough for one.", [A, B, .. Flags],
        session =>
        {
            var judging = JudgingOf(session);
            using var journal = session.OpenJournalForReading() ?? throw new LapException("nothing was deployed here yet", session.Workspace.Root, "lap deploy");
            var store = new BaselineStore(journal);
            var (a, b) = (session.Arguments.GetValue(A)!, session.Arguments.GetValue(B)!);
            var (baselineA, baselineB) = (BaselineOf(store, a), BaselineOf(store, b));
            if (baselineA is not null && baselineB is not null)
            {
                return Task.FromResult(End(session, RecordingComparison.Apart(baselineA, baselineB, judging)));
            }

            var warnings = new List<string>();
            var (sideA, sideB) = (Side(baselineA, a), Side(baselineB, b));
            var document = RecordingComparison.Apart(sideA, sideB, null, judging);
            if (document.Interval.Needed is not null)
            {
                warnings.Add("one run is an anecdote: `lap baseline record` measures a scenario several times, `lap baseline race` compares two in turn");
            }

            return Task.FromResult(End(session, document with { Warnings = [.. document.Warnings, .. warnings] }));

            Recording Side(Baseline? baseline, string name)
            {
                if (baseline is not null)
                {
                    return Recording.Of(baseline);
                }

                var transaction = ReportView.Find(journal, name);
                var run = MeasuredRun.Of(transaction)
                    ?? throw new LapException($"{transaction.Id} has no end: it was killed or still runs", mend: "compare transactions that ended; `lap history` lists them");
                if (transaction.Failure is not null)
                {
                    warnings.Add($"{transaction.Id} ended with {transaction.Outcome}: its interval is the time until then");
                }

                return new Recording(transaction.Id, transaction.Id, [run]);
            }
        },
        "lap compare last~1 last", "lap compare before after --fail-on worse", "lap compare before after --markdown >> \"$GITHUB_STEP_SUMMARY\"");

    /// <summary>How strict the command line asks to be.</summary>
    /// <exception cref="LapException">A value that is none.</exception>
    public static Judging JudgingOf(Session session)
    {
        var alpha = Share(session.Arguments.GetValue(Alpha), "--alpha", 0.05);
        return new Judging { Alpha = alpha, LeastEffect = Share(session.Arguments.GetValue(LeastEffect), "--min-effect", 0.01) };
    }

    /// <summary>Completes the document, prints it, and gives the exit code: 17 inconclusive, 16 worse (with --fail-on worse), else 0.</summary>
    public static int End(Session session, ComparisonDocument document)
    {
        var outcome = OutcomeOf(session, document.Interval.Verdict);
        return Tell(session, document with { Outcome = outcome.Name, ExitCode = outcome.ExitCode });
    }

    /// <summary>Prints a complete document, and gives its exit code.</summary>
    public static int Tell(Session session, ComparisonDocument document)
    {
        Console.Out.Write(
            session.Json ? JsonSerializer.Serialize(document, MeasurementJson.Readable.ComparisonDocument) + "\n"
            : session.Arguments.GetValue(Markdown) ? ComparisonMarkdown.Write(document)
            : (document.Kinds is null ? "" : BaselineView.Kinds(document.Kinds, session.Terminal)) + ComparisonView.Render(document, session.Terminal, session.Verbose));
        return document.ExitCode ?? Outcome.InternalError.ExitCode;
    }

    public static Outcome OutcomeOf(Session session, Verdict verdict)
    {
        var failOn = session.Arguments.GetValue(FailOn);
        if (failOn is not (null or "worse"))
        {
            throw new LapException($"--fail-on {failOn}: there is nothing of that name to fail on", "--fail-on", "use --fail-on worse");
        }

        return verdict switch
        {
            Verdict.Inconclusive => Outcome.Inconclusive,
            Verdict.Worse when failOn is not null => Outcome.Regression,
            _ => Outcome.Ok,
        };
    }

    /// <summary>By its name or whole id only: anything else is a transaction.</summary>
    private static Baseline? BaselineOf(BaselineStore store, string name) =>
        name.StartsWith("bl-", StringComparison.Ordinal) ? store.Find(name) : store.All().FirstOrDefault(b => b.Name == name && name != "last");

    private static double Share(string? text, string flag, double standard)
    {
        if (text is null)
        {
            return standard;
        }

        var percent = text.EndsWith('%');
        return double.TryParse(text.AsSpan().TrimEnd('%').TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && (percent ? value / 100 : value) is >= 0 and < 1 and var share
            && (flag != "--alpha" || share > 0)
            ? share
            : throw new LapException($"{flag} {text}: no share", flag, $"give one such as {(flag == "--alpha" ? "0.01" : "5%")}");
    }
}
