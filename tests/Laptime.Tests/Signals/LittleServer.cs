using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Laptime.Tests.Signals;

/// <summary>A real server on a real socket that answers each request with the raw bytes a test wants. Null hangs until the end of the test.</summary>
internal sealed class LittleServer : IAsyncDisposable
{
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource end = new();
    private readonly Func<int, string, string?>? answer;
    private readonly List<Task> running = [];
    private readonly TaskCompletionSource accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int requests;

    /// <param name="answer">From the number of the request (from 1) and its text; null: the port is taken, and nobody listens at it.</param>
    public LittleServer(Func<int, string, string?>? answer)
    {
        this.answer = answer;
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        if (answer is not null)
        {
            Listen();
        }
    }

    public int Port { get; }

    /// <summary>How many requests came, each over a connection of its own.</summary>
    public int Requests => requests;

    /// <summary>The texts of the requests.</summary>
    public List<string> Seen { get; } = [];

    /// <summary>Completes with the first request.</summary>
    public Task Accepted => accepted.Task;

    public static string Http(int status, string body = "", string headers = "") =>
        $"HTTP/1.1 {status} Words\r\n{headers}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public void Listen()
    {
        listener.Listen();
        running.Add(AcceptAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        listener.Dispose();
        for (var i = 0; i < running.Count; i++)
        {
            await running[i].ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        end.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var socket = await listener.AcceptAsync(end.Token);
            running.Add(AnswerAsync(socket));
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        using var connection = socket;
        var request = "";
        var buffer = new byte[4096];
        while (!request.Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await socket.ReceiveAsync(buffer, end.Token);
            if (read == 0)
            {
                return;
            }

            request += Encoding.UTF8.GetString(buffer, 0, read);
        }

        Seen.Add(request);
        var reply = answer?.Invoke(Interlocked.Increment(ref requests), request);
        accepted.TrySetResult();
        if (reply is null)
        {
            await Task.Delay(Timeout.Infinite, end.Token);
        }

        if (reply == "reset")
        {
            socket.LingerState = new LingerOption(true, 0);
            return;
        }

        await socket.SendAsync(Encoding.UTF8.GetBytes(reply!), end.Token);
        socket.Shutdown(SocketShutdown.Send);
        // Closing with the client's bytes unread would reset the connection and take the answer with it.
        while (await socket.ReceiveAsync(buffer, end.Token) > 0)
        {
        }
    }
}
