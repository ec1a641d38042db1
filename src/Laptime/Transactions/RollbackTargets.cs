using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Targets;

namespace Laptime.Transactions;

/// <summary>What a rollback goes back to: verified records only, each looked at before it is taken, never a guess.</summary>
internal static class RollbackTargets
{
    /// <param name="to">The transaction whose state is wanted; null: the one before the present.</param>
    /// <param name="again">Records whose settings can be had too: they are others to go back to also where only those differ.</param>
    /// <param name="anySchema">Also to what was verified before the schema moved.</param>
    /// <param name="trial">Without <paramref name="to"/>, a record that does not hold is passed over for the one before it.</param>
    /// <param name="pass">Told of each record that was passed over.</param>
    /// <exception cref="LapException">There is nothing to go back to.</exception>
    /// <exception cref="FaultException">There is, and none of it holds (22); or the schema moved since (21).</exception>
    public static async Task<IReadOnlyDictionary<string, DeployedRecord>> FindAsync(
        DeployScope scope, IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> records, IReadOnlySet<string>? selected, string? to, IReadOnlyList<Observed> observed,
        DeployedAgain again, bool anySchema, RollbackTrial trial, Action<string> pass, CancellationToken cancel)
    {
        var targets = new Dictionary<string, DeployedRecord>(StringComparer.Ordinal);
        var problems = new List<Problem>();
        var moved = new List<string>();
        foreach (var component in scope.Workspace.Components.Where(c => c.Run is not null && (selected?.Contains(c.Name) ?? true)))
        {
            var history = records.GetValueOrDefault(component.Name) ?? [];
            var running = observed.FirstOrDefault(o => o.Component == component.Name);
            var candidates = to is null
                ? history.Where(r => again.Differs(r, running?.Artifact ?? history[0].Artifact, running?.DeploymentKey ?? history[0].DeploymentKey)).DistinctBy(again.Brings).ToList()
                : history.Where(r => r.Transaction == to).Concat(history.Where(r => string.CompareOrdinal(r.Transaction, to) <= 0)).Take(1).ToList();
            if (candidates.Count == 0)
            {
                if (selected is not null || to is not null)
                {
                    problems.Add(new Problem(
                        $"{component.Name} has no verified artifact {(to is null ? "before the present one" : "from " + to + " or before")}", scope.Environment.Name,
                        history.Count == 0 ? "it was never deployed here" : "known: " + string.Join(", ", history.Select(r => $"{r.Revision} ({r.Transaction})"))));
                }

                continue;
            }

            if (to is not null && running is { Serving: true } && !again.Differs(candidates[0], running.Artifact, running.DeploymentKey))
            {
                continue;
            }

            if (candidates[0].UnsafeSchema is { } words && !anySchema)
            {
                // What was verified before it is of an older schema still: nothing to look for there.
                moved.Add($"{component.Name}: {candidates[0].Revision} is unsafe(schema): {words}");
                continue;
            }

            var refused = new List<string>();
            foreach (var record in candidates)
            {
                var (usable, line) = await trial(record, cancel);
                if (usable)
                {
                    targets[component.Name] = record;
                    break;
                }

                refused.Add(line);
            }

            if (!targets.ContainsKey(component.Name))
            {
                throw new FaultException(new Fault(
                    Outcome.RollbackFailed, $"nothing to go back to holds: {string.Join("; ", refused)}; what serves now goes on serving{(running?.Revision is { } serves ? $" ({serves})" : "")}", component.Name,
                    "publish or deploy the earlier commit instead; `--override rollback --reason TEXT` takes what is there"));
            }

            foreach (var line in refused)
            {
                pass($"passed over: {line}");
            }
        }

        if (problems.Count == 0 && targets.Count == 0 && moved.Count == 0)
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
