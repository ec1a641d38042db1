using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Timing;
using Laptime.Transactions;
using Outcome = Laptime.Foundations.Outcome;

namespace Laptime.Tests.Transactions;

/// <summary>The interval's arithmetic, on a clock that only the test moves.</summary>
public sealed class EndingTests
{
    private readonly ManualTime clock = new();
    private readonly Dictionary<int, Segment> segments = [];
    private readonly Timeline timeline;

    public EndingTests() => timeline = new Timeline(clock, s => segments[s.Id] = s);

    private void Pass(int milliseconds) => clock.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private void Run(string name, int milliseconds, string? component = null)
    {
        using var segment = timeline.Begin(name, component);
        Pass(milliseconds);
        segment.End();
    }

    private TransactionDocument Close(Outcome outcome, TriggerReport? trigger = null, FailureReport? failure = null) => Ending.Close(
        new TransactionDocument
        {
            Id = "tx", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Trigger = trigger, Segments = [.. segments.Values],
        },
        outcome, failure, timeline);

    private TriggerReport Save(int millisecondsBefore) => new("save", timeline.Started.AddMilliseconds(-millisecondsBefore), null, true);

    /// <summary>detect 20, build 300, then two rollouts one after the other that each see themselves reflected; then 500 of draining.</summary>
    private void Deploy()
    {
        Run("detect", 20);
        Run("build/compile", 300, "a");
        foreach (var component in new[] { "a", "b" })
        {
            using var rollout = timeline.Begin("rollout", component);
            var ready = timeline.Begin("ready", component, parent: rollout.Id);
            Pass(100);
            ready.End();
            var reflect = timeline.Begin("reflect", component, parent: rollout.Id);
            Pass(10);
            reflect.End();
            rollout.End();
        }

        Run("drain", 500);
    }

    [Fact]
    public void A_reflected_change_took_from_its_trigger_to_the_last_reflection_and_not_to_the_end_of_the_command()
    {
        Deploy();
        var interval = Close(Outcome.Reflected, Save(1500)).Interval!;
        Assert.Equal(("save", "reflected"), (interval.From, interval.To));
        Assert.Equal(1.5 + 0.54, interval.Seconds!.Value, 9);
        Assert.Equal(0.22, interval.RolloutSeconds!.Value, 9);
        Assert.Equal(0, interval.UnattributedSeconds!.Value, 9);
        Assert.Equal(timeline.Started.AddMilliseconds(-1500), interval.Start);
        Assert.Equal(timeline.Started.AddMilliseconds(540), interval.End);
    }

    [Fact]
    public void The_time_before_the_command_is_waiting_that_is_shown_and_never_dominates()
    {
        Deploy();
        var document = Close(Outcome.Reflected, Save(60_000));
        var wait = document.Segments[0];
        Assert.Equal(("wait", "idle", -60.0, 60.0, true), (wait.Name, wait.Kind, wait.Start, wait.Seconds, wait.CriticalPath));
        Assert.Equal("build/compile", document.Dominant!.Segment);
        Assert.Equal(0.3 / 0.54, document.Dominant.Share, 9);
        Assert.DoesNotContain(document.Segments.Skip(1), s => s.Id == wait.Id);
    }

    [Fact]
    public void Without_a_trigger_it_starts_with_the_command_and_nothing_was_waited_for()
    {
        Deploy();
        var document = Close(Outcome.Reflected);
        Assert.Equal("start", document.Trigger!.Event);
        Assert.Equal(timeline.Started, document.Interval!.Start);
        Assert.Equal(0.54, document.Interval.Seconds!.Value, 9);
        Assert.DoesNotContain(document.Segments, s => s.Name == "wait");
    }

    [Fact]
    public void A_trigger_after_the_command_makes_no_negative_wait()
    {
        Run("detect", 20);
        var interval = Close(Outcome.Unchanged, Save(-5000)).Interval!;
        Assert.Equal(0.02, interval.Seconds!.Value, 9);
        Assert.Equal(timeline.Started, interval.Start);
    }

    public static TheoryData<Outcome, string> Ends => new()
    {
        { Outcome.Unchanged, "unchanged" }, { Outcome.Built, "built" }, { Outcome.Stopped, "stopped" }, { Outcome.BuildFailed, "failed" }, { Outcome.NotReflected, "failed" },
        { Outcome.Locked, "failed" }, { Outcome.Interrupted, "interrupted" }, { Outcome.Terminated, "interrupted" }, { Outcome.InternalError, "failed" },
    };

    [Theory, MemberData(nameof(Ends), DisableDiscoveryEnumeration = true)]
    public void Whatever_was_not_reflected_ends_now_and_claims_no_rollout(Outcome outcome, string to)
    {
        Deploy();
        Pass(7);
        var failure = new FailureReport(outcome.Name, "what", null, null);
        var document = Close(outcome, Save(1000), failure);
        Assert.Equal((outcome.Name, outcome.ExitCode, to), (document.Outcome, document.ExitCode, document.Interval!.To));
        Assert.Equal(1 + 1.047, document.Interval.Seconds!.Value, 9);
        Assert.Null(document.Interval.RolloutSeconds);
        Assert.Same(failure, document.Failure);
        Assert.Equal(0.007, document.Interval.UnattributedSeconds!.Value, 9);
    }

    [Fact]
    public void A_rollback_ends_with_its_reflection_too()
    {
        Deploy();
        Assert.Equal((0.54, 0.22), (Math.Round(Close(Outcome.RolledBack).Interval!.Seconds!.Value, 9), Math.Round(Close(Outcome.RolledBack).Interval!.RolloutSeconds!.Value, 9)));
    }

    [Fact]
    public void A_segment_that_never_ended_stays_without_an_end()
    {
        Run("detect", 20);
        _ = timeline.Begin("build/compile", "a");
        Pass(100);
        var document = Close(Outcome.Interrupted);
        Assert.Null(document.Segments.Single(s => s.Name == "build/compile").Seconds);
        Assert.Equal(0.12, document.Interval!.Seconds!.Value, 9);
        Assert.Equal(0.1, document.Interval.UnattributedSeconds!.Value, 9);
    }

    /// <summary>Whatever happened one after the other and side by side: the path and what is unattributed add up to the interval, to the microsecond.</summary>
    [Fact]
    public void The_path_and_the_unattributed_seconds_add_up_to_the_interval() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Gen.Choose(0, 400).Three().ListOf().ToArbitrary(), Gen.Choose(-10, 5000).ToArbitrary(), Gen.Elements(Outcome.All.ToArray()).ToArbitrary(), (shapes, waited, outcome) =>
        {
            segments.Clear();
            var (now, line) = (new ManualTime(), new List<Segment>());
            var measured = new Timeline(now, _ => { });
            foreach (var (start, length, kind) in shapes)
            {
                line.Add(measured.Record(kind % 3 == 0 ? "reflect" : kind % 3 == 1 ? "rollout" : "ready", start / 1000.0, length / 1000.0));
            }

            now.Advance(TimeSpan.FromMilliseconds(900));
            var document = Ending.Close(
                new TransactionDocument
                {
                    Id = "tx", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Segments = line,
                    Trigger = new TriggerReport("save", measured.Started.AddMilliseconds(-waited), null, true),
                },
                outcome, null, measured);
            var path = document.Segments.Where(s => s.CriticalPath).Sum(s => s.Seconds!.Value);
            Assert.Equal(document.Interval!.Seconds!.Value, path + document.Interval.UnattributedSeconds!.Value, 5);
            Assert.Equal((document.Interval.End - document.Interval.Start)!.Value.TotalSeconds, document.Interval.Seconds.Value, 5);
            Assert.True(document.Interval.Seconds >= Math.Max(0, waited) / 1000.0);
        }));
}
