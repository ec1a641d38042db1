using FsCheck;
using FsCheck.Fluent;
using Laptime.Building;
using Laptime.Foundations;

namespace Laptime.Tests.Building;

public sealed class BuildGraphTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static FaultException Broken(string what) => new(new Fault(Laptime.Foundations.Outcome.BuildFailed, what));

    [Fact]
    public async Task Work_that_ends_at_once_may_be_done_side_by_side()
    {
        var result = await BuildGraph.RunAsync([new("a", []), new("b", []), new("c", ["a", "b"])], (_, _) => Task.CompletedTask, 4, TestContext.Current.CancellationToken);
        Assert.Equal(["a", "b", "c"], result.Done);
    }

    [Fact]
    public void Every_node_runs_once_after_what_it_depends_on_and_never_more_than_the_bound_at_once() =>
        Prop.ForAll(ArbMap.Default.GeneratorFor<int[]>().ToArbitrary(), ArbMap.Default.GeneratorFor<PositiveInt>().ToArbitrary(), (seeds, width) =>
        {
            var bound = (width.Get % 5) + 1;
            var nodes = seeds.Select((seed, i) => new BuildNode($"{i}", i == 0 ? [] : [$"{(uint)seed % i}", $"{(uint)(seed * 31) % i}"])).Reverse().ToList();
            var gate = new Lock();
            var (running, most) = (0, 0);
            List<string> ended = [];
            var result = BuildGraph.RunAsync(nodes, async (node, _) =>
            {
                lock (gate)
                {
                    most = Math.Max(most, ++running);
                    Assert.All(node.After, a => Assert.Contains(a, ended));
                }

                await Task.Yield();
                lock (gate)
                {
                    running--;
                    ended.Add(node.Name);
                }
            }, bound, CancellationToken.None).GetAwaiter().GetResult();
            return ended.Count == nodes.Count && ended.Distinct().Count() == nodes.Count && most <= bound && result.Bound == bound && result.Done.Count == nodes.Count;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task The_first_failure_starts_nothing_new_cancels_the_rest_and_all_failures_are_told()
    {
        var bothRun = new TaskCompletionSource();
        var result = await BuildGraph.RunAsync(
            [new("a", []), new("b", []), new("c", []), new("d", ["a"]), new("e", [])],
            async (node, cancel) =>
            {
                switch (node.Name)
                {
                    case "a":
                        await bothRun.Task;
                        throw Broken("a");
                    case "b":
                        bothRun.SetResult();
                        await Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
                        throw Broken("b");
                    case "c":
                        await Task.Delay(Timeout.Infinite, cancel);
                        break;
                    default:
                        Assert.Fail("started after the failure");
                        break;
                }
            }, 3, Cancel);
        Assert.Equal(["a", "b"], result.Failures.Select(f => f.Node).Order());
        Assert.Equal(["c", "d", "e"], result.Abandoned.Order());
        Assert.Empty(result.Done);
    }

    [Fact]
    public async Task Cancellation_waits_for_what_runs_and_then_throws()
    {
        using var source = new CancellationTokenSource();
        var ended = false;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => BuildGraph.RunAsync([new("a", []), new("b", ["a"])], async (_, cancel) =>
        {
            source.Cancel();
            await Task.Yield();
            ended = true;
            cancel.ThrowIfCancellationRequested();
        }, 2, source.Token));
        Assert.True(ended);
    }

    [Fact]
    public async Task A_bug_in_the_work_is_not_dressed_up_as_a_failed_build() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => BuildGraph.RunAsync([new("a", [])], (_, _) => throw new InvalidOperationException(), 1, Cancel));

    [Fact]
    public async Task A_cycle_is_refused_by_name() =>
        Assert.Contains("a, b", (await Assert.ThrowsAsync<ArgumentException>(() => BuildGraph.RunAsync([new("a", ["b"]), new("b", ["a"])], (_, _) => Task.CompletedTask, 1, Cancel))).Message, StringComparison.Ordinal);
}
