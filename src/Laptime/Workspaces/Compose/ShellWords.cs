using System.Text;

namespace Laptime.Workspaces.Compose;

/// <summary>A command line to words as compose splits it: blanks, quotes and backslashes, nothing else of a shell.</summary>
internal static class ShellWords
{
    /// <exception cref="FormatException">A quote is not closed.</exception>
    public static IReadOnlyList<string> Split(string text)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            switch (c)
            {
                case ' ' or '\t' or '\n' or '\r':
                    if (word is not null)
                    {
                        words.Add(word.ToString());
                        word = null;
                    }

                    break;
                case '\'':
                    word ??= new StringBuilder();
                    var end = text.IndexOf('\'', i + 1);
                    if (end < 0)
                    {
                        throw new FormatException("a quote is not closed");
                    }

                    word.Append(text, i + 1, end - i - 1);
                    i = end;
                    break;
                case '"':
                    word ??= new StringBuilder();
                    for (i++; ; i++)
                    {
                        if (i >= text.Length)
                        {
                            throw new FormatException("a quote is not closed");
                        }

                        if (text[i] == '"')
                        {
                            break;
                        }

                        if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] is '"' or '\\' or '$')
                        {
                            i++;
                        }

                        word.Append(text[i]);
                    }

                    break;
                case '\\' when i + 1 < text.Length:
                    (word ??= new StringBuilder()).Append(text[++i]);
                    break;
                default:
                    (word ??= new StringBuilder()).Append(c);
                    break;
            }
        }

        if (word is not null)
        {
            words.Add(word.ToString());
        }

        return words;
    }
}
