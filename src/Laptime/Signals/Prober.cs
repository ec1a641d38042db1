using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Signals;

/// <summary>
/// Asks the signals of an instance: bounded, with fresh connections, honest about what was last seen. Every failure is in the signal's fault,
/// with an outcome of its own; only cancellation throws.
/// </summary>
public sealed class Prober(TimeProvider clock)
{
    private static readonly TimeSpan DefaultBound = TimeSpan.FromSeconds(30);

    /// <summary>Connecting to a loopback port costs microseconds, so waiting for it need not cost tens of milliseconds.</summary>
    private static readonly TimeSpan ListenPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>A worker without a port or any probe has no other sign of life than to go on living for this long.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(500);

    /// <summary>A program in a container takes tens of milliseconds to start.</summary>
    private static readonly TimeSpan HealthPoll = TimeSpan.FromMilliseconds(250);

    private readonly ProbeClient client = new(clock);

    /// <summary>
    /// The process has not died and, with a port, something accepts connections there; a declared live probe replaces the connection.
    /// Says nothing of readiness. Fails at once when the process dies (13); when nothing listens before the bound that is never-listened (25).
    /// </summary>
    public async Task<LiveSignal> LiveAsync(ProbeSettings probes, ProbeContext instance, CancellationToken cancel)
    {
        if (probes.Live is null && instance.Port is null)
        {
            return await StaysAliveAsync(probes, instance, cancel);
        }

        var bound = probes.Live?.Timeout ?? probes.Ready?.Timeout ?? DefaultBound;
        var wait = new BoundedWait(clock, instance);
        var end = probes.Live is { } probe
            ? await wait.UntilAsync((limit, stop) => client.AskOnceAsync(probe, instance, limit, stop), bound, probe.Poll, probe.Successes, cancel)
            : await wait.UntilAsync((limit, stop) => client.TcpAsync(null, Listening(instance), limit, stop), bound, ListenPoll, 1, cancel);
        var seen = end.Last?.Seen;
        if (end.Ending == WaitEnding.Passed)
        {
            return end.Life is Life.Unknown unknown
                ? new LiveSignal(SignalStatus.Unknown, end.Seconds, end.Attempts, $"{seen}; {unknown.Why}")
                : new LiveSignal(SignalStatus.Pass, end.Seconds, end.Attempts, seen);
        }

        var where = probes.Live is null ? $"{instance.Component}, port {instance.Port}" : ProbeText.Where("live", probes.Live, instance);
        var fault = end.Ending switch
        {
            WaitEnding.Died => Faults.Died(end.Life!, end, instance),
            WaitEnding.Unaskable => Faults.Unaskable(Outcome.NotLive, "live", end, where, instance),
            _ when end.Furthest <= ProbeReach.Nothing && probes.Live?.Form is null or ProbeForm.Http or ProbeForm.Tcp => Faults.NeverListened(end, bound, where, instance),
            _ => Faults.RanOut(Outcome.NotLive, "not live", end, bound, where, instance),
        };
        return new LiveSignal(StatusOf(end), end.Seconds, end.Attempts, SeenLast(end), fault);
    }

    /// <summary>The instance says that it can take traffic. Without a ready probe: not-defined, whatever accepts connections.</summary>
    public async Task<ReadySignal> ReadyAsync(ProbeSettings probes, ProbeContext instance, CancellationToken cancel)
    {
        if (probes.Ready is not { } probe)
        {
            return instance.Health is { } health ? await HealthyAsync(health, instance, cancel) : new ReadySignal(SignalStatus.NotDefined);
        }

        var end = await new BoundedWait(clock, instance)
            .UntilAsync((limit, stop) => client.AskOnceAsync(probe, instance, limit, stop), probe.Timeout, probe.Poll, probe.Successes, cancel);
        if (end.Ending == WaitEnding.Passed)
        {
            return new ReadySignal(SignalStatus.Pass, end.Seconds, end.Attempts, end.Last?.Seen);
        }

        var where = ProbeText.Where("ready", probe, instance);
        var flapping = end.Ending == WaitEnding.BoundRanOut && probe.Successes > 1 && end.Losses >= 3;
        var fault = end.Ending switch
        {
            WaitEnding.Died => Faults.Died(end.Life!, end, instance),
            WaitEnding.Unaskable => Faults.Unaskable(Outcome.ReadinessTimeout, "ready", end, where, instance),
            _ when flapping => Faults.Flapping(
                $"ready {end.Passes} times and lost {end.Losses} times in {ProbeText.Attempts(end.Attempts)}, never {probe.Successes} in a row; last seen: {end.Last?.Seen}, bound {ProbeText.Bound(probe.Timeout)}",
                where, instance),
            _ => Faults.RanOut(Outcome.ReadinessTimeout, "not ready", end, probe.Timeout, where, instance),
        };
        return new ReadySignal(flapping ? SignalStatus.Fail : StatusOf(end), end.Seconds, end.Attempts, SeenLast(end), fault);
    }

    /// <summary>Waits for the instance's own check.</summary>
    private async Task<ReadySignal> HealthyAsync(HealthCheck health, ProbeContext instance, CancellationToken cancel)
    {
        var end = await new BoundedWait(clock, instance).UntilAsync(health.Ask, health.Bound, HealthPoll, 1, cancel);
        if (end.Ending == WaitEnding.Passed)
        {
            return new ReadySignal(SignalStatus.Pass, end.Seconds, end.Attempts, end.Last?.Seen);
        }

        var where = $"{instance.Component}, its own health check {health.Text}";
        var fault = end.Ending switch
        {
            WaitEnding.Died => Faults.Died(end.Life!, end, instance),
            WaitEnding.Unaskable => Faults.Unaskable(Outcome.ReadinessTimeout, "healthy", end, where, instance),
            _ => Faults.RanOut(Outcome.ReadinessTimeout, "not healthy", end, health.Bound, where, instance),
        };
        return new ReadySignal(StatusOf(end), end.Seconds, end.Attempts, SeenLast(end), fault);
    }

    private static ProbeContext Listening(ProbeContext instance) =>
        instance.Listener is { } at ? instance with { Host = at.Address.ToString(), Port = at.Port } : instance;

    /// <summary>Asks once more whether an instance that was ready still is; when not, it flaps (26). A signal that was not a pass comes back as it is.</summary>
    public async Task<ReadySignal> StillReadyAsync(ProbeSettings probes, ReadySignal before, ProbeContext instance, CancellationToken cancel)
    {
        if (before.Status != SignalStatus.Pass || probes.Ready is not { } probe)
        {
            return before;
        }

        // One attempt, without polling: a bound of that one attempt, and room for no second.
        var bound = BoundedWait.AttemptBound(probe.Timeout);
        var wait = new BoundedWait(clock, instance);
        var life = await wait.LifeAsync(bound, cancel);
        var answer = life.HasEnded ? null : await client.AskOnceAsync(probe, instance, bound, cancel);
        if (answer is { Passed: false })
        {
            // It may have died of being asked.
            life = await wait.LifeAsync(bound, cancel);
        }

        var after = before with { Attempts = before.Attempts + (answer is null ? 0 : 1), LastSeen = answer?.Seen ?? before.LastSeen };
        if (life.HasEnded)
        {
            var end = new WaitEnd { Life = life, Last = answer, Attempts = after.Attempts };
            return after with { Status = SignalStatus.Fail, LastSeen = Faults.Ending(life), Fault = Faults.Died(life, end, instance) };
        }

        return answer is { Passed: true }
            ? after
            : after with
            {
                Status = SignalStatus.Fail,
                Fault = Faults.Flapping($"ready, and no longer after the smoke checks: {answer?.Seen}", ProbeText.Where("ready", probe, instance), instance),
            };
    }

    /// <summary>Each check once, in order, each with its own bound. The first failure ends (14).</summary>
    public async Task<SmokeSignal> SmokeAsync(IReadOnlyList<Probe> checks, ProbeContext instance, CancellationToken cancel)
    {
        if (checks.Count == 0)
        {
            return new SmokeSignal(SignalStatus.NotDefined);
        }

        var began = clock.GetTimestamp();
        var wait = new BoundedWait(clock, instance);
        for (var i = 0; i < checks.Count; i++)
        {
            var check = checks[i];
            var answer = await client.AskOnceAsync(check, instance, check.Timeout, cancel);
            var seconds = clock.GetElapsedTime(began).TotalSeconds;
            if (answer.Passed)
            {
                continue;
            }

            var where = ProbeText.Where("smoke", check, instance);
            if (answer.Reach != ProbeReach.Unaskable && await wait.LifeAsync(check.Timeout, cancel) is { HasEnded: true } life)
            {
                var end = new WaitEnd { Life = life, Last = answer, Attempts = 1 };
                return new SmokeSignal(SignalStatus.Fail, i + 1, seconds, Faults.Ending(life), Faults.Died(life, end, instance));
            }

            var what = $"{instance.Component}: smoke check {i + 1} of {checks.Count} failed: {ProbeText.Question(check, instance)}: "
                + $"expected {ProbeText.Expected(check, instance)}, saw {answer.Seen}"
                + (answer.TimedOut ? $", bound {ProbeText.Bound(check.Timeout)}" : "");
            var status = answer.Reach == ProbeReach.Unaskable ? SignalStatus.Unknown : answer.TimedOut ? SignalStatus.Timeout : SignalStatus.Fail;
            return new SmokeSignal(status, i + 1, seconds, answer.Seen, new Fault(
                Outcome.SmokeFailed, ProbeText.Redact(what, instance), where, $"lap logs {instance.Component} shows what the instance said; --no-smoke leaves the checks out"));
        }

        return new SmokeSignal(SignalStatus.Pass, checks.Count, clock.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>
    /// Asks, where users ask, until the answer carries what the probe wants: without <c>contains</c> that is the revision. Another answer until the
    /// bound is not-reflected (15), and the message says who answered instead.
    /// </summary>
    public async Task<ReflectedSignal> ReflectAsync(Probe probe, string revision, ProbeContext front, CancellationToken cancel)
    {
        var asked = front with { Names = name => name == "revision" ? revision : front.Names(name) };
        var question = Revisions.Asking(probe);
        string? observed = null;
        var end = await new BoundedWait(clock, asked).UntilAsync(
            async (limit, stop) =>
            {
                if (question is null)
                {
                    return ProbeAnswer.Unaskable("an accepted connection says nothing of the revision");
                }

                var answer = await client.AskOnceAsync(question, asked, limit, stop);
                var found = answer.Text is null ? null : Revisions.Find(answer.Text, front.Component, revision);
                if (answer.Reach == ProbeReach.Answered && !answer.TimedOut)
                {
                    observed = found;
                }

                // What the probe looks for may be there, and the answer name another revision of this component all the same.
                return answer.Passed && found is not null && found != revision
                    ? answer with { Passed = false, Seen = found }
                    : answer;
            },
            probe.Timeout, probe.Poll, probe.Successes, cancel);
        if (end.Ending == WaitEnding.Passed)
        {
            return new ReflectedSignal(SignalStatus.Pass, observed ?? revision, 1, 1, end.Seconds, end.Attempts, end.Last?.Seen);
        }

        var where = ProbeText.Where("reflect", probe, asked);
        var answered = end.Ending == WaitEnding.BoundRanOut && end.Furthest == ProbeReach.Answered;
        var fault = end.Ending switch
        {
            WaitEnding.Died => Faults.Died(end.Life!, end, asked),
            WaitEnding.Unaskable => Faults.Unaskable(Outcome.NotReflected, "reflected", end, where, asked),
            _ => Faults.NotReflected(revision, observed, end, probe.Timeout, where, asked),
        };
        return new ReflectedSignal(answered ? SignalStatus.Fail : StatusOf(end), observed, 0, 1, end.Seconds, end.Attempts, SeenLast(end), fault);
    }

    private async Task<LiveSignal> StaysAliveAsync(ProbeSettings probes, ProbeContext instance, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var settle = probes.Ready is null ? Settle : TimeSpan.Zero;
        var wait = new BoundedWait(clock, instance);
        for (var attempts = 1; ; attempts++)
        {
            var life = await wait.LifeAsync(DefaultBound, cancel);
            var elapsed = clock.GetElapsedTime(began);
            switch (life)
            {
                case Life.Exited or Life.CrashLoop:
                    var end = new WaitEnd { Life = life, Attempts = attempts, Seconds = elapsed.TotalSeconds };
                    return new LiveSignal(SignalStatus.Fail, elapsed.TotalSeconds, attempts, Faults.Ending(life), Faults.Died(life, end, instance));
                case Life.Unknown unknown:
                    // No port, no probe, and the target cannot tell either: there is no such evidence.
                    return new LiveSignal(SignalStatus.NotDefined, elapsed.TotalSeconds, attempts, unknown.Why);
                default:
                    if (elapsed >= settle)
                    {
                        return new LiveSignal(SignalStatus.Pass, elapsed.TotalSeconds, attempts, "running");
                    }

                    await Task.Delay(ListenPoll, clock, cancel);
                    break;
            }
        }
    }

    private static SignalStatus StatusOf(WaitEnd end) => end.Ending switch
    {
        WaitEnding.Passed => SignalStatus.Pass,
        WaitEnding.Died => SignalStatus.Fail,
        WaitEnding.Unaskable => SignalStatus.Unknown,
        _ => SignalStatus.Timeout,
    };

    private static string? SeenLast(WaitEnd end) => end.Ending == WaitEnding.Died ? Faults.Ending(end.Life!) : end.Last?.Seen;
}
