using Laptime.Foundations;
using Laptime.Targets.Docker;

namespace Laptime.Targets.Swarm;

/// <summary>Services and tasks of one environment, listed at one moment.</summary>
/// <param name="Turn">Listings are numbered; this one began after all with lower numbers.</param>
internal sealed record SwarmSnapshot(long Turn, IReadOnlyList<SwarmService> Services, ILookup<string, SwarmTask> Tasks)
{
    public SwarmService? Find(string name) => Services.FirstOrDefault(s => s.Name == name);

    public IReadOnlyList<SwarmTask> TasksOf(SwarmService? service) => service is null ? [] : [.. Tasks[service.ID]];
}

/// <summary>
/// One pair of eyes for all rollouts of a deploy: the engine's events say when to look, and then services and tasks are listed once for everybody. Some changes have no event (a task
/// that is rejected, tasks on other nodes), so it also looks on its own, but seldom. An engine that is away for a moment (it is restarted) is waited for.
/// </summary>
internal sealed class SwarmWatch : IAsyncDisposable
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(10);

    private readonly SwarmApi api;
    private readonly IReadOnlyList<string> labels;
    private readonly TimeProvider clock;
    private readonly CancellationTokenSource ending = new();
    private readonly SemaphoreSlim wake = new(0);
    private readonly Lock gate = new();
    private readonly Task looking;
    private readonly Task listening;
    private TaskCompletionSource<SwarmSnapshot> next = New();
    private readonly Dictionary<string, Dictionary<string, ContainerEnd>> ends = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> healthy = new(StringComparer.Ordinal);
    private long turn;

    /// <param name="labels">What the services carry.</param>
    public SwarmWatch(SwarmApi api, IReadOnlyList<string> labels, TimeProvider clock)
    {
        (this.api, this.labels, this.clock) = (api, labels, clock);
        listening = ListenAsync();
        looking = LookAsync();
    }

    /// <summary>The number of the newest listing that has begun: what is wanted after a change is one with a higher number.</summary>
    public long Mark => Interlocked.Read(ref turn);

    /// <summary>The newest listing; null before the first.</summary>
    public SwarmSnapshot? Latest { get; private set; }

    /// <summary>How the containers of a service ended that were stopped while this watched.</summary>
    public IReadOnlyList<ContainerEnd> EndsOf(string service)
    {
        lock (gate)
        {
            return ends.TryGetValue(service, out var known) ? [.. known.Values] : [];
        }
    }

    /// <summary>Containers of a service that the engine said have ended.</summary>
    public IReadOnlySet<string> DeadOf(string service) => EndsOf(service).Where(static e => e.Died is not null).Select(static e => e.Container).ToHashSet(StringComparer.Ordinal);

    /// <summary>When the engine first called containers healthy, by their ids; in nanoseconds since 1970 by its clock.</summary>
    public IReadOnlyDictionary<string, long> Healthy()
    {
        lock (gate)
        {
            return new Dictionary<string, long>(healthy, StringComparer.Ordinal);
        }
    }

    /// <summary>A listing that began after <paramref name="mark"/>.</summary>
    /// <exception cref="FaultException">The engine has been away for too long.</exception>
    public async Task<SwarmSnapshot> AfterAsync(long mark, CancellationToken cancel)
    {
        while (true)
        {
            Task<SwarmSnapshot> coming;
            lock (gate)
            {
                coming = next.Task;
            }

            if (await coming.WaitAsync(cancel) is { } snapshot && snapshot.Turn > mark)
            {
                return snapshot;
            }
        }
    }

    /// <summary>A listing that begins now.</summary>
    /// <exception cref="FaultException">The engine has been away for too long.</exception>
    public Task<SwarmSnapshot> FreshAsync(CancellationToken cancel)
    {
        var mark = Mark;
        wake.Release();
        return AfterAsync(mark, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await looking;
        await listening;
        ending.Dispose();
        wake.Dispose();
    }

    private static TaskCompletionSource<SwarmSnapshot> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task LookAsync()
    {
        long? away = null;
        while (!ending.IsCancellationRequested)
        {
            try
            {
                var number = Interlocked.Increment(ref turn);
                var services = await api.ServicesAsync(labels, ending.Token);
                var tasks = services.Length == 0 ? [] : await api.TasksAsync(labels.Select(static l => ("label", l)), ending.Token);
                away = null;
                var snapshot = new SwarmSnapshot(number, services, tasks.ToLookup(static t => t.ServiceID ?? ""));
                Unwanted(services, tasks);
                Latest = snapshot;
                Tell(source => source.TrySetResult(snapshot));
                await PauseAsync();
            }
            catch (OperationCanceledException) when (ending.IsCancellationRequested)
            {
                return;
            }
            catch (EngineException e) when (e.Error is EngineError.Unreachable or EngineError.NoSwarm or EngineError.TimedOut or EngineError.Failed)
            {
                away ??= clock.GetTimestamp();
                if (clock.GetElapsedTime(away.Value) > Patience)
                {
                    var fault = new FaultException(e.Fault with
                    {
                        What = $"the engine has been away for {Duration.Text(Patience)}: {e.Fault.What}; what it does with the rollout by itself is not known",
                        Mend = "start it (see its log: journalctl -u docker), look with `lap status`, then deploy again",
                    }, e);
                    Tell(source => source.TrySetException(fault));
                    return;
                }

                await PauseAsync();
            }
            catch (FaultException e)
            {
                Tell(source => source.TrySetException(e));
                return;
            }
        }
    }

    /// <summary>Until something happens, or the heartbeat; never at once: events come in swarms.</summary>
    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(Breath, clock, ending.Token);
            await wake.WaitAsync(Heartbeat, ending.Token);
            while (wake.Wait(0))
            {
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Tell(Action<TaskCompletionSource<SwarmSnapshot>> say)
    {
        TaskCompletionSource<SwarmSnapshot> told;
        lock (gate)
        {
            told = next;
            // A failure stays: nobody looks any more.
            say(told);
            if (told.Task.IsCompletedSuccessfully)
            {
                next = New();
            }
        }
    }

    /// <summary>When a task is first seen to be on its way out: the swarm's last word on it is that.</summary>
    private void Unwanted(IReadOnlyList<SwarmService> services, IReadOnlyList<SwarmTask> tasks)
    {
        lock (gate)
        {
            foreach (var task in tasks)
            {
                if (task is { DesiredState: "shutdown", State: "running", Container: { } container } && services.FirstOrDefault(s => s.ID == task.ServiceID)?.Name is { } name)
                {
                    Change(name, container, end => end.Unwanted is null ? end with { Unwanted = (task.UpdatedAt - DateTimeOffset.UnixEpoch).Ticks * 100 } : end);
                }
            }
        }
    }

    private void Change(string service, string container, Func<ContainerEnd, ContainerEnd> change)
    {
        if (!ends.TryGetValue(service, out var known))
        {
            ends[service] = known = new Dictionary<string, ContainerEnd>(StringComparer.Ordinal);
        }

        known[container] = change(known.GetValueOrDefault(container) ?? new ContainerEnd(container, null, null, null, null));
    }

    private void Remember(EngineEvent happened)
    {
        if (happened.Type != "container" || happened.Attribute("com.docker.swarm.service.name") is not { } name)
        {
            return;
        }

        lock (gate)
        {
            switch (happened.Action)
            {
                case "kill":
                    Change(name, happened.Id, end => end.Killed is null ? end with { Killed = happened.Nanoseconds } : end);
                    break;
                case "die":
                    Change(name, happened.Id, end => end with { Died = happened.Nanoseconds, ExitCode = int.TryParse(happened.Attribute("exitCode"), out var code) ? code : null });
                    break;
                case "health_status: healthy":
                    healthy.TryAdd(happened.Id, happened.Nanoseconds);
                    break;
            }
        }
    }

    private async Task ListenAsync()
    {
        (string, string)[] filters =
        [
            ("type", "service"), ("type", "container"), ("type", "node"),
            ("event", "create"), ("event", "update"), ("event", "remove"), ("event", "start"), ("event", "die"), ("event", "kill"), ("event", "destroy"), ("event", "health_status"),
        ];
        while (!ending.IsCancellationRequested)
        {
            try
            {
                await foreach (var happened in api.Engine.EventsAsync(filters, null, ending.Token))
                {
                    Remember(happened);
                    wake.Release();
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (EngineException)
            {
                // The listings tell what is wrong; until the engine is back the heartbeat looks.
            }

            try
            {
                await Task.Delay(Heartbeat, clock, ending.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
