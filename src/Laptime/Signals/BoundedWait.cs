namespace Laptime.Signals;

/// <summary>
/// Asks one question again and again until it passes, the instance dies or the bound runs out. The bound holds even when an attempt blocks,
/// and a death is noticed also in the middle of one.
/// </summary>
internal sealed class BoundedWait(TimeProvider clock, ProbeContext instance)
{
    /// <summary>A death during an attempt is noticed after this long.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(1);

    private static readonly int[] FirstPauses = [2, 5, 10, 20];

    /// <param name="ask">One attempt; gets its own bound and must keep it.</param>
    /// <param name="bound">On the whole wait.</param>
    /// <param name="poll">Longest pause. The first ones are shorter: most instances are ready soon, and their users are waiting.</param>
    /// <param name="successes">Passes in a row that are asked for, one poll apart.</param>
    /// <param name="cancel">Ends the wait with an exception.</param>
    public async Task<WaitEnd> UntilAsync(
        Func<TimeSpan, CancellationToken, Task<ProbeAnswer>> ask, TimeSpan bound, TimeSpan poll, int successes, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var attemptBound = AttemptBound(bound);
        var end = new WaitEnd();
        var inRow = 0;
        while (true)
        {
            var life = await LifeAsync(bound - clock.GetElapsedTime(began), cancel);
            end = end with { Life = life, Seconds = Elapsed() };
            if (life.HasEnded)
            {
                return end with { Ending = WaitEnding.Died };
            }

            if (inRow >= successes)
            {
                // Alive after the last pass too: a pass of a process that is dead by now is none.
                return end with { Ending = WaitEnding.Passed };
            }

            var remaining = bound - clock.GetElapsedTime(began);
            if (remaining <= TimeSpan.Zero)
            {
                return end with { Ending = WaitEnding.BoundRanOut };
            }

            var answer = await AttemptAsync(ask, remaining < attemptBound ? remaining : attemptBound, cancel);
            // An attempt that the end of the wait cut short says less than the one before it.
            var cutShort = answer is { TimedOut: true } && remaining < attemptBound && end.Last is not null;
            end = end with
            {
                Attempts = end.Attempts + 1,
                Seconds = Elapsed(),
                Last = cutShort ? end.Last : answer,
                Furthest = end.Furthest > answer.Reach ? end.Furthest : answer.Reach,
                Passes = end.Passes + (answer.Passed ? 1 : 0),
                Losses = end.Losses + (!answer.Passed && inRow > 0 ? 1 : 0),
            };
            if (answer.Reach == ProbeReach.Unaskable)
            {
                return end with { Ending = WaitEnding.Unaskable };
            }

            inRow = answer.Passed ? inRow + 1 : 0;
            if (inRow < successes)
            {
                var pause = inRow > 0 ? poll : Pause(end.Attempts, poll);
                remaining = bound - clock.GetElapsedTime(began);
                if (remaining > TimeSpan.Zero)
                {
                    await Task.Delay(pause < remaining ? pause : remaining, clock, cancel);
                }
            }
        }

        double Elapsed() => clock.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>One attempt may take a fifth of the whole bound, and a second at least: one that hangs must not eat the wait.</summary>
    public static TimeSpan AttemptBound(TimeSpan bound)
    {
        var fifth = bound / 5;
        var least = fifth < Slice ? Slice : fifth;
        return least < bound ? least : bound;
    }

    /// <summary>What the supervisor says, asked with a bound too.</summary>
    public async Task<Life> LifeAsync(TimeSpan bound, CancellationToken cancel)
    {
        var asked = instance.Life(cancel);
        if (asked.IsCompletedSuccessfully)
        {
            return asked.Result;
        }

        try
        {
            return await asked.AsTask().WaitAsync(bound > Slice ? bound : Slice, clock, cancel);
        }
        catch (TimeoutException)
        {
            return new Life.Unknown("the supervisor did not answer");
        }
    }

    private async Task<ProbeAnswer> AttemptAsync(Func<TimeSpan, CancellationToken, Task<ProbeAnswer>> ask, TimeSpan bound, CancellationToken cancel)
    {
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var asked = ask(bound, attempt.Token);
        while (!asked.IsCompleted)
        {
            try
            {
                return await asked.WaitAsync(Slice, clock, CancellationToken.None);
            }
            catch (TimeoutException)
            {
                if (await LifeAsync(Slice, cancel) is { HasEnded: true })
                {
                    await attempt.CancelAsync();
                    await ((Task)asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    cancel.ThrowIfCancellationRequested();
                    return new ProbeAnswer(false, "died while it was asked", ProbeReach.Connected);
                }
            }
        }

        return await asked;
    }

    private static TimeSpan Pause(int attempts, TimeSpan poll)
    {
        var pause = attempts <= FirstPauses.Length
            ? FirstPauses[attempts - 1]
            : FirstPauses[^1] * Math.Pow(2, Math.Min(attempts - FirstPauses.Length, 20));
        return TimeSpan.FromMilliseconds(Math.Min(pause, poll.TotalMilliseconds));
    }
}

internal enum WaitEnding
{
    BoundRanOut,
    Passed,
    Died,
    Unaskable,
}

/// <summary>How a wait ended, and what was seen on the way.</summary>
internal sealed record WaitEnd
{
    public WaitEnding Ending { get; init; }

    public double Seconds { get; init; }

    public int Attempts { get; init; }

    /// <summary>The last whole answer.</summary>
    public ProbeAnswer? Last { get; init; }

    /// <summary>The furthest that any attempt came.</summary>
    public ProbeReach Furthest { get; init; }

    public int Passes { get; init; }

    /// <summary>How often a pass was followed by a failure.</summary>
    public int Losses { get; init; }

    public Life? Life { get; init; }
}
