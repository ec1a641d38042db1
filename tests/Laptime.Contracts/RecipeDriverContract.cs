using System.Formats.Tar;
using System.Text;
using Laptime.Foundations;
using Laptime.Recipes;
using Laptime.Timing;

namespace Laptime.Contracts;

/// <summary>What holds for every driver of recipes. The recipe has one service that mounts one volume, and two versions that differ in what they say they are.</summary>
public abstract class RecipeDriverContract
{
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The main service.</summary>
    protected abstract string Service { get; }

    protected abstract string Volume { get; }

    protected abstract PlacedVersion Old { get; }

    protected abstract PlacedVersion New { get; }

    /// <summary>A version whose service says something and ends, again and again.</summary>
    protected abstract PlacedVersion Dying { get; }

    /// <summary>What <see cref="Dying"/> says last.</summary>
    protected abstract string LastWords { get; }

    /// <summary>A driver of the test's own deployment, new each time: it knows nothing that the target does not.</summary>
    protected abstract Task<RecipeDriver> OpenAsync();

    /// <summary>Changes the deployment in place as somebody else would, and is back when that has come to rest.</summary>
    protected abstract Task ChangeBehindAsync();

    /// <summary>A command that prints a variable which the recipe gives its service.</summary>
    protected abstract IReadOnlyList<string> PrintVariable { get; }

    protected abstract string VariableValue { get; }

    [Fact]
    public async Task What_a_version_says_is_read_without_anything_running()
    {
        await using var driver = await OpenAsync();
        var facts = driver.Read(New);
        Assert.Equal(Service, facts.Main);
        Assert.Contains(facts.Services, s => s.Name == Service && s.Volumes.Contains(Volume));
        Assert.Equal([Volume], facts.Volumes);
        Assert.Empty(await driver.ListAsync(Cancel));
    }

    [Fact]
    public async Task An_update_in_place_keeps_the_volume_and_shows_in_the_picture_and_in_the_targets_own_count()
    {
        await using var driver = await OpenAsync();
        await driver.AttachAsync(Cancel);
        await driver.AttachAsync(Cancel);
        var segments = await InstallAsync(driver, Old);
        Assert.Contains(segments, s => s.Name == "apply");
        Assert.All(segments, s => Assert.NotNull(s.Seconds));
        var before = await driver.ObserveAsync(Cancel);
        var service = Assert.Single(before.Services);
        Assert.True(service.Stands, service.Detail);
        Assert.Equal((Service, 1, 0, false), (service.Name, service.Instances.Count, service.Restarts, service.WentBack));
        Assert.Equal(driver.Read(Old).Version, before.Version);
        Assert.NotNull(before.Url);
        Assert.Equal([Volume], service.Volumes);
        Assert.Equal(Volume, Assert.Single(before.Volumes).Name);
        Same(before, await driver.ObserveAsync(Cancel));
        Counted(await driver.CountAsync(Cancel), 1, 0, 0);

        var said = await driver.ExecAsync(Service, PrintVariable, Cancel);
        Assert.Equal(0, said.ExitCode);
        Assert.Contains(said.Output, l => l.Contains(VariableValue, StringComparison.Ordinal));
        Assert.NotEmpty(await driver.LogsAsync(Service, 10, Cancel));

        await PutAsync(driver, "kept/deep.txt", "one");
        await PutAsync(driver, "top.txt", "two");
        await InstallAsync(driver, New);
        var after = await driver.ObserveAsync(Cancel);
        Assert.Equal(driver.Read(New).Version, after.Version);
        Assert.NotEqual(before.Find(Service)!.Spec, after.Find(Service)!.Spec);
        Assert.NotEqual(before.Find(Service)!.Instances, after.Find(Service)!.Instances);
        Assert.Equal(before.Volumes, after.Volumes);
        Counted(await driver.CountAsync(Cancel), 1, 1, 0);

        var files = await GetAsync(driver, null);
        Assert.Equal(("one", "two"), (files["kept/deep.txt"], files["top.txt"]));
        Assert.Equal(["kept/deep.txt"], (await GetAsync(driver, ["kept"])).Keys);
        Assert.Equal("two", Assert.Single(await GetAsync(driver, ["top.txt"])).Value);
        await driver.DeleteAsync(Volume, "top.txt", Cancel);
        await Assert.ThrowsAsync<FaultException>(() => GetAsync(driver, ["top.txt"]));
        Assert.Null(await driver.StandAsync(New, Timeline([]), null, Cancel));

        await driver.RemoveAsync(force: true, Cancel);
        Assert.Empty(await driver.ListAsync(Cancel));
        Counted(await driver.CountAsync(Cancel), 1, 1, 1);
        await driver.RemoveAsync(force: true, Cancel);
        Counted(await driver.CountAsync(Cancel), 1, 1, 1);
    }

    [Fact]
    public async Task A_change_behind_the_back_is_one_more_update_and_whoever_never_saw_the_deployment_removes_it()
    {
        await using (var driver = await OpenAsync())
        {
            await driver.AttachAsync(Cancel);
            await InstallAsync(driver, Old);
            var before = await driver.ObserveAsync(Cancel);
            await ChangeBehindAsync();
            Counted(await driver.CountAsync(Cancel), 1, 1, 0);
            var after = await driver.ObserveAsync(Cancel);
            Assert.NotEqual((before.Find(Service)!.Spec, string.Join(' ', before.Find(Service)!.Instances)), (after.Find(Service)!.Spec, string.Join(' ', after.Find(Service)!.Instances)));
        }

        await using var later = await OpenAsync();
        Assert.NotEmpty(await later.ListAsync(Cancel));
        await later.RemoveAsync(force: false, Cancel);
        Assert.Empty(await later.ListAsync(Cancel));
    }

    [Fact]
    public async Task A_version_that_does_not_live_is_a_fault_with_its_last_words_and_is_removed_like_any_other()
    {
        await using var driver = await OpenAsync();
        await driver.AttachAsync(Cancel);
        await driver.PrepareAsync(Dying, Timeline([]), null, Cancel);
        var fault = await driver.ApplyAsync(Dying, Timeline([]), null, Cancel);
        Assert.NotNull(fault);
        Assert.True(fault.Outcome == Outcome.NotLive || fault.Outcome == Outcome.RolloutFailed || fault.Outcome == Outcome.NeverListened, fault.Outcome.Name);
        Assert.Contains(fault.Tail ?? [], l => l.Contains(LastWords, StringComparison.Ordinal));
        Assert.DoesNotContain((await driver.ObserveAsync(Cancel)).Services, s => s.Stands);
        await driver.RemoveAsync(force: true, Cancel);
        Assert.Empty(await driver.ListAsync(Cancel));
    }

    protected static Timeline Timeline(List<Segment> segments) => new(TimeProvider.System, s =>
    {
        if (s.Seconds is not null)
        {
            segments.Add(s);
        }
    });

    protected static async Task<IReadOnlyList<Segment>> InstallAsync(RecipeDriver driver, PlacedVersion version)
    {
        var segments = new List<Segment>();
        var timeline = Timeline(segments);
        await driver.PrepareAsync(version, timeline, null, Cancel);
        var fault = await driver.ApplyAsync(version, timeline, null, Cancel);
        Assert.True(fault is null, $"{fault?.What}\n{string.Join('\n', fault?.Tail ?? [])}");
        return segments;
    }

    protected static void Counted(TargetCount count, int installs, int updates, int removes) =>
        Assert.True((count.Installs, count.Updates, count.Removes) == (installs, updates, removes), $"{count.Installs} installs, {count.Updates} updates, {count.Removes} removes:\n{string.Join('\n', count.Evidence)}");

    private static void Same(Picture one, Picture other)
    {
        Assert.Equal(one.Volumes, other.Volumes);
        Assert.Equal((one.Version, one.Url), (other.Version, other.Url));
        Assert.Equal(one.Services.Select(s => (s.Name, s.Spec, s.Content, s.Stands, string.Join(' ', s.Instances))), other.Services.Select(s => (s.Name, s.Spec, s.Content, s.Stands, string.Join(' ', s.Instances))));
    }

    private async Task PutAsync(RecipeDriver driver, string path, string text)
    {
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) }, Cancel);
        }

        tar.Position = 0;
        await driver.PutAsync(Volume, tar, Cancel);
    }

    /// <summary>The files alone, by their paths in the volume.</summary>
    private async Task<Dictionary<string, string>> GetAsync(RecipeDriver driver, IReadOnlyList<string>? paths)
    {
        using var tar = new MemoryStream();
        await driver.GetAsync(Volume, paths, tar, Cancel);
        tar.Position = 0;
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var reader = new TarReader(tar);
        while (await reader.GetNextEntryAsync(copyData: true, Cancel) is { } entry)
        {
            if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile)
            {
                using var text = new StreamReader(entry.DataStream ?? Stream.Null);
                files[entry.Name] = await text.ReadToEndAsync(Cancel);
            }
        }

        return files;
    }
}
