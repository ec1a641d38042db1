using Laptime.Foundations;
using Laptime.Targets.Docker;
using Laptime.Targets.Swarm;

namespace Laptime.Recipes.Swarm;

/// <summary>
/// Asks containers that an update has replaced to end, as the swarm itself would: with their own signal and their own grace. It waits some seconds before it does, so that a large cluster has heard that the
/// name leads elsewhere by then.
/// </summary>
internal sealed class ReplacedContainers(EngineClient engine) : IAsyncDisposable
{
    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource ending = new();
    private readonly Dictionary<string, Task> asked = new(StringComparer.Ordinal);

    /// <summary>Of every service whose update is over, for good: nothing goes back to them.</summary>
    public void End(SwarmSnapshot snapshot)
    {
        foreach (var service in snapshot.Services.Where(static s => s.UpdateStatus?.State == "completed"))
        {
            foreach (var task in snapshot.TasksOf(service).Where(static t => t is { DesiredState: "shutdown", State: "running", Container: not null }))
            {
                if (!asked.ContainsKey(task.Container!))
                {
                    asked.Add(task.Container!, EndAsync(task.Container!, GraceOf(task)));
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await Task.WhenAll(asked.Values);
        ending.Dispose();
    }

    private static TimeSpan GraceOf(SwarmTask task) =>
        task.Spec.TryGetProperty("ContainerSpec", out var container) && container.TryGetProperty("StopGracePeriod", out var grace) && grace.TryGetInt64(out var nanoseconds) ? TimeSpan.FromTicks(nanoseconds / 100) : DefaultGrace;

    private async Task EndAsync(string container, TimeSpan grace)
    {
        try
        {
            await engine.StopContainerAsync(container, grace, ending.Token);
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            // Then the swarm ends it when it comes to it.
        }
    }
}
