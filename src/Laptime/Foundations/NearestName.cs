namespace Laptime.Foundations;

/// <summary>Finds the name a user most likely meant.</summary>
public static class NearestName
{
    /// <summary>The nearest of <paramref name="valid"/>, or null when none is near enough to be a typing mistake.</summary>
    public static string? Of(string typed, IEnumerable<string> valid)
    {
        string? best = null;
        var bestDistance = Math.Max(1, typed.Length / 3) + 1;
        foreach (var name in valid)
        {
            var distance = name.StartsWith(typed, StringComparison.OrdinalIgnoreCase) && typed.Length >= 3
                ? 1
                : Distance(typed.ToLowerInvariant(), name.ToLowerInvariant());
            if (distance < bestDistance)
            {
                (best, bestDistance) = (name, distance);
            }
        }

        return best;
    }

    /// <summary>"did you mean `x`?", or the valid names, for the end of a message.</summary>
    public static string Suggest(string typed, IReadOnlyCollection<string> valid)
    {
        if (Of(typed, valid) is { } near)
        {
            return $"did you mean `{near}`?";
        }

        return valid.Count == 0 ? "there are none" : $"valid: {string.Join(", ", valid.Take(20))}";
    }

    /// <summary>Optimal string alignment distance: insert, delete, replace, swap of neighbours.</summary>
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            d[i, 0] = i;
        }

        for (var j = 0; j <= b.Length; j++)
        {
            d[0, j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
