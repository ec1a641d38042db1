using FsCheck;
using FsCheck.Fluent;
using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class ComparisonTests
{
    private static readonly Arbitrary<(double[] A, double[] B)> Sets = Gen.Zip(Durations(), Durations()).Select(t => (t.Item1, t.Item2)).ToArbitrary();

    [Fact]
    public void Swapping_a_and_b_turns_everything_over() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(Sets, sets =>
        Mirrors(Comparison.Apart(new(sets.A), new(sets.B)), Comparison.Apart(new(sets.B), new(sets.A)))));

    [Fact]
    public void What_lies_on_a_bound_lies_on_it_from_both_sides()
    {
        double[] a = [1.0, 2.4, 1.8, 0.2, 1.2, 0.4, 1.4], b = [2.4, 3.0, 2.2];
        Mirrors(Comparison.Apart(new(a), new(b)), Comparison.Apart(new(b), new(a)));
    }

    [Fact]
    public void Swapping_the_sides_of_pairs_turns_everything_over() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(Sets, sets =>
    {
        var n = Math.Min(sets.A.Length, sets.B.Length);
        Mirrors(Comparison.Pairs(new(sets.A[..n]), new(sets.B[..n])), Comparison.Pairs(new(sets.B[..n]), new(sets.A[..n])));
    }));

    [Fact]
    public void The_order_of_recording_does_not_matter() => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Sets, sets =>
        Assert.Equal(Comparison.Apart(new(sets.A), new(sets.B)), Comparison.Apart(new(sets.A.Reverse()), new(sets.B.Order())))));

    [Fact]
    public void The_same_samples_give_the_same_figures_again()
    {
        double[] a = [1.1, 1.2, 0.9, 1.0, 1.3], b = [1.4, 1.6, 1.2, 1.5, 1.7];
        Assert.Equal(Comparison.Apart(new(a), new(b)), Comparison.Apart(new(a), new(b)));
    }

    [Fact]
    public void Identical_samples_are_no_evidence()
    {
        double[] same = [1.1, 1.2, 0.9, 1.0, 1.3, 1.25];
        var apart = Comparison.Apart(new(same), new(same));
        Assert.Equal((Verdict.NoEvidence, 0.0, 1.0), (apart.Verdict, apart.Effect, apart.Ratio.Median));
        Assert.Equal(1, apart.P, 1e-9);
        var pairs = Comparison.Pairs(new(same), new(same));
        Assert.Equal((Verdict.NoEvidence, 1.0, 0.0, new RatioReport(1, 1, 1)), (pairs.Verdict, pairs.P, pairs.Effect, pairs.Ratio));
    }

    [Fact]
    public void Zero_variance_is_no_obstacle()
    {
        double[] one = [1, 1, 1, 1, 1, 1], two = [2, 2, 2, 2, 2, 2], nothing = [0, 0, 0, 0, 0, 0];
        foreach (var compare in (Func<Samples, Samples, Judging?, Comparison>[])[Comparison.Apart, Comparison.Pairs])
        {
            Assert.Equal(Verdict.NoEvidence, compare(new(one), new(one), null).Verdict);
            var worse = compare(new(one), new(two), null);
            Assert.Equal((Verdict.Worse, 1.0, new RatioReport(2, 2, 2)), (worse.Verdict, worse.Effect, worse.Ratio));
            var gone = compare(new(one), new(nothing), null);
            Assert.Equal((Verdict.Better, -1.0, new RatioReport(0, 0, 0)), (gone.Verdict, gone.Effect, gone.Ratio));
            var came = compare(new(nothing), new(one), null);
            Assert.Equal((Verdict.Worse, 1.0, new RatioReport(null, null, null)), (came.Verdict, came.Effect, came.Ratio));
            Assert.Equal(Verdict.NoEvidence, compare(new(nothing), new(nothing), null).Verdict);
        }
    }

    [Theory]
    [InlineData(1, 1, 4)]
    [InlineData(3, 3, 4)]
    [InlineData(0, 9, 4)]
    [InlineData(2, 5, 4)]
    public void Too_few_runs_are_inconclusive_however_far_they_lie_apart(int a, int b, int needed)
    {
        var comparison = Comparison.Apart(new(Enumerable.Range(1, a).Select(i => i * 0.01)), new(Enumerable.Range(1, b).Select(i => i + 100.0)));
        Assert.Equal((Verdict.Inconclusive, needed), (comparison.Verdict, comparison.Needed));
        Assert.Contains($"at least {needed} each are needed", comparison.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Four_runs_each_or_six_pairs_are_the_least_that_can_show_anything()
    {
        Assert.Equal(Verdict.Worse, Comparison.Apart(new([1, 1.1, 1.2, 1.3]), new([2, 2.1, 2.2, 2.3])).Verdict);
        Assert.Equal(("5 pairs; at least 6 are needed", 6), Of(5));
        Assert.Equal((null, null), Of(6));

        static (string?, int?) Of(int n)
        {
            var c = Comparison.Pairs(new(Enumerable.Range(1, n).Select(i => (double)i)), new(Enumerable.Range(1, n).Select(i => i * 2.0)));
            return (c.Why, c.Needed);
        }
    }

    [Fact]
    public void A_stricter_rate_needs_more_runs() =>
        Assert.Equal(5, Comparison.Apart(new([1, 1, 1, 1]), new([2, 2, 2, 2]), new Judging { Alpha = 0.01 }).Needed);

    [Fact]
    public void A_change_that_nobody_feels_is_none()
    {
        double[] a = [1, 1, 1, 1, 1, 1], b = [1.005, 1.005, 1.005, 1.005, 1.005, 1.005];
        var standard = Comparison.Apart(new(a), new(b));
        Assert.Equal((Verdict.NoEvidence, "the change is smaller than 1 %"), (standard.Verdict, standard.Why));
        Assert.Equal(Verdict.Worse, Comparison.Apart(new(a), new(b), new Judging { LeastEffect = 0 }).Verdict);
    }

    [Theory]
    [InlineData(1.3, Verdict.Inconclusive)]
    [InlineData(1.02, Verdict.Worse)]
    public void A_machine_that_moved_enough_to_be_the_reason_takes_the_verdict_away(double factor, Verdict verdict)
    {
        var figures = Figures.Apart(new([1, 1.1, 1.2, 1.3, 1.1]), new([2, 2.1, 2.2, 2.3, 2.2]), Judging.Standard);
        var judged = figures.Judge(machine: new MachineMove(true, true, factor, "the machine moved"));
        Assert.Equal((verdict, verdict == Verdict.Inconclusive ? "the machine moved" : null), (judged.Verdict, judged.Why));
        Assert.Equal(Verdict.Worse, figures.Judge(machine: new MachineMove(true, false, 1, "it held still")).Verdict);
    }

    [Fact]
    public void A_machine_that_moved_may_also_hide_a_change()
    {
        var figures = Figures.Apart(new([1, 1.1, 1.2, 1.3, 1.1]), new([1, 1.1, 1.2, 1.3, 1.1]), Judging.Standard);
        Assert.Equal(Verdict.Inconclusive, figures.Judge(machine: new MachineMove(true, true, 0.9, "the machine moved")).Verdict);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 1, 5)]
    [InlineData(6, 1, 6)]
    [InlineData(10, 2, 9)]
    [InlineData(20, 6, 15)]
    public void The_interval_of_a_median_is_the_published_pair_of_order_statistics(int n, double low, double high) =>
        Assert.Equal((low, high), new Samples(Enumerable.Range(1, n).Select(i => (double)i)).MedianInterval(0.95));

    [Fact]
    public void The_interval_of_the_ratio_holds_the_true_one_about_as_often_as_it_says()
    {
        var draws = new Draws(9);
        var held = Enumerable.Range(0, 500).Count(_ =>
        {
            var ratio = Comparison.Apart(new(draws.Of("log-normal", 15)), new(draws.Of("log-normal", 15).Select(s => s * 1.5))).Ratio;
            return ratio.Low <= 1.5 && ratio.High >= 1.5;
        });
        Assert.InRange(held, 465, 500);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-1)]
    [InlineData(double.PositiveInfinity)]
    public void What_is_no_duration_is_refused(double value) => Assert.Throws<ArgumentException>(() => new Samples([1, value]));

    private static void Mirrors(Comparison there, Comparison back)
    {
        Assert.Equal(there.P, back.P, 1e-9);
        Assert.Equal(there.Effect, -back.Effect, 1e-9);
        Assert.Equal(there.Needed, back.Needed);
        Assert.Equal(there.Verdict switch { Verdict.Better => Verdict.Worse, Verdict.Worse => Verdict.Better, var same => same }, back.Verdict);
        Assert.Equal((there.A, there.B), (back.B, back.A));
        Inverse(there.Ratio.Median, back.Ratio.Median);
        Inverse(there.Ratio.Low, back.Ratio.High);
        Inverse(there.Ratio.High, back.Ratio.Low);
    }

    private static void Inverse(double? x, double? y)
    {
        if (x is null || y is null)
        {
            // Without bound on one side is nothing at all on the other.
            Assert.Equal(0, (x ?? 0) + (y ?? 0));
        }
        else
        {
            Assert.True((x == 0 && y == 0) || Math.Abs((x.Value * y.Value) - 1) < 1e-9, $"{x} and {y}");
        }
    }

    /// <summary>Up to 12 durations with many ties and zeros.</summary>
    private static Gen<double[]> Durations() => Gen.Choose(0, 12).SelectMany(n => Gen.Choose(0, 15).Select(i => i / 5.0).ArrayOf(n));
}
