namespace Laptime.Recipes.Reading;

/// <summary>
/// A published version as a tag names it: <c>X.Y.Z[-pre]</c> as semantic versioning has it, then perhaps <c>+</c> and the version of the app inside (<c>1.1.0+3.12</c>).
/// Unlike semantic versioning, what stands behind the <c>+</c> orders too, after everything else: a recipe is republished for a new app. A total order: only the same text compares as equal.
/// </summary>
public sealed class VersionNumber
{
    /// <summary>The oldest first.</summary>
    public static Comparer<VersionNumber> Order { get; } = Comparer<VersionNumber>.Create(static (a, b) => a.CompareTo(b));

    private const int Longest = 128;

    private readonly string[] core;
    private readonly string[] pre;
    private readonly List<string> app;

    private VersionNumber(string text, string[] core, string[] pre, List<string> app) => (Text, this.core, this.pre, this.app) = (text, core, pre, app);

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Null: the text is no version.</summary>
    public static VersionNumber? Parse(string text)
    {
        if (text.Length is 0 or > Longest)
        {
            return null;
        }

        var rest = text[0] == 'v' ? text[1..] : text;
        var plus = rest.IndexOf('+');
        var behind = plus < 0 ? null : rest[(plus + 1)..];
        rest = plus < 0 ? rest : rest[..plus];
        var dash = rest.IndexOf('-');
        string[] core = (dash < 0 ? rest : rest[..dash]).Split('.');
        string[] pre = dash < 0 ? [] : rest[(dash + 1)..].Split('.');
        return core.Length == 3 && Array.TrueForAll(core, IsNumber) && Array.TrueForAll(pre, IsIdentifier) && (behind is null || IsApp(behind))
            ? new VersionNumber(text, core, pre, behind is null ? [] : Runs(behind))
            : null;
    }

    /// <summary>Negative: this one is older.</summary>
    public int CompareTo(VersionNumber other)
    {
        for (var i = 0; i < core.Length; i++)
        {
            if (Numbers(core[i], other.core[i]) is not 0 and var differ)
            {
                return differ;
            }
        }

        // 1.0.0-rc.1 comes before 1.0.0.
        var order = (pre.Length == 0, other.pre.Length == 0) switch
        {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => -1,
            _ => Parts(pre, other.pre),
        };
        order = order != 0 ? order : Parts(app, other.app);
        return order != 0 ? order : string.CompareOrdinal(Text, other.Text);
    }

    public override string ToString() => Text;

    private static int Parts(IReadOnlyList<string> a, IReadOnlyList<string> b)
    {
        for (var i = 0; i < Math.Min(a.Count, b.Count); i++)
        {
            var order = (IsDigits(a[i]), IsDigits(b[i])) switch
            {
                (true, true) => Numbers(a[i], b[i]),
                (true, false) => -1,
                (false, true) => 1,
                _ => string.CompareOrdinal(a[i], b[i]),
            };
            if (order != 0)
            {
                return order;
            }
        }

        return a.Count - b.Count;
    }

    /// <summary>However many digits they have.</summary>
    private static int Numbers(string a, string b)
    {
        (a, b) = (a.TrimStart('0'), b.TrimStart('0'));
        return a.Length != b.Length ? a.Length - b.Length : string.CompareOrdinal(a, b);
    }

    /// <summary>The app's version is free text: its runs of digits and of letters order one by one.</summary>
    private static List<string> Runs(string text)
    {
        var runs = new List<string>();
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            while (i < text.Length && char.IsAsciiDigit(text[i]) == char.IsAsciiDigit(text[start]) && char.IsAsciiLetterOrDigit(text[i]))
            {
                i++;
            }

            if (i > start && !(runs.Count == 0 && text[start..i] == "v"))
            {
                runs.Add(text[start..i]);
            }

            i = i == start ? i + 1 : i;
        }

        return runs;
    }

    private static bool IsDigits(string text) => text.Length > 0 && text.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0;

    private static bool IsNumber(string text) => IsDigits(text) && (text.Length == 1 || text[0] != '0');

    private static bool IsIdentifier(string text) =>
        text.Length > 0 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c == '-') && (!IsDigits(text) || IsNumber(text));

    private static bool IsApp(string text) => text.Length > 0 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '+');
}
