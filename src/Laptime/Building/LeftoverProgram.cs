using Laptime.Processes;

namespace Laptime.Building;

/// <summary>A step that a killed lap left running would go on writing into the next build.</summary>
internal static class LeftoverProgram
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);

    /// <summary>Ends it and waits until it is gone. The caller holds the lock, so nobody who is alive owns it.</summary>
    public static async Task EndAsync(string pidFile, TimeProvider clock, CancellationToken cancel)
    {
        if (!File.Exists(pidFile))
        {
            return;
        }

        while (ProcessRunner.EndLeftover(pidFile))
        {
            await Task.Delay(Poll, clock, cancel).ConfigureAwait(false);
        }

        File.Delete(pidFile);
    }
}
