using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Signals;
using Laptime.Targets;

namespace Laptime.Transactions;

/// <summary>Components as the document writes them.</summary>
public static class ComponentReports
{
    public static string Revision(string component, Digest artifact) => $"{component}@{artifact.Short}";

    /// <summary>What is planned, as it will be called: of a fixed image, for which nothing is built, that image. Null: it is not known yet.</summary>
    private static string? Revision(PlannedComponent planned, Observed? observed) => planned.Artifact.IsNone ? null
        : planned.Action is ActionKind.Skip or ActionKind.Reconcile && observed is { Revision: { } serves } && observed.Artifact == planned.Artifact ? serves
        : planned.Again?.Revision is { } again ? again
        : planned.Image is null ? Revision(planned.Name, planned.Artifact)
        : FixedImage.DigestOf(planned.Image) is { IsNone: false } image ? Revision(planned.Name, image) : null;

    /// <summary>The planned component as a report, with the target's reading.</summary>
    public static ComponentReport Describe(PlannedComponent planned, Detected detected)
    {
        var observed = detected.Observed.FirstOrDefault(o => o.Component == planned.Name);
        var skip = planned.Action is ActionKind.Skip or ActionKind.Reconcile;
        var fallback = detected.Lookups.GetValueOrDefault(planned.Name) as LookupAnswer.Fallback;
        return new ComponentReport
        {
            Name = planned.Name,
            Action = planned.Action.Text(),
            Cause = planned.Cause.Text(),
            Detail = planned.Detail,
            Fingerprint = planned.Fingerprint.Value.ToString(),
            DeploymentKey = planned.DeploymentKey.IsNone ? null : planned.DeploymentKey.ToString(),
            Artifact = planned.Artifact.IsNone ? null : planned.Artifact.ToString(),
            PreviousArtifact = observed is { Artifact.IsNone: false } ? observed.Artifact.ToString() : null,
            ArtifactSource = planned.Artifact.IsNone ? null : skip && observed is not null ? "deployed" : planned.Prebuilt ? "prebuilt" : "cached",
            Fallback = skip ? null : fallback?.Reason,
            FallbackDetail = skip ? null : fallback?.Why,
            Provenance = planned is { Prebuilt: true, Builds: false } && detected.Lookups.GetValueOrDefault(planned.Name) is LookupAnswer.Prebuilt found ? found.Provenance : null,
            Revision = Revision(planned, observed),
            Endpoint = observed?.Endpoint,
            Reading = Reading(observed, detected.ObservedAt),
            Signals = planned.Action == ActionKind.Skip && observed is not null ? Observation(observed) : new SignalsReport(),
        };
    }

    public static ReadingReport? Reading(Observed? observed, DateTimeOffset at) => observed is null
        ? null
        : new ReadingReport(observed.Revision, observed.Artifact.IsNone ? null : observed.Artifact.ToString(), observed.Instances, observed.Of, at);

    /// <summary>What an observation alone proves: that it lives, and which revision serves. Ready, when the target asked it. Smoke was not asked.</summary>
    public static SignalsReport Observation(Observed observed) => new()
    {
        Live = new SignalReport { Status = observed.Serving ? "pass" : "fail" },
        Ready = new SignalReport { Status = observed.Ready.Text() },
        Reflected = new SignalReport { Status = Reflected(observed).Text(), Observed = observed.Revision, Instances = observed.Instances, Of = observed.Of },
    };

    /// <summary>As it was asked; where it was not, the labels of what serves are the evidence.</summary>
    public static SignalStatus Reflected(Observed observed) =>
        observed.Reflected != SignalStatus.NotRun ? observed.Reflected : observed.Serving ? SignalStatus.Pass : SignalStatus.Fail;
}
