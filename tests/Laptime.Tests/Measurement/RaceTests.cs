using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Storage.Sqlite;

namespace Laptime.Tests.Measurement;

public sealed class RaceTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private readonly TemporaryFolder folder = new();
    private readonly SqliteJournal journal;

    public RaceTests() => journal = SqliteJournal.Open(Path.Combine(folder.Path, "journal.db"));

    public void Dispose()
    {
        journal.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_race_comes_back_with_every_pair_as_it_was_measured()
    {
        var store = new RaceStore(journal);
        var race = Given("ra-20261121-120000-aaaaaa", 0);
        store.Save(race);
        var pair = new RacePair(1, false, Run(1.25), Run(2.5));
        store.Add(race, pair);
        store.Save(race with { Ended = "interrupted" });
        var found = store.Find("last");
        Assert.Equal("interrupted", found.Ended);
        var back = Assert.Single(found.Pairs);
        Assert.Equal((1, false, 1.25, 2.5), (back.Number, back.AFirst, back.A.Interval, back.B.Interval));
        Assert.Equal(pair.A.Segments, back.A.Segments);
    }

    [Fact]
    public void A_race_is_found_by_its_id_and_by_the_beginning_of_one()
    {
        var store = new RaceStore(journal);
        store.Save(Given("ra-20261121-120000-aaaaaa", 0));
        store.Save(Given("ra-20261121-120001-bbbbbb", 1));
        Assert.Equal("ra-20261121-120001-bbbbbb", store.Find("last").Id);
        Assert.Equal("ra-20261121-120000-aaaaaa", store.Find("ra-20261121-120000").Id);
        Assert.Contains("several races", Assert.Throws<LapException>(() => store.Find("ra-2026")).Message, StringComparison.Ordinal);
        Assert.Contains("there is no race", Assert.Throws<LapException>(() => store.Find("ra-x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pairs_that_differ_alike_are_worse_and_the_document_says_how_they_were_run()
    {
        var race = Given("ra-20261121-120000-aaaaaa", 0) with
        {
            Ended = "complete", Requested = 8, Pairs = [.. Enumerable.Range(1, 8).Select(i => new RacePair(i, i % 2 == 0, Run(1 + (i * 0.01)), Run(2 + (i * 0.011))))],
        };
        var document = race.Compare();
        Assert.Equal(Verdict.Worse, document.Interval.Verdict);
        Assert.Equal("BABABABA", document.Race!.Order);
        Assert.Equal(("aaaaaaaaa", "main"), (document.A.Id, document.A.Label));
        Assert.True(document.Paired);
        Assert.Empty(document.Warnings);
    }

    [Fact]
    public void Too_few_pairs_are_inconclusive_however_large_the_difference()
    {
        var race = Given("ra-20261121-120000-aaaaaa", 0) with
        {
            Ended = "interrupted", Pairs = [.. Enumerable.Range(1, 5).Select(i => new RacePair(i, true, Run(1), Run(100)))],
        };
        var document = race.Compare();
        Assert.Equal(Verdict.Inconclusive, document.Interval.Verdict);
        Assert.Equal(["5 of 20 pairs: the race was interrupted"], document.Warnings);
    }

    [Theory]
    [InlineData(5, "too few for any verdict: 6 pairs are the least")]
    [InlineData(6, "much larger than 30 %")]
    [InlineData(20, "20 pairs find a change of about 30 %")]
    [InlineData(60, "60 pairs find a change of 10 to 20 %")]
    [InlineData(80, "80 pairs find a change of about 10 %")]
    public void What_so_many_pairs_can_find_is_said_before_they_are_run(int pairs, string says) => Assert.Contains(says, RacePlan.Finds(pairs), StringComparison.Ordinal);

    internal static Race Given(string id, int second) => new()
    {
        Id = id, Workspace = "shop", At = At.AddSeconds(second), Scenario = "warm", A = new Racer("main", new string('a', 40), "local", "fast"),
        B = new Racer(".", new string('b', 40), "local", "fast"), Requested = 20, Seed = 7, Machine = MachineReport.Of("cpu", 2, 8, "os"),
    };

    internal static MeasuredRun Run(double seconds) => new("tx-20261121-120000-000001", seconds, [new MeasuredSegment("build/compile", "gateway", "compile", "miss", seconds / 2, true)]);
}
