using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Laptime.Agent;

/// <summary>Forwards one HTTP request: streams both ways, holds nothing back, passes upgrades through as raw bytes.</summary>
internal static class Forwarder
{
    private const int BufferSize = 32 * 1024;

    // RFC 9110, 7.6.1: for this connection only.
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Host",
    };

    internal static async Task ForwardAsync(Front front, HttpContext context)
    {
        Upstream? tried = null;
        while (true)
        {
            var upstream = front.Take(tried);
            if (upstream is null)
            {
                await ExplainAsync(context, StatusCodes.Status503ServiceUnavailable, front.Route is null
                    ? $"{front.Component}: no instance serves (environment {front.Environment}); `lap status` says why"
                    : $"{front.Component}: no instance of {front.Route.Revision} is alive; `lap status` and `lap logs {front.Component}` say why");
                return;
            }

            try
            {
                var failure = await TryAsync(front, upstream, context);
                if (failure is null)
                {
                    return;
                }

                // Nothing of it can have been acted on, or acting twice does no harm: once more, where the front leads now.
                if (tried is null && failure.MayRepeat)
                {
                    tried = upstream;
                    continue;
                }

                await ExplainAsync(context, StatusCodes.Status502BadGateway,
                    $"{front.Component}: instance {upstream.Instance} (port {upstream.Port}) failed: {failure.Why}; `lap logs {front.Component}` has its last words");
                return;
            }
            finally
            {
                upstream.Leave();
            }
        }
    }

    private sealed record Failure(string Why, bool MayRepeat);

    /// <returns>Null when an answer was sent (or the client went away); otherwise nothing was sent yet.</returns>
    private static async Task<Failure?> TryAsync(Front front, Upstream upstream, HttpContext context)
    {
        var body = context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true ? new RequestBody(context.Request) : null;
        using var request = RequestFor(front, upstream, context, body);
        HttpResponseMessage response;
        try
        {
            response = await upstream.Invoker.SendAsync(request, context.RequestAborted);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            if (context.RequestAborted.IsCancellationRequested)
            {
                context.Abort();
                return null;
            }

            var never = e is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } or ObjectDisposedException;
            var untouched = body is not { Touched: true };
            var cause = e;
            while (cause.InnerException is { } inner)
            {
                cause = inner;
            }

            return new Failure(cause.Message, untouched && (never || (body is null && IsIdempotent(context.Request.Method))));
        }

        using (response)
        {
            try
            {
                if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
                {
                    await TunnelAsync(upstream, response, context);
                }
                else
                {
                    await AnswerAsync(response, context);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or InvalidOperationException)
            {
                // Half an answer must not look like a whole one.
                context.Abort();
            }
        }

        return null;
    }

    private static HttpRequestMessage RequestFor(Front front, Upstream upstream, HttpContext context, RequestBody? body)
    {
        var incoming = context.Request;
        var request = new HttpRequestMessage(new HttpMethod(incoming.Method), new Uri(
            $"http://127.0.0.1:{upstream.Port}{PathAndQuery(context)}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = body,
        };
        var connection = incoming.Headers.Connection.ToString();
        foreach (var (name, value) in incoming.Headers)
        {
            if (HopByHop.Contains(name) || name.StartsWith(':') || IsNamedBy(connection, name) || name is "X-Forwarded-For" or "X-Forwarded-Host" or "X-Forwarded-Proto")
            {
                continue;
            }

            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value))
            {
                body?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value);
            }
        }

        request.Headers.Host = incoming.Host.HasValue ? incoming.Host.Value : null;
        var sender = context.Connection.RemoteIpAddress?.ToString() ?? "127.0.0.1";
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", incoming.Headers.TryGetValue("X-Forwarded-For", out var before) ? $"{before}, {sender}" : sender);
        request.Headers.TryAddWithoutValidation("X-Forwarded-Host", incoming.Headers.TryGetValue("X-Forwarded-Host", out var host) ? host.ToString() : incoming.Host.Value ?? $"127.0.0.1:{front.Port}");
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", incoming.Headers.TryGetValue("X-Forwarded-Proto", out var scheme) ? scheme.ToString() : "http");
        if (context.Features.Get<IHttpUpgradeFeature>()?.IsUpgradableRequest == true)
        {
            request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
            request.Headers.TryAddWithoutValidation("Upgrade", (IEnumerable<string?>)incoming.Headers.Upgrade);
        }

        return request;
    }

    /// <summary>As the client wrote it: not decoded, not tidied.</summary>
    private static string PathAndQuery(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (target.StartsWith('/'))
        {
            return target;
        }

        // The absolute form that proxies get; or "*".
        var path = target.Contains("://", StringComparison.Ordinal) ? target.IndexOf('/', target.IndexOf("://", StringComparison.Ordinal) + 3) : -1;
        return path < 0 ? "/" : target[path..];
    }

    private static async Task AnswerAsync(HttpResponseMessage response, HttpContext context)
    {
        CopyHead(response, context);
        var cancel = context.RequestAborted;
        await using var content = await response.Content.ReadAsStreamAsync(cancel);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (true)
            {
                var reading = content.ReadAsync(buffer, cancel);
                if (!reading.IsCompleted && !context.Response.HasStarted)
                {
                    // The head goes out while the instance still thinks about the body.
                    await context.Response.StartAsync(cancel);
                    await context.Response.Body.FlushAsync(cancel);
                }

                var count = await reading;
                if (count == 0)
                {
                    break;
                }

                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count), cancel);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        if (context.Response.SupportsTrailers())
        {
            foreach (var (name, values) in response.TrailingHeaders.NonValidated)
            {
                context.Response.AppendTrailer(name, new Microsoft.Extensions.Primitives.StringValues([.. values]));
            }
        }
    }

    /// <summary>After "101 switching protocols" both sides are raw bytes, until either ends or draining does.</summary>
    private static async Task TunnelAsync(Upstream upstream, HttpResponseMessage response, HttpContext context)
    {
        CopyHead(response, context);
        context.Response.Headers.Connection = "Upgrade";
        if (response.Headers.NonValidated.TryGetValues("Upgrade", out var protocol))
        {
            context.Response.Headers.Upgrade = protocol.ToString();
        }

        await using var client = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        await using var instance = await response.Content.ReadAsStreamAsync(context.RequestAborted);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(upstream.Closing, context.RequestAborted);
        var up = PumpAsync(client, instance, ending.Token);
        var down = PumpAsync(instance, client, ending.Token);
        await Task.WhenAny(up, down);
        await ending.CancelAsync();
        await Task.WhenAll(up, down);
    }

    private static async Task PumpAsync(Stream from, Stream to, CancellationToken cancel)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int count;
            while ((count = await from.ReadAsync(buffer, cancel)) > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancel);
                await to.FlushAsync(cancel);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The end of a tunnel.
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void CopyHead(HttpResponseMessage response, HttpContext context)
    {
        context.Response.StatusCode = (int)response.StatusCode;
        context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = response.ReasonPhrase;
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        var connection = response.Headers.NonValidated.TryGetValues("Connection", out var named) ? named.ToString() : "";
        Copy(response.Headers.NonValidated);
        Copy(response.Content.Headers.NonValidated);

        void Copy(System.Net.Http.Headers.HttpHeadersNonValidated headers)
        {
            foreach (var (name, values) in headers)
            {
                if (!HopByHop.Contains(name) && !IsNamedBy(connection, name))
                {
                    context.Response.Headers[name] = new Microsoft.Extensions.Primitives.StringValues([.. values]);
                }
            }
        }
    }

    private static async Task ExplainAsync(HttpContext context, int status, string text)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        try
        {
            await context.Response.WriteAsync(text + "\n", context.RequestAborted);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    private static bool IsNamedBy(string connection, string name) =>
        connection.Length > 0 && connection.Split(',', StringSplitOptions.TrimEntries).Contains(name, StringComparer.OrdinalIgnoreCase);

    private static bool IsIdempotent(string method) => method is "GET" or "HEAD" or "OPTIONS" or "TRACE" or "PUT" or "DELETE";

    /// <summary>The client's body, passed on as it comes. Reading it is what makes Kestrel send "100 continue".</summary>
    private sealed class RequestBody(HttpRequest request) : HttpContent
    {
        internal bool Touched { get; private set; }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            Touched = true;
            var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                int count;
                while ((count = await request.Body.ReadAsync(buffer, cancellationToken)) > 0)
                {
                    await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                    await stream.FlushAsync(cancellationToken);
                }
            }
            finally
            {
                System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
