using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Transactions.Stored;

/// <summary>What people call an artifact: a component's name (its newest), a tag, or the beginning of a digest or fingerprint.</summary>
public static class ArtifactReference
{
    private const int Shortest = 4;

    /// <exception cref="LapException">There is none, or there are several; they are listed.</exception>
    public static ArtifactEntry Find(IReadOnlyList<ArtifactEntry> entries, string text, string store)
    {
        // The newest one of a component comes first.
        if (entries.FirstOrDefault(e => e.Component == text) is { } newest)
        {
            return newest;
        }

        var hex = text.Contains('@') ? text[(text.LastIndexOf('@') + 1)..] : text;
        hex = hex.StartsWith("sha256:", StringComparison.Ordinal) ? hex[7..] : hex.StartsWith("fp-", StringComparison.Ordinal) ? hex[3..] : hex;
        var found = hex.Length >= Shortest && hex.All(char.IsAsciiHexDigit)
            ? entries.Where(e => Begins(e.Fingerprint, hex) || Begins(e.Artifact, hex)).ToList()
            : [];
        if (found.Count > 1 && found.Where(e => Begins(e.Fingerprint, hex)).ToList() is [var exact])
        {
            return exact;
        }

        return found switch
        {
            [var one] => one,
            // Several fingerprints lead to one artifact: any of them shows it.
            [var first, ..] when found.TrueForAll(e => e.Artifact == first.Artifact) => first,
            [] => throw new LapException($"the store {store} has no artifact {text}", null,
                entries.Count == 0 ? "it is empty: deploy or publish first" : NearestName.Suggest(text, [.. entries.Select(e => e.Component ?? e.Artifact.Short).Distinct()])),
            _ => throw new LapException($"{text} is the beginning of several: {string.Join(", ", found.Take(8).Select(e => $"{e.Label} (fingerprint {e.Fingerprint.Short})"))}", null, "give more digits"),
        };
    }

    private static bool Begins(Digest digest, string hex) => !digest.IsNone && digest.ToHex().StartsWith(hex, StringComparison.OrdinalIgnoreCase);
}
