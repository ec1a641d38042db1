using System.Collections;

namespace Laptime.Fingerprints;

/// <summary>
/// The parts of a fingerprint in their order: files as they were scanned, then everything else. What decides of a file is written out as text only where
/// somebody asks for it: of ten thousand files hardly one is ever asked.
/// </summary>
internal sealed class PartList(InputFile[] files, FingerprintPart[] others) : IReadOnlyList<FingerprintPart>
{
    /// <summary>Sorted by path.</summary>
    public InputFile[] Files { get; } = files;

    public FingerprintPart[] Others { get; } = others;

    public int Count => Files.Length + Others.Length;

    public FingerprintPart this[int index] => index < Files.Length ? PartOf(Files[index]) : Others[index - Files.Length];

    public static PartList Of(IReadOnlyList<FingerprintPart> parts) => parts as PartList ?? new PartList([], [.. parts]);

    public static FingerprintPart PartOf(in InputFile file) => new(PartKind.File, file.Path, file.Value);

    /// <summary>Compares kind and name of two parts, as they are sorted.</summary>
    public static int Compare(PartList a, int i, PartList b, int j)
    {
        var (first, second) = (a.KindAt(i), b.KindAt(j));
        return first != second ? first.CompareTo(second) : string.CompareOrdinal(a.NameAt(i), b.NameAt(j));
    }

    public static bool SameValue(PartList a, int i, PartList b, int j) => i < a.Files.Length && j < b.Files.Length
        ? a.Files[i].Kind == b.Files[j].Kind && a.Files[i].Content == b.Files[j].Content
        : a[i].Value == b[j].Value;

    public PartKind KindAt(int index) => index < Files.Length ? PartKind.File : Others[index - Files.Length].Kind;

    public string NameAt(int index) => index < Files.Length ? Files[index].Path : Others[index - Files.Length].Name;

    public IEnumerator<FingerprintPart> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
