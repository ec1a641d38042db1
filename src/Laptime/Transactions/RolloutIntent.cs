using Laptime.Planning;
using Laptime.Targets;

namespace Laptime.Transactions;

/// <summary>What a transaction is about to do to a safe environment: asked of its guardrails before anything is touched.</summary>
public sealed record RolloutIntent
{
    public required TransactionRun Run { get; init; }

    /// <summary>What would be rolled out.</summary>
    public required IReadOnlyList<IntendedRollout> Components { get; init; }

    /// <summary>What the target runs now.</summary>
    public required IReadOnlyList<Observed> Observed { get; init; }

    /// <summary>The transaction that is promoted; null: this is a deploy.</summary>
    public TransactionDocument? From { get; init; }

    /// <summary>What that one left out, and nothing made up for.</summary>
    public IReadOnlyList<UnpaidGap> Gaps { get; init; } = [];

    /// <summary>What is only made up for once nothing else refuses, in words.</summary>
    public IReadOnlyList<string> Owed { get; init; } = [];

    /// <summary>What was made up for, in words.</summary>
    public IReadOnlyList<string> Paid { get; init; } = [];

    /// <summary>Asked once more, with the environment's lock: what may have changed while it was waited for. Null: asked for the first time.</summary>
    public EnvironmentLock? Held { get; init; }

    /// <summary>Only asked: nothing will be done, and nothing is recorded.</summary>
    public bool DryRun { get; init; }
}

/// <param name="Provenance">Where the artifact comes from, verified; null: that does not hold.</param>
/// <param name="Refusal">Why not.</param>
/// <param name="Judged">The provenance that was read for either; null: there was none.</param>
public sealed record IntendedRollout(PlannedComponent Planned, ProvenanceReport? Provenance, LookupAnswer.Fallback? Refusal, AttestationRef? Judged);

/// <param name="What">What was left out, and why it is not made up for.</param>
/// <param name="Mend">How to.</param>
public sealed record UnpaidGap(string What, string Mend);

/// <summary>Asks the guardrails of a safe environment.</summary>
/// <exception cref="Foundations.FaultException">They refuse (21).</exception>
public delegate Task Guard(RolloutIntent intent, CancellationToken cancel);

/// <summary>Whether a record may be gone back to, and what is known of it in a line.</summary>
public delegate Task<(bool Usable, string Line)> RollbackTrial(DeployedRecord record, CancellationToken cancel);
