namespace Laptime.Timing;

/// <summary>One measured part of a transaction. Times are seconds on the transaction's own monotonic clock; 0 is the start of the command.</summary>
public sealed record Segment
{
    public required int Id { get; init; }

    /// <summary>The enclosing segment, or null. Only leaves count on the critical path.</summary>
    public int? Parent { get; init; }

    /// <summary>wait, detect, plan, build/&lt;step&gt;, publish, lookup, migrate, rollout, live, ready, smoke, reflect, reconcile, bootstrap, …</summary>
    public required string Name { get; init; }

    public string? Component { get; init; }

    /// <summary>For build steps install, compile, validate, package or other; for wait idle, queue, lock, …</summary>
    public string? Kind { get; init; }

    /// <summary>hit, miss or none, for build steps.</summary>
    public string? Cache { get; init; }

    public required double Start { get; init; }

    /// <summary>Null while it runs, and for ever when the process was killed in it: ends are never invented.</summary>
    public double? Seconds { get; init; }

    public bool CriticalPath { get; init; }

    /// <summary>ok, failed, timeout, cancelled, skipped; null while it runs.</summary>
    public string? Outcome { get; init; }

    /// <summary>Segments that had to end before this one could start (beside its parent's start).</summary>
    public IReadOnlyList<int> After { get; init; } = [];
}
