using System.Globalization;
using System.Text;
using Laptime.Processes;

namespace Laptime.Reports;

/// <summary>Puts names and messages of others into Markdown so that they are read as text, whatever is in them.</summary>
internal static class MarkdownText
{
    /// <summary>Prose: on one line, every character that Markdown or HTML would act on is escaped.</summary>
    public static string Prose(string text)
    {
        var line = OneLine(text);
        var safe = new StringBuilder(line.Length + 8);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            var inWord = i > 0 && i + 1 < line.Length && char.IsLetterOrDigit(line[i - 1]) && char.IsLetterOrDigit(line[i + 1]);
            if (c is '\\' or '`' or '*' or '[' or ']' or '<' or '>' or '|' or '~' or '&' or '$' || (c == '_' && !inWord) || (i == 0 && c is '#' or '+' or '-'))
            {
                safe.Append('\\');
            }

            safe.Append(c);
        }

        return safe.ToString();
    }

    /// <summary>A code span; inside a table a bar would end the cell, outside the escape would be shown.</summary>
    public static string Code(string text, bool inTable = true)
    {
        var line = OneLine(text);
        if (line.Length == 0)
        {
            return "";
        }

        var fence = new string('`', LongestRun(line) + 1);
        var pad = line[0] == '`' || line[^1] == '`' ? " " : "";
        return fence + pad + (inTable ? line.Replace("|", "\\|", StringComparison.Ordinal) : line) + pad + fence;
    }

    public static string Fence(IEnumerable<string> lines)
    {
        var clean = lines.Select(OneLine).ToList();
        var fence = new string('`', Math.Max(3, clean.Select(LongestRun).DefaultIfEmpty(0).Max() + 1));
        return $"{fence}text\n{string.Concat(clean.Select(l => l + "\n"))}{fence}\n";
    }

    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var c in TerminalText.Strip(text.ReplaceLineEndings(" ")))
        {
            // Control characters end lines and cells; format characters (bidirectional overrides) make a text read as another one.
            if (char.IsControl(c) || c is '\u2028' or '\u2029')
            {
                line.Append(' ');
            }
            else if (char.GetUnicodeCategory(c) != UnicodeCategory.Format)
            {
                line.Append(c);
            }
        }

        return line.ToString().Trim();
    }

    private static int LongestRun(string text)
    {
        var (longest, run) = (0, 0);
        foreach (var c in text)
        {
            run = c == '`' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        return longest;
    }
}
