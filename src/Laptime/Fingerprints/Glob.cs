namespace Laptime.Fingerprints;

/// <summary>Wildcards within one name: `*`, `?`, `[a-z]`, `[!a-z]`. Linear in practice: only the last star is retried.</summary>
internal static class Glob
{
    public static bool MatchName(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        if (pattern.IndexOfAny('*', '?', '[') < 0)
        {
            return pattern.SequenceEqual(name);
        }

        var (p, n) = (0, 0);
        var (starPattern, starName) = (-1, 0);
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (starPattern, starName) = (++p, n);
                continue;
            }

            if (p < pattern.Length && One(pattern, p, name[n], out var next))
            {
                p = next;
                n++;
                continue;
            }

            if (starPattern < 0)
            {
                return false;
            }

            p = starPattern;
            n = ++starName;
        }

        while (p < pattern.Length && pattern[p] == '*')
        {
            p++;
        }

        return p == pattern.Length;
    }

    private static bool One(ReadOnlySpan<char> pattern, int p, char c, out int next)
    {
        next = p + 1;
        if (pattern[p] == '?')
        {
            return true;
        }

        if (pattern[p] != '[')
        {
            return pattern[p] == c;
        }

        var i = p + 1;
        var negated = i < pattern.Length && pattern[i] is '!' or '^';
        if (negated)
        {
            i++;
        }

        var hit = false;
        for (var first = true; i < pattern.Length && (first || pattern[i] != ']'); first = false)
        {
            var low = pattern[i];
            var high = low;
            if (i + 2 < pattern.Length && pattern[i + 1] == '-' && pattern[i + 2] != ']')
            {
                high = pattern[i + 2];
                i += 2;
            }

            hit |= c >= low && c <= high;
            i++;
        }

        if (i >= pattern.Length)
        {
            // Not closed: the bracket is a character like any other.
            return c == '[';
        }

        next = i + 1;
        return hit != negated;
    }
}
