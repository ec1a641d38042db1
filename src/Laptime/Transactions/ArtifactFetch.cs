using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Planning;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>
/// Brings an artifact that is not built into the local store, and reads every byte of it before anything is touched: what is damaged, or was taken away since it
/// was looked up, is found here and never reaches a target.
/// </summary>
/// <param name="own">The workspace's store.</param>
/// <param name="shared">The one that prebuilt artifacts come from; null, or the same: there is no other.</param>
public sealed class ArtifactFetch(ArtifactStore own, ArtifactStore? shared)
{
    /// <param name="planned">Not built; its artifact is known.</param>
    /// <param name="found">What was looked up for it; null: it is our own.</param>
    /// <returns>Null: it is here, whole. Otherwise why it must be built.</returns>
    public async Task<LookupAnswer.Fallback?> TryAsync(PlannedComponent planned, LookupAnswer.Prebuilt? found, Timeline timeline, CancellationToken cancel)
    {
        var here = await own.HasAsync(planned.Artifact, cancel);
        if (!here && (shared is null || ReferenceEquals(shared, own)))
        {
            return new(LookupAnswer.Fallback.Missing, $"the artifact {planned.Artifact.Short} is not in the store any more, or not all of it", "`lap publish` it again");
        }

        using var segment = timeline.Begin("lookup", planned.Name, here ? "verify" : "pull");
        try
        {
            if (here)
            {
                await ArtifactCopy.VerifyAsync(own, planned.Artifact, cancel);
            }
            else
            {
                await ArtifactCopy.CopyAsync(shared!, own, planned.Artifact, [ArtifactStore.TagOf(planned.Fingerprint.Value)], cancel);
                if (found is not null)
                {
                    if (await shared!.GetManifestAsync(Attestation.TagOf(planned.Fingerprint.Value), cancel) is { } attestation)
                    {
                        await ArtifactCopy.CopyAsync(shared!, own, attestation.Descriptor.Digest, [Attestation.TagOf(planned.Fingerprint.Value)], cancel);
                    }

                    await own.RecordOriginAsync(planned.Fingerprint.Value, found.Origin, cancel);
                }
            }

            segment.End();
            return null;
        }
        catch (StoreException e) when (e.Failure != StoreFailure.Local)
        {
            segment.End("failed");
            return Answer(e);
        }
    }

    /// <summary>A store's failure as a reason to build.</summary>
    public static LookupAnswer.Fallback Answer(StoreException e) => new(
        e.Failure switch
        {
            StoreFailure.Absent => LookupAnswer.Fallback.Missing,
            StoreFailure.Damaged => LookupAnswer.Fallback.Tampered,
            _ => LookupAnswer.Fallback.LookupFailed,
        },
        e.Fault.What, e.Fault.Mend ?? "see what the store says");
}
