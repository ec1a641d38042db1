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

    [Fact]
    public void The_gaps_are_the_unattributed_seconds() => Hold((_, path, _, _) =>
    {
        Assert.Equal(path.UnattributedSeconds, path.Gaps.Sum(g => g.Seconds), 0.0001);
        Assert.All(path.Gaps, g => Assert.True(g.Seconds > 0));
    });

    [Fact]
    public void A_gap_is_named_by_what_was_before_and_after_it()
    {
        var path = CriticalPath.Of([S(1, 1, 1), S(2, 5, 1)], 0, 7);
        Assert.Equal([(null, 1, 1.0), (1, 2, 3.0), (2, (int?)null, 1.0)], path.Gaps.Select(g => (g.Before?.Id, g.Next?.Id, Math.Round(g.Seconds, 6))));
    }

    /// <summary>What ran one after the other: without the longest, exactly its time is saved.</summary>
    [Fact]
    public void In_a_row_the_interval_without_a_segment_is_the_interval_less_that_segment() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300),
        Prop.ForAll(Gen.Choose(1, 500).NonEmptyListOf().ToArbitrary(), Gen.Choose(0, 20).ToArbitrary(), (lengths, gap) =>
        {
            var (row, now) = (new List<Segment>(), 0);
            foreach (var length in lengths)
            {
                row.Add(S(row.Count + 1, now / 1000.0, length / 1000.0) with { After = row.Count % 2 == 0 || row.Count == 0 ? [] : [row.Count] });
                now += length + gap;
            }

            var path = CriticalPath.Of(row, 0, now / 1000.0);
            Assert.All(path.Segments, s => Assert.True(s.CriticalPath));
            Assert.Equal(gap * lengths.Count / 1000.0, path.UnattributedSeconds, 6);
            Assert.Equal((now - lengths.Max()) / 1000.0, path.Dominant!.IntervalWithout, 6);
        }));

    /// <summary>
    /// Against the truth: tasks that start when the last one they wait for has ended are scheduled, measured, and scheduled again with the dominant one at zero.
    /// </summary>
    [Fact]
    public void The_interval_without_the_dominant_segment_is_what_scheduling_the_graph_again_gives() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll((from n in Gen.Choose(1, 12) from lengths in Gen.Choose(1, 300).ArrayOf(n) from links in Gen.Choose(0, 99).ArrayOf(n * 2) select (lengths, links)).ToArbitrary(), graph =>
        {
            var (lengths, links) = graph;
            // Task i waits for up to two earlier ones; the first few start at once.
            int[] After(int i) => [.. new[] { links[i * 2], links[(i * 2) + 1] }.Where(l => i > 0 && l % (i + 2) < i).Select(l => l % (i + 2)).Distinct()];
            int[] Starts(int without)
            {
                var ends = new int[lengths.Length];
                var starts = new int[lengths.Length];
                for (var i = 0; i < lengths.Length; i++)
                {
                    starts[i] = After(i).Select(a => ends[a]).DefaultIfEmpty(0).Max();
                    ends[i] = starts[i] + (i == without ? 0 : lengths[i]);
                }

                return starts;
            }

            int Took(int without) => Starts(without).Select((s, i) => s + (i == without ? 0 : lengths[i])).Max();
            var truth = Starts(-1);
            var measured = lengths.Select((length, i) => S(i + 1, truth[i] / 1000.0, length / 1000.0) with { After = [.. After(i).Select(a => a + 1)] }).ToList();
            var path = CriticalPath.Of(measured, 0, Took(-1) / 1000.0);
            Assert.Equal(0, path.UnattributedSeconds, 6);
            var dominant = path.Segments.Single(s => s.CriticalPath && s.Seconds == path.Dominant!.Seconds && s.Id == path.Segments.Where(o => o.CriticalPath)
                .OrderByDescending(o => o.Seconds).ThenBy(o => o.Start).ThenBy(o => o.Id).First().Id);
            Assert.Equal(Took(dominant.Id - 1) / 1000.0, path.Dominant!.IntervalWithout, 6);
            Assert.True(path.Dominant.IntervalWithout >= 0);
        }));

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
