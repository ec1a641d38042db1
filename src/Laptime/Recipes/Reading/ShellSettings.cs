using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Recipes.Reading;

/// <summary>
/// What a recipe's shell settings (<c>abra.sh</c>) export, read without running them: lines <c>export NAME=value</c> that start at the margin (what is indented belongs to a function). Variables
/// that stand before are replaced; a value that a program makes is left out, and told.
/// </summary>
internal static class ShellSettings
{
    public static IReadOnlyDictionary<string, string> Exports(string text, string shown, Func<string, string?> outer, List<string> warnings)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var interpolation = new Interpolation(name => values.GetValueOrDefault(name) ?? outer(name));
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.TrimEnd('\r');
            if (!line.StartsWith("export ", StringComparison.Ordinal) && !line.StartsWith("export\t", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (var (name, value) in Assignments(line["export".Length..]))
            {
                if (value is null)
                {
                    warnings.Add($"{shown}:{number}:1: `{name}` is made by a program, which is not run here: it stays unset");
                    continue;
                }

                try
                {
                    values[name] = interpolation.Replace(value, new SourceLocation(shown, number, 1));
                }
                catch (Exception e) when (e is FormatException or Interpolation.RequiredException)
                {
                    warnings.Add($"{shown}:{number}:1: `{name}` is not understood ({e.Message}): it stays unset");
                }
            }
        }

        return values;
    }

    /// <summary>A null value: a program would make it. Every <c>$</c> that stands for itself is doubled.</summary>
    private static List<(string Name, string? Value)> Assignments(string line)
    {
        var found = new List<(string, string?)>();
        var at = 0;
        while (at < line.Length)
        {
            while (at < line.Length && line[at] is ' ' or '\t')
            {
                at++;
            }

            if (at == line.Length || line[at] is '#' or ';' or '&' or '|')
            {
                break;
            }

            var (word, runs) = (new StringBuilder(), false);
            while (at < line.Length && line[at] is not (' ' or '\t' or ';' or '&' or '|'))
            {
                var c = line[at++];
                switch (c)
                {
                    case '\'':
                        var end = line.IndexOf('\'', at);
                        end = end < 0 ? line.Length : end;
                        word.Append(line[at..end].Replace("$", "$$", StringComparison.Ordinal));
                        at = Math.Min(line.Length, end + 1);
                        break;
                    case '"':
                        while (at < line.Length && line[at] != '"')
                        {
                            runs |= line[at] == '`' || (line[at] == '$' && at + 1 < line.Length && line[at + 1] == '(');
                            if (line[at] == '\\' && at + 1 < line.Length && line[at + 1] is '"' or '\\' or '$' or '`')
                            {
                                at++;
                                word.Append(line[at] == '$' ? "$$" : line[at].ToString());
                            }
                            else
                            {
                                word.Append(line[at]);
                            }

                            at++;
                        }

                        at = Math.Min(line.Length, at + 1);
                        break;
                    case '\\' when at < line.Length:
                        word.Append(line[at] == '$' ? "$$" : line[at].ToString());
                        at++;
                        break;
                    default:
                        runs |= c == '`' || (c == '$' && at < line.Length && line[at] == '(');
                        word.Append(c);
                        break;
                }
            }

            var text = word.ToString();
            var equals = text.IndexOf('=');
            if (equals > 0 && ValueBinder.IsVariable(text[..equals]))
            {
                found.Add((text[..equals], runs ? null : text[(equals + 1)..]));
            }

            if (runs)
            {
                // Where the program's text ends is the shell's to know.
                break;
            }
        }

        return found;
    }
}
