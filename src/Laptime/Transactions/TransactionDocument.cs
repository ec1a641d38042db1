using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>The transaction document of the contract (section 5): what <c>lap deploy -o json</c> prints and every report is rendered from.</summary>
public sealed record TransactionDocument
{
    public string Schema { get; init; } = "laptime/transaction/v1";

    public required string Id { get; init; }

    /// <summary>The command line's verb: deploy, down, rollback.</summary>
    public string Verb { get; init; } = "deploy";

    public required string Workspace { get; init; }

    public required string Environment { get; init; }

    public required string Target { get; init; }

    public required string Loop { get; init; }

    public string? Profile { get; init; }

    /// <summary>Null only while the transaction runs.</summary>
    public string? Outcome { get; init; }

    public int? ExitCode { get; init; }

    public TriggerReport? Trigger { get; init; }

    public IntervalReport? Interval { get; init; }

    public IReadOnlyList<ComponentReport> Components { get; init; } = [];

    public IReadOnlyList<Segment> Segments { get; init; } = [];

    /// <summary>The dominant segment of the critical path; null when nothing was measured.</summary>
    public DominantReport? Dominant { get; init; }

    public CounterReport Counters { get; init; } = new();

    public IReadOnlyList<string> ParityGaps { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the guardrails of a safe environment said; null (and left out): they were not asked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<GuardrailReport>? Guardrails { get; init; }

    /// <summary>The transaction whose artifacts were promoted; null (and left out): this is no promotion.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PromotedFrom { get; init; }

    /// <summary>Set when the outcome is a failure.</summary>
    public FailureReport? Failure { get; init; }

    /// <summary>Who ran it: user@host, pid.</summary>
    public string? Actor { get; init; }

    /// <summary>The measurement that this run belongs to (a baseline's or a race's id); null: somebody wanted to deploy.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? MeasuredFor { get; init; }

    /// <summary>The trace that it belongs to; null (and left out of the JSON) when it was neither exported nor part of a caller's.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TraceReport? Trace { get; init; }
}

/// <summary>Enough to export the transaction again with the ids that its programs were told.</summary>
/// <param name="Id">The trace: 32 hexadecimal digits.</param>
/// <param name="Span">The span of the whole transaction: 16.</param>
/// <param name="Parent">TRACEPARENT as it was given; null: a trace of its own.</param>
/// <param name="State">TRACESTATE, passed on.</param>
/// <param name="Started">Wall-clock time of second 0 of the segments.</param>
public sealed record TraceReport(string Id, string Span, string? Parent, string? State, DateTimeOffset Started);

/// <param name="Event">commit, merge, save, start, or time.</param>
/// <param name="At">When it was.</param>
/// <param name="Revision">The git commit, or null outside git.</param>
/// <param name="Dirty">Inputs differ from that commit.</param>
public sealed record TriggerReport(string Event, DateTimeOffset At, string? Revision, bool Dirty);

/// <summary>From the named start event to the first accepted reflection.</summary>
public sealed record IntervalReport
{
    public required string From { get; init; }

    /// <summary>reflected, unchanged, built, failed, or interrupted (then <see cref="End"/> is null).</summary>
    public required string To { get; init; }

    public required DateTimeOffset Start { get; init; }

    public DateTimeOffset? End { get; init; }

    public double? Seconds { get; init; }

    /// <summary>From the interval's start until the last artifact of this transaction was available; 0 when it was before that already; null when not known.</summary>
    public double? ArtifactPublishSeconds { get; init; }

    /// <summary>From the start of the first rollout to the last reflection; null without a rollout.</summary>
    public double? RolloutSeconds { get; init; }

    /// <summary>From the interval's start until the new revision of every component that was rolled out had given its first good answer; null (and left out) where one was not asked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? FirstAnswerSeconds { get; init; }

    /// <summary>The interval less the segments on the critical path.</summary>
    public double? UnattributedSeconds { get; init; }
}

public sealed record ComponentReport
{
    public required string Name { get; init; }

    public required string Action { get; init; }

    public required string Cause { get; init; }

    public IReadOnlyList<string> Detail { get; init; } = [];

    public string? Fingerprint { get; init; }

    public string? DeploymentKey { get; init; }

    public string? Artifact { get; init; }

    public string? PreviousArtifact { get; init; }

    /// <summary>built, prebuilt, cached, deployed; null when there is none.</summary>
    public string? ArtifactSource { get; init; }

    /// <summary>Why a prebuilt artifact was not used: missing, expired, untrusted, tampered, dirty-tree, lookup-failed; null: none was looked for, or it was used.</summary>
    public string? Fallback { get; init; }

    /// <summary>The same in a sentence.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? FallbackDetail { get; init; }

    /// <summary>Who built a prebuilt artifact, from what: verified.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ProvenanceReport? Provenance { get; init; }

    /// <summary>The earlier run that built the artifact, where the artifact was not built here and its record knows.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ArtifactBuildReport? ArtifactBuild { get; init; }

    public string? Revision { get; init; }

    public SignalsReport Signals { get; init; } = new();

    /// <summary>When the new revision first gave a good answer: long before it is reflected where old instances are replaced one after the other. Null (and left out): it was not rolled out, or there is nothing to ask.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? FirstAnswerAt { get; init; }

    /// <summary>Time in this rollout that was the target's own; null (and left out): none that is worth a word.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<EngineDelayReport>? EngineDelays { get; init; }

    /// <summary>Where users reach it.</summary>
    public string? Endpoint { get; init; }

    /// <summary>What the target said before anything was done.</summary>
    public ReadingReport? Reading { get; init; }

    /// <summary>What was applied to its database before it was rolled out; null: it has no migrations of its own.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MigrationReport? Migration { get; init; }

    /// <summary>The revision that still serves when the rollout failed.</summary>
    public string? StillServing { get; init; }
}

/// <summary>A migration run: what the database's own ledger recorded before and after.</summary>
/// <param name="Ledger">Its name in laptime.yaml; null: none is named.</param>
/// <param name="Before">Null: it was not read.</param>
/// <param name="After">Null: it was not read.</param>
/// <param name="SchemaMoved">What was verified before is no proven rollback target any more.</param>
/// <param name="Log">Everything that the command printed.</param>
public sealed record MigrationReport(string? Ledger, LedgerHead? Before, LedgerHead? After, bool SchemaMoved, string Log);

/// <summary>Where a ledger stands.</summary>
/// <param name="Applied">Migrations that it records as applied.</param>
/// <param name="Head">The last of them; null: none.</param>
/// <param name="Digest">Of all that it records.</param>
public sealed record LedgerHead(int Applied, string? Head, string Digest);

/// <summary>Where a prebuilt artifact comes from, as its signed provenance says.</summary>
/// <param name="Source">The kind of event: merge-to-main, tag, …</param>
/// <param name="Repository">Of the sources.</param>
/// <param name="Revision">The git commit.</param>
/// <param name="Builder">Who built.</param>
/// <param name="Key">The hint of the key that signed.</param>
/// <param name="Finished">When it was built.</param>
public sealed record ProvenanceReport(string Source, string? Repository, string? Revision, string Builder, string Key, DateTimeOffset Finished);

/// <param name="Transaction">The one that built it.</param>
/// <param name="Start">When the build began.</param>
/// <param name="End">When the artifact was available.</param>
public sealed record ArtifactBuildReport(string Transaction, DateTimeOffset Start, DateTimeOffset End);

/// <summary>Time that the target itself took in a rollout. Delays may overlap.</summary>
/// <param name="Kind">network-drain, stop-grace, health-interval, one-by-one, update-monitor, leftover-address.</param>
/// <param name="Owner">Whose time it is.</param>
/// <param name="Seconds">As observed.</param>
/// <param name="Waited">False: the deploy did not wait for it.</param>
/// <param name="What">Between what and what.</param>
/// <param name="Setting">What removes it; null: nothing does.</param>
/// <param name="Mend">The same in words.</param>
public sealed record EngineDelayReport(string Kind, string Owner, double Seconds, bool Waited, string What, string? Setting, string Mend);

/// <summary>A reading of the target: a skip is only ever claimed on one.</summary>
public sealed record ReadingReport(string? Revision, string? Artifact, int Instances, int Of, DateTimeOffset At);

public sealed record SignalsReport
{
    public SignalReport Live { get; init; } = new();

    public SignalReport Ready { get; init; } = new();

    public SignalReport Smoke { get; init; } = new();

    public SignalReport Reflected { get; init; } = new();
}

/// <summary>Fields that do not belong to a signal are left out of the JSON.</summary>
public sealed record SignalReport
{
    public string Status { get; init; } = "not-run";

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Seconds { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Attempts { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Checks { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Observed { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Instances { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Of { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? LastSeen { get; init; }

    /// <summary>Why it failed, in a sentence.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }
}

public sealed record CounterReport
{
    public int Built { get; init; }

    public int Reused { get; init; }

    public int Skipped { get; init; }

    public int Rollouts { get; init; }

    public int Deploys { get; init; }

    public int Reconciled { get; init; }
}

/// <param name="Name">provenance, builder, review, parity, smoke, rollback, ledger, freeze, rollouts.</param>
/// <param name="Status">pass, not-asked, reported, overridden, refused.</param>
/// <param name="What">In a sentence.</param>
/// <param name="Evidence">The facts that it follows from, a line each.</param>
/// <param name="Mend">What makes it pass; null: it does.</param>
/// <param name="Reason">Why it was overridden; null: it was not.</param>
public sealed record GuardrailReport(string Name, string Status, string What, IReadOnlyList<string> Evidence, string? Mend, string? Reason)
{
    /// <summary>The signed or written statements that were read for it, believed or not; null (and left out): none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<AttestationRef>? Attestations { get; init; }
}

/// <param name="Component">Whose artifact it speaks of; null: of all.</param>
/// <param name="Uri">Where it was read.</param>
/// <param name="Digest">Of the very bytes that were judged: of a sigstore bundle, or of a file.</param>
public sealed record AttestationRef(string? Component, string Uri, string Digest);

/// <param name="Kind">The outcome's name.</param>
public sealed record FailureReport(string Kind, string Message, string? Where, string? Mend, IReadOnlyList<string>? Tail = null);

/// <summary>Source-generated JSON of transactions: camelCase, nulls written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(TransactionDocument))]
[JsonSerializable(typeof(TransactionEvent))]
public sealed partial class TransactionJson : JsonSerializerContext
{
    /// <summary>For people and files: indented, and without escaping of non-ASCII text.</summary>
    public static TransactionJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new UtcTime() },
    });
}

/// <summary>Times in UTC with a Z: <c>2026-11-21T11:03:29.1234567Z</c>.</summary>
public sealed class UtcTime : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(value.UtcDateTime);
}
