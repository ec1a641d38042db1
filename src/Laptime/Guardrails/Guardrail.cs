using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>What a guardrail says.</summary>
public enum GuardrailStatus
{
    Pass,

    /// <summary>This environment does not ask for it.</summary>
    NotAsked,

    /// <summary>It would refuse; the policy only reports it.</summary>
    Reported,

    /// <summary>It refuses; somebody opened it, with a reason.</summary>
    Overridden,

    Refused,
}

/// <summary>The verdict of one guardrail, with the evidence that it follows from.</summary>
/// <param name="What">In a sentence.</param>
/// <param name="Evidence">The facts, each a line: digests, commits, transactions, people.</param>
/// <param name="Mend">What makes it pass; null: it does.</param>
public sealed record Guardrail(GuardrailName Name, GuardrailStatus Status, string What, IReadOnlyList<string> Evidence, string? Mend = null)
{
    public string Text => Name.ToString().ToLowerInvariant();

    /// <summary>Why it was opened all the same.</summary>
    public string? Reason { get; init; }

    /// <summary>The statements that were read for it, believed or not.</summary>
    public IReadOnlyList<AttestationRef> Attestations { get; init; } = [];

    public static Guardrail Pass(GuardrailName name, string what, params IReadOnlyList<string> evidence) => new(name, GuardrailStatus.Pass, what, evidence);

    public static Guardrail NotAsked(GuardrailName name, string what) => new(name, GuardrailStatus.NotAsked, what, []);

    public static Guardrail Refuse(GuardrailName name, string what, string mend, params IReadOnlyList<string> evidence) => new(name, GuardrailStatus.Refused, what, evidence, mend);

    public GuardrailReport Report() => new(
        Text, Status switch
        {
            GuardrailStatus.Pass => "pass",
            GuardrailStatus.NotAsked => "not-asked",
            GuardrailStatus.Reported => "reported",
            GuardrailStatus.Overridden => "overridden",
            _ => "refused",
        }, What, Evidence, Mend, Reason) { Attestations = Attestations.Count > 0 ? Attestations : null };
}

/// <summary>What `--override NAME --reason TEXT` opens.</summary>
/// <param name="Reason">Recorded, and shown.</param>
public sealed record GuardrailOverride(IReadOnlySet<GuardrailName> Names, string Reason)
{
    public static GuardrailOverride None { get; } = new(new HashSet<GuardrailName>(), "");

    /// <summary>The verdicts under a policy: what only reports, what was opened. An override that the policy does not allow opens nothing.</summary>
    public IReadOnlyList<Guardrail> Apply(IReadOnlyList<Guardrail> verdicts, GuardrailSettings policy) =>
    [
        .. verdicts.Select(v => v.Status != GuardrailStatus.Refused ? v
            : policy.ReportOnly.Contains(v.Name) ? v with { Status = GuardrailStatus.Reported }
            : !Names.Contains(v.Name) ? v
            : policy.Overridable.Contains(v.Name) ? v with { Status = GuardrailStatus.Overridden, Reason = Reason }
            : v with { Mend = $"{v.Mend} (`--override {v.Text}` is not allowed here: guardrails.override does not name it)" }),
    ];
}
