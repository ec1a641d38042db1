using Laptime.Foundations;
using Laptime.Signals;

namespace Laptime.Targets.Docker;

/// <summary>
/// An image's HEALTHCHECK as a check of our own: its test is run in the container at once and again soon. The engine itself runs it first after a whole interval,
/// which is 30 s unless somebody said otherwise.
/// </summary>
public static class ImageHealth
{
    private static readonly TimeSpan LeastBound = TimeSpan.FromSeconds(30);

    /// <summary>Null when there is none to run.</summary>
    public static HealthCheck? Of(EngineClient engine, string container, HealthConfig? health)
    {
        IReadOnlyList<string>? command = health?.Test switch
        {
            ["CMD", .. { Length: > 0 } words] => words,
            ["CMD-SHELL", var text] => ["/bin/sh", "-c", text],
            _ => null,
        };
        if (command is null)
        {
            return null;
        }

        // As long as the engine itself would give it before it is called unhealthy.
        static TimeSpan Span(long? nanoseconds, double otherwise) => nanoseconds is > 0 ? TimeSpan.FromTicks(nanoseconds.Value / 100) : TimeSpan.FromSeconds(otherwise);
        var patience = Span(health!.StartPeriod, 0) + (Span(health.Interval, 30) * (health.Retries is > 0 ? health.Retries.Value : 3));
        var one = Span(health.Timeout, 30);
        return new HealthCheck($"`{string.Join(' ', command)}`", AskAsync, patience > LeastBound ? patience : LeastBound);

        async Task<ProbeAnswer> AskAsync(TimeSpan bound, CancellationToken cancel)
        {
            try
            {
                var result = await engine.ExecAsync(container, command, new ExecOptions { Bound = bound < one ? bound : one }, null, cancel);
                var said = result.Output is [.., var last] ? $": {ProbeText.Excerpt(last.Text, 120)}" : "";
                return new ProbeAnswer(result.ExitCode == 0, $"exit code {result.ExitCode}{said}", ProbeReach.Answered);
            }
            catch (EngineException e) when (e.Error == EngineError.TimedOut)
            {
                return new ProbeAnswer(false, e.Fault.What, ProbeReach.Connected) { TimedOut = true };
            }
            catch (EngineException e) when (e.Error is EngineError.Conflict or EngineError.NotFound)
            {
                // It is ending; whether it has is asked next.
                return new ProbeAnswer(false, e.Fault.What, ProbeReach.Nothing);
            }
        }
    }
}
