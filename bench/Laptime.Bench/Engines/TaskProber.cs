using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Laptime.Bench.Engines;

/// <summary>
/// Sees for itself which revision answers: asks every task of a service again and again at its own address, from the moment that the engine starts its container. Uses nothing of Laptime.
/// </summary>
internal sealed class TaskProber : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    private readonly HttpClient engine;
    private readonly string service;
    private readonly int port;
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (DateTime First, DateTime Last)> answers = new(StringComparer.Ordinal);
    private readonly List<Task> loops = [];

    /// <param name="service">Full name of the service.</param>
    /// <param name="port">Where its tasks listen; they answer <c>/content</c>.</param>
    public TaskProber(string socket, string service, int port)
    {
        (this.service, this.port) = (service, port);
        engine = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                return new NetworkStream(connection, ownsSocket: true);
            },
        }) { BaseAddress = new Uri("http://engine"), Timeout = Timeout.InfiniteTimeSpan };
        var listening = new TaskCompletionSource();
        loops.Add(ListenAsync(listening));
        listening.Task.Wait();
        foreach (var container in JsonDocument.Parse(Get($"/containers/json?filters={Filter("label")}")).RootElement.EnumerateArray())
        {
            Begin(container.GetProperty("Id").GetString()!);
        }
    }

    /// <summary>First and last good answer of a content (UTC); null: none came.</summary>
    public (DateTime First, DateTime Last)? Of(string content)
    {
        lock (gate)
        {
            return answers.TryGetValue(content, out var seen) ? seen : null;
        }
    }

    public (DateTime First, DateTime Last) Until(string content)
    {
        for (var i = 0; i < 5000; i++)
        {
            if (Of(content) is { } seen)
            {
                return seen;
            }

            Thread.Sleep(2);
        }

        throw new InvalidOperationException($"the prober saw no answer {content} of {service}");
    }

    public void Dispose()
    {
        ending.Cancel();
        Task[] all;
        lock (gate)
        {
            all = [.. loops];
        }

        Task.WaitAll(all);
        engine.Dispose();
        ending.Dispose();
    }

    private string Filter(string kind) => Uri.EscapeDataString($$"""{"{{kind}}":["com.docker.swarm.service.name={{service}}"]}""");

    private string Get(string path) => engine.GetStringAsync(path).GetAwaiter().GetResult();

    private async Task ListenAsync(TaskCompletionSource listening)
    {
        try
        {
            var filters = Uri.EscapeDataString($$"""{"type":["container"],"event":["start"],"label":["com.docker.swarm.service.name={{service}}"]}""");
            using var answer = await engine.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/events?filters=" + filters), HttpCompletionOption.ResponseHeadersRead, ending.Token);
            using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(ending.Token));
            listening.SetResult();
            while (await lines.ReadLineAsync(ending.Token) is { } line)
            {
                Begin(JsonDocument.Parse(line).RootElement.GetProperty("Actor").GetProperty("ID").GetString()!);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Begin(string container)
    {
        lock (gate)
        {
            if (asked.Add(container))
            {
                loops.Add(Task.Run(() => AskAsync(container)));
            }
        }
    }

    private async Task AskAsync(string container)
    {
        try
        {
            IPAddress? address = null;
            for (var tries = 0; address is null && tries < 500; tries++)
            {
                using var network = JsonDocument.Parse(await engine.GetStringAsync("/networks/docker_gwbridge", ending.Token));
                if (network.RootElement.GetProperty("Containers").TryGetProperty(container, out var end) && end.GetProperty("IPv4Address").GetString() is { Length: > 0 } text)
                {
                    address = IPAddress.Parse(text.Split('/')[0]);
                }
                else
                {
                    await Task.Delay(Pause, ending.Token);
                }
            }

            var buffer = new byte[4096];
            var refused = 0;
            // Gone for good when nothing has answered for a while, after it did.
            for (var good = false; address is not null && !(good && refused > 200);)
            {
                if (await OnceAsync(address, buffer) is { } content)
                {
                    (good, refused) = (true, 0);
                    var now = DateTime.UtcNow;
                    lock (gate)
                    {
                        answers[content] = (answers.TryGetValue(content, out var seen) ? seen.First : now, now);
                    }
                }
                else
                {
                    refused++;
                }

                await Task.Delay(Pause, ending.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task<string?> OnceAsync(IPAddress address, byte[] buffer)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        bound.CancelAfter(500);
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(address, port, bound.Token);
            await socket.SendAsync("GET /content HTTP/1.0\r\n\r\n"u8.ToArray(), bound.Token);
            var length = 0;
            while (length < buffer.Length && await socket.ReceiveAsync(buffer.AsMemory(length), bound.Token) is > 0 and var got)
            {
                length += got;
            }

            var said = Encoding.ASCII.GetString(buffer, 0, length);
            return said.StartsWith("HTTP/1.", StringComparison.Ordinal) && said.Contains(" 200 ", StringComparison.Ordinal) ? said[(said.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].Trim() : null;
        }
        catch (SocketException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            return null;
        }
    }
}
