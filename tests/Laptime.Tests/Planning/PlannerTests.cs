using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

/// <summary>What is planned for one component, over every combination of what can be known of it; each sentence of the contract is one invariant.</summary>
public sealed class PlannerTests
{
    private static readonly ComponentFingerprint Wanted = Given.Fingerprint("app", Given.File("app/a", "new"));
    private static readonly ComponentFingerprint Earlier = Given.Fingerprint("app", Given.File("app/a", "old"));
    private static readonly Digest Artifact = Digest.Of("artifact");
    private static readonly Digest OtherArtifact = Digest.Of("other artifact");
    private static readonly Digest Key = DeploymentKey.Of(Artifact, Given.Settings());
    private static readonly Digest OtherKey = DeploymentKey.Of(Artifact, Given.Settings("9090"));

    /// <summary>What is known of one component.</summary>
    private sealed record Case(bool Known, bool Runs, bool Force, Running? Observed, DeployedRecord? Record, ComponentFingerprint? Recorded)
    {
        public PlanningFacts Facts => new()
        {
            Fingerprints = Given.Only("app", Wanted),
            Artifacts = Known ? Given.Only<Digest>("app", Artifact) : new Dictionary<string, Digest>(),
            RunSettings = Given.Only("app", Given.Settings()),
            Observed = Given.Only("app", Observed),
            Records = Given.Only("app", Record),
            RecordedFingerprints = Given.Only("app", Recorded),
            Force = Force,
        };

        public PlannedComponent Plan() => Planner.Make(Given.Workspace(Given.Component("app", Runs)), Given.Local, Facts).Components.Single();
    }

    private static readonly List<Case> Everything =
    [
        .. from known in Both
           from runs in Both
           from force in Both
           from observed in Readings()
           from record in Records()
           from recorded in new[] { null, Earlier, Wanted }
           select new Case(known, runs, force, observed, record, recorded),
    ];

    private static bool[] Both => [false, true];

    private static IEnumerable<Running?> Readings() =>
        from there in Both
        from artifact in there ? new[] { Artifact, OtherArtifact, Digest.None } : [Digest.None]
        from key in there ? new[] { Key, OtherKey, Digest.None } : [Digest.None]
        from fingerprint in there ? new[] { Wanted.Value, Earlier.Value, Digest.None } : [Digest.None]
        from serving in there ? Both : [false]
        select there ? new Running(artifact, key, fingerprint, $"app@{artifact.Short}", serving, serving ? null : "exited with 1") : null;

    private static IEnumerable<DeployedRecord?> Records() =>
        from there in Both
        from artifact in there ? new[] { Artifact, OtherArtifact } : [Digest.None]
        from key in there ? new[] { Key, OtherKey } : [Digest.None]
        from fingerprint in there ? new[] { Wanted.Value, Earlier.Value } : [Digest.None]
        from tainted in there ? Both : [false]
        select there
            ? new DeployedRecord
            {
                Component = "app", Artifact = artifact, DeploymentKey = key, Fingerprint = fingerprint, Tainted = tainted, Revision = $"app@{artifact.Short}", At = Given.Then,
                RunSettings = Given.Settings(key == Key ? "8080" : "9090"),
            }
            : null;

    [Fact]
    public void A_skip_is_only_planned_on_the_targets_own_reading_of_the_same_artifact_and_key_serving() => Assert.All(
        Everything.Where(c => c.Runs && c.Plan().Action == ActionKind.Skip),
        c => Assert.True(c is { Known: true, Force: false, Observed: { Serving: true } o } && o.Artifact == Artifact && o.DeploymentKey == Key, c.ToString()));

    [Fact]
    public void Whatever_the_target_serves_as_wanted_is_skipped() => Assert.All(
        Everything.Where(c => c is { Known: true, Force: false, Runs: true, Observed: { Serving: true } o } && o.Artifact == Artifact && o.DeploymentKey == Key),
        c => Assert.Equal(
            (ActionKind.Skip, c.Observed!.Fingerprint == Wanted.Value || WasVerified(c.Record) ? Cause.Unchanged : Cause.DigestAlreadyDeployed), (c.Plan().Action, c.Plan().Cause)));

    /// <summary>These inputs were seen to give what runs, whatever inputs it was built from.</summary>
    private static bool WasVerified(DeployedRecord? record) => record is not null && record.Fingerprint == Wanted.Value && record.DeploymentKey == Key;

    [Fact]
    public void A_component_that_does_not_run_is_skipped_only_when_its_artifact_is_known() => Assert.All(
        Everything.Where(c => !c.Runs), c => Assert.Equal(c.Known && !c.Force ? ActionKind.Skip : ActionKind.Build, c.Plan().Action));

    [Fact]
    public void Force_always_works() => Assert.All(
        Everything.Where(c => c.Force), c => Assert.Equal((c.Runs ? ActionKind.BuildAndRollout : ActionKind.Build, Cause.Forced), (c.Plan().Action, c.Plan().Cause)));

    [Fact]
    public void Without_an_artifact_it_is_built_and_never_only_rolled_out() => Assert.All(
        Everything.Where(c => !c.Known), c => Assert.Equal(c.Runs ? ActionKind.BuildAndRollout : ActionKind.Build, c.Plan().Action));

    [Fact]
    public void With_an_artifact_nothing_is_built() => Assert.All(Everything.Where(c => c is { Known: true, Force: false }), c => Assert.False(c.Plan().Builds));

    [Fact]
    public void A_key_is_planned_exactly_when_the_artifact_is_known_and_runs() => Assert.All(
        Everything, c => Assert.Equal(c is { Known: true, Runs: true } ? Key : Digest.None, c.Plan().DeploymentKey));

    [Fact]
    public void Records_explain_and_never_decide() => Assert.All(
        Everything, c => Assert.Equal((c with { Record = null, Recorded = null }).Plan().Action, c.Plan().Action));

    [Fact]
    public void Every_cause_but_the_plain_ones_has_its_facts() => Assert.All(
        Everything.Select(c => (Case: c, Plan: c.Plan())).Where(p =>
            p.Plan.Cause is not (Cause.Unchanged or Cause.Forced or Cause.NeverBuilt or Cause.NeverDeployed) && !(p.Plan.Cause == Cause.DigestAlreadyDeployed && p.Case.Recorded != Earlier)),
        p => Assert.True(p.Plan.Detail.Count > 0 && p.Plan.Detail.All(d => d.Length > 0), $"{p.Plan.Cause}: {p.Case}"));

    [Fact]
    public void Inputs_that_are_equal_are_never_the_cause() => Assert.All(
        Everything.Where(c => c.Record is { } r && r.Fingerprint == Wanted.Value), c => Assert.NotEqual(Cause.InputsChanged, c.Plan().Cause));

    /// <summary>The contract's words, one situation each.</summary>
    private static Case Row(string situation) => situation switch
    {
        "never built" => new(false, true, false, null, null, null),
        "built, never deployed" => new(true, true, false, null, null, null),
        "artifact gone" => new(false, true, false, Serves(Artifact, Key), Record(Artifact, Key, Wanted), Wanted),
        "tainted" => new(false, true, false, Serves(Artifact, Key), Record(Artifact, Key, Wanted) with { Tainted = true }, Wanted),
        "inputs changed" => new(false, true, false, Serves(OtherArtifact, OtherKey), Record(OtherArtifact, OtherKey, Earlier), Earlier),
        "inputs changed, artifact here" => new(true, true, false, Serves(OtherArtifact, OtherKey), Record(OtherArtifact, OtherKey, Earlier), Earlier),
        "record of parts lost" => new(true, true, false, Serves(OtherArtifact, OtherKey), Record(OtherArtifact, OtherKey, Earlier), null),
        "run settings changed" => new(true, true, false, Serves(Artifact, OtherKey), Record(Artifact, OtherKey, Wanted), Wanted),
        "run settings changed, no record" => new(true, true, false, Serves(Artifact, OtherKey), null, null),
        "other settings than recorded" => new(true, true, false, Serves(Artifact, OtherKey), Record(Artifact, Key, Wanted), Wanted),
        "gone" => new(true, true, false, null, Record(Artifact, Key, Wanted), Wanted),
        "dead" => new(true, true, false, Serves(Artifact, Key) with { Serving = false, Detail = "exited with 1" }, Record(Artifact, Key, Wanted), Wanted),
        "dead, without words" => new(true, true, false, Serves(Artifact, Key) with { Serving = false }, Record(Artifact, Key, Wanted), Wanted),
        "somebody else's" => new(true, true, false, Serves(OtherArtifact, OtherKey), Record(Artifact, Key, Wanted), Wanted),
        "built again, not rolled out" => new(true, true, false, Serves(OtherArtifact, OtherKey), Record(OtherArtifact, OtherKey, Wanted), Wanted),
        "as wanted" => new(true, true, false, Serves(Artifact, Key), Record(Artifact, Key, Wanted), Wanted),
        "same artifact of other inputs" => new(true, true, false, Serves(Artifact, Key) with { Fingerprint = Earlier.Value }, Record(Artifact, Key, Earlier), Earlier),
        _ => throw new ArgumentOutOfRangeException(nameof(situation), situation, null),
    };

    private static Running Serves(Digest artifact, Digest key) => new(artifact, key, Wanted.Value, $"app@{artifact.Short}", true, null);

    private static DeployedRecord Record(Digest artifact, Digest key, ComponentFingerprint fingerprint) => new()
    {
        Component = "app", Artifact = artifact, DeploymentKey = key, Fingerprint = fingerprint.Value, At = Given.Then, Revision = $"app@{artifact.Short}",
        RunSettings = Given.Settings(key == Key ? "8080" : "9090"),
    };

    [Theory]
    [InlineData("never built", "build+rollout", "never-built", "")]
    [InlineData("built, never deployed", "rollout", "never-deployed", "")]
    [InlineData("artifact gone", "build+rollout", "artifact-missing", "is not in the store")]
    [InlineData("tainted", "build+rollout", "artifact-tainted", "an input changed while it was built")]
    [InlineData("inputs changed", "build+rollout", "inputs-changed", "app/a")]
    [InlineData("inputs changed, artifact here", "rollout", "inputs-changed", "app/a")]
    [InlineData("record of parts lost", "rollout", "inputs-changed", "is lost")]
    [InlineData("run settings changed", "rollout", "run-settings-changed", "run.port")]
    [InlineData("run settings changed, no record", "rollout", "run-settings-changed", "run settings differ from what the target runs")]
    [InlineData("other settings than recorded", "rollout", "target-drifted", "with other run settings than were deployed 2026-11-21 11:03:29Z")]
    [InlineData("gone", "rollout", "target-drifted", "the target runs none; app@")]
    [InlineData("dead", "rollout", "target-drifted", "exited with 1")]
    [InlineData("dead, without words", "rollout", "target-drifted", "it is not serving")]
    [InlineData("somebody else's", "rollout", "target-drifted", "as deployed 2026-11-21 11:03:29Z")]
    [InlineData("built again, not rolled out", "rollout", "never-deployed", "was built from the same inputs since")]
    [InlineData("as wanted", "skip", "unchanged", "")]
    [InlineData("same artifact of other inputs", "skip", "digest-already-deployed", "app/a")]
    public void Each_situation_has_its_action_its_cause_and_its_facts(string situation, string action, string cause, string detail)
    {
        var plan = Row(situation).Plan();
        Assert.Equal((action, cause), (plan.Action.Text(), plan.Cause.Text()));
        Assert.Contains(detail, string.Join('\n', plan.Detail), StringComparison.Ordinal);
    }

    [Fact]
    public void Actions_and_causes_are_the_contracts_words()
    {
        Assert.Equal(
            ["skip", "build", "build+rollout", "rollout", "lookup+rollout", "reconcile", "bootstrap"], Enum.GetValues<ActionKind>().Select(a => a.Text()));
        Assert.Equal(
            [
                "unchanged", "digest-already-deployed", "inputs-changed", "uses-changed", "settings-changed", "profile-changed", "never-built", "never-deployed",
                "artifact-missing", "artifact-tainted", "run-settings-changed", "target-drifted", "infra-changed", "dependency-changed", "forced",
            ],
            Enum.GetValues<Cause>().Select(c => c.Text()));
    }
}
