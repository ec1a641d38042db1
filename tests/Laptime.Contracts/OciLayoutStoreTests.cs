using System.Formats.Tar;
using System.Text;
using System.Text.Json;
using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Contracts;

/// <summary>Alone, because one test measures the memory of the whole process.</summary>
[CollectionDefinition(nameof(OciLayoutStoreTests), DisableParallelization = true)]
[Collection(nameof(OciLayoutStoreTests))]
public sealed class OciLayoutStoreTests : ArtifactStoreContract
{
    private string Root => Path.Combine(Folder, "store");

    protected override ArtifactStore Open() => Layout();

    private OciLayoutStore Layout() => new(Root, TimeProvider.System);

    private string Blob(Digest digest) => Path.Combine(Root, "blobs", "sha256", digest.ToHex());

    protected override string FileOf(Digest digest) => Blob(digest);

    [Fact]
    public async Task Images_beside_components_are_listed_as_what_they_are()
    {
        await Layout().StoreAsync([File("a", "1")], Digest.Of("f"), Cancel);
        var image = await PutImageAsync(Layout(), "x", ["v1"]);
        var index = await PutIndexAsync(Layout(), ["all"], image);
        using var json = JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(Root, "index.json")));
        var entries = json.RootElement.GetProperty("manifests").EnumerateArray()
            .ToDictionary(e => e.GetProperty("annotations").GetProperty("org.opencontainers.image.ref.name").GetString()!);
        Assert.Equal(3, entries.Count);
        Assert.False(entries["v1"].TryGetProperty("artifactType", out _));
        Assert.Equal(StoredManifest.IndexType, entries["all"].GetProperty("mediaType").GetString());
        Assert.Equal(index.Descriptor.Digest.ToString(), entries["all"].GetProperty("digest").GetString());
        Assert.Equal(OciManifest.ComponentType, entries[ArtifactStore.TagOf(Digest.Of("f"))].GetProperty("artifactType").GetString());
        Assert.True(await Layout().HasAsync(index.Descriptor.Digest, Cancel));
    }

    [Fact]
    public async Task What_an_image_is_survives_the_pending_tags_of_a_large_index()
    {
        var store = Layout();
        var artifact = await store.StoreAsync([File("a", "1")], Digest.Of("first"), Cancel);
        while (new FileInfo(Path.Combine(Root, "index.json")).Length < 64 << 10)
        {
            await store.TagAsync(Digest.Of($"{Guid.NewGuid()}"), artifact, Cancel);
        }

        var image = await PutImageAsync(store, "x", ["v1"]);
        Assert.True(System.IO.File.Exists(Path.Combine(Root, "index.pending")));
        await store.FoldAsync(Cancel);
        var entry = (await store.EntriesAsync(Cancel)).Single(e => e.Tag == "v1");
        Assert.Equal(image.Descriptor, entry.Manifest);
    }

    [Fact]
    public async Task Another_tool_s_layout_is_read_without_a_change_in_it()
    {
        // As `docker buildx` and .NET's own publish write it: an entry without a name, one with a name that is no tag.
        var image = await PutImageAsync(Elsewhere("source"), "x", ["v1"]);
        var folder = Path.Combine(Folder, "source");
        Directory.Delete(Path.Combine(folder, "tags"), recursive: true);
        Directory.Delete(Path.Combine(folder, "tmp"), recursive: true);
        var entry = $$"""{"mediaType":"{{OciManifest.MediaType}}","digest":"{{image.Descriptor.Digest}}","size":{{image.Descriptor.Size}}""";
        System.IO.File.WriteAllText(Path.Combine(folder, "index.json"), $$"""
            {"schemaVersion":2,"manifests":[{{entry}}},{{entry}},"annotations":{"org.opencontainers.image.ref.name":"docker.io/library/x:latest"} },
            {{entry}},"annotations":{"org.opencontainers.image.ref.name":"v1"} },{"mediaType":"x/y","digest":"sha512:00","size":1}]}
            """);
        var before = Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order().ToList();
        var source = Elsewhere("source");
        Assert.Equal([null, "docker.io/library/x:latest", "v1"], (await source.EntriesAsync(Cancel)).Select(e => e.Tag));
        Assert.Equal(["v1"], await source.ListTagsAsync(Cancel));
        Assert.Equal(image.Descriptor, await source.ResolveAsync("v1", Cancel));
        await ArtifactCopy.CopyAsync(source, Layout(), image.Descriptor.Digest, ["mine"], Cancel);
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order());
        Assert.True(await Layout().HasAsync(image.Descriptor.Digest, Cancel));
    }

    [Fact]
    public async Task What_was_found_damaged_is_replaced_by_the_next_writer_and_stays_until_then()
    {
        var store = Layout();
        var image = await PutImageAsync(store, "x", ["v1"]);
        var layer = image.Blobs[2];
        var right = System.IO.File.ReadAllBytes(Blob(layer.Digest));
        System.IO.File.WriteAllBytes(Blob(layer.Digest), [.. right.Reverse()]);
        await Assert.ThrowsAsync<StoreException>(() => ArtifactCopy.VerifyAsync(store, image.Descriptor.Digest, Cancel));
        Assert.True(System.IO.File.Exists(Blob(layer.Digest)));
        Assert.False(await store.HasAsync(image.Descriptor.Digest, Cancel));
        Assert.True(await store.PutBlobAsync(layer, Content(right), Cancel));
        Assert.True(await store.HasAsync(image.Descriptor.Digest, Cancel));
        await ArtifactCopy.VerifyAsync(store, image.Descriptor.Digest, Cancel);
    }

    [Fact]
    public async Task It_lists_its_blobs_with_their_sizes()
    {
        Assert.Empty(Layout().Blobs());
        var image = await PutImageAsync(Layout(), "x", ["v1"]);
        var blobs = Layout().Blobs().ToDictionary(b => b.Digest);
        Assert.Equal(4, blobs.Count);
        Assert.All(image.Blobs.Append(image.Descriptor), b => Assert.Equal(b.Size, blobs[b.Digest].Size));
        Assert.True(await Layout().RemoveBlobAsync(image.Blobs[0].Digest, Cancel));
        Assert.False(await Layout().RemoveBlobAsync(image.Blobs[0].Digest, Cancel));
    }

    [Fact]
    public async Task It_is_an_image_layout_that_other_tools_read()
    {
        var fingerprint = Digest.Of("f");
        var artifact = await Layout().StoreAsync([File("a", "1")], fingerprint, Cancel);
        Assert.Equal("""{"imageLayoutVersion":"1.0.0"}""", System.IO.File.ReadAllText(Path.Combine(Root, "oci-layout")));
        using var index = JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(Root, "index.json")));
        var entry = Assert.Single(index.RootElement.GetProperty("manifests").EnumerateArray());
        Assert.Equal(artifact.ToString(), entry.GetProperty("digest").GetString());
        Assert.Equal(new FileInfo(Blob(artifact)).Length, entry.GetProperty("size").GetInt64());
        Assert.Equal($"fp-{fingerprint.ToHex()}", entry.GetProperty("annotations").GetProperty("org.opencontainers.image.ref.name").GetString());

        using var manifest = JsonDocument.Parse(System.IO.File.ReadAllText(Blob(artifact)));
        Assert.Equal("application/vnd.laptime.component.v1", manifest.RootElement.GetProperty("artifactType").GetString());
        Assert.Equal("application/vnd.oci.empty.v1+json", manifest.RootElement.GetProperty("config").GetProperty("mediaType").GetString());
        var layer = Assert.Single(manifest.RootElement.GetProperty("layers").EnumerateArray());
        Assert.True(System.IO.File.Exists(Blob(Digest.Parse(layer.GetProperty("digest").GetString()!))));
        // The content is fixed for ever: another digest here means that every stored artifact is lost.
        Assert.Equal("sha256:3276dec3725ea1b365d22be945a0cbd9fe599faf7ceec9108b3d34fc11301d9e", artifact.ToString());
    }

    [Fact]
    public async Task Thousands_of_tags_stay_cheap_and_reach_the_index_when_folded()
    {
        var store = Layout();
        var artifact = await store.StoreAsync([File("a", "1")], Digest.Of("first"), Cancel);
        for (var i = 0; i < 1000; i++)
        {
            await store.TagAsync(Digest.Of($"{i}"), artifact, Cancel);
        }

        Assert.Equal(artifact, await store.FindAsync(Digest.Of("999"), Cancel));
        var written = new FileInfo(Path.Combine(Root, "index.json")).LastWriteTimeUtc;
        await store.TagAsync(Digest.Of("one more"), artifact, Cancel);
        Assert.Equal(written, new FileInfo(Path.Combine(Root, "index.json")).LastWriteTimeUtc);
        await store.FoldAsync(Cancel);
        using var index = JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(Root, "index.json")));
        Assert.Equal(1002, index.RootElement.GetProperty("manifests").GetArrayLength());
        await store.UntagAsync(Digest.Of("5"), Cancel);
        Assert.DoesNotContain(Digest.Of("5").ToHex(), System.IO.File.ReadAllText(Path.Combine(Root, "index.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tags_of_a_layout_that_another_tool_copied_are_taken_over()
    {
        var artifact = await Layout().StoreAsync([File("a", "1")], Digest.Of("f"), Cancel);
        Directory.Delete(Path.Combine(Root, "tags"), recursive: true);
        Directory.Delete(Path.Combine(Root, "tmp"), recursive: true);
        await Layout().StoreAsync([File("b", "1")], Digest.Of("g"), Cancel);
        Assert.Equal(artifact, await Layout().FindAsync(Digest.Of("f"), Cancel));
    }

    [Fact]
    public async Task Damaged_content_is_refused_named_and_built_again()
    {
        var artifact = await Layout().StoreAsync([File("a", "1234")], Digest.Of("f"), Cancel);
        var layer = OciManifest.Parse(System.IO.File.ReadAllBytes(Blob(artifact))).Layers[0].Digest;
        var bytes = System.IO.File.ReadAllBytes(Blob(layer));
        bytes[512] ^= 1;
        System.IO.File.WriteAllBytes(Blob(layer), bytes);
        var error = await Assert.ThrowsAnyAsync<FaultException>(() => Layout().UnpackAsync(artifact, Target("x"), Cancel));
        Assert.Contains(layer.Short, error.Fault.What, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Target("x")));
        Assert.Null(await Layout().FindAsync(Digest.Of("f"), Cancel));
        await Layout().StoreAsync([File("a", "1234")], Digest.Of("f"), Cancel);
        await Layout().UnpackAsync(artifact, Target("x"), Cancel);
    }

    [Fact]
    public async Task A_missing_layer_means_not_found()
    {
        var artifact = await Layout().StoreAsync([File("a", "1")], Digest.Of("f"), Cancel);
        System.IO.File.Delete(Blob(OciManifest.Parse(System.IO.File.ReadAllBytes(Blob(artifact))).Layers[0].Digest));
        Assert.Null(await Layout().FindAsync(Digest.Of("f"), Cancel));
        Assert.False(await Layout().HasAsync(artifact, Cancel));
    }

    [Fact]
    public async Task What_a_killed_writer_left_is_cleaned_up_and_disturbs_nobody()
    {
        await Layout().StoreAsync([File("a", "1")], Digest.None, Cancel);
        var left = Path.Combine(Root, "tmp", "left");
        System.IO.File.WriteAllText(left, "half");
        System.IO.File.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-1));
        var busy = Path.Combine(Root, "tmp", "busy");
        using var writer = new FileStream(busy, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        System.IO.File.SetLastWriteTimeUtc(busy, DateTime.UtcNow.AddHours(-1));
        Directory.CreateDirectory(Target("x") + ".part");
        System.IO.File.WriteAllText(Path.Combine(Target("x") + ".part", "half"), "");
        var artifact = await Layout().StoreAsync([File("a", "2")], Digest.None, Cancel);
        Assert.False(System.IO.File.Exists(left));
        Assert.True(System.IO.File.Exists(busy));
        await Layout().UnpackAsync(artifact, Target("x"), Cancel);
        Assert.Equal(["a"], Directory.EnumerateFileSystemEntries(Target("x")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_full_disk_is_a_clear_fault_and_leaves_no_half_artifact()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "mounting a small file system takes root on Linux");
        Directory.CreateDirectory(Root);
        Mount("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", Root);
        try
        {
            using var store = Layout();
            var small = await store.StoreAsync([File("a", "1")], Digest.Of("small"), Cancel);
            var error = await Assert.ThrowsAnyAsync<FaultException>(() => store.StoreAsync([File("big", new string('x', 3 << 20))], Digest.Of("big"), Cancel));
            Assert.Contains("No space left", error.Fault.What, StringComparison.Ordinal);
            Assert.Contains("disk space", error.Fault.Mend, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(Root, "tmp")));
            Assert.Null(await store.FindAsync(Digest.Of("big"), Cancel));
            Assert.Equal(small, await store.FindAsync(Digest.Of("small"), Cancel));
            var blob = new Descriptor("application/octet-stream", Digest.Of(new byte[3 << 20]), 3 << 20);
            var pulled = await Assert.ThrowsAsync<StoreException>(() => store.PutBlobAsync(blob, Content(new byte[3 << 20]), Cancel));
            Assert.Equal(StoreFailure.Local, pulled.Failure);
            Assert.Contains("disk space", pulled.Fault.Mend, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(Root, "tmp")));
            Assert.False(await store.HasBlobAsync(blob, Cancel));
        }
        finally
        {
            Mount("umount", Root);
        }
    }

    public static TheoryData<string> HostileArchives => ["absolute", "climbing", "through a link", "link out", "absolute link", "hard link", "device", "pipe", "twice", "file as folder"];

    [Theory]
    [MemberData(nameof(HostileArchives))]
    public async Task A_hostile_archive_is_refused_and_nothing_is_left(string kind)
    {
        var layout = Layout();
        await layout.StoreAsync([], Digest.None, Cancel);
        var tar = new MemoryStream();
        await using (var writer = new System.Formats.Tar.TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            void Add(TarEntryType type, string name, string? link = null)
            {
                var entry = new PaxTarEntry(type, name);
                if (link is not null)
                {
                    entry.LinkName = link;
                }
                else if (type is TarEntryType.RegularFile)
                {
                    entry.DataStream = new MemoryStream(Encoding.ASCII.GetBytes("evil"));
                }

                writer.WriteEntry(entry);
            }

            Add(TarEntryType.RegularFile, "good");
            switch (kind)
            {
                case "absolute": Add(TarEntryType.RegularFile, $"{Folder}/evil"); break;
                case "climbing": Add(TarEntryType.RegularFile, "a/../../evil"); break;
                case "through a link": Add(TarEntryType.SymbolicLink, "d", "."); Add(TarEntryType.RegularFile, "d/evil"); break;
                case "link out": Add(TarEntryType.SymbolicLink, "d", ".."); break;
                case "absolute link": Add(TarEntryType.SymbolicLink, "d", Folder); break;
                case "hard link": Add(TarEntryType.HardLink, "d", "good"); break;
                case "device": Add(TarEntryType.CharacterDevice, "d"); break;
                case "pipe": Add(TarEntryType.Fifo, "d"); break;
                case "twice": Add(TarEntryType.RegularFile, "good"); break;
                case "file as folder": Add(TarEntryType.RegularFile, "good/evil"); break;
            }
        }

        var bytes = tar.ToArray();
        System.IO.File.WriteAllBytes(Blob(Digest.Of(bytes)), bytes);
        var manifest = OciManifest.OfFiles(new Descriptor(OciManifest.LayerType, Digest.Of(bytes), bytes.Length)).ToBytes();
        System.IO.File.WriteAllBytes(Blob(Digest.Of(manifest)), manifest);

        var error = await Assert.ThrowsAnyAsync<FaultException>(() => layout.UnpackAsync(Digest.Of(manifest), Target("x"), Cancel));
        Assert.Contains("unsafe", error.Fault.What, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Target("x")));
        Assert.False(Directory.Exists(Target("x") + ".part"));
        Assert.Empty(Directory.EnumerateFiles(Folder, "evil", SearchOption.AllDirectories));
    }

    private static void Mount(params string[] command)
    {
        using var process = System.Diagnostics.Process.Start(command[0], command[1..]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
