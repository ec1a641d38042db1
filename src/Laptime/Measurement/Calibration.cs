using System.Runtime.CompilerServices;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Measurement;

/// <summary>What the fixed work took, each kind apart: says how fast the machine was at that moment, and nothing about what is deployed.</summary>
/// <param name="CpuSeconds">Arithmetic on one core.</param>
/// <param name="SpawnSeconds">Programs started one after the other, and waited for.</param>
/// <param name="DiskSeconds">Small files written (the last one through to the disk), read again and deleted.</param>
/// <param name="Work">Which work it was: samples of different work are never compared.</param>
public sealed record CalibrationSample(double CpuSeconds, double SpawnSeconds, double DiskSeconds, int Work = Calibration.CurrentWork);

/// <summary>
/// A fixed piece of CPU, process and disk work, done before and after every recorded run: what a deploy is made of, without the deploy. Deterministic in
/// what it does; only how long it takes differs, and that is the machine's doing.
/// </summary>
/// <param name="folder">An existing folder on the disk that the runs use; the files live in one of its own below it and are gone afterwards.</param>
public sealed class Calibration(ProcessRunner runner, TimeProvider clock, string folder)
{
    /// <summary>Changes whenever the work below does.</summary>
    public const int CurrentWork = 1;

    private const int Rounds = 6_000_000;
    private const int Programs = 6;
    private const int Files = 32;
    private const int FileBytes = 16 * 1024;
    private const string Prefix = "calibration-";

    private bool warm;

    /// <summary>Does the work once: some tens of milliseconds. Not for two at the same time.</summary>
    /// <exception cref="FaultException">The folder cannot be written, or no program can be started.</exception>
    public async Task<CalibrationSample> MeasureAsync(CancellationToken cancel)
    {
        if (!warm)
        {
            // The first time everything is loaded and compiled: that is lap's time, not the machine's.
            Compute(1000);
            await SpawnAsync(1, cancel).ConfigureAwait(false);
            OnDisk(() => WriteAndRead(1));
            warm = true;
        }

        var start = clock.GetTimestamp();
        Compute(Rounds);
        var computed = clock.GetTimestamp();
        await SpawnAsync(Programs, cancel).ConfigureAwait(false);
        var spawned = clock.GetTimestamp();
        OnDisk(() => WriteAndRead(Files));
        var written = clock.GetTimestamp();
        return new CalibrationSample(
            clock.GetElapsedTime(start, computed).TotalSeconds, clock.GetElapsedTime(computed, spawned).TotalSeconds, clock.GetElapsedTime(spawned, written).TotalSeconds);
    }

    /// <summary>The result is stored where the compiler cannot know that nobody reads it: the work is never optimised away.</summary>
    private static ulong Sink { get; set; }

    /// <summary>Compiled once and fully, so that no later compilation makes it faster in the middle of a recording.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Compute(int rounds)
    {
        Span<ulong> cells = stackalloc ulong[1024];
        var state = 0x9E3779B97F4A7C15UL;
        for (var round = 0; round < rounds; round++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ref var cell = ref cells[(int)(state & 1023)];
            cell = (cell * 31) + state;
        }

        Sink = cells[17] ^ state;
    }

    private async Task SpawnAsync(int programs, CancellationToken cancel)
    {
        var command = Command.Shell(OperatingSystem.IsWindows() ? "rem" : ":", folder);
        for (var i = 0; i < programs; i++)
        {
            await runner.RunAsync(command, onLine: null, cancel).ConfigureAwait(false);
        }
    }

    private void WriteAndRead(int files)
    {
        var own = Path.Combine(folder, Prefix + Environment.ProcessId);
        Directory.CreateDirectory(own);
        try
        {
            var content = new byte[FileBytes];
            for (var i = 0; i < files; i++)
            {
                content.AsSpan().Fill((byte)i);
                using var file = new FileStream(Path.Combine(own, i.ToString(System.Globalization.CultureInfo.InvariantCulture)), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
                file.Write(content);
                if (i == files - 1)
                {
                    file.Flush(flushToDisk: true);
                }
            }

            for (var i = 0; i < files; i++)
            {
                Sink += File.ReadAllBytes(Path.Combine(own, i.ToString(System.Globalization.CultureInfo.InvariantCulture)))[^1];
            }
        }
        finally
        {
            Directory.Delete(own, recursive: true);
        }
    }

    private void OnDisk(Action work)
    {
        try
        {
            if (!warm)
            {
                SweepLeftovers();
            }

            work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.InternalError, $"the calibration's files cannot be written: {e.Message}", folder, "free some disk space, or make the folder writable"), e);
        }
    }

    /// <summary>What a killed lap left.</summary>
    private void SweepLeftovers()
    {
        foreach (var left in Directory.EnumerateDirectories(folder, Prefix + "*"))
        {
            if (!int.TryParse(Path.GetFileName(left)[Prefix.Length..], out var pid) || ProcessOwner.TicksOf(pid) is null)
            {
                Directory.Delete(left, recursive: true);
            }
        }
    }
}
