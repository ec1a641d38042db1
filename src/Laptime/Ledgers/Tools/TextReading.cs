using System.Text.RegularExpressions;
using Laptime.Fingerprints;

namespace Laptime.Ledgers.Tools;

/// <summary>What several tools' readers share.</summary>
internal static partial class TextReading
{
    public static string Spaced(string name) => name.Replace('_', ' ').Trim();

    /// <summary>Files right in the folder: most tools do not look below.</summary>
    public static IEnumerable<MigrationFile> Top(this MigrationFolder folder, string extension) =>
        folder.Files.Where(f => !f.Path.Contains('/') && f.Path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    public static IEnumerable<MigrationFile> Every(this MigrationFolder folder, string extension) => folder.Files.Where(f => f.Path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    /// <summary>A line with only this comment, whatever its spaces.</summary>
    public static bool HasDirective(this MigrationFile file, string directive)
    {
        for (var at = file.Text.IndexOf(directive, StringComparison.Ordinal); at >= 0; at = file.Text.IndexOf(directive, at + 1, StringComparison.Ordinal))
        {
            var line = file.Text.AsSpan(0, at);
            if (line[(line.LastIndexOf('\n') + 1)..].Trim() is "--" or "")
            {
                return true;
            }
        }

        return false;
    }

    public static MigrationSet Sorted(this LedgerTool tool, List<Migration> migrations, List<UnreadFile> unread)
    {
        migrations.Sort((a, b) => a.Kind != b.Kind && (a.Kind == MigrationKind.Repeatable || b.Kind == MigrationKind.Repeatable) ? a.Kind == MigrationKind.Repeatable ? 1 : -1
            : tool.Compare(a.Id, b.Id) is not 0 and var order ? order : string.CompareOrdinal(a.File, b.File));
        return new MigrationSet(migrations, unread);
    }

    /// <summary>Of text in a language with `#` comments and quoted strings: the strings right in it.</summary>
    public static List<string> Literals(string text) => [.. Literal().Matches(text).Select(m => m.Groups[1].Success ? m.Groups[1].Value : m.Groups[2].Value)];

    public static Digest ContentOf(string text) => MigrationFile.ContentOf(text);

    /// <summary>From an opening parenthesis to behind the one that closes it, strings skipped.</summary>
    public static int EndOfCall(string text, int open)
    {
        var depth = 0;
        for (var i = open; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '(' or '[' or '{':
                    depth++;
                    break;
                case ')' or ']' or '}':
                    if (--depth == 0)
                    {
                        return i + 1;
                    }

                    break;
                case '"' or '\'' when text.AsSpan(i).StartsWith("\"\"\"") || text.AsSpan(i).StartsWith("'''"):
                    var end = text.IndexOf(text.Substring(i, 3), i + 3, StringComparison.Ordinal);
                    i = end < 0 ? text.Length : end + 2;
                    break;
                case '"' or '\'':
                    var quote = text[i];
                    for (i++; i < text.Length && text[i] != quote && text[i] != '\n'; i++)
                    {
                        i += text[i] == '\\' ? 1 : 0;
                    }

                    break;
            }
        }

        return text.Length;
    }

    [GeneratedRegex(@"'((?:[^'\\\n]|\\.)*)'|""((?:[^""\\\n]|\\.)*)""")]
    private static partial Regex Literal();
}
