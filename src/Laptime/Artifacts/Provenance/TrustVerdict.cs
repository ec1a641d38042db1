using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Provenance;

/// <summary>Why an artifact that was looked up is not used. Reports carry the name: <see cref="TrustVerdict.Refused.Fallback"/>.</summary>
public enum Refusal
{
    /// <summary>The store has none, or no provenance of it.</summary>
    Missing,

    /// <summary>Older than its rule allows, or signed after its rule ended.</summary>
    Expired,

    /// <summary>No rule trusts this combination of key, source and builder.</summary>
    Untrusted,

    /// <summary>Signature, digests and statement do not fit each other.</summary>
    Tampered,

    /// <summary>Built from files that were not the commit's.</summary>
    DirtyTree,
}

/// <summary>What the trust rules say to an artifact.</summary>
public abstract record TrustVerdict
{
    private TrustVerdict() { }

    /// <summary>Signature, source, builder and age are what a rule asks for. The artifact to use is <see cref="BuildProvenance.Artifact"/>, whatever a tag says.</summary>
    /// <param name="Rule">The rule.</param>
    /// <param name="Provenance">As signed.</param>
    public sealed record Trusted(TrustRule Rule, BuildProvenance Provenance) : TrustVerdict;

    /// <param name="What">A sentence.</param>
    /// <param name="Where">The rule or the component, where one is to blame.</param>
    /// <param name="Mend">How to mend it.</param>
    public sealed record Refused(Refusal Reason, string What, string? Where, string Mend) : TrustVerdict
    {
        /// <summary>The reason as reports write it: <c>missing</c>, <c>expired</c>, <c>untrusted</c>, <c>tampered</c>, <c>dirty-tree</c>.</summary>
        public string Fallback => Reason == Refusal.DirtyTree ? "dirty-tree" : Reason.ToString().ToLowerInvariant();

        public Problem Problem => new(What, Where, Mend);
    }
}
