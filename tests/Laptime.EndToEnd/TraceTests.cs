using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Reports.OpenTelemetry;

namespace Laptime.EndToEnd;

/// <summary>The published lap and a collector: what is sent, who joins the trace, and that no collector can spoil a deploy.</summary>
public sealed class TraceTests
{
    private const string Caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// <summary>Each program that lap runs writes its TRACEPARENT and TRACESTATE into a file beside the workspace.</summary>
    private static async Task<(LapWorkspace Workspace, int Port)> TellingAsync(string step = "true")
    {
        static string Tell(string who) => $"echo \\\"$TRACEPARENT $TRACESTATE\\\" > \\\"$BESIDE/{who}\\\"";
        var (workspace, port) = await LapWorkspace.OneAsync(
            step: Tell("step") + " && " + step,
            probes: "ready: { http: /health, timeout: 20s, poll: 20ms }\nsmoke: [ { run: \"" + Tell("smoke") + "\" } ]\nreflect: { http: /version, contains: \"${revision}\", timeout: 5s, poll: 20ms }");
        workspace.Environment["BESIDE"] = workspace.Beside;
        workspace.Write("src/web/server.py", LittleServer.Script(start: "open(os.path.join(os.environ[\"BESIDE\"], \"instance\"), \"w\").write(os.environ.get(\"TRACEPARENT\", \"none\"))"));
        return (workspace, port);
    }

    [Fact]
    public async Task A_deploy_is_one_trace_and_what_it_runs_joins_below_its_own_segment()
    {
        var (workspace, _) = await TellingAsync();
        await using var end = workspace;
        await using var collector = await LittleCollector.StartAsync();
        workspace.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address;
        workspace.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json";
        workspace.Environment["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=s3cr3t";
        workspace.Environment["TRACEPARENT"] = Caller;
        workspace.Environment["TRACESTATE"] = "vendor=1";
        var run = (await workspace.LapAsync("deploy", "-v", "-o", "json")).Exits(0);
        var document = run.Json.Valid();
        Assert.DoesNotContain("s3cr3t", run.ToString(), StringComparison.Ordinal);

        var request = Assert.Single(collector.Requests);
        Assert.Equal("s3cr3t", request.Headers["authorization"]);
        var spans = Spans(request.Body);
        Assert.Equal(document["segments"]!.AsArray().Count + 1, spans.Count);
        Assert.All(spans, s => Assert.Equal("0af7651916cd43dd8448eb211c80319c", s.Text("traceId")));
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", (string?)document["trace"]!["id"]);
        var root = spans[0];
        Assert.Equal(("RUN deploy little/local", "b7ad6b7169203331"), (root.Text("name"), root.Text("parentSpanId")));
        Assert.Equal((string?)document["trace"]!["span"], root.Text("spanId"));
        Assert.Equal((document.Text("id"), "success", "reflected", "local"), (
            Attribute(root, "cicd.pipeline.run.id"), Attribute(root, "cicd.pipeline.result"), Attribute(root, "laptime.outcome"), Attribute(root, "deployment.environment.name")));

        // Each segment's own time, on the clock of the whole.
        var zero = (DateTimeOffset.Parse((string)document["trace"]!["started"]!) - DateTimeOffset.UnixEpoch).TotalSeconds;
        foreach (var (segment, span) in document["segments"]!.AsArray().Zip(spans.Skip(1)))
        {
            Assert.Equal((double)segment!["start"]!, Seconds(span, "startTimeUnixNano") - zero, tolerance: 1e-5);
            Assert.Equal((double)segment["seconds"]!, Seconds(span, "endTimeUnixNano") - Seconds(span, "startTimeUnixNano"), tolerance: 1e-5);
        }

        Assert.Equal($"00-0af7651916cd43dd8448eb211c80319c-{Find(spans, "build/copy web").Text("spanId")}-01 vendor=1", Said(workspace, "step"));
        Assert.Equal($"00-0af7651916cd43dd8448eb211c80319c-{Find(spans, "smoke web").Text("spanId")}-01 vendor=1", Said(workspace, "smoke"));
        // It outlives the trace, so it is no part of it.
        Assert.Equal("none", Said(workspace, "instance"));
        Assert.Equal((string?)document.Component("web")["artifact"], Attribute(Find(spans, "rollout web"), "laptime.artifact.digest"));

        // Much later the same trace can still be had, with the same ids.
        var again = Spans((await workspace.LapAsync("report", document.Text("id"), "--format", "otlp")).Exits(0).Out);
        Assert.Equal(spans.Select(s => (s.Text("spanId"), s.Text("startTimeUnixNano"))), again.Select(s => (s.Text("spanId"), s.Text("startTimeUnixNano"))));
    }

    [Fact]
    public async Task A_trace_is_no_input_and_without_an_export_it_goes_on_as_it_came()
    {
        var (workspace, _) = await TellingAsync();
        await using var end = workspace;
        workspace.Environment["TRACEPARENT"] = Caller;
        var first = await workspace.DeployAsync();
        Assert.Equal(Caller, Said(workspace, "step"));
        Assert.Equal("none", Said(workspace, "instance"));
        workspace.Environment["TRACEPARENT"] = Caller.Replace('7', '8');
        var traces = Path.Combine(workspace.Beside, "traces.jsonl");
        var second = (await workspace.DeployAsync("--traces", traces)).IsUnchanged();
        foreach (var key in (string[])["fingerprint", "deploymentKey", "artifact"])
        {
            Assert.Equal((string?)first.Component("web")[key], (string?)second.Component("web")[key]);
        }

        // Not the form that W3C has: ignored, and said only to who asks.
        workspace.Environment["TRACEPARENT"] = "nonsense";
        Assert.DoesNotContain("TRACEPARENT", (await workspace.LapAsync("deploy", "--traces", traces)).Exits(0).Error, StringComparison.Ordinal);
        Assert.Contains("TRACEPARENT is not of the form", (await workspace.LapAsync("deploy", "--traces", traces, "-v")).Exits(0).Error, StringComparison.Ordinal);
        Assert.Equal(3, File.ReadAllLines(traces).Length);
        Assert.All(File.ReadAllLines(traces), l => Assert.True(Spans(l).Count > 1));
    }

    [Fact]
    public async Task The_bytes_that_arrive_are_OTLP_also_compressed_and_the_no_op_is_told_too()
    {
        Protoc.Needed();
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        await using var collector = await LittleCollector.StartAsync();
        await workspace.DeployAsync();
        workspace.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address;
        workspace.Environment["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip";
        workspace.Environment["OTEL_SERVICE_NAME"] = "deploys-of-shop";
        var document = (await workspace.DeployAsync()).IsUnchanged();
        var request = Assert.Single(collector.Requests);
        Assert.Equal(("application/x-protobuf", "gzip"), (request.Headers["Content-Type"], request.Headers["Content-Encoding"]));
        var text = Protoc.Decode("ExportTraceServiceRequest", request.Body);
        Assert.Contains("string_value: \"deploys-of-shop\"", text, StringComparison.Ordinal);
        Assert.Contains($"string_value: \"{document.Text("id")}\"", text, StringComparison.Ordinal);
        Assert.Contains("string_value: \"unchanged\"", text, StringComparison.Ordinal);
        Assert.Equal(request.Body, Protoc.Encode("ExportTraceServiceRequest", text));
    }

    [Fact]
    public async Task A_collector_over_gRPC_gets_it_as_well()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        await using var collector = await LittleCollector.StartAsync(grpc: true);
        workspace.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address;
        workspace.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
        Assert.DoesNotContain("warning", (await workspace.LapAsync("deploy")).Exits(0).Error, StringComparison.Ordinal);
        Assert.Single(collector.Requests);
    }

    [Fact]
    public async Task A_collector_that_is_away_or_silent_changes_nothing_but_a_warning()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        workspace.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{Ports.Free()}";
        var away = (await workspace.LapAsync("deploy", "-o", "json")).Exits(0);
        Assert.Equal("reflected", away.Json.Valid().Outcome());
        Assert.Contains("warning: the trace was not sent: http://127.0.0.1:", away.Error, StringComparison.Ordinal);
        Assert.Contains("nothing listens there", away.Error, StringComparison.Ordinal);

        var released = new TaskCompletionSource();
        await using var silent = await LittleCollector.StartAsync(answer: (_, _) => released.Task);
        workspace.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = silent.Address;
        workspace.Environment["OTEL_EXPORTER_OTLP_TIMEOUT"] = "300";
        var slow = (await workspace.LapAsync("deploy", "-o", "json")).Exits(0);
        released.SetResult();
        Assert.Contains("no answer in 0.3 s", slow.Error, StringComparison.Ordinal);
        slow.Json.IsUnchanged();

        // A failure keeps its own exit code.
        workspace.Edit("laptime.yaml", "mkdir -p out", "exit 3; mkdir -p out");
        workspace.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{Ports.Free()}";
        Assert.Equal("build-failed", (await workspace.JsonAsync(10, "deploy")).Valid().Outcome());
    }

    [Fact]
    public async Task A_killed_run_is_exported_by_the_next_one_with_the_ids_its_step_was_told()
    {
        var (workspace, _) = await TellingAsync("if [ -e $BESIDE/hang ]; then sleep 600; fi");
        await using var end = workspace;
        File.WriteAllText(Path.Combine(workspace.Beside, "hang"), "");
        var traces = Path.Combine(workspace.Beside, "traces.jsonl");
        workspace.Environment["LAP_TRACES"] = traces;
        var killed = workspace.Start("deploy");
        await workspace.UntilAsync(() => File.Exists(Path.Combine(workspace.Beside, "step")) && Said(workspace, "step").Length > 50, "the step runs");
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromSeconds(30), workspace.Cancel);
        Assert.False(File.Exists(traces));
        var told = Said(workspace, "step").Split('-');

        File.Delete(Path.Combine(workspace.Beside, "hang"));
        await workspace.DeployAsync();
        var lines = File.ReadAllLines(traces);
        Assert.Equal(2, lines.Length);
        var spans = Spans(lines[0]);
        var step = Find(spans, "build/copy web");
        Assert.Equal((told[1], told[2]), (step.Text("traceId"), step.Text("spanId")));
        Assert.Equal("true", Attribute(step, "laptime.unfinished"));
        Assert.Equal(2, (int)step["status"]!["code"]!);
        Assert.StartsWith("interrupted", (string)step["status"]!["message"]!, StringComparison.Ordinal);
        Assert.Equal(("error", "interrupted"), (Attribute(spans[0], "cicd.pipeline.result"), Attribute(spans[0], "laptime.outcome")));
        // Nothing after the last recorded moment: the step's own start.
        Assert.All(spans, s => Assert.True(Seconds(s, "endTimeUnixNano") <= Seconds(step, "startTimeUnixNano") + 1e-6));
        Assert.Equal("success", Attribute(Spans(lines[1])[0], "cicd.pipeline.result"));
    }

    private static string Said(LapWorkspace workspace, string who) => File.ReadAllText(Path.Combine(workspace.Beside, who)).Trim();

    private static List<JsonObject> Spans(byte[] request) => Spans(System.Text.Encoding.UTF8.GetString(request));

    private static List<JsonObject> Spans(string request) =>
        [.. JsonNode.Parse(request)!["resourceSpans"]!.AsArray().SelectMany(r => r!["scopeSpans"]!.AsArray()).SelectMany(s => s!["spans"]!.AsArray()).Select(s => s!.AsObject())];

    private static JsonObject Find(List<JsonObject> spans, string name) => spans.Single(s => s.Text("name") == name);

    private static double Seconds(JsonObject span, string name) => (double)(decimal.Parse(span.Text(name)) / 1_000_000_000m);

    private static string? Attribute(JsonObject span, string key) =>
        span["attributes"]!.AsArray().FirstOrDefault(a => (string?)a!["key"] == key)?["value"]!.AsObject().Single().Value!.ToString();
}
