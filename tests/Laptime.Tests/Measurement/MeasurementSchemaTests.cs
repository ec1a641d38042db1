using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Measurement;
using Laptime.Tests.Workspaces;

namespace Laptime.Tests.Measurement;

/// <summary>The documents are as docs/schema says.</summary>
public sealed class MeasurementSchemaTests
{
    [Fact]
    public void Comparisons_of_every_verdict_are_as_their_schema_says()
    {
        var draws = new Draws(3);
        foreach (var document in (ComparisonDocument[])
            [
                ComparisonWordsTests.Compare(("build/compile", 0.4)), ComparisonWordsTests.Compare(("build/lint", 12)), ComparisonWordsTests.Compare(),
                RecordingComparison.Apart(Recorded.Of("a", draws, 1), Recorded.Of("b", draws, 1)), RecordingComparison.Apart(new Recording("a", "a", []), new Recording("b", "b", [])),
                RecordingComparison.Pairs(Recorded.Of("a", draws, 8), Recorded.Of("b", draws, 8)),
                RecordingComparison.Apart(Recorded.Of("a", draws, 6), Recorded.Of("b", draws, 6), new MachineMove(true, true, 1.2, "the machine moved")),
            ])
        {
            Fits("comparison.v1.json", JsonSerializer.SerializeToNode(document with { Outcome = "ok", ExitCode = 0 }, MeasurementJson.Readable.ComparisonDocument)!);
        }
    }

    [Fact]
    public void A_race_is_told_as_the_comparisons_schema_says()
    {
        var race = RaceTests.Given("ra-20261121-120000-aaaaaa", 0) with { Pairs = [.. Enumerable.Range(1, 7).Select(i => new RacePair(i, i % 2 == 0, RaceTests.Run(1), RaceTests.Run(1 + i)))] };
        Fits("comparison.v1.json", JsonSerializer.SerializeToNode(race.Compare() with { Outcome = "interrupted", ExitCode = 130 }, MeasurementJson.Readable.ComparisonDocument)!);
    }

    [Fact]
    public void Experiments_open_and_finished_are_as_their_schema_says()
    {
        var key = new BaselineKey { Scenario = "full", Environment = "local", Machine = MachineReport.Of("cpu", 2, 4, "os") };
        var snapshot = new InputSnapshot { At = DateTimeOffset.UnixEpoch, Lap = "1", Machine = key.Machine, Settings = Settings.Flatten("name: shop") };
        var open = new Experiment
        {
            Id = "ex-20261121-110329-7f3a9c", Name = "one", Workspace = "shop", Hypothesis = "why", StartedAt = DateTimeOffset.UnixEpoch, Before = new SideName("bl-1", "before"), Key = key, Runs = 10, At = snapshot,
        };
        var after = new Baseline { Id = "bl-2", Name = "after", Workspace = "shop", Key = key, At = DateTimeOffset.UnixEpoch, Requested = 10 };
        var finished = open.Finish(snapshot with { Lap = "2" }, after, ComparisonWordsTests.Compare(), DateTimeOffset.UnixEpoch);
        foreach (var experiment in (Experiment[])[open, finished])
        {
            Fits("experiment.v1.json", JsonSerializer.SerializeToNode(experiment, ExperimentJson.Readable.Experiment)!);
        }

        var list = new ExperimentList("laptime/experiments/v1", [.. new[] { open, finished }.Select(e => new ExperimentItem(
            e.Id, e.Name, e.Hypothesis, e.State, e.StartedAt, e.FinishedAt, e.Key.Scenario, e.Before, e.After, e.Comparison?.Interval.Verdict, e.Comparison?.Sentence))]);
        Fits("experiments.v1.json", JsonSerializer.SerializeToNode(list, ExperimentJson.Readable.ExperimentList)!);
    }

    private static void Fits(string schema, JsonNode document)
    {
        var refusal = new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Path.Combine(Checkout.Root, "docs", "schema", schema)))!).Refusal(document);
        Assert.True(refusal is null, $"{schema}: {refusal}\n{document}");
    }
}
