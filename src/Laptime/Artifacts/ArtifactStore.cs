using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Where artifacts live: content addressed by the digest of their OCI manifest, found again by the fingerprint they were built from.
/// Equal content has an equal digest on every machine. Safe for use from several processes; every operation is idempotent and may be retried by the caller.
/// </summary>
/// <remarks>
/// <para>All operations throw <see cref="StoreException"/> when the store itself fails (disk full, unreachable, damaged content); "absent" is an answer
/// where the return type has one. Requests over a network are bounded and retried inside; the caller need not.</para>
/// <para>Below the operations on components lie the raw ones on OCI's own terms: tags, manifests and blobs.</para>
/// </remarks>
public abstract class ArtifactStore
{
    /// <summary>The store in messages: its folder, or <c>oci://host/repository</c>.</summary>
    public abstract string Name { get; }

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

    /// <summary>What a tag points at, without fetching it; null when there is no such tag. One round trip.</summary>
    /// <remarks>The descriptor is what the store claims, and a registry does not claim an artifact type: whoever goes on with it gets the manifest by its digest, so that a tag that moves meanwhile changes nothing.</remarks>
    public abstract Task<Descriptor?> ResolveAsync(string tag, CancellationToken cancel);

    /// <summary>The manifest that a tag points at, its digest computed from its bytes and equal to what the store claims; null when there is no such tag. One round trip.</summary>
    public abstract Task<StoredManifest?> GetManifestAsync(string tag, CancellationToken cancel);

    /// <summary>A manifest or index, its bytes verified; null when it is absent. One round trip.</summary>
    public abstract Task<StoredManifest?> GetManifestAsync(Digest digest, CancellationToken cancel);

    /// <summary>Whether a blob is here, in its length at least. One round trip.</summary>
    public abstract Task<bool> HasBlobAsync(Descriptor blob, CancellationToken cancel);

    /// <summary>
    /// A blob's bytes as they come. At the end they are verified: a reader that sees the end of the stream has had exactly what digest and size say, any other
    /// gets a <see cref="StoreException"/> (damaged) instead of the end. Stop reading only where that no longer matters.
    /// </summary>
    /// <exception cref="StoreException">Absent, or the store failed; from reads too.</exception>
    public abstract Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancel);

    /// <summary>Stores a blob; when it is here already nothing is read. Under its digest only what was verified can be found.</summary>
    /// <param name="blob">What the content must be.</param>
    /// <param name="open">Opens the content; again when the first try was cut off. The store disposes what it opened.</param>
    /// <param name="cancel">Ends the work; nothing is left of it.</param>
    /// <returns>Whether it was sent; false: it was here.</returns>
    /// <exception cref="StoreException">Damaged: the content is not what the descriptor says. Or the store failed.</exception>
    public abstract Task<bool> PutBlobAsync(Descriptor blob, Func<CancellationToken, Task<Stream>> open, CancellationToken cancel);

    /// <summary>Stores a manifest or index byte by byte and points tags at it. What it refers to must be here before.</summary>
    /// <param name="manifest">What to store, as it was read or made by <see cref="StoredManifest.Read"/>.</param>
    /// <param name="tags">May be empty: it is found by its digest then.</param>
    /// <param name="cancel">Ends the work.</param>
    public abstract Task PutManifestAsync(StoredManifest manifest, IReadOnlyList<string> tags, CancellationToken cancel);

    /// <summary>All tags, sorted; empty for a store that was never written to.</summary>
    public abstract Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancel);

    /// <summary>The tag resolves to nothing any more; what it pointed at stays, and so do its other tags.</summary>
    /// <returns>Whether it was there.</returns>
    public abstract Task<bool> RemoveTagAsync(string tag, CancellationToken cancel);

    /// <summary>Removes a manifest or index and all tags that point at it, not what it refers to.</summary>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="StoreException">Refused: a registry that does not allow it.</exception>
    public abstract Task<bool> RemoveManifestAsync(Digest digest, CancellationToken cancel);

    /// <summary>Stores a small blob from memory.</summary>
    public async Task<Descriptor> PutBlobAsync(string mediaType, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        var blob = new Descriptor(mediaType, Digest.Of(content.Span), content.Length);
        var bytes = content.ToArray();
        await PutBlobAsync(blob, _ => Task.FromResult<Stream>(new MemoryStream(bytes, writable: false)), cancel).ConfigureAwait(false);
        return blob;
    }

    /// <summary>Reads a small blob into memory, verified.</summary>
    /// <exception cref="StoreException">Absent, damaged (also: larger than <paramref name="largest"/> bytes), or the store failed.</exception>
    public async Task<byte[]> ReadBlobAsync(Descriptor blob, int largest, CancellationToken cancel)
    {
        if (blob.Size > largest)
        {
            throw new StoreException(StoreFailure.Damaged, new Fault(
                Outcome.BuildFailed, $"the blob {blob.Digest.Short} says it has {blob.Size} bytes; such a one has at most {largest}", Name, "find out who wrote it"));
        }

        var stream = await OpenBlobAsync(blob, cancel).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var bytes = new byte[blob.Size];
            await stream.ReadExactlyAsync(bytes, cancel).ConfigureAwait(false);
            // The end: only there the digest is compared.
            _ = await stream.ReadAsync(new byte[1], cancel).ConfigureAwait(false);
            return bytes;
        }
    }

    /// <summary>Whether a text is a tag by OCI's rules: letters, digits, <c>_ . -</c>, at most 128, not starting with <c>.</c> or <c>-</c>.</summary>
    public static bool IsTag(string text) =>
        text.Length is > 0 and <= 128 && text[0] is not ('.' or '-') && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private protected static string RequireTag(string tag) => IsTag(tag) ? tag : throw new ArgumentException($"`{tag}` is no tag", nameof(tag));

    /// <summary>The tag of a fingerprint, in every kind of store.</summary>
    public static string TagOf(Digest fingerprint) => "fp-" + fingerprint.ToHex();
}
