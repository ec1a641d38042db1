using Laptime.Foundations;
using Laptime.Signals;

namespace Laptime.Targets.Swarm;

/// <summary>
/// The new tasks of a service beside the one that was asked first: each is asked whether it lives and is ready, as soon as its container runs and where this machine reaches it. That a task
/// runs is the engine's word; that it serves is its own.
/// </summary>
/// <param name="service">Its name in the swarm.</param>
/// <param name="first">The task that was asked already.</param>
/// <param name="reach">Where a task is asked; null: this machine does not reach it.</param>
/// <param name="ask">Its live and ready.</param>
internal sealed class ReplicaProbes(
    SwarmWatch watch, string service, string? first, Func<SwarmTask, CancellationToken, Task<ProbeContext?>> reach, Func<ProbeContext, CancellationToken, Task<SignalSet>> ask) : IAsyncDisposable
{
    private readonly Dictionary<string, Task<SignalSet?>> asked = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource ending = new();
    private int unreached;

    /// <summary>How many could not be asked, in words; null: all could.</summary>
    public string? Unreached => unreached == 0 ? null
        : $"{unreached} of {asked.Count + 1} new tasks run where this machine does not reach them: no probe asked them, only the engine's own checks";

    /// <summary>Begins to ask those that can be asked by now.</summary>
    public void Ask(IEnumerable<SwarmTask> tasks, CancellationToken cancel)
    {
        foreach (var task in tasks.Where(t => t is { Container: not null, State: "starting" or "running" } && t.ID != first && !asked.ContainsKey(t.ID)))
        {
            asked.Add(task.ID, OneAsync(task, cancel));
        }
    }

    /// <param name="all">Wait for every answer; otherwise only what is known counts.</param>
    /// <returns>The signals of one that failed; null: none has.</returns>
    public async Task<SignalSet?> FailedAsync(bool all)
    {
        foreach (var (id, answer) in asked)
        {
            if ((all || answer.IsCompleted) && await answer is { Fault: not null } failed && IsWanted(id))
            {
                return failed;
            }
        }

        return null;
    }

    /// <summary>What is still asked is of no interest any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await Task.WhenAll(asked.Values).ContinueWith(static _ => { }, TaskScheduler.Default);
        ending.Dispose();
    }

    private async Task<SignalSet?> OneAsync(SwarmTask task, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending.Token, cancel);
        if (await reach(task, either.Token) is not { } context)
        {
            Interlocked.Increment(ref unreached);
            return null;
        }

        var signals = await ask(context, either.Token);
        return signals with { Live = signals.Live with { Fault = Told(signals.Live.Fault) }, Ready = signals.Ready with { Fault = Told(signals.Ready.Fault) } };

        Fault? Told(Fault? fault) => fault is null ? null : fault with { What = $"{fault.What}; this is task {task.Slot}, after another one had passed" };
    }

    /// <summary>The swarm may take a task away for reasons of its own: then nothing is wrong with it.</summary>
    private bool IsWanted(string id) =>
        watch.Latest is not { } snapshot || snapshot.TasksOf(snapshot.Find(service)).FirstOrDefault(t => t.ID == id) is not { } task
        || task.IsWanted || task.State is "failed" or "rejected" or "complete";
}
