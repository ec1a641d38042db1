using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

/// <summary>What a true change of a stated size is found with, by seeded simulation: the figures of docs/guide/measuring.md.</summary>
public sealed class PowerTests(ITestOutputHelper output)
{
    /// <summary>A true +20 % at 10 % of noise: the stated power at the stated number of runs.</summary>
    [Theory]
    [InlineData("normal", 10, 0.85)]
    [InlineData("log-normal", 10, 0.85)]
    [InlineData("outliers", 10, 0.70)]
    [InlineData("coarse", 10, 0.85)]
    [InlineData("bimodal", 30, 0.75)]
    [InlineData("normal", 20, 0.99)]
    [InlineData("log-normal", 20, 0.99)]
    [InlineData("outliers", 20, 0.95)]
    public void Twenty_percent_more_is_found_with_the_stated_power(string distribution, int n, double power)
    {
        var found = Simulated.Rate(n, draws => Comparison.Apart(new(draws.Of(distribution, n)), new(draws.Of(distribution, n).Select(s => s * 1.2))), c => c.Verdict == Verdict.Worse);
        output.WriteLine($"+20 %, {distribution}, {n} runs each: found in {found:P1}");
        Assert.InRange(found, power, 1);
    }

    /// <summary>Pairs on a machine that drifts by half, 20 % of noise in each run: what a busy machine is like.</summary>
    [Theory]
    [InlineData(20, 1.3, 0.90)]
    [InlineData(80, 1.1, 0.60)]
    [InlineData(50, 1.1, 0.40)]
    public void Pairs_find_it_on_a_busy_machine(int n, double effect, double power)
    {
        var found = Simulated.Rate(n, draws => Simulated.Paired(draws, "busy", n, effect), c => c.Verdict == Verdict.Worse);
        output.WriteLine($"×{effect}, {n} pairs on a busy machine: found in {found:P1}");
        Assert.InRange(found, power, 1);
    }
}
