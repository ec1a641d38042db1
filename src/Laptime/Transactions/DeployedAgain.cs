using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Targets;

namespace Laptime.Transactions;

/// <summary>Which earlier deployments the target can bring back as they were: with the settings of then, not only the artifact.</summary>
/// <param name="answers">Why what a record names cannot be had, null: it can; by component and what is kept of it.</param>
internal sealed class DeployedAgain(IReadOnlyDictionary<(string Component, Digest Stack), string?> answers)
{
    /// <summary>Asks the target once of each that a record names.</summary>
    public static async Task<DeployedAgain> AskAsync(Target target, IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> records, CancellationToken cancel)
    {
        var answers = new Dictionary<(string, Digest), string?>();
        foreach (var record in records.Values.SelectMany(static r => r).Where(static r => !r.Stack.IsNone).DistinctBy(static r => (r.Component, r.Stack)))
        {
            answers[(record.Component, record.Stack)] = await target.WhyNotAgainAsync(record.Component, record.Stack, cancel);
        }

        return new DeployedAgain(answers);
    }

    public bool Can(DeployedRecord record) => answers.TryGetValue((record.Component, record.Stack), out var why) && why is null;

    /// <summary>Whether going back to the record would bring anything else than what runs.</summary>
    public bool Differs(DeployedRecord record, Digest artifact, Digest key) => record.Artifact != artifact || (record.DeploymentKey != key && Can(record));

    /// <summary>What going back to the record would bring: records with the same are one.</summary>
    public (Digest Artifact, Digest Key) Brings(DeployedRecord record) => (record.Artifact, Can(record) ? record.DeploymentKey : default);

    /// <summary>The way back to a record, with its own settings where they can be had, else with those of the files.</summary>
    public PlannedComponent Plan(PlannedComponent planned, DeployedRecord record, IReadOnlyDictionary<string, string> now) => Can(record)
        ? planned with { Again = record, DeploymentKey = record.DeploymentKey, Detail = [.. planned.Detail, .. OfThen(record, now)] }
        : planned with { DeploymentKey = DeploymentKey.Of(planned.Artifact, now) };

    /// <summary>What people must know who go back to a record without its settings; null: nothing.</summary>
    public string? Warning(DeployedRecord record, IReadOnlyDictionary<string, string> now)
    {
        if (Can(record) || ChangedSettings(record, now) is not { Count: > 0 } changed)
        {
            return null;
        }

        var why = answers.GetValueOrDefault((record.Component, record.Stack)) is { } told ? $" ({told})" : "";
        return $"{record.Component} gets its earlier artifact with the run settings of the files as they are now, which are other ones than were deployed with it{why}: {Names(changed)}"
            + "; check the earlier commit out and deploy it to have those back too";
    }

    /// <summary>Run settings that were others when the record was made, by name.</summary>
    public static IReadOnlyList<string> ChangedSettings(DeployedRecord record, IReadOnlyDictionary<string, string> now) => record.RunSettings is { Count: > 0 } then
        ? [.. then.Keys.Union(now.Keys).Where(name => then.GetValueOrDefault(name) != now.GetValueOrDefault(name)).Order(StringComparer.Ordinal)]
        : [];

    private static IEnumerable<string> OfThen(DeployedRecord record, IReadOnlyDictionary<string, string> now) =>
        ChangedSettings(record, now) is { Count: > 0 } changed ? [$"with its run settings of then, which the files have otherwise: {Names(changed)}"] : [];

    private static string Names(IReadOnlyList<string> names) => string.Join(", ", names.Take(6)) + (names.Count > 6 ? $" and {names.Count - 6} more" : "");
}
