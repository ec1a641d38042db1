using Laptime.Fingerprints;

namespace Laptime.Targets;

/// <summary>What instances loaded, as one text in a label: <c>catalog=1a2b…,lib=3c4d…</c>, digests in hexadecimal, by name.</summary>
public static class LoadedText
{
    public static string Format(IReadOnlyDictionary<string, Digest> loaded) =>
        string.Join(',', loaded.OrderBy(static l => l.Key, StringComparer.Ordinal).Select(static l => $"{l.Key}={l.Value.ToHex()}"));

    /// <summary>Null: there is no such text, or it is none of ours.</summary>
    public static IReadOnlyDictionary<string, Digest>? Parse(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var loaded = new Dictionary<string, Digest>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || !Digest.TryParse("sha256:" + part[(at + 1)..], out var digest))
            {
                return null;
            }

            loaded[part[..at]] = digest;
        }

        return loaded;
    }
}
