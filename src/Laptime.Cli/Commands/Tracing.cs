using Laptime.Reports.GitHub;
using Laptime.Reports.OpenTelemetry;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>
/// Whether this command's transaction is traced, and where its trace goes: a collector (OTEL_EXPORTER_OTLP_ENDPOINT), a file (--traces), both, or nowhere.
/// When it goes nowhere nothing is done, and a TRACEPARENT in the environment goes on to programs as it came.
/// </summary>
internal sealed class Tracing
{
    private readonly Session session;
    private readonly OtlpSettings? collector;
    private readonly string? file;
    private readonly TraceParent? parent;
    private readonly string? state;

    private Tracing(Session session)
    {
        this.session = session;
        file = session.Arguments.GetValue(DeployFlags.Traces) is { } path ? Path.GetFullPath(path, Session.Here()) : null;
        if (Variable(TraceParent.Variable) is { Length: > 0 } given)
        {
            parent = TraceParent.Parse(given);
            state = Variable(TraceParent.StateVariable);
            if (parent is null)
            {
                Note("TRACEPARENT is not of the form 00-TRACE-SPAN-FLAGS (W3C Trace Context), and is ignored");
            }
        }

        collector = OtlpSettings.Read(Variable, Warn);
        if (collector is not null && parent is { IsSampled: false })
        {
            Note("the caller does not record this trace (its TRACEPARENT says so), so it is not sent");
            collector = null;
        }
    }

    public static Tracing Of(Session session) => new(session);

    /// <summary>The transaction's document with its trace, and the timeline told of it, so that programs join below their segments.</summary>
    public TransactionDocument Start(TransactionDocument document, Timeline timeline)
    {
        var exports = collector is not null || file is not null;
        if (!exports && parent is null)
        {
            return document;
        }

        var context = new TraceContext(document.Id, parent, state);
        timeline.Trace = exports ? context : null;
        return document with { Trace = new TraceReport(context.TraceId, context.RootId, parent?.ToString(), context.State, timeline.Started) };
    }

    /// <summary>Exports, within the bound of the settings. What fails is a warning: a deploy is no worse for a collector that is away.</summary>
    /// <param name="ended">Null: there was no transaction.</param>
    /// <param name="abandoned">Of killed runs, closed just now: nobody else will export them.</param>
    public async Task ExportAsync(TransactionDocument? ended, IReadOnlyList<TransactionDocument> abandoned)
    {
        if (collector is null && file is null)
        {
            return;
        }

        // An interrupted deploy is told too; Ctrl-C while it is being told ends the wait.
        var cancel = session.Shutdown.Token.IsCancellationRequested ? CancellationToken.None : session.Shutdown.Token;
        try
        {
            var batches = abandoned.Select(d => TransactionTrace.Render(d, Resource([]), Session.Version)).ToList();
            if (ended is not null)
            {
                batches.Add(TransactionTrace.Render(ended, Resource(
                [
                    new SpanAttribute("host.name", Environment.MachineName), new SpanAttribute("process.pid", (long)Environment.ProcessId), .. GitHubRun.Attributes(Variable),
                ]), Session.Version));
            }

            foreach (var batch in batches)
            {
                if (file is not null)
                {
                    ToFile(file, batch);
                }

                if (collector is not null && await new OtlpSender(collector, session.Clock).SendAsync(batch, cancel) is { } problem)
                {
                    Warn($"the trace was not sent: {problem}");
                    return;
                }
            }
        }
        catch (Exception e)
        {
            // Whatever it is: the deploy has ended, and its outcome stands.
            Warn($"the trace was not exported: {e.GetType().Name}: {e.Message}");
        }
    }

    /// <summary>Attributes of lap as the one that measured.</summary>
    public static IReadOnlyList<SpanAttribute> Resource(IEnumerable<SpanAttribute> more) => OtlpSettings.Resource(
        Variable,
        [
            new SpanAttribute("service.name", "lap"), new SpanAttribute("service.version", Session.Version), new SpanAttribute("telemetry.sdk.name", "laptime"),
            new SpanAttribute("telemetry.sdk.language", "dotnet"), new SpanAttribute("telemetry.sdk.version", Session.Version), .. more,
        ],
        Warn);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name);

    private static void ToFile(string path, SpanBatch batch)
    {
        try
        {
            TraceFile.Append(path, batch);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Warn($"the trace was not written: {e.Message}");
        }
    }

    private void Note(string text)
    {
        if (session.Verbose)
        {
            Console.Error.WriteLine("lap: " + text);
        }
    }

    private static void Warn(string text)
    {
        Console.Error.WriteLine("lap: warning: " + text);
        GitHubActions.Warn("lap: traces", text);
    }
}
