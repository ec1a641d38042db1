using FsCheck;
using FsCheck.Fluent;
using Laptime.Timing;

namespace Laptime.Tests.Timing;

/// <summary>TRACEPARENT as the W3C recommendation has it, and the ids that follow from a transaction's.</summary>
public sealed class TraceParentTests
{
    private const string Good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public void The_recommendations_own_example_is_read()
    {
        var parent = TraceParent.Parse(Good)!;
        Assert.Equal(("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", (byte)1, true), (parent.TraceId, parent.SpanId, parent.Flags, parent.IsSampled));
        Assert.Equal(Good, parent.ToString());
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true)]
    // A later version is read as far as version 00 goes.
    [InlineData("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like", true)]
    public void Valid_ones_say_whether_the_caller_records(string text, bool sampled) => Assert.Equal(sampled, TraceParent.Parse(text)!.IsSampled);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g")]
    [InlineData("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more")]
    [InlineData("00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01")]
    [InlineData(" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    public void What_the_recommendation_calls_invalid_is_ignored(string? text) => Assert.Null(TraceParent.Parse(text));

    [Fact]
    public void What_is_written_is_read_again() => Prop.ForAll(
        (from trace in Hex(32) from span in Hex(16) from flags in Gen.Choose(0, 255) select new TraceParent(trace, span, (byte)flags)).ToArbitrary(),
        parent => TraceParent.Parse(parent.ToString()) == parent).QuickCheckThrowOnFailure();

    [Fact]
    public void One_wrong_character_never_throws_and_a_valid_rest_is_what_it_says() => Prop.ForAll(
        (from at in Gen.Choose(0, Good.Length - 1) from c in Gen.Choose(0, 0x2FF) select (at, (char)c)).ToArbitrary(),
        wrong =>
        {
            var text = Good[..wrong.at] + wrong.Item2 + Good[(wrong.at + 1)..];
            return TraceParent.Parse(text) is not { } read || text[2..] == read.ToString()[2..];
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Ids_follow_from_the_transaction_and_the_segment_alone()
    {
        var (one, again, other) = (new TraceContext("tx-20261121-120000-7f3a9c", null), new TraceContext("tx-20261121-120000-7f3a9c", null), new TraceContext("tx-20261121-120000-7f3a9d", null));
        Assert.Equal((one.TraceId, one.RootId, one.SpanOf(7)), (again.TraceId, again.RootId, again.SpanOf(7)));
        Assert.NotEqual(one.TraceId, other.TraceId);
        string[] spans = [one.RootId, other.RootId, .. Enumerable.Range(0, 2000).SelectMany(i => new[] { one.SpanOf(i), other.SpanOf(i) })];
        Assert.Equal(spans.Length, spans.Distinct().Count());
        Assert.All(spans, s => Assert.Matches("^[0-9a-f]{16}$", s));
        Assert.Matches("^[0-9a-f]{32}$", one.TraceId);
        // Fixed for ever: an older transaction exported again must be the same trace.
        Assert.Equal(("0dce8a05", "3c0f2b704a170ec4"), (one.TraceId[..8], one.SpanOf(7)));
    }

    [Fact]
    public void A_caller_gives_the_trace_and_is_told_on_with_our_span()
    {
        var context = new TraceContext("tx-20261121-120000-7f3a9c", TraceParent.Parse(Good), "vendor=1");
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", context.TraceId);
        var told = context.Into(new Dictionary<string, string?> { ["A"] = "b" }, 3);
        Assert.Equal($"00-0af7651916cd43dd8448eb211c80319c-{context.SpanOf(3)}-01", told["TRACEPARENT"]);
        Assert.Equal(("vendor=1", "b"), (told["TRACESTATE"], told["A"]));
    }

    [Fact]
    public void What_a_step_sets_itself_stays_and_a_state_without_its_parent_does_not_go_on()
    {
        var context = new TraceContext("tx-20261121-120000-7f3a9c", null, "vendor=1");
        Assert.Equal("mine", context.Into(new Dictionary<string, string?> { ["TRACEPARENT"] = "mine" }, 3)["TRACEPARENT"]);
        Assert.Null(context.Into(new Dictionary<string, string?>(), 3)["TRACESTATE"]);
        Assert.Null(new TraceContext("tx-20261121-120000-7f3a9c", TraceParent.Parse(Good), "a=\r\nb").State);
    }

    private static Gen<string> Hex(int digits) => Gen.Choose(0, 15).ListOf(digits).Select(d => string.Concat(d.Select(i => "0123456789abcdef"[i]))).Where(h => h.Any(c => c != '0'));
}
