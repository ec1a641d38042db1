using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Transactions.Stored;

/// <summary>What becomes of an artifact, and why.</summary>
/// <param name="Why">In words: <c>deployed in local</c>, <c>one of the newest 5 of gateway (fast)</c>, <c>older than 30 d</c>.</param>
public sealed record PruneDecision(ArtifactEntry Entry, bool Goes, string Why);

/// <summary>Which artifacts may go. Pure; in doubt one stays.</summary>
/// <param name="Keep">So many of the newest stay, of each component under each profile.</param>
/// <param name="OlderThan">Only what is older may go; null: of any age.</param>
/// <param name="IsShared">Others use the store too: only this workspace's components may go.</param>
public sealed record PruneRules(int Keep, TimeSpan? OlderThan, bool IsShared)
{
    /// <param name="entries">The newest first within a component, as <see cref="ArtifactCatalog"/> gives them.</param>
    public IReadOnlyList<PruneDecision> Decide(IReadOnlyList<ArtifactEntry> entries, Deployments deployments, Workspace workspace, DateTimeOffset now)
    {
        var needed = Needed(entries, deployments);
        var rank = new Dictionary<(string?, string?), int>();
        var decisions = new List<PruneDecision>();
        foreach (var entry in entries)
        {
            var place = (entry.Component, entry.Profile);
            var newer = rank.GetValueOrDefault(place);
            rank[place] = newer + 1;
            decisions.Add(Stays(entry, needed, newer, deployments, workspace, now) is { } why
                ? new PruneDecision(entry, false, why)
                : new PruneDecision(entry, true, OlderThan is { } age ? $"older than {Days(age)}" : $"{newer} newer of {Of(entry)}"));
        }

        return decisions;
    }

    /// <summary>Digests that what is deployed, or can be gone back to, was built with.</summary>
    private static HashSet<Digest> Needed(IReadOnlyList<ArtifactEntry> entries, Deployments deployments)
    {
        var needed = deployments.Used.ToHashSet();
        foreach (var entry in entries.Where(e => e.DeployedIn.Count + e.RollbackIn.Count > 0))
        {
            // A statement that nobody believes may keep too much, never remove.
            needed.UnionWith((entry.Claim?.Uses ?? []).Select(u => u.Artifact));
        }

        return needed;
    }

    /// <summary>Why it stays; null: it may go.</summary>
    private string? Stays(ArtifactEntry entry, HashSet<Digest> needed, int newer, Deployments deployments, Workspace workspace, DateTimeOffset now)
    {
        if (entry.DeployedIn.Count > 0)
        {
            return $"deployed in {string.Join(", ", entry.DeployedIn)}";
        }

        if (entry.RollbackIn.Count > 0)
        {
            return $"rollback target in {string.Join(", ", entry.RollbackIn)}";
        }

        if (needed.Contains(entry.Artifact))
        {
            return "used by what is deployed, or by a rollback target";
        }

        if (deployments.Unread.Select(u => u[..u.IndexOf(':')]).FirstOrDefault(entry.DeliveredTo.Contains) is { } unread)
        {
            return $"was deployed to {unread}, which cannot be read now";
        }

        if (entry.Fingerprint.IsNone)
        {
            return "no tag leads to it";
        }

        if (IsShared && (entry.Component is null || workspace.Find(entry.Component) is null))
        {
            return "not of a component of this workspace";
        }

        if (newer < Keep)
        {
            return $"one of the newest {Keep} of {Of(entry)}";
        }

        return OlderThan is not { } age ? null
            : entry.BuiltAt is not { } built ? "nobody says how old it is"
            : now - built < age ? $"not older than {Days(age)}" : null;
    }

    private static string Of(ArtifactEntry entry) => (entry.Component ?? "unknown components") + (entry.Profile is null ? "" : $" ({entry.Profile})");

    /// <summary>Whole days as people give them: <c>30 d</c>.</summary>
    internal static string Days(TimeSpan age) => age == TimeSpan.FromDays(Math.Floor(age.TotalDays)) && age > TimeSpan.Zero ? $"{age.TotalDays:0} d" : Duration.Text(age);
}
