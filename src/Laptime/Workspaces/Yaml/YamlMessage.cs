using YamlDotNet.Core;

namespace Laptime.Workspaces.Yaml;

/// <summary>The parser's message in the words of someone who writes a file, not of someone who writes a parser.</summary>
internal static class YamlMessage
{
    public static string Of(YamlException e, string text, int line, int column, out string? mend)
    {
        if (TabIn(text, line))
        {
            mend = "indent with spaces";
            return "a tab is used for indentation: YAML wants spaces";
        }

        var said = e.Message;
        (var what, mend) = said switch
        {
            _ when said.Contains("did not find expected key", StringComparison.Ordinal) || said.Contains("did not find expected '-'", StringComparison.Ordinal) =>
                ("this line does not fit the lines above it", "check its indentation against the lines above, and quotes that are not closed"),
            _ when said.Contains("mapping values are not allowed", StringComparison.Ordinal) =>
                ("a `:` is not expected here", "a text with `: ` in it needs quotes; a nested mapping starts on its own line"),
            _ when said.Contains("could not find expected ':'", StringComparison.Ordinal) =>
                ("a key without its `:`", "write `key: value`"),
            _ when said.Contains("expected ',' or", StringComparison.Ordinal) =>
                ("a `[` or `{` is not closed, or a `,` is missing", "close the bracket, or put the text in quotes"),
            _ when said.Contains("unexpected end of stream", StringComparison.Ordinal) || said.Contains("unterminated", StringComparison.OrdinalIgnoreCase) =>
                ("quotes are opened here and not closed", "close the quotes"),
            _ when said.Contains("cannot start any token", StringComparison.Ordinal) =>
                ($"`{Character(text, line, column)}` cannot start a value", "put the text in quotes"),
            _ when said.Contains("escape", StringComparison.Ordinal) =>
                ("an escape that YAML does not know", "write `\\\\` for a backslash, or use single quotes"),
            _ when said.Contains("block sequence entries are not allowed", StringComparison.Ordinal) =>
                ("a list is not expected here", "put the `-` on its own line below the key"),
            _ => ("this is not valid YAML: " + Plain(said), null),
        };
        return what;
    }

    private static string Plain(string said) => ProblemList.Short(said.Length == 0 ? "it cannot be read" : char.ToLowerInvariant(said[0]) + said[1..].TrimEnd('.'));

    /// <summary>The parser tells of a tab one token late: look at the line and the one before.</summary>
    private static bool TabIn(string text, int line)
    {
        var number = 1;
        foreach (var one in text.AsSpan().EnumerateLines())
        {
            if (number >= line - 1 && number <= line)
            {
                var indent = one[..^one.TrimStart(" \t").Length];
                if (indent.Contains('\t') && indent.Length < one.Length)
                {
                    return true;
                }
            }

            if (number++ > line)
            {
                break;
            }
        }

        return false;
    }

    private static string Character(string text, int line, int column)
    {
        var number = 1;
        foreach (var one in text.AsSpan().EnumerateLines())
        {
            if (number++ == line)
            {
                return column <= one.Length ? one[column - 1].ToString() : "";
            }
        }

        return "";
    }
}
