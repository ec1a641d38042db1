namespace Laptime.Workspaces.Yaml;

/// <summary>A <c>[</c> or <c>{</c> that is not closed yet.</summary>
internal sealed record OpenBracket(int Line, int Column, char Bracket);

/// <summary>The parser's error in the words of someone who writes a file, not of someone who writes a parser.</summary>
internal readonly record struct YamlMessage(int Line, int Column, string What, string? Mend)
{
    /// <param name="said">What the parser said.</param>
    /// <param name="open">The innermost bracket that is still open.</param>
    public static YamlMessage Of(string said, string text, int line, int column, OpenBracket? open)
    {
        bool Said(string part) => said.Contains(part, StringComparison.OrdinalIgnoreCase);

        if (Said("tab") && Tab(text, line) is { } tab)
        {
            return new(tab.Line, tab.Column, "a tab is used for indentation: YAML wants spaces", "indent with spaces");
        }

        if (Said("expected ',' or") && LineOf(text, line) is var at && column > 1 && column <= at.Length && at[column - 1] == '{' && at[column - 2] == '$')
        {
            return new(line, column - 1, "a text with `${` inside `{ }` or `[ ]` needs quotes", "put the whole text in double quotes");
        }

        if (open is { } bracket && (Said("expected ',' or") || Said("expected node content") || Said("current state of the object")))
        {
            return new(bracket.Line, bracket.Column, $"this `{bracket.Bracket}` is not closed, or a `,` is missing in it", $"write `{(bracket.Bracket == '[' ? ']' : '}')}` where it ends, and put texts with brackets in quotes");
        }

        var (what, mend) = said switch
        {
            _ when Said("multiline plain scalar, found invalid mapping") => ("a `:` is not expected here", "is the `: ` missing in the line above? A text that goes over lines and has a `: ` needs quotes"),
            _ when Said("found invalid mapping") || Said("mapping values are not allowed") =>
                ("a `:` is not expected here", "a text with `: ` in it needs quotes; keys cannot stand below a key that has a value of its own"),
            _ when Said("quoted scalar") && (Said("end of stream") || Said("wrong indentation")) => ("quotes are opened here and not closed", "close the quotes"),
            _ when Said("escape") || Said("surrogates") || Said("UTF32") => ("the text in quotes has an escape that YAML does not know", "write `\\\\` for a backslash, or use single quotes"),
            _ when Said("cannot start any token") => ($"`{Character(text, line, column)}` cannot start a value", "put the text in quotes"),
            _ when Said("anchor or alias") => ($"`{Character(text, line, column)}` cannot start a value", "put the text in quotes"),
            _ when Said("expected node content") => ($"`{Character(text, line, column)}` closes what was never opened", "remove it, or put the text in quotes"),
            _ when Said("block scalar") => ("behind `|` or `>` the line must end", "start the text in the next line, or put it in quotes"),
            _ when Said("sequence entries are not allowed") => ("a list is not expected here", "start it in the line below the key"),
            _ when Said("expected key") || Said("expected '-'") || Said("expected <document") =>
                ("this does not fit what is above it", "check the indentation against the lines above, and that quotes and brackets end where the text ends"),
            _ when Said("incompatible YAML") => ("a version of YAML that is not known", "remove the line with `%YAML`"),
            _ when Said("mapping keys are not allowed") => ("`?` cannot start a value", "put the text in quotes"),
            _ => ("this is not valid YAML", "look for broken quotes, brackets or indentation near this place"),
        };
        return new(line, column, what, mend);
    }

    /// <summary>The first tab in an indentation, from the line on: the parser names the start of what the tab breaks.</summary>
    private static (int Line, int Column)? Tab(string text, int from)
    {
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (++number < from)
            {
                continue;
            }

            var tab = line[..^line.TrimStart(" \t").Length].IndexOf('\t');
            if (tab >= 0 && !line.Trim().IsEmpty)
            {
                return (number, tab + 1);
            }
        }

        return null;
    }

    private static string LineOf(string text, int wanted)
    {
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (++number == wanted)
            {
                return line.ToString();
            }
        }

        return "";
    }

    private static string Character(string text, int line, int column) => LineOf(text, line) is var at && column <= at.Length ? at[column - 1].ToString() : "";
}
