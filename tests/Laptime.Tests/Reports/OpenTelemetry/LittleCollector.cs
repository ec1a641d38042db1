using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Laptime.Tests.Reports.OpenTelemetry;

/// <summary>A collector's receiving side on a free loopback port: OTLP over HTTP/1.1 or, as gRPC has it, over HTTP/2. Answers what a test wants.</summary>
internal sealed class LittleCollector : IAsyncDisposable
{
    private readonly WebApplication application;

    private LittleCollector(WebApplication application) => this.application = application;

    /// <summary>What came, with bodies as they were before compression and framing.</summary>
    public ConcurrentQueue<Received> Requests { get; } = new();

    public string Address => application.Urls.Single();

    /// <param name="answer">Called with the number of the request, from 1; null: accept it.</param>
    public static async Task<LittleCollector> StartAsync(bool grpc = false, Func<HttpContext, int, Task>? answer = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o => o.Listen(System.Net.IPAddress.Loopback, 0, l => l.Protocols = grpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        var collector = new LittleCollector(builder.Build());
        collector.application.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            collector.Requests.Enqueue(new Received(
                context.Request.Method, context.Request.Path, context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                Content(context.Request, body.ToArray(), grpc)));
            if (answer is not null)
            {
                await answer(context, collector.Requests.Count);
            }
            else if (grpc)
            {
                await GrpcAsync(context, "0");
            }
        });
        await collector.application.StartAsync();
        return collector;
    }

    public static async Task GrpcAsync(HttpContext context, string status, byte[]? message = null)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.DeclareTrailer("grpc-status");
        message ??= [];
        var framed = new byte[message.Length + 5];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed, 5);
        await context.Response.Body.WriteAsync(framed);
        context.Response.AppendTrailer("grpc-status", status);
    }

    public async ValueTask DisposeAsync() => await application.DisposeAsync();

    private static byte[] Content(HttpRequest request, byte[] body, bool grpc)
    {
        var compressed = request.Headers.ContentEncoding == "gzip";
        if (grpc)
        {
            Assert.Equal(body.Length - 5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
            compressed = body[0] == 1;
            body = body[5..];
        }

        if (!compressed)
        {
            return body;
        }

        using var whole = new MemoryStream();
        using var gzip = new GZipStream(new MemoryStream(body), CompressionMode.Decompress);
        gzip.CopyTo(whole);
        return whole.ToArray();
    }
}

internal sealed record Received(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body);
