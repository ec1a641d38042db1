using Laptime.Signals;

namespace Laptime.Transactions;

/// <summary>Signals as the document writes them.</summary>
public static class SignalReports
{
    public static SignalsReport Of(SignalSet signals) => new()
    {
        Live = Base(signals.Live),
        Ready = Base(signals.Ready) with { Attempts = signals.Ready.Attempts == 0 ? null : signals.Ready.Attempts },
        Smoke = Base(signals.Smoke) with { Checks = signals.Smoke.Checks == 0 ? null : signals.Smoke.Checks },
        Reflected = Base(signals.Reflected) with
        {
            Observed = signals.Reflected.Observed,
            Instances = signals.Reflected.Of == 0 ? null : signals.Reflected.Instances,
            Of = signals.Reflected.Of == 0 ? null : signals.Reflected.Of,
        },
    };

    private static SignalReport Base(Signal signal) => new()
    {
        Status = signal.Status.Text(),
        Seconds = signal.Seconds,
        LastSeen = signal.Status == SignalStatus.Pass ? null : signal.LastSeen,
        Reason = signal.Fault?.What,
    };
}
