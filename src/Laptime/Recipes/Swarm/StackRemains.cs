using Laptime.Foundations;
using Laptime.Targets.Docker;
using Laptime.Targets.Swarm;

namespace Laptime.Recipes.Swarm;

/// <summary>Everything of a stack that the swarm has, found by its name alone: listed, and removed.</summary>
internal sealed class StackRemains(SwarmApi api, string stack, TimeProvider clock)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan GraceBound = TimeSpan.FromMinutes(5);

    /// <summary>After the last container has gone: what is still in use then is in somebody else's.</summary>
    private static readonly TimeSpan RestBound = TimeSpan.FromSeconds(10);

    private string[] Labels { get; } = [SwarmPlaces.Label(stack)];

    /// <summary>Kind and name of each thing.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancel) => Names(await FindAsync(cancel));

    /// <summary>
    /// Removes it all, in the order in which one thing holds another, and waits until it is gone. What somebody else's container still uses then (a volume, a network) stays, and is listed.
    /// </summary>
    /// <param name="force">Containers are not asked to end.</param>
    /// <exception cref="FaultException">Services or containers stay.</exception>
    public async Task RemoveAsync(bool force, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        EngineException? refused = null;
        long? ended = null;
        for (var asked = false; ; asked = true)
        {
            var found = await FindAsync(cancel);
            ended = found.Runs ? null : ended ?? clock.GetTimestamp();
            if (found.IsNothing || (refused is not null && ended is { } at && clock.GetElapsedTime(at) > RestBound))
            {
                return;
            }

            if (clock.GetElapsedTime(began) > (force ? Bound : GraceBound))
            {
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, $"{found.Count} things of the stack {stack} cannot be removed{(refused is null ? "" : $": {refused.Fault.What}")}", string.Join(", ", Names(found)),
                    "see who uses them (docker inspect), remove that, then run `lap test` again: it cleans up after this run", null), refused);
            }

            refused = null;
            await EachAsync(found.Services, s => api.RemoveServiceAsync(s.ID, cancel));
            // A container that is no task ends for nobody.
            await EachAsync(found.Containers.Where(c => force || asked && c.Label("com.docker.swarm.task.id") is null), c => api.Engine.RemoveContainerAsync(c.Id, force: true, cancel));
            if (found.Services.Count == 0 && (force || found.Containers.Count == 0))
            {
                await EachAsync(found.Volumes, v => api.Engine.RemoveVolumeAsync(v.Name, cancel));
                await EachAsync(found.Networks, n => api.Engine.RemoveNetworkAsync(n.Id, cancel));
                foreach (var kind in (string[])["secrets", "configs"])
                {
                    await EachAsync(kind == "secrets" ? found.Secrets : found.Configs, c => api.RemoveContentAsync(kind, c.ID, cancel));
                }
            }

            if (asked || found.Services.Count == 0)
            {
                await StackCleaner.NextAsync(api.Engine, [("type", "container"), ("type", "network"), ("type", "volume"), ("event", "destroy"), ("event", "die"), ("event", "remove")], clock, cancel);
            }
        }

        async Task EachAsync<T>(IEnumerable<T> things, Func<T, Task> remove)
        {
            await Task.WhenAll(things.Select(async thing =>
            {
                try
                {
                    await remove(thing);
                }
                catch (EngineException e) when (e.Error is not (EngineError.Unreachable or EngineError.TimedOut or EngineError.NoSwarm))
                {
                    // Something on its way out still has it.
                    refused = e;
                }
            }));
        }
    }

    private async Task<Found> FindAsync(CancellationToken cancel)
    {
        var services = api.ServicesAsync(Labels, cancel);
        var tasks = api.TasksAsync(Labels.Select(static l => ("label", l)), cancel);
        var containers = api.Engine.ListContainersAsync(all: true, Labels, cancel);
        var networks = api.Engine.ListNetworksAsync(Labels, cancel);
        var volumes = api.Engine.ListVolumesAsync(Labels, cancel);
        var secrets = api.ContentsAsync("secrets", Labels, cancel);
        var configs = api.ContentsAsync("configs", Labels, cancel);
        await Task.WhenAll(services, tasks, containers, networks, volumes, secrets, configs);
        return new Found(await services, await tasks, await containers, await networks, await volumes, await secrets, await configs);
    }

    private static IReadOnlyList<string> Names(Found found) =>
    [
        .. found.Services.Select(static s => $"service {s.Name}"),
        .. found.Tasks.Select(static t => $"task {t.ID}"),
        .. found.Containers.Select(static c => $"container {c.Name}"),
        .. found.Networks.Select(static n => $"network {n.Name}"),
        .. found.Volumes.Select(static v => $"volume {v.Name}"),
        .. found.Secrets.Select(static s => $"secret {s.Spec?.Name ?? s.ID}"),
        .. found.Configs.Select(static c => $"config {c.Spec?.Name ?? c.ID}"),
    ];

    private sealed record Found(
        IReadOnlyList<SwarmService> Services, IReadOnlyList<SwarmTask> Tasks, IReadOnlyList<ContainerSummary> Containers, IReadOnlyList<NetworkInspect> Networks,
        IReadOnlyList<VolumeInspect> Volumes, IReadOnlyList<SwarmContent> Secrets, IReadOnlyList<SwarmContent> Configs)
    {
        public int Count => Services.Count + Tasks.Count + Containers.Count + Networks.Count + Volumes.Count + Secrets.Count + Configs.Count;

        public bool IsNothing => Count == 0;

        public bool Runs => Services.Count + Tasks.Count + Containers.Count > 0;
    }
}
