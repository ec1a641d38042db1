using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Agent;

/// <summary>The front ports that this agent owns.</summary>
internal sealed class Fronts : IAsyncDisposable
{
    private readonly Dictionary<int, Front> open = [];
    private readonly SemaphoreSlim turn = new(1);

    internal Front? Find(int? port)
    {
        lock (open)
        {
            return port is { } number ? open.GetValueOrDefault(number) : null;
        }
    }

    /// <summary>Takes the port for the component; does nothing when it has it.</summary>
    /// <exception cref="RefusedException">Another component or a foreign process has it.</exception>
    internal async Task<Front> OpenAsync(int port, string environment, string component, CancellationToken cancel)
    {
        await turn.WaitAsync(cancel);
        try
        {
            if (Find(port) is { } ours)
            {
                return ours.Environment == environment && ours.Component == component
                    ? ours
                    : throw new RefusedException(
                        Outcome.RolloutFailed, $"port {port} is the front of {ours.Component} in environment {ours.Environment}", component,
                        $"give one of them another port (run.port), or stop it: lap down {ours.Component} --env {ours.Environment}");
            }

            try
            {
                var front = await Front.OpenAsync(port, environment, component, cancel);
                lock (open)
                {
                    open.Add(port, front);
                }

                return front;
            }
            catch (IOException e)
            {
                throw PortListener.HolderOf(port) is var (pid, program)
                    ? new RefusedException(Outcome.RolloutFailed, $"port {port} is in use by {program} (pid {pid})", component, $"end it (kill {pid}), or give {component} another port (run.port)")
                    : new RefusedException(Outcome.RolloutFailed, $"port {port} cannot be had: {e.Message}", component, $"find out what has it, or give {component} another port (run.port)");
            }
        }
        finally
        {
            turn.Release();
        }
    }

    internal async Task CloseAsync(int? port)
    {
        await turn.WaitAsync();
        try
        {
            if (Find(port) is { } front)
            {
                lock (open)
                {
                    open.Remove(front.Port);
                }

                await front.DisposeAsync();
            }
        }
        finally
        {
            turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Front[] all;
        lock (open)
        {
            all = [.. open.Values];
        }

        await Task.WhenAll(all.Select(f => CloseAsync(f.Port)));
    }
}
