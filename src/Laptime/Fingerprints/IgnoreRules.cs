using System.Text;

namespace Laptime.Fingerprints;

/// <summary>
/// One file of ignore patterns (a .gitignore, info/exclude or the global one). Texts hold one byte per character (<see cref="BytesOf"/>).
/// </summary>
internal sealed class IgnoreRules
{
    public static readonly IgnoreRules None = new([]);

    private readonly Rule[] rules;

    private IgnoreRules(Rule[] rules)
    {
        this.rules = rules;
        foreach (var rule in rules)
        {
            NeedsPath |= !rule.BaseName;
        }
    }

    public bool IsEmpty => rules.Length == 0;

    /// <summary>Does a rule look at more than the last name?</summary>
    public bool NeedsPath { get; }

    public static IgnoreRules Parse(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith("\uFEFF"u8))
        {
            content = content[3..];
        }

        List<Rule> rules = [];
        while (!content.IsEmpty)
        {
            var end = content.IndexOf((byte)'\n');
            var line = end < 0 ? content : content[..end];
            content = end < 0 ? [] : content[(end + 1)..];
            if (line.IsEmpty || line[0] == '#')
            {
                continue;
            }

            // Git cuts a carriage return only before a line feed; its own copy of the content always ends in one.
            if (line[^1] == '\r')
            {
                line = line[..^1];
            }

            var nul = line.IndexOf((byte)0);
            var text = Encoding.Latin1.GetString(TrimSpaces(nul < 0 ? line : line[..nul]));
            if (Rule.Parse(text) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return rules.Count == 0 ? None : new IgnoreRules([.. rules]);
    }

    /// <summary>A name or path with one character per byte; the same text when it is ASCII.</summary>
    public static string BytesOf(string text) => Ascii.IsValid(text) ? text : Encoding.Latin1.GetString(PathText.ToBytes(text));

    /// <param name="path">Path below the rules' own folder (the whole path, the name at its end).</param>
    /// <param name="name">The last name of it.</param>
    /// <returns>True: ignored; false: taken back by a `!`; null: no rule says anything.</returns>
    public bool? Decide(ReadOnlySpan<char> path, ReadOnlySpan<char> name, bool folder, bool foldCase)
    {
        for (var i = rules.Length - 1; i >= 0; i--)
        {
            if (rules[i].Matches(path, name, folder, foldCase))
            {
                return !rules[i].Negated;
            }
        }

        return null;
    }

    /// <summary>Trailing spaces do not count unless escaped.</summary>
    private static ReadOnlySpan<byte> TrimSpaces(ReadOnlySpan<byte> line)
    {
        var spaces = -1;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == ' ')
            {
                spaces = spaces < 0 ? i : spaces;
                continue;
            }

            if (line[i] == '\\' && ++i == line.Length)
            {
                return line;
            }

            spaces = -1;
        }

        return spaces < 0 ? line : line[..spaces];
    }

    private sealed class Rule
    {
        private readonly string pattern;
        private readonly int literal;
        private readonly bool folderOnly;
        private readonly bool endsWith;

        private Rule(string pattern, bool negated, bool folderOnly, bool baseName)
        {
            this.pattern = pattern;
            this.folderOnly = folderOnly;
            Negated = negated;
            BaseName = baseName;
            literal = SimpleLength(pattern);
            endsWith = pattern.StartsWith('*') && SimpleLength(pattern.AsSpan(1)) == pattern.Length - 1;
        }

        public bool Negated { get; }

        public bool BaseName { get; }

        public static Rule? Parse(string text)
        {
            var negated = text.StartsWith('!');
            if (negated)
            {
                text = text[1..];
            }

            var folderOnly = text.EndsWith('/');
            if (folderOnly)
            {
                text = text[..^1];
            }

            // An empty pattern matches no name.
            return text.Length == 0 ? null : new Rule(text, negated, folderOnly, !text.Contains('/'));
        }

        public bool Matches(ReadOnlySpan<char> path, ReadOnlySpan<char> name, bool folder, bool fold)
        {
            if (folderOnly && !folder)
            {
                return false;
            }

            if (BaseName)
            {
                return literal == pattern.Length ? Same(pattern, name, fold)
                    : endsWith ? name.Length >= pattern.Length - 1 && Same(pattern.AsSpan(1), name[(name.Length - pattern.Length + 1)..], fold)
                    : WildMatch.Matches(pattern, name, pathName: false, fold);
            }

            var rest = pattern.AsSpan();
            var prefix = literal;
            if (rest[0] == '/')
            {
                rest = rest[1..];
                prefix--;
            }

            if (prefix > 0)
            {
                if (prefix > path.Length || !Same(rest[..prefix], path[..prefix], fold))
                {
                    return false;
                }

                rest = rest[prefix..];
                path = path[prefix..];
                if (rest.IsEmpty && path.IsEmpty)
                {
                    return true;
                }
            }

            return WildMatch.Matches(rest, path, pathName: true, fold);
        }

        private static int SimpleLength(ReadOnlySpan<char> text)
        {
            var n = 0;
            while (n < text.Length && !WildMatch.IsSpecial(text[n]))
            {
                n++;
            }

            return n;
        }

        private static bool Same(ReadOnlySpan<char> a, ReadOnlySpan<char> b, bool fold) =>
            fold ? a.Equals(b, StringComparison.OrdinalIgnoreCase) : a.SequenceEqual(b);
    }
}
