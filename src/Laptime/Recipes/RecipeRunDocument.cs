using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>
/// One run of a recipe's tiers: <c>lap test -o json</c>, results.json, and what every other report is made from (schema laptime/recipe-run/v1, docs/schema/recipe-run.v1.json).
/// </summary>
public sealed record RecipeRunDocument
{
    public const string SchemaName = "laptime/recipe-run/v1";

    public string Schema { get; init; } = SchemaName;

    public required string Id { get; init; }

    public required string Recipe { get; init; }

    /// <summary>Folder or address as it was named.</summary>
    public required string Source { get; init; }

    /// <summary>process, swarm.</summary>
    public required string Target { get; init; }

    /// <summary>fast, faithful.</summary>
    public required string Lane { get; init; }

    /// <summary>What was installed first; null: nothing was.</summary>
    public string? Base { get; init; }

    public required string Head { get; init; }

    /// <summary>Commit of head; null: files that are not committed.</summary>
    public string? HeadCommit { get; init; }

    public required DateTimeOffset Started { get; init; }

    /// <summary>From the command to the end of the teardown, seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>The tiers that were asked for, in order.</summary>
    public required IReadOnlyList<string> Stages { get; init; }

    /// <summary>Installs that the choke point counted, cold dependencies and the fresh one included.</summary>
    public int DeployCount { get; init; }

    /// <summary>1 + cold dependencies (+ 1 with --fresh).</summary>
    public int Expected { get; init; }

    public int InPlaceUpdates { get; init; }

    /// <summary>1 when the upgrade ran.</summary>
    public int ExpectedUpdates { get; init; }

    public int Removes { get; init; }

    /// <summary>Installs, by the target's own record.</summary>
    public int CountedByTarget { get; init; }

    public int UpdatesByTarget { get; init; }

    public int RemovesByTarget { get; init; }

    /// <summary>What the two counts are made of, each in a line; only told when they do not agree with what is expected.</summary>
    public IReadOnlyList<string> BudgetEvidence { get; init; } = [];

    /// <summary>How count and expectation differ, each in a sentence; empty: the budget holds.</summary>
    public IReadOnlyList<string> BudgetFindings { get; init; } = [];

    public required DependenciesReport Deps { get; init; }

    /// <summary>clean, leaked, kept, failed, not-run.</summary>
    public required string Teardown { get; init; }

    /// <summary>What was left, by listing.</summary>
    public IReadOnlyList<string> Left { get; init; } = [];

    /// <summary>pass, fail, or not verified (only with --fresh).</summary>
    public string Fresh { get; init; } = "not verified";

    public required IReadOnlyList<TierReport> Tiers { get; init; }

    public required IReadOnlyList<Segment> Segments { get; init; }

    /// <summary>The segment that took the most; null: nothing was measured.</summary>
    public RecipeDominant? Dominant { get; init; }

    public IReadOnlyList<string> ParityGaps { get; init; } = [];

    /// <summary>How this run shows less than the last green one, each in a sentence.</summary>
    public IReadOnlyList<string> Weakened { get; init; } = [];

    /// <summary>The run that it was compared with; null: there was no green one.</summary>
    public string? ComparedWith { get; init; }

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The canonical deployment after a green run, outside of the budget; null: it was not asked for.</summary>
    public CanonicalReport? Canonical { get; init; }

    public required string Outcome { get; init; }

    public required int ExitCode { get; init; }

    /// <summary>What ended the run, where it is no tier and no budget.</summary>
    public FaultReport? Fault { get; init; }

    /// <summary>Folder with the logs and records of this run, absolute; null: nothing was kept.</summary>
    public string? Folder { get; init; }
}

/// <param name="Deployed">Cold ones: names of their recipes.</param>
/// <param name="Warm">Names of their recipes.</param>
public sealed record DependenciesReport(IReadOnlyList<string> Deployed, IReadOnlyList<string> Warm);

/// <param name="Segment">pull, apply, schedule, boot, health-wait, monitor-wait, assert, teardown, …</param>
/// <param name="Tier">Where it was; null: outside of the tiers.</param>
/// <param name="Seconds">All of that segment in that tier.</param>
/// <param name="Of">The whole of the tier (of the run), seconds.</param>
public sealed record RecipeDominant(string Segment, string? Tier, double Seconds, double Of);

/// <param name="Version">Null: none stands.</param>
/// <param name="Action">created, refreshed, unchanged, failed.</param>
public sealed record CanonicalReport(string? Version, string Action, double Seconds, string? Reason);

/// <summary>A fault, in a document.</summary>
public sealed record FaultReport(string Outcome, string What, string? Where, string? Mend, IReadOnlyList<string> Tail)
{
    public static FaultReport Of(Fault fault) => new(fault.Outcome.Name, fault.What, fault.Where, fault.Mend, fault.Tail ?? []);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(RecipeRunDocument))]
public sealed partial class RecipeRunJson : JsonSerializerContext
{
    /// <summary>For people and tools alike: indented, letters as they are.</summary>
    public static RecipeRunJson Readable { get; } = new(new System.Text.Json.JsonSerializerOptions
    {
        PropertyNamingPolicy = System.Text.Json.JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
