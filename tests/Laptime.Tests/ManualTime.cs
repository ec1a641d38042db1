namespace Laptime.Tests;

/// <summary>
/// A clock that stands still until a test moves it, timers included. With <see cref="Flow"/>, timers due within that time fire the moment they are
/// made and move the clock with them: pauses of a polling loop cost nothing, while the longer bounds only run out when the pauses have added up.
/// </summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<ManualTimer> timers = [];
    private DateTimeOffset now = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);

    /// <summary>Zero: nothing moves by itself.</summary>
    public TimeSpan Flow { get; init; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
        {
            return now;
        }
    }

    /// <summary>Moves the clock and fires what is due on the way, earliest first, each at its own time.</summary>
    public void Advance(TimeSpan by)
    {
        var until = GetUtcNow() + by;
        while (true)
        {
            ManualTimer? due;
            lock (gate)
            {
                due = timers.Where(t => t.Due <= until).MinBy(t => t.Due);
                if (due is null)
                {
                    now = until > now ? until : now;
                    return;
                }

                now = due.Due > now ? due.Due : now;
                due.Rearm(now, timers);
            }

            due.Fire();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ManualTimer(ManualTime clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan period = Timeout.InfiniteTimeSpan;

        public DateTimeOffset Due { get; private set; }

        public void Fire() => callback(state);

        /// <summary>After it came due: again one period later, or never.</summary>
        public void Rearm(DateTimeOffset now, List<ManualTimer> timers)
        {
            Due = now + period;
            if (period <= TimeSpan.Zero)
            {
                timers.Remove(this);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan every)
        {
            lock (clock.gate)
            {
                period = every;
                clock.timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    return true;
                }

                Due = clock.now + dueTime;
                clock.timers.Add(this);
            }

            if (dueTime <= clock.Flow)
            {
                clock.Advance(dueTime);
            }

            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
