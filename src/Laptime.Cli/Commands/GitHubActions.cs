using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Reports.GitHub;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>
/// What a command says to GitHub Actions: annotations, as workflow commands on stderr (the runner reads both streams for them, and stdout stays one document
/// with <c>-o json</c>), and the job's summary. Elsewhere it says nothing.
/// </summary>
internal static class GitHubActions
{
    private static CommandGuard? error;

    private static bool IsHere => Environment.GetEnvironmentVariable("GITHUB_ACTIONS") == "true";

    /// <summary>From here on nothing that lap prints for others is a workflow command.</summary>
    public static void Guard(bool outputIsJson, bool progressIsJson)
    {
        if (error is null && IsHere)
        {
            Console.SetOut(new CommandGuard(Console.Out, outputIsJson));
            error = new CommandGuard(Console.Error, progressIsJson);
            Console.SetError(error);
        }
    }

    public static void Annotate(string title, IReadOnlyList<Problem> problems) => Say(around => Annotation.Of(title, problems, around));

    /// <summary>A warning that belongs to no transaction.</summary>
    public static void Warn(string title, string text) => Say(_ => [new Annotation("warning", title, text)]);

    /// <summary>The end of a transaction: its report in the summary, its failure and warnings as annotations.</summary>
    /// <param name="wholeReport">Where the report is when the summary cannot hold it.</param>
    public static void Tell(TransactionDocument document, string wholeReport)
    {
        if (document is { MeasuredFor: not null, ExitCode: 0 })
        {
            // A measurement runs dozens of them; its own result is what counts then.
            return;
        }

        if (Environment.GetEnvironmentVariable(StepSummary.Variable) is { Length: > 0 } summary
            && StepSummary.Append(summary, MarkdownReport.Render(document), wholeReport) is { } problem)
        {
            Console.Error.WriteLine("lap: " + problem);
            Warn("lap", problem);
        }

        Say(around => Annotation.Of(document, around));
    }

    private static string Here()
    {
        try
        {
            return Session.Here();
        }
        catch (LapException)
        {
            // That it was removed is what is being told.
            return Path.GetTempPath();
        }
    }

    private static void Say(Func<Surroundings, IReadOnlyList<Annotation>> annotations)
    {
        if (error is null)
        {
            return;
        }

        Console.Out.Flush();
        var repository = Environment.GetEnvironmentVariable("GITHUB_WORKSPACE") is { Length: > 0 } folder ? folder : null;
        foreach (var annotation in annotations(new Surroundings(Here(), repository, File.Exists)))
        {
            error.Command(annotation.ToString());
        }
    }
}
