using Laptime.Foundations;

namespace Laptime.Targets.Docker;

/// <summary>
/// How components reach each other. Every component that another one needs has a network of its own: those that need it are in there from their creation, its own containers join it, under its name, only when
/// they are led to. So a name never leads to a container that is not ready, and nobody's connections break when it changes.
/// </summary>
internal sealed class DockerNetworks(EngineClient engine, DockerPlace place)
{
    /// <summary>Networks of the components that this one needs, for its containers to be in.</summary>
    public async Task<IReadOnlyList<string>> OfNeedsAsync(IReadOnlyList<string> needs, CancellationToken cancel)
    {
        var ids = new List<string>();
        foreach (var component in needs.Where(place.Reachable.Contains))
        {
            ids.Add(await EnsureAsync(component, cancel));
        }

        return ids;
    }

    /// <summary>Lets others find the container under its component's name.</summary>
    public async Task JoinAsync(string component, string container, CancellationToken cancel)
    {
        if (place.Reachable.Contains(component))
        {
            await engine.ConnectAsync(await EnsureAsync(component, cancel), container, [component], cancel);
        }
    }

    /// <summary>Removes the networks that nothing is in any more.</summary>
    public async Task PruneAsync(CancellationToken cancel)
    {
        foreach (var network in await engine.ListNetworksAsync(Labels(null), cancel))
        {
            try
            {
                await engine.RemoveNetworkAsync(network.Id, cancel);
            }
            catch (EngineException e) when (e.Error is EngineError.Conflict or EngineError.Failed)
            {
                // Somebody is in it still.
            }
        }
    }

    private async Task<string> EnsureAsync(string component, CancellationToken cancel)
    {
        if ((await engine.ListNetworksAsync(Labels(component), cancel)) is [var there, ..])
        {
            return there.Id;
        }

        var name = $"{DockerLabels.NamePart(place.Workspace)}-{DockerLabels.NamePart(place.Environment)}-{DockerLabels.NamePart(component)}";
        try
        {
            return await engine.CreateNetworkAsync(
                new NetworkCreate
                {
                    Name = name, Driver = "bridge", CheckDuplicate = true,
                    Labels = new Dictionary<string, string>
                    {
                        [DockerLabels.Workspace] = place.Workspace, [DockerLabels.Environment] = place.Environment, [DockerLabels.Component] = component, [DockerLabels.Root] = place.Root,
                    },
                }, cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.Conflict)
        {
            // A rollout beside this one was faster; or the name is somebody else's.
            return (await engine.ListNetworksAsync(Labels(component), cancel)) is [var made, ..]
                ? made.Id
                : throw new FaultException(new Fault(
                    Outcome.RolloutFailed, $"a network that is not Laptime's has the name {name}", $"{engine.Endpoint}", $"remove it (docker network rm {name}), then deploy again"), e);
        }
    }

    private string[] Labels(string? component) =>
    [
        $"{DockerLabels.Workspace}={place.Workspace}", $"{DockerLabels.Environment}={place.Environment}", .. component is null ? [] : (string[])[$"{DockerLabels.Component}={component}"],
    ];
}
