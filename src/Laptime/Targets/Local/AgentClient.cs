using System.Net.Sockets;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Targets.Local;

/// <summary>
/// One connection to the agent. Requests are answered in order; a caller that gives up does not disturb the next one. When the agent goes away
/// in the middle, a <see cref="FaultException"/> says so.
/// </summary>
public sealed class AgentClient : IAsyncDisposable
{
    private readonly NetworkStream stream;
    private readonly LineReader lines;
    private readonly SemaphoreSlim turn = new(1);

    private AgentClient(NetworkStream stream)
    {
        this.stream = stream;
        lines = new LineReader(stream, AgentProtocol.LongestLine);
    }

    /// <summary>What the agent said of itself.</summary>
    public AgentAnswer.Welcome Agent { get; private set; } = new(0, "", 0);

    /// <summary>Connects to the agent that runs for this workspace. Null when none does.</summary>
    /// <exception cref="FaultException">Something answers there, but it is not an agent of ours.</exception>
    public static async Task<AgentClient?> TryConnectAsync(AgentFolder folder, string version, CancellationToken cancel)
    {
        if (folder.ReadIdentity() is not { } identity)
        {
            return null;
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(identity.Socket), cancel);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }

        if (!PeerUser.IsOurs(socket))
        {
            socket.Dispose();
            throw new FaultException(new Fault(Outcome.RolloutFailed, $"the agent's socket {identity.Socket} is held by another user", folder.Run, $"remove {folder.Run} and run again"));
        }

        var client = new AgentClient(new NetworkStream(socket, ownsSocket: true));
        try
        {
            client.Agent = await client.AskAsync<AgentAnswer.Welcome>(new AgentRequest.Hello(AgentProtocol.Version, version), cancel);
            return client;
        }
        catch (FaultException)
        {
            // It ended while we came in.
            await client.DisposeAsync();
            return null;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="FaultException">The agent refused, or went away.</exception>
    public async Task<T> AskAsync<T>(AgentRequest request, CancellationToken cancel) where T : AgentAnswer
    {
        cancel.ThrowIfCancellationRequested();
        return await ExchangeAsync(request).WaitAsync(cancel) switch
        {
            T answer => answer,
            AgentAnswer.Refused refused => throw new FaultException(new Fault(
                Outcome.All.FirstOrDefault(o => o.Name == refused.Outcome) ?? Outcome.RolloutFailed, refused.What, refused.Where, refused.Mend, refused.Tail)),
            var other => throw new InvalidOperationException($"the agent answered {request.GetType().Name} with {other.GetType().Name}"),
        };
    }

    public ValueTask DisposeAsync()
    {
        turn.Dispose();
        return stream.DisposeAsync();
    }

    private async Task<AgentAnswer> ExchangeAsync(AgentRequest request)
    {
        // Never cancelled half way: the next request would read this one's answer.
        await turn.WaitAsync(CancellationToken.None);
        try
        {
            byte[] message = [.. JsonSerializer.SerializeToUtf8Bytes(request, AgentJson.Default.AgentRequest), (byte)'\n'];
            await stream.WriteAsync(message, CancellationToken.None);
            var line = await lines.ReadAsync(CancellationToken.None) ?? throw new EndOfStreamException();
            return JsonSerializer.Deserialize(line.Span, AgentJson.Default.AgentAnswer)!;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new FaultException(
                new Fault(Outcome.RolloutFailed, "the agent ended while it was asked", Mend: "run the command again; .laptime/run/agent.log has its last words"), e);
        }
        finally
        {
            try
            {
                turn.Release();
            }
            catch (ObjectDisposedException)
            {
                // Closed by a caller that gave up.
            }
        }
    }
}
