using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;

namespace Laptime.Audit;

/// <summary>What can be wrong with an audit log.</summary>
public enum AuditTrouble
{
    /// <summary>A line is not the one that the next was chained to.</summary>
    Edited,

    /// <summary>Lines in between are gone.</summary>
    Removed,

    /// <summary>Lines stand in another order than they were written in.</summary>
    Reordered,

    /// <summary>The log ends before a checkpoint that was made of it.</summary>
    CutTail,

    /// <summary>The chain holds, but it is another one than a checkpoint was made of.</summary>
    Rewritten,

    /// <summary>The last line is not whole: a crash while it was written, or somebody cut it.</summary>
    TornTail,

    /// <summary>A checkpoint that no known key signed.</summary>
    BadCheckpoint,
}

/// <param name="Line">Where in the file; null: nowhere in particular.</param>
/// <param name="What">In words.</param>
public sealed record AuditFinding(AuditTrouble Trouble, long? Line, string What);

/// <summary>The answer of a check.</summary>
/// <param name="Head">How far the log goes.</param>
/// <param name="Last">The furthest head that a signature or a copy elsewhere holds fast; null: none.</param>
/// <param name="Findings">Empty: it is whole, as far as it can be seen.</param>
/// <param name="Blind">What this check cannot see, in words. Never empty: no log proves itself.</param>
public sealed record AuditVerdict(AuditHead Head, AuditCheckpoint? Last, IReadOnlyList<AuditFinding> Findings, IReadOnlyList<string> Blind)
{
    public bool IsWhole => Findings.Count == 0;
}

/// <summary>Checks a log against itself, against signed checkpoints and against heads that are kept elsewhere.</summary>
public static class AuditCheck
{
    /// <param name="keys">The public keys that checkpoints may be signed with.</param>
    /// <param name="pinned">Heads from elsewhere: attestations in a store that others write too.</param>
    public static AuditVerdict Of(AuditLog log, IReadOnlyList<VerificationKey> keys, IReadOnlyList<AuditCheckpoint> pinned)
    {
        var (signed, bad) = log.ReadCheckpoints(keys);
        var (lines, torn) = log.Lines();
        return Of(lines, torn.Length, signed, pinned, bad);
    }

    /// <summary>The same on bytes, without any file.</summary>
    public static AuditVerdict Of(
        IReadOnlyList<ReadOnlyMemory<byte>> lines, int torn, IReadOnlyList<AuditCheckpoint> signed, IReadOnlyList<AuditCheckpoint> pinned, IReadOnlyList<string> badCheckpoints)
    {
        var findings = new List<AuditFinding>();
        var digests = lines.Select(l => Digest.Of(l.Span)).ToList();
        Chain(lines, digests, findings);
        if (torn > 0)
        {
            findings.Add(new AuditFinding(AuditTrouble.TornTail, lines.Count + 1, $"{torn} bytes after the last whole line: a crash while it was written, or somebody cut it; the next entry records them"));
        }

        var checkpoints = signed.Concat(pinned).OrderBy(c => c.Head.Count).ToList();
        if (checkpoints.LastOrDefault() is { } furthest && furthest.Head.Count > lines.Count)
        {
            var missing = furthest.Head.Count - lines.Count;
            findings.Add(new AuditFinding(AuditTrouble.CutTail, lines.Count + 1,
                $"{missing} {(missing == 1 ? "entry is" : "entries are")} gone from the end: {furthest.Held} ({furthest.At:yyyy-MM-dd HH:mm}Z) knew {furthest.Head.Count}, and {lines.Count} are here"));
        }

        if (checkpoints.FirstOrDefault(c => c.Head.Count > 0 && c.Head.Count <= lines.Count && digests[(int)c.Head.Count - 1] != c.Head.Head) is { } other)
        {
            findings.Add(new AuditFinding(AuditTrouble.Rewritten, other.Head.Count,
                $"entry {other.Head.Count} is not the one that was there: {other.Held} ({other.At:yyyy-MM-dd HH:mm}Z) knew {other.Head.Head.Short}, and {digests[(int)other.Head.Count - 1].Short} is here"));
        }

        findings.AddRange(badCheckpoints.Select(b => new AuditFinding(AuditTrouble.BadCheckpoint, null, b)));
        var last = checkpoints.LastOrDefault(c => c.Head.Count <= lines.Count && (c.Head.Count == 0 || digests[(int)c.Head.Count - 1] == c.Head.Head));
        var head = lines.Count == 0 ? AuditHead.Empty : new AuditHead(lines.Count, digests[^1]);
        return new AuditVerdict(head, last, findings, Blind(head, last, pinned));
    }

    /// <summary>Every line must carry the hash of the one before it, and the number after it.</summary>
    private static void Chain(IReadOnlyList<ReadOnlyMemory<byte>> lines, List<Digest> digests, List<AuditFinding> findings)
    {
        var entries = lines.Select(l => AuditEntry.Parse(l.Span)).ToList();
        var present = entries.OfType<AuditEntry>().Select(e => e.Seq).ToHashSet();
        long expected = 1;
        for (var i = 0; i < lines.Count; i++)
        {
            if (entries[i] is not { } entry)
            {
                findings.Add(new AuditFinding(AuditTrouble.Edited, i + 1, $"line {i + 1} is no entry of an audit log"));
                expected++;
                continue;
            }

            var before = i == 0 ? Digest.None : digests[i - 1];
            if (entry.Seq == expected)
            {
                if (entry.Previous != before)
                {
                    findings.Add(i == 0
                        ? new AuditFinding(AuditTrouble.Removed, 1, "the first line points at one before it")
                        : new AuditFinding(AuditTrouble.Edited, i, $"entry {entries[i - 1]?.Seq ?? i} was changed after entry {entry.Seq} was written, or {entry.Seq} itself was"));
                }
            }
            else if (entry.Seq > expected)
            {
                var gap = Enumerable.Range(0, (int)Math.Min(entry.Seq - expected, 1_000_000)).Select(n => expected + n).Where(n => !present.Contains(n)).ToList();
                findings.Add(gap.Count == 0
                    ? new AuditFinding(AuditTrouble.Reordered, i + 1, $"entry {entry.Seq} stands where entry {expected} was written")
                    : new AuditFinding(AuditTrouble.Removed, i + 1, gap.Count == 1 ? $"entry {gap[0]} is gone" : $"entries {gap[0]} to {gap[^1]} are gone"));
            }
            else
            {
                findings.Add(new AuditFinding(AuditTrouble.Reordered, i + 1, $"entry {entry.Seq} stands after entry {expected - 1}"));
            }

            expected = entry.Seq + 1;
        }
    }

    private static List<string> Blind(AuditHead head, AuditCheckpoint? last, IReadOnlyList<AuditCheckpoint> pinned)
    {
        var blind = new List<string>();
        if (last is null)
        {
            blind.Add(head.Count == 0
                ? "there is no log here; one that was removed together with its checkpoints leaves no trace on this machine"
                : "no checkpoint vouches for any of it: whoever can write the file can have cut its end or written all of it anew (`lap keys create audit`, and later entries are signed)");
        }
        else if (last.Head.Count < head.Count)
        {
            blind.Add($"entries {last.Head.Count + 1} to {head.Count} come after the last checkpoint: cut and written anew, they would look the same");
        }

        if (pinned.Count == 0 && last is not null)
        {
            blind.Add("every checkpoint lies beside the log: whoever has the signing key can replace both. `lap publish` and `lap promote` pin the head in attestations that lie elsewhere");
        }

        blind.Add("what was never recorded, and whether an actor is who they say");
        return blind;
    }
}
