using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Targets;
using Laptime.Workspaces;

namespace Laptime.Transactions.Stored;

/// <summary>An artifact that an environment has, or can go back to.</summary>
/// <param name="Runs">False: a component that is only built, verified there by being in the store.</param>
/// <param name="Current">It runs there: the target says so, or it was verified last and the target was not asked.</param>
public sealed record Deployment(string Environment, string Component, Digest Artifact, Digest Fingerprint, bool Runs, bool Current, string? Transaction, string? Profile, DateTimeOffset? At);

/// <summary>An environment of the workspace and the way to ask its target; null where this lap has none for it.</summary>
public sealed record AskedEnvironment(string Name, Func<CancellationToken, Task<IReadOnlyList<Observed>>>? Observe);

/// <summary>
/// Where the workspace's artifacts are deployed: the verified records of every environment that there is or was here, and what the targets say. Both count:
/// what either of them has is needed.
/// </summary>
public sealed class Deployments
{
    private readonly ILookup<Digest, Deployment> byArtifact;

    private Deployments(IReadOnlyList<Deployment> all, IReadOnlySet<Digest> used, IReadOnlyList<string> unread)
    {
        (All, Used, Unread) = (all, used, unread);
        byArtifact = all.ToLookup(d => d.Artifact);
    }

    public IReadOnlyList<Deployment> All { get; }

    /// <summary>Artifacts of other components that went into these; and components that do not run, verified by being built.</summary>
    public IReadOnlySet<Digest> Used { get; }

    /// <summary>Environments whose target could not be asked, each with the reason.</summary>
    public IReadOnlyList<string> Unread { get; }

    public IReadOnlyList<string> DeployedIn(Digest artifact) => Names(artifact, current: true);

    /// <summary>Environments whose records could be rolled back to it.</summary>
    public IReadOnlyList<string> RollbackIn(Digest artifact) => Names(artifact, current: false);

    /// <param name="environments">Those of the file; folders of others are read too.</param>
    /// <exception cref="FaultException">The records of an environment are damaged.</exception>
    public static async Task<Deployments> ReadAsync(Workspace workspace, WorkspaceFolder folder, IReadOnlyList<AskedEnvironment> environments, CancellationToken cancel)
    {
        var all = new List<Deployment>();
        var used = new HashSet<Digest>();
        var unread = new List<string>();
        var above = folder.Environment("");
        var names = environments.Select(e => e.Name)
            .Union(Directory.Exists(above) ? Directory.EnumerateDirectories(above).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal) : [], StringComparer.Ordinal);
        foreach (var name in names)
        {
            var observed = await ObserveAsync(name, environments.FirstOrDefault(e => e.Name == name)?.Observe, unread, cancel);
            var records = new StateStore(folder.Environment(name)).LoadForKeeping();
            foreach (var (component, history) in records)
            {
                var runs = workspace.Find(component) is not { Run: null };
                var serving = observed?.FirstOrDefault(o => o.Component == component)?.Artifact;
                foreach (var record in history)
                {
                    var current = runs && record.Artifact == (serving ?? (observed is null ? history[0].Artifact : Digest.None));
                    all.Add(new Deployment(name, component, record.Artifact, record.Fingerprint, runs, current, record.Transaction, record.Profile, record.At));
                    var parts = FingerprintRecord.Load(Path.Combine(folder.Environment(name), $"{component}.{record.Fingerprint.ToHex()[..16]}.fingerprint"))?.Parts ?? [];
                    used.UnionWith(parts.Where(p => p.Kind == PartKind.Uses && Digest.TryParse(p.Value, out _)).Select(p => Digest.Parse(p.Value)));
                    if (!runs)
                    {
                        used.Add(record.Artifact);
                    }
                }
            }

            all.AddRange((observed ?? []).Where(o => !o.Artifact.IsNone && !all.Exists(d => d.Environment == name && d.Component == o.Component && d.Artifact == o.Artifact))
                .Select(o => new Deployment(name, o.Component, o.Artifact, o.Fingerprint, true, true, o.Transaction, null, o.Since)));
        }

        return new Deployments(all, used, unread);
    }

    /// <summary>Null: the target was not asked, or did not answer.</summary>
    private static async Task<IReadOnlyList<Observed>?> ObserveAsync(
        string environment, Func<CancellationToken, Task<IReadOnlyList<Observed>>>? observe, List<string> unread, CancellationToken cancel)
    {
        if (observe is null)
        {
            return null;
        }

        try
        {
            return await observe(cancel);
        }
        catch (Exception e) when (e is FaultException or LapException)
        {
            unread.Add($"{environment}: {e.Message}");
            return null;
        }
    }

    private List<string> Names(Digest artifact, bool current) => [.. byArtifact[artifact].Where(d => d.Runs && d.Current == current).Select(d => d.Environment).Distinct(StringComparer.Ordinal)];
}
