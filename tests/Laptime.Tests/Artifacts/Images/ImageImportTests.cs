using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;
using static Laptime.Tests.Artifacts.Images.ImageParts;

namespace Laptime.Tests.Artifacts.Images;

public sealed class ImageImportTests : IDisposable
{
    private const string Wanted = "linux/amd64";
    private static readonly byte[] Config = ImageParts.Config(Wanted, Layer, Second);
    private static readonly byte[] Plain = ImageParts.Manifest(Config, Layer, Second);
    private readonly TemporaryFolder folder = new();
    private readonly OciLayoutStore store;

    public ImageImportTests() => store = new OciLayoutStore(folder.At("store"), TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task An_oci_archive_keeps_its_digest_and_every_byte_of_its_layers()
    {
        var image = await Import(("oci-layout", "{}"u8.ToArray()), ("index.json", Index(Entry(Plain, null))), File(Plain), File(Config), File(Layer), File(Second));
        Assert.Equal(Digest.Of(Plain), image);
        await Holds(Layer, Second, Config);
    }

    [Fact]
    public async Task The_older_docker_archive_becomes_a_manifest_of_the_same_layers_also_where_one_is_a_link_to_another()
    {
        var config = ImageParts.Config(Wanted, Layer, Second, Layer);
        var image = await Import(
            ("c0ffee/layer.tar", Layer), ("bee/layer.tar", Second), ("f00d/layer.tar", "-> ../c0ffee/layer.tar"u8.ToArray()), ("c.json", config),
            ("manifest.json", """[{"Config":"c.json","RepoTags":null,"Layers":["c0ffee/layer.tar","bee/layer.tar","f00d/layer.tar"]}]"""u8.ToArray()));
        var manifest = (await store.GetManifestAsync(image, Cancel))!.ToManifest();
        Assert.Equal([Digest.Of(Layer), Digest.Of(Second), Digest.Of(Layer)], manifest.Layers.Select(l => l.Digest));
        Assert.Equal(Digest.Of(config), manifest.Config.Digest);
        Assert.Equal(image, Digest.Of(ImageParts.Manifest(config, Layer, Second, Layer)));
        // Whiteouts are files like any other: only the bytes of the layer count.
        await Holds(Layer, Second, config);
    }

    [Fact]
    public async Task A_gzipped_archive_and_a_folder_give_the_same_image()
    {
        (string Name, byte[] Content)[] files = [("index.json", Index(Entry(Plain, Wanted))), File(Plain), File(Config), File(Layer), File(Second)];
        var path = Archive(folder, files);
        var gzipped = folder.At("g", "image.tar.gz");
        Directory.CreateDirectory(folder.At("g"));
        await using (var zip = new GZipStream(System.IO.File.Create(gzipped), CompressionLevel.Fastest))
        {
            await zip.WriteAsync(System.IO.File.ReadAllBytes(path), Cancel);
        }

        foreach (var (name, content) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.At("layout", name))!);
            System.IO.File.WriteAllBytes(folder.At("layout", name), content);
        }

        Assert.Equal(Digest.Of(Plain), await Store(gzipped));
        Assert.Equal(Digest.Of(Plain), await Store(folder.At("layout")));
    }

    [Fact]
    public async Task Of_a_list_the_one_for_the_platform_is_taken_and_attestations_are_none()
    {
        var arm = ImageParts.Manifest(ImageParts.Config("linux/arm64", Second), Second);
        var attestation = ImageParts.Manifest("{}"u8.ToArray(), Second);
        var list = Index(Entry(arm, "linux/arm64"), Entry(Plain, Wanted),
            Entry(attestation, "unknown/unknown", more: ""","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"""));
        var image = await Import(
            ("index.json", Index(Entry(list, null, StoredManifest.IndexType))), File(list), File(Plain), File(Config), File(Layer), File(Second));
        Assert.Equal(Digest.Of(Plain), image);
    }

    [Fact]
    public async Task A_list_without_the_platform_is_refused_with_what_it_has()
    {
        var arm = ImageParts.Manifest(ImageParts.Config("linux/arm64", Second), Second);
        var e = await Assert.ThrowsAsync<FaultException>(() => Import(("index.json", Index(Entry(arm, "linux/arm64"), Entry(Plain, "linux/s390x"))), File(arm), File(Plain)));
        Assert.Equal("the built image holds no image for linux/amd64, only for linux/arm64, linux/s390x", e.Fault.What);
    }

    [Fact]
    public async Task Two_images_for_one_platform_are_refused()
    {
        var other = ImageParts.Manifest(ImageParts.Config(Wanted, Second), Second);
        var e = await Assert.ThrowsAsync<FaultException>(() => Import(("index.json", Index(Entry(other, Wanted), Entry(Plain, Wanted)))));
        Assert.Contains("several images for linux/amd64", e.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_for_another_platform_is_refused_even_where_its_index_is_silent()
    {
        var config = ImageParts.Config("linux/arm64", Second);
        var arm = ImageParts.Manifest(config, Second);
        var e = await Assert.ThrowsAsync<FaultException>(() => Import(("index.json", Index(Entry(arm, null))), File(arm), File(config), File(Second)));
        Assert.Equal("the built image is for linux/arm64, not for linux/amd64", e.Fault.What);
    }

    [Theory]
    [InlineData("a blob with other bytes")]
    [InlineData("a missing blob")]
    [InlineData("a manifest with other bytes")]
    [InlineData("no image at all")]
    [InlineData("no tar at all")]
    [InlineData("an index that is no JSON")]
    [InlineData("two images in one archive")]
    public async Task What_is_damaged_is_never_stored(string how)
    {
        var wrong = (byte[])Layer.Clone();
        wrong[600] ^= 1;
        var path = how switch
        {
            "a blob with other bytes" => Archive(folder, ("index.json", Index(Entry(Plain, null))), File(Plain), File(Config), (File(Layer).Item1, wrong), File(Second)),
            "a missing blob" => Archive(folder, ("index.json", Index(Entry(Plain, null))), File(Plain), File(Config), File(Layer)),
            "a manifest with other bytes" => Archive(folder, ("index.json", Index(Entry(Plain, null))), (File(Plain).Item1, [.. Plain, (byte)' ']), File(Config), File(Layer), File(Second)),
            "no image at all" => Archive(folder, ("a", "b"u8.ToArray())),
            "an index that is no JSON" => Archive(folder, ("index.json", "{"u8.ToArray())),
            "two images in one archive" => Archive(folder, ("manifest.json", """[{"Config":"c","Layers":[]},{"Config":"d","Layers":[]}]"""u8.ToArray())),
            _ => folder.File("x/image.tar", string.Concat(Enumerable.Repeat("no tar ", 400))),
        };
        var e = await Assert.ThrowsAnyAsync<FaultException>(() => Store(path));
        Assert.Equal(Outcome.BuildFailed, e.Fault.Outcome);
        Assert.Null(await store.FindAsync(Digest.Of("f"), Cancel));
        Assert.False(Directory.Exists(Path.GetDirectoryName(path)), "what the tool left is removed");
    }

    [Fact]
    public async Task The_times_of_a_stamped_image_are_taken_out_of_its_config_and_its_own_layer()
    {
        var digests = new List<Digest>();
        foreach (var (time, own) in new[] { ("2026-11-21T10:00:00.5Z", Stamped(1, "app/b", "app/a")), ("2026-11-22T11:11:11Z", Zipped(Stamped(2, "app/a", "app/b"))) })
        {
            var plain = Encoding.UTF8.GetString(ImageParts.Config(Wanted, Layer, own)).Replace("2026-11-21T10:00:00.5Z", time, StringComparison.Ordinal);
            var config = Encoding.UTF8.GetBytes(plain.Replace("\"now\"", $"\"{time}\"", StringComparison.Ordinal));
            var manifest = ImageParts.Manifest(config, Layer, own);
            digests.Add(await Store(Archive(folder, ("index.json", Index(Entry(manifest, null))), File(manifest), File(config), File(Layer), File(own)), stamped: true));
        }

        var stored = (await store.GetManifestAsync(Assert.Single(digests.Distinct()), Cancel))!.ToManifest();
        Assert.Equal(Digest.Of(Layer), stored.Layers[0].Digest);
        var made = await store.ReadBlobAsync(stored.Config, 1 << 20, Cancel);
        Assert.Equal(stored.Layers.Select(l => l.Digest.ToString()), ImageConfig.DiffIds(made));
        using var unstamped = JsonDocument.Parse(made);
        Assert.Equal("1970-01-01T00:00:00Z", unstamped.RootElement.GetProperty("created").GetString());
        Assert.Equal("""{"k":"v"}""", unstamped.RootElement.GetProperty("config").GetProperty("Labels").GetRawText());
        Assert.Equal(2, unstamped.RootElement.GetProperty("history").GetArrayLength());

        var entries = new List<string>();
        await using var tar = new System.Formats.Tar.TarReader(await store.OpenBlobAsync(stored.Layers[1], Cancel));
        while (await tar.GetNextEntryAsync(copyData: true, Cancel) is { } entry)
        {
            entries.Add($"{entry.EntryType} {entry.Name} {Convert.ToString((int)entry.Mode, 8)} {entry.ModificationTime.ToUnixTimeSeconds()} {entry.LinkName} {(entry.DataStream is { } data ? new StreamReader(data).ReadToEnd() : "")}".TrimEnd());
        }

        Assert.Equal(["Directory app 750 0", "RegularFile app/a 755 0  app/a", "RegularFile app/b 755 0  app/b", "SymbolicLink app/link 777 0 a"], entries);
    }

    /// <summary>A layer as the .NET SDK writes it: in the order of a listing, with the times of the files.</summary>
    private static byte[] Stamped(int time, params string[] files)
    {
        using var buffer = new MemoryStream();
        using (var tar = new System.Formats.Tar.TarWriter(buffer, System.Formats.Tar.TarEntryFormat.Pax, leaveOpen: true))
        {
            var at = DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000 + time);
            tar.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.Directory, "app/") { ModificationTime = at, Mode = (UnixFileMode)0b111_101_000 });
            foreach (var name in files)
            {
                tar.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, name)
                {
                    ModificationTime = at, Mode = (UnixFileMode)0b111_101_101, DataStream = new MemoryStream(Encoding.UTF8.GetBytes(name)),
                });
            }

            tar.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.SymbolicLink, "app/link") { LinkName = "a", ModificationTime = at, Mode = (UnixFileMode)0b111_111_111 });
        }

        return buffer.ToArray();
    }

    private static byte[] Zipped(byte[] bytes)
    {
        using var buffer = new MemoryStream();
        using (var zip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(bytes);
        }

        return buffer.ToArray();
    }

    [Fact]
    public async Task What_was_imported_is_written_as_an_archive_that_imports_as_the_same()
    {
        var image = await Import(("index.json", Index(Entry(Plain, Wanted))), File(Plain), File(Config), File(Layer), File(Second));
        var path = folder.At("again", "image.tar");
        Directory.CreateDirectory(folder.At("again"));
        await using (var file = System.IO.File.Create(path))
        {
            Assert.Equal(Digest.Of(Config), await ImageArchive.WriteAsync(store, image, "shop/web:1", file, Cancel));
        }

        var other = new OciLayoutStore(folder.At("other"), TimeProvider.System);
        Assert.Equal(image, await ImageImport.StoreAsync(other, new BuiltImage.Archive(path, Wanted, false), [], Cancel));
    }

    [Fact]
    public async Task Layers_that_the_engine_has_are_named_in_the_archive_and_their_bytes_left_out()
    {
        var image = await Import(("index.json", Index(Entry(Plain, Wanted))), File(Plain), File(Config), File(Layer), File(Second));
        async Task<List<string>> NamesAsync(int present)
        {
            using var archive = new MemoryStream();
            await ImageArchive.WriteAsync(store, image, "shop/web:1", present, archive, Cancel);
            archive.Position = 0;
            var names = new List<string>();
            using var tar = new System.Formats.Tar.TarReader(archive);
            while (await tar.GetNextEntryAsync(copyData: true, Cancel) is { } entry)
            {
                names.Add(entry.Name);
                if (entry.Name == "manifest.json")
                {
                    Assert.Contains(Digest.Of(Layer).ToHex(), await new StreamReader(entry.DataStream!).ReadToEndAsync(Cancel), StringComparison.Ordinal);
                }
            }

            return names;
        }

        var (all, less) = (await NamesAsync(0), await NamesAsync(1));
        Assert.Equal(["blobs/sha256/" + Digest.Of(Layer).ToHex()], all.Except(less));
        Assert.Equal(["blobs/sha256/" + Digest.Of(Layer).ToHex(), "blobs/sha256/" + Digest.Of(Second).ToHex()], all.Except(await NamesAsync(2)));
    }

    [Fact]
    public async Task Files_are_no_image()
    {
        folder.File("a", "1");
        var files = await store.StoreAsync([Laptime.Building.OutputFile.Read("a", folder.At("a"))], Digest.None, Cancel);
        var e = await Assert.ThrowsAsync<FaultException>(() => ImageArchive.WriteAsync(store, files, null, new MemoryStream(), Cancel));
        Assert.Contains("is no image but files", e.Fault.What, StringComparison.Ordinal);
    }

    private Task<Digest> Import(params (string Name, byte[] Content)[] files) => Store(Archive(folder, files));

    private Task<Digest> Store(string path, bool stamped = false) =>
        new ImageStore(store, folder, folder.At("way"), new Laptime.Processes.ProcessRunner(TimeProvider.System), TimeProvider.System)
            .StoreAsync(new BuiltImage.Archive(path, Wanted, stamped), Digest.Of("f"), Cancel);

    private async Task Holds(params byte[][] blobs)
    {
        Assert.Equal(await store.FindAsync(Digest.Of("f"), Cancel), (await store.GetManifestAsync(ArtifactStore.TagOf(Digest.Of("f")), Cancel))!.Descriptor.Digest);
        foreach (var blob in blobs)
        {
            Assert.Equal(blob, await store.ReadBlobAsync(Blob("", blob), 1 << 20, Cancel));
        }
    }
}
