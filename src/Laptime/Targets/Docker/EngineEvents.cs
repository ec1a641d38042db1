using System.Runtime.CompilerServices;

namespace Laptime.Targets.Docker;

/// <summary>Events, networks and volumes.</summary>
public sealed partial class EngineClient
{
    /// <summary>
    /// What happens in the engine from <paramref name="since"/> on (its clock; for an engine of this machine that is ours), as it happens, until cancelled. Ends by itself when the
    /// engine ends. The engine keeps a few hundred past events, so opening it after the act with the time before the act misses nothing.
    /// </summary>
    /// <param name="filters">Done by the engine: (type, container), (event, die), (label, laptime.component=web), ... Same names are alternatives.</param>
    public async IAsyncEnumerable<EngineEvent> EventsAsync(
        IEnumerable<(string Name, string Value)> filters, DateTimeOffset? since, [EnumeratorCancellation] CancellationToken cancel)
    {
        var from = since is { } time ? $"&since={UnixTime(time)}" : "";
        using var answer = await OpenAsync(HttpMethod.Get, $"/events?{Filters(filters)}{from}", null, null, cancel);
        await foreach (var happened in LinesAsync(answer, "/events", EngineJson.Default.EngineEvent, cancel))
        {
            yield return happened;
        }
    }

    /// <summary>What the engine remembers of a time that is over: the newest few hundred events of all kinds.</summary>
    public async IAsyncEnumerable<EngineEvent> PastEventsAsync(
        IEnumerable<(string Name, string Value)> filters, DateTimeOffset since, DateTimeOffset until, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var answer = await OpenAsync(HttpMethod.Get, $"/events?{Filters(filters)}&since={UnixTime(since)}&until={UnixTime(until)}", null, null, cancel);
        await foreach (var happened in LinesAsync(answer, "/events", EngineJson.Default.EngineEvent, cancel))
        {
            yield return happened;
        }
    }

    /// <summary>Networks that carry every one of the labels.</summary>
    public Task<NetworkInspect[]> ListNetworksAsync(IEnumerable<string> labels, CancellationToken cancel) =>
        GetAsync($"/networks?{Filters(labels.Select(l => ("label", l)))}", EngineJson.Default.NetworkInspectArray, cancel);

    /// <summary>Null when there is none of this id or name.</summary>
    public Task<NetworkInspect?> FindNetworkAsync(string name, CancellationToken cancel) => FindAsync($"/networks/{Escape(name)}", EngineJson.Default.NetworkInspect, cancel);

    /// <summary>Its id.</summary>
    public async Task<string> CreateNetworkAsync(NetworkCreate network, CancellationToken cancel) =>
        (await PostAsync("/networks/create", network, EngineJson.Default.NetworkCreate, EngineJson.Default.CreatedObject, cancel)).Id!;

    /// <summary>Puts a container (running or not) into a network, where others find it by these names beside its own.</summary>
    public Task ConnectAsync(string network, string container, IReadOnlyList<string> aliases, CancellationToken cancel) =>
        PostAsync($"/networks/{Escape(network)}/connect", new NetworkConnect(container, new EndpointSettings { Aliases = [.. aliases] }), EngineJson.Default.NetworkConnect, cancel);

    /// <summary>False when there was none.</summary>
    public Task<bool> RemoveNetworkAsync(string id, CancellationToken cancel) => DeleteAsync($"/networks/{Escape(id)}", cancel);

    /// <summary>Volumes that carry every one of the labels.</summary>
    public async Task<IReadOnlyList<VolumeInspect>> ListVolumesAsync(IEnumerable<string> labels, CancellationToken cancel) =>
        (await GetAsync($"/volumes?{Filters(labels.Select(l => ("label", l)))}", EngineJson.Default.VolumeList, cancel)).Volumes ?? [];

    /// <summary>Makes a volume; one that is there already stays as it is.</summary>
    public async Task CreateVolumeAsync(VolumeCreate volume, CancellationToken cancel) =>
        await PostAsync("/volumes/create", volume, EngineJson.Default.VolumeCreate, EngineJson.Default.VolumeInspect, cancel);

    /// <summary>False when there was none.</summary>
    /// <exception cref="EngineException">Conflict: a container uses it.</exception>
    public Task<bool> RemoveVolumeAsync(string name, CancellationToken cancel) => DeleteAsync($"/volumes/{Escape(name)}", cancel);
}
