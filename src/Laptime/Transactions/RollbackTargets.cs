using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Targets;

namespace Laptime.Transactions;

/// <summary>What a rollback goes back to: verified records only, never a guess.</summary>
internal static class RollbackTargets
{
    /// <summary>Run settings that were others when the artifact was deployed, by name.</summary>
    public static IReadOnlyList<string> ChangedSettings(IReadOnlyList<DeployedRecord> history, Fingerprints.Digest artifact, IReadOnlyDictionary<string, string> now) =>
        history.FirstOrDefault(r => r.Artifact == artifact)?.RunSettings is { Count: > 0 } then
            ? [.. then.Keys.Union(now.Keys).Where(name => then.GetValueOrDefault(name) != now.GetValueOrDefault(name)).Order(StringComparer.Ordinal)]
            : [];

    /// <param name="to">The transaction whose state is wanted; null: the one before the present.</param>
    /// <param name="anySchema">Also to what was verified before the schema moved.</param>
    /// <exception cref="LapException">There is nothing to go back to.</exception>
    /// <exception cref="FaultException">There is, and the schema moved since.</exception>
    public static IReadOnlyDictionary<string, PlannedComponent> Find(
        DeployScope scope, IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> records, IReadOnlySet<string>? selected, string? to, IReadOnlyList<Observed> observed, bool anySchema = false)
    {
        var targets = new Dictionary<string, PlannedComponent>(StringComparer.Ordinal);
        var problems = new List<Problem>();
        var moved = new List<string>();
        foreach (var component in scope.Workspace.Components.Where(c => c.Run is not null && (selected?.Contains(c.Name) ?? true)))
        {
            var history = records.GetValueOrDefault(component.Name) ?? [];
            var running = observed.FirstOrDefault(o => o.Component == component.Name);
            var record = to is null
                ? history.FirstOrDefault(r => r.Artifact != (running?.Artifact ?? history[0].Artifact))
                : history.FirstOrDefault(r => r.Transaction == to) ?? history.FirstOrDefault(r => string.CompareOrdinal(r.Transaction, to) <= 0);
            if (record is null)
            {
                if (selected is not null || to is not null)
                {
                    problems.Add(new Problem(
                        $"{component.Name} has no verified artifact {(to is null ? "before the present one" : "from " + to + " or before")}", scope.Environment.Name,
                        history.Count == 0 ? "it was never deployed here" : "known: " + string.Join(", ", history.Select(r => $"{r.Revision} ({r.Transaction})"))));
                }
            }
            else if (record.Artifact != running?.Artifact || !running.Serving)
            {
                if (record.UnsafeSchema is { } words)
                {
                    moved.Add($"{component.Name}: {record.Revision} is unsafe(schema): {words}");
                }

                targets[component.Name] = new PlannedComponent
                {
                    Name = component.Name,
                    Action = ActionKind.Rollout,
                    Cause = Cause.Forced,
                    Detail = record.UnsafeSchema is { } why
                        ? [$"back to {record.Revision}, verified by {record.Transaction}", $"unsafe(schema): {why}"] : [$"back to {record.Revision}, verified by {record.Transaction}"],
                    Fingerprint = FingerprintRecord.Load(scope.FingerprintFile(component.Name, record.Fingerprint)) ?? new ComponentFingerprint(component.Name, record.Fingerprint, []),
                    Artifact = record.Artifact,
                };
            }
        }

        if (problems.Count == 0 && targets.Count == 0)
        {
            problems.Add(new Problem("there is nothing to roll back to", scope.Environment.Name, "a rollback needs a second artifact that was verified here: see `lap history`"));
        }

        if (problems.Count == 0 && moved.Count > 0 && !anySchema)
        {
            throw new FaultException(new Fault(
                Outcome.GuardrailRefused, $"the schema moved since: {string.Join("; ", moved)}", scope.Environment.Name,
                "take the migrations back first, or go forward; --unsafe-schema rolls back although the earlier code may not fit the database"));
        }

        return problems.Count > 0 ? throw new LapException(problems) : targets;
    }
}
