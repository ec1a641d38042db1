namespace Laptime.Fingerprints;

/// <summary>A part that is in both fingerprints with another value.</summary>
public readonly record struct PartChange(FingerprintPart Old, FingerprintPart New);

/// <summary>What differs between two fingerprints of one component: what <c>lap why</c> prints. Each list is sorted by kind, then by name.</summary>
public sealed record FingerprintDiff(
    IReadOnlyList<FingerprintPart> Added,
    IReadOnlyList<FingerprintPart> Removed,
    IReadOnlyList<PartChange> Changed)
{
    public bool IsEmpty => Added.Count + Removed.Count + Changed.Count == 0;

    /// <summary>Names of the parts of one kind that differ in any way, sorted ordinally, each once.</summary>
    public IReadOnlyList<string> Names(PartKind kind)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        names.UnionWith(Added.Where(p => p.Kind == kind).Select(p => p.Name));
        names.UnionWith(Removed.Where(p => p.Kind == kind).Select(p => p.Name));
        names.UnionWith(Changed.Where(p => p.New.Kind == kind).Select(p => p.New.Name));
        return [.. names];
    }

    /// <summary>The kinds that differ, in the order of <see cref="PartKind"/>.</summary>
    public IReadOnlyList<PartKind> Kinds
    {
        get
        {
            // Bits and a loop: sorting values of ours would be compiled at run time, on every deploy.
            var seen = 0;
            foreach (var part in Added)
            {
                seen |= 1 << (int)part.Kind;
            }

            foreach (var part in Removed)
            {
                seen |= 1 << (int)part.Kind;
            }

            foreach (var part in Changed)
            {
                seen |= 1 << (int)part.New.Kind;
            }

            List<PartKind> kinds = [];
            for (var kind = PartKind.File; kind <= PartKind.Setting; kind++)
            {
                if ((seen & (1 << (int)kind)) != 0)
                {
                    kinds.Add(kind);
                }
            }

            return kinds;
        }
    }

    public static FingerprintDiff Between(ComponentFingerprint old, ComponentFingerprint @new)
    {
        List<FingerprintPart> added = [], removed = [];
        List<PartChange> changed = [];
        var (a, b) = (PartList.Of(old.Parts), PartList.Of(@new.Parts));
        var (i, j) = (0, 0);
        while (i < a.Count || j < b.Count)
        {
            var order = i == a.Count ? 1 : j == b.Count ? -1 : PartList.Compare(a, i, b, j);
            if (order < 0)
            {
                removed.Add(a[i++]);
            }
            else if (order > 0)
            {
                added.Add(b[j++]);
            }
            else
            {
                if (!PartList.SameValue(a, i, b, j))
                {
                    changed.Add(new PartChange(a[i], b[j]));
                }

                i++;
                j++;
            }
        }

        return new FingerprintDiff(added, removed, changed);
    }
}
