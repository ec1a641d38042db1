using Laptime.Foundations;

namespace Laptime.Building;

/// <param name="After">Nodes that have to end before this one; names that are no nodes count as done.</param>
public sealed record BuildNode(string Name, IReadOnlyList<string> After);

/// <param name="Done">Succeeded, in order of their end.</param>
/// <param name="Failures">Every node that failed, with its exception (a <see cref="FaultException"/> or <see cref="LapException"/>).</param>
/// <param name="Abandoned">Not started, or cancelled, because of a failure.</param>
/// <param name="Bound">How many could run side by side.</param>
public sealed record GraphResult(IReadOnlyList<string> Done, IReadOnlyList<(string Node, Exception Error)> Failures, IReadOnlyList<string> Abandoned, int Bound);

/// <summary>
/// Runs work in dependency order, side by side up to a bound. The work itself decides what there is to do (early cutoff: it runs
/// after everything it depends on and sees what came of it).
/// </summary>
public static class BuildGraph
{
    public static int DefaultBound => Environment.ProcessorCount;

    /// <summary>
    /// The first failure starts nothing new and cancels what runs (a person waits for the message; what was cancelled leaves nothing half-written).
    /// Returns when nothing runs any more.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled from outside, after everything has ended.</exception>
    /// <exception cref="ArgumentException">The nodes form a cycle; none of those was run.</exception>
    public static async Task<GraphResult> RunAsync(
        IReadOnlyList<BuildNode> nodes, Func<BuildNode, CancellationToken, Task> work, int bound, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var waiting = nodes.ToList();
        var names = nodes.Select(n => n.Name).ToHashSet(StringComparer.Ordinal);
        // A list: work that ends at once is always the same task.
        var running = new List<(Task Task, BuildNode Node)>();
        List<string> done = [];
        List<string> abandoned = [];
        List<(string, Exception)> failures = [];
        Exception? bug = null;
        while (true)
        {
            while (!stop.IsCancellationRequested && running.Count < bound
                && waiting.Find(n => n.After.All(a => !names.Contains(a) || done.Contains(a))) is { } ready)
            {
                waiting.Remove(ready);
                running.Add((StartAsync(ready, stop.Token), ready));
            }

            if (running.Count == 0)
            {
                break;
            }

            var ended = await Task.WhenAny(running.Select(r => r.Task)).ConfigureAwait(false);
            var at = running.FindIndex(r => r.Task == ended);
            var node = running[at].Node;
            running.RemoveAt(at);
            if (ended.IsCompletedSuccessfully)
            {
                done.Add(node.Name);
            }
            else if (ended.IsCanceled)
            {
                abandoned.Add(node.Name);
            }
            else
            {
                var error = ended.Exception!.InnerException!;
                if (error is FaultException or LapException)
                {
                    failures.Add((node.Name, error));
                }
                else
                {
                    bug ??= ended.Exception;
                }
            }

            if (!ended.IsCompletedSuccessfully)
            {
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }

        if (bug is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(bug.InnerException!);
        }

        if (failures.Count == 0)
        {
            cancel.ThrowIfCancellationRequested();
            if (waiting.Count > 0)
            {
                throw new ArgumentException($"these depend on each other: {string.Join(", ", waiting.Select(n => n.Name))}", nameof(nodes));
            }
        }

        return new GraphResult(done, failures, [.. abandoned, .. waiting.Select(n => n.Name)], bound);

        // What the work throws before its first await is a failure like any other.
        async Task StartAsync(BuildNode node, CancellationToken token) => await work(node, token).ConfigureAwait(false);
    }
}
