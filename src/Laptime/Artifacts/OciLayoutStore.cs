using System.Text.Json;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Artifacts in a folder: an OCI image layout (<c>oci-layout</c>, <c>index.json</c>, <c>blobs/sha256/</c>) that other OCI tools can read.
/// A blob is written beside, flushed to the disk and renamed, so that under its name it is always whole.
/// </summary>
public sealed partial class OciLayoutStore(string root, TimeProvider clock) : ArtifactStore, IDisposable
{
    private static readonly TimeSpan LockBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Newborn = TimeSpan.FromMinutes(1);
    private readonly LayoutIndex index = new(root);

    private string Blobs256 => Path.Combine(root, "blobs", "sha256");

    private string Temporary => Path.Combine(root, "tmp");

    public override async Task<Digest> StoreAsync(IReadOnlyList<OutputFile> files, Digest fingerprint, CancellationToken cancel)
    {
        if (files.FirstOrDefault(f => !ArtifactPath.IsSafe(f.Path)) is { } odd)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the output `{odd.Path}` has a path that no artifact may hold", odd.Source, "give it a plain relative path"));
        }

        try
        {
            await CreateAsync(cancel).ConfigureAwait(false);
            await UseAsync(writes: true, cancel).ConfigureAwait(false);
            DeleteLeftovers();
            var layer = await WriteBlobAsync(OciManifest.LayerType, (stream, c) => TarWriter.WriteAsync(files, stream, c), cancel).ConfigureAwait(false);
            await WriteBlobAsync("", async (stream, c) => await stream.WriteAsync(OciManifest.EmptyConfig, c).ConfigureAwait(false), cancel).ConfigureAwait(false);
            var bytes = OciManifest.OfFiles(layer).ToBytes();
            var manifest = await WriteBlobAsync(OciManifest.MediaType, async (stream, c) => await stream.WriteAsync(bytes, c).ConfigureAwait(false), cancel).ConfigureAwait(false);
            if (!fingerprint.IsNone)
            {
                await SetTagAsync(TagOf(fingerprint), manifest with { ArtifactType = OciManifest.ComponentType }, cancel).ConfigureAwait(false);
            }

            return manifest.Digest;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact cannot be stored", e);
        }
    }

    public override async Task<Digest?> FindAsync(Digest fingerprint, CancellationToken cancel)
    {
        try
        {
            await UseAsync(writes: false, cancel).ConfigureAwait(false);
            return index.Read(TagOf(fingerprint)) is { } artifact && await HasAsync(artifact, cancel).ConfigureAwait(false) ? artifact : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact store cannot be read", e);
        }
    }

    public override async Task<bool> HasAsync(Digest artifact, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        await UseAsync(writes: false, cancel).ConfigureAwait(false);
        return ReadManifest(artifact) is { } manifest ? manifest.Layers.Append(manifest.Config).All(IsHere) : HasIndex(artifact, 0);
    }

    public override async Task UnpackAsync(Digest artifact, string folder, CancellationToken cancel)
    {
        var target = Path.GetFullPath(folder).TrimEnd('/');
        // Beside the folder, not in it: the folder holds the artifact and nothing else.
        var (mark, part, gate) = (target + ".artifact", target + ".part", target + ".lock");
        try
        {
            if (IsUnpacked(target, mark, artifact))
            {
                return;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var held = await FileLock.TakeAsync(gate, LockBound, clock, cancel).ConfigureAwait(false);
            if (IsUnpacked(target, mark, artifact))
            {
                return;
            }

            await UseAsync(writes: false, cancel).ConfigureAwait(false);
            var manifest = ReadManifest(artifact)
                ?? (HasIndex(artifact, 0) ? (await GetManifestAsync(artifact, cancel).ConfigureAwait(false))!.ToManifest() : null)
                ?? throw new StoreException(StoreFailure.Absent, new Fault(Outcome.RolloutFailed, $"the artifact {artifact} is not in the store, or its manifest is damaged", root,
                    "`lap deploy --force` builds it again"));
            Delete(part);
            Directory.CreateDirectory(part);
            try
            {
                foreach (var layer in manifest.Layers)
                {
                    await UnpackLayerAsync(artifact, layer, part, cancel).ConfigureAwait(false);
                }

                File.Delete(mark);
                Delete(target);
                Directory.Move(part, target);
                AtomicFile.Write(mark, artifact.ToString(), durable: false);
            }
            catch
            {
                Delete(part);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreFailure.Local, new Fault(Outcome.RolloutFailed, $"the artifact {artifact.Short} cannot be unpacked: {e.Message}", target, Mend(e)), e);
        }
    }

    public override async Task TagAsync(Digest fingerprint, Digest artifact, CancellationToken cancel)
    {
        try
        {
            await UseAsync(writes: true, cancel).ConfigureAwait(false);
            var manifest = await GetManifestAsync(artifact, cancel).ConfigureAwait(false)
                ?? throw new StoreException(StoreFailure.Absent, new Fault(Outcome.BuildFailed, $"the artifact {artifact} is not in the store", root, "`lap deploy --force` builds it again"));
            await SetTagAsync(TagOf(fingerprint), manifest.Descriptor, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact cannot be tagged", e);
        }
    }

    public override async Task UntagAsync(Digest fingerprint, CancellationToken cancel)
    {
        try
        {
            if (index.Read(TagOf(fingerprint)) is not null)
            {
                await SetTagAsync(TagOf(fingerprint), null, cancel).ConfigureAwait(false);
                // Without its folder there is none; deleting would throw.
                if (Directory.Exists(Path.Combine(root, "origins")))
                {
                    File.Delete(OriginPath(fingerprint));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the tag cannot be removed", e);
        }
    }

    public override Task RecordOriginAsync(Digest fingerprint, ArtifactOrigin origin, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "origins"));
            AtomicFile.Write(OriginPath(fingerprint), JsonSerializer.SerializeToUtf8Bytes(origin, OriginJson.Default.ArtifactOrigin), durable: false);
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact's origin cannot be recorded", e);
        }
    }

    public override Task<ArtifactOrigin?> OriginAsync(Digest fingerprint, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            return Task.FromResult(JsonSerializer.Deserialize(File.ReadAllBytes(OriginPath(fingerprint)), OriginJson.Default.ArtifactOrigin) is { Transaction: not null, DeliveredTo: not null } origin ? origin : null);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            // A record that a crash tore says nothing.
            return Task.FromResult<ArtifactOrigin?>(null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("the artifact store cannot be read", e);
        }
    }

    /// <summary>Brings index.json up to date for other tools (it may lag behind the tags in a large store).</summary>
    public async Task FoldAsync(CancellationToken cancel)
    {
        await CreateAsync(cancel).ConfigureAwait(false);
        using var held = await LockAsync(cancel).ConfigureAwait(false);
        index.Fold();
    }

    private async Task CreateAsync(CancellationToken cancel)
    {
        if (Directory.Exists(Temporary))
        {
            return;
        }

        Directory.CreateDirectory(Blobs256);
        using var held = await LockAsync(cancel).ConfigureAwait(false);
        index.Create();
        // Last: it says that the rest is there.
        Directory.CreateDirectory(Temporary);
    }

    private async Task SetTagAsync(string tag, Descriptor? target, CancellationToken cancel)
    {
        using var held = await LockAsync(cancel).ConfigureAwait(false);
        index.Set(tag, target);
    }

    private Task<FileStream> LockAsync(CancellationToken cancel) => FileLock.TakeAsync(Path.Combine(root, "lock"), LockBound, clock, cancel);

    private async Task<Descriptor> WriteBlobAsync(string mediaType, Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
    {
        var path = Path.Combine(Temporary, Guid.NewGuid().ToString("N"));
        try
        {
            // Not shared: whoever cleans up sees by it that the file is being written.
            var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 256 << 10);
            Digest digest;
            long size;
            bool isHere;
            await using (file.ConfigureAwait(false))
            {
                using var hashing = new HashingStream(file);
                await write(hashing, cancel).ConfigureAwait(false);
                (digest, size) = (hashing.Finish(), hashing.Count);
                isHere = IsHere(new Descriptor(mediaType, digest, size));
                if (!isHere)
                {
                    file.Flush(flushToDisk: true);
                }
            }

            if (!isHere)
            {
                Publish(path, digest);
                return new Descriptor(mediaType, digest, size);
            }

            File.Delete(path);
            return new Descriptor(mediaType, digest, size);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>
    /// Gives a whole blob its name. The file is closed by then: its lock goes with the file, not with the name, and a reader would meet it. Between the two, the
    /// file's age keeps whoever cleans up away.
    /// </summary>
    private void Publish(string temporary, Digest digest)
    {
        File.Move(temporary, BlobPath(digest), overwrite: true);
        Mended(digest);
    }

    private void DeleteLeftovers()
    {
        foreach (var path in Directory.EnumerateFiles(Temporary).Where(IsLeft))
        {
            File.Delete(path);
        }
    }

    private async Task UnpackLayerAsync(Digest artifact, Descriptor layer, string part, CancellationToken cancel)
    {
        if (layer.MediaType != OciManifest.LayerType)
        {
            throw new StoreException(StoreFailure.Damaged, new Fault(Outcome.RolloutFailed, $"the artifact {artifact.Short} has a layer of an unknown kind: {layer.MediaType}", root,
                "it is not an artifact of `lap`; use the image as it is, or build the component"));
        }

        if (!File.Exists(BlobPath(layer.Digest)))
        {
            throw Damaged(artifact, layer, "is missing");
        }

        var file = new FileStream(BlobPath(layer.Digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 256 << 10);
        await using (file.ConfigureAwait(false))
        {
            using var hashing = new HashingStream(file);
            try
            {
                await TarUnpacker.UnpackAsync(hashing, part, cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
            {
                throw Damaged(artifact, layer, "is no readable archive");
            }

            await hashing.CopyToAsync(Stream.Null, cancel).ConfigureAwait(false);
            if (hashing.Count != layer.Size || hashing.Finish() != layer.Digest)
            {
                // Under this name it is of no use to anybody, and in the way of the right one.
                File.Delete(BlobPath(layer.Digest));
                throw Damaged(artifact, layer, "had other content than its digest says and was removed");
            }
        }
    }

    private OciManifest? ReadManifest(Digest artifact)
    {
        var path = BlobPath(artifact);
        if (!File.Exists(path) || new FileInfo(path).Length > StoredManifest.LargestBytes)
        {
            return null;
        }

        var bytes = File.ReadAllBytes(path);
        try
        {
            if (Digest.Of(bytes) == artifact)
            {
                return OciManifest.Parse(bytes);
            }

            Distrust(artifact);
            return null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private bool IsHere(Descriptor blob) => new FileInfo(BlobPath(blob.Digest)) is { Exists: true } file && file.Length == blob.Size && !IsKnownDamaged(blob.Digest);

    private static bool IsUnpacked(string target, string mark, Digest artifact) =>
        Directory.Exists(target) && File.Exists(mark) && File.ReadAllText(mark) == artifact.ToString();

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string OriginPath(Digest fingerprint) => Path.Combine(root, "origins", TagOf(fingerprint));

    private string BlobPath(Digest digest) => Path.Combine(Blobs256, digest.ToHex());

    private StoreException Damaged(Digest artifact, Descriptor layer, string how) => new(StoreFailure.Damaged, new Fault(
        Outcome.RolloutFailed, $"the artifact {artifact.Short} is damaged: its layer {layer.Digest.Short} {how}", BlobPath(layer.Digest),
        "`lap deploy` builds the artifact again (delete the file first when it is still there)"));

    private StoreException Failed(string what, Exception e) => new(StoreFailure.Local, new Fault(Outcome.BuildFailed, $"{what}: {e.Message}", root, Mend(e)), e);

    private static string Mend(Exception e) => e is UnauthorizedAccessException
        ? "make the folder readable and writable for this user"
        : "free some disk space (`lap artifacts prune`), or set artifacts.store to another disk";
}
