using Laptime.Foundations;

namespace Laptime.Transactions;

/// <summary>Closes the transactions of runs that were killed: as interrupted, with what was persisted and no invented end.</summary>
public static class Recovery
{
    /// <summary>The documents that were closed now, for their reports.</summary>
    public static IReadOnlyList<TransactionDocument> CloseAbandoned(Journal journal)
    {
        var closed = new List<TransactionDocument>();
        foreach (var open in journal.Open())
        {
            if (open.Owner.IsAlive() != false || journal.Load(open.Document.Id) is not { } document)
            {
                continue;
            }

            var running = document.Segments.Where(s => s.Seconds is null).Select(s => s.Component is null ? s.Name : $"{s.Component}: {s.Name}");
            var ended = document with
            {
                Outcome = Outcome.Interrupted.Name,
                ExitCode = null,
                Interval = document.Interval is { } interval ? interval with { To = "interrupted", End = null, Seconds = null } : null,
                Failure = new FailureReport(
                    Outcome.Interrupted.Name, $"lap (pid {open.Owner.Pid} on {open.Owner.Host}) ended without a word" + (running.Any() ? ", in " + string.Join(", ", running) : ""),
                    null, "deploy again: the target is read first, and what was half done is brought to its end"),
            };
            journal.End(ended);
            closed.Add(ended);
        }

        return closed;
    }
}
