namespace Laptime.Ledgers.Sql;

public enum SqlDialect
{
    /// <summary>As PostgreSQL's server and psql read it.</summary>
    PostgreSql,
    Sqlite,
}

public enum SqlTokenKind
{
    Space,
    Comment,

    /// <summary>A key word or an unquoted name.</summary>
    Word,

    /// <summary>A quoted name.</summary>
    Name,

    /// <summary>A string in single quotes, its E included.</summary>
    Text,

    /// <summary>A string in dollar quotes.</summary>
    Body,
    Number,
    Semicolon,
    Open,
    Close,

    /// <summary>Where a command of psql begins.</summary>
    Backslash,

    /// <summary>Any other character.</summary>
    Symbol,
}

/// <param name="Length">Characters from where it was asked for.</param>
/// <param name="Ends">False: it goes on in what follows, or the text ends inside of it.</param>
public readonly record struct SqlToken(SqlTokenKind Kind, int Length, bool Ends);

/// <summary>
/// Cuts SQL into tokens, in whatever portions it comes: a string, a body or a comment that goes on beyond a portion is handed out in parts and remembered.
/// Nothing is refused: what no rule knows is a symbol.
/// </summary>
public struct SqlLexer(SqlDialect dialect)
{
    // Beyond this a tag of a dollar quote is none: names have 63 bytes.
    private const int LongestTag = 256;

    private SqlTokenKind open;
    private bool isOpen;
    private char quote;
    private bool escapes;
    private int depth;
    private string tag = "";
    private Continuation continuation;

    /// <summary>E'a' ⏎ 'b\'c': the second part is still a string with backslashes.</summary>
    private enum Continuation : byte
    {
        None,
        AfterString,
        AfterLineEnd,
    }

    /// <summary>Set by <c>standard_conforming_strings = off</c>: a backslash escapes in every string.</summary>
    public bool BackslashEscapes { get; set; }

    /// <summary>What the text so far is inside of and would have to be closed; null: of nothing.</summary>
    public readonly SqlTokenKind? Inside => isOpen && (open != SqlTokenKind.Comment || quote != '\n') ? open : null;

    /// <param name="text">What is not read yet.</param>
    /// <param name="final">No more will come.</param>
    /// <returns>False: more is needed to tell (or <paramref name="text"/> is empty).</returns>
    public bool TryNext(ReadOnlySpan<char> text, bool final, out SqlToken token)
    {
        token = default;
        if (text.IsEmpty)
        {
            return false;
        }

        if (isOpen)
        {
            return Continue(text, 0, final, ref token);
        }

        var first = text[0];
        if (char.IsWhiteSpace(first))
        {
            var length = 1;
            while (length < text.Length && char.IsWhiteSpace(text[length]))
            {
                length++;
            }

            if (continuation == Continuation.AfterString && text[..length].IndexOfAny('\n', '\r') >= 0)
            {
                continuation = Continuation.AfterLineEnd;
            }

            token = new SqlToken(SqlTokenKind.Space, length, true);
            return true;
        }

        if (text.Length == 1 && !final && first is '-' or '/' or '$' or 'e' or 'E')
        {
            return false;
        }

        var next = text.Length > 1 ? text[1] : '\0';
        if (first == '-' && next == '-')
        {
            (isOpen, open, quote) = (true, SqlTokenKind.Comment, '\n');
            return Continue(text, 2, final, ref token);
        }

        var continued = continuation == Continuation.AfterLineEnd;
        continuation = Continuation.None;
        if (first == '/' && next == '*')
        {
            (isOpen, open, quote, depth) = (true, SqlTokenKind.Comment, '*', 1);
            return Continue(text, 2, final, ref token);
        }

        if (first == '\'')
        {
            (isOpen, open, quote, escapes) = (true, SqlTokenKind.Text, first, continued || (BackslashEscapes && dialect == SqlDialect.PostgreSql));
            return Continue(text, 1, final, ref token);
        }

        if (first is 'e' or 'E' && next == '\'' && dialect == SqlDialect.PostgreSql)
        {
            (isOpen, open, quote, escapes) = (true, SqlTokenKind.Text, next, true);
            return Continue(text, 2, final, ref token);
        }

        if (first == '"' || (dialect == SqlDialect.Sqlite && first is '`' or '['))
        {
            (isOpen, open, quote, escapes) = (true, SqlTokenKind.Name, first == '[' ? ']' : first, false);
            return Continue(text, 1, final, ref token);
        }

        if (first == '$' && dialect == SqlDialect.PostgreSql)
        {
            var length = 1;
            while (length < text.Length && length < LongestTag && (length == 1 ? StartsName(text[length]) : IsInName(text[length]) && text[length] != '$'))
            {
                length++;
            }

            if (length == text.Length && !final && length < LongestTag)
            {
                return false;
            }

            if (length < text.Length && text[length] == '$')
            {
                (isOpen, open, tag) = (true, SqlTokenKind.Body, text[..(length + 1)].ToString());
                return Continue(text, length + 1, final, ref token);
            }

            token = new SqlToken(SqlTokenKind.Symbol, 1, true);
            return true;
        }

        if (StartsName(first))
        {
            var length = 1;
            while (length < text.Length && IsInName(text[length]))
            {
                length++;
            }

            if (length == text.Length && !final && length < LongestTag)
            {
                return false;
            }

            token = new SqlToken(SqlTokenKind.Word, length, true);
            return true;
        }

        if (char.IsAsciiDigit(first))
        {
            var length = 1;
            while (length < text.Length && (char.IsAsciiDigit(text[length]) || text[length] == '.'))
            {
                length++;
            }

            token = new SqlToken(SqlTokenKind.Number, length, true);
            return true;
        }

        token = new SqlToken(
            first switch
            {
                ';' => SqlTokenKind.Semicolon,
                '(' => SqlTokenKind.Open,
                ')' => SqlTokenKind.Close,
                '\\' when dialect == SqlDialect.PostgreSql => SqlTokenKind.Backslash,
                _ => SqlTokenKind.Symbol,
            }, 1, true);
        return true;
    }

    private static bool StartsName(char c) => char.IsAsciiLetter(c) || c == '_' || c >= 0x80;

    private static bool IsInName(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' || c >= 0x80;

    /// <summary>Reads on inside of what is open, from <paramref name="at"/>.</summary>
    private bool Continue(ReadOnlySpan<char> text, int at, bool final, ref SqlToken token)
    {
        var end = open switch
        {
            SqlTokenKind.Body => InBody(text, ref at, final),
            SqlTokenKind.Comment when quote == '\n' => InLine(text, ref at),
            SqlTokenKind.Comment => InComment(text, ref at, final),
            _ => InQuotes(text, ref at, final),
        };
        if (end)
        {
            isOpen = false;
            continuation = open switch
            {
                SqlTokenKind.Text when escapes && !BackslashEscapes => Continuation.AfterString,
                SqlTokenKind.Comment => continuation,
                _ => Continuation.None,
            };
        }

        token = new SqlToken(open, at, end);
        return at > 0;
    }

    private readonly bool InQuotes(ReadOnlySpan<char> text, ref int at, bool final)
    {
        while (at < text.Length)
        {
            var c = text[at];
            if (c != quote && !(escapes && c == '\\'))
            {
                at++;
                continue;
            }

            if (at + 1 == text.Length)
            {
                // A second quote, or what is escaped, may follow.
                at += final ? 1 : 0;
                return final && c == quote;
            }

            if (c == quote && (quote == ']' || text[at + 1] != quote))
            {
                at++;
                return true;
            }

            at += 2;
        }

        return false;
    }

    private readonly bool InBody(ReadOnlySpan<char> text, ref int at, bool final)
    {
        var found = text[at..].IndexOf(tag, StringComparison.Ordinal);
        if (found >= 0)
        {
            at += found + tag.Length;
            return true;
        }

        at = final ? text.Length : Math.Max(at, text.Length - tag.Length + 1);
        return false;
    }

    private static bool InLine(ReadOnlySpan<char> text, ref int at)
    {
        // The end of the line is none of the comment's; the text's end ends it too.
        var found = text[at..].IndexOfAny('\n', '\r');
        at = found < 0 ? text.Length : at + found;
        return found >= 0;
    }

    private bool InComment(ReadOnlySpan<char> text, ref int at, bool final)
    {
        while (at < text.Length)
        {
            var c = text[at];
            if (c is not ('*' or '/'))
            {
                at++;
                continue;
            }

            if (at + 1 == text.Length)
            {
                at += final ? 1 : 0;
                return false;
            }

            if (c == '*' && text[at + 1] == '/')
            {
                at += 2;
                if (--depth == 0)
                {
                    return true;
                }
            }
            else if (c == '/' && text[at + 1] == '*' && dialect == SqlDialect.PostgreSql)
            {
                at += 2;
                depth++;
            }
            else
            {
                at++;
            }
        }

        return false;
    }
}
