using Laptime.Foundations;
using Laptime.Targets.Docker;

namespace Laptime.Targets.Swarm;

/// <summary>Removes what a stack leaves: configs and secrets of earlier contents, and at its end its networks. Volumes stay: they are the data.</summary>
internal sealed class StackCleaner(SwarmApi api, SwarmPlace place, KeptStacks stacks, TimeProvider clock)
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan NetworkBound = TimeSpan.FromSeconds(30);

    private string Namespace => $"com.docker.stack.namespace={place.Stack}";

    private IReadOnlyList<string> Ours => [Namespace, $"{DockerLabels.Workspace}={place.Workspace}", $"{DockerLabels.Environment}={place.Environment}"];

    /// <summary>What no service refers to, and none of the deployments that are kept to go back to.</summary>
    public Task RemoveUnusedAsync(CancellationToken cancel) => RemoveUnusedAsync(stacks.Text(), cancel);

    private async Task RemoveUnusedAsync(string kept, CancellationToken cancel)
    {
        foreach (var kind in (string[])["configs", "secrets"])
        {
            var contents = await api.ContentsAsync(kind, Ours, cancel);
            if (contents.Length == 0)
            {
                continue;
            }

            var used = string.Join('\n', (await api.ServicesAsync([Namespace], cancel)).Select(static s => s.Spec.GetRawText()));
            foreach (var content in contents.Where(c => !used.Contains(c.ID, StringComparison.Ordinal) && !(c.Spec?.Name is { } name && kept.Contains($"\"{name}\"", StringComparison.Ordinal))))
            {
                try
                {
                    await api.RemoveContentAsync(kind, content.ID, cancel);
                }
                catch (EngineException e) when (e.Error is EngineError.BadRequest or EngineError.Conflict)
                {
                    // A task on its way out still has it.
                }
            }
        }
    }

    /// <summary>After the last service: configs, secrets and networks. Those of others in the same stack stay.</summary>
    public async Task RemoveRestAsync(CancellationToken cancel)
    {
        await RemoveUnusedAsync("", cancel);
        if ((await api.ServicesAsync([Namespace], cancel)).Length > 0)
        {
            return;
        }

        var began = clock.GetTimestamp();
        while (true)
        {
            EngineException? used = null;
            foreach (var network in await api.Engine.ListNetworksAsync([Namespace], cancel))
            {
                try
                {
                    await api.Engine.RemoveNetworkAsync(network.Id, cancel);
                }
                catch (EngineException e) when (e.Error is not (EngineError.Unreachable or EngineError.TimedOut))
                {
                    // The last tasks are still leaving it.
                    used = e;
                }
            }

            if (used is null)
            {
                return;
            }

            if (clock.GetElapsedTime(began) > NetworkBound)
            {
                throw new FaultException(used.Fault with { What = $"a network of the stack {place.Stack} cannot be removed: {used.Fault.What}", Mend = "see who uses it: docker network inspect --verbose NETWORK" }, used);
            }

            await NextAsync(api.Engine, [("type", "network"), ("type", "container"), ("event", "destroy"), ("event", "disconnect"), ("event", "remove")], clock, cancel);
        }
    }

    /// <summary>Waits for the next such event, and at most for a heartbeat: what is waited for may have no event, or have happened.</summary>
    public static async Task NextAsync(EngineClient engine, IEnumerable<(string, string)> filters, TimeProvider clock, CancellationToken cancel)
    {
        using var bound = new CancellationTokenSource(Heartbeat, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancel);
        try
        {
            await foreach (var _ in engine.EventsAsync(filters, null, either.Token))
            {
                return;
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
        }
    }
}
