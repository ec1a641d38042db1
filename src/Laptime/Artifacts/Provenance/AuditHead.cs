using Laptime.Fingerprints;

namespace Laptime.Artifacts.Provenance;

/// <summary>How far an audit log went at a moment. Signatures and copies of it that lie elsewhere hold the log fast.</summary>
/// <param name="Count">Entries.</param>
/// <param name="Head">SHA-256 of the last line's bytes.</param>
public sealed record AuditHead(long Count, Digest Head)
{
    public static AuditHead Empty { get; } = new(0, Digest.None);
}
