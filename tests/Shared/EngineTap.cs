using System.Net.Sockets;
using System.Text;

namespace Laptime.Tests.Engines;

/// <summary>
/// A Unix socket in front of an engine's own that passes every byte on and notes each request: who wants to say how often a command asks an engine looks here. A request begins a packet, as those of
/// clients do that wait for an answer before they ask again.
/// </summary>
internal sealed class EngineTap : IAsyncDisposable
{
    private static readonly string[] Methods = ["GET ", "POST ", "PUT ", "DELETE ", "HEAD "];

    private readonly string engine;
    private readonly string folder = Directory.CreateTempSubdirectory("lap-tap-").FullName;
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private readonly List<string> requests = [];
    private readonly List<Task> connections = [];
    private readonly Task accepting;

    /// <param name="engine">Path of the engine's socket.</param>
    public EngineTap(string engine)
    {
        this.engine = engine;
        Socket = Path.Combine(folder, "docker.sock");
        listener.Bind(new UnixDomainSocketEndPoint(Socket));
        listener.Listen();
        accepting = AcceptAsync();
    }

    public string Socket { get; }

    /// <summary>For <c>DOCKER_HOST</c>.</summary>
    public string Host => "unix://" + Socket;

    /// <summary>Method and path without the version and the question, in their order: <c>GET /services</c>. Forgets them.</summary>
    public IReadOnlyList<string> Take()
    {
        lock (gate)
        {
            string[] taken = [.. requests];
            requests.Clear();
            return taken;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Dispose();
        await accepting;
        await Task.WhenAll(connections);
        ending.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                connections.Add(ServeAsync(await listener.AcceptAsync(ending.Token)));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var engineSide = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using (client)
        {
            try
            {
                await engineSide.ConnectAsync(new UnixDomainSocketEndPoint(engine), ending.Token);
                await Task.WhenAny(PassAsync(client, engineSide, note: true), PassAsync(engineSide, client, note: false));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
            }
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool note)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ending.Token) is > 0 and var got)
            {
                if (note)
                {
                    Note(buffer.AsSpan(0, got));
                }

                for (var sent = 0; sent < got;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, got - sent), ending.Token);
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private void Note(ReadOnlySpan<byte> packet)
    {
        var end = packet.IndexOf("\r\n"u8);
        if (end is < 0 or > 8192)
        {
            return;
        }

        var line = Encoding.ASCII.GetString(packet[..end]);
        if (!line.EndsWith(" HTTP/1.1", StringComparison.Ordinal) || !Array.Exists(Methods, m => line.StartsWith(m, StringComparison.Ordinal)))
        {
            return;
        }

        var method = line[..line.IndexOf(' ', StringComparison.Ordinal)];
        var path = line[(method.Length + 1)..^" HTTP/1.1".Length];
        path = path.Contains('?', StringComparison.Ordinal) ? path[..path.IndexOf('?', StringComparison.Ordinal)] : path;
        if (path.StartsWith("/v1.", StringComparison.Ordinal))
        {
            path = path[path.IndexOf('/', 1)..];
        }

        lock (gate)
        {
            requests.Add($"{method} {path}");
        }
    }
}
