namespace Laptime.Agent;

/// <summary>Tasks that run on by themselves; the end of the agent waits for them.</summary>
internal sealed class Background
{
    private readonly Lock gate = new();
    private readonly List<Task> running = [];

    internal void Add(Task task)
    {
        lock (gate)
        {
            running.RemoveAll(t => t.IsCompletedSuccessfully);
            running.Add(task);
        }
    }

    /// <summary>Waits for all of them, and throws what they threw.</summary>
    internal Task SettleAsync()
    {
        lock (gate)
        {
            return Task.WhenAll(running);
        }
    }
}
