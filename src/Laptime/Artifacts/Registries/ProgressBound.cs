namespace Laptime.Artifacts.Registries;

/// <summary>Ends a transfer that stands still: each piece that moves starts the time anew.</summary>
internal sealed class ProgressBound : IDisposable
{
    private readonly CancellationTokenSource source;
    private readonly CancellationTokenRegistration registration;
    private readonly TimeSpan stall;

    public ProgressBound(TimeSpan stall, TimeProvider clock, CancellationToken cancel)
    {
        this.stall = stall;
        source = new CancellationTokenSource(stall, clock);
        registration = cancel.UnsafeRegister(static s => ((CancellationTokenSource)s!).Cancel(), source);
    }

    public CancellationToken Token => source.Token;

    public void Moved() => source.CancelAfter(stall);

    /// <summary>Nobody waits for the other side now.</summary>
    public void Pause() => source.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose()
    {
        registration.Dispose();
        source.Dispose();
    }
}
