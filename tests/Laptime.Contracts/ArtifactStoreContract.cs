using System.Text;
using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Contracts;

/// <summary>What every artifact store does.</summary>
public abstract class ArtifactStoreContract : IDisposable
{
    protected string Folder { get; } = Directory.CreateTempSubdirectory("lap-store-").FullName;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract ArtifactStore Open();

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected OutputFile File(string path, string content, bool executable = false)
    {
        var source = Path.Combine(Folder, "src", Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Path.GetDirectoryName(source)!);
        System.IO.File.WriteAllText(source, content);
        return new OutputFile(path, source, executable, null);
    }

    protected static OutputFile Link(string path, string target) => new(path, "/nowhere", false, target);

    protected string Target(string name) => Path.Combine(Folder, "unpacked", name);

    private static Digest Key(string text) => Digest.Of(text);

    [Fact]
    public async Task What_was_stored_is_found_by_its_fingerprint_and_unpacked_as_it_was()
    {
        var store = Open();
        var artifact = await store.StoreAsync(
            [File("bin/run", "#!/bin/sh\n", executable: true), File("data/größe 1.txt", "ü"), File("empty", ""), Link("bin/also", "run"), Link("top", "data/größe 1.txt")],
            Key("a"), Cancel);
        Assert.Equal(artifact, await store.FindAsync(Key("a"), Cancel));
        Assert.True(await store.HasAsync(artifact, Cancel));

        await store.UnpackAsync(artifact, Target("x"), Cancel);
        Assert.Equal("#!/bin/sh\n", System.IO.File.ReadAllText(Path.Combine(Target("x"), "bin", "also")));
        Assert.Equal("ü", System.IO.File.ReadAllText(Path.Combine(Target("x"), "top")));
        Assert.Equal(0, new FileInfo(Path.Combine(Target("x"), "empty")).Length);
        Assert.Equal("run", new FileInfo(Path.Combine(Target("x"), "bin", "also")).LinkTarget);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal((UnixFileMode)0b111_101_101, System.IO.File.GetUnixFileMode(Path.Combine(Target("x"), "bin", "run")));
            Assert.Equal((UnixFileMode)0b110_100_100, System.IO.File.GetUnixFileMode(Path.Combine(Target("x"), "empty")));
        }
    }

    [Fact]
    public async Task What_was_never_stored_is_absent_and_not_an_error()
    {
        var store = Open();
        Assert.Null(await store.FindAsync(Key("a"), Cancel));
        Assert.False(await store.HasAsync(Key("b"), Cancel));
        await store.UntagAsync(Key("a"), Cancel);
        await Assert.ThrowsAnyAsync<FaultException>(() => store.UnpackAsync(Key("b"), Target("x"), Cancel));
        await Assert.ThrowsAnyAsync<FaultException>(() => store.TagAsync(Key("a"), Key("b"), Cancel));
        Assert.False(Directory.Exists(Target("x")));
    }

    [Fact]
    public async Task Equal_content_is_one_artifact_whatever_its_fingerprint_order_or_place()
    {
        var store = Open();
        var one = await store.StoreAsync([File("a", "1"), File("b", "2")], Key("x"), Cancel);
        var two = await store.StoreAsync([File("b", "2"), File("a", "1")], Key("y"), Cancel);
        Assert.Equal(one, two);
        Assert.Equal(one, await store.FindAsync(Key("x"), Cancel));
        Assert.Equal(one, await store.FindAsync(Key("y"), Cancel));
    }

    [Fact]
    public async Task Every_difference_is_another_artifact()
    {
        var store = Open();
        Digest[] all =
        [
            await store.StoreAsync([], Digest.None, Cancel),
            await store.StoreAsync([File("a", "")], Digest.None, Cancel),
            await store.StoreAsync([File("a", "1")], Digest.None, Cancel),
            await store.StoreAsync([File("a", "1", executable: true)], Digest.None, Cancel),
            await store.StoreAsync([File("b", "1")], Digest.None, Cancel),
            await store.StoreAsync([Link("a", "1")], Digest.None, Cancel),
            await store.StoreAsync([Link("a", "2")], Digest.None, Cancel),
        ];
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public async Task A_tainted_artifact_is_found_by_its_digest_only()
    {
        var store = Open();
        var artifact = await store.StoreAsync([File("a", "1")], Digest.None, Cancel);
        Assert.True(await store.HasAsync(artifact, Cancel));
        Assert.Null(await store.FindAsync(Digest.None, Cancel));
        await store.TagAsync(Key("late"), artifact, Cancel);
        Assert.Equal(artifact, await store.FindAsync(Key("late"), Cancel));
        await store.UntagAsync(Key("late"), Cancel);
        Assert.Null(await store.FindAsync(Key("late"), Cancel));
        Assert.True(await store.HasAsync(artifact, Cancel));
    }

    [Fact]
    public async Task A_tag_is_replaced_and_survives_reopening()
    {
        var first = await Open().StoreAsync([File("a", "1")], Key("x"), Cancel);
        var second = await Open().StoreAsync([File("a", "2")], Key("x"), Cancel);
        Assert.NotEqual(first, second);
        Assert.Equal(second, await Open().FindAsync(Key("x"), Cancel));
    }

    [Fact]
    public async Task Unpacking_again_does_nothing_and_another_artifact_replaces_the_folder_wholly()
    {
        var store = Open();
        var first = await store.StoreAsync([File("a", "1"), File("old/b", "2")], Digest.None, Cancel);
        var second = await store.StoreAsync([File("a", "2")], Digest.None, Cancel);
        await store.UnpackAsync(first, Target("x"), Cancel);
        System.IO.File.WriteAllText(Path.Combine(Target("x"), "state"), "written by the program");
        await store.UnpackAsync(first, Target("x"), Cancel);
        Assert.True(System.IO.File.Exists(Path.Combine(Target("x"), "state")));
        await store.UnpackAsync(second, Target("x"), Cancel);
        Assert.Equal(["a"], Directory.EnumerateFileSystemEntries(Target("x")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../secret")]
    [InlineData("b/../../secret")]
    [InlineData("x/../../up")]
    public async Task A_link_out_of_the_artifact_is_refused_when_it_is_stored(string target)
    {
        var error = await Assert.ThrowsAsync<FaultException>(() => Open().StoreAsync([Link("link", target)], Key("a"), Cancel));
        Assert.Contains(target, error.Fault.What, StringComparison.Ordinal);
        Assert.Equal(Outcome.BuildFailed, error.Fault.Outcome);
        Assert.Null(await Open().FindAsync(Key("a"), Cancel));
    }

    [Theory]
    [InlineData("/abs")]
    [InlineData("../up")]
    [InlineData("a//b")]
    [InlineData("")]
    public async Task A_path_that_no_artifact_may_hold_is_refused(string path) =>
        await Assert.ThrowsAsync<FaultException>(() => Open().StoreAsync([File(path, "1")], Key("a"), Cancel));

    [Fact]
    public async Task An_output_that_vanished_is_a_fault_and_nothing_is_stored()
    {
        var gone = File("a", "1");
        System.IO.File.Delete(gone.Source);
        var error = await Assert.ThrowsAsync<FaultException>(() => Open().StoreAsync([gone], Key("a"), Cancel));
        Assert.Contains("output a", error.Fault.What, StringComparison.Ordinal);
        Assert.Null(await Open().FindAsync(Key("a"), Cancel));
    }

    [Fact]
    public async Task Cancellation_stores_nothing()
    {
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Open().StoreAsync([File("a", "1")], Key("a"), source.Token));
        Assert.Null(await Open().FindAsync(Key("a"), Cancel));
    }

    [Fact]
    public async Task Many_writers_at_once_lose_nothing()
    {
        var stored = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Open().StoreAsync([File("a", $"{i % 5}")], Key($"{i}"), Cancel)));
        for (var i = 0; i < stored.Length; i++)
        {
            Assert.Equal(stored[i], await Open().FindAsync(Key($"{i}"), Cancel));
        }

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Open().UnpackAsync(stored[0], Target("same"), Cancel)));
        Assert.Equal("0", System.IO.File.ReadAllText(Path.Combine(Target("same"), "a")));
    }

    [Fact]
    public async Task Long_odd_and_foreign_names_come_back()
    {
        var store = Open();
        string[] names =
        [
            "a b", "-rf", "line\nbreak", "ж/日本/😀", "q\"'$`", string.Join('/', Enumerable.Repeat("folder-of-some-length", 10)), new string('n', 200),
            "d/" + new string('x', 100), new string('p', 155) + "/" + new string('q', 100), "e/trailing.", ".hidden", "e/.git",
        ];
        var artifact = await store.StoreAsync([.. names.Select(n => File(n, n)), Link("l", new string('t', 180)), Link("m", "ж")], Digest.None, Cancel);
        await store.UnpackAsync(artifact, Target("x"), Cancel);
        Assert.All(names, n => Assert.Equal(n, System.IO.File.ReadAllText(Path.Combine(Target("x"), n))));
        Assert.Equal(new string('t', 180), new FileInfo(Path.Combine(Target("x"), "l")).LinkTarget);
        Assert.Equal("ж", new FileInfo(Path.Combine(Target("x"), "m")).LinkTarget);
        Assert.Equal(names.Length + 2, Directory.EnumerateFiles(Target("x"), "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Count());
    }

    [Fact]
    public async Task A_large_artifact_takes_little_memory()
    {
        var big = Path.Combine(Folder, "big");
        await using (var file = System.IO.File.Create(big))
        {
            var block = Encoding.ASCII.GetBytes(new string('b', 1 << 20));
            for (var i = 0; i < 64; i++)
            {
                await file.WriteAsync(block, Cancel);
            }
        }

        var store = Open();
        var before = GC.GetTotalAllocatedBytes();
        var artifact = await store.StoreAsync([new OutputFile("big", big, false, null)], Digest.None, Cancel);
        await store.UnpackAsync(artifact, Target("x"), Cancel);
        Assert.True(GC.GetTotalAllocatedBytes() - before < 40 << 20, $"{(GC.GetTotalAllocatedBytes() - before) >> 20} MB allocated for 64 MB");
        Assert.Equal(64 << 20, new FileInfo(Path.Combine(Target("x"), "big")).Length);
    }

    [Fact]
    public async Task Who_built_an_artifact_is_kept_beside_it_and_goes_with_its_tag()
    {
        var store = Open();
        var plain = await store.StoreAsync([File("a", "1")], Key("a"), Cancel);
        Assert.Null(await store.OriginAsync(Key("a"), Cancel));
        var at = new DateTimeOffset(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);
        var origin = new ArtifactOrigin("tx-1", at, at.AddSeconds(12)) { DeliveredTo = ["local"] };
        await store.RecordOriginAsync(Key("a"), origin, Cancel);
        var found = await Open().OriginAsync(Key("a"), Cancel);
        Assert.Equal((origin.Transaction, origin.Start, origin.End, "local"), (found!.Transaction, found.Start, found.End, found.DeliveredTo.Single()));
        Assert.Equal(plain, await store.FindAsync(Key("a"), Cancel));
        Assert.Null(await store.OriginAsync(Key("b"), Cancel));

        await store.RecordOriginAsync(Key("a"), origin with { Transaction = "tx-2" }, Cancel);
        Assert.Equal("tx-2", (await store.OriginAsync(Key("a"), Cancel))!.Transaction);
        await store.UntagAsync(Key("a"), Cancel);
        Assert.Null(await store.OriginAsync(Key("a"), Cancel));
    }

    /// <summary>A store of the same kind as another tool would have written: nothing of it was made through the store's operations on components.</summary>
    protected OciLayoutStore Elsewhere(string name) => new(Path.Combine(Folder, name), TimeProvider.System);

    protected static Func<CancellationToken, Task<Stream>> Content(byte[] bytes) => _ => Task.FromResult<Stream>(new MemoryStream(bytes, writable: false));

    protected static async Task<StoredManifest> PutImageAsync(ArtifactStore store, string content, string[] tags, string type = OciManifest.MediaType)
    {
        var config = await store.PutBlobAsync("application/vnd.oci.image.config.v1+json", Encoding.UTF8.GetBytes($$"""{"architecture":"amd64","os":"linux","note":"{{content}}"}"""), Cancel);
        var layer = await store.PutBlobAsync("application/vnd.oci.image.layer.v1.tar+gzip", Encoding.UTF8.GetBytes("layer of " + content), Cancel);
        var shared = await store.PutBlobAsync("application/vnd.oci.image.layer.v1.tar+gzip", Encoding.UTF8.GetBytes("layer of all"), Cancel);
        // White space and unknown fields as other tools write them: the bytes are what counts.
        var json = $$"""
            {
               "schemaVersion": 2, "mediaType": "{{type}}",
               "config": { "mediaType": "{{config.MediaType}}", "digest": "{{config.Digest}}", "size": {{config.Size}} },
               "layers": [ { "mediaType": "{{shared.MediaType}}", "digest": "{{shared.Digest}}", "size": {{shared.Size}} },
                           { "mediaType": "{{layer.MediaType}}", "digest": "{{layer.Digest}}", "size": {{layer.Size}}, "annotations": { "a": "b" } } ]
            }
            """;
        var manifest = StoredManifest.Read(Encoding.UTF8.GetBytes(json), null, "here");
        await store.PutManifestAsync(manifest, tags, Cancel);
        return manifest;
    }

    protected static async Task<StoredManifest> PutIndexAsync(ArtifactStore store, string[] tags, params StoredManifest[] manifests)
    {
        var children = string.Join(',', manifests.Select(m => $$"""{"mediaType":"{{m.Descriptor.MediaType}}","digest":"{{m.Descriptor.Digest}}","size":{{m.Descriptor.Size}},"platform":{"os":"linux","architecture":"amd64"} }"""));
        var index = StoredManifest.Read(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{StoredManifest.IndexType}}","manifests":[{{children}}]}"""), null, "here");
        await store.PutManifestAsync(index, tags, Cancel);
        return index;
    }

    [Fact]
    public async Task A_tag_resolves_to_what_it_points_at_and_the_manifest_comes_byte_by_byte()
    {
        var store = Open();
        Assert.Null(await store.ResolveAsync("none", Cancel));
        Assert.Null(await store.GetManifestAsync("none", Cancel));
        Assert.Null(await store.GetManifestAsync(Key("none"), Cancel));
        Assert.Empty(await store.ListTagsAsync(Cancel));

        var image = await PutImageAsync(store, "x", ["v1", "latest"]);
        Assert.Equal(image.Descriptor, await Open().ResolveAsync("v1", Cancel));
        foreach (var got in new[] { await Open().GetManifestAsync("latest", Cancel), await Open().GetManifestAsync(image.Descriptor.Digest, Cancel) })
        {
            Assert.Equal(image.Descriptor, got!.Descriptor);
            Assert.True(image.Bytes.Span.SequenceEqual(got.Bytes.Span));
            Assert.Equal(3, got.Blobs.Count);
            Assert.False(got.IsIndex);
        }

        Assert.Equal(["latest", "v1"], await store.ListTagsAsync(Cancel));
        Assert.True(await store.HasAsync(image.Descriptor.Digest, Cancel));
    }

    [Fact]
    public async Task A_component_s_artifact_is_found_by_its_tag_too()
    {
        var store = Open();
        var artifact = await store.StoreAsync([File("a", "1")], Key("x"), Cancel);
        var manifest = await store.GetManifestAsync(ArtifactStore.TagOf(Key("x")), Cancel);
        Assert.Equal(artifact, manifest!.Descriptor.Digest);
        Assert.Equal(OciManifest.ComponentType, manifest.Descriptor.ArtifactType);
        Assert.Equal(artifact, (await store.ResolveAsync(ArtifactStore.TagOf(Key("x")), Cancel))!.Digest);
        Assert.Equal(artifact, (await ArtifactCopy.VerifyAsync(store, artifact, Cancel)).Descriptor.Digest);
    }

    [Fact]
    public async Task A_blob_is_stored_once_and_read_back_verified()
    {
        var store = Open();
        var bytes = Encoding.UTF8.GetBytes("some bytes");
        var blob = new Descriptor("application/octet-stream", Digest.Of(bytes), bytes.Length);
        Assert.False(await store.HasBlobAsync(blob, Cancel));
        Assert.True(await store.PutBlobAsync(blob, Content(bytes), Cancel));
        Assert.False(await store.PutBlobAsync(blob, _ => throw new InvalidOperationException("it is there: nobody opens it"), Cancel));
        Assert.True(await store.HasBlobAsync(blob, Cancel));
        Assert.Equal(bytes, await store.ReadBlobAsync(blob, 100, Cancel));
        var empty = await store.PutBlobAsync("application/octet-stream", ReadOnlyMemory<byte>.Empty, Cancel);
        Assert.Empty(await store.ReadBlobAsync(empty, 100, Cancel));
        var tooLarge = await Assert.ThrowsAsync<StoreException>(() => store.ReadBlobAsync(blob, 5, Cancel));
        Assert.Equal(StoreFailure.Damaged, tooLarge.Failure);
    }

    [Theory]
    [InlineData("some bytez", "content")]
    [InlineData("some byte", "ends after 9 of 10 bytes")]
    [InlineData("some bytes!", "more than the 10 bytes")]
    public async Task Content_that_is_not_what_its_digest_says_is_not_stored(string content, string says)
    {
        var store = Open();
        var blob = new Descriptor("application/octet-stream", Digest.Of("some bytes"), 10);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.PutBlobAsync(blob, Content(Encoding.UTF8.GetBytes(content)), Cancel));
        Assert.Equal(StoreFailure.Damaged, error.Failure);
        Assert.Contains(says, error.Fault.What, StringComparison.Ordinal);
        Assert.False(await store.HasBlobAsync(blob, Cancel));
        var absent = await Assert.ThrowsAsync<StoreException>(() => store.ReadBlobAsync(blob, 100, Cancel));
        Assert.Equal(StoreFailure.Absent, absent.Failure);
        Assert.Contains(blob.Digest.Short, absent.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_fails_says_so_itself_and_nothing_is_stored()
    {
        var store = Open();
        var blob = new Descriptor("application/octet-stream", Digest.Of("some bytes"), 10);
        var error = await Assert.ThrowsAsync<StoreException>(() => ArtifactCopyOfMissingAsync(store, blob));
        Assert.Equal(StoreFailure.Absent, error.Failure);
        Assert.False(await store.HasBlobAsync(blob, Cancel));

        Task ArtifactCopyOfMissingAsync(ArtifactStore to, Descriptor what) => to.PutBlobAsync(what, c => Elsewhere("empty").OpenBlobAsync(what, c), Cancel);
    }

    [Fact]
    public async Task A_removed_tag_is_gone_and_its_content_and_other_tags_are_not()
    {
        var store = Open();
        var image = await PutImageAsync(store, "x", ["one", "two"]);
        Assert.True(await store.RemoveTagAsync("one", Cancel));
        Assert.False(await store.RemoveTagAsync("one", Cancel));
        Assert.Null(await store.ResolveAsync("one", Cancel));
        Assert.Null(await Open().GetManifestAsync("one", Cancel));
        Assert.Equal(image.Descriptor, await Open().ResolveAsync("two", Cancel));
        Assert.Equal(["two"], await store.ListTagsAsync(Cancel));
        await store.PutManifestAsync(image, ["one"], Cancel);
        Assert.Equal(image.Descriptor, await store.ResolveAsync("one", Cancel));
    }

    [Fact]
    public async Task A_removed_manifest_takes_its_tags_with_it_and_leaves_the_blobs()
    {
        var store = Open();
        var image = await PutImageAsync(store, "x", ["one", "two"]);
        var other = await PutImageAsync(store, "y", ["three"]);
        Assert.True(await store.RemoveManifestAsync(image.Descriptor.Digest, Cancel));
        Assert.False(await store.RemoveManifestAsync(image.Descriptor.Digest, Cancel));
        Assert.Null(await store.ResolveAsync("one", Cancel));
        Assert.Equal(["three"], await store.ListTagsAsync(Cancel));
        Assert.Equal(other.Descriptor, await store.ResolveAsync("three", Cancel));
        Assert.True(await store.HasBlobAsync(image.Blobs[0], Cancel));
        Assert.False(await store.HasAsync(image.Descriptor.Digest, Cancel));
    }

    [Fact]
    public async Task An_image_of_several_platforms_is_copied_in_and_out_without_a_changed_digest()
    {
        var (source, store, back) = (Elsewhere("source"), Open(), Elsewhere("back"));
        var one = await PutImageAsync(source, "x", []);
        var two = await PutImageAsync(source, "y", [], StoredManifest.DockerManifestType);
        var index = await PutIndexAsync(source, ["image"], one, two);

        var copied = await ArtifactCopy.CopyAsync(source, store, index.Descriptor.Digest, ["v1", "latest"], Cancel);
        Assert.Equal((index.Descriptor, 5, 5), (copied.Manifest, copied.Blobs, copied.Sent));
        Assert.Equal(index.Descriptor, await store.ResolveAsync("v1", Cancel));
        Assert.True(await store.HasAsync(index.Descriptor.Digest, Cancel));
        Assert.True((await store.GetManifestAsync("latest", Cancel))!.IsIndex);
        var again = await ArtifactCopy.CopyAsync(source, store, index.Descriptor.Digest, ["v1"], Cancel);
        Assert.Equal((0, 0L), (again.Sent, again.Bytes));

        await ArtifactCopy.CopyAsync(store, back, index.Descriptor.Digest, ["v1"], Cancel);
        var found = await back.GetManifestAsync("v1", Cancel);
        Assert.True(index.Bytes.Span.SequenceEqual(found!.Bytes.Span));
        var child = await back.GetManifestAsync(two.Descriptor.Digest, Cancel);
        Assert.True(two.Bytes.Span.SequenceEqual(child!.Bytes.Span));
        await ArtifactCopy.VerifyAsync(back, index.Descriptor.Digest, Cancel);
        var error = Assert.Throws<StoreException>(() => found.ToManifest());
        Assert.Contains("list of manifests", error.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_of_something_incomplete_sets_no_tag()
    {
        var (source, store) = (Elsewhere("source"), Open());
        var image = await PutImageAsync(source, "x", ["v1"]);
        await source.RemoveBlobAsync(image.Blobs[2].Digest, Cancel);
        var error = await Assert.ThrowsAsync<StoreException>(() => ArtifactCopy.CopyAsync(source, store, image.Descriptor.Digest, ["v1"], Cancel));
        Assert.Equal(StoreFailure.Absent, error.Failure);
        Assert.Null(await store.ResolveAsync("v1", Cancel));
        error = await Assert.ThrowsAsync<StoreException>(() => ArtifactCopy.CopyAsync(source, store, Key("nothing"), ["v1"], Cancel));
        Assert.Equal(StoreFailure.Absent, error.Failure);
    }

    [Fact]
    public async Task Two_publishers_of_the_same_tag_leave_one_whole_artifact()
    {
        var sources = new[] { Elsewhere("one"), Elsewhere("two") };
        var images = new[] { await PutImageAsync(sources[0], "x", ["v"]), await PutImageAsync(sources[1], "y", ["v"]) };
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => ArtifactCopy.CopyAsync(sources[i % 2], Open(), images[i % 2].Descriptor.Digest, ["v", $"v{i}"], Cancel)));
        var store = Open();
        var found = await store.ResolveAsync("v", Cancel);
        Assert.Contains(found, images.Select(i => i.Descriptor));
        Assert.All(images, image => Assert.True(store.HasAsync(image.Descriptor.Digest, Cancel).GetAwaiter().GetResult()));
        Assert.Equal(13, (await store.ListTagsAsync(Cancel)).Count);
        await ArtifactCopy.VerifyAsync(store, found!.Digest, Cancel);
    }

    /// <summary>Docker's registry compares manifests itself, and fails.</summary>
    protected virtual StoreFailure OfADamagedManifest => StoreFailure.Damaged;

    /// <summary>Content that no other test shares: a registry keeps equal blobs of all repositories once.</summary>
    private static string Unique() => Guid.NewGuid().ToString("N");

    /// <summary>The file under which the store keeps these bytes.</summary>
    protected abstract string FileOf(Digest digest);

    [Fact]
    public async Task One_flipped_byte_is_found_wherever_it_is()
    {
        var store = Open();
        var image = await PutImageAsync(store, Unique(), ["v1"]);
        var file = FileOf(image.Blobs[2].Digest);
        var bytes = System.IO.File.ReadAllBytes(file);
        bytes[3] ^= 1;
        System.IO.File.WriteAllBytes(file, bytes);
        var error = await Assert.ThrowsAsync<StoreException>(() => ArtifactCopy.VerifyAsync(Open(), image.Descriptor.Digest, Cancel));
        Assert.Equal(StoreFailure.Damaged, error.Failure);
        Assert.Contains(image.Blobs[2].Digest.Short, error.Fault.What, StringComparison.Ordinal);
        var pulled = Elsewhere("pulled");
        error = await Assert.ThrowsAsync<StoreException>(() => ArtifactCopy.CopyAsync(Open(), pulled, image.Descriptor.Digest, ["v1"], Cancel));
        Assert.Equal(StoreFailure.Damaged, error.Failure);
        Assert.Null(await pulled.ResolveAsync("v1", Cancel));
        Assert.False(await pulled.HasBlobAsync(image.Blobs[2], Cancel));

        var manifest = System.IO.File.ReadAllBytes(FileOf(image.Descriptor.Digest));
        manifest[4] ^= 1;
        System.IO.File.WriteAllBytes(FileOf(image.Descriptor.Digest), manifest);
        error = await Assert.ThrowsAsync<StoreException>(() => Open().GetManifestAsync("v1", Cancel));
        Assert.Equal(OfADamagedManifest, error.Failure);
    }

    [Fact]
    public async Task A_cut_off_blob_is_found()
    {
        var store = Open();
        var image = await PutImageAsync(store, Unique(), ["v1"]);
        var file = FileOf(image.Blobs[2].Digest);
        System.IO.File.WriteAllBytes(file, System.IO.File.ReadAllBytes(file)[..^3]);
        var error = await Assert.ThrowsAsync<StoreException>(() => ArtifactCopy.VerifyAsync(Open(), image.Descriptor.Digest, Cancel));
        Assert.Equal(StoreFailure.Damaged, error.Failure);
        Assert.False(await Open().HasAsync(image.Descriptor.Digest, Cancel));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("a b")]
    public async Task A_name_that_is_no_tag_never_reaches_the_store(string tag) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Open().ResolveAsync(tag, Cancel));
}
