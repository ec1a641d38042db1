using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Laptime.Signals;

/// <summary>
/// One GET over one fresh connection, by hand. HttpClient would pool (and go on talking to the old process after the new one listens), ask proxies,
/// follow redirects, and cost 80 ms at its first use.
/// </summary>
internal sealed class HttpExchange
{
    public const int BodyBound = 64 * 1024;
    private const int LineBound = 8 * 1024;
    private const int HeadBound = 32 * 1024;

    private readonly byte[] buffer = new byte[8 * 1024];
    private Socket socket = null!;
    private int start;
    private int end;

    /// <summary>True from the moment that the connection was accepted; still true when the answer then fails.</summary>
    public bool Connected { get; private set; }

    /// <summary>Asks, and reads the answer up to its end or <see cref="BodyBound"/>.</summary>
    /// <exception cref="SocketException">No connection (<see cref="Connected"/> is false), or one that broke.</exception>
    /// <exception cref="FormatException">The answer is not HTTP/1.x; the message says what it was.</exception>
    public async Task<HttpAnswer> GetAsync(IPEndPoint address, string path, IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancel)
    {
        var (connection, error) = await TryConnectAsync(address, cancel);
        socket = connection ?? throw new SocketException((int)error);
        using var closing = connection;
        Connected = true;
        await SendAsync(Encoding.UTF8.GetBytes(Request(address, path, headers)), cancel);
        Head head;
        do
        {
            head = await ReadHeadAsync(cancel);
        }
        while (head.Status is >= 100 and < 200 and not 101);
        var (body, flaw) = await ReadBodyAsync(head, cancel);
        return new HttpAnswer(head.Status, head.Location, body, flaw);
    }

    /// <summary>A connected socket, which whoever calls disposes; or why there is none.</summary>
    /// <remarks>
    /// A refusal is a value here: while an instance boots it is the everyday answer, and the first exception with its stack trace costs 10 ms.
    /// </remarks>
    public static async Task<(Socket? Socket, SocketError Error)> TryConnectAsync(IPEndPoint address, CancellationToken cancel)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var attempt = new SocketAsyncEventArgs { RemoteEndPoint = address };
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        attempt.Completed += (_, _) => done.TrySetResult();
        try
        {
            cancel.ThrowIfCancellationRequested();
            if (socket.ConnectAsync(attempt))
            {
                using var cancelling = cancel.UnsafeRegister(static a => Socket.CancelConnectAsync((SocketAsyncEventArgs)a!), attempt);
                await done.Task;
            }

            if (attempt.SocketError != SocketError.Success)
            {
                cancel.ThrowIfCancellationRequested();
                socket.Dispose();
                return (null, attempt.SocketError);
            }

            if (address.Equals(socket.LocalEndPoint))
            {
                // A port of the ephemeral range where nobody listens: the kernel chose that very port for our end, and TCP connected us with ourselves.
                socket.Dispose();
                return (null, SocketError.ConnectionRefused);
            }

            return (socket, SocketError.Success);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Request(IPEndPoint address, string path, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var text = new StringBuilder("GET ").Append(path).Append(" HTTP/1.1\r\n");
        foreach (var (name, value) in headers.Prepend(new("Connection", "close")).Concat(
            [new("Host", address.ToString()), new("Accept", "*/*"), new("Accept-Encoding", "identity"), new("User-Agent", "lap-probe")]))
        {
            // The user's own headers come before our defaults, and replace them.
            if (name == "Connection" || !text.ToString().Contains($"\r\n{name}: ", StringComparison.OrdinalIgnoreCase))
            {
                text.Append(name).Append(": ").Append(value).Append("\r\n");
            }
        }

        return text.Append("\r\n").ToString();
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancel)..];
        }
    }

    private async Task<Head> ReadHeadAsync(CancellationToken cancel)
    {
        var first = await ReadLineAsync(cancel) ?? throw new FormatException("closed without an answer");
        // HTTP/1.1 200 OK
        if (first.Length < 12 || !first.StartsWith("HTTP/1.", StringComparison.Ordinal) || first[8] != ' '
            || !int.TryParse(first.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status) || status < 100)
        {
            throw new FormatException($"not HTTP/1.1: \"{ProbeText.Excerpt(first, 60)}\"");
        }

        var head = new Head(status);
        var read = 0;
        while (await ReadLineAsync(cancel) is var line && !string.IsNullOrEmpty(line))
        {
            if ((read += line.Length) > HeadBound)
            {
                throw new FormatException($"{status}, with headers of more than {HeadBound / 1024} KB");
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var value = line[(colon + 1)..].Trim();
            switch (colon < 0 ? "" : line[..colon].ToLowerInvariant())
            {
                case "location":
                    head = head with { Location = value };
                    break;
                case "content-length":
                    head = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                        ? head with { Length = length }
                        : throw new FormatException($"{status}, with content-length \"{ProbeText.Excerpt(value, 40)}\"");
                    break;
                case "transfer-encoding":
                    head = head with { Chunked = value.EndsWith("chunked", StringComparison.OrdinalIgnoreCase) };
                    break;
            }
        }

        return head;
    }

    /// <summary>The body, and in words what is wrong with it when it ended too early.</summary>
    private async Task<(string Body, string? Flaw)> ReadBodyAsync(Head head, CancellationToken cancel)
    {
        if (head.Status is 101 or 204 or 304)
        {
            return ("", null);
        }

        var body = new MemoryStream();
        string? flaw = null;
        try
        {
            if (head.Chunked)
            {
                flaw = await ReadChunksAsync(body, cancel);
            }
            else if (!await ReadAsync(body, head.Length ?? long.MaxValue, cancel) && head.Length is { } length)
            {
                flaw = $"the body ended after {body.Length} of {length} bytes";
            }
        }
        catch (SocketException e)
        {
            flaw = $"the body broke off after {body.Length} bytes ({ProbeText.Of(e)})";
        }

        return (Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length), flaw);
    }

    private async Task<string?> ReadChunksAsync(MemoryStream body, CancellationToken cancel)
    {
        while (body.Length < BodyBound)
        {
            var line = await ReadLineAsync(cancel);
            if (line is null)
            {
                return $"the body broke off after {body.Length} bytes";
            }

            if (!long.TryParse(line.Split(';')[0].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) || size < 0)
            {
                return $"the body has a chunk of size \"{ProbeText.Excerpt(line, 20)}\"";
            }

            if (size == 0)
            {
                return null;
            }

            if (!await ReadAsync(body, size, cancel) || (body.Length < BodyBound && await ReadLineAsync(cancel) is null))
            {
                return $"the body broke off after {body.Length} bytes";
            }
        }

        return null;
    }

    /// <summary>Appends <paramref name="count"/> bytes, or what the bound leaves of them; false when the connection ended before.</summary>
    private async Task<bool> ReadAsync(MemoryStream body, long count, CancellationToken cancel)
    {
        count = Math.Min(count, BodyBound - body.Length);
        while (count > 0)
        {
            if (start == end && !await FillAsync(cancel))
            {
                return false;
            }

            var taken = (int)Math.Min(count, end - start);
            body.Write(buffer, start, taken);
            start += taken;
            count -= taken;
        }

        return true;
    }

    /// <summary>A line without its end; null at the end of the connection.</summary>
    private async Task<string?> ReadLineAsync(CancellationToken cancel)
    {
        var line = new MemoryStream();
        while (true)
        {
            if (start == end && !await FillAsync(cancel))
            {
                return line.Length == 0 ? null : Text();
            }

            var at = Array.IndexOf(buffer, (byte)'\n', start, end - start);
            var stop = at < 0 ? end : at;
            line.Write(buffer, start, stop - start);
            start = at < 0 ? end : at + 1;
            if (at >= 0)
            {
                return Text();
            }

            if (line.Length > LineBound)
            {
                throw new FormatException($"not HTTP/1.1: a line of more than {LineBound / 1024} KB, \"{ProbeText.Excerpt(Text(), 60)}\"");
            }
        }

        string Text() => Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length).TrimEnd('\r');
    }

    private async Task<bool> FillAsync(CancellationToken cancel)
    {
        start = 0;
        end = await socket.ReceiveAsync(buffer.AsMemory(), SocketFlags.None, cancel);
        return end > 0;
    }

    private sealed record Head(int Status, string? Location = null, long? Length = null, bool Chunked = false);
}

/// <param name="Status">100 to 999.</param>
/// <param name="Location">Where a redirect leads; never followed.</param>
/// <param name="Body">At most <see cref="HttpExchange.BodyBound"/> bytes of it, as UTF-8.</param>
/// <param name="Flaw">What is wrong with the body, or null.</param>
internal sealed record HttpAnswer(int Status, string? Location, string Body, string? Flaw);
