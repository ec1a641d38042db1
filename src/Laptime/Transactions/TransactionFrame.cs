using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>What surrounds the work of every transaction: whatever happens in it becomes an outcome, and the document is closed.</summary>
internal static class TransactionFrame
{
    /// <summary>Runs the work. A fault of the world or a cancellation is in the document; a mistake of the user is thrown.</summary>
    /// <param name="trigger">What the change started with, when that is known by the end.</param>
    /// <param name="settle">What is left to do before the command may end; not part of the interval.</param>
    public static async Task<TransactionDocument> RunAsync(
        TransactionRun run, Func<TransactionRun, Task<Outcome>> work, Func<Task<TriggerReport>?> trigger, Func<Task> settle, CancellationToken cancel)
    {
        var outcome = Outcome.InternalError;
        FailureReport? failure = null;
        TriggerReport? found = null;
        try
        {
            outcome = await work(run);
        }
        catch (FaultException e)
        {
            (outcome, failure) = (e.Fault.Outcome, new FailureReport(e.Fault.Outcome.Name, e.Fault.What, e.Fault.Where, e.Fault.Mend, e.Fault.Tail));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            outcome = Outcome.Interrupted;
            failure = new FailureReport(outcome.Name, "interrupted; what served before goes on serving", null, "deploy again when you are ready");
        }

        try
        {
            found = trigger() is { } asked ? await asked : null;
        }
        catch (OperationCanceledException)
        {
            // The interval then starts with the command.
        }

        run.Timeline.EndStartUp();
        await settle();
        return Ending.Close(run.Log.Document with { Trigger = found, Counters = run.Counters }, outcome, failure, run.Timeline, run.Options.Waits, run.Earlier);
    }
}
