using FsCheck;
using FsCheck.Fluent;
using Laptime.Timing;

namespace Laptime.Tests.Timing;

public sealed class CriticalPathTests
{
    /// <summary>Segments on a grid of milliseconds, with parents and dependencies that only point backwards, as the engine makes them.</summary>
    private static readonly Arbitrary<Segment[]> Graphs =
        (from n in Gen.Choose(0, 12)
         from starts in Gen.Choose(-20, 60).ArrayOf(n)
         from lengths in Gen.Choose(0, 30).ArrayOf(n)
         from links in Gen.Choose(-12, 12).ArrayOf(n)
         from parents in Gen.Choose(-12, 6).ArrayOf(n)
         from idle in Gen.Choose(0, 5).ArrayOf(n)
         select Enumerable.Range(0, n).Select(i => new Segment
         {
             Id = i + 1, Name = idle[i] == 0 ? "wait" : "s", Kind = idle[i] == 0 ? "idle" : null, Start = starts[i] / 1000.0, Seconds = lengths[i] / 1000.0,
             After = links[i] > 0 && links[i] <= i ? [links[i]] : [], Parent = parents[i] > 0 && parents[i] <= i ? parents[i] : null, Outcome = "ok",
         }).ToArray()).ToArbitrary();

    [Fact]
    public void The_path_and_the_unattributed_add_up_to_the_interval() => Hold((segments, path, start, end) =>
    {
        var onPath = path.Segments.Where(s => s.CriticalPath).Sum(s => s.Seconds!.Value);
        Assert.True(onPath <= end - start + 1e-4, $"{onPath} of {end - start}");
        Assert.Equal(end - start, onPath + path.UnattributedSeconds, 0.001);
        Assert.True(path.UnattributedSeconds >= 0);
    });

    [Fact]
    public void Links_of_the_path_do_not_overlap_and_lie_inside_the_interval() => Hold((_, path, start, end) =>
    {
        var links = path.Segments.Where(s => s.CriticalPath).OrderBy(s => s.Start).ThenBy(s => s.Seconds).ToList();
        Assert.All(links, l => Assert.True(l.Start >= start - 1e-5 && l.Start + l.Seconds <= end + 1e-5));
        Assert.All(links.Zip(links.Skip(1)), p => Assert.True(p.First.Start + p.First.Seconds <= p.Second.Start + 1e-5));
    });

    [Fact]
    public void Without_the_dominant_segment_no_more_than_its_time_is_saved() => Hold((_, path, start, end) =>
    {
        if (path.Dominant is { } d)
        {
            Assert.InRange(d.IntervalWithout, end - start - d.Seconds - 1e-4, end - start + 1e-9);
            Assert.InRange(d.Share, 0, 1);
            Assert.True(path.Segments.Where(s => s.CriticalPath && s is not { Name: "wait", Kind: "idle" }).All(s => s.Seconds <= d.Seconds));
        }
    });

    [Fact]
    public void What_runs_side_by_side_counts_once_and_saves_only_the_difference()
    {
        var path = CriticalPath.Of([S(1, 0, 1.0), S(2, 0, 0.9), S(3, 1.0, 0.5) with { After = [1, 2] }], 0, 1.5);
        Assert.Equal([1, 3], OnPath(path));
        Assert.Equal(0, path.UnattributedSeconds, 9);
        Assert.Equal(1.4, path.Dominant!.IntervalWithout, 9);
    }

    [Fact]
    public void A_dependency_leads_the_path_where_something_unrelated_ended_later()
    {
        var path = CriticalPath.Of([S(1, 0, 1.0), S(2, 0, 1.2), S(3, 1.3, 0.7) with { After = [1] }], 0, 2);
        Assert.Equal([1, 3], OnPath(path));
        Assert.Equal(0.3, path.UnattributedSeconds, 9);
    }

    [Fact]
    public void A_dependency_on_a_parent_is_one_on_what_is_in_it_and_holds_for_what_is_in_the_other()
    {
        var path = CriticalPath.Of(
            [S(1, 0, 1), S(2, 0, 0.4) with { Parent = 1 }, S(3, 0.4, 0.6) with { Parent = 1 }, S(4, 0, 1.1), S(5, 1.1, 1) with { After = [1] }, S(6, 1.1, 1) with { Parent = 5 }], 0, 2.1);
        Assert.Equal([2, 3, 6], OnPath(path));
        Assert.Equal(0.1, path.UnattributedSeconds, 9);
    }

    [Fact]
    public void What_comes_after_the_interval_does_not_count()
    {
        var path = CriticalPath.Of([S(1, 0, 1), S(2, 0.9, 5), S(3, 1, 1)], 0, 1);
        Assert.Equal([1], OnPath(path));
    }

    [Fact]
    public void Waiting_before_the_command_is_in_the_interval_and_idle_waiting_never_dominates()
    {
        var path = CriticalPath.Of([S(1, -100, 100) with { Name = "wait", Kind = "idle" }, S(2, 0, 2), S(3, 2, 1)], -100, 3);
        Assert.Equal([1, 2, 3], OnPath(path));
        Assert.Equal(100, path.IdleSeconds);
        Assert.Equal(2.0 / 3, path.Dominant!.Share, 9);
        Assert.Equal(101, path.Dominant.IntervalWithout, 9);
    }

    [Fact]
    public void A_queue_may_dominate()
    {
        var path = CriticalPath.Of([S(1, -100, 100) with { Name = "wait", Kind = "queue" }, S(2, 0, 2)], -100, 2);
        Assert.Equal("wait", path.Dominant!.Segment);
    }

    [Fact]
    public void A_segment_without_an_end_and_an_empty_transaction_have_no_dominant()
    {
        Assert.Null(CriticalPath.Of([S(1, 0, 0) with { Seconds = null }], 0, 1).Dominant);
        var empty = CriticalPath.Of([], 0, 1);
        Assert.Null(empty.Dominant);
        Assert.Equal(1, empty.UnattributedSeconds);
    }

    [Fact]
    public void Segments_without_length_at_one_instant_end_the_walk()
    {
        var path = CriticalPath.Of([S(1, 0, 0), S(2, 0, 0), S(3, 0, 1), S(4, 1, 0)], 0, 1);
        Assert.Equal(0, path.UnattributedSeconds, 9);
    }

    private static void Hold(Action<Segment[], CriticalPath, double, double> property) => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(Graphs, Gen.Choose(-20, 100).Two().ToArbitrary(), (segments, bounds) =>
        {
            var (start, end) = (Math.Min(bounds.Item1, bounds.Item2) / 1000.0, Math.Max(bounds.Item1, bounds.Item2) / 1000.0);
            property(segments, CriticalPath.Of(segments, start, end), start, end);
        }));

    private static Segment S(int id, double start, double seconds) => new() { Id = id, Name = "s", Start = start, Seconds = seconds, Outcome = "ok" };

    private static IEnumerable<int> OnPath(CriticalPath path) => path.Segments.Where(s => s.CriticalPath).Select(s => s.Id);
}
