using Laptime.Workspaces;

namespace Laptime.Ledgers;

/// <summary>One finding of the behaviour axis: what a migration's body does, shown. Never says anything of identifiers or the ledger.</summary>
public sealed record BehaviourFinding
{
    /// <summary>As the file writes it: <see cref="Migration.Version"/>.</summary>
    public required string Id { get; init; }

    /// <summary>Relative to the workspace.</summary>
    public required string File { get; init; }

    /// <summary>A stable name: <c>no-op</c>, <c>not-idempotent</c>, <c>called</c>, <c>not-observed</c>, ….</summary>
    public required string Verdict { get; init; }

    /// <summary>Of a pending body: shown not to be idempotent, to lose data, or to be nothing that can be contained. A policy may refuse it; a guess is never grave.</summary>
    public bool Grave { get; init; }

    /// <summary>Conflict: the ledger's policy refuses what is <see cref="Grave"/>.</summary>
    public FindingWeight Weight { get; init; } = FindingWeight.Notice;

    /// <summary>In a sentence.</summary>
    public required string What { get; init; }

    /// <summary>What was observed, a line each.</summary>
    public IReadOnlyList<string> Evidence { get; init; } = [];
}

/// <summary>The behaviour axis of one ledger, told beside the governance axis and never mixed with it.</summary>
/// <param name="Verdict"><c>affected</c>, <c>unaffected</c> or <c>unknown</c>.</param>
/// <param name="What">The verdict in one line of words.</param>
public sealed record BehaviourReport(string Verdict, string What, IReadOnlyList<BehaviourFinding> Findings)
{
    /// <summary>Whether something in it is refused.</summary>
    public bool Refuses => Findings.Any(static f => f.Weight == FindingWeight.Conflict);

    /// <summary>The same report under a policy: the weights change, no verdict and no word.</summary>
    public BehaviourReport Under(BehaviourPolicy policy) =>
        this with { Findings = [.. Findings.Select(f => f with { Weight = f.Grave && policy == BehaviourPolicy.Refuse ? FindingWeight.Conflict : FindingWeight.Notice })] };

    public static readonly BehaviourReport NotLooked = new("unknown", "what the bodies do was not looked at", []);
}
