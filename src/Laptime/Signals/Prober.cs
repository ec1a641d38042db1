using Laptime.Workspaces;

namespace Laptime.Signals;

/// <summary>Asks the signals of an instance: bounded, with fresh connections, honest about what was last seen.</summary>
public sealed class Prober(TimeProvider clock)
{
    public Task<LiveSignal> LiveAsync(ProbeSettings probes, ProbeContext instance, CancellationToken cancel) => throw new NotSupportedException(clock.ToString());

    public Task<ReadySignal> ReadyAsync(ProbeSettings probes, ProbeContext instance, CancellationToken cancel) => throw new NotSupportedException(clock.ToString());

    public Task<ReadySignal> StillReadyAsync(ProbeSettings probes, ReadySignal before, ProbeContext instance, CancellationToken cancel) => throw new NotSupportedException(clock.ToString());

    public Task<SmokeSignal> SmokeAsync(IReadOnlyList<Probe> checks, ProbeContext instance, CancellationToken cancel) => throw new NotSupportedException(clock.ToString());

    public Task<ReflectedSignal> ReflectAsync(Probe probe, string revision, ProbeContext front, CancellationToken cancel) => throw new NotSupportedException(clock.ToString());
}
