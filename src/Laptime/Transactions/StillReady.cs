using System.Globalization;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets;

namespace Laptime.Transactions;

/// <summary>"Unchanged" and "skip" are no success when what runs is not ready. One that was not gets its probe's own bound to become it.</summary>
internal sealed class StillReady(TransactionRun run, Prober prober)
{
    /// <param name="left">As they were observed; none of them was rolled out since.</param>
    /// <param name="said">Before the fault's words.</param>
    /// <exception cref="FaultException">One did not become ready within its bound.</exception>
    public async Task RequireAsync(IEnumerable<Observed> left, string said, CancellationToken cancel)
    {
        foreach (var observed in left.Where(static o => o.Ready == SignalStatus.Fail))
        {
            if (run.Scope.Workspace.Find(observed.Component) is not { Run.Port: { } front } component)
            {
                continue;
            }

            using var segment = run.Timeline.Begin("ready", component.Name);
            var asked = observed.NotReadyAt is { Port: not null } known ? known : new AskedAt(front);
            var names = run.Scope.Names.For(component, observed.Revision ?? "", run.Id);
            var ready = await prober.ReadyAsync(
                run.Options.Bounds.Over(run.Scope.Environment.Timeouts).Bind(component).Probes,
                new ProbeContext
                {
                    Component = component.Name, Host = asked.Host, Port = asked.Port, Directory = Path.Combine(run.Scope.Workspace.Root, component.Path),
                    Names = name => name == "port" ? asked.Port!.Value.ToString(CultureInfo.InvariantCulture) : names(name),
                    Secrets = run.Scope.Names.Secrets, Life = static _ => ValueTask.FromResult<Life>(new Life.Running()),
                },
                cancel);
            segment.End(ready.Status == SignalStatus.Pass ? "ok" : "failed");
            if (run.Knows(component.Name))
            {
                var before = run[component.Name];
                run.Tell(before with { Signals = before.Signals with { Ready = SignalReports.Of(SignalSet.NotRun with { Ready = ready }).Ready } });
            }

            if (ready.Fault is { } fault)
            {
                throw new FaultException(fault with { What = said + fault.What });
            }
        }
    }
}
