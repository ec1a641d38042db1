using System.Runtime.ExceptionServices;

namespace Laptime.Fingerprints;

/// <summary>A few threads that walk and hash together; the caller's own thread is the first. The first failure ends all and is thrown here.</summary>
internal sealed class Workers(int count)
{
    private readonly Lock gate = new();
    private ExceptionDispatchInfo? failure;

    public int Count => count;

    /// <summary>True once one has failed: the others should stop.</summary>
    public bool Failed => failure is not null;

    public void Run(Action<int> work)
    {
        var threads = new Thread[count - 1];
        for (var i = 0; i < threads.Length; i++)
        {
            var number = i + 1;
            threads[i] = new Thread(() => Guarded(work, number), 512 * 1024) { IsBackground = true, Name = "lap scan " + number };
            threads[i].Start();
        }

        Guarded(work, 0);
        foreach (var thread in threads)
        {
            thread.Join();
        }

        failure?.Throw();
    }

    private void Guarded(Action<int> work, int number)
    {
        try
        {
            work(number);
        }
        catch (Exception e)
        {
            lock (gate)
            {
                failure ??= ExceptionDispatchInfo.Capture(e);
            }
        }
    }
}
