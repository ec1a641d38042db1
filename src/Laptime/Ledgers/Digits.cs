using System.Globalization;

namespace Laptime.Ledgers;

/// <summary>Numbers as tools write them: any length, leading zeros without meaning.</summary>
internal static class Digits
{
    public static string Canonical(string digits) => digits.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0";

    public static bool Are(ReadOnlySpan<char> text) => text.Length > 0 && text.IndexOfAnyExceptInRange('0', '9') < 0;

    /// <summary>By value; what is no number comes after the numbers, ordinally.</summary>
    public static int Compare(string a, string b)
    {
        var (x, y) = (Are(a), Are(b));
        if (!x || !y)
        {
            return x != y ? x ? -1 : 1 : string.CompareOrdinal(a, b);
        }

        var p = a.AsSpan().TrimStart('0');
        var q = b.AsSpan().TrimStart('0');
        return p.Length != q.Length ? p.Length.CompareTo(q.Length) : p.SequenceCompareTo(q);
    }

    /// <summary>The number at the front of a name, as written; empty: there is none.</summary>
    public static string Leading(string name)
    {
        var end = 0;
        while (end < name.Length && char.IsAsciiDigit(name[end]))
        {
            end++;
        }

        return name[..end];
    }

    /// <summary>Whether a number is a moment rather than a count: nobody takes the next one, and two rarely collide.</summary>
    public static bool IsStamp(string digits) => digits.Length >= 10 && Are(digits);

    /// <summary>The next number with the same width.</summary>
    public static string Next(string digits) => (UInt128.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number + 1 : 1)
        .ToString(CultureInfo.InvariantCulture).PadLeft(digits.Length, '0');
}
