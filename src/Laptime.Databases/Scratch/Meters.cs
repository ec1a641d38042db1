namespace Laptime.Databases.Scratch;

/// <summary>Two readings of one meter, compared.</summary>
internal static class Meters
{
    /// <summary>What differs, by name: gone, new, or in what.</summary>
    internal static List<string> Differences<T>(IReadOnlyDictionary<string, T> before, IReadOnlyDictionary<string, T> after, Func<T, T, string> changed)
    {
        var differences = new List<string>();
        foreach (var (name, was) in before)
        {
            if (!after.TryGetValue(name, out var now))
            {
                differences.Add($"{name}: gone");
            }
            else if (!EqualityComparer<T>.Default.Equals(was, now))
            {
                differences.Add($"{name}: {changed(was, now)}");
            }
        }

        differences.AddRange(after.Keys.Where(k => !before.ContainsKey(k)).Select(static k => $"{k}: new"));
        differences.Sort(StringComparer.Ordinal);
        return differences;
    }
}
