using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Transactions;

namespace Laptime.Tests.Reports;

public sealed class SegmentHistoryTests
{
    /// <summary>The n-th deploy of the same change: its compiler takes a little longer each time.</summary>
    private static TransactionDocument Deploy(int n, params string[] also)
    {
        var document = Documents.Reflected();
        var slower = document.Segments.Select(s => s.Name switch
        {
            "build/compile" => s with { Seconds = s.Seconds + (n * 0.1) },
            "publish" or "rollout" or "live" or "ready" or "smoke" or "reflect" or "drain" => s with { Start = s.Start + (n * 0.1) },
            _ => s,
        }).ToArray();
        return Documents.Measured(document with
        {
            Id = $"tx-20261121-12{n:00}00-7f3a9c",
            Components = [.. document.Components, .. also.Select(name => document.Components[0] with { Name = name })],
        }, slower, "save", "reflected", -0.31, 1.53 + (n * 0.1), 0.235);
    }

    private static List<TransactionDocument> Newest(int count) => [.. Enumerable.Range(0, count).Select(n => Deploy(n)).Reverse()];

    [Fact]
    public void The_rows_are_the_segments_the_largest_share_first_with_the_values_from_old_to_new()
    {
        var history = SegmentHistory.Make(Newest(5), null, 20)!;
        Assert.Equal("build+rollout gateway", history.Scenario.Text);
        Assert.Equal(("build/compile", "gateway", 5), (history.Rows[0].Name, history.Rows[0].Component, history.Rows[0].Dominant));
        Assert.Equal([1.2, 1.3, 1.4, 1.5, 1.6], history.Rows[0].Values.Select(v => Math.Round(v!.Value, 6)));
        Assert.Equal((1.4, 1.6), (Math.Round(history.Rows[0].Median, 6), Math.Round(history.Rows[0].Last!.Value, 6)));
        Assert.Equal(1.4 / 2.04, history.Rows[0].Share, 6);
        Assert.Equal(2.04, history.Interval.Median, 6);
        Assert.Equal(0.235, history.Rollout.Median, 6);
        Assert.All(history.ArtifactPublish.Values, Assert.Null);
        // What ran beside the path is a row without a share; the queue is one by its kind.
        Assert.Equal(0, history.Rows.Single(r => r.Name == "build/lint").Share);
        Assert.Contains(history.Rows, r => r.Name == "wait (queue)");
    }

    [Fact]
    public void Only_the_last_n_of_one_scenario_count_and_what_failed_or_was_killed_measures_nothing()
    {
        List<TransactionDocument> all = [Documents.Unchanged(), Documents.Killed(), Documents.NotReady(), .. Newest(6), Deploy(9, "web")];
        var history = SegmentHistory.Make(all, null, 3)!;
        Assert.Equal((3, 6), (history.Transactions.Count, history.Of));
        Assert.Equal(["tx-20261121-120300-7f3a9c", "tx-20261121-120400-7f3a9c", "tx-20261121-120500-7f3a9c"], history.Transactions.Select(t => t.Id));
        Assert.Equal(["build+rollout gateway+web", "nothing to do"], history.Others.Select(o => o.Scenario.Text).Order());
        Assert.Null(SegmentHistory.Make([Documents.Killed(), Documents.NotReady()], null, 20));
    }

    [Fact]
    public void A_scenario_is_found_by_its_name_or_a_part_of_it_that_is_unique()
    {
        List<TransactionDocument> all = [.. Newest(2), Deploy(9, "web"), Documents.Unchanged()];
        Assert.Equal("build+rollout gateway", SegmentHistory.Make(all, "build+rollout gateway", 20)!.Scenario.Text);
        Assert.Equal("build+rollout gateway+web", SegmentHistory.Make(all, "WEB", 20)!.Scenario.Text);
        Assert.Equal("nothing to do", SegmentHistory.Make(all, "nothing", 20)!.Scenario.Text);
        Assert.Contains("means 2 scenarios", Assert.Throws<LapException>(() => SegmentHistory.Make(all, "gate", 20)).Problems[0].What, StringComparison.Ordinal);
        Assert.Contains("nothing to do", Assert.Throws<LapException>(() => SegmentHistory.Make(all, "cart", 20)).Problems[0].Mend, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(80, true, "history-segments-80.txt")]
    [InlineData(120, true, "history-segments-120.txt")]
    [InlineData(80, false, "history-segments-ascii.txt")]
    public void The_page_is_as_it_was_read_and_found_good(int width, bool unicode, string golden)
    {
        List<TransactionDocument> all = [.. Newest(14), Documents.Unchanged()];
        var page = SegmentHistoryView.Render(SegmentHistory.Make(all, null, 20), Rendering.ViewTests.At(width) with { Unicode = unicode });
        Assert.All(page.Split('\n'), line => Assert.True(TextWidth.Of(line) <= width, line));
        Assert.True(unicode || page.All(c => c < 128));
        Golden.Equal(golden, page);
    }

    [Theory]
    [InlineData("0,1,2,4,8", "▁▁▂▄█")]
    [InlineData("3,3,3", "███")]
    [InlineData("0,0", "▁▁")]
    [InlineData("8,-,1", "█ ▁")]
    public void A_sparkline_stands_on_zero_and_leaves_a_place_for_what_is_missing(string values, string line) =>
        Assert.Equal(line, Sparkline.Of([.. values.Split(',').Select(v => v == "-" ? (double?)null : double.Parse(v, System.Globalization.CultureInfo.InvariantCulture))], 20, unicode: true));

    [Fact]
    public void A_sparkline_that_is_too_long_keeps_the_newest() => Assert.Equal("#_", Sparkline.Of([1, 2, 8, 1], 2, unicode: false));
}
