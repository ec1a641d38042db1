using Laptime.Building;
using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>What the phases of one transaction share: its options, its clock, its log, and what was told and counted so far. Safe for several threads.</summary>
public sealed class TransactionRun(DeployScope scope, DeployOptions options, Timeline timeline, TransactionLog log, TimeProvider clock)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, ComponentReport> reports = new(StringComparer.Ordinal);
    private readonly HashSet<string> tainted = new(StringComparer.Ordinal);
    private readonly List<EarlierWork> earlier = [];

    public DeployScope Scope { get; } = scope;

    public DeployOptions Options { get; private set; } = options;

    /// <summary>From here on all components are acted on, whatever was named.</summary>
    public void Widen() => Options = Options with { Selected = null };

    public Timeline Timeline { get; } = timeline;

    public TransactionLog Log { get; } = log;

    public TimeProvider Clock { get; } = clock;

    public string Id => Log.Document.Id;

    public CounterReport Counters { get; private set; } = new();

    /// <summary>What earlier runs built for what is deployed now.</summary>
    public IReadOnlyList<EarlierWork> Earlier
    {
        get
        {
            lock (gate)
            {
                return [.. earlier];
            }
        }
    }

    public void Built(EarlierWork before)
    {
        lock (gate)
        {
            earlier.Add(before);
        }
    }

    /// <summary>Whether anything was told of the component: with named ones, nothing is of the others.</summary>
    public bool Knows(string component)
    {
        lock (gate)
        {
            return reports.ContainsKey(component);
        }
    }

    /// <summary>The component's report as it was last told.</summary>
    public ComponentReport this[string component]
    {
        get
        {
            lock (gate)
            {
                return reports[component];
            }
        }
    }

    public void Tell(ComponentReport report)
    {
        lock (gate)
        {
            reports[report.Name] = report;
        }

        Log.Component(report);
    }

    public void Count(Func<CounterReport, CounterReport> change)
    {
        lock (gate)
        {
            Counters = change(Counters);
        }
    }

    /// <summary>Ends the transaction with the first failure of a graph; the others, and what was left undone, are warnings.</summary>
    /// <param name="done">What the nodes would have been: "built", "rolled out".</param>
    public void Check(GraphResult result, string done)
    {
        if (result.Failures.Count == 0)
        {
            return;
        }

        foreach (var (node, error) in result.Failures.Skip(1))
        {
            Log.Warn($"{node} failed too: {error.Message}");
        }

        if (result.Abandoned.Count > 0)
        {
            Log.Warn($"not {done} because {result.Failures[0].Node} failed: {string.Join(", ", result.Abandoned)}");
        }

        // A mistake that only shows while it is built ends the transaction as a usage error, with its report.
        throw result.Failures[0].Error is LapException mistake
            ? new FaultException(new Fault(Outcome.UsageError, string.Join('\n', mistake.Problems.Select(p => p.What)), mistake.Problems[0].Where, mistake.Problems[0].Mend), mistake)
            : result.Failures[0].Error;
    }

    /// <summary>An input of the component changed while it was built.</summary>
    public void Taint(string component)
    {
        lock (gate)
        {
            tainted.Add(component);
        }
    }

    public bool IsTainted(string component)
    {
        lock (gate)
        {
            return tainted.Contains(component);
        }
    }
}
