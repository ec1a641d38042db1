using Laptime.Foundations;
using Laptime.Targets;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>The bound on one component's rollout or restart as a whole, where one is set. What runs out is undone by the target and named, with what was under way.</summary>
internal sealed class RolloutBound : IDisposable
{
    private readonly TransactionRun run;
    private readonly string component;
    private readonly bool reconciles;
    private readonly TimeSpan? limit;
    private readonly CancellationToken cancel;
    private readonly CancellationTokenSource? clock;
    private readonly CancellationTokenSource? either;

    /// <param name="cancel">Somebody's wish to end everything, which is another thing.</param>
    public RolloutBound(TransactionRun run, string component, bool reconciles, WaitBounds bounds, CancellationToken cancel)
    {
        (this.run, this.component, this.reconciles, this.cancel) = (run, component, reconciles, cancel);
        limit = reconciles ? bounds.Reconcile ?? bounds.Rollout : bounds.Rollout;
        if (limit is { } time)
        {
            clock = new CancellationTokenSource(time, run.Clock);
            either = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancel);
        }
    }

    /// <exception cref="FaultException">The bound ran out.</exception>
    public async Task<RolloutResult> RunAsync(Func<CancellationToken, Task<RolloutResult>> rollout)
    {
        try
        {
            return await rollout(either?.Token ?? cancel);
        }
        catch (OperationCanceledException) when (clock is { IsCancellationRequested: true } && !cancel.IsCancellationRequested)
        {
            var what = reconciles ? "restart" : "rollout";
            var flag = reconciles ? "reconcile" : "rollout";
            var under = run.Log.Document.Segments.LastOrDefault(s => s.Component == component && s.Parent is not null && s.Outcome is not "ok")?.Name;
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component}: its {what} was not done within {Duration.Text(limit!.Value)}{(under is null ? "" : $", during {under}")}", component,
                $"--{flag}-timeout, LAP_{flag.ToUpperInvariant()}_TIMEOUT or `timeouts: {{ {flag}: 5m }}` of the environment set the bound"));
        }
    }

    public void Dispose()
    {
        either?.Dispose();
        clock?.Dispose();
    }
}
