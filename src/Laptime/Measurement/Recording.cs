using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>A leaf segment of one run.</summary>
/// <param name="OnPath">It was on the critical path.</param>
public sealed record MeasuredSegment(string Name, string? Component, string? Kind, string? Cache, double Seconds, bool OnPath);

/// <summary>What is compared of one run, in seconds.</summary>
/// <param name="Id">The transaction's id, or another name of the run.</param>
/// <param name="Interval">Without the idle time before anybody asked: that is nobody's doing.</param>
/// <param name="Segments">The leaves, idle waiting left out.</param>
/// <param name="Unattributed">What no segment on the path explains.</param>
public sealed record MeasuredRun(
    string Id, double Interval, IReadOnlyList<MeasuredSegment> Segments, double Unattributed = 0, double? ArtifactPublish = null, double? Rollout = null)
{
    /// <summary>Null when the transaction has no end: a killed run measures nothing.</summary>
    public static MeasuredRun? Of(TransactionDocument document) => BaselineSample.Of(document) is { } sample ? Of(sample) : null;

    public static MeasuredRun Of(BaselineSample sample)
    {
        var idle = sample.Segments.Where(s => s is { Name: "wait", Kind: "idle", CriticalPath: true }).Sum(s => s.Seconds);
        return new MeasuredRun(
            sample.Transaction, Math.Max(0, sample.IntervalSeconds - idle),
            [.. sample.Segments.Where(s => s is not { Name: "wait", Kind: "idle" }).Select(s => new MeasuredSegment(s.Name, s.Component, s.Kind, s.Cache, s.Seconds, s.CriticalPath))],
            Math.Max(0, sample.UnattributedSeconds ?? 0), sample.ArtifactPublishSeconds, sample.RolloutSeconds);
    }
}

/// <summary>Runs of one thing: a baseline, one side of a race, or a single transaction.</summary>
/// <param name="Id">What it can be found by.</param>
/// <param name="Label">What people call it.</param>
public sealed record Recording(string Id, string Label, IReadOnlyList<MeasuredRun> Runs)
{
    public static Recording Of(Baseline baseline) => new(baseline.Id, baseline.Name, [.. baseline.Samples.Select(MeasuredRun.Of)]);
}
