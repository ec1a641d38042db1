using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Laptime.Reports.OpenTelemetry;

namespace Laptime.Tests.Reports.OpenTelemetry;

/// <summary>Sending, to a real receiver on loopback, and what a user is told when it does not work.</summary>
public sealed class OtlpSenderTests
{
    private const string Secret = "Bearer s3cr3t-t0ken";
    private static readonly SpanBatch Batch = TransactionTrace.Render(Documents.Reflected(), [new SpanAttribute("service.name", "lap")], "0.1.0");
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, null, "application/x-protobuf")]
    [InlineData("http/protobuf", "gzip", "application/x-protobuf")]
    [InlineData("http/json", null, "application/json")]
    [InlineData("http/json", "gzip", "application/json")]
    public async Task A_collector_gets_the_batch_over_HTTP(string? protocol, string? compression, string type)
    {
        await using var collector = await LittleCollector.StartAsync();
        Assert.Null(await SendAsync(collector, ("PROTOCOL", protocol), ("COMPRESSION", compression), ("HEADERS", $"authorization={Uri.EscapeDataString(Secret)},x-a=b")));
        var request = Assert.Single(collector.Requests);
        Assert.Equal(("POST", "/v1/traces", type), (request.Method, request.Path, request.Headers["Content-Type"]));
        Assert.Equal((Secret, "b"), (request.Headers["Authorization"], request.Headers["x-a"]));
        Assert.Equal(type.EndsWith("json", StringComparison.Ordinal) ? OtlpJson.Encode(Batch) : OtlpProtobuf.Encode(Batch), request.Body);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("gzip")]
    public async Task A_collector_gets_the_batch_over_gRPC(string? compression)
    {
        await using var collector = await LittleCollector.StartAsync(grpc: true);
        Assert.Null(await SendAsync(collector, ("PROTOCOL", "grpc"), ("COMPRESSION", compression), ("HEADERS", "x-key=v")));
        var request = Assert.Single(collector.Requests);
        Assert.Equal("/opentelemetry.proto.collector.trace.v1.TraceService/Export", request.Path);
        Assert.Equal(("application/grpc", "trailers", "v"), (request.Headers["Content-Type"], request.Headers["TE"], request.Headers["x-key"]));
        Assert.Equal(OtlpProtobuf.Encode(Batch), request.Body);
    }

    [Fact]
    public async Task The_traces_own_endpoint_is_the_whole_address()
    {
        await using var collector = await LittleCollector.StartAsync();
        var settings = Read(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.Address + "/mine"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"))!;
        Assert.Null(await new OtlpSender(settings, TimeProvider.System).SendAsync(Batch, Cancel));
        Assert.Equal("/mine", Assert.Single(collector.Requests).Path);
    }

    [Fact]
    public async Task A_busy_collector_is_asked_again()
    {
        await using var collector = await LittleCollector.StartAsync(answer: (context, n) =>
        {
            context.Response.StatusCode = n < 3 ? 503 : 200;
            return Task.CompletedTask;
        });
        Assert.Null(await SendAsync(collector));
        Assert.Equal(3, collector.Requests.Count);
    }

    [Theory]
    [InlineData(401, "OTEL_EXPORTER_OTLP_HEADERS")]
    [InlineData(404, "/v1/traces is added")]
    [InlineData(500, "answered 500")]
    [InlineData(302, "answered 302")]
    public async Task A_refusal_is_told_once_with_its_cure_and_without_a_secret(int status, string says)
    {
        await using var collector = await LittleCollector.StartAsync(answer: (context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "http://127.0.0.1:1/elsewhere";
            return Task.CompletedTask;
        });
        var problem = await SendAsync(collector, ("HEADERS", $"authorization={Uri.EscapeDataString(Secret)}"));
        Assert.Single(collector.Requests);
        Assert.Contains(says, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spans_that_were_not_wanted_are_told()
    {
        await using var json = await LittleCollector.StartAsync(answer: async (context, _) =>
        {
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes("""{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"""));
        });
        Assert.Contains("rejected 3 of the spans: too old", await SendAsync(json, ("PROTOCOL", "http/json")), StringComparison.Ordinal);

        Protoc.Needed();
        var answer = Protoc.Encode("ExportTraceServiceResponse", "partial_success { rejected_spans: 300 error_message: \"too many\" }");
        await using var protobuf = await LittleCollector.StartAsync(answer: async (context, _) => await context.Response.Body.WriteAsync(answer));
        Assert.Contains("rejected 300 of the spans: too many", await SendAsync(protobuf), StringComparison.Ordinal);
        await using var grpc = await LittleCollector.StartAsync(grpc: true, (context, _) => LittleCollector.GrpcAsync(context, "0", answer));
        Assert.Contains("rejected 300 of the spans: too many", await SendAsync(grpc, ("PROTOCOL", "grpc")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gRPC_refusal_is_told()
    {
        await using var collector = await LittleCollector.StartAsync(grpc: true, (context, _) => LittleCollector.GrpcAsync(context, "16"));
        Assert.Contains("refuses (gRPC status 16)", await SendAsync(collector, ("PROTOCOL", "grpc")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collector_that_says_nothing_is_left_at_the_bound()
    {
        var asked = new TaskCompletionSource();
        await using var collector = await LittleCollector.StartAsync(answer: async (context, _) =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        var began = Stopwatch.GetTimestamp();
        var problem = await SendAsync(collector, ("TIMEOUT", "200"));
        Assert.Contains("no answer in 0.2 s (OTEL_EXPORTER_OTLP_TIMEOUT", problem, StringComparison.Ordinal);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromMilliseconds(150), OtlpSettings.LongestTimeout);
        await asked.Task;
    }

    [Theory]
    [InlineData("http/protobuf")]
    [InlineData("grpc")]
    public async Task Nobody_there_is_told_in_words(string protocol)
    {
        var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        var settings = Read(("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://user:pass@127.0.0.1:{port}/?key=k"), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol))!;
        var problem = await new OtlpSender(settings, TimeProvider.System).SendAsync(Batch, Cancel);
        Assert.Contains($"http://127.0.0.1:{port}/", problem, StringComparison.Ordinal);
        Assert.Contains("nothing listens there (connection refused)", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("pass", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("key", problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_HTTP_port_that_is_asked_for_gRPC_does_not_hang()
    {
        await using var collector = await LittleCollector.StartAsync();
        Assert.NotNull(await SendAsync(collector, ("PROTOCOL", "grpc")));
    }

    private static Task<string?> SendAsync(LittleCollector collector, params (string Name, string? Value)[] more) => new OtlpSender(
        Read([("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_TIMEOUT", "20000"), .. more.Select(m => ("OTEL_EXPORTER_OTLP_" + m.Name, m.Value))])!,
        TimeProvider.System).SendAsync(Batch, Cancel);

    private static OtlpSettings? Read(params (string Name, string? Value)[] variables)
    {
        var all = new Dictionary<string, string?>();
        foreach (var (name, value) in variables)
        {
            all[name] = value;
        }

        return OtlpSettings.Read(name => all.GetValueOrDefault(name), warning => Assert.Fail(warning));
    }
}
