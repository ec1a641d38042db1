using Laptime.Artifacts;
using Laptime.Fingerprints;

namespace Laptime.Transactions;

/// <summary>What looking for a prebuilt artifact gave: one with provenance that holds, or the reason to build instead.</summary>
public abstract record LookupAnswer
{
    private LookupAnswer()
    {
    }

    /// <summary>The provenance that was read, believed or not; null: there was none.</summary>
    public AttestationRef? Judged { get; init; }

    /// <summary>Built at a trusted event; signature, source, builder and age were verified. Its bytes are verified when they are fetched.</summary>
    /// <param name="Artifact">What the provenance speaks of.</param>
    /// <param name="Provenance">For the report.</param>
    /// <param name="Origin">When and by which transaction it was built.</param>
    public sealed record Prebuilt(Digest Artifact, ProvenanceReport Provenance, ArtifactOrigin Origin) : LookupAnswer;

    /// <param name="Reason">missing, expired, untrusted, tampered, dirty-tree or lookup-failed.</param>
    /// <param name="Why">In a sentence.</param>
    /// <param name="Mend">What makes the next look-up succeed.</param>
    public sealed record Fallback(string Reason, string Why, string Mend) : LookupAnswer
    {
        public const string Missing = "missing";
        public const string Tampered = "tampered";
        public const string DirtyTree = "dirty-tree";
        public const string LookupFailed = "lookup-failed";
    }
}
