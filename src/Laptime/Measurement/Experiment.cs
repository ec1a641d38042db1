using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>One change, measured before and after: <c>laptime/experiment/v1</c>.</summary>
public sealed record Experiment
{
    public string Schema { get; init; } = "laptime/experiment/v1";

    /// <summary><c>ex-20261121-110329-7f3a9c</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Unique in a workspace.</summary>
    public required string Name { get; init; }

    public required string Workspace { get; init; }

    /// <summary>What is expected, and why.</summary>
    public required string Hypothesis { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The baseline before.</summary>
    public required SideName Before { get; init; }

    /// <summary>The baseline after; null until it is finished.</summary>
    public SideName? After { get; init; }

    /// <summary>What was measured: both baselines have this key.</summary>
    public required BaselineKey Key { get; init; }

    /// <summary>Runs of the baseline before: as many are made after.</summary>
    public required int Runs { get; init; }

    /// <summary>What took the most when it began.</summary>
    public DominantShare? Dominant { get; init; }

    public required InputSnapshot At { get; init; }

    /// <summary>What changed until it was finished.</summary>
    public IReadOnlyList<InputChange> Changes { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    public ComparisonDocument? Comparison { get; init; }

    /// <summary>open, or finished. One that ended inconclusive may be finished again.</summary>
    [JsonIgnore]
    public string State => Comparison is null ? "open" : "finished";

    /// <summary>The end of it: what changed, the verdict, and what keeps it from being trusted.</summary>
    public Experiment Finish(InputSnapshot now, Baseline after, ComparisonDocument comparison, DateTimeOffset at)
    {
        var changes = At.ChangesTo(now);
        return this with
        {
            FinishedAt = at, After = new SideName(after.Id, after.Name), Changes = changes, Comparison = comparison,
            Warnings = changes.Count switch
            {
                0 => ["nothing that lap knows of changed: a difference has another reason"],
                1 => [],
                var n => [$"{n} things changed: {string.Join("; ", changes.Select(c => c.What))}. Which of them made the difference cannot be said"],
            },
        };
    }
}

/// <summary><c>laptime/experiments/v1</c>: what <c>lap experiment list</c> prints.</summary>
public sealed record ExperimentList(string Schema, IReadOnlyList<ExperimentItem> Items);

/// <param name="State">open or finished.</param>
/// <param name="Verdict">On the interval; null while it is open.</param>
/// <param name="Sentence">The verdict in words; null while it is open.</param>
public sealed record ExperimentItem(
    string Id, string Name, string Hypothesis, string State, DateTimeOffset StartedAt, DateTimeOffset? FinishedAt, string Scenario, SideName Before, SideName? After,
    Verdict? Verdict, string? Sentence);

/// <summary>The parts of one component's fingerprint when an experiment began.</summary>
/// <param name="Parts">Base64 of the record that <see cref="Fingerprints.FingerprintRecord"/> writes.</param>
public sealed record KeptFingerprint(string Component, string Parts);

/// <summary>Source-generated JSON of experiments: camelCase, nulls written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(Experiment))]
[JsonSerializable(typeof(ExperimentList))]
[JsonSerializable(typeof(KeptFingerprint))]
public sealed partial class ExperimentJson : JsonSerializerContext
{
    /// <summary>For people: indented, and without escaping of non-ASCII text.</summary>
    public static ExperimentJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new UtcTime() },
    });
}
