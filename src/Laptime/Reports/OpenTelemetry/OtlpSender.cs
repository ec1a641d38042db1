using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>Sends a batch to a collector: OTLP over HTTP or gRPC, within the settings' bound, trying again while a collector says that it is busy and there is time.</summary>
public sealed class OtlpSender(OtlpSettings settings, TimeProvider clock)
{
    /// <summary>An answer is read up to here; the rest says nothing to us.</summary>
    private const int MostAnswer = 64 * 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);

    /// <returns>Null when everything was accepted; otherwise what to tell the user, without any header or secret.</returns>
    public async Task<string?> SendAsync(SpanBatch batch, CancellationToken cancel)
    {
        var body = settings.Protocol == OtlpProtocol.HttpJson ? OtlpJson.Encode(batch) : OtlpProtobuf.Encode(batch);
        using var bound = new CancellationTokenSource(settings.Timeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancel);

        // No redirect is followed: headers are credentials, meant for the address that was given.
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = settings.Timeout };
        using var client = new HttpClient(handler) { Timeout = System.Threading.Timeout.InfiniteTimeSpan };
        string? busy = null;
        try
        {
            for (var pause = FirstPause; ; pause *= 2)
            {
                using var request = Request(body);
                using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token);
                var content = await ReadAsync(answer, both.Token);
                var (problem, again) = settings.Protocol == OtlpProtocol.Grpc ? JudgeGrpc(answer, content) : Judge(answer, content);
                if (problem is null || !again)
                {
                    return problem is null ? null : $"{settings.Shown}: {problem}";
                }

                busy = problem;
                var wanted = answer.Headers.RetryAfter?.Delta ?? pause;
                await Task.Delay(wanted > pause ? wanted : pause, clock, both.Token);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return $"{settings.Shown}: interrupted";
        }
        catch (OperationCanceledException)
        {
            return busy is null
                ? $"{settings.Shown}: no answer in {settings.Timeout.TotalSeconds:0.###} s (OTEL_EXPORTER_OTLP_TIMEOUT, in milliseconds, changes the bound)"
                : $"{settings.Shown}: {busy}, until the bound of {settings.Timeout.TotalSeconds:0.###} s";
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException or FormatException)
        {
            return $"{settings.Shown}: {Reason(e)}";
        }
    }

    private HttpRequestMessage Request(byte[] body)
    {
        var grpc = settings.Protocol == OtlpProtocol.Grpc;
        var sent = settings.Gzip ? Compress(body) : body;
        var content = new ByteArrayContent(grpc ? Framed(sent, settings.Gzip) : sent);
        content.Headers.ContentType = new MediaTypeHeaderValue(settings.Protocol switch
        {
            OtlpProtocol.HttpJson => "application/json",
            OtlpProtocol.Grpc => "application/grpc",
            _ => "application/x-protobuf",
        });
        if (settings.Gzip && !grpc)
        {
            content.Headers.ContentEncoding.Add("gzip");
        }

        var request = new HttpRequestMessage(HttpMethod.Post, settings.Endpoint) { Content = content };
        if (grpc)
        {
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
            request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
            if (settings.Gzip)
            {
                request.Headers.TryAddWithoutValidation("grpc-encoding", "gzip");
            }
        }

        request.Headers.TryAddWithoutValidation("User-Agent", "OTel-OTLP-Exporter-Laptime");
        foreach (var (name, value) in settings.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return request;
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
        var bytes = new byte[MostAnswer];
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancel);
        return bytes[..length];
    }

    private static (string? Problem, bool Again) Judge(HttpResponseMessage answer, byte[] content) => (int)answer.StatusCode switch
    {
        >= 200 and < 300 => (Rejected(answer.Content.Headers.ContentType?.MediaType == "application/json" ? OtlpAnswer.OfJson(content) : OtlpAnswer.OfProtobuf(content)), false),
        429 or 502 or 503 or 504 => ($"the collector is busy or away ({(int)answer.StatusCode})", true),
        401 or 403 => ($"the collector refuses ({(int)answer.StatusCode}); check OTEL_EXPORTER_OTLP_HEADERS", false),
        404 => ("there is no such address (404); OTEL_EXPORTER_OTLP_ENDPOINT is the base to which /v1/traces is added, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT the whole address", false),
        var status => ($"the collector answered {status}", false),
    };

    private static (string? Problem, bool Again) JudgeGrpc(HttpResponseMessage answer, byte[] content)
    {
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            return Judge(answer, content) is var judged && judged.Problem is null ? ("no gRPC answer", false) : judged;
        }

        var status = Value(answer.TrailingHeaders, "grpc-status") ?? Value(answer.Headers, "grpc-status");
        return status switch
        {
            "0" => (Rejected(content.Length > 5 && content[0] == 0 ? OtlpAnswer.OfProtobuf(content.AsSpan(5)) : (0, "")), false),
            null => ("no gRPC answer; for a collector's HTTP port set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", false),
            "1" or "4" or "10" or "11" or "14" or "15" => ($"the collector is busy or away (gRPC status {status})", true),
            "7" or "16" => ($"the collector refuses (gRPC status {status}); check OTEL_EXPORTER_OTLP_HEADERS", false),
            _ => ($"the collector answered gRPC status {status}", false),
        };

        static string? Value(HttpResponseHeaders headers, string name) => headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
    }

    private static string? Rejected((long Spans, string Message) answer) => answer switch
    {
        (0, "") => null,
        (0, var message) => $"the collector warns: {Excerpt(message)}",
        var (spans, message) => $"the collector rejected {spans} of the spans: {Excerpt(message)}",
    };

    private static string Excerpt(string text) => Processes.TerminalText.Strip(text.Length > 200 ? text[..200] + "…" : text).ReplaceLineEndings(" ");

    private static byte[] Compress(byte[] body)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest))
        {
            gzip.Write(body);
        }

        return bytes.ToArray();
    }

    /// <summary>gRPC's length-prefixed message.</summary>
    private static byte[] Framed(byte[] message, bool compressed)
    {
        var framed = new byte[message.Length + 5];
        framed[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed, 5);
        return framed;
    }

    private static string Reason(Exception e)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is System.Net.Sockets.SocketException socket)
            {
                return socket.SocketErrorCode switch
                {
                    System.Net.Sockets.SocketError.ConnectionRefused => "nothing listens there (connection refused)",
                    System.Net.Sockets.SocketError.HostNotFound => "there is no such host",
                    var code => $"cannot be reached ({code})",
                };
            }
        }

        return e is HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } request ? $"cannot be asked ({request.HttpRequestError})" : e.Message;
    }
}

/// <summary>ExportTraceServiceResponse: how many spans a collector did not want, and what it says of them.</summary>
internal static class OtlpAnswer
{
    public static (long Spans, string Message) OfJson(ReadOnlySpan<byte> content)
    {
        try
        {
            var reader = new Utf8JsonReader(content);
            using var document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("partialSuccess", out var part) || part.ValueKind != JsonValueKind.Object)
            {
                return (0, "");
            }

            // 64-bit numbers are strings in OTLP/JSON; some collectors write numbers.
            var spans = part.TryGetProperty("rejectedSpans", out var rejected) && long.TryParse(rejected.ToString(), out var number) ? number : 0;
            return (spans, part.TryGetProperty("errorMessage", out var message) ? message.ToString() : "");
        }
        catch (JsonException)
        {
            return (0, "");
        }
    }

    /// <summary>Field 1 is partial_success: in it 1 is rejected_spans, 2 error_message. What is damaged says nothing.</summary>
    public static (long Spans, string Message) OfProtobuf(ReadOnlySpan<byte> content)
    {
        foreach (var (field, _, bytes) in Fields(content))
        {
            if (field != 1)
            {
                continue;
            }

            var (spans, message) = (0L, "");
            foreach (var (inner, number, text) in Fields(bytes))
            {
                (spans, message) = inner switch { 1 => ((long)number, message), 2 => (spans, Encoding.UTF8.GetString(text)), _ => (spans, message) };
            }

            return (spans, message);
        }

        return (0, "");
    }

    private static List<(int Field, ulong Number, byte[] Bytes)> Fields(ReadOnlySpan<byte> content)
    {
        var fields = new List<(int, ulong, byte[])>();
        while (content.Length > 0 && Varint(ref content) is { } tag)
        {
            switch (tag & 7)
            {
                case 0 when Varint(ref content) is { } number:
                    fields.Add(((int)(tag >> 3), number, []));
                    break;
                case 2 when Varint(ref content) is { } length && length <= (ulong)content.Length:
                    fields.Add(((int)(tag >> 3), 0, content[..(int)length].ToArray()));
                    content = content[(int)length..];
                    break;
                default:
                    return fields;
            }
        }

        return fields;
    }

    private static ulong? Varint(ref ReadOnlySpan<byte> content)
    {
        var value = 0UL;
        for (var i = 0; i < content.Length && i < 10; i++)
        {
            value |= (ulong)(content[i] & 0x7F) << (7 * i);
            if (content[i] < 0x80)
            {
                content = content[(i + 1)..];
                return value;
            }
        }

        return null;
    }
}
