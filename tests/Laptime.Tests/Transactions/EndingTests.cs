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

    private TransactionDocument Close(Waits waits, params EarlierWork[] earlier) => Ending.Close(
        new TransactionDocument { Id = "tx", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Trigger = Save(60_000), Segments = [.. segments.Values] },
        Outcome.Reflected, null, timeline, waits, earlier);

    private DateTimeOffset Before(double seconds) => timeline.Started.AddSeconds(-seconds);

    [Fact]
    public void What_an_earlier_run_built_after_the_save_is_on_the_path_and_may_dominate()
    {
        Deploy();
        var document = Close(Waits.None, new EarlierWork("build", "a", Before(50), Before(30)));
        Assert.Equal(
            [("idle", -60.0, 10.0), ("earlier", -50, 20), ("idle", -30, 30)],
            document.Segments.Where(s => s.Start < 0).Select(s => (s.Kind!, s.Start, s.Seconds!.Value)));
        Assert.All(document.Segments.Where(s => s.Start < 0), s => Assert.True(s.CriticalPath));
        Assert.Equal(("build", "a", "earlier"), (document.Dominant!.Segment, document.Dominant.Component, document.Dominant.Kind));
        Assert.Equal(20 / 20.54, document.Dominant.Share, 6);
        Assert.Equal(0, document.Interval!.UnattributedSeconds!.Value, 6);
    }

    [Fact]
    public void What_was_built_before_the_interval_began_is_free()
    {
        Deploy();
        var document = Close(Waits.None, new EarlierWork("build", "a", Before(90), Before(70)));
        Assert.Equal("wait", Assert.Single(document.Segments, s => s.Start < 0).Name);
        Assert.Equal(0.3, document.Dominant!.Seconds, 6);
    }

    [Fact]
    public void Queue_job_and_approval_are_waits_of_their_own_and_a_queue_may_dominate()
    {
        Deploy();
        var waits = new Waits { QueuedSince = Before(40), JobStarted = Before(5), ApprovalSince = Before(30), ApprovedAt = Before(20) };
        var document = Close(waits);
        Assert.Equal(
            [("idle", 20.0), ("queue", 10), ("approval", 10), ("queue", 15), ("job", 5)],
            document.Segments.Where(s => s.Start < 0).Select(s => (s.Kind!, Math.Round(s.Seconds!.Value, 6))));
        Assert.Equal(("wait", "queue"), (document.Dominant!.Segment, document.Dominant.Kind));
        Assert.Equal(0, document.Interval!.UnattributedSeconds!.Value, 6);
    }

    /// <summary>Both times: until the artifact is there, and until it is served.</summary>
    [Fact]
    public void The_artifact_was_published_when_the_last_publish_ended()
    {
        Run("detect", 20);
        Run("publish", 30, "a");
        Run("publish", 10, "b");
        Run("rollout", 100, "a");
        Run("reflect", 5, "a");
        var interval = Close(Outcome.Reflected, Save(1000)).Interval!;
        Assert.Equal((1.06, 0.105), (Math.Round(interval.ArtifactPublishSeconds!.Value, 6), Math.Round(interval.RolloutSeconds!.Value, 6)));
    }

    [Theory]
    [InlineData(40, 20.0)]
    [InlineData(90, 0.0)]
    [InlineData(null, null)]
    public void An_artifact_of_an_earlier_run_was_published_when_its_record_says_so(int? builtBefore, double? published)
    {
        Run("rollout", 100, "a");
        var build = builtBefore is { } seconds ? new ArtifactBuildReport("tx-1", Before(seconds + 5), Before(seconds)) : null;
        var document = Ending.Close(
            new TransactionDocument
            {
                Id = "tx", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Trigger = Save(60_000), Segments = [.. segments.Values],
                Components = [new ComponentReport { Name = "a", Action = "rollout", Cause = "inputs-changed", ArtifactSource = "cached", ArtifactBuild = build }],
            },
            Outcome.Reflected, null, timeline);
        Assert.Equal(published, document.Interval!.ArtifactPublishSeconds);
        Assert.Null((Close(Outcome.Stopped) with { }).Interval!.ArtifactPublishSeconds);
    }

    [Theory]
    [InlineData(49, 100, false)]
    [InlineData(51, 100, true)]
    [InlineData(60, 2000, false)]
    [InlineData(200, 2000, true)]
    public void Unattributed_time_above_five_percent_and_the_noise_warns_with_the_place(int gap, int work, bool warns)
    {
        Run("plan", work / 2);
        Pass(gap);
        Run("build/compile", work / 2, "a");
        var document = Close(Outcome.Built, Save(3_600_000));
        if (warns)
        {
            Assert.EndsWith("between plan and build/compile of a", Assert.Single(document.Warnings), StringComparison.Ordinal);
            Assert.StartsWith($"{gap} ms of the interval (", document.Warnings[0], StringComparison.Ordinal);
        }
        else
        {
            Assert.Empty(document.Warnings);
        }
    }

    /// <summary>Nested segments, branches side by side, pauses between them, whatever was waited for before: all of it accounted for, to the millisecond.</summary>
    [Fact]
    public void A_whole_transaction_is_accounted_for_to_the_millisecond() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(400),
        Prop.ForAll(
            (from steps in Gen.Choose(0, 200).Four().ListOf() from before in Gen.Choose(-50, 900).ArrayOf(9) select (steps, before)).ToArbitrary(), given =>
            {
                var (steps, before) = given;
                var (now, line) = (new ManualTime(), new Dictionary<int, Segment>());
                var measured = new Timeline(now, s => line[s.Id] = s);
                var (open, last) = (new List<SegmentScope>(), new List<int>());
                foreach (var (pause, length, what, link) in steps)
                {
                    now.Advance(TimeSpan.FromMilliseconds(pause % 7));
                    var after = link % 3 == 0 && last.Count > 0 ? (int[])[last[link % last.Count]] : [];
                    var parent = link % 5 == 0 && open.Count > 0 ? open[^1].Id : (int?)null;
                    open.Add(measured.Begin(what % 4 == 0 ? "reflect" : what % 4 == 1 ? "rollout" : "build/x", "c" + (what % 3), parent: parent, after: after));
                    now.Advance(TimeSpan.FromMilliseconds(length));
                    if (what % 2 == 0 || open.Count > 3)
                    {
                        var ended = open[what % open.Count];
                        ended.End();
                        last.Add(ended.Id);
                        open.Remove(ended);
                    }
                }

                open.ForEach(o => o.End());
                DateTimeOffset At(int i) => measured.Started.AddMilliseconds(-before[i]);
                var document = Ending.Close(
                    new TransactionDocument
                    {
                        Id = "tx", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Segments = [.. line.Values],
                        Trigger = new TriggerReport("commit", At(0), null, false),
                    },
                    Outcome.Reflected, null, measured, new Waits { QueuedSince = At(1), JobStarted = At(2), ApprovalSince = At(3), ApprovedAt = At(4) },
                    [new EarlierWork("build/x", "c0", At(5), At(6)), new EarlierWork("build", "c1", At(7), At(8))]);
                var path = document.Segments.Where(s => s.CriticalPath).ToList();
                var interval = document.Interval!;
                Assert.Equal(interval.Seconds!.Value, path.Sum(s => s.Seconds!.Value) + interval.UnattributedSeconds!.Value, 6);
                Assert.Equal(interval.Seconds.Value, (interval.End - interval.Start)!.Value.TotalSeconds, 6);
                // Nothing before the command is lost between two segments, and nothing counts twice.
                Assert.Equal(Math.Max(0, before[0]) / 1000.0, document.Segments.Where(s => s.Start < -1e-9).Sum(s => s.Seconds!.Value), 6);
                Assert.Equal(document.Segments.Count, document.Segments.Select(s => s.Id).Distinct().Count());
            }));

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
