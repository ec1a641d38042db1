using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Where artifacts live: content addressed by the digest of their OCI manifest, found again by the fingerprint they were built from.
/// Equal content has an equal digest on every machine. Safe for use from several processes; every operation is idempotent and may be retried by the caller.
/// </summary>
/// <remarks>All operations throw <see cref="FaultException"/> when the store itself fails (disk full, unreachable, damaged content), never for "absent".</remarks>
public abstract class ArtifactStore
{
    /// <summary>Stores the files as one artifact. Nothing is left of it when it fails or is cancelled.</summary>
    /// <param name="files">In any order; an empty list is an artifact too.</param>
    /// <param name="fingerprint">Tags the artifact with it; <see cref="Digest.None"/> leaves it untagged (tainted: nobody may find it by fingerprint).</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>The artifact's digest.</returns>
    /// <exception cref="FaultException">A file vanished or changed its length, a link points out of the artifact, or the store failed.</exception>
    public abstract Task<Digest> StoreAsync(IReadOnlyList<OutputFile> files, Digest fingerprint, CancellationToken cancel);

    /// <summary>The artifact built from a fingerprint; null when there is none, or not all of it is here any more.</summary>
    public abstract Task<Digest?> FindAsync(Digest fingerprint, CancellationToken cancel);

    /// <summary>Whether the artifact is here with all its parts.</summary>
    public abstract Task<bool> HasAsync(Digest artifact, CancellationToken cancel);

    /// <summary>
    /// Puts the artifact's files into a folder, which then holds them and nothing else. The folder appears whole or not at all;
    /// when the artifact is there already it returns at once. Every byte is verified against the digest.
    /// </summary>
    /// <exception cref="FaultException">The artifact is absent, damaged, or holds what no artifact may (paths or links that leave it, devices).</exception>
    public abstract Task UnpackAsync(Digest artifact, string folder, CancellationToken cancel);

    /// <summary>Lets the artifact be found by the fingerprint; replaces what the fingerprint found before.</summary>
    public abstract Task TagAsync(Digest fingerprint, Digest artifact, CancellationToken cancel);

    /// <summary>Nothing is found by the fingerprint any more (its artifact was tainted). The content stays.</summary>
    public abstract Task UntagAsync(Digest fingerprint, CancellationToken cancel);

    /// <summary>Keeps with the artifact of a fingerprint when and by whom it was built; replaces what was kept before. Not part of its digest.</summary>
    public abstract Task RecordOriginAsync(Digest fingerprint, ArtifactOrigin origin, CancellationToken cancel);

    /// <summary>When and by whom the artifact of a fingerprint was built; null when nobody said.</summary>
    public abstract Task<ArtifactOrigin?> OriginAsync(Digest fingerprint, CancellationToken cancel);

    /// <summary>The tag of a fingerprint, in every kind of store.</summary>
    public static string TagOf(Digest fingerprint) => "fp-" + fingerprint.ToHex();
}
