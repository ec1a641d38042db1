namespace Laptime.Reports.OpenTelemetry;

/// <summary>What one export carries: spans of one transaction, and what they were measured by. Rendered by <see cref="OtlpProtobuf"/> and <see cref="OtlpJson"/>.</summary>
/// <param name="Resource">Attributes of whoever measured; keys are unique.</param>
/// <param name="ScopeVersion">Of lap.</param>
public sealed record SpanBatch(IReadOnlyList<SpanAttribute> Resource, string ScopeVersion, IReadOnlyList<Span> Spans)
{
    public const string ScopeName = "laptime";

    /// <summary>The version of the semantic conventions that the names come from.</summary>
    public const string SchemaUrl = "https://opentelemetry.io/schemas/1.37.0";
}

/// <summary>A span as OTLP has it. Ids are lower-case hexadecimal digits, times nanoseconds since 1970 (UTC).</summary>
public sealed record Span
{
    public required string TraceId { get; init; }

    public required string Id { get; init; }

    /// <summary>Null: the root of the trace.</summary>
    public string? ParentId { get; init; }

    public string? TraceState { get; init; }

    /// <summary>Trace flags in the low 8 bits; 0x100: it is known whether the parent is another process's; 0x200: it is.</summary>
    public required uint Flags { get; init; }

    public required string Name { get; init; }

    public required SpanKind Kind { get; init; }

    public required ulong Start { get; init; }

    public required ulong End { get; init; }

    public IReadOnlyList<SpanAttribute> Attributes { get; init; } = [];

    /// <summary>Spans of the same trace that had to end before this one began.</summary>
    public IReadOnlyList<string> Links { get; init; } = [];

    /// <summary>Null: no error. Otherwise what went wrong.</summary>
    public string? Error { get; init; }
}

/// <summary>The numbers are OTLP's.</summary>
public enum SpanKind
{
    Internal = 1,
    Server = 2,
}

/// <param name="Value">A string, bool, long, double, or a list of strings.</param>
public sealed record SpanAttribute(string Key, object Value);
