using System.Net;
using System.Text;

namespace Laptime.Agent;

/// <summary>One instance as the front sees it: its own connection pool, and the requests that are under way on it.</summary>
internal sealed class Upstream : IDisposable
{
    private readonly CancellationTokenSource closing = new();
    private readonly TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int underWay;
    private volatile bool draining;

    internal Upstream(string instance)
    {
        Instance = instance;
        Invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(5),
#pragma warning disable CA2262 // 256 KB: as much as the front accepts of a request.
            MaxResponseHeadersLength = 256,
#pragma warning restore CA2262

            // Servers close idle connections after two seconds and more: ours must be the first to, or a request meets a closed one.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1),
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        });
    }

    internal string Instance { get; }

    internal HttpMessageInvoker Invoker { get; }

    /// <summary>Where it listens; another one after a restart.</summary>
    internal int Port
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>It has ended and is not asked.</summary>
    internal bool Down
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>Cancelled at the end of draining: upgraded connections end then.</summary>
    internal CancellationToken Closing => closing.Token;

    internal void Enter() => Interlocked.Increment(ref underWay);

    internal void Leave()
    {
        if (Interlocked.Decrement(ref underWay) == 0 && draining)
        {
            idle.TrySetResult();
        }
    }

    /// <summary>Waits until nothing is under way, at most for <paramref name="bound"/>; then closes upgraded connections. No route may lead here any more.</summary>
    internal async Task DrainAsync(TimeSpan bound, TimeProvider clock)
    {
        draining = true;
        if (Volatile.Read(ref underWay) > 0)
        {
            try
            {
                await idle.Task.WaitAsync(bound, clock);
            }
            catch (TimeoutException)
            {
                // Requests that still run may finish while the instance shuts down.
            }
        }

        await closing.CancelAsync();
    }

    public void Dispose()
    {
        closing.Cancel();
        Invoker.Dispose();
    }
}

/// <summary>What a front leads to. Replaced as a whole.</summary>
internal sealed class Route(string component, string revision, IReadOnlyList<Upstream> upstreams)
{
    private uint turn;

    internal string Component => component;

    internal string Revision => revision;

    internal IReadOnlyList<Upstream> Upstreams => upstreams;

    /// <summary>In turn, leaving out those that have ended and <paramref name="except"/> when there is another.</summary>
    internal Upstream? Next(Upstream? except)
    {
        var from = Interlocked.Increment(ref turn);
        Upstream? last = null;
        for (var i = 0; i < upstreams.Count; i++)
        {
            var candidate = upstreams[(int)((from + (uint)i) % (uint)upstreams.Count)];
            if (candidate.Down)
            {
                continue;
            }

            if (candidate != except)
            {
                return candidate;
            }

            last = candidate;
        }

        return last;
    }
}
