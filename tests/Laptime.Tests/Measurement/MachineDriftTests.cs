using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class MachineDriftTests
{
    public static TheoryData<string> Shapes => ["normal", "log-normal", "bimodal", "outliers"];

    [Theory, MemberData(nameof(Shapes))]
    public void A_machine_that_holds_still_is_called_moved_in_less_than_one_of_ten_recordings(string shape)
    {
        var random = new Random(20261121);
        var wrong = Enumerable.Range(0, 1000).Count(_ => MachineDrift.Judge(Samples(random, shape, 20, _ => 1), Samples(random, shape, 20, _ => 1)).Moved);
        Assert.InRange(wrong, 0, 100);
    }

    [Theory, MemberData(nameof(Shapes))]
    public void A_machine_that_became_a_third_slower_is_noticed(string shape)
    {
        var random = new Random(7);
        var found = Enumerable.Range(0, 200).Count(_ => MachineDrift.Judge(Samples(random, shape, 20, _ => 1), Samples(random, shape, 20, _ => 1.33)).Moved);
        Assert.InRange(found, 190, 200);
    }

    [Fact]
    public void A_machine_that_moves_during_a_recording_is_noticed_although_the_medians_agree()
    {
        var random = new Random(11);
        var a = Samples(random, "normal", 40, _ => 1.2);
        var b = Samples(random, "normal", 40, i => i < 20 ? 1 : 1.4);
        var report = MachineDrift.Judge(a, b);
        Assert.True(report.Moved);
        Assert.Contains("while B was recorded", report.Sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("while A was recorded", report.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void One_kind_of_work_is_enough_and_is_named()
    {
        var a = Enumerable.Repeat(new CalibrationSample(0.010, 0.010, 0.010), 10).ToList();
        var b = Enumerable.Repeat(new CalibrationSample(0.010, 0.010, 0.020), 10).ToList();
        var report = MachineDrift.Judge(a, b);
        Assert.True(report.Moved);
        Assert.Equal("the machine moved: disk work took +100 % from A to B; a difference may be the machine's. lap baseline race takes both in turn", report.Sentence);
        Assert.Equal(["disk"], report.Kinds.Where(k => k.Moved).Select(k => k.Kind));
    }

    [Fact]
    public void Identical_samples_say_that_the_machine_held_still()
    {
        var same = Enumerable.Repeat(new CalibrationSample(0.010, 0.012, 0.014), 10).ToList();
        var report = MachineDrift.Judge(same, same);
        Assert.False(report.Moved);
        Assert.True(report.Known);
        Assert.Contains("cpu ±0 %, spawn ±0 %, disk ±0 %", report.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_below_the_threshold_is_left_to_the_noise() =>
        Assert.False(MachineDrift.Judge(
            [.. Enumerable.Repeat(new CalibrationSample(1, 1, 1), 50)], [.. Enumerable.Repeat(new CalibrationSample(1.04, 0.97, 1), 50)]).Moved);

    [Theory, MemberData(nameof(Shapes))]
    public void A_and_b_may_change_places(string shape)
    {
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            var (a, b) = (Samples(random, shape, 12, _ => 1), Samples(random, shape, 12, _ => 1.1));
            Assert.Equal(MachineDrift.Judge(a, b).Moved, MachineDrift.Judge(b, a).Moved);
        }
    }

    [Fact]
    public void Too_few_samples_say_nothing()
    {
        var report = MachineDrift.Judge([.. Enumerable.Repeat(new CalibrationSample(1, 1, 1), 4)], [.. Enumerable.Repeat(new CalibrationSample(9, 9, 9), 50)]);
        Assert.False(report.Known);
        Assert.False(report.Moved);
    }

    [Fact]
    public void Different_work_is_never_compared() =>
        Assert.False(MachineDrift.Judge(
            [.. Enumerable.Repeat(new CalibrationSample(1, 1, 1), 10)], [.. Enumerable.Repeat(new CalibrationSample(9, 9, 9, Work: 2), 10)]).Known);

    [Theory]
    [InlineData(5, 1, 5)]
    [InlineData(10, 2, 9)]
    [InlineData(20, 6, 15)]
    public void The_medians_interval_is_the_narrowest_that_covers_enough(int n, int low, int high) =>
        Assert.Equal((low, high), ((int)MachineDrift.MedianInterval([.. Enumerable.Range(1, n).Select(i => (double)i)]).Low, (int)MachineDrift.MedianInterval([.. Enumerable.Range(1, n).Select(i => (double)i)]).High));

    private static List<CalibrationSample> Samples(Random random, string shape, int n, Func<int, double> factor) =>
        [.. Enumerable.Range(0, n).Select(i => new CalibrationSample(0.010 * factor(i) * Draw(random, shape), 0.012 * factor(i) * Draw(random, shape), 0.015 * factor(i) * Draw(random, shape)))];

    /// <summary>Around 1, with a spread of about 8 %, as a shared machine has it.</summary>
    private static double Draw(Random random, string shape)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return shape switch
        {
            "normal" => 1 + (0.08 * normal),
            "log-normal" => Math.Exp(0.08 * normal),
            "bimodal" => (random.NextDouble() < 0.3 ? 1.15 : 1) * (1 + (0.03 * normal)),
            _ => random.NextDouble() < 0.1 ? 3 : 1 + (0.05 * normal),
        };
    }
}
