using System.Text.Json;
using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

/// <summary>What a comparison of recordings says: the sentence never claims more than the figures show.</summary>
public sealed class ComparisonWordsTests
{
    [Fact]
    public void Faster_is_said_with_evidence_on_the_interval_and_its_confidence_interval()
    {
        var document = Compare(("build/compile", 0.4));
        Assert.Equal(Verdict.Better, document.Interval.Verdict);
        Assert.Matches(@"^faster: the interval went from 4\.\d+ s to 2\.\d+ s, ×0\.\d+ \(95 %: 0\.\d+ to 0\.\d+\), p < 0\.001, 10 runs each; the dominant segment is still build/compile of web \(\d+ %\)$", document.Sentence);
        Assert.Equal(Verdict.Better, document.Segments.Single(s => s.Segment == "build/compile").Verdict);
    }

    [Fact]
    public void Slower_names_what_dominates_now()
    {
        var document = Compare(("build/lint", 12));
        Assert.Equal(Verdict.Worse, document.Interval.Verdict);
        Assert.StartsWith("slower: the interval went from ", document.Sentence, StringComparison.Ordinal);
        Assert.Contains("; the dominant segment is build/lint of web (", document.Sentence, StringComparison.Ordinal);
        Assert.EndsWith(" now", document.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_faster_step_that_does_not_matter_leaves_the_interval_unchanged()
    {
        var document = Compare(("detect", 0.3));
        Assert.Equal((Verdict.NoEvidence, Verdict.Better), (document.Interval.Verdict, document.Segments.Single(s => s.Segment == "detect").Verdict));
        Assert.Matches(@"^interval unchanged; the dominant segment is still build/compile of web \(\d\d %\): detect \(\d+(\.\d)? ms to \d+(\.\d)? ms\) took less, but not the interval \(", document.Sentence);
        Assert.DoesNotContain("faster", document.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_changed_is_no_evidence()
    {
        var document = Compare();
        Assert.StartsWith("no evidence of a change of the interval: ", document.Sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("unchanged", document.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_run_each_is_inconclusive_and_has_no_interval()
    {
        var draws = new Draws(1);
        var document = RecordingComparison.Apart(Recorded.Of("a", draws, 1), Recorded.Of("b", draws, 1));
        Assert.Equal((Verdict.Inconclusive, 4, (double?)null), (document.Interval.Verdict, document.Interval.Needed, document.Interval.Ratio.Low));
        Assert.Matches(@"^inconclusive: 1 run each; at least 4 each are needed \(\d\.\d\d s and \d\.\d\d s, ×\d\.\d\d\)$", document.Sentence);
        Assert.All(document.Segments.Where(s => !s.Negligible), s => Assert.Equal(Verdict.Inconclusive, s.Verdict));
    }

    [Fact]
    public void Segments_need_more_runs_than_the_interval_because_they_are_many()
    {
        var draws = new Draws(4);
        var document = RecordingComparison.Apart(Recorded.Of("a", draws, 5), new("b", "b", [.. Enumerable.Range(0, 5).Select(i => Recorded.Run($"b{i}", draws, ("build/compile", 3)))]));
        Assert.Equal(Verdict.Worse, document.Interval.Verdict);
        Assert.All(document.Segments.Where(s => !s.Negligible), s => Assert.Equal((Verdict.Inconclusive, 6), (s.Verdict, s.Needed)));
    }

    [Fact]
    public void The_cache_is_not_the_bottleneck_when_checking_takes_the_time()
    {
        var document = Compare(("build/compile", 0.01), ("build/install", 0.01), ("build/lint", 8));
        var finding = Assert.Single(document.Findings);
        Assert.Matches(@"^The cache is not the bottleneck: install and compile take \d+(\.\d)? ms \(\d %\), validate and package 2\.\d+ s \([78]\d %\) of \d\.\d\d s$", finding);
        Assert.Empty(Compare(("build/lint", 0.5)).Findings);
    }

    [Fact]
    public void A_segment_that_is_gone_is_better_and_a_new_one_worse()
    {
        var draws = new Draws(8);
        var without = new Recording("b", "b", [.. Enumerable.Range(0, 8).Select(i => Recorded.Run($"b{i}", draws)).Select(r => r with { Segments = [.. r.Segments.Where(s => s.Name != "build/lint")] })]);
        var gone = RecordingComparison.Apart(Recorded.Of("a", draws, 8), without).Segments.Single(s => s.Segment == "build/lint");
        Assert.Equal((Verdict.Better, 0.0), (gone.Verdict, gone.Ratio.Median));
        var came = RecordingComparison.Apart(without, Recorded.Of("a", draws, 8)).Segments.Single(s => s.Segment == "build/lint");
        Assert.Equal((Verdict.Worse, (double?)null), (came.Verdict, came.Ratio.Median));
    }

    [Fact]
    public void A_moved_machine_is_named_and_takes_small_verdicts_away()
    {
        var draws = new Draws(5);
        var moved = new MachineMove(true, true, 1.12, "the machine moved: cpu work took +12 %");
        var document = RecordingComparison.Apart(Recorded.Of("a", draws, 10), Recorded.Of("b", draws, 10), moved);
        Assert.StartsWith("inconclusive: the machine moved: cpu work took +12 % (", document.Sentence, StringComparison.Ordinal);
        Assert.Same(moved, document.Calibration);
        Assert.DoesNotContain(document.Segments, s => s.Verdict is Verdict.Better or Verdict.Worse);

        var huge = RecordingComparison.Apart(Recorded.Of("a", draws, 10), new("b", "b", [.. Enumerable.Range(0, 10).Select(i => Recorded.Run($"b{i}", draws, ("build/compile", 8)))]), moved);
        Assert.Equal((Verdict.Worse, moved.Sentence), (huge.Interval.Verdict, Assert.Single(huge.Warnings)));
    }

    [Fact]
    public void Baselines_of_different_things_are_refused_with_what_differs()
    {
        var (a, b) = (Given("warm", "m1"), Given("cold", "m2"));
        var refused = Assert.Throws<LapException>(() => RecordingComparison.Apart(a, b));
        Assert.Contains("scenario: warm, and cold", refused.Message, StringComparison.Ordinal);
        Assert.Contains("machine: ", refused.Message, StringComparison.Ordinal);

        static Baseline Given(string scenario, string cpu) => new()
        {
            Id = "bl-" + scenario, Name = scenario, Workspace = "w", At = DateTimeOffset.UnixEpoch, Requested = 0,
            Key = new BaselineKey { Scenario = scenario, Environment = "local", Machine = MachineReport.Of(cpu, 2, 4, "os") },
        };
    }

    [Fact]
    public void The_document_is_read_back_as_it_was_written()
    {
        var document = Compare(("build/compile", 0.4)) with { Outcome = "ok", ExitCode = 0 };
        var json = JsonSerializer.Serialize(document, MeasurementJson.Readable.ComparisonDocument);
        var read = JsonSerializer.Deserialize(json, MeasurementJson.Default.ComparisonDocument)!;
        Assert.Equal(document.Segments, read.Segments);
        Assert.Equal((document.Interval, document.Dominant, document.Sentence), (read.Interval, read.Dominant, read.Sentence));
        Assert.Contains("\"verdict\": \"no-evidence\"", json, StringComparison.Ordinal);
        Assert.Contains("\"schema\": \"laptime/comparison/v1\"", json, StringComparison.Ordinal);
    }

    internal static ComparisonDocument Compare(params (string Name, double Factor)[] changed)
    {
        var draws = new Draws(2024);
        return RecordingComparison.Apart(
            Recorded.Of("before", draws, 10), new("after", "after", [.. Enumerable.Range(0, 10).Select(i => Recorded.Run($"after-{i}", draws, changed))]));
    }
}
