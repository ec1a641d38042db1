using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Targets.Registry;

/// <summary>Makes sure, before a store is used, that its registry serves; a local one is started or recovered. Every wait is bounded.</summary>
/// <param name="plain">HTTP without TLS.</param>
/// <param name="local">The workspace's own registry (<c>artifacts.local-registry</c>); null: nothing is ever started.</param>
public sealed class RegistryReadiness(RegistryEndpoint endpoint, bool plain, LocalRegistry? local, TimeProvider clock)
{
    /// <summary>How long one question may take.</summary>
    internal static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    /// <summary>A registry on another machine may be behind a slow line, and TLS takes three round trips.</summary>
    private static readonly TimeSpan FarBound = TimeSpan.FromSeconds(10);

    public RegistryEndpoint Endpoint => endpoint;

    /// <summary>Null: the workspace's store is a folder.</summary>
    public static RegistryReadiness? Of(Workspace workspace, WorkspaceFolder folder, ProcessRunner runner, TimeProvider clock)
    {
        if (RegistryEndpoint.Of(workspace.Artifacts.Store) is not { } endpoint)
        {
            return null;
        }

        var plain = workspace.Artifacts.Insecure ?? endpoint.IsLoopback;
        endpoint = endpoint.PortIsGiven ? endpoint : endpoint with { Port = plain ? 80 : 443 };
        return new RegistryReadiness(endpoint, plain, workspace.Artifacts.LocalRegistry ? new LocalRegistry(folder, endpoint, runner, clock) : null, clock);
    }

    /// <summary>Asks once.</summary>
    public Task<RegistryAnswer> AskAsync(CancellationToken cancel) => RegistryProbe.AskAsync(endpoint, plain, endpoint.IsLoopback ? Bound : FarBound, clock, cancel);

    /// <summary>Returns when the registry serves.</summary>
    /// <exception cref="FaultException">It does not, and could not be brought to: what was seen, who is there instead, how to mend it, the end of its log.</exception>
    public async Task<RegistryState> EnsureAsync(CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        if (!endpoint.IsLoopback && IsBehindProxy())
        {
            return new RegistryState(RegistryAction.NotAsked, TimeSpan.Zero, "a proxy is between");
        }

        var answer = await AskAsync(cancel);
        if (answer.Standing == RegistryStanding.Up)
        {
            return new RegistryState(RegistryAction.WasUp, clock.GetElapsedTime(began), "");
        }

        if (local is null)
        {
            throw new FaultException(Fault(answer));
        }

        var (action, detail) = await local.EnsureAsync(cancel);
        return new RegistryState(action, clock.GetElapsedTime(began), detail);
    }

    private static bool IsBehindProxy() =>
        ((string[])["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]).Any(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));

    private Fault Fault(RegistryAnswer answer)
    {
        var holder = endpoint.IsLoopback && answer.Standing is RegistryStanding.Foreign or RegistryStanding.Silent ? LocalRegistry.Holder(endpoint) : "";
        return answer.Standing switch
        {
            RegistryStanding.Refused => new Fault(Outcome.BuildFailed, $"no registry answers at {endpoint}: {answer.Words}", endpoint.Authority,
                endpoint.IsLoopback ? "start it; with `artifacts: { local-registry: true }` lap does so by itself" : "check the address in artifacts.store, and that the registry runs"),
            RegistryStanding.Silent => new Fault(Outcome.BuildFailed, $"the registry {endpoint} does not answer: {answer.Words}{holder}", endpoint.Authority, "see why it hangs, or start it again"),
            RegistryStanding.Foreign => new Fault(Outcome.BuildFailed, $"what answers at {endpoint} is no registry: {answer.Words}{holder}", endpoint.Authority,
                answer.Words.Contains("TLS", StringComparison.Ordinal) ? "check the scheme and the certificate of the registry" : "correct artifacts.store, or free the port"),
            _ => new Fault(Outcome.BuildFailed, $"the registry {endpoint} is not well: {answer.Words}", endpoint.Authority, "its own log says why"),
        };
    }
}
