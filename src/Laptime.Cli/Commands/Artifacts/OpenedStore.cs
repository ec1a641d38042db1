using Laptime.Artifacts;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Targets.Registry;
using Laptime.Transactions.Stored;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands.Artifacts;

/// <summary>The store that a command is about, its registry ready, with what is known of where its artifacts are deployed.</summary>
internal sealed class OpenedStore
{
    private OpenedStore(Session session, bool isShared, RegistryState? registry, Deployments deployments) =>
        (Session, Store, IsShared, Registry, Deployments) = (session, isShared ? session.Shared : session.Store, isShared, registry, deployments);

    public Session Session { get; }

    public ArtifactStore Store { get; }

    public bool IsShared { get; }

    /// <summary>What was done so that its registry serves; null: it is a folder.</summary>
    public RegistryState? Registry { get; }

    public Deployments Deployments { get; private set; }

    public StoreReport Report => new(IsShared ? "shared" : "local", Store.Name);

    /// <param name="asked">local, shared, or auto: the shared one where there is one.</param>
    /// <exception cref="LapException">There is no shared store.</exception>
    public static async Task<OpenedStore> OpenAsync(Session session, string asked)
    {
        var hasShared = !ReferenceEquals(session.Shared, session.Store);
        var isShared = asked switch { "local" => false, "shared" => true, _ => hasShared };
        if (isShared && !hasShared)
        {
            throw new LapException("this workspace has no shared store", session.Workspace.File, "name one under `artifacts: { store: oci://... }`, or ask for --store local");
        }

        RegistryState? registry = null;
        if (isShared && RegistryReadiness.Of(session.Workspace, session.Folder, session.Runner, session.Clock) is { } readiness)
        {
            registry = await readiness.EnsureAsync(session.Shutdown.Token);
            Tell(registry, readiness.Endpoint);
        }

        return new OpenedStore(session, isShared, registry, await DeploymentsAsync(session));
    }

    public async Task<IReadOnlyList<ArtifactEntry>> ReadAsync()
    {
        using var journal = Session.OpenJournalForReading();
        return await new ArtifactCatalog(Store, Session.Trust, Deployments, id => journal?.Load(id)).ReadAsync(Session.Shutdown.Token);
    }

    /// <summary>Reads again where things are deployed.</summary>
    public async Task RefreshAsync() => Deployments = await DeploymentsAsync(Session);

    /// <summary>On stderr, where something was done to a registry.</summary>
    public static void Tell(RegistryState registry, RegistryEndpoint endpoint)
    {
        if (registry.IsNews)
        {
            Console.Error.WriteLine(
                $"lap: the local registry {endpoint} was {registry.Name}{(registry.Detail.Length == 0 ? "" : ": " + registry.Detail)} ({Duration.Text(registry.Took)})");
        }
    }

    private static Task<Deployments> DeploymentsAsync(Session session) => Deployments.ReadAsync(
        session.Workspace, session.Folder,
        [.. session.Workspace.Environments.Select(e => new AskedEnvironment(e.Name, async cancel =>
        {
            await using var target = session.OpenTarget(e, mayLaunch: false);
            return await target.ObserveAsync(cancel);
        }))],
        session.Shutdown.Token);
}
