using Laptime.Storage.Sqlite;
using Laptime.Targets.Local;
using Laptime.Transactions;

namespace Laptime.Cli;

/// <summary>
/// A deploy that has something to do spends its first 30 ms on one processor (command line, laptime.yaml). Another one meanwhile loads what every deploy
/// needs next: the journal, the agent's protocol, the records. It has no effect but that, and nothing waits for it.
/// </summary>
internal static class Warmup
{
    /// <summary>Allocated by a deploy of one change in a tree of 10,000 files, twice over. Collecting in the middle of a run of a second costs 10 ms and gains nothing.</summary>
    private const long UncollectedBytes = 64 << 20;

    public static void Begin(string[] args)
    {
        if (args is not ["deploy", ..])
        {
            return;
        }

        // More than that is collected as ever. Refused (a small container): also as ever.
        try
        {
            _ = GC.TryStartNoGCRegion(UncollectedBytes);
        }
        catch (ArgumentOutOfRangeException)
        {
        }

        if (Environment.ProcessorCount > 1)
        {
            new Thread(Run, maxStackSize: 512 * 1024) { IsBackground = true, Name = "warm-up" }.Start();
        }
    }

    private static void Run()
    {
        try
        {
            AgentJson.Warm();
            SqliteJournal.Warm();
            StateStore.Warm();
        }
        catch (Exception)
        {
            // Whoever really needs it meets the same trouble, and has the words for it.
        }
    }
}
