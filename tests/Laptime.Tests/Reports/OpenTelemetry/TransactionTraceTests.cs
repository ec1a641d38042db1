using Laptime.Reports.OpenTelemetry;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Tests.Reports.OpenTelemetry;

/// <summary>A transaction as spans: one for the whole, one for each segment, with the times and names that the document has.</summary>
public sealed class TransactionTraceTests
{
    private const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    private static readonly ulong Noon = (ulong)(Documents.Noon - DateTimeOffset.UnixEpoch).Ticks * 100;

    [Fact]
    public void Every_segment_is_a_span_with_its_own_start_end_and_parent()
    {
        var document = Documents.Reflected();
        var spans = Render(document);
        Assert.Equal(document.Segments.Count + 1, spans.Count);
        Assert.Single(spans.Select(s => s.TraceId).Distinct());
        Assert.Equal(spans.Count, spans.Select(s => s.Id).Distinct().Count());
        var context = new TraceContext(document.Id, null);
        foreach (var (segment, span) in document.Segments.Zip(spans.Skip(1)))
        {
            Assert.Equal(context.SpanOf(segment.Id), span.Id);
            Assert.Equal(segment.Parent is { } p ? context.SpanOf(p) : context.RootId, span.ParentId);
            Assert.Equal(segment.Start, ((double)span.Start - Noon) / 1e9, 6);
            Assert.Equal(segment.Seconds!.Value, (span.End - span.Start) / 1e9, 6);
            Assert.Equal(segment.After.Select(context.SpanOf), span.Links);
        }
    }

    [Fact]
    public void The_whole_has_the_names_of_the_conventions()
    {
        var root = Render(Documents.Reflected())[0];
        Assert.Equal(("RUN deploy shop/local", SpanKind.Server, null, null), (root.Name, root.Kind, root.ParentId, root.Error));
        Has(root, "cicd.pipeline.name", "deploy shop/local");
        Has(root, "cicd.pipeline.run.id", "tx-20261121-120000-7f3a9c");
        Has(root, "cicd.pipeline.action.name", "RUN");
        Has(root, "cicd.pipeline.result", "success");
        Has(root, "error.type", null);
        Has(root, "deployment.environment.name", "local");
        Has(root, "vcs.ref.head.revision", "1f2e3d4c5b6a79880123456789abcdef01234567");
        Has(root, "laptime.vcs.dirty", true);
        Has(root, "laptime.outcome", "reflected");
        Has(root, "laptime.dominant.segment", "build/compile");
        Has(root, "laptime.dominant.component", "gateway");
        Has(root, "laptime.wait.queue_seconds", 0.31);
        Has(root, "laptime.count.deploys", 1L);
        Has(root, "laptime.interval.seconds", 1.84);
    }

    [Fact]
    public void A_step_is_a_task_with_its_cache_and_the_rollout_has_the_artifact()
    {
        var spans = Render(Documents.Reflected());
        var compile = spans.Single(s => s.Name == "build/compile gateway");
        Assert.Equal(SpanKind.Internal, compile.Kind);
        Has(compile, "cicd.pipeline.task.name", "build/compile gateway");
        Has(compile, "cicd.pipeline.task.run.id", "tx-20261121-120000-7f3a9c/7");
        Has(compile, "cicd.pipeline.task.run.result", "success");
        Has(compile, "cicd.pipeline.task.type", "build");
        Has(compile, "laptime.component", "gateway");
        Has(compile, "laptime.cache", "miss");
        Has(compile, "laptime.critical_path", true);
        Has(compile, "laptime.dominant", true);
        var lint = spans.Single(s => s.Name == "build/lint gateway");
        Has(lint, "cicd.pipeline.task.type", "test");
        Has(lint, "laptime.critical_path", false);
        Has(lint, "laptime.dominant", null);
        Has(spans.Single(s => s.Name == "rollout gateway"), "laptime.artifact.digest", "sha256:" + new string('a', 64));
        Has(spans.Single(s => s.Name == "wait"), "laptime.kind", "queue");
    }

    [Fact]
    public void A_failure_says_what_failed_and_where_the_time_ran_out()
    {
        var spans = Render(Documents.NotReady());
        Has(spans[0], "cicd.pipeline.result", "timeout");
        Has(spans[0], "error.type", "readiness-timeout");
        Assert.Contains("503 Service Unavailable", spans[0].Error, StringComparison.Ordinal);
        var ready = spans.Single(s => s.Name == "ready gateway");
        Assert.Equal("timeout", ready.Error);
        Has(ready, "cicd.pipeline.task.run.result", "timeout");
        Has(ready, "error.type", "timeout");
    }

    [Theory]
    [InlineData("build-failed", 10, "failure")]
    [InlineData("never-listened", 25, "timeout")]
    [InlineData("interrupted", 130, "cancellation")]
    [InlineData("interrupted", null, "error")]
    [InlineData("internal-error", 1, "error")]
    [InlineData("unchanged", 0, "success")]
    public void Each_outcome_has_a_result_of_the_conventions(string outcome, int? code, string result)
    {
        var root = Render(Documents.Reflected() with { Outcome = outcome, ExitCode = code })[0];
        Has(root, "cicd.pipeline.result", result);
        Has(root, "error.type", code == 0 ? null : outcome);
    }

    [Fact]
    public void A_killed_run_claims_nothing_after_the_last_moment_that_was_recorded()
    {
        var document = Documents.Killed() with { Interval = null };
        document = document with { Trace = new TraceReport(new string('1', 32), new string('2', 16), null, null, Documents.Noon) };
        var spans = Render(document);
        var compile = spans.Single(s => s.Name == "build/compile gateway");
        // The last thing known is that the step began, at 34 ms.
        Assert.Equal((Noon + 34_000_000, Noon + 34_000_000), (compile.Start, compile.End));
        Assert.StartsWith("interrupted: no end was recorded", compile.Error, StringComparison.Ordinal);
        Has(compile, "laptime.unfinished", true);
        Has(compile, "cicd.pipeline.task.run.result", "error");
        Assert.Equal(Noon + 34_000_000, spans[0].End);
        Has(spans[0], "laptime.unfinished", true);
        Has(spans[0], "cicd.pipeline.result", "error");
        Assert.All(spans, s => Assert.InRange(s.End, s.Start, Noon + 34_000_000));
    }

    [Fact]
    public void Without_any_recorded_time_the_id_has_the_second()
    {
        var root = Render(Documents.Killed() with { Interval = null })[0];
        Assert.Equal(Noon + (120 * 1_000_000_000UL), root.Start);
    }

    [Fact]
    public void Idle_waiting_is_a_span_before_the_whole_and_no_part_of_its_length()
    {
        var spans = Render(Documents.AfterANight());
        var wait = spans.Single(s => s.Name == "wait");
        Assert.Equal(Noon - (36_000 * 1_000_000_000UL), wait.Start);
        Assert.Equal(Noon, spans[0].Start);
        // It ends with what still went on when the change was served: the drain of the old instance.
        Assert.Equal(Noon + 1_930_000_000, spans[0].End);
        Has(spans[0], "laptime.wait.idle_seconds", 36_000.0);
    }

    [Fact]
    public void A_caller_is_the_parent_and_its_flags_and_state_go_on()
    {
        var spans = Render(Documents.Reflected() with { Trace = new TraceReport("", "", Parent, "vendor=1", Documents.Noon) });
        Assert.All(spans, s => Assert.Equal(("0af7651916cd43dd8448eb211c80319c", "vendor=1"), (s.TraceId, s.TraceState)));
        Assert.Equal(("b7ad6b7169203331", 0x301u), (spans[0].ParentId, spans[0].Flags));
        Assert.All(spans.Skip(1), s => Assert.Equal(0x101u, s.Flags));
    }

    [Fact]
    public void No_span_has_an_attribute_twice() =>
        Assert.All(
            new[] { Documents.Reflected(), Documents.NotReady(), Documents.Killed(), Documents.Unchanged(), Documents.Hostile() }.SelectMany(Render),
            s => Assert.Equal(s.Attributes.Count, s.Attributes.Select(a => a.Key).Distinct().Count()));

    private static IReadOnlyList<Span> Render(TransactionDocument document) => TransactionTrace.Render(document, [new SpanAttribute("service.name", "lap")], "1.2.3").Spans;

    private static void Has(Span span, string key, object? value)
    {
        var found = span.Attributes.FirstOrDefault(a => a.Key == key)?.Value;
        if (value is double number)
        {
            Assert.Equal(number, Assert.IsType<double>(found), 6);
        }
        else
        {
            Assert.Equal(value, found);
        }
    }
}
