using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>
/// Finds running instances that loaded, when they were started, another artifact of what they depend on than is there now, and plans their restart. Pure: it follows from what the
/// instances say they loaded, so a run that was killed before it restarted something is healed by the next one.
/// </summary>
/// <remarks>
/// The content of a dependency is its artifact. Where that dependency is itself restarted for others, it is its artifact together with what its instances loaded: restarts go along a
/// chain, each component once. A dependency whose content nobody can know (it was not asked for, and does not run) restarts nothing.
/// </remarks>
public static class Reconciliation
{
    /// <summary>The plans with what has to be restarted, and what everything that is started will have loaded.</summary>
    /// <param name="plans">As planned for each component itself; those that are not in it are left as they are.</param>
    public static IReadOnlyList<PlannedComponent> Apply(Workspace workspace, PlanningFacts facts, IReadOnlyList<PlannedComponent> plans)
    {
        if (facts.OnlyBuild || !workspace.Components.Any(static c => c.Dependencies.Any()))
        {
            return plans;
        }

        var planned = plans.ToDictionary(static p => p.Name, StringComparer.Ordinal);
        var contents = new Dictionary<string, Content>(StringComparer.Ordinal);
        foreach (var component in Order.ByRollout(workspace))
        {
            Visit(component);
        }

        return [.. plans.Select(p => planned[p.Name])];

        Content ContentOf(string dependency)
        {
            if (!contents.TryGetValue(dependency, out var content) && workspace.Find(dependency) is { } component)
            {
                Visit(component);
                content = contents[dependency];
            }

            return content;
        }

        void Visit(Component component)
        {
            // What is on the way already is met again only where `uses` and `needs` go round: then its artifact alone speaks for it.
            if (!contents.TryAdd(component.Name, ArtifactOf(component, planned.GetValueOrDefault(component.Name), facts)))
            {
                return;
            }

            var loads = new SortedDictionary<string, Digest>(StringComparer.Ordinal);
            foreach (var dependency in component.Dependencies)
            {
                if (ContentOf(dependency) is { Pending: false, Value.IsNone: false } known)
                {
                    loads[dependency] = known.Value;
                }
            }

            var loaded = LoadedBy(component.Name, facts);
            if (planned.TryGetValue(component.Name, out var plan))
            {
                plan = Due(component, plan with { Loads = loads }, loaded, ContentOf, facts);
                planned[component.Name] = plan;
            }

            contents[component.Name] = With(contents[component.Name], component, plan is { RollsOut: true } ? ContentOf : d => loaded is not null && loaded.TryGetValue(d, out var was) ? new Content(was, false) : default);
        }
    }

    /// <summary>What is restarted next time, by component, in words: for a look at what runs, without a plan.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Stale(
        Workspace workspace, IReadOnlyDictionary<string, Running> observed, IReadOnlyDictionary<string, DeployedRecord> records) =>
        Apply(workspace, Standing(observed, records), AsTheyRun(workspace, observed)).Where(static p => p.Action == ActionKind.Reconcile)
            .ToDictionary(static p => p.Name, static p => p.Detail, StringComparer.Ordinal);

    /// <summary>Plans that leave everything as it runs.</summary>
    public static IReadOnlyList<PlannedComponent> AsTheyRun(Workspace workspace, IReadOnlyDictionary<string, Running> observed) =>
    [
        .. from component in Order.ByUses(workspace)
           where component.Run is not null && observed.ContainsKey(component.Name)
           let running = observed[component.Name]
           select new PlannedComponent
           {
               Name = component.Name, Action = ActionKind.Skip, Cause = Cause.Unchanged, Artifact = running.Artifact, DeploymentKey = running.DeploymentKey,
               Fingerprint = new ComponentFingerprint(component.Name, running.Fingerprint, []),
           },
    ];

    private static PlanningFacts Standing(IReadOnlyDictionary<string, Running> observed, IReadOnlyDictionary<string, DeployedRecord> records) => new()
    {
        Fingerprints = new Dictionary<string, ComponentFingerprint>(), Artifacts = new Dictionary<string, Digest>(), RunSettings = new Dictionary<string, IReadOnlyDictionary<string, string>>(),
        Observed = observed, Records = records, RecordedFingerprints = new Dictionary<string, ComponentFingerprint>(),
    };

    /// <summary>What the running instances loaded: as they say, else as it was recorded when exactly they were started. Null: nobody knows.</summary>
    private static IReadOnlyDictionary<string, Digest>? LoadedBy(string component, PlanningFacts facts)
    {
        if (facts.Observed.GetValueOrDefault(component) is not { } running)
        {
            return null;
        }

        return running.Loaded ?? (facts.Records.GetValueOrDefault(component) is { StartedBy: { } by } record && (running.Transaction is null ? record.DeploymentKey == running.DeploymentKey : running.Transaction == by)
            ? record.Loaded
            : null);
    }

    private static Content ArtifactOf(Component component, PlannedComponent? plan, PlanningFacts facts)
    {
        if (plan is { Builds: true, Artifact.IsNone: true })
        {
            return new Content(default, true);
        }

        if (component.Run?.Image is not null)
        {
            // Nothing is built for a fixed image: which one it is stands in its run settings.
            return new Content(plan is { RollsOut: true } ? plan.DeploymentKey : facts.Observed.GetValueOrDefault(component.Name)?.DeploymentKey ?? default, false);
        }

        if (component.Run is null || plan is { RollsOut: true })
        {
            return new Content(plan?.Artifact ?? facts.Records.GetValueOrDefault(component.Name)?.Artifact ?? default, false);
        }

        return new Content(facts.Observed.GetValueOrDefault(component.Name)?.Artifact ?? default, false);
    }

    private static PlannedComponent Due(
        Component component, PlannedComponent plan, IReadOnlyDictionary<string, Digest>? loaded, Func<string, Content> contentOf, PlanningFacts facts)
    {
        if (plan.Action != ActionKind.Skip || component.Run is null || facts.Unreadable is not null || facts.Observed.GetValueOrDefault(component.Name) is not { } running)
        {
            return plan;
        }

        var (why, detail) = (new List<string>(), new List<string>());
        foreach (var dependency in component.Reconciles)
        {
            var now = contentOf(dependency);
            var was = loaded is null ? default : loaded.GetValueOrDefault(dependency);
            var text = now.Pending ? $"{dependency} is built first; if its artifact comes out the same, nothing is restarted"
                : now.Value.IsNone || now.Value == was ? null
                : was.IsNone ? $"which {dependency} it loaded is not known (started by {running.Transaction ?? "nobody knows whom"}); {now.Value.Short} is there now"
                : $"it loaded {dependency} {was.Short}; {now.Value.Short} is there now";
            if (text is not null)
            {
                why.Add(dependency);
                detail.Add(text);
            }
        }

        return why.Count == 0 ? plan : plan with { Action = ActionKind.Reconcile, Cause = Cause.DependencyChanged, Detail = detail, ReconciledFor = why };
    }

    /// <summary>The artifact together with what its instances loaded of what they are restarted for.</summary>
    private static Content With(Content artifact, Component component, Func<string, Content> loaded)
    {
        if (component.Run is null || component.Reconciles.Count == 0 || artifact.Pending || artifact.Value.IsNone)
        {
            return artifact;
        }

        using var hash = new LengthPrefixed("laptime/loaded-content/v1");
        hash.Add(artifact.Value);
        foreach (var dependency in component.Reconciles.Order(StringComparer.Ordinal))
        {
            var content = loaded(dependency);
            if (content.Pending)
            {
                return content;
            }

            hash.Add(dependency).Add(content.Value);
        }

        return new Content(hash.Finish(), false);
    }

    /// <param name="Value">None: nobody can know.</param>
    /// <param name="Pending">It is known when something has been built.</param>
    private readonly record struct Content(Digest Value, bool Pending);
}
