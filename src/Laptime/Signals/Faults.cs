using Laptime.Foundations;

namespace Laptime.Signals;

/// <summary>The faults of signals: each says what was last seen, how often it was asked, and which bound ran out.</summary>
internal static class Faults
{
    public static Fault Died(Life life, WaitEnd end, ProbeContext instance)
    {
        var (what, tail) = life switch
        {
            Life.CrashLoop loop => ($"crash-loops: {Ending(loop)}", loop.Tail),
            Life.Exited exited => ($"died: {Ending(exited)}", exited.Tail),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        var asked = end.Attempts == 0 ? "" : $" ({ProbeText.Attempts(end.Attempts)}{(end.Last is { } last ? $", last seen: {last.Seen}" : "")})";
        return new Fault(
            Outcome.NotLive, ProbeText.Redact($"{instance.Component}: {what}{asked}", instance), instance.Component,
            $"the last lines of its log say why; lap logs {instance.Component} has the rest", [.. tail.Select(line => ProbeText.Redact(line, instance))]);
    }

    public static string Ending(Life life) => life switch
    {
        Life.CrashLoop loop => $"{loop.Restarts} restarts, the last end: {loop.LastExit}",
        Life.Exited { Signal: { } signal } => $"ended by {signal}",
        Life.Exited { Code: { } code } => $"exit code {code}",
        Life.Exited => "ended, with no exit code known",
        _ => "running",
    };

    public static Fault NeverListened(WaitEnd end, TimeSpan bound, string where, ProbeContext instance) => new(
        Outcome.NeverListened,
        $"{instance.Component}: alive, but nothing listens on {instance.Host}:{instance.Port}: {end.Last?.Seen}, {ProbeText.Attempts(end.Attempts)}, bound {ProbeText.Bound(bound)}",
        where,
        $"make the program listen on the port that it is given (${{port}} in its command, PORT in its environment); lap logs {instance.Component} shows what it says");

    public static Fault RanOut(Outcome outcome, string what, WaitEnd end, TimeSpan bound, string where, ProbeContext instance) => new(
        outcome,
        $"{instance.Component}: {what}: {end.Last?.Seen}, {ProbeText.Attempts(end.Attempts)}, bound {ProbeText.Bound(bound)}",
        where,
        end.Last?.Seen.Contains(" → ", StringComparison.Ordinal) == true
            ? "redirects are not followed: point the probe at a path that answers by itself"
            : $"lap logs {instance.Component} shows what the instance says; a slow start needs a longer timeout on the probe");

    public static Fault Unaskable(Outcome outcome, string signal, WaitEnd end, string where, ProbeContext instance) => new(
        outcome, $"{instance.Component}: whether it is {signal} cannot be asked: {end.Last?.Seen}", where, "correct the probe in laptime.yaml");

    public static Fault Flapping(string what, string where, ProbeContext instance) => new(
        Outcome.Flapping, $"{instance.Component}: flapping: {what}", where,
        $"find out what the probe depends on that comes and goes; lap logs {instance.Component} shows what the instance says");

    public static Fault NotReflected(string revision, string? observed, WaitEnd end, TimeSpan bound, string where, ProbeContext front)
    {
        var instead = observed is not null && observed != revision ? $"{observed} answers instead of {revision}" : $"{end.Last?.Seen} instead of {revision}";
        return new Fault(
            Outcome.NotReflected,
            ProbeText.Redact($"{front.Component}: not reflected: {instead}, {ProbeText.Attempts(end.Attempts)}, bound {ProbeText.Bound(bound)}", front),
            where,
            "the new instance passed its checks, but users are not led to it (or it does not say its revision): check that the answer contains LAPTIME_REVISION as the instance got it");
    }
}
