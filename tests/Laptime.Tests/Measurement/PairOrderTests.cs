using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class PairOrderTests
{
    [Fact]
    public void The_same_seed_gives_the_same_order_here_and_for_ever() =>
        Assert.Equal("AABABABB", string.Concat(PairOrder.Of(42, 8).Select(a => a ? 'A' : 'B')));

    [Fact]
    public void Every_pair_has_both_and_both_are_first_equally_often()
    {
        for (var seed = -500; seed < 500; seed++)
        {
            for (var pairs = 1; pairs < 40; pairs++)
            {
                var order = PairOrder.Of(seed, pairs);
                Assert.Equal(pairs, order.Count);
                Assert.InRange(order.Count(a => a) - order.Count(a => !a), -1, 1);
            }
        }
    }

    [Fact]
    public void Every_place_in_the_order_is_as_often_a_as_b()
    {
        var first = new int[21];
        for (var seed = 0; seed < 10_000; seed++)
        {
            var order = PairOrder.Of(seed, first.Length);
            for (var i = 0; i < first.Length; i++)
            {
                first[i] += order[i] ? 1 : 0;
            }
        }

        // Six standard deviations of 10,000 tosses of a coin.
        Assert.All(first, n => Assert.InRange(n, 4700, 5300));
    }

    [Fact]
    public void Different_seeds_give_different_orders() =>
        Assert.True(Enumerable.Range(0, 100).Select(seed => string.Concat(PairOrder.Of(seed, 30))).Distinct().Count() > 98);
}
