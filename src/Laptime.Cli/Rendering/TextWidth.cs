using System.Globalization;
using System.Text;
using Laptime.Processes;

namespace Laptime.Cli.Rendering;

/// <summary>How many columns a text takes on a terminal, and texts made to fit.</summary>
internal static class TextWidth
{
    /// <summary>One line without anything that acts on a terminal or turns the reading direction.</summary>
    public static string Clean(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (var rune in TerminalText.Strip(text.ReplaceLineEndings(" ")).Replace('\t', ' ').EnumerateRunes())
        {
            if (!Rune.IsControl(rune) && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator))
            {
                clean.Append(rune);
            }
        }

        return clean.ToString();
    }

    public static int Of(string clean)
    {
        var width = 0;
        foreach (var rune in clean.EnumerateRunes())
        {
            width += Of(rune);
        }

        return width;
    }

    /// <summary>At most <paramref name="room"/> columns, with an ellipsis when something is left out.</summary>
    public static string Cut(string clean, int room, bool unicode)
    {
        if (Of(clean) <= room)
        {
            return clean;
        }

        var ellipsis = unicode ? "…" : "..";
        var left = room - ellipsis.Length;
        if (left <= 0)
        {
            return room <= 0 ? "" : ellipsis[..1];
        }

        var cut = new StringBuilder();
        foreach (var rune in clean.EnumerateRunes())
        {
            left -= Of(rune);
            if (left < 0)
            {
                break;
            }

            cut.Append(rune);
        }

        return cut.Append(ellipsis).ToString();
    }

    public static List<string> Wrap(string clean, int width)
    {
        var lines = new List<string>();
        var line = new StringBuilder();
        var taken = 0;
        foreach (var word in Words(clean))
        {
            var rest = word;
            var needed = Of(rest);
            if (taken > 0 && taken + 1 + needed > width)
            {
                Next();
            }

            // A word longer than a line is broken.
            while (needed > width)
            {
                var head = new StringBuilder();
                var room = width;
                foreach (var rune in rest.EnumerateRunes())
                {
                    room -= Of(rune);
                    if (room < 0)
                    {
                        break;
                    }

                    head.Append(rune);
                }

                lines.Add(head.ToString());
                rest = rest[head.Length..];
                needed = Of(rest);
            }

            line.Append(taken > 0 ? " " : "").Append(rest);
            taken += needed + (taken > 0 ? 1 : 0);
        }

        if (taken > 0 || lines.Count == 0)
        {
            Next();
        }

        return lines;

        void Next()
        {
            lines.Add(line.ToString());
            line.Clear();
            taken = 0;
        }
    }

    /// <summary>A number and its unit are one word.</summary>
    private static IEnumerable<string> Words(string clean)
    {
        string? pending = null;
        foreach (var word in clean.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (pending is not null && char.IsAsciiDigit(pending[^1]) && word.TrimEnd(',', ';', '.', ')', ':') is "%" or "ms" or "s" or "m" or "h" or "d")
            {
                pending += " " + word;
            }
            else
            {
                if (pending is not null)
                {
                    yield return pending;
                }

                pending = word;
            }
        }

        if (pending is not null)
        {
            yield return pending;
        }
    }

    private static int Of(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format => 0,
        _ => IsWide(rune.Value) ? 2 : 1,
    };

    /// <summary>The East Asian wide blocks and emoji.</summary>
    private static bool IsWide(int c) => c is (>= 0x1100 and <= 0x115f) or (>= 0x2e80 and <= 0x303e) or (>= 0x3041 and <= 0xa4cf) or (>= 0xac00 and <= 0xd7a3)
        or (>= 0xf900 and <= 0xfaff) or (>= 0xfe30 and <= 0xfe6f) or (>= 0xff00 and <= 0xff60) or (>= 0xffe0 and <= 0xffe6)
        or (>= 0x1f300 and <= 0x1f64f) or (>= 0x1f680 and <= 0x1f6ff) or (>= 0x1f900 and <= 0x1f9ff) or (>= 0x20000 and <= 0x3fffd);
}
