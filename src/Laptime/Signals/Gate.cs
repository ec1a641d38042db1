using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Signals;

/// <summary>
/// The order in which a rollout asks the four signals of one component, each a segment of its own: live, then ready, then smoke before the switch;
/// reflected after it. A later signal is never asked when an earlier one failed.
/// </summary>
public sealed class Gate(Prober prober, ProbeSettings probes, bool smoke)
{
    /// <summary>
    /// When an instance of the new revision first gave a good answer: its first readiness, or, where none is defined, the first connection that it accepted. Null: it did not, or there is nothing to ask.
    /// </summary>
    public DateTimeOffset? FirstAnswer { get; private set; }

    /// <summary>Live, ready and smoke of the new instance, before users get to it. Ready is asked once more after smoke: lost meanwhile means flapping.</summary>
    public async Task<SignalSet> BeforeSwitchAsync(ProbeContext instance, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        var signals = SignalSet.NotRun;
        DateTimeOffset? accepted;
        using (var segment = timeline.Begin("live", instance.Component, parent: parentSegment))
        {
            signals = signals with { Live = await prober.LiveAsync(probes, Traced(instance, timeline, segment.Id), cancel) };
            segment.End(OutcomeOf(signals.Live));
            accepted = signals.Live.Status == SignalStatus.Pass && instance.Port is not null ? timeline.Moment(segment.Segment) : null;
        }

        if (signals.Fault is not null)
        {
            return signals;
        }

        using (var segment = timeline.Begin("ready", instance.Component, parent: parentSegment))
        {
            signals = signals with { Ready = await prober.ReadyAsync(probes, Traced(instance, timeline, segment.Id), cancel) };
            segment.End(OutcomeOf(signals.Ready));
            FirstAnswer ??= signals.Ready.Status switch
            {
                SignalStatus.Pass => timeline.Moment(segment.Segment),
                SignalStatus.NotDefined => accepted,
                _ => null,
            };
        }

        if (signals.Fault is not null)
        {
            return signals;
        }

        if (probes.Smoke.Count == 0 || !smoke)
        {
            return signals with { Smoke = new SmokeSignal(probes.Smoke.Count == 0 ? SignalStatus.NotDefined : SignalStatus.NotRun) };
        }

        using (var segment = timeline.Begin("smoke", instance.Component, parent: parentSegment))
        {
            signals = signals with { Smoke = await prober.SmokeAsync(probes.Smoke, Traced(instance, timeline, segment.Id), cancel) };
            if (signals.Fault is null)
            {
                signals = signals with { Ready = await prober.StillReadyAsync(probes, signals.Ready, Traced(instance, timeline, segment.Id), cancel) };
            }

            segment.End(OutcomeOf(signals.Smoke));
        }

        return signals;
    }

    /// <summary>Live and ready of one more instance of the revision, in one segment. Smoke is the revision's: the first instance has passed it.</summary>
    public async Task<SignalSet> ReplicaAsync(ProbeContext instance, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        using var segment = timeline.Begin("ready", instance.Component, "replica", parentSegment);
        var asked = Traced(instance, timeline, segment.Id);
        var signals = SignalSet.NotRun with { Live = await prober.LiveAsync(probes, asked, cancel) };
        signals = signals.Fault is null ? signals with { Ready = await prober.ReadyAsync(probes, asked, cancel) } : signals;
        segment.End(OutcomeOf(signals.Live.Status == SignalStatus.Pass ? signals.Ready : signals.Live));
        return signals;
    }

    /// <summary>
    /// Reflected, asked where users ask (the front). <paramref name="evidence"/> is the target's own (which process owns the listener), used when the
    /// component declares no reflect probe; null when the target has none.
    /// </summary>
    public async Task<ReflectedSignal> AfterSwitchAsync(
        ProbeContext front, string revision, Func<CancellationToken, Task<ReflectedSignal>>? evidence, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        using var segment = timeline.Begin("reflect", front.Component, parent: parentSegment);
        var reflected = probes.Reflect is { } probe
            ? await prober.ReflectAsync(probe, revision, Traced(front, timeline, segment.Id), cancel)
            : evidence is null ? new ReflectedSignal(SignalStatus.NotDefined) : await evidence(cancel);
        segment.End(OutcomeOf(reflected));
        return reflected;
    }

    /// <summary>Probes that are commands join the trace below the signal's segment. The instance itself never does: it outlives the trace.</summary>
    private static ProbeContext Traced(ProbeContext instance, Timeline timeline, int segment) =>
        timeline.Trace is { } trace ? instance with { Environment = trace.Into(instance.Environment, segment) } : instance;

    private static string OutcomeOf(Signal signal) => signal.Status switch
    {
        SignalStatus.Fail => "failed",
        SignalStatus.Timeout => "timeout",
        SignalStatus.Pass => "ok",
        _ => signal.Status.Text(),
    };
}
