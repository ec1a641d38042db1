using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>One tier while it runs: counts what it asserts, keeps what it saw, and the first thing that is wrong.</summary>
internal sealed class TierRun(Tier tier, Timeline timeline)
{
    private static readonly HashSet<string> Waits = ["schedule", "boot", "health-wait", "monitor-wait"];

    private readonly SegmentScope whole = timeline.Begin(tier.ToString().ToLowerInvariant(), kind: "tier");
    private readonly List<string> evidence = [];
    private readonly List<string> skipped = [];
    private int checks;
    private string? reason;
    private string? mend;
    private IReadOnlyList<string> tail = [];
    private TierStatus status = TierStatus.Pass;

    public Tier Tier => tier;

    /// <summary>The segment that everything in the tier is a part of.</summary>
    public int Segment => whole.Id;

    public Timeline Timeline => timeline;

    /// <summary>What ran while it was asserted.</summary>
    public string? VerifiedVersion { get; set; }

    /// <summary>Something is wrong with what runs: the tiers that need it cannot show anything.</summary>
    public bool IsBroken { get; private set; }

    public bool Failed => status == TierStatus.Fail;

    /// <summary>An assertion. The first one that does not hold is the tier's reason; the others are evidence too.</summary>
    /// <param name="saw">What holds, or was seen.</param>
    /// <param name="otherwise">What is wrong.</param>
    /// <param name="last">The last lines of what failed.</param>
    public bool Check(bool holds, string saw, string otherwise, string? cure = null, IReadOnlyList<string>? last = null)
    {
        checks++;
        if (holds)
        {
            evidence.Add(saw);
        }
        else
        {
            Fail(otherwise, cure, last);
        }

        return holds;
    }

    public void Saw(string what) => evidence.Add(what);

    /// <summary>A check of the recipe's own that skipped itself, as declared.</summary>
    public void Skip(string check, string why) => skipped.Add($"{check}: {why}");

    public void Fail(string why, string? cure = null, IReadOnlyList<string>? last = null)
    {
        if (status == TierStatus.Fail)
        {
            evidence.Add("also: " + why);
            return;
        }

        (status, reason, mend, tail) = (TierStatus.Fail, why, cure, last ?? []);
    }

    /// <summary>What should stand does not.</summary>
    public void Break(Fault fault)
    {
        checks++;
        IsBroken = true;
        Fail($"{fault.Outcome.Name}: {(fault.Where is { } where && !fault.What.StartsWith(where, StringComparison.Ordinal) ? where + ": " : "")}{fault.What}", fault.Mend, fault.Tail);
    }

    /// <summary>What was seen proves nothing. A failure stays one.</summary>
    public void Unverify(string why, string? cure = null)
    {
        if (status == TierStatus.Pass)
        {
            (status, reason, mend) = (TierStatus.Unverified, why, cure);
        }
    }

    public SegmentScope Begin(string name) => timeline.Begin(name, parent: whole.Id);

    /// <param name="measured">Every segment of the run so far.</param>
    public TierReport End(IReadOnlyList<Segment> measured)
    {
        whole.End(status == TierStatus.Pass ? "ok" : status == TierStatus.Fail ? "failed" : "skipped");
        double Sum(Func<Segment, bool> which) => measured.Where(s => s.Parent == whole.Id && s.Seconds is not null && which(s)).Sum(s => s.Seconds!.Value);
        return new TierReport
        {
            Tier = tier, Status = status, Reason = reason, Mend = mend, VerifiedVersion = VerifiedVersion, Checks = checks, Evidence = evidence, Skipped = skipped, Tail = tail,
            OperationSeconds = Sum(s => !Waits.Contains(s.Name) && s.Name != "assert"), WaitSeconds = Sum(s => Waits.Contains(s.Name)), AssertSeconds = Sum(s => s.Name == "assert"),
        };
    }

    public static TierReport Without(Tier tier, TierStatus status, string reason, string? mend = null) => new() { Tier = tier, Status = status, Reason = reason, Mend = mend };
}
