
namespace Laptime.Timing;

/// <summary>
/// The chain of segments that decided how long an interval took. Pure.
/// <para>
/// Only leaves count, and only those that lie inside the interval and are over. The chain is walked backwards from the leaf that ended last: before a leaf
/// comes the one of its dependencies (<see cref="Segment.After"/>, its own and its parents') that ended last or, without dependencies, the leaf that ended
/// last before it started. What lies between two links is not attributed to anything. So the seconds on the path and the unattributed ones add up to the
/// interval, however much ran side by side.
/// </para>
/// </summary>
public sealed class CriticalPath
{
    /// <summary>Clocks are read once more between two segments; what is closer than this touches. Seconds.</summary>
    private const double Touch = 1e-6;

    private readonly double start;
    private readonly double end;
    private readonly List<Segment> leaves;
    private readonly Dictionary<int, int[]> dependencies;

    private CriticalPath(IReadOnlyList<Segment> segments, double start, double end)
    {
        (this.start, this.end) = (start, end);
        var children = segments.ToLookup(s => s.Parent);
        // In whole nanoseconds, as clocks tell: two sums that are equal must not differ in their last bit.
        leaves = [.. segments
            .Where(s => s.Seconds is { } seconds && !children[s.Id].Any() && s.Start >= start - Touch && s.Start + seconds <= end + Touch && seconds >= 0)
            .OrderBy(s => Math.Round(End(s) * 1e9)).ThenBy(s => s.Start).ThenBy(s => s.Id)];
        dependencies = Dependencies(segments, children);
        var path = Walk();
        var onPath = path.Select(s => s.Id).ToHashSet();
        Segments = [.. segments.Select(s => s with { CriticalPath = onPath.Contains(s.Id) })];
        UnattributedSeconds = Math.Max(0, end - start - path.Sum(s => s.Seconds!.Value));
        Gaps = GapsOf(path);
        IdleSeconds = path.Where(IsIdle).Sum(s => s.Seconds!.Value);
        Dominant = DominantOf(path);
    }

    /// <summary>All segments, in the order given, those on the path marked.</summary>
    public IReadOnlyList<Segment> Segments { get; }

    /// <summary>The interval less the segments on the path; never negative.</summary>
    public double UnattributedSeconds { get; }

    /// <summary>Where the unattributed seconds are, in the order of time.</summary>
    public IReadOnlyList<PathGap> Gaps { get; }

    /// <summary>Waiting inside the interval before anybody asked for anything.</summary>
    public double IdleSeconds { get; }

    /// <summary>What took the most of the path, idle waiting aside; null when nothing was measured.</summary>
    public DominantReport? Dominant { get; }

    /// <param name="segments">Of one transaction.</param>
    /// <param name="start">Start of the interval in seconds on the transaction's clock; before the command it is negative.</param>
    /// <param name="end">Its end, on the same clock.</param>
    public static CriticalPath Of(IReadOnlyList<Segment> segments, double start, double end) => new(segments, start, Math.Max(start, end));

    private static double End(Segment segment) => segment.Start + segment.Seconds!.Value;

    private static bool IsIdle(Segment segment) => segment is { Name: "wait", Kind: "idle" };

    /// <summary>For each leaf the leaves that it waited for by declaration: an enclosing segment's dependencies hold for what is in it, beside what ended before it there.</summary>
    private Dictionary<int, int[]> Dependencies(IReadOnlyList<Segment> segments, ILookup<int?, Segment> children)
    {
        var byId = segments.ToDictionary(s => s.Id);
        var counted = leaves.Select(l => l.Id).ToHashSet();
        var result = new Dictionary<int, int[]>();
        foreach (var leaf in leaves)
        {
            var found = new HashSet<int>();
            var seen = new HashSet<int>();
            for (var at = leaf; at is not null && seen.Add(at.Id); at = at.Parent is { } parent ? byId.GetValueOrDefault(parent) : null)
            {
                foreach (var id in at.After)
                {
                    AddLeaves(id, []);
                }

                if (at.After.Count > 0)
                {
                    // Inside a segment that waited for others, one thing still comes after the other.
                    AddLeaves(at.Id, []);
                }
            }

            found.RemoveWhere(id => id == leaf.Id || End(byId[id]) > leaf.Start + Touch);
            result.Add(leaf.Id, [.. found]);

            void AddLeaves(int id, HashSet<int> visited)
            {
                if (!visited.Add(id))
                {
                    return;
                }

                if (counted.Contains(id))
                {
                    found.Add(id);
                }

                foreach (var child in children[id])
                {
                    AddLeaves(child.Id, visited);
                }
            }
        }

        return result;
    }

    private List<Segment> Walk()
    {
        var path = new List<Segment>();
        var position = leaves.Count - 1;
        while (position >= 0)
        {
            var link = leaves[position];
            path.Add(link);
            var waitedFor = dependencies[link.Id];
            // Leaves are sorted by their end, so the search only ever goes down and the walk ends.
            do
            {
                position--;
            }
            while (position >= 0 && !(End(leaves[position]) <= link.Start + Touch && (waitedFor.Length == 0 || waitedFor.Contains(leaves[position].Id))));
        }

        return path;
    }

    /// <param name="path">From its end to its beginning.</param>
    private List<PathGap> GapsOf(List<Segment> path)
    {
        var gaps = new List<PathGap>();
        var (from, before) = (start, (Segment?)null);
        foreach (var next in Enumerable.Reverse(path))
        {
            Add(next.Start, next);
            (from, before) = (End(next), next);
        }

        Add(end, null);
        return gaps;

        void Add(double to, Segment? next)
        {
            if (to - from > Touch)
            {
                gaps.Add(new PathGap(before, next, to - from));
            }
        }
    }

    private DominantReport? DominantOf(List<Segment> path)
    {
        var dominant = path.Where(s => !IsIdle(s)).OrderByDescending(s => s.Seconds).ThenBy(s => s.Start).ThenBy(s => s.Id).FirstOrDefault();
        if (dominant is null)
        {
            return null;
        }

        var seconds = dominant.Seconds!.Value;
        var asked = end - start - IdleSeconds;
        return new DominantReport(dominant.Name, dominant.Component, seconds, asked > 0 ? Math.Min(1, seconds / asked) : 0, IntervalWithout(dominant))
        {
            Kind = dominant.Name == "wait" || dominant.Kind == SegmentName.EarlierKind ? dominant.Kind : null,
        };
    }

    /// <summary>
    /// Schedules all leaves again with one of them at zero. A leaf starts as long after the last thing it waited for as it did in truth; without declared
    /// dependencies it waited for everything that had ended before it started.
    /// </summary>
    private double IntervalWithout(Segment removed)
    {
        var ends = new double[leaves.Count];
        var (last, lastAgain) = (start, start);
        // An earlier end is never later than a start that depends on it, except for zero-length ones at one instant, where the order does not matter.
        for (var i = 0; i < leaves.Count; i++)
        {
            var leaf = leaves[i];
            var (before, again) = (double.NegativeInfinity, double.NegativeInfinity);
            var declared = dependencies[leaf.Id];
            for (var j = 0; j < i; j++)
            {
                if (End(leaves[j]) <= leaf.Start + Touch && (declared.Length == 0 || declared.Contains(leaves[j].Id)))
                {
                    before = Math.Max(before, End(leaves[j]));
                    again = Math.Max(again, ends[j]);
                }
            }

            var shift = double.IsNegativeInfinity(before) ? 0 : before - again;
            ends[i] = leaf.Start - shift + (leaf.Id == removed.Id ? 0 : leaf.Seconds!.Value);
            last = Math.Max(last, End(leaf));
            lastAgain = Math.Max(lastAgain, ends[i]);
        }

        return Math.Max(0, end - start - (last - lastAgain));
    }
}
