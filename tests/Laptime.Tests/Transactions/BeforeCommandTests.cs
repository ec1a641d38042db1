using FsCheck;
using FsCheck.Fluent;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

public sealed class BeforeCommandTests
{
    private static readonly DateTimeOffset Started = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);

    private static DateTimeOffset Before(double seconds) => Started.AddSeconds(-seconds);

    private static IEnumerable<(string Name, string? Component, double Start, double Seconds)> Of(double trigger, Waits waits, params EarlierWork[] earlier) =>
        BeforeCommand.Of(Before(trigger), Started, waits, earlier, 7).Select(s => (SegmentName.Bare(s.Name, s.Kind), s.Component, s.Start, s.Seconds!.Value));

    [Fact]
    public void Builds_that_overlapped_are_one_and_those_that_touch_are_two()
    {
        Assert.Equal(
            [("wait (idle)", null, -60, 10), ("build (earlier run)", null, -50, 25), ("wait (idle)", null, -25, 25)],
            Of(60, Waits.None, new EarlierWork("build", "a", Before(50), Before(30)), new EarlierWork("build", "b", Before(40), Before(25))));
        Assert.Equal(
            [("build/restore (earlier run)", "a", -60, 10), ("build/compile (earlier run)", "a", -50, 20), ("wait (idle)", null, -30, 30)],
            Of(60, Waits.None, new EarlierWork("build/restore", "a", Before(90), Before(50)), new EarlierWork("build/compile", "a", Before(50), Before(30))));
    }

    [Fact]
    public void Work_comes_before_waiting() => Assert.Equal(
        [("wait (queue)", null, -60, 20), ("build (earlier run)", "a", -40, 10), ("wait (queue)", null, -30, 30)],
        Of(60, new Waits { QueuedSince = Before(3600) }, new EarlierWork("build", "a", Before(40), Before(30))));

    [Fact]
    public void A_trigger_that_is_not_before_the_command_leaves_nothing() => Assert.Empty(Of(0, new Waits { QueuedSince = Before(5) }));

    [Fact]
    public void Whatever_is_told_the_segments_touch_and_fill_the_time_exactly() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(Gen.Choose(-1000, 3000).ArrayOf(10).ToArbitrary(), at =>
        {
            DateTimeOffset At(int i) => Started.AddTicks(-at[i] * 10_007L);
            var segments = BeforeCommand.Of(
                At(0), Started, new Waits { QueuedSince = at[1] % 3 == 0 ? null : At(1), JobStarted = at[2] % 3 == 0 ? null : At(2), ApprovalSince = At(3), ApprovedAt = At(4) },
                [new EarlierWork("build", "a", At(5), At(6)), new EarlierWork("build/x", "b", At(7), At(8)), new EarlierWork("build", "a", At(5), At(6))], 1);
            var waited = Math.Max(0, at[0]) * 10_007L / 1e7;
            Assert.Equal(waited, segments.Sum(s => s.Seconds!.Value), 7);
            Assert.All(segments, s => Assert.True(s.Seconds > 0));
            Assert.All(segments.Zip(segments.Skip(1)), p => Assert.Equal(p.First.Start + p.First.Seconds!.Value, p.Second.Start, 7));
            Assert.Equal(-waited, segments.Count == 0 ? 0 : segments[0].Start, 7);
        }));
}
