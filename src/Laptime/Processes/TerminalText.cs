using System.Text;

namespace Laptime.Processes;

/// <summary>Removes what would move the cursor, recolour or retitle a terminal; tabs stay.</summary>
public static class TerminalText
{
    public static string Strip(string text)
    {
        var kept = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\u001b' && i + 1 < text.Length)
            {
                i = SequenceEnd(text, i + 1);
            }
            else if (!char.IsControl(c) || c == '\t')
            {
                kept.Append(c);
            }
        }

        return kept.ToString();
    }

    /// <summary>Index of the last character of the escape sequence whose second character is at <paramref name="i"/>.</summary>
    private static int SequenceEnd(string text, int i)
    {
        if (text[i] == '[')
        {
            for (i++; i < text.Length && text[i] is < '@' or > '~'; i++)
            {
            }

            return i;
        }

        if (text[i] is ']' or 'P' or '_' or '^')
        {
            for (i++; i < text.Length; i++)
            {
                if (text[i] == '\a')
                {
                    return i;
                }

                if (text[i] == '\u001b' && i + 1 < text.Length && text[i + 1] == '\\')
                {
                    return i + 1;
                }
            }
        }

        return i;
    }
}
