using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

/// <summary>Against published tables, against counting by hand, and against the normal approximation.</summary>
public sealed class RankTestTests
{
    private const double Digits = 1e-9;

    [Fact]
    public void Mann_whitney_of_sets_apart_is_two_of_all_choices()
    {
        Assert.Equal(2.0 / 70, RankTests.MannWhitney(new([1, 2, 3, 4]), new([5, 6, 7, 8])), Digits);
        Assert.Equal(2.0 / 252, RankTests.MannWhitney(new([6, 7, 8, 9, 10]), new([1, 2, 3, 4, 5])), Digits);
    }

    [Fact]
    public void Mann_whitney_is_what_the_tables_say() =>
        // U = 3 of 4 against 5: 2 × (1 + 1 + 2 + 3) / 126.
        Assert.Equal(14.0 / 126, RankTests.MannWhitney(new([1, 2, 3, 7]), new([4, 5, 6, 8, 9])), Digits);

    [Fact]
    public void Mann_whitney_counts_ties_out() =>
        // The ranks 1, 2.5, 2.5, 4: of six choices of two, 1 + 2.5 or less come up in two of them.
        Assert.Equal(4.0 / 6, RankTests.MannWhitney(new([1, 2]), new([2, 3])), Digits);

    [Fact]
    public void The_normal_approximation_takes_over_where_the_counting_ends()
    {
        double[] a = [.. Enumerable.Range(0, 50).Select(i => i * 1.00)], b = [.. Enumerable.Range(0, 50).Select(i => (i * 1.00) + 9.5)];
        var exact = RankTests.MannWhitney(new(a), new(b));
        var near = RankTests.MannWhitney(new([.. a, 25]), new([.. b, 25]));
        Assert.InRange(near / exact, 0.7, 1.4);
    }

    [Fact]
    public void Signed_rank_is_what_the_tables_say()
    {
        Assert.Equal(2.0 / 64, RankTests.SignedRank([1, 2, 3, 4, 5, 6]), Digits);
        // W- = 1 + 2 = 3: the subsets of {1..6} with a sum up to 3 are {}, {1}, {2}, {3}, {1, 2}.
        Assert.Equal(10.0 / 64, RankTests.SignedRank([-1, -2, 3, 4, 5, 6]), Digits);
        Assert.Equal(1, RankTests.SignedRank([0, 0, 0]));
        Assert.Equal(1, RankTests.SignedRank([]));
    }

    [Fact]
    public void The_least_p_is_the_one_of_sets_apart()
    {
        Assert.Equal(2.0 / 70, RankTests.LeastMannWhitney(4, 4), Digits);
        Assert.Equal(2.0 / 64, RankTests.LeastSignedRank(6), Digits);
        Assert.Equal(1, RankTests.LeastMannWhitney(0, 4));
    }

    [Fact]
    public void Holm_multiplies_the_smallest_by_all_and_never_goes_down() =>
        Assert.Equal([0.03, 0.04, 0.04, 0.03], RecordingComparison.Holm([0.01, 0.02, 0.04, 0.0075]).Select(p => Math.Round(p, 9)));
}
