namespace Laptime.Fingerprints;

/// <summary>One fact that decides an artifact. The kind is one of <see cref="PartKind"/>'s names, the name says which one of that kind.</summary>
/// <param name="Kind">file, var, step, profile, platform, tool, uses, setting.</param>
/// <param name="Name">File: path relative to the workspace root with '/'; variable: its name; step: its name; and so on.</param>
/// <param name="Value">What decides: for a file kind and content digest; never the plain value of a variable, only its digest.</param>
public readonly record struct FingerprintPart(PartKind Kind, string Name, string Value);

/// <summary>The kinds of facts that decide an artifact; each keeps its own cause in <c>lap why</c>. The numbers are stored: never renumber.</summary>
public enum PartKind
{
    File = 0,
    Variable = 1,
    Step = 2,
    Profile = 3,
    Platform = 4,
    Tool = 5,
    Uses = 6,
    Setting = 7,
}

/// <summary>
/// Everything that decides one component's artifact, as a readable record whose hash is the key (so that <c>lap why</c> can print it).
/// Parts are sorted by kind and then by name, ordinally.
/// </summary>
public sealed record ComponentFingerprint(string Component, Digest Value, IReadOnlyList<FingerprintPart> Parts)
{
    /// <summary>Raised when the meaning of a part changes: every older fingerprint is then a different one.</summary>
    private const string Format = "laptime/fingerprint/v1";

    /// <summary>Sorts the parts and hashes them.</summary>
    /// <exception cref="ArgumentException">Two parts have the same kind and name.</exception>
    public static ComponentFingerprint Of(string component, IEnumerable<FingerprintPart> parts)
    {
        var sorted = parts.ToArray();
        if (!IsSorted(sorted))
        {
            Array.Sort(sorted, Compare);
        }

        for (var i = 1; i < sorted.Length; i++)
        {
            if (Compare(sorted[i - 1], sorted[i]) == 0)
            {
                throw new ArgumentException($"{sorted[i].Kind} {sorted[i].Name} is there twice", nameof(parts));
            }
        }

        return new ComponentFingerprint(component, HashOf(component, sorted), sorted);
    }

    /// <summary>They nearly always are: the scan gives files in order, and sorting values of ours would be compiled at run time.</summary>
    private static bool IsSorted(FingerprintPart[] parts)
    {
        for (var i = 1; i < parts.Length; i++)
        {
            if (Compare(parts[i - 1], parts[i]) > 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The same of files and what else decides, both sorted. No text is made of the files.</summary>
    internal static ComponentFingerprint Of(string component, InputFile[] files, FingerprintPart[] others)
    {
        for (var i = 1; i < files.Length; i++)
        {
            if (string.CompareOrdinal(files[i - 1].Path, files[i].Path) >= 0)
            {
                return Of(component, files.Select(f => PartList.PartOf(f)).Concat(others));
            }
        }

        for (var i = 0; i < others.Length; i++)
        {
            if (others[i].Kind == PartKind.File || (i > 0 && Compare(others[i - 1], others[i]) >= 0))
            {
                return Of(component, files.Select(f => PartList.PartOf(f)).Concat(others));
            }
        }

        var parts = new PartList(files, others);
        return new ComponentFingerprint(component, HashOf(component, parts), parts);
    }

    /// <summary>Paths of the files among the parts, sorted.</summary>
    public IEnumerable<string> FileNames()
    {
        var parts = PartList.Of(Parts);
        for (var i = 0; i < parts.Count && parts.KindAt(i) == PartKind.File; i++)
        {
            yield return parts.NameAt(i);
        }
    }

    /// <summary>The files among the parts whose path is one of these.</summary>
    public IEnumerable<FingerprintPart> FilesWhere(Func<string, bool> matches)
    {
        var parts = PartList.Of(Parts);
        for (var i = 0; i < parts.Count && parts.KindAt(i) == PartKind.File; i++)
        {
            if (matches(parts.NameAt(i)))
            {
                yield return parts[i];
            }
        }
    }

    /// <summary>The parts that are no files.</summary>
    public IEnumerable<FingerprintPart> OtherParts() => PartList.Of(Parts).Others.Where(p => p.Kind != PartKind.File);

    internal static int Compare(FingerprintPart a, FingerprintPart b) =>
        a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind) : string.CompareOrdinal(a.Name, b.Name);

    internal static Digest HashOf(string component, IReadOnlyList<FingerprintPart> sorted)
    {
        using var hash = new LengthPrefixed(Format);
        hash.Add(component).Add(sorted.Count);
        var parts = PartList.Of(sorted);
        foreach (var file in parts.Files)
        {
            hash.Add((int)PartKind.File).Add(file.Path).AddText(InputFile.PrefixOf(file.Kind), file.Content);
        }

        foreach (var part in parts.Others)
        {
            hash.Add((int)part.Kind).Add(part.Name).Add(part.Value);
        }

        return hash.Finish();
    }
}
