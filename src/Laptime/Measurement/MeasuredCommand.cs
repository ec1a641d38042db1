using System.Text.RegularExpressions;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>
/// Runs <c>lap deploy</c> as a program of its own and finds its transaction: what people feel begins with the start of that program and has the fast path in it,
/// neither of which a deploy inside the recorder would have.
/// </summary>
/// <param name="lap">How lap is started; its arguments come first, and its directory is where the command is given.</param>
/// <param name="of">The measurement's id, which the transactions are marked with.</param>
/// <param name="report">Writes the report of a transaction that was marked after its end.</param>
public sealed partial class MeasuredCommand(ProcessRunner runner, Journal journal, Command lap, string of, Action<TransactionDocument> report)
{
    /// <summary>Tells a lap which measurement its transaction belongs to. Not LAP_…: every such name takes a deploy off the fast path.</summary>
    public const string Variable = "LAPTIME_MEASURED_FOR";

    /// <summary>The only LAP_ name that is no flag's twin.</summary>
    private const string AgentPath = "LAP_AGENT_PATH";

    /// <param name="arguments">Of deploy: its components and flags.</param>
    /// <exception cref="OperationCanceledException">It was interrupted; its transaction says so.</exception>
    public async Task<MeasuredRunOfLap> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        string? id = null;
        var errors = new List<string>();
        var result = await runner.RunAsync(
            lap with
            {
                Arguments = [.. lap.Arguments, "deploy", .. arguments, "-o", "json", "-q"],
                Environment = WithoutTwins(), FailsAs = Outcome.InternalError,
            },
            line =>
            {
                if (line.IsError)
                {
                    errors.Add(line.Text);
                }
                else if (id is null && Id().Match(line.Text) is { Success: true } found)
                {
                    id = found.Groups[1].Value;
                }
            },
            cancel);
        return new MeasuredRunOfLap(result.ExitCode, id is null ? null : Mark(id), result.Elapsed.TotalSeconds, errors);
    }

    /// <summary>A run on the fast path leaves its mark to us: it reads no variable that it need not read.</summary>
    private TransactionDocument? Mark(string id)
    {
        if (journal.Load(id) is not { } document)
        {
            return null;
        }

        if (document.MeasuredFor == of)
        {
            return document;
        }

        var marked = document with { MeasuredFor = of };
        journal.End(marked);
        report(marked);
        return marked;
    }

    /// <summary>The flags that somebody keeps in variables are for their own deploys: what is measured is what the scenario says.</summary>
    private Dictionary<string, string?> WithoutTwins()
    {
        var changes = new Dictionary<string, string?>(lap.Environment) { [Variable] = of };
        foreach (string name in Environment.GetEnvironmentVariables().Keys)
        {
            if (name.StartsWith("LAP_", StringComparison.Ordinal) && name != AgentPath)
            {
                changes[name] = null;
            }
        }

        return changes;
    }

    [GeneratedRegex("\"id\"\\s*:\\s*\"(tx-[0-9a-f-]{22})\"")]
    private static partial Regex Id();
}

/// <param name="Document">Null when it ended before there was a transaction.</param>
/// <param name="Seconds">From its start to its end.</param>
/// <param name="Errors">What it printed on stderr.</param>
public sealed record MeasuredRunOfLap(int ExitCode, TransactionDocument? Document, double Seconds, IReadOnlyList<string> Errors)
{
    /// <summary>Why it failed, in its own words.</summary>
    public FailureReport Failure => Document?.Failure ?? new FailureReport(
        Outcome.All.FirstOrDefault(o => o.ExitCode == ExitCode)?.Name ?? Outcome.InternalError.Name,
        Errors.Select(Said).FirstOrDefault() ?? $"lap deploy ended with exit code {ExitCode}", null,
        Errors.Where(e => e.TrimStart().StartsWith("mend: ", StringComparison.Ordinal)).Select(e => e.TrimStart()["mend: ".Length..]).FirstOrDefault());

    private static string Said(string line) => line.StartsWith("lap: ", StringComparison.Ordinal) ? line["lap: ".Length..] : line;
}
