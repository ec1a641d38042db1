using Laptime.Foundations;
using Laptime.Targets;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;
using Laptime.Targets.Swarm;

namespace Laptime.Agent;

/// <summary>
/// Environments whose components run in containers, as far as a command has asked the agent to answer for them: the engine is read each time, on a connection that is warm. Nothing is remembered of
/// what it said.
/// </summary>
internal sealed class Engines(Leads leads, TimeProvider clock) : IDisposable
{
    /// <summary>Whoever asks waits three seconds for the whole answer.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    /// <summary>The first look compiles what all later ones use.</summary>
    private static readonly TimeSpan FirstBound = TimeSpan.FromSeconds(15);

    private readonly Lock gate = new();
    private readonly Dictionary<string, (AgentRequest.LookAt Request, EngineClient Client, ServiceRecords? Records)> known = new(StringComparer.Ordinal);
    private readonly RunningSignals signals = new(clock);

    /// <summary>False when the engine cannot be asked from here.</summary>
    internal async Task<bool> LookAtAsync(AgentRequest.LookAt request, CancellationToken cancel)
    {
        var endpoint = EngineEndpoint.Parse(request.Endpoint, "the command");
        lock (gate)
        {
            var records = request.SwarmRecords is { } folder ? new ServiceRecords(folder) : null;
            if (known.TryGetValue(request.Environment, out var before) && before.Request.Endpoint == request.Endpoint)
            {
                known[request.Environment] = (request, before.Client, records);
            }
            else
            {
                before.Client?.Dispose();
                known[request.Environment] = (request, new EngineClient(endpoint, clock), records);
            }
        }

        return await ReadAsync(request.Environment, FirstBound, cancel) is not null;
    }

    /// <summary>What the engine runs of the environment now; null when the agent was not asked to look there, or cannot.</summary>
    internal Task<IReadOnlyList<Observed>?> ReadAsync(string environment, CancellationToken cancel) => ReadAsync(environment, Bound, cancel);

    private async Task<IReadOnlyList<Observed>?> ReadAsync(string environment, TimeSpan bound, CancellationToken cancel)
    {
        AgentRequest.LookAt request;
        EngineClient client;
        ServiceRecords? records;
        lock (gate)
        {
            if (!known.TryGetValue(environment, out var found))
            {
                return null;
            }

            (request, client, records) = found;
        }

        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        bounded.CancelAfter(bound);
        try
        {
            // `docker context use` may lead the command elsewhere by now.
            if (EngineEndpoint.Find(request.Variables.GetValueOrDefault).Text != request.Endpoint || !FileFacts.Stand(request.Files))
            {
                return null;
            }

            var plans = request.Signals.ToDictionary(p => p.Component, StringComparer.Ordinal);
            if (records is not null)
            {
                var (services, tasks) = await SwarmTarget.ListAsync(new SwarmApi(client), request.Workspace, environment, bounded.Token);
                return services.Any(s => s.Label(DockerLabels.Root) is { } root && root != request.SwarmRoot)
                    ? null
                    : await SwarmTarget.StatesAsync(services, tasks, records, (component, _, _) => plans.GetValueOrDefault(component), signals, client, bounded.Token);
            }

            var listing = DockerTarget.ListAsync(client, [$"{DockerLabels.Workspace}={request.Workspace}", $"{DockerLabels.Environment}={environment}"], bounded.Token);
            var manages = request.NoSwarm && await ManagesSwarmAsync(client, bounded.Token);
            var containers = await listing;
            if (manages)
            {
                return null;
            }

            return await DockerTarget.StatesAsync(
                containers, leads.Read(environment).ToDictionary(l => l.Component, StringComparer.Ordinal), state => plans.GetValueOrDefault(state.Component), signals, clock.GetUtcNow(), client,
                bounded.Token);
        }
        catch (Exception e) when (e is FaultException or LapException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // Whoever asked looks in full then, and has the words for it.
            return null;
        }
    }

    /// <summary>By a question that only a manager answers, and that costs an engine without a swarm nothing.</summary>
    private static async Task<bool> ManagesSwarmAsync(EngineClient client, CancellationToken cancel)
    {
        try
        {
            await new SwarmApi(client).ServicesAsync([DockerLabels.Workspace + "=-"], cancel);
            return true;
        }
        catch (EngineException e) when (e.Error == EngineError.NoSwarm)
        {
            return false;
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var (_, client, _) in known.Values)
            {
                client.Dispose();
            }

            known.Clear();
        }
    }
}
