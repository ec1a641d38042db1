using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class KindComparisonTests
{
    [Fact]
    public void The_kinds_of_a_run_add_up_to_its_interval_and_come_in_the_order_of_a_deploy()
    {
        var a = new Recording("a", "a", [Run(2)]);
        var b = new Recording("b", "b", [Run(1)]);
        var kinds = KindComparison.Of(a, b);
        Assert.Equal(["install", "compile", "other", "rollout", "wait", "lap"], kinds.Select(k => k.Kind));
        Assert.Equal(a.Runs[0].Interval, kinds.Sum(k => k.A), 9);
        Assert.Equal(b.Runs[0].Interval, kinds.Sum(k => k.B), 9);
        Assert.Equal(1, kinds.Sum(k => k.ShareB), 9);
        Assert.Equal((2, 1), kinds.Where(k => k.Kind == "compile").Select(k => (k.A, k.B)).Single());
    }

    private static MeasuredRun Run(double compile) => new(
        "tx", compile + 2.75,
        [
            new("build/restore", "web", "install", "hit", 0.25, true), new("build/compile", "web", "compile", "miss", compile, true), new("build/x", "web", null, null, 0.25, true),
            new("build/compile", "api", "compile", "miss", compile / 2, false), new("rollout/start", "web", null, null, 0.5, true), new("ready", "web", null, null, 0.5, true),
            new("wait", null, "lock", null, 0.25, true), new("detect", null, null, null, 0.5, true),
        ],
        Unattributed: 0.5);
}
