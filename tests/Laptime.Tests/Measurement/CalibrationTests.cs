using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Processes;

namespace Laptime.Tests.Measurement;

public sealed class CalibrationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_kind_takes_time_and_nothing_is_left_behind()
    {
        using var folder = new TemporaryFolder();
        var calibration = new Calibration(new ProcessRunner(TimeProvider.System), TimeProvider.System, folder);
        for (var i = 0; i < 2; i++)
        {
            var sample = await calibration.MeasureAsync(Cancel);
            Assert.True(sample is { CpuSeconds: > 0, SpawnSeconds: > 0, DiskSeconds: > 0 }, sample.ToString());
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Fact]
    public async Task What_a_killed_lap_left_is_swept_and_what_a_living_one_writes_is_not()
    {
        using var folder = new TemporaryFolder();
        folder.File("calibration-2147483646/3", "left");
        folder.File("calibration-1/3", "of a living one");
        await new Calibration(new ProcessRunner(TimeProvider.System), TimeProvider.System, folder).MeasureAsync(Cancel);
        Assert.Equal(["calibration-1"], Directory.EnumerateDirectories(folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_a_fault_in_words()
    {
        using var folder = new TemporaryFolder();
        folder.File($"calibration-{Environment.ProcessId}", "in the way");
        var fault = await Assert.ThrowsAsync<FaultException>(() => new Calibration(new ProcessRunner(TimeProvider.System), TimeProvider.System, folder).MeasureAsync(Cancel));
        Assert.Contains("calibration", fault.Fault.What, StringComparison.Ordinal);
        Assert.NotNull(fault.Fault.Mend);
    }

    [Fact]
    public async Task It_can_be_interrupted()
    {
        using var folder = new TemporaryFolder();
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new Calibration(new ProcessRunner(TimeProvider.System), TimeProvider.System, folder).MeasureAsync(source.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }
}
