using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Tests.Planning;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

/// <summary>Signals and planned components as the document writes them.</summary>
public sealed class ReportsOfComponentsTests : IDisposable
{
    private static readonly Digest Artifact = Digest.Of("artifact");
    private static readonly Fault Died = new(Outcome.NotLive, "it died");
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A real scan of a folder without components: reports do not look into it.</summary>
    private Detected Detected(params Observed[] observed)
    {
        folder.File("laptime.yaml", "version: 1\nname: shop\ncomponents: {}\n");
        var workspace = Given.Workspace() with { Root = folder, File = folder.At("laptime.yaml"), Sources = [folder.At("laptime.yaml")] };
        return new Detected(
            Fingerprinter.Scan(workspace, new ScanOptions(), TestContext.Current.CancellationToken), new Dictionary<string, IReadOnlyDictionary<string, string>>(),
            new PlanningFacts
            {
                Fingerprints = new Dictionary<string, ComponentFingerprint>(), Artifacts = new Dictionary<string, Digest>(),
                RunSettings = new Dictionary<string, IReadOnlyDictionary<string, string>>(), Observed = new Dictionary<string, Running>(),
                Records = new Dictionary<string, DeployedRecord>(), RecordedFingerprints = new Dictionary<string, ComponentFingerprint>(),
            },
            observed, Given.Then, new System.Collections.Concurrent.ConcurrentDictionary<string, LookupAnswer>());
    }

    private static PlannedComponent Planned(ActionKind action, Digest artifact) => new()
    {
        Name = "app", Action = action, Cause = Cause.Unchanged, Detail = ["why"], Fingerprint = Given.Fingerprint("app"), Artifact = artifact,
    };

    private static Observed Serving(bool serving = true, SignalStatus ready = SignalStatus.Pass) => new()
    {
        Component = "app", Revision = "app@old", Artifact = Digest.Of("old"), Instances = serving ? 2 : 1, Of = 2, Serving = serving, Ready = ready, Endpoint = "http://127.0.0.1:8080",
    };

    [Fact]
    public void A_fixed_image_is_called_after_itself_and_what_serves_as_it_calls_itself()
    {
        var image = Digest.Of("image");
        var planned = Planned(ActionKind.Rollout, Artifact) with { Image = $"registry/x@{image}" };
        Assert.Equal($"app@{image.Short}", ComponentReports.Describe(planned, Detected(Serving())).Revision);
        // What a name leads to is known when it is deployed.
        Assert.Null(ComponentReports.Describe(planned with { Image = "postgres:17" }, Detected(Serving())).Revision);
        Assert.Equal("app@old", ComponentReports.Describe(Planned(ActionKind.Skip, Digest.Of("old")) with { Image = "postgres:17" }, Detected(Serving())).Revision);
        var again = new DeployedRecord { Component = "app", Revision = "app@then" };
        Assert.Equal("app@then", ComponentReports.Describe(planned with { Again = again }, Detected(Serving())).Revision);
    }

    [Fact]
    public void A_skip_carries_the_reading_that_it_is_claimed_on()
    {
        var report = ComponentReports.Describe(Planned(ActionKind.Skip, Artifact), Detected(Serving()));
        Assert.Equal(("skip", "unchanged", "deployed", $"app@{Artifact.Short}"), (report.Action, report.Cause, report.ArtifactSource, report.Revision));
        Assert.Equal(new ReadingReport("app@old", Digest.Of("old").ToString(), 2, 2, Given.Then), report.Reading);
        Assert.Equal(("pass", "pass", "not-run", "pass"), Statuses(report.Signals));
        Assert.Equal(("app@old", 2, 2), (report.Signals.Reflected.Observed, report.Signals.Reflected.Instances, report.Signals.Reflected.Of));
    }

    [Fact]
    public void What_is_acted_on_claims_no_signal_before_it_was_asked()
    {
        var report = ComponentReports.Describe(Planned(ActionKind.Rollout, Artifact), Detected(Serving()));
        Assert.Equal(("not-run", "not-run", "not-run", "not-run"), Statuses(report.Signals));
        Assert.Equal(("cached", Digest.Of("old").ToString(), "http://127.0.0.1:8080"), (report.ArtifactSource, report.PreviousArtifact, report.Endpoint));
    }

    [Fact]
    public void What_is_not_known_is_null_and_no_none()
    {
        var report = ComponentReports.Describe(Planned(ActionKind.BuildAndRollout, Digest.None), Detected());
        Assert.Equal(
            (null, null, null, null, null, null, null),
            (report.Artifact, report.DeploymentKey, report.PreviousArtifact, report.ArtifactSource, report.Revision, report.Endpoint, report.Reading));
        Assert.Equal("cached", ComponentReports.Describe(Planned(ActionKind.Skip, Artifact), Detected()).ArtifactSource);
    }

    [Theory]
    [InlineData(true, SignalStatus.Pass, "pass", "pass")]
    [InlineData(true, SignalStatus.Fail, "pass", "fail")]
    [InlineData(true, SignalStatus.Unknown, "pass", "unknown")]
    [InlineData(true, SignalStatus.NotDefined, "pass", "not-defined")]
    [InlineData(false, SignalStatus.NotRun, "fail", "not-run")]
    public void An_observation_proves_what_it_saw_and_nothing_else(bool serving, SignalStatus ready, string live, string readyText) =>
        Assert.Equal((live, readyText, "not-run", live), Statuses(ComponentReports.Observation(Serving(serving, ready))));

    [Fact]
    public void Signals_are_written_apart_with_what_was_last_seen_only_where_they_did_not_pass()
    {
        var report = SignalReports.Of(new SignalSet(
            new LiveSignal(SignalStatus.Pass, 0.05, 3, "listens"), new ReadySignal(SignalStatus.Timeout, 30, 7, "503", Died), new SmokeSignal(SignalStatus.NotRun),
            new ReflectedSignal(SignalStatus.NotRun)));
        Assert.Equal(new SignalReport { Status = "pass", Seconds = 0.05 }, report.Live);
        Assert.Equal(new SignalReport { Status = "timeout", Seconds = 30, Attempts = 7, LastSeen = "503", Reason = "it died" }, report.Ready);
        Assert.Equal(new SignalReport(), report.Smoke);
        Assert.Equal(new SignalReport(), report.Reflected);
        var reflected = SignalReports.Of(SignalSet.NotRun with
        {
            Smoke = new SmokeSignal(SignalStatus.Pass, 2, 0.1), Reflected = new ReflectedSignal(SignalStatus.Fail, "app@old", 1, 3, 1, 4, "old", Died),
        });
        Assert.Equal(new SignalReport { Status = "pass", Checks = 2, Seconds = 0.1 }, reflected.Smoke);
        Assert.Equal(new SignalReport { Status = "fail", Seconds = 1, Observed = "app@old", Instances = 1, Of = 3, LastSeen = "old", Reason = "it died" }, reflected.Reflected);
    }

    [Fact]
    public void The_six_values_keep_their_own_words() => Assert.Equal(
        ["not-run", "not-defined", "unknown", "pass", "fail", "timeout"], Enum.GetValues<SignalStatus>().Select(s => s.Text()));

    private static (string, string, string, string) Statuses(SignalsReport signals) => (signals.Live.Status, signals.Ready.Status, signals.Smoke.Status, signals.Reflected.Status);
}
