using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

/// <summary>
/// A small HTTP server on PORT: /version (LAPTIME_REVISION), /health (503 when HEALTH is bad), /pid, /head (the request as it came), /echo (the body),
/// /slow?CHUNKSxMILLISECONDS (chunked), /ws (a WebSocket that returns what it gets), /die (ends at once). On SIGTERM it finishes what is under way.
/// </summary>
internal static class HttpServer
{
    private static readonly CancellationTokenSource Ending = new();
    private static int underWay;

    internal static int Serve()
    {
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            Ending.Cancel();
        });
        var listener = new TcpListener(IPAddress.Loopback, int.Parse(Environment.GetEnvironmentVariable("PORT")!, CultureInfo.InvariantCulture));
        listener.Start(512);
        Console.Out.WriteLine($"listening as {Environment.GetEnvironmentVariable("LAPTIME_REVISION")}");
        try
        {
            while (true)
            {
                _ = ServeAsync(listener.AcceptSocketAsync(Ending.Token).AsTask().GetAwaiter().GetResult());
            }
        }
        catch (OperationCanceledException)
        {
            listener.Stop();
        }

        SpinWait.SpinUntil(() => Volatile.Read(ref underWay) == 0, TimeSpan.FromSeconds(5));
        Console.Out.WriteLine("ended as asked");
        return 0;
    }

    private static async Task ServeAsync(Socket socket)
    {
        await Task.Yield();
        socket.NoDelay = true;
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var buffer = new byte[64 * 1024];
        var have = 0;
        try
        {
            while (true)
            {
                int end;
                while ((end = buffer.AsSpan(0, have).IndexOf("\r\n\r\n"u8)) < 0)
                {
                    var count = await stream.ReadAsync(buffer.AsMemory(have), Ending.Token);
                    if (count == 0)
                    {
                        return;
                    }

                    have += count;
                }

                Interlocked.Increment(ref underWay);
                try
                {
                    var head = Encoding.Latin1.GetString(buffer, 0, end);
                    var rest = buffer[(end + 4)..have];
                    rest.CopyTo(buffer, 0);
                    have = rest.Length;
                    var (body, used) = await BodyAsync(head, rest, stream);
                    buffer.AsSpan(used, have - used).CopyTo(buffer);
                    have -= used;
                    if (!await AnswerAsync(head, body, stream))
                    {
                        return;
                    }
                }
                finally
                {
                    Interlocked.Decrement(ref underWay);
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The other side went away, or we end.
        }
    }

    private static async Task<(byte[] Body, int Used)> BodyAsync(string head, byte[] have, NetworkStream stream)
    {
        if (Header(head, "Transfer-Encoding") == "chunked")
        {
            using var all = new MemoryStream();
            var reader = new BytesReader(have, stream);
            int size;
            while ((size = int.Parse(await reader.LineAsync(), NumberStyles.HexNumber, CultureInfo.InvariantCulture)) > 0)
            {
                all.Write(await reader.TakeAsync(size));
                await reader.LineAsync();
            }

            await reader.LineAsync();
            return (all.ToArray(), Math.Min(have.Length, reader.FromHave));
        }

        var length = int.Parse(Header(head, "Content-Length") ?? "0", CultureInfo.InvariantCulture);
        if (Header(head, "Expect") is not null && have.Length < length)
        {
            await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray());
        }

        var body = new byte[length];
        var used = Math.Min(length, have.Length);
        have.AsSpan(0, used).CopyTo(body);
        await stream.ReadExactlyAsync(body.AsMemory(used));
        return (body, used);
    }

    private static async Task<bool> AnswerAsync(string head, byte[] body, NetworkStream stream)
    {
        var target = head.Split(' ')[1];
        var path = target.Split('?')[0];
        switch (path)
        {
            case "/version":
                return await TextAsync(stream, 200, Environment.GetEnvironmentVariable("LAPTIME_REVISION") ?? "");
            case "/health":
                return await TextAsync(stream, Environment.GetEnvironmentVariable("HEALTH") == "bad" ? 503 : 200, "health");
            case "/pid":
                return await TextAsync(stream, 200, $"{Environment.ProcessId}");
            case "/head":
                return await TextAsync(stream, 200, head);
            case "/echo":
                return await SendAsync(stream, 200, body);
            case "/slow":
                var (chunks, pause) = target.Split('?')[1].Split('x') is [var a, var b] ? (int.Parse(a, CultureInfo.InvariantCulture), int.Parse(b, CultureInfo.InvariantCulture)) : (1, 1);
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kind: slow\r\n\r\n"u8.ToArray());
                for (var i = 0; i < chunks; i++)
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"{$"chunk {i}\n".Length:x}\r\nchunk {i}\n\r\n"));
                    await Task.Delay(pause);
                }

                await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
                return true;
            case "/ws":
                await WebSocketAsync(head, stream);
                return false;
            case "/die":
                Environment.Exit(7);
                return false;
            default:
                return await TextAsync(stream, 404, $"nothing at {target}");
        }
    }

    private static async Task WebSocketAsync(string head, NetworkStream stream)
    {
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(Header(head, "Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"));
        using var socket = System.Net.WebSockets.WebSocket.CreateFromStream(stream, isServer: true, subProtocol: null, Timeout.InfiniteTimeSpan);
        var buffer = new byte[4096];
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer.AsMemory(), Ending.Token);
            if (got.MessageType == System.Net.WebSockets.WebSocketMessageType.Close)
            {
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, got.Count), got.MessageType, got.EndOfMessage, Ending.Token);
        }
    }

    private static Task<bool> TextAsync(NetworkStream stream, int status, string text) => SendAsync(stream, status, Encoding.Latin1.GetBytes(text));

    private static async Task<bool> SendAsync(NetworkStream stream, int status, byte[] body)
    {
        // Keeps its connections when it ends: whoever still sends on one has not drained.
        byte[] all = [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status} Whatever\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];
        await stream.WriteAsync(all);
        return true;
    }

    private static string? Header(string head, string name) =>
        head.Split("\r\n").Skip(1).Select(l => l.Split(": ", 2)).FirstOrDefault(p => p[0].Equals(name, StringComparison.OrdinalIgnoreCase))?[1];

    /// <summary>What has been read already, then the stream.</summary>
    private sealed class BytesReader(byte[] have, NetworkStream stream)
    {
        internal int FromHave { get; private set; }

        internal async Task<byte[]> TakeAsync(int count)
        {
            var result = new byte[count];
            var first = Math.Min(count, have.Length - FromHave);
            have.AsSpan(FromHave, first).CopyTo(result);
            FromHave += first;
            await stream.ReadExactlyAsync(result.AsMemory(first));
            return result;
        }

        internal async Task<string> LineAsync()
        {
            var line = new StringBuilder();
            while (true)
            {
                var one = (char)(await TakeAsync(1))[0];
                if (one == '\n')
                {
                    return line.ToString().TrimEnd('\r');
                }

                line.Append(one);
            }
        }
    }
}
