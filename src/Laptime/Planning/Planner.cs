using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>
/// Decides what a deploy does and says why. Pure: the same facts give the same plan, nothing is read, run or written. Doubt plans work, never a skip;
/// a skip is only planned on what the target itself says.
/// </summary>
public static class Planner
{
    private const int MostDetails = 200;

    public static Plan Make(Workspace workspace, DeployEnvironment environment, PlanningFacts facts)
    {
        var planned = new Dictionary<string, PlannedComponent>(StringComparer.Ordinal);
        var ordered = new List<PlannedComponent>();
        var bootstrap = facts.OnlyBuild ? null : facts.Infra?.Plan;
        foreach (var component in Order.ByUses(workspace))
        {
            if (facts.Selected is null || facts.Selected.Contains(component.Name))
            {
                var plan = PlanOne(component, facts, planned);
                planned.Add(component.Name, plan);
                ordered.Add(plan);
            }
        }

        return new Plan(Reconciliation.Apply(workspace, facts, ordered), [.. Warnings(workspace, facts), .. bootstrap is null ? (IReadOnlyList<string>)[] : [bootstrap.Text(environment.Name, facts.Widened)]])
        {
            Bootstrap = bootstrap,
        };
    }

    /// <summary>
    /// Plans one component, given the plans of what it uses. Called again during a deploy when an upstream artifact is known: an equal one cuts the wave off.
    /// </summary>
    public static PlannedComponent PlanOne(
        Component component, PlanningFacts facts, IReadOnlyDictionary<string, PlannedComponent> upstream)
    {
        var fingerprint = facts.Fingerprints[component.Name];
        var artifact = facts.Artifacts.GetValueOrDefault(component.Name);
        var record = facts.Records.GetValueOrDefault(component.Name);
        var observed = facts.Observed.GetValueOrDefault(component.Name);
        var runs = component.Run is not null && !facts.OnlyBuild;
        var key = runs && !artifact.IsNone ? DeploymentKey.Of(artifact, facts.RunSettings[component.Name]) : Digest.None;

        var prebuilt = !artifact.IsNone && facts.Prebuilt.Contains(component.Name);
        PlannedComponent Say(ActionKind action, Cause cause, params IReadOnlyList<string> detail) => new()
        {
            Name = component.Name, Action = action == ActionKind.Rollout && prebuilt ? ActionKind.LookupAndRollout : action, Cause = cause, Detail = detail,
            Fingerprint = fingerprint, Artifact = artifact, DeploymentKey = key, Prebuilt = prebuilt, Image = runs ? component.Run!.Image : null,
        };

        var build = runs ? ActionKind.BuildAndRollout : ActionKind.Build;
        if (facts.Force)
        {
            return Say(build, Cause.Forced);
        }

        var pending = component.Uses.Where(u => upstream.TryGetValue(u, out var p) && p.Builds).ToList();
        if (artifact.IsNone)
        {
            var (cause, detail) = WhyBuild(component, fingerprint, record, facts, pending);
            return Say(build, cause, detail);
        }

        if (!runs)
        {
            return record is null || record.Artifact == artifact
                ? Say(ActionKind.Skip, Cause.Unchanged)
                : Say(ActionKind.Skip, Cause.Unchanged, $"artifact {artifact.Short} is here already");
        }

        if (facts.Unreadable is { } unread)
        {
            return Say(ActionKind.Rollout, Cause.TargetDrifted, $"the target could not be read: {unread}");
        }

        if (observed is null)
        {
            return record is null
                ? Say(ActionKind.Rollout, Cause.NeverDeployed)
                : Say(ActionKind.Rollout, Cause.TargetDrifted, $"the target runs none; {record.Revision ?? record.Artifact.Short} was deployed {Stamp(record.At)}");
        }

        if (!observed.Serving)
        {
            return Say(ActionKind.Rollout, Cause.TargetDrifted, observed.Detail ?? "it is not serving");
        }

        if (observed.Artifact == artifact && observed.DeploymentKey == key)
        {
            return observed.Fingerprint == fingerprint.Value || (record is not null && record.Fingerprint == fingerprint.Value && record.DeploymentKey == key)
                ? Say(ActionKind.Skip, Cause.Unchanged)
                : Say(ActionKind.Skip, Cause.DigestAlreadyDeployed, Differences(component.Name, fingerprint, facts).Texts);
        }

        if (record is not null && record.Artifact != observed.Artifact)
        {
            return Say(ActionKind.Rollout, Cause.TargetDrifted, $"the target runs {observed.Revision ?? observed.Artifact.Short}, not {record.Revision ?? record.Artifact.Short} as deployed {Stamp(record.At)}");
        }

        if (record is not null && record.DeploymentKey != observed.DeploymentKey)
        {
            return Say(ActionKind.Rollout, Cause.TargetDrifted, $"the target runs {observed.Revision ?? observed.Artifact.Short} with other run settings than were deployed {Stamp(record.At)}");
        }

        if (observed.Artifact == artifact)
        {
            return Say(ActionKind.Rollout, Cause.RunSettingsChanged, ChangedSettings(facts.RunSettings[component.Name], record));
        }

        if (record is not null && record.Fingerprint == fingerprint.Value)
        {
            return Say(
                ActionKind.Rollout, record.Tainted ? Cause.ArtifactTainted : Cause.NeverDeployed,
                $"{artifact.Short} was built from the same inputs since {record.Artifact.Short} was deployed {Stamp(record.At)}");
        }

        var (why, facets) = WhyDifferent(component, fingerprint, facts);
        return Say(ActionKind.Rollout, why, facets);
    }

    private static (Cause Cause, IReadOnlyList<string> Detail) WhyBuild(
        Component component, ComponentFingerprint fingerprint, DeployedRecord? record, PlanningFacts facts, List<string> pending)
    {
        if (record is null)
        {
            return (Cause.NeverBuilt, []);
        }

        if (record.Fingerprint == fingerprint.Value)
        {
            return record.Tainted
                ? (Cause.ArtifactTainted, ["an input changed while it was built; that artifact was never cached"])
                : (Cause.ArtifactMissing, [$"the artifact of {fingerprint.Value.Short} is not in the store"]);
        }

        var (cause, detail) = WhyDifferent(component, fingerprint, facts);
        return cause == Cause.UsesChanged && pending.Count > 0
            ? (cause, [.. pending.Select(u => $"{u} is built first; if its artifact comes out the same, nothing is built here")])
            : (cause, detail);
    }

    private static (Cause Cause, IReadOnlyList<string> Detail) WhyDifferent(Component component, ComponentFingerprint fingerprint, PlanningFacts facts)
    {
        var (kinds, texts) = Differences(component.Name, fingerprint, facts);
        if (kinds.Count == 0)
        {
            return (Cause.InputsChanged, ["the record of what it was built from is lost"]);
        }

        var cause = kinds.Contains(PartKind.File) || kinds.Contains(PartKind.Variable) ? Cause.InputsChanged
            : kinds.Contains(PartKind.Uses) ? Cause.UsesChanged
            : kinds.Contains(PartKind.Profile) ? Cause.ProfileChanged
            : Cause.SettingsChanged;
        return (cause, texts);
    }

    /// <summary>The differing parts in words, files first; at most <see cref="MostDetails"/>, then a count.</summary>
    private static (IReadOnlyList<PartKind> Kinds, IReadOnlyList<string> Texts) Differences(string component, ComponentFingerprint fingerprint, PlanningFacts facts)
    {
        if (!facts.RecordedFingerprints.TryGetValue(component, out var before))
        {
            return ([], []);
        }

        var diff = FingerprintDiff.Between(before, fingerprint);
        List<string> texts = [];
        foreach (var kind in diff.Kinds)
        {
            foreach (var (old, now) in diff.Changed)
            {
                if (now.Kind == kind)
                {
                    texts.Add(kind == PartKind.Tool ? $"tool {now.Name}: {old.Value} → {now.Value}" : Name(kind, now.Name));
                }
            }

            foreach (var part in diff.Added)
            {
                if (part.Kind == kind)
                {
                    texts.Add(Name(kind, part.Name) + " (added)");
                }
            }

            foreach (var part in diff.Removed)
            {
                if (part.Kind == kind)
                {
                    texts.Add(Name(kind, part.Name) + " (removed)");
                }
            }
        }

        return (diff.Kinds, texts.Count > MostDetails ? [.. texts.Take(MostDetails), $"and {texts.Count - MostDetails} more"] : texts);
    }

    private static string Name(PartKind kind, string name) => kind switch
    {
        PartKind.File => name,
        PartKind.Variable => $"variable {name}",
        PartKind.Step => $"step {name[(name.IndexOf(' ') + 1)..]}",
        PartKind.Profile => name.Length == 0 ? "the profile" : $"profile variable {name}",
        PartKind.Platform => "platform",
        PartKind.Tool => $"tool {name}",
        PartKind.Uses => $"artifact of {name}",
        _ => name,
    };

    private static List<string> ChangedSettings(IReadOnlyDictionary<string, string> wanted, DeployedRecord? record)
    {
        List<string> changed = record is null || record.RunSettings.Count == 0 ? [] :
        [
            .. wanted.Where(s => !record.RunSettings.ContainsKey(s.Key)).Select(s => $"run.{s.Key} (added)"),
            .. wanted.Where(s => record.RunSettings.TryGetValue(s.Key, out var old) && old != s.Value).Select(s => $"run.{s.Key}"),
            .. record.RunSettings.Keys.Where(k => !wanted.ContainsKey(k)).Select(k => $"run.{k} (removed)"),
        ];
        return changed.Count > 0 ? changed : ["run settings differ from what the target runs"];
    }

    private static IReadOnlyList<string> Warnings(Workspace workspace, PlanningFacts facts) =>
    [
        .. facts.Observed.Keys.Where(name => workspace.Find(name)?.Run is null).Order(StringComparer.Ordinal)
            .Select(name => $"{name} runs in the target but laptime.yaml does not run it: `lap down {name}` stops it"),
    ];

    private static string Stamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
