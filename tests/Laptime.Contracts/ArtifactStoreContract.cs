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
}
