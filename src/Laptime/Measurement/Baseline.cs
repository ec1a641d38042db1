using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>Repeated measurements of one scenario on one machine: <c>laptime/baseline/v1</c>. Raw, as they came; statistics are made from them when asked for.</summary>
public sealed record Baseline
{
    public string Schema { get; init; } = "laptime/baseline/v1";

    /// <summary><c>bl-20261121-110329-7f3a9c</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The name that people use; unique in a workspace.</summary>
    public required string Name { get; init; }

    public required string Workspace { get; init; }

    /// <summary>What must be equal for two baselines to be compared.</summary>
    public required BaselineKey Key { get; init; }

    /// <summary>When the recording began.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The git commit that was checked out, or null outside git.</summary>
    public string? Revision { get; init; }

    /// <summary>The working tree differed from that commit (apart from the scenario's own edit); null outside git.</summary>
    public bool? Dirty { get; init; }

    /// <summary>The version of lap that was measured.</summary>
    public string? Lap { get; init; }

    /// <summary>The runs that were asked for.</summary>
    public required int Requested { get; init; }

    /// <summary>complete, failed or interrupted; null while it is recorded, and for ever when the recorder was killed.</summary>
    public string? Ended { get; init; }

    /// <summary>The exit code of the recording; null while it is recorded, and when the recorder was killed.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Why it is not complete.</summary>
    public FailureReport? Failure { get; init; }

    /// <summary>What is worth knowing when the figures are read.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Runs that were made and not counted (to become warm), with their reason.</summary>
    public IReadOnlyList<DiscardedRun> Discarded { get; init; } = [];

    /// <summary>The runs that count, in the order in which they were made.</summary>
    public IReadOnlyList<BaselineSample> Samples { get; init; } = [];

    /// <summary>All runs that were asked for are there.</summary>
    [JsonIgnore]
    public bool IsComplete => Samples.Count >= Requested;

    /// <summary><c>10</c>, or <c>3 of 10</c>.</summary>
    [JsonIgnore]
    public string Count => IsComplete ? $"{Samples.Count}" : $"{Samples.Count} of {Requested}";
}

/// <param name="Transaction">The run, as it is in the journal.</param>
/// <param name="Reason">Why it does not count.</param>
public sealed record DiscardedRun(string Transaction, string Reason);

/// <summary>What was measured, where. Only baselines of one key may be compared.</summary>
public sealed record BaselineKey
{
    /// <summary>cold, warm, full or edit:PATH.</summary>
    public required string Scenario { get; init; }

    public string? Profile { get; init; }

    public required string Environment { get; init; }

    /// <summary>The components that were named on the command line; empty: all.</summary>
    public IReadOnlyList<string> Components { get; init; } = [];

    /// <summary>The command of <c>--edit-with</c>; null: lap's own edit.</summary>
    public string? EditWith { get; init; }

    /// <summary>What <c>--aside</c> named: set aside for a cold run beside lap's own caches.</summary>
    public IReadOnlyList<string> Aside { get; init; } = [];

    public required MachineReport Machine { get; init; }

    /// <summary>What differs, in words, one for each part; empty when the two may be compared.</summary>
    public IReadOnlyList<string> DifferencesFrom(BaselineKey other)
    {
        var found = new List<string>();
        Compare("scenario", Scenario, other.Scenario);
        Compare("edit", EditWith, other.EditWith);
        Compare("profile", Profile, other.Profile);
        Compare("environment", Environment, other.Environment);
        Compare("set aside", Names(Aside, "lap's own caches"), Names(other.Aside, "lap's own caches"));
        Compare("components", Names(Components, "all"), Names(other.Components, "all"));
        if (Machine.Id != other.Machine.Id)
        {
            found.Add($"machine: {Machine.Text}, and {other.Machine.Text}");
        }

        return found;

        void Compare(string part, string? mine, string? theirs)
        {
            if (mine != theirs)
            {
                found.Add($"{part}: {mine ?? "none"}, and {theirs ?? "none"}");
            }
        }

        static string Names(IReadOnlyList<string> names, string none) => names.Count == 0 ? none : string.Join(", ", names.Order(StringComparer.Ordinal));
    }
}

/// <summary>One run. Seconds throughout; null is unknown, never zero.</summary>
public sealed record BaselineSample
{
    /// <summary>The run's transaction in the journal, which has everything else about it.</summary>
    public required string Transaction { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string Outcome { get; init; }

    /// <summary>The interval as the transaction has it: from the scenario's start event to the first accepted reflection.</summary>
    public required double IntervalSeconds { get; init; }

    /// <summary>From the start of lap's process to its end, as its caller sees it.</summary>
    public double? CommandSeconds { get; init; }

    public double? ArtifactPublishSeconds { get; init; }

    public double? RolloutSeconds { get; init; }

    public double? UnattributedSeconds { get; init; }

    public IReadOnlyList<SampleSegment> Segments { get; init; } = [];

    /// <summary>The fixed piece of work before the run; null when it was not done.</summary>
    public CalibrationSample? CalibrationBefore { get; init; }

    /// <summary>The same after it.</summary>
    public CalibrationSample? CalibrationAfter { get; init; }

    /// <summary>Null when the transaction has no interval: it was killed.</summary>
    public static BaselineSample? Of(TransactionDocument run)
    {
        if (run is not { Outcome: { } outcome, Interval: { Seconds: { } seconds } interval })
        {
            return null;
        }

        // Leaves only: what encloses others would be counted twice.
        var parents = run.Segments.Select(s => s.Parent).OfType<int>().ToHashSet();
        return new BaselineSample
        {
            Transaction = run.Id, At = interval.Start, Outcome = outcome, IntervalSeconds = seconds, ArtifactPublishSeconds = interval.ArtifactPublishSeconds,
            RolloutSeconds = interval.RolloutSeconds, UnattributedSeconds = interval.UnattributedSeconds,
            Segments = [.. run.Segments.Where(s => s.Seconds is not null && !parents.Contains(s.Id)).Select(s => new SampleSegment(s.Name, s.Component, s.Kind, s.Cache, s.Seconds!.Value, s.CriticalPath))],
        };
    }
}

/// <summary>A leaf segment of a run: a <see cref="Timing.Segment"/> that has ended, without its place.</summary>
public sealed record SampleSegment(string Name, string? Component, string? Kind, string? Cache, double Seconds, bool CriticalPath);

/// <summary><c>laptime/baselines/v1</c>: what <c>lap baseline list</c> prints.</summary>
public sealed record BaselineList(string Schema, IReadOnlyList<BaselineItem> Items);

/// <param name="Samples">Runs that count.</param>
/// <param name="Median">Of their intervals, seconds; null without runs.</param>
public sealed record BaselineItem(
    string Id, string Name, BaselineKey Key, DateTimeOffset At, string? Revision, bool? Dirty, int Requested, int Samples, string? Ended, double? Median, double? Low, double? High);

/// <summary>Source-generated JSON of baselines: camelCase, nulls written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(Baseline))]
[JsonSerializable(typeof(BaselineSample))]
[JsonSerializable(typeof(BaselineList))]
public sealed partial class BaselineJson : JsonSerializerContext
{
    /// <summary>For people: indented, and without escaping of non-ASCII text.</summary>
    public static BaselineJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new UtcTime() },
    });
}
