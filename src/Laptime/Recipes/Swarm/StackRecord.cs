using Laptime.Foundations;
using Laptime.Targets.Docker;

namespace Laptime.Recipes.Swarm;

/// <summary>
/// The swarm's own record of what happens to one stack: the engine's events, listened to from the beginning, since it keeps only the newest few hundred of all kinds.
/// </summary>
internal sealed class StackRecord(EngineClient engine, string stack, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly (string, string)[] Filters = [("type", "service"), ("type", "volume"), ("event", "create"), ("event", "update"), ("event", "remove"), ("event", "destroy")];

    private readonly Lock gate = new();
    private readonly HashSet<ServiceEvent> heard = [];
    private readonly HashSet<(string Volume, long At)> destroyed = [];
    private readonly List<StackCall> calls = [];
    private readonly CancellationTokenSource ending = new();
    private IReadOnlyList<string> standing = [];
    private DateTimeOffset? since;
    private Task? listening;

    /// <param name="services">Ids of the services that the stack has now.</param>
    public void Begin(IReadOnlyList<string> services)
    {
        if (since is null)
        {
            standing = services;
            // What the engine remembers of the last moment is told again, so nothing is missed between this and the first word.
            since = clock.GetUtcNow();
            listening = ListenAsync(since.Value);
        }
    }

    /// <summary>What is written until it is disposed was asked for by us.</summary>
    public IDisposable Call()
    {
        lock (gate)
        {
            calls.Add(new StackCall(Now(), null));
            return new Ending(this, calls.Count - 1);
        }
    }

    public async Task<TargetCount> CountAsync(CancellationToken cancel)
    {
        if (since is not { } from)
        {
            throw new InvalidOperationException("the record was not begun");
        }

        await CatchUpAsync(from, cancel);
        lock (gate)
        {
            return StackCount.Of(heard, calls, standing);
        }
    }

    /// <summary>How often a volume of this name was removed since the record began: one that is there after that is another one. (Older engines tell another time of making after each change in it.)</summary>
    public async Task<Func<string, int>> RemovedVolumesAsync(CancellationToken cancel)
    {
        if (since is { } from)
        {
            await CatchUpAsync(from, cancel);
        }

        lock (gate)
        {
            var counts = destroyed.GroupBy(static d => d.Volume).ToDictionary(static g => g.Key, static g => g.Count(), StringComparer.Ordinal);
            return name => counts.GetValueOrDefault(name);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        if (listening is { } task)
        {
            await task;
        }

        ending.Dispose();
    }

    /// <summary>What has been said and not been heard yet.</summary>
    private async Task CatchUpAsync(DateTimeOffset from, CancellationToken cancel)
    {
        await foreach (var one in engine.PastEventsAsync(Filters, from, clock.GetUtcNow(), cancel))
        {
            Hear(one);
        }
    }

    private async Task ListenAsync(DateTimeOffset from)
    {
        while (true)
        {
            try
            {
                await foreach (var one in engine.EventsAsync(Filters, from, ending.Token))
                {
                    Hear(one);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (FaultException)
            {
                // It is asked for all of it again when it is back; what it forgot meanwhile is missing in the count, which then does not agree.
            }

            try
            {
                await Task.Delay(Pause, clock, ending.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Hear(EngineEvent one)
    {
        if (one is { Type: "volume", Action: "destroy" })
        {
            lock (gate)
            {
                destroyed.Add((one.Id, one.Nanoseconds));
            }
        }

        if (one.Type != "service" || one.Attribute("name") is not { } name || !name.StartsWith(stack + "_", StringComparison.Ordinal))
        {
            return;
        }

        lock (gate)
        {
            heard.Add(new ServiceEvent(one.Id, name[(stack.Length + 1)..], one.Action ?? "", one.Nanoseconds, one.Attribute("updatestate.new")));
        }
    }

    private long Now() => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;

    private sealed class Ending(StackRecord record, int index) : IDisposable
    {
        public void Dispose()
        {
            lock (record.gate)
            {
                record.calls[index] = record.calls[index] with { To = record.Now() };
            }
        }
    }
}
