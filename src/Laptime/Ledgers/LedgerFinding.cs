namespace Laptime.Ledgers;

/// <summary>What may be wrong between files, branches and a database's ledger. The names are those of the JSON document.</summary>
public sealed record FindingKind
{
    public static readonly FindingKind DuplicateId = new("duplicate-id", "one identifier, two migrations");
    public static readonly FindingKind SeveralHeads = new("several-heads", "two migrations build on the same one");
    public static readonly FindingKind ContentChanged = new("content-changed", "an applied migration was edited");
    public static readonly FindingKind MissingFile = new("missing-file", "applied, and its file is not here");
    public static readonly FindingKind Skipped = new("skipped", "not applied, and never will be: a later one is");
    public static readonly FindingKind OutOfOrder = new("out-of-order", "not applied, although a later one is");
    public static readonly FindingKind Partial = new("partial", "applied half way");
    public static readonly FindingKind Phantom = new("phantom", "recorded as applied, and its effect is not there");
    public static readonly FindingKind OwnerUnknown = new("owner-unknown", "nobody is named as its owner");

    private FindingKind(string name, string meaning) => (Name, Meaning) = (name, meaning);

    public string Name { get; }

    /// <summary>In a clause.</summary>
    public string Meaning { get; }

    public static IReadOnlyList<FindingKind> All { get; } = [DuplicateId, SeveralHeads, ContentChanged, MissingFile, Skipped, OutOfOrder, Partial, Phantom, OwnerUnknown];

    public override string ToString() => Name;
}

public enum FindingWeight
{
    /// <summary>Worth knowing; nothing is refused for it.</summary>
    Notice,

    /// <summary>Somebody has to decide: exit code 19, and the safe loop refuses.</summary>
    Conflict,
}

/// <summary>One finding of the governance axis. Never says anything of what a body does.</summary>
public sealed record LedgerFinding
{
    public required FindingKind Kind { get; init; }

    public FindingWeight Weight { get; init; } = FindingWeight.Conflict;

    /// <summary>The identifier it is about, as people write it.</summary>
    public required string Id { get; init; }

    /// <summary>Relative to the workspace; those of other branches as <c>BRANCH:PATH</c>.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>What is wrong, in a sentence.</summary>
    public required string What { get; init; }

    /// <summary>Who should own the number, and by what; where nobody disputes it, who answers for the file. Null: nobody is named for it.</summary>
    public string? Owner { get; init; }

    /// <summary>What the ledger records of it; null: there is no ledger to ask.</summary>
    public string? Records { get; init; }

    /// <summary>What to do. No command that writes into a ledger, unless the effect was looked up.</summary>
    public required string Mend { get; init; }
}

/// <summary>The governance axis of one ledger.</summary>
public sealed record GovernanceReport(IReadOnlyList<LedgerFinding> Findings)
{
    /// <summary><c>clean</c> or <c>reconcile</c>.</summary>
    public string Verdict => Findings.Any(f => f.Weight == FindingWeight.Conflict) ? "reconcile" : "clean";

    public bool IsClean => Verdict == "clean";
}
