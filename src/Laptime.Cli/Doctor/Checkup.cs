using Laptime.Foundations;

namespace Laptime.Cli.Doctor;

/// <summary>What one check found.</summary>
/// <param name="Status">ok, warn or fail.</param>
/// <param name="Detail">What was seen, in a sentence.</param>
/// <param name="Mend">The cure; null when there is nothing to cure.</param>
internal sealed record Verdict(string Status, string Detail, string? Mend = null)
{
    public static Verdict Ok(string detail) => new("ok", detail);

    public static Verdict Warn(string detail, string mend) => new("warn", detail, mend);

    public static Verdict Fail(string detail, string? mend) => new("fail", detail, mend);
}

/// <summary>One line of `lap doctor`.</summary>
/// <param name="Id">Its short name.</param>
/// <param name="Needed">This workspace does not work without it; what is not needed is never a failure.</param>
/// <param name="Seconds">How long looking took.</param>
internal sealed record Finding(string Id, string Status, string Detail, string? Mend, bool Needed, double Seconds);

/// <summary>Runs checks side by side, each with a bound that holds whatever it looks at does. They read only.</summary>
internal sealed class Checkup(TimeProvider clock)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private readonly List<(string Id, bool Needed, Func<CancellationToken, Task<Verdict>> Look)> checks = [];

    public void Add(string id, bool needed, Func<CancellationToken, Task<Verdict>> look) => checks.Add((id, needed, look));

    public void Add(string id, bool needed, Func<Verdict> look) => checks.Add((id, needed, async _ =>
    {
        await Task.Yield();
        return look();
    }));

    /// <summary>In the order in which they were added.</summary>
    public async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken cancel) => await Task.WhenAll(checks.Select(c => RunAsync(c.Id, c.Needed, c.Look, cancel)));

    private async Task<Finding> RunAsync(string id, bool needed, Func<CancellationToken, Task<Verdict>> look, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        bounded.CancelAfter(Bound);
        Verdict verdict;
        try
        {
            verdict = await look(bounded.Token).WaitAsync(bounded.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            verdict = Verdict.Fail($"no answer within {Duration.Text(Bound)}", "find out what hangs; the other lines may say");
        }
        catch (FaultException e)
        {
            verdict = Verdict.Fail(e.Fault.What, e.Fault.Mend);
        }
        catch (LapException e)
        {
            verdict = Verdict.Fail(string.Join("; ", e.Problems.Select(p => p.Where is null ? p.What : $"{p.Where}: {p.What}")), e.Problems[0].Mend);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            verdict = Verdict.Fail(e.Message, null);
        }

        // What this workspace does not need is told, and cures nothing that hurts.
        return new Finding(id, verdict.Status == "fail" && !needed ? "warn" : verdict.Status, verdict.Detail, verdict.Mend, needed, clock.GetElapsedTime(began).TotalSeconds);
    }
}
