namespace Laptime.Timing;

/// <summary>
/// Measures the segments of one transaction on one monotonic clock and hands each start and end to a listener (which persists, then publishes).
/// Safe for use from several threads; the listener is called under a lock, in order.
/// </summary>
public sealed class Timeline
{
    private const string Rollout = "rollout";

    /// <summary>The restart of a component that loaded what changed; its parts are called after it.</summary>
    private const string Reconcile = "reconcile";

    private readonly TimeProvider clock;
    private readonly Action<Segment> listener;
    private readonly long origin;
    private readonly Lock gate = new();
    private readonly HashSet<int> reconciling = [];
    private int lastId;
    private bool isStartingUp;

    /// <param name="clock">The one clock.</param>
    /// <param name="listener">Called with a segment without <see cref="Segment.Seconds"/> at its start, and with it at its end.</param>
    /// <param name="origin">The clock's time stamp of second 0 (when the command began); null: now.</param>
    public Timeline(TimeProvider clock, Action<Segment> listener, long? origin = null)
    {
        this.clock = clock;
        this.listener = listener;
        this.origin = origin ?? clock.GetTimestamp();
        Started = clock.GetUtcNow() - clock.GetElapsedTime(this.origin);
    }

    /// <summary>Wall-clock time of second 0.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>Set before the first segment when this transaction is traced: programs that run in a segment are told its span. Null: they are told nothing.</summary>
    public TraceContext? Trace { get; set; }

    /// <summary>Seconds since second 0.</summary>
    public double Now => clock.GetElapsedTime(origin).TotalSeconds;

    /// <summary>Wall-clock time of a segment's end; of its start while it is open.</summary>
    public DateTimeOffset Moment(Segment segment) => Started.AddSeconds(segment.Start + (segment.Seconds ?? 0));

    /// <summary>From second 0 until the first segment begins the command starts up: that is a segment of its own, with nothing between it and what comes first.</summary>
    public void CountStartUp() => isStartingUp = true;

    /// <summary>Ends the start-up, where no segment did.</summary>
    public void EndStartUp()
    {
        lock (gate)
        {
            if (isStartingUp)
            {
                isStartingUp = false;
                Record("detect", 0, Now, kind: "start-up");
            }
        }
    }

    /// <summary>Starts a segment; end it with <see cref="SegmentScope.End"/>, or by disposing (which ends it as cancelled unless it was ended).</summary>
    public SegmentScope Begin(string name, string? component = null, string? kind = null, int? parent = null, params IReadOnlyList<int> after)
    {
        lock (gate)
        {
            EndStartUp();
            var segment = new Segment
            {
                Id = ++lastId, Name = name, Component = component, Kind = kind, Parent = parent, After = after, Start = Now,
            };
            if (name == Reconcile || (parent is { } whole && reconciling.Contains(whole)))
            {
                // Targets do for a restart what they do for a rollout; whose time it is shows by the name.
                reconciling.Add(segment.Id);
                segment = name.StartsWith(Rollout + "/", StringComparison.Ordinal) ? segment with { Name = Reconcile + name[Rollout.Length..] } : segment;
            }

            listener(segment);
            return new SegmentScope(this, segment);
        }
    }

    /// <summary>Records a segment that is already over (a cache hit, or time before the command).</summary>
    public Segment Record(string name, double start, double seconds, string? component = null, string? kind = null, string? cache = null,
        int? parent = null, string outcome = "ok", params IReadOnlyList<int> after)
    {
        lock (gate)
        {
            var segment = new Segment
            {
                Id = ++lastId, Name = name, Component = component, Kind = kind, Cache = cache, Parent = parent, After = after,
                Start = start, Seconds = seconds, Outcome = outcome,
            };
            listener(segment);
            return segment;
        }
    }

    internal Segment End(Segment open, string outcome)
    {
        lock (gate)
        {
            var closed = open with { Seconds = Now - open.Start, Outcome = outcome };
            listener(closed);
            return closed;
        }
    }
}

/// <summary>An open segment.</summary>
public sealed class SegmentScope : IDisposable
{
    private readonly Timeline timeline;
    private Segment segment;
    private bool ended;

    internal SegmentScope(Timeline timeline, Segment segment)
    {
        this.timeline = timeline;
        this.segment = segment;
    }

    public int Id => segment.Id;

    /// <summary>The segment as it stands; has its duration after <see cref="End"/>.</summary>
    public Segment Segment => segment;

    public void Cache(string outcome) => segment = segment with { Cache = outcome };

    public Segment End(string outcome = "ok")
    {
        if (!ended)
        {
            ended = true;
            segment = timeline.End(segment, outcome);
        }

        return segment;
    }

    public void Dispose() => End("cancelled");
}
