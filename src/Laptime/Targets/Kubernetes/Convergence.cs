using System.Text.Json.Nodes;
using System.Threading.Channels;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Timing;

namespace Laptime.Targets.Kubernetes;

/// <summary>
/// Waits until a workload has converged, by the cluster's stream of changes: nobody sleeps between two looks. What the streams say last is confirmed by one
/// listing, because a stream does not tell where its beginning ends. Ends early where waiting is pointless.
/// </summary>
/// <param name="pod">Digest of the wanted pods' template.</param>
internal sealed class Convergence(Kubectl kubectl, string selector, string kind, string pod, string component, TimeProvider clock)
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    /// <summary>Live: every wanted pod runs. Ready: the cluster calls all of them ready and available, has seen this generation, and no other pod is left.</summary>
    public async Task<(SignalSet Signals, WorkloadState? State)> WaitAsync(TimeSpan bound, Timeline timeline, int? parent, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var signals = SignalSet.NotRun;
        WorkloadState? last = null;
        using var live = timeline.Begin("live", component, parent: parent);
        SegmentScope? ready = null;
        try
        {
            await foreach (var state in StatesAsync(bound, cancel))
            {
                last = state;
                if (signals.Live.Status == SignalStatus.NotRun && state.IsLive(pod))
                {
                    signals = signals with { Live = new LiveSignal(SignalStatus.Pass, Seconds(), 1, $"{state.Current(pod).Count} pods run") };
                    live.End();
                    ready = timeline.Begin("ready", component, parent: parent);
                }

                if (state.Trouble(pod) is { } trouble)
                {
                    return (await FailAsync(signals, trouble, cancel), state);
                }

                if (state.Missing(pod) is null)
                {
                    live.End();
                    ready?.End();
                    return (signals with
                    {
                        Live = signals.Live.Status == SignalStatus.Pass ? signals.Live : new LiveSignal(SignalStatus.Pass, Seconds(), 1, $"{state.Wanted} pods run"),
                        Ready = new ReadySignal(SignalStatus.Pass, Seconds(), 1, $"{state.Available} of {state.Wanted} pods are available"),
                    }, state);
                }
            }

            var what = last is null ? "the cluster shows no such workload" : last.Missing(pod) ?? "nothing";
            return (RanOut(signals, last, what, bound), last);
        }
        finally
        {
            (ready ?? live).End("failed");
            ready?.Dispose();
        }

        double Seconds() => clock.GetElapsedTime(began).TotalSeconds;

        async Task<SignalSet> FailAsync(SignalSet now, PodTrouble trouble, CancellationToken stop)
        {
            IReadOnlyList<string> tail = trouble is { Kind: PodTroubleKind.Crash or PodTroubleKind.Container, Pod: { } name, Container: { } container }
                ? await kubectl.LastWordsAsync(name, container, trouble.Kind == PodTroubleKind.Crash, stop) : [];
            var where = trouble.Pod is null ? component : $"{component}, pod {trouble.Pod}, container {trouble.Container}";
            return trouble.Kind switch
            {
                PodTroubleKind.Crash => now with
                {
                    Live = new LiveSignal(SignalStatus.Fail, Seconds(), 1, trouble.What, new Fault(
                        Outcome.NotLive, $"{component}: crash-loops: {trouble.What}", where, $"the last lines of its log say why; lap logs {component} has the rest", tail)),
                },
                PodTroubleKind.NotReady => now with
                {
                    Ready = new ReadySignal(SignalStatus.Timeout, Seconds(), 1, trouble.What, new Fault(
                        Outcome.ReadinessTimeout, $"{component}: not ready: {trouble.What}", where, "the pods run, but their readinessProbe fails; a slow start needs a longer progressDeadlineSeconds")),
                },
                _ => now with
                {
                    Live = new LiveSignal(SignalStatus.Fail, Seconds(), 1, trouble.What, new Fault(
                        Outcome.RolloutFailed, $"{component}: cannot start: {trouble.What}", where,
                        trouble.Kind == PodTroubleKind.Image ? "see that the cluster's nodes reach the registry and may pull (imagePullSecrets)" : "correct the manifest; kubectl describe says more", tail)),
                },
            };
        }
    }

    /// <summary>After a rollback: whether a ready pod of this template is there before the bound.</summary>
    public async Task<bool> ComesBackAsync(TimeSpan bound, CancellationToken cancel)
    {
        await foreach (var state in StatesAsync(bound, cancel))
        {
            if (state.IsObserved && state.Ready > 0 && state.Current(pod).Count > 0 && state.Missing(pod) is null)
            {
                return true;
            }
        }

        return false;
    }

    private SignalSet RanOut(SignalSet signals, WorkloadState? last, string what, TimeSpan bound)
    {
        var text = $"{component}: {what}, bound {ProbeText.Bound(bound)}";
        if (last is not null && signals.Live.Status == SignalStatus.Pass && last.IsObserved && last.Ready >= last.Wanted && last.Updated >= last.Wanted && last.Old(pod).Count > 0)
        {
            return signals with
            {
                Ready = new ReadySignal(SignalStatus.Pass, bound.TotalSeconds, 1, $"{last.Ready} pods are ready"),
                Reflected = new ReflectedSignal(SignalStatus.Fail, null, last.Ready, last.Wanted, LastSeen: what, Fault: new Fault(
                    Outcome.NotReflected, text, component, "old pods still answer: see whether they end on SIGTERM, and terminationGracePeriodSeconds")),
            };
        }

        return signals.Live.Status == SignalStatus.Pass
            ? signals with { Ready = new ReadySignal(SignalStatus.Timeout, bound.TotalSeconds, 1, what, new Fault(Outcome.ReadinessTimeout, text, component, $"lap logs {component} shows what the pods say; a slow start needs a longer timeout on the ready probe")) }
            : signals with { Live = new LiveSignal(SignalStatus.Timeout, bound.TotalSeconds, 1, what, new Fault(Outcome.RolloutFailed, text, component, "see kubectl describe for what the pods wait for (nodes, volumes, quota)")) };
    }

    /// <summary>
    /// The state after every change, until the bound. One without anything missing, or with a trouble of the workload as a whole, was read by a listing of its own: the two
    /// streams do not come in one order.
    /// </summary>
    private async IAsyncEnumerable<WorkloadState> StatesAsync(TimeSpan bound, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var changes = Channel.CreateUnbounded<(string Type, JsonObject Object)>();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var pumps = Task.WhenAll(PumpAsync(kind + "s.apps"), PumpAsync("pods"));
        JsonObject? workload = null;
        var pods = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        try
        {
            while (true)
            {
                var remaining = bound - clock.GetElapsedTime(began);
                if (remaining <= TimeSpan.Zero || !await NextAsync(remaining))
                {
                    yield break;
                }

                while (changes.Reader.TryRead(out var change))
                {
                    Take(change.Type, change.Object);
                }

                if (workload is null)
                {
                    continue;
                }

                var state = new WorkloadState(workload, [.. pods.Values]);
                if (state.Missing(pod) is null || state.Trouble(pod) is { Pod: null })
                {
                    (workload, pods) = (null, new Dictionary<string, JsonObject>(StringComparer.Ordinal));
                    foreach (var one in await kubectl.ListAsync(selector, cancel))
                    {
                        Take("ADDED", one);
                    }

                    if (workload is null)
                    {
                        continue;
                    }

                    state = new WorkloadState(workload, [.. pods.Values]);
                }

                yield return state;
            }
        }
        finally
        {
            await ended.CancelAsync();
            await pumps.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<bool> NextAsync(TimeSpan remaining)
        {
            try
            {
                return await changes.Reader.WaitToReadAsync(cancel).AsTask().WaitAsync(remaining, clock, cancel);
            }
            catch (TimeoutException)
            {
                return false;
            }
        }

        void Take(string type, JsonObject one)
        {
            if ((string?)one["kind"] != "Pod")
            {
                workload = ObjectPlan.IsWorkload(one) ? type == "DELETED" ? null : one : workload;
            }
            else if ((string?)one["metadata"]?["uid"] is { } id)
            {
                if (type == "DELETED")
                {
                    pods.Remove(id);
                }
                else
                {
                    pods[id] = one;
                }
            }
        }

        // A server ends a watch whenever it likes: then it is begun again.
        async Task PumpAsync(string what)
        {
            while (!ended.IsCancellationRequested)
            {
                try
                {
                    await foreach (var change in kubectl.WatchAsync(what, selector, ended.Token))
                    {
                        changes.Writer.TryWrite(change);
                    }
                }
                catch (FaultException)
                {
                    // The next try, or the bound, tells.
                }

                await Task.Delay(Retry, clock, ended.Token);
            }
        }
    }
}
