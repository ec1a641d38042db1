using System.Formats.Tar;
using System.Text.Json;
using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Building;
using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;
using static Laptime.Tests.Artifacts.Images.ImageParts;

namespace Laptime.Tests.Artifacts.Images;

public sealed class LayeredImageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly OciLayoutStore store;

    public LayeredImageTests() => store = new OciLayoutStore(folder.At("store"), TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_bytes_follow_from_files_and_settings_alone()
    {
        folder.File("out/b", "2");
        TemporaryFolder.Executable(folder.File("out/a", "1"));
        var image = await StoreAsync(Settings("scratch") with { User = "1000", Port = 8080, Command = ["./a", "-v"], Labels = new Dictionary<string, string> { ["z"] = "1", ["b"] = "ü" } });
        var manifest = (await store.GetManifestAsync(image, Cancel))!.ToManifest();
        Assert.Equal(
            """{"created":"1970-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"User":"1000","Entrypoint":["./a","-v"],"WorkingDir":"/app","Labels":{"b":"ü","z":"1"},"ExposedPorts":{"8080/tcp":{}}},"""
            + $"\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{manifest.Layers[0].Digest}\"]}}," + """ "history":[{"created":"1970-01-01T00:00:00Z","created_by":"lap: outputs"}]}"""[1..],
            System.Text.Encoding.UTF8.GetString(await store.ReadBlobAsync(manifest.Config, 1 << 20, Cancel)));
        // Fixed for ever: another digest here means that every stored image is another one on every machine.
        Assert.Equal("sha256:2553f34829f1f1f2294de2c9a1901f2532125c72e2d939833781d5280eb1721c", image.ToString());

        var entries = new List<string>();
        await using var layer = await store.OpenBlobAsync(Assert.Single(manifest.Layers), Cancel);
        await using var tar = new TarReader(layer);
        while (await tar.GetNextEntryAsync(copyData: false, Cancel) is { } entry)
        {
            entries.Add($"{entry.Name} {Convert.ToString((int)entry.Mode, 8)} {entry.Uid} {entry.ModificationTime.ToUnixTimeSeconds()}");
        }

        Assert.Equal(["app/a 755 0 0", "app/b 644 0 0"], entries);
    }

    [Fact]
    public async Task A_base_gives_its_layers_and_what_is_not_said_otherwise()
    {
        var (at, on, config) = await BaseAsync("linux/amd64");
        folder.File("out/x", "1");
        var settings = Settings($"oci-layout:{at}@{on}") with { WorkDir = "/", Env = new Dictionary<string, string> { ["A"] = "own", ["B"] = "2" } };
        var image = (await store.GetManifestAsync(await StoreAsync(settings), Cancel))!.ToManifest();
        Assert.Equal([Digest.Of(Layer), Digest.Of(Second)], image.Layers.SkipLast(1).Select(l => l.Digest));
        using var made = JsonDocument.Parse(await store.ReadBlobAsync(image.Config, 1 << 20, Cancel));
        var own = made.RootElement.GetProperty("config");
        Assert.Equal(["PATH=/bin", "A=own", "B=2"], own.GetProperty("Env").EnumerateArray().Select(e => e.GetString()!));
        Assert.Equal("/bin/tool", own.GetProperty("Cmd")[0].GetString());
        Assert.Equal("v", own.GetProperty("Labels").GetProperty("k").GetString());
        Assert.Equal("/", own.GetProperty("WorkingDir").GetString());
        Assert.Equal([.. ImageConfig.DiffIds(config), image.Layers[^1].Digest.ToString()], ImageConfig.DiffIds(await store.ReadBlobAsync(image.Config, 1 << 20, Cancel)));
        Assert.Equal(3, made.RootElement.GetProperty("history").GetArrayLength());

        // A command of its own takes both halves of the base's away.
        var other = (await store.GetManifestAsync(await StoreAsync(settings with { Command = ["/x"] }), Cancel))!.ToManifest();
        using var second = JsonDocument.Parse(await store.ReadBlobAsync(other.Config, 1 << 20, Cancel));
        Assert.False(second.RootElement.GetProperty("config").TryGetProperty("Cmd", out _));
    }

    [Fact]
    public async Task Of_a_base_for_several_platforms_the_wanted_one_is_taken_and_kept()
    {
        var (at, amd, _) = await BaseAsync("linux/amd64");
        var (_, arm, _) = await BaseAsync("linux/arm64");
        var from = new OciLayoutStore(at, TimeProvider.System);
        var (amdBytes, armBytes) = ((await from.GetManifestAsync(amd, Cancel))!.Bytes, (await from.GetManifestAsync(arm, Cancel))!.Bytes);
        var list = StoredManifest.Read(Index(Entry(armBytes.ToArray(), "linux/arm64"), Entry(amdBytes.ToArray(), "linux/amd64")), null, "test");
        await from.PutManifestAsync(list, [], Cancel);
        folder.File("out/x", "1");
        var settings = Settings($"oci-layout:{at}@{list.Descriptor.Digest}");
        var image = await StoreAsync(settings);
        Assert.StartsWith("linux/amd64", ImageConfig.PlatformOf(await store.ReadBlobAsync((await store.GetManifestAsync(image, Cancel))!.ToManifest().Config, 1 << 20, Cancel)), StringComparison.Ordinal);
        Directory.Delete(at, recursive: true);
        Assert.Equal(image, await StoreAsync(settings));
    }

    [Fact]
    public async Task A_base_that_is_not_there_or_for_another_platform_is_told_before_anything_is_written()
    {
        var (at, on, _) = await BaseAsync("linux/arm64");
        folder.File("out/x", "1");
        var wrong = await Assert.ThrowsAsync<FaultException>(() => StoreAsync(Settings($"oci-layout:{at}@{on}")));
        Assert.EndsWith("is for linux/arm64, not for linux/amd64", wrong.Fault.What, StringComparison.Ordinal);
        var absent = await Assert.ThrowsAsync<FaultException>(() => StoreAsync(Settings($"oci-layout:{at}@{Digest.Of("nothing")}")));
        Assert.EndsWith("is not there", absent.Fault.What, StringComparison.Ordinal);
        var unknown = await Assert.ThrowsAsync<FaultException>(() => StoreAsync(Settings(Digest.Of("nothing").ToString())));
        Assert.Contains("oci-layout:FOLDER", unknown.Fault.Mend, StringComparison.Ordinal);
        Assert.Null(await store.FindAsync(Digest.Of("f"), Cancel));
    }

    private static ImageSettings Settings(string on) => new("Dockerfile", "", null) { Base = on };

    [Fact]
    public async Task The_root_of_an_image_becomes_its_working_directory_and_holds_every_output()
    {
        folder.File("out/a", "1");
        var plain = await StoreAsync(Settings("scratch") with { WorkDir = "/srv" });
        Assert.Equal(plain, await StoreAsync(Settings("scratch") with { WorkDir = "/srv", Root = "made/here" }, "made/here/"));
        Assert.NotEqual(plain, await StoreAsync(Settings("scratch") with { WorkDir = "/srv" }, "made/here/"));
        var beside = await Assert.ThrowsAsync<FaultException>(() => StoreAsync(Settings("scratch") with { Root = "made/here" }, "made/hereabouts/"));
        Assert.Equal("the output `made/hereabouts/a` does not lie in `made/here`, the image's `root`", beside.Fault.What);
    }

    private Task<Digest> StoreAsync(ImageSettings settings, string below = "")
    {
        var files = Directory.EnumerateFiles(folder.At("out")).Select(f => OutputFile.Read(below + Path.GetFileName(f), f)).ToList();
        return new ImageStore(store, folder, folder.At("way"), new ProcessRunner(TimeProvider.System), TimeProvider.System)
            .StoreAsync(new BuiltImage.Layered(settings, files, "linux/amd64"), Digest.Of("f"), Cancel);
    }

    private async Task<(string Folder, Digest Image, byte[] Config)> BaseAsync(string platform)
    {
        var at = folder.At("bases");
        var from = new OciLayoutStore(at, TimeProvider.System);
        var config = Config(platform, Layer, Second);
        foreach (var blob in (byte[][])[Layer, Second, config])
        {
            await from.PutBlobAsync("", blob, Cancel);
        }

        var manifest = StoredManifest.Read(Manifest(config, Layer, Second), null, "test");
        await from.PutManifestAsync(manifest, [], Cancel);
        return (at, manifest.Descriptor.Digest, config);
    }
}
