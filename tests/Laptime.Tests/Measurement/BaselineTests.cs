using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Storage.Sqlite;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Tests.Measurement;

public sealed class BaselineTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly SqliteJournal journal;
    private readonly BaselineStore store;

    public BaselineTests()
    {
        journal = SqliteJournal.Open(Path.Combine(folder.Path, "journal.db"));
        store = new BaselineStore(journal);
    }

    public void Dispose()
    {
        journal.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_baseline_comes_back_with_every_sample_as_it_was_measured()
    {
        var baseline = Given("warm-1", 1);
        store.Save(baseline);
        var sample = Sample(1) with { CalibrationBefore = new CalibrationSample(0.1, 0.2, 0.3), CommandSeconds = 2 };
        store.Add(baseline, sample);
        store.Add(baseline, Sample(2));
        store.Save(baseline with { Ended = "interrupted", ExitCode = 130 });
        var found = store.Find("warm-1");
        Assert.Equal("interrupted", found.Ended);
        Assert.Equal("2 of 3", found.Count);
        Assert.Equal(baseline.Key.Machine, found.Key.Machine);
        Assert.Equal([1.5, 2.5], found.Samples.Select(s => s.IntervalSeconds));
        Assert.Equal(sample.CalibrationBefore, found.Samples[0].CalibrationBefore);
        Assert.Equal(sample.Segments, found.Samples[0].Segments);
    }

    [Fact]
    public void A_baseline_is_found_by_name_by_id_by_the_beginning_of_an_id_and_as_the_last()
    {
        store.Save(Given("one", 1));
        store.Save(Given("two", 2));
        Assert.Equal("two", store.Find("last").Name);
        Assert.Equal("one", store.Find("bl-20261121-120001-aaaaaa").Name);
        Assert.Equal("one", store.Find("bl-20261121-120001").Name);
        Assert.Contains("did you mean `two`?", Assert.Throws<LapException>(() => store.Find("tow")).Message);
        Assert.Contains("several baselines", Assert.Throws<LapException>(() => store.Find("bl-2026")).Message);
    }

    [Fact]
    public void A_baseline_without_a_run_is_not_compared()
    {
        var refused = Assert.Throws<LapException>(() => RecordingComparison.Apart(Given("one", 1) with { Samples = [Sample(1)] }, Given("none", 2)));
        Assert.Contains("none has no runs", refused.Message);
    }

    [Fact]
    public void Two_baselines_of_one_name_are_refused()
    {
        store.Save(Given("one", 1));
        var error = Assert.Throws<LapException>(() => store.Save(Given("one", 2)));
        Assert.Contains("lap baseline rm one", error.Message);
        store.Remove(store.Find("one"));
        store.Save(Given("one", 2));
        Assert.Single(store.All());
    }

    [Fact]
    public void Everything_that_differs_between_two_keys_is_named()
    {
        var key = Given("one", 1).Key;
        Assert.Empty(key.DifferencesFrom(key with { Machine = MachineReport.Of("cpu", 2, 8, "os") }));
        Assert.Empty((key with { Components = ["b", "a"] }).DifferencesFrom(key with { Components = ["a", "b"] }));
        var differences = key.DifferencesFrom(new BaselineKey
        {
            Scenario = "edit:src/a.cs", Profile = "release", Environment = "staging", Components = ["gateway"], EditWith = "touch x", Machine = MachineReport.Of("cpu", 4, 8, "os"),
        });
        Assert.Equal(
            [
                "scenario: warm, and edit:src/a.cs", "edit: none, and touch x", "profile: fast, and release", "environment: local, and staging", "components: all, and gateway",
                "machine: cpu, 2 cores, 8 GiB, os, and cpu, 4 cores, 8 GiB, os",
            ],
            differences);
    }

    [Fact]
    public void A_sample_has_every_segment_of_the_run_and_none_that_did_not_end()
    {
        var run = new TransactionDocument
        {
            Id = "tx-20261121-120000-000001", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Outcome = "reflected", ExitCode = 0,
            Interval = new IntervalReport { From = "save", To = "reflected", Start = DateTimeOffset.UnixEpoch, Seconds = 1.5, RolloutSeconds = 0.4 },
            Segments =
            [
                new Segment { Id = 1, Name = "build/compile", Component = "gateway", Kind = "compile", Cache = "miss", Start = 0, Seconds = 1, CriticalPath = true },
                new Segment { Id = 2, Name = "rollout", Component = "gateway", Start = 1 },
            ],
        };
        var sample = BaselineSample.Of(run)!;
        Assert.Equal([new SampleSegment("build/compile", "gateway", "compile", "miss", 1, true)], sample.Segments);
        Assert.Equal((1.5, 0.4), (sample.IntervalSeconds, sample.RolloutSeconds));
        Assert.Null(BaselineSample.Of(run with { Interval = run.Interval with { Seconds = null } }));
    }

    [Fact]
    public void This_machine_is_described_the_same_way_every_time()
    {
        var machine = MachineReport.Here();
        Assert.Equal(machine, MachineReport.Here());
        Assert.Equal(12, machine.Id.Length);
        Assert.True(machine.Cores > 0 && machine.MemoryGiB > 0 && machine.Cpu.Length > 0);
    }

    private static Baseline Given(string name, int second) => new()
    {
        Id = $"bl-20261121-12000{second}-aaaaaa", Name = name, Workspace = "shop", At = new DateTimeOffset(2026, 11, 21, 12, 0, second, TimeSpan.Zero), Requested = 3,
        Key = new BaselineKey { Scenario = "warm", Profile = "fast", Environment = "local", Machine = MachineReport.Of("cpu", 2, 8, "os") },
    };

    private static BaselineSample Sample(int number) => new()
    {
        Transaction = $"tx-20261121-120000-00000{number}", At = DateTimeOffset.UnixEpoch, Outcome = "reflected", IntervalSeconds = number + 0.5,
        Segments = [new SampleSegment("build/compile", "gateway", "compile", "miss", 1.25, true), new SampleSegment("wait", null, "idle", null, 0.125, true)],
    };
}
