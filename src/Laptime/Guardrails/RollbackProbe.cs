using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Transactions;

namespace Laptime.Guardrails;

/// <summary>What is known of something to go back to.</summary>
public enum RollbackStatus
{
    /// <summary>Every part of it is there, it ran here with its smoke checks passed, and the schema fits.</summary>
    Proven,

    /// <summary>It is there, but that it worked here is not shown, or too long ago.</summary>
    Stale,

    /// <summary>The database has moved on in a way that it may not understand.</summary>
    UnsafeSchema,

    /// <summary>Not all of it can be had any more.</summary>
    Missing,
}

/// <param name="Revision">What would serve again.</param>
/// <param name="What">In a sentence.</param>
public sealed record RollbackTarget(string Component, string Revision, Digest Artifact, RollbackStatus Status, string What)
{
    public string Text => Status switch { RollbackStatus.Proven => "proven", RollbackStatus.Stale => "stale", RollbackStatus.Missing => "missing", _ => "unsafe(schema)" };

    public string Line => $"{Component}: {Revision} is {Text}: {What}";
}

/// <summary>Looks at what a rollout could be taken back to, before it begins: an artifact that was pruned is found then and not when it is needed.</summary>
/// <param name="stores">Where artifacts are, the nearest first.</param>
/// <param name="history">Transactions of this environment, the newest first.</param>
public sealed class RollbackProbe(IReadOnlyList<ArtifactStore> stores, IReadOnlyList<TransactionDocument> history, TimeSpan? most, DateTimeOffset now)
{
    /// <param name="record">What was verified here, and would be gone back to.</param>
    public async Task<RollbackTarget> ProbeAsync(DeployedRecord record, CancellationToken cancel)
    {
        var revision = record.Revision ?? record.Artifact.Short;
        RollbackTarget Is(RollbackStatus status, string what) => new(record.Component, revision, record.Artifact, status, what);

        if (!await IsThereAsync(record.Artifact, cancel))
        {
            return Is(RollbackStatus.Missing, $"not all of {record.Artifact.Short} is in {string.Join(" or ", stores.Select(s => s.Name))} any more");
        }

        if (record.UnsafeSchema is { } schema)
        {
            return Is(RollbackStatus.UnsafeSchema, schema);
        }

        var proof = history.FirstOrDefault(t => t.ExitCode == 0 && t.Components.Any(c => c.Name == record.Component && c.Artifact == record.Artifact.ToString() && c.Signals.Smoke.Status == "pass"));
        return proof is null ? Is(RollbackStatus.Stale, "no transaction shows that its smoke checks passed here")
            : most is { } age && proof.Interval?.End is { } end && now - end > age ? Is(RollbackStatus.Stale, $"its smoke checks passed here last in {proof.Id}, more than {Foundations.Duration.Text(age)} ago")
            : Is(RollbackStatus.Proven, $"all of it is there, and its smoke checks passed here in {proof.Id}");
    }

    private async Task<bool> IsThereAsync(Digest artifact, CancellationToken cancel)
    {
        foreach (var store in stores)
        {
            try
            {
                if (await store.HasAsync(artifact, cancel))
                {
                    return true;
                }
            }
            catch (StoreException)
            {
                // A store that does not answer has it for nobody.
            }
        }

        return false;
    }
}
