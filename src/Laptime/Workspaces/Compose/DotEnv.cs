using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// Files of variables as compose reads them (<c>.env</c>, <c>env_file</c>): <c>NAME=value</c>, an optional <c>export</c>, comments, quotes. Single quotes keep
/// everything as it stands; in double quotes <c>\n \r \t \" \\ \$</c> mean what they mean elsewhere; both may go over lines. Variables are replaced but in single quotes.
/// </summary>
internal static class DotEnv
{
    /// <summary>The file's variables in its order; a later one of the same name wins. What is wrong goes to <paramref name="problems"/>.</summary>
    /// <param name="outer">Variables from outside, which those of the file itself stand before when it uses them.</param>
    public static IReadOnlyDictionary<string, string> Parse(string text, ProblemList problems, Func<string, string?> outer)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var interpolation = new Interpolation(name => outer(name) ?? values.GetValueOrDefault(name));
        var reader = new Reader(text);
        while (reader.NextLine() is { } line)
        {
            var trimmed = line.Trim();
            if (trimmed.Length == 0 || trimmed[0] == '#')
            {
                continue;
            }

            var at = new SourceLocation(problems.File, reader.Line, 1);
            if (trimmed.StartsWith("export ", StringComparison.Ordinal))
            {
                trimmed = trimmed[7..].TrimStart();
            }

            var equals = trimmed.IndexOf('=');
            var name = (equals < 0 ? trimmed : trimmed[..equals]).TrimEnd();
            if (name.Length == 0 || name.AsSpan().ContainsAny(" \t'\"#"))
            {
                // Not quoted: such files hold secrets, and this may be any file.
                problems.Add(reader.Line, 1, "the line is not a variable", "write `NAME=value`; a comment starts with `#`");
                continue;
            }

            if (equals < 0)
            {
                // A name alone passes the variable on when it is set.
                if (outer(name) is { } passed)
                {
                    values[name] = passed;
                }

                continue;
            }

            try
            {
                values[name] = Value(trimmed[(equals + 1)..].TrimStart(), reader, interpolation, at);
            }
            catch (Exception e) when (e is FormatException or Interpolation.RequiredException)
            {
                problems.Add(at.Line, 1, $"`{name}`: {e.Message}", "single quotes keep a text as it stands");
            }
        }

        return values;
    }

    private static string Value(string written, Reader reader, Interpolation interpolation, SourceLocation at)
    {
        if (written.Length > 0 && written[0] is '\'' or '"')
        {
            var quote = written[0];
            var text = new StringBuilder();
            var line = written;
            for (var i = 1; ; i++)
            {
                if (i >= line.Length)
                {
                    line = reader.NextLine() ?? throw new FormatException("the quote is not closed");
                    text.Append('\n');
                    i = -1;
                    continue;
                }

                if (line[i] == quote)
                {
                    return quote == '"' ? interpolation.Replace(text.ToString(), at) : text.ToString();
                }

                if (quote == '"' && line[i] == '\\' && i + 1 < line.Length)
                {
                    var next = line[++i];
                    text.Append(next switch { 'n' => "\n", 'r' => "\r", 't' => "\t", '"' => "\"", '\\' => "\\", '$' => "$$", _ => "\\" + next });
                    continue;
                }

                text.Append(line[i]);
            }
        }

        // A `#` starts a comment behind a space.
        for (var i = 0; i < written.Length; i++)
        {
            if (written[i] == '#' && (i == 0 || char.IsWhiteSpace(written[i - 1])))
            {
                written = written[..i];
                break;
            }
        }

        return interpolation.Replace(written.TrimEnd(), at);
    }

    private sealed class Reader(string text)
    {
        private int next;

        public int Line { get; private set; }

        public string? NextLine()
        {
            if (next >= text.Length)
            {
                return null;
            }

            var end = text.IndexOf('\n', next);
            var line = end < 0 ? text[next..] : text[next..end];
            next = end < 0 ? text.Length : end + 1;
            Line++;
            return line.TrimEnd('\r');
        }
    }
}
