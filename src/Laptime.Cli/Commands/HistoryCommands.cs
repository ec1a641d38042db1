using System.CommandLine;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Reports.OpenTelemetry;

namespace Laptime.Cli.Commands;

/// <summary>What was: history and reports of transactions.</summary>
internal static class HistoryCommands
{
    private static readonly Option<int> Number = Flag.Number("--number", "How many of the newest", 20, 1, "-n");
    private static readonly Option<string> By = Flag.Choice("--by", "One line for each transaction, or for each segment of one scenario", "transaction", ["transaction", "segment"]);
    private static readonly Option<string?> ScenarioName = Flag.Text("--scenario", "With --by segment: which one, or a part of its name (default: that of the newest deploy)", "SCENARIO");

    /// <summary>How far back a scenario's transactions are looked for.</summary>
    private const int Searched = 2000;

    private static readonly Argument<string?> Id = new("TX") { Description = "A transaction: its id, the beginning of one, or `last`", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string> Format = Flag.Choice("--format", "The report as text, as its Markdown page, or as a trace (a line of OTLP/JSON)", "text", ["text", "markdown", "otlp"]);

    public static Command History() => Verb.Make(
        "history", "The transactions of this workspace, the newest first.", [Number, By, ScenarioName],
        session =>
        {
            using var journal = session.OpenJournalForReading();
            var environment = session.Arguments.GetValue(Global.Environment) is null ? null : session.Environment().Name;
            var most = session.Arguments.GetValue(Number);
            if (session.Arguments.GetValue(By) == "segment")
            {
                // Of one environment: the one that was asked for, or the newest transaction's.
                environment ??= session.Arguments.GetValue(ScenarioName) is null ? journal?.List(null, 1) is [var newest] ? newest.Environment : null : null;
                Results.Segments(SegmentHistory.Make(journal?.List(environment, Searched) ?? [], session.Arguments.GetValue(ScenarioName), most), session.Terminal, Console.Out);
                return Task.FromResult(0);
            }

            if (session.Arguments.GetValue(ScenarioName) is not null)
            {
                throw new LapException("--scenario chooses what `--by segment` shows", null, "lap history --by segment --scenario NAME");
            }

            Results.History(journal?.List(environment, most) ?? [], session.Clock.GetUtcNow(), session.Terminal, Console.Out);
            return Task.FromResult(0);
        },
        "lap history", "lap history -n 5 --env local -o json", "lap history --by segment                    where the time of the newest kind of deploy goes, and its trend",
        "lap history --by segment --scenario \"build+rollout gateway\" -n 50");

    public static Command Report() => Verb.Make(
        "report", "The whole report of a transaction (default: the last one).", [Id, Format],
        session =>
        {
            using var journal = session.OpenJournalForReading() ?? throw new LapException("nothing was deployed here yet", session.Workspace.Root, "lap deploy");
            var format = session.Arguments.GetValue(Format);
            if (session.Json && format != "text")
            {
                throw new LapException($"--format {format} and -o json contradict each other", null, "give one of them");
            }

            var document = ReportView.Find(journal, session.Arguments.GetValue(Id));
            switch (format)
            {
                case "markdown":
                    Console.Out.Write(Reports.MarkdownReport.Render(document));
                    break;
                case "otlp":
                    Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(OtlpJson.Encode(TransactionTrace.Render(document, Tracing.Resource([]), Session.Version))));
                    break;
                default:
                    Results.Report(document, session.Terminal, Console.Out);
                    break;
            }

            return Task.FromResult(0);
        },
        "lap report", "lap report tx-20261121-1103 -o json", "lap report --format otlp >> traces.jsonl    a trace that was not exported when it ran");
}
