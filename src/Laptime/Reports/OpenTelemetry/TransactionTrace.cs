using System.Globalization;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>
/// A transaction as one trace: a span of the whole, and one for each segment, waits included, with its own start and end. Pure: the same document gives the
/// same spans and ids. Names follow OpenTelemetry's conventions for CI/CD and version control; what these have no name for is <c>laptime.*</c>.
/// </summary>
/// <remarks>
/// <para>The span of the whole begins where the first segment that is not idle waiting does: time in which nobody had asked for anything is a span of its own
/// before it, so that the length of the whole is what somebody waited.</para>
/// <para>A killed run has segments without an end. OTLP has no such span, so theirs reaches to the last moment that the journal has, when it was seen still
/// open; it has <c>laptime.unfinished</c> and the status error. Nothing later is claimed.</para>
/// </remarks>
public static class TransactionTrace
{
    private const uint HasIsRemote = 0x100;
    private const uint IsRemote = 0x200;

    /// <param name="document">A transaction that is over.</param>
    /// <param name="resource">Of whoever measured.</param>
    /// <param name="version">Of lap.</param>
    public static SpanBatch Render(TransactionDocument document, IReadOnlyList<SpanAttribute> resource, string version)
    {
        var parent = TraceParent.Parse(document.Trace?.Parent);
        var context = new TraceContext(document.Id, parent, document.Trace?.State);
        var clock = new Clock(document);
        var ids = document.Segments.Select(s => s.Id).ToHashSet();
        var spans = new List<Span>
        {
            new()
            {
                TraceId = context.TraceId,
                Id = context.RootId,
                ParentId = parent?.SpanId,
                TraceState = context.State,
                Flags = context.Flags | HasIsRemote | (parent is null ? 0 : IsRemote),
                Name = "RUN " + Pipeline(document),
                Kind = SpanKind.Server,
                Start = clock.At(clock.First),
                End = clock.At(clock.Last),
                Attributes = SpanAttributes.OfTransaction(document, Pipeline(document), clock.IsOpen),
                Error = IsFailure(document) ? document.Failure?.Message ?? document.Outcome : null,
            },
        };
        foreach (var segment in document.Segments)
        {
            spans.Add(new Span
            {
                TraceId = context.TraceId,
                Id = context.SpanOf(segment.Id),
                ParentId = segment.Parent is { } enclosing && ids.Contains(enclosing) ? context.SpanOf(enclosing) : context.RootId,
                TraceState = context.State,
                Flags = context.Flags | HasIsRemote,
                Name = Task(segment),
                Kind = SpanKind.Internal,
                Start = clock.At(segment.Start),
                End = clock.At(segment.Seconds is { } seconds ? segment.Start + seconds : clock.Last),
                Attributes = SpanAttributes.OfSegment(segment, Task(segment), document),
                Links = [.. segment.After.Where(ids.Contains).Distinct().Select(context.SpanOf)],
                Error = ErrorOf(segment),
            });
        }

        return new SpanBatch(Resource(document, resource), version, spans);
    }

    /// <summary>Few different ones: no ids in it.</summary>
    private static string Pipeline(TransactionDocument document) => $"{document.Verb} {document.Workspace}/{document.Environment}";

    private static string Task(Segment segment) => segment.Component is { } component ? $"{segment.Name} {component}" : segment.Name;

    private static bool IsFailure(TransactionDocument document) => document.ExitCode != 0;

    private static string? ErrorOf(Segment segment) => segment switch
    {
        { Seconds: null } => "interrupted: no end was recorded; the span reaches to the last moment that was",
        { Outcome: "failed" or "timeout" or "cancelled" } => segment.Outcome,
        _ => null,
    };

    /// <summary>The given attributes stand; what the transaction is of itself is added.</summary>
    private static List<SpanAttribute> Resource(TransactionDocument document, IReadOnlyList<SpanAttribute> given)
    {
        List<SpanAttribute> all = [.. given];
        Add("cicd.pipeline.name", Pipeline(document));
        Add("cicd.pipeline.run.id", document.Id);
        if (document.Trigger?.Revision is { } revision)
        {
            Add("vcs.ref.head.revision", revision);
        }

        return all;

        void Add(string key, string value)
        {
            if (!all.Exists(a => a.Key == key))
            {
                all.Add(new SpanAttribute(key, value));
            }
        }
    }

    /// <summary>Seconds of the transaction as nanoseconds since 1970.</summary>
    private readonly struct Clock
    {
        private readonly long zeroTicks;

        public Clock(TransactionDocument document)
        {
            var segments = document.Segments;
            IsOpen = document.Interval is not { Seconds: not null } && segments.Any(s => s.Seconds is null);
            var asked = segments.Where(s => s is not { Name: "wait", Kind: "idle" }).Select(s => s.Start).ToList();
            var known = segments.SelectMany(s => s.Seconds is { } seconds ? new[] { s.Start, s.Start + seconds } : [s.Start]).ToList();
            First = asked.Count > 0 ? asked.Min() : 0;
            Last = Math.Max(First, known.Count > 0 ? known.Max() : 0);

            // The interval starts with its first wait, on the same clock; before there is an interval the id has the second.
            var start = document.Trace?.Started
                ?? (document.Interval is { } interval ? interval.Start.AddSeconds(-Math.Min(0, segments.Count > 0 ? segments.Min(s => s.Start) : 0)) : SecondOf(document.Id));
            zeroTicks = (start - DateTimeOffset.UnixEpoch).Ticks;
            if (document.Interval is { End: { } end })
            {
                Last = Math.Max(Last, (end - start).TotalSeconds);
            }
        }

        /// <summary>Where the first segment begins that is not idle waiting.</summary>
        public double First { get; }

        /// <summary>The last moment that anything is known of.</summary>
        public double Last { get; }

        /// <summary>The run was killed.</summary>
        public bool IsOpen { get; }

        public ulong At(double seconds) => (ulong)Math.Max(0, (zeroTicks * 100L) + (long)Math.Round(seconds * 1e9));

        private static DateTimeOffset SecondOf(string id) =>
            DateTimeOffset.TryParseExact(id.AsSpan(3, Math.Min(15, Math.Max(0, id.Length - 3))), "yyyyMMdd-HHmmss", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
                ? at
                : DateTimeOffset.UnixEpoch;
    }
}
