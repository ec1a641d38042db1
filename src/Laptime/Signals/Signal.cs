using Laptime.Foundations;

namespace Laptime.Signals;

/// <summary>What a signal says. Six values, never merged: nothing is evidence that was not observed.</summary>
public enum SignalStatus
{
    /// <summary>Nothing was asked (an earlier signal failed, or it was left out).</summary>
    NotRun,

    /// <summary>The component defines no such check, and the target has no evidence of its own.</summary>
    NotDefined,

    /// <summary>It could not be found out.</summary>
    Unknown,
    Pass,
    Fail,

    /// <summary>The bound ran out.</summary>
    Timeout,
}

/// <summary>One signal of one component in one transaction.</summary>
/// <param name="Status">What was seen.</param>
/// <param name="Seconds">From the start of asking to the answer; null when nothing was asked.</param>
/// <param name="Attempts">How often it was asked.</param>
/// <param name="LastSeen">The last thing seen, in words ("301 → /login", "connection refused"); null when nothing was.</param>
/// <param name="Fault">Set when the status is Fail or Timeout and it ends the rollout.</param>
public abstract record Signal(SignalStatus Status, double? Seconds, int Attempts, string? LastSeen, Fault? Fault);

/// <summary>The process (container, unit) exists and has not died; with a port: something accepted a connection.</summary>
public sealed record LiveSignal(SignalStatus Status, double? Seconds = null, int Attempts = 0, string? LastSeen = null, Fault? Fault = null)
    : Signal(Status, Seconds, Attempts, LastSeen, Fault);

/// <summary>The instance says that it can take traffic.</summary>
public sealed record ReadySignal(SignalStatus Status, double? Seconds = null, int Attempts = 0, string? LastSeen = null, Fault? Fault = null)
    : Signal(Status, Seconds, Attempts, LastSeen, Fault);

/// <summary>The functional checks of the new instance.</summary>
/// <param name="Checks">How many checks were run.</param>
public sealed record SmokeSignal(SignalStatus Status, int Checks = 0, double? Seconds = null, string? LastSeen = null, Fault? Fault = null)
    : Signal(Status, Seconds, Checks, LastSeen, Fault);

/// <summary>Users were seen to get the new revision.</summary>
/// <param name="Observed">The revision that was observed; null when none could be read.</param>
/// <param name="Instances">How many instances were seen with the new revision.</param>
/// <param name="Of">How many there are.</param>
public sealed record ReflectedSignal(
    SignalStatus Status, string? Observed = null, int Instances = 0, int Of = 0, double? Seconds = null, int Attempts = 0, string? LastSeen = null, Fault? Fault = null)
    : Signal(Status, Seconds, Attempts, LastSeen, Fault);

/// <summary>The four signals of one component.</summary>
public sealed record SignalSet(LiveSignal Live, ReadySignal Ready, SmokeSignal Smoke, ReflectedSignal Reflected)
{
    public static readonly SignalSet NotRun = new(
        new LiveSignal(SignalStatus.NotRun), new ReadySignal(SignalStatus.NotRun), new SmokeSignal(SignalStatus.NotRun), new ReflectedSignal(SignalStatus.NotRun));

    /// <summary>The first fault in the order live, ready, smoke, reflected; null when none failed.</summary>
    public Fault? Fault => Live.Fault ?? Ready.Fault ?? Smoke.Fault ?? Reflected.Fault;
}

public static class SignalStatusText
{
    /// <summary>As reports and JSON write it.</summary>
    public static string Text(this SignalStatus status) => status switch
    {
        SignalStatus.Pass => "pass",
        SignalStatus.Fail => "fail",
        SignalStatus.Timeout => "timeout",
        SignalStatus.NotRun => "not-run",
        SignalStatus.NotDefined => "not-defined",
        _ => "unknown",
    };

    /// <summary>The status of a text; not-run for null.</summary>
    public static SignalStatus Parse(string? text) => text switch
    {
        null or "not-run" => SignalStatus.NotRun,
        "pass" => SignalStatus.Pass,
        "fail" => SignalStatus.Fail,
        "timeout" => SignalStatus.Timeout,
        "not-defined" => SignalStatus.NotDefined,
        _ => SignalStatus.Unknown,
    };
}
