using System.Net;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Laptime.Agent;

/// <summary>
/// Owns one port on loopback and forwards to whatever its route names now. Swapping the route is one reference: requests under way finish where they began.
/// A bare Kestrel: no host, no configuration files, no file watch.
/// </summary>
internal sealed class Front : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private readonly KestrelServer server;
    private Route? route;

    private Front(int port, string environment, string component)
    {
        (Port, Environment, Component) = (port, environment, component);
        var options = new KestrelServerOptions
        {
            AddServerHeader = false,
            RequestHeaderEncodingSelector = static _ => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static _ => Encoding.Latin1,
        };

        // Limits are the component's own business; the front only passes on.
        options.Limits.MaxRequestBodySize = null;
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.MaxRequestHeadersTotalSize = 256 * 1024;
        options.Limits.MaxRequestLineSize = 128 * 1024;
        options.Limits.MaxRequestHeaderCount = 1000;
        options.Listen(IPAddress.Loopback, port);
        var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        server = new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance);
    }

    internal int Port { get; }

    internal string Environment { get; }

    internal string Component { get; }

    internal Route? Route
    {
        get => Volatile.Read(ref route);
        set => Volatile.Write(ref route, value);
    }

    /// <exception cref="IOException">The port is taken (or may not be had).</exception>
    internal static async Task<Front> OpenAsync(int port, string environment, string component, CancellationToken cancel)
    {
        var front = new Front(port, environment, component);
        try
        {
            await front.server.StartAsync(front, cancel);
            return front;
        }
        catch (Exception e)
        {
            front.server.Dispose();
            throw e is IOException ? e : new IOException(e.Message, e);
        }
    }

    /// <summary>The instance to ask now, counted as asked: call <see cref="Upstream.Leave"/> when done. Null when there is none.</summary>
    internal Upstream? Take(Upstream? except)
    {
        while (true)
        {
            var now = Route;
            if (now?.Next(except) is not { } upstream)
            {
                return null;
            }

            // Counted first, checked second: whoever swaps the route and then reads the count cannot miss us.
            upstream.Enter();
            if (ReferenceEquals(now, Route))
            {
                return upstream;
            }

            upstream.Leave();
        }
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public Task ProcessRequestAsync(HttpContext context) => Forwarder.ForwardAsync(this, context);

    public void DisposeContext(HttpContext context, Exception? exception) { }

    public async ValueTask DisposeAsync()
    {
        // What is under way has been drained, or the agent ends: a moment for the last bytes.
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await server.StopAsync(soon.Token);
        server.Dispose();
    }
}
