using Laptime.Targets.Local;

namespace Laptime.Targets.Docker;

/// <summary>The front ports of an environment whose components run in containers: the workspace's agent owns them and forwards to the containers' ports on loopback.</summary>
/// <param name="mayLaunch">False: an agent that does not run is not started just to read.</param>
internal sealed class DockerFronts(AgentLauncher launcher, string environment, bool mayLaunch)
{
    /// <summary>Where the fronts lead, by component; null when no agent runs that could say so.</summary>
    public async Task<IReadOnlyDictionary<string, LeadState>?> ReadAsync(CancellationToken cancel)
    {
        var client = await launcher.TryConnectAsync(cancel) ?? (mayLaunch && launcher.HasLeads ? await launcher.ConnectAsync(cancel) : null);
        if (client is null)
        {
            return null;
        }

        await using (client)
        {
            var answer = await client.AskAsync<AgentAnswer.Leads>(new AgentRequest.AskLeads(environment), cancel);
            return answer.Components.ToDictionary(l => l.Component, StringComparer.Ordinal);
        }
    }

    /// <summary>Takes the port before anything is started: one that somebody else has is told then. True when it was not ours before.</summary>
    /// <exception cref="Foundations.FaultException">Somebody else has the port; the message says who.</exception>
    public async Task<bool> ReserveAsync(string component, int port, CancellationToken cancel)
    {
        await using var client = await launcher.ConnectAsync(cancel);
        var answer = await client.AskAsync<AgentAnswer.Leads>(new AgentRequest.AskLeads(environment), cancel);
        if (answer.Components.Any(l => l.Component == component))
        {
            return false;
        }

        await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Lead(environment, component, port, "", [], 0), cancel);
        return true;
    }

    public async Task LeadAsync(string component, int port, string revision, IReadOnlyList<Backend> backends, TimeSpan drain, CancellationToken cancel)
    {
        await using var client = await launcher.ConnectAsync(cancel);
        await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Lead(environment, component, port, revision, backends, drain.TotalSeconds), cancel);
    }

    /// <summary>Leads back to what was read before.</summary>
    public Task LeadBackAsync(LeadState before, CancellationToken cancel) =>
        LeadAsync(before.Component, before.FrontPort, before.Revision, before.Backends, TimeSpan.FromSeconds(before.DrainSeconds), cancel);

    public async Task DrainAsync(string component, CancellationToken cancel)
    {
        await using var client = await launcher.ConnectAsync(cancel);
        await client.AskAsync<AgentAnswer.Done>(new AgentRequest.Drain(environment, component), cancel);
    }

    /// <summary>Closes a component's front; false when there was none.</summary>
    public async Task<bool> EndAsync(string component, CancellationToken cancel)
    {
        var client = await launcher.TryConnectAsync(cancel) ?? (launcher.HasLeads ? await launcher.ConnectAsync(cancel) : null);
        if (client is null)
        {
            return false;
        }

        await using (client)
        {
            return (await client.AskAsync<AgentAnswer.Done>(new AgentRequest.EndLead(environment, component), cancel)).Changed;
        }
    }
}
