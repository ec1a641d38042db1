using Laptime.Fingerprints;

namespace Laptime.Gates;

/// <summary>How an item stands.</summary>
public enum GateStatus
{
    /// <summary>Nobody has claimed it.</summary>
    Unclaimed,

    /// <summary>Claimed, and nobody else has verified it yet.</summary>
    Claimed,

    /// <summary>Somebody else has verified it cold, and nothing that it is about has changed since.</summary>
    Pass,

    /// <summary>Somebody else could not repeat it.</summary>
    Fail,

    /// <summary>A later commit touches what it is about.</summary>
    Stale,

    /// <summary>Somebody stands against it.</summary>
    Veto,

    /// <summary>It passes, but something that it needs does not.</summary>
    Blocked,

    /// <summary>Its records were changed, or some are gone.</summary>
    Broken,
}

/// <summary>Why a claim says nothing about the present any more.</summary>
/// <param name="What">The file that changed, or what of gates.yaml did.</param>
/// <param name="Commit">Of the change; null: it is not committed, or unknown here.</param>
/// <param name="Subject">The commit's first line.</param>
public sealed record GateStale(string What, string? Commit, string? Subject)
{
    public override string ToString() => Commit is null ? What : $"{What} changed in {Commit[..Math.Min(12, Commit.Length)]} ({Subject})";
}

/// <summary>An item's standing, with the records that it follows from.</summary>
/// <param name="Claim">The claim that it is about; null: there is none.</param>
/// <param name="Verdicts">The newest verdict of each verifier of that claim.</param>
/// <param name="Vetoes">Those that stand.</param>
/// <param name="Why">In a sentence.</param>
public sealed record GateStanding(
    GateItem Item, GateStatus Status, string Why, StoredRecord? Claim, IReadOnlyList<StoredRecord> Verdicts, IReadOnlyList<StoredRecord> Vetoes, GateStale? Stale, IReadOnlyList<GateTrouble> Troubles);

/// <summary>From records to a standing. Pure.</summary>
public static class GateJudge
{
    /// <param name="records">The item's whole records, in any order.</param>
    /// <param name="troubles">Its others.</param>
    /// <param name="signed">Only signed ones count.</param>
    /// <param name="stale">Why a claim is stale; null: it is not.</param>
    public static GateStanding Of(GateItem item, IReadOnlyList<StoredRecord> records, IReadOnlyList<GateTrouble> troubles, bool signed, Func<StoredRecord, GateStale?> stale)
    {
        var ordered = InOrder(records);
        var gone = Missing(records);
        var vetoes = Standing(ordered, signed);
        var claims = ordered.Where(r => r.Kind == "claim" && (!signed || r.KnownKey is not null)).Reverse().ToList();
        var current = claims.Where(c => stale(c) is null).ToList();
        var judged = current.Select(c => (Claim: c, Verdicts: Verdicts(c, ordered, signed))).ToList();
        var (claim, verdicts) = judged.FirstOrDefault(j => j.Verdicts.Count > 0) is { Claim: not null } decided ? decided : judged.FirstOrDefault();
        var last = claim ?? claims.FirstOrDefault();
        GateStanding Standing_(GateStatus status, string why, GateStale? because = null) => new(item, status, why, last, verdicts ?? [], vetoes, because, troubles);

        if (vetoes.Count > 0)
        {
            return Standing_(GateStatus.Veto, $"{vetoes[^1].Record.By.Name} stands against it: {vetoes[^1].Record.Reason}");
        }

        if (troubles.Count > 0)
        {
            return Standing_(GateStatus.Broken, $"{troubles[0].File} {troubles[0].What}");
        }

        if (gone.Count > 0)
        {
            return Standing_(GateStatus.Broken, $"{gone.Count} of its records {(gone.Count == 1 ? "is" : "are")} gone: a later record knew {string.Join(", ", gone.Take(3).Select(d => d.Short))}");
        }

        if (last is null)
        {
            return Standing_(GateStatus.Unclaimed, signed && records.Any(r => r.Kind == "claim") ? "its claims are not signed with a key of keys/*.pub" : "nobody has claimed it");
        }

        if (claim is null)
        {
            var because = stale(last)!;
            return Standing_(GateStatus.Stale, because.ToString(), because);
        }

        if (verdicts!.FirstOrDefault(v => v.Kind == "fail") is { } failed)
        {
            return Standing_(GateStatus.Fail, $"{failed.Record.By.Name}: {failed.Record.Difference}{(failed.Record.Suspects is [var suspect, ..] ? $"; only the claimer had {suspect.Path}" : "")}");
        }

        return verdicts!.Count > 0
            ? Standing_(GateStatus.Pass, $"verified by {string.Join(", ", verdicts.Select(v => v.Record.By.Name))}")
            : Standing_(GateStatus.Claimed, $"claimed by {claim.Record.By.Name}; somebody else has to verify it");
    }

    /// <summary>An item does not pass while one that it needs does not.</summary>
    public static IReadOnlyList<GateStanding> WithNeeds(IReadOnlyList<GateStanding> standings)
    {
        var settled = standings.ToDictionary(s => s.Item.Id, StringComparer.Ordinal);
        var done = new HashSet<string>(StringComparer.Ordinal);
        return [.. standings.Select(s => Settle(s.Item.Id))];

        GateStanding Settle(string id)
        {
            var standing = settled[id];
            if (!done.Add(id) || standing.Status != GateStatus.Pass)
            {
                return standing;
            }

            var waits = standing.Item.Needs.Where(settled.ContainsKey).Select(Settle).Where(n => n.Status != GateStatus.Pass).ToList();
            return waits.Count == 0
                ? standing
                : settled[id] = standing with { Status = GateStatus.Blocked, Why = $"it needs {string.Join(", ", waits.Select(n => $"{n.Item.Id} ({n.Status.ToString().ToLowerInvariant()})"))}" };
        }
    }

    /// <summary>Why two records come from the same hand; null: they do not, as far as anybody can see.</summary>
    public static string? SameHand(GateRecord a, string? knownKeyOfA, GateRecord b, string? knownKeyOfB)
    {
        if (a.Key is not null && a.Key == b.Key)
        {
            return "the same key signs both";
        }

        if (knownKeyOfA is not null && knownKeyOfB is not null)
        {
            // Two keys that the repository knows are two hands, whatever git's configuration calls them.
            return null;
        }

        return string.Equals(a.By.Email.Trim(), b.By.Email.Trim(), StringComparison.OrdinalIgnoreCase) ? $"git calls both {b.By}" : null;
    }

    public static string? SameHand(StoredRecord a, StoredRecord b) => SameHand(a.Record, a.KnownKey, b.Record, b.KnownKey);

    /// <summary>A record comes after those that it names; what is not decided by that goes by the clock.</summary>
    internal static List<StoredRecord> InOrder(IReadOnlyList<StoredRecord> records)
    {
        var byDigest = records.ToDictionary(r => r.Digest.ToString());
        var depths = new Dictionary<string, int>();
        return [.. records.OrderBy(Depth).ThenBy(r => r.Record.At).ThenBy(r => r.Digest.ToString(), StringComparer.Ordinal)];

        // Digests cannot name each other in a circle; the guard is for records that tests make up.
        int Depth(StoredRecord record)
        {
            var id = record.Digest.ToString();
            if (depths.TryGetValue(id, out var known))
            {
                return known;
            }

            depths[id] = 0;
            return depths[id] = 1 + record.Record.After.Where(byDigest.ContainsKey).Select(a => Depth(byDigest[a])).DefaultIfEmpty(0).Max();
        }
    }

    /// <summary>Records that nothing comes after.</summary>
    internal static IReadOnlyList<string> Heads(IReadOnlyList<StoredRecord> records)
    {
        var named = records.SelectMany(r => r.Record.After).ToHashSet(StringComparer.Ordinal);
        return [.. records.Select(r => r.Digest.ToString()).Where(d => !named.Contains(d)).Order(StringComparer.Ordinal)];
    }

    private static List<Digest> Missing(IReadOnlyList<StoredRecord> records)
    {
        var here = records.Select(r => r.Digest.ToString()).ToHashSet(StringComparer.Ordinal);
        return [.. records.SelectMany(r => r.Record.After).Distinct().Where(a => !here.Contains(a)).Select(a => Digest.TryParse(a, out var d) ? d : Digest.Of(a))];
    }

    /// <summary>The newest verdict of each hand that is not the claimer's. One that could not repeat it outweighs any number that could.</summary>
    private static List<StoredRecord> Verdicts(StoredRecord claim, List<StoredRecord> ordered, bool signed)
    {
        var verdicts = new List<StoredRecord>();
        foreach (var verdict in ordered.Where(r => r.Kind is "pass" or "fail" && r.Record.Claim == claim.Digest.ToString() && (!signed || r.KnownKey is not null)))
        {
            if (SameHand(claim, verdict) is null && verdict.Record.Definition == claim.Record.Definition && verdict.Record.Revision == claim.Record.Revision)
            {
                verdicts.RemoveAll(v => SameHand(v, verdict) is not null);
                verdicts.Add(verdict);
            }
        }

        return verdicts;
    }

    /// <summary>Vetoes that nobody has lifted. Its author may, or anybody else but those who claimed the item.</summary>
    private static List<StoredRecord> Standing(List<StoredRecord> ordered, bool signed) =>
    [
        .. ordered.Where(v => v.Kind == "veto" && !ordered.Exists(l => l.Kind == "lift" && l.Record.Veto == v.Digest.ToString() && (!signed || l.KnownKey is not null) && MayLift(l, v, ordered) is null)),
    ];

    /// <summary>Why this hand may not lift the veto; null: it may.</summary>
    internal static string? MayLift(StoredRecord lift, StoredRecord veto, IReadOnlyList<StoredRecord> records) =>
        SameHand(lift, veto) is null && records.FirstOrDefault(c => c.Kind == "claim" && SameHand(c, lift) is not null) is { } own
            ? $"{lift.Record.By.Name} has claimed {own.Record.Item}: a veto against it is lifted by its author, or by somebody who did not claim it"
            : null;
}
