using System.Net.Sockets;
using System.Text.Json;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>What an agent is made of.</summary>
internal sealed record AgentParts(Supervisor Supervisor, Rollouts Rollouts, Leads Leads, Engines Engines, Observer Observer, Watch Watch, string Version, TimeProvider Clock)
{
    internal SignalReader Signals => field ??= new SignalReader(Clock);

    internal NoOpAnswer NoOp => field ??= new NoOpAnswer(Observer, Signals, Engines, Watch);

    internal DateTimeOffset Since { get; } = Clock.GetUtcNow();
}

/// <summary>Answers the control socket: one loop per connection, requests in order.</summary>
internal sealed class AgentServer(AgentParts parts) : IDisposable
{
    private static readonly TimeSpan IdleBound = TimeSpan.FromMinutes(10);

    /// <summary>An agent that only makes the next look fast is not for ever.</summary>
    private static readonly TimeSpan WatchBound = TimeSpan.FromHours(8);
    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource ending = new();
    private readonly TimeProvider clock = parts.Clock;
    private long lastRequest = parts.Clock.GetTimestamp();
    private int connections;

    /// <summary>Ends the agent; what runs runs on.</summary>
    internal void End() => ending.Cancel();

    public void Dispose() => ending.Dispose();

    /// <summary>Serves until <see cref="End"/>, a shutdown request, or until there was nothing to do for ten minutes.</summary>
    internal async Task RunAsync(Socket listener)
    {
        var housekeeping = HousekeepAsync();
        var open = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await listener.AcceptAsync(ending.Token);
                open.RemoveAll(t => t.IsCompleted);
                open.Add(ServeAsync(socket));
            }
        }
        catch (OperationCanceledException)
        {
            // The end that was asked for.
        }

        // Every wait has a bound: whoever asked for the end counts on it.
        try
        {
            await Task.WhenAll([housekeeping, .. open]).WaitAsync(EndBound, clock);
        }
        catch (TimeoutException)
        {
            await Console.Error.WriteLineAsync(
                $"lap-agent: {open.Count(t => !t.IsCompleted)} connections{(housekeeping.IsCompleted ? "" : " and its housekeeping")} did not end within {EndBound.TotalSeconds:0} s; it ends without them");
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.Yield();
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        if (!PeerUser.IsOurs(socket))
        {
            return;
        }

        Interlocked.Increment(ref connections);
        var connection = new Connection(parts, stream);
        try
        {
            await connection.RunAsync(End, ending.Token);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException or OperationCanceledException)
        {
            // It went away, or does not speak our language: its own concern.
        }
        catch (Exception e)
        {
            // A bug ends this connection, not what others run; the log is where it is told.
            await Console.Error.WriteLineAsync($"lap-agent: {e}");
        }
        finally
        {
            await connection.AbandonAsync();
            Interlocked.Decrement(ref connections);
            Volatile.Write(ref lastRequest, clock.GetTimestamp());
        }
    }

    private async Task HousekeepAsync()
    {
        while (!ending.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Round, clock, ending.Token);
                await parts.Rollouts.ReclaimFrontsAsync(ending.Token);
                await parts.Leads.ReclaimFrontsAsync(ending.Token);
                parts.Supervisor.RememberAgain();
            }
            catch (OperationCanceledException)
            {
                return;
            }

            List<string> logs;
            lock (parts.Supervisor.Gate)
            {
                logs = [.. parts.Supervisor.Revisions.SelectMany(r => r.Instances).Select(i => i.LogFile)];
            }

            logs.ForEach(LogRotation.RotateWhenLarge);
            var idle = logs.Count == 0 && parts.Leads.Count == 0 && Volatile.Read(ref connections) == 0;
            if (idle && clock.GetElapsedTime(Volatile.Read(ref lastRequest)) > (parts.Watch.State == "off" ? IdleBound : WatchBound))
            {
                End();
            }
        }
    }
}
