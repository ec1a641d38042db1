using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>The layout on OCI's own terms: tags, manifests, blobs. Reading changes nothing, so another tool's layout may be read too.</summary>
public sealed partial class OciLayoutStore
{
    /// <summary>
    /// Blobs that were read and found damaged. They stay where they are (a question changes nothing, and they are evidence), but for this process they are not
    /// here: the next writer of the same content replaces them.
    /// </summary>
    private HashSet<Digest>? damaged;

    private readonly Lock damagedGate = new();

    public override string Name => root;

    public override async Task<Descriptor?> ResolveAsync(string tag, CancellationToken cancel) =>
        (await GetManifestAsync(tag, cancel).ConfigureAwait(false))?.Descriptor;

    public override async Task<StoredManifest?> GetManifestAsync(string tag, CancellationToken cancel)
    {
        RequireTag(tag);
        Digest? digest;
        try
        {
            digest = index.Read(tag);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact store cannot be read", e);
        }

        if (digest is null && File.Exists(root))
        {
            throw new StoreException(StoreFailure.Unreachable, new Fault(Outcome.BuildFailed, $"the artifact store {root} is a file, not a folder", root, "correct artifacts.store, or move the file away"));
        }

        return digest is { } found ? await GetManifestAsync(found, cancel).ConfigureAwait(false) : null;
    }

    public override Task<StoredManifest?> GetManifestAsync(Digest digest, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = BlobPath(digest);
        byte[] bytes;
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                return Task.FromResult<StoredManifest?>(null);
            }

            if (file.Length > StoredManifest.LargestBytes)
            {
                throw Damaged(new Descriptor("", digest, file.Length), $"has {file.Length} bytes, more than any manifest");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<StoredManifest?>(null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact store cannot be read", e);
        }

        if (Digest.Of(bytes) is var found && found != digest)
        {
            throw Damaged(new Descriptor("", digest, bytes.Length), $"has other content than its digest says (it has {found})");
        }

        return Task.FromResult<StoredManifest?>(StoredManifest.Read(bytes, null, path));
    }

    public override Task<bool> HasBlobAsync(Descriptor blob, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Task.FromResult(IsHere(blob));
    }

    public override Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            var file = new FileStream(BlobPath(blob.Digest), new FileStreamOptions
            {
                Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read | FileShare.Delete, BufferSize = 0, Options = FileOptions.Asynchronous,
            });
            return Task.FromResult<Stream>(new VerifiedStream(file, blob, how => Damaged(blob, how)));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new StoreException(StoreFailure.Absent, new Fault(
                Outcome.BuildFailed, $"the blob {blob.Digest} is not in the store", root, "build the component, or pull the artifact, again"), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact store cannot be read", e);
        }
    }

    public override async Task<bool> PutBlobAsync(Descriptor blob, Func<CancellationToken, Task<Stream>> open, CancellationToken cancel)
    {
        await UseAsync(writes: false, cancel).ConfigureAwait(false);
        if (IsHere(blob))
        {
            return false;
        }

        // The source's own failures pass as they are; only what this disk refuses is ours.
        var source = await open(cancel).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            var verified = VerifiedStream.Of(source, blob, root);
            var temporary = "";
            try
            {
                await CreateAsync(cancel).ConfigureAwait(false);
                await UseAsync(writes: true, cancel).ConfigureAwait(false);
                temporary = Path.Combine(Temporary, Guid.NewGuid().ToString("N"));
                var file = new FileStream(temporary, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0, Options = FileOptions.Asynchronous, PreallocationSize = blob.Size,
                });
                await using (file.ConfigureAwait(false))
                {
                    await BlobPump.CopyAsync(verified, file, cancel).ConfigureAwait(false);
                    file.Flush(flushToDisk: true);
                }

                Publish(temporary, blob.Digest);
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Discard(temporary);
                throw Failed($"the blob {blob.Digest.Short} cannot be stored", e);
            }
            catch
            {
                Discard(temporary);
                throw;
            }
        }
    }

    public override async Task PutManifestAsync(StoredManifest manifest, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        foreach (var tag in tags)
        {
            RequireTag(tag);
        }

        try
        {
            await CreateAsync(cancel).ConfigureAwait(false);
            await UseAsync(writes: true, cancel).ConfigureAwait(false);
            await WriteBlobAsync(manifest.Descriptor.MediaType, async (stream, c) => await stream.WriteAsync(manifest.Bytes, c).ConfigureAwait(false), cancel).ConfigureAwait(false);
            if (tags.Count > 0)
            {
                using var held = await LockAsync(cancel).ConfigureAwait(false);
                foreach (var tag in tags)
                {
                    index.Set(tag, manifest.Descriptor);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed($"the manifest {manifest.Descriptor.Digest.Short} cannot be stored", e);
        }
    }

    public override Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Reading<IReadOnlyList<string>>(() => [.. index.List().Order(StringComparer.Ordinal)]);
    }

    public override async Task<bool> RemoveTagAsync(string tag, CancellationToken cancel)
    {
        RequireTag(tag);
        try
        {
            if (index.Read(tag) is null)
            {
                return false;
            }

            await CreateAsync(cancel).ConfigureAwait(false);
            await SetTagAsync(tag, null, cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the tag cannot be removed", e);
        }
    }

    public override async Task<bool> RemoveManifestAsync(Digest digest, CancellationToken cancel)
    {
        try
        {
            if (!Directory.Exists(root))
            {
                return false;
            }

            await CreateAsync(cancel).ConfigureAwait(false);
            using var held = await LockAsync(cancel).ConfigureAwait(false);
            var there = File.Exists(BlobPath(digest));
            index.Remove(digest);
            File.Delete(BlobPath(digest));
            return there;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the manifest cannot be removed", e);
        }
    }

    /// <summary>What index.json lists, entries without a name too, and names that are no tags (other tools write both).</summary>
    public Task<IReadOnlyList<(string? Tag, Descriptor Manifest)>> EntriesAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Reading(() => File.Exists(Path.Combine(root, "index.json")) ? index.Entries() : []);
    }

    /// <summary>Every blob, manifests among them: what there is to prune.</summary>
    public IEnumerable<StoredBlob> Blobs()
    {
        var folder = new DirectoryInfo(Blobs256);
        return !folder.Exists ? [] : folder.EnumerateFiles().Where(f => f.Name.Length == 2 * Digest.Size && Digest.TryParse("sha256:" + f.Name, out _))
            .Select(f => new StoredBlob(Digest.Parse("sha256:" + f.Name), f.Length, f.LastWriteTimeUtc));
    }

    /// <summary>Removes a blob; whoever calls it knows that nothing refers to it.</summary>
    public Task<bool> RemoveBlobAsync(Digest digest, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Reading(() =>
        {
            var there = File.Exists(BlobPath(digest));
            if (there)
            {
                File.Delete(BlobPath(digest));
            }

            return there;
        });
    }

    /// <summary>An image of several platforms is here when all of them are.</summary>
    private bool HasIndex(Digest digest, int depth)
    {
        var path = BlobPath(digest);
        if (depth > ArtifactCopy.Deepest || !File.Exists(path) || new FileInfo(path).Length > StoredManifest.LargestBytes || File.ReadAllBytes(path) is not { } bytes || Digest.Of(bytes) != digest)
        {
            return false;
        }

        try
        {
            var document = StoredManifest.Read(bytes, null, path);
            return document.Blobs.All(IsHere) && document.Manifests.All(m => HasIndex(m.Digest, depth + 1));
        }
        catch (StoreException)
        {
            return false;
        }
    }

    private Task<T> Reading<T>(Func<T> read)
    {
        try
        {
            return Task.FromResult(read());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact store cannot be read", e);
        }
    }

    /// <summary>Nothing was found damaged nearly always: that costs nothing.</summary>
    private bool IsKnownDamaged(Digest digest)
    {
        if (Volatile.Read(ref damaged) is not { } known)
        {
            return false;
        }

        lock (damagedGate)
        {
            return known.Contains(digest);
        }
    }

    private void Distrust(Digest digest)
    {
        lock (damagedGate)
        {
            (damaged ??= []).Add(digest);
        }
    }

    private void Mended(Digest digest)
    {
        if (Volatile.Read(ref damaged) is { } known)
        {
            lock (damagedGate)
            {
                known.Remove(digest);
            }
        }
    }

    private static void Discard(string temporary)
    {
        if (temporary.Length > 0)
        {
            File.Delete(temporary);
        }
    }

    private StoreException Damaged(Descriptor blob, string how)
    {
        Distrust(blob.Digest);
        return new StoreException(StoreFailure.Damaged, new Fault(
            Outcome.BuildFailed, $"the blob {blob.Digest.Short} {how}", BlobPath(blob.Digest), "building or pulling it again replaces it"));
    }
}

/// <summary>A file of a store.</summary>
public readonly record struct StoredBlob(Digest Digest, long Size, DateTimeOffset Written);
