[assembly: AssemblyFixture(typeof(Laptime.Tests.Engines.SharedServers))]

namespace Laptime.Tests.Engines;

/// <summary>
/// Ends the servers that all tests of a program share after the last of them, all at once and within the run. At the end of the process it would be too late: the runner calls what takes
/// longer than a second then "foreground threads", and after ten more ends the program with 1. (When the program is killed its servers end by the end of their standard input.)
/// </summary>
public sealed class SharedServers : IAsyncDisposable
{
    private static readonly Lock Gate = new();
    private static readonly List<IAsyncDisposable> Started = [];

    internal static T Add<T>(T server)
        where T : IAsyncDisposable
    {
        lock (Gate)
        {
            Started.Add(server);
        }

        return server;
    }

    public async ValueTask DisposeAsync()
    {
        List<IAsyncDisposable> left;
        lock (Gate)
        {
            left = [.. Started];
            Started.Clear();
        }

        await Task.WhenAll(left.Select(static s => s.DisposeAsync().AsTask()));
    }
}
