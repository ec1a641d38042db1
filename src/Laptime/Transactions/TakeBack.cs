using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;

namespace Laptime.Transactions;

/// <summary>
/// The safe loop's own rollback: when a rollout fails, what the same transaction had brought in before is taken back to what was verified, so that no environment is left half new.
/// What failed itself never replaced anything.
/// </summary>
internal static class TakeBack
{
    /// <summary>Does the work; after a failure the rest is taken back, and the failure says so.</summary>
    /// <exception cref="FaultException">The failure of the work; or 22 when taking back failed too, with what serves now.</exception>
    public static async Task<int> UnlessAllAsync(TransactionRun run, PlanningFacts facts, RolloutPhase rollout, Func<Task<int>> work, CancellationToken cancel)
    {
        var state = new StateStore(run.Scope.EnvironmentFolder);
        var before = state.Load();
        try
        {
            return await work();
        }
        catch (FaultException e)
        {
            var back = state.Load().Where(c => c.Value[0].Transaction == run.Id && before.TryGetValue(c.Key, out var records) && records[0].DeploymentKey != c.Value[0].DeploymentKey)
                .ToDictionary(c => c.Key, c => c.Value.FirstOrDefault(r => r.DeploymentKey == before[c.Key][0].DeploymentKey) ?? before[c.Key][0], StringComparer.Ordinal);
            foreach (var (name, record) in back.Where(b => b.Value.UnsafeSchema is not null).ToList())
            {
                run.Log.Warn($"{name} is not taken back to {record.Revision}: unsafe(schema): {record.UnsafeSchema}");
                back.Remove(name);
            }

            if (back.Count == 0)
            {
                throw;
            }

            var again = await rollout.AskAgainAsync(before, cancel);
            var words = string.Join(", ", back.Select(b => b.Value.Revision ?? b.Key));
            run.Log.Warn($"{e.Fault.What}: taking back what was brought in already, to {words}");
            try
            {
                await rollout.RolloutGivenAsync(back.ToDictionary(b => b.Key, b => To(run.Scope, b.Value, again, facts, $"{e.Fault.Outcome.Name} of this transaction"), StringComparer.Ordinal), facts, cancel);
            }
            catch (FaultException second)
            {
                var serves = string.Join(", ", run.Log.Document.Components.Select(c => c.StillServing).OfType<string>());
                throw new FaultException(second.Fault with
                {
                    Outcome = Outcome.RollbackFailed,
                    What = $"{e.Fault.What}; and taking back to {words} failed ({second.Fault.Outcome.Name}): {second.Fault.What}{(serves.Length > 0 ? $"; {serves} serve now" : "")}",
                    Mend = $"`lap status --env {run.Scope.Environment.Name}` says what serves now; {second.Fault.Mend}",
                }, second);
            }

            throw new FaultException(e.Fault with { What = $"{e.Fault.What}; {words} serve{(back.Count == 1 ? "s" : "")} again" }, e);
        }
    }

    /// <summary>The rollout that leads back to a record, with its settings where they can be had, else with the run settings of today.</summary>
    public static PlannedComponent To(DeployScope scope, DeployedRecord record, DeployedAgain again, PlanningFacts facts, string because) => again.Plan(new PlannedComponent
    {
        Name = record.Component,
        Action = ActionKind.Rollout,
        Cause = Cause.Forced,
        Detail = [$"back to {record.Revision}, verified by {record.Transaction}: {because}", .. record.UnsafeSchema is { } moved ? [$"unsafe(schema): {moved}"] : (IReadOnlyList<string>)[]],
        Fingerprint = FingerprintRecord.Load(scope.FingerprintFile(record.Component, record.Fingerprint)) ?? new ComponentFingerprint(record.Component, record.Fingerprint, []),
        Artifact = record.Artifact,
    }, record, facts.RunSettings[record.Component]);
}
