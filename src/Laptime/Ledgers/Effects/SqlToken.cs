namespace Laptime.Ledgers.Effects;

internal enum SqlTokenKind
{
    Word,
    Quoted,
    Text,
    Symbol,
}

/// <summary>A token of SQL: comments are none. The text of a quoted name or string is what is between the quotes.</summary>
internal readonly record struct SqlToken(SqlTokenKind Kind, string Value)
{
    public bool Is(string word) => Kind == SqlTokenKind.Word && Value.Equals(word, StringComparison.OrdinalIgnoreCase);

    public bool IsSymbol(char symbol) => Kind == SqlTokenKind.Symbol && Value[0] == symbol;
}

/// <summary>
/// Reads SQL only as far as finding what a file creates and drops needs: statements as tokens. Quotes, dollar quotes, nested comments, COPY data and psql's own lines are
/// told apart; what runs is never derived from this.
/// </summary>
internal sealed class SqlScanner(string sql)
{
    private int at;

    /// <summary>Statements end at a semicolon outside quotes; empty ones are left out. A line that is psql's own is a statement of one token that begins with a backslash.</summary>
    public IEnumerable<List<SqlToken>> Statements()
    {
        var statement = new List<SqlToken>();
        while (Next() is { } token)
        {
            if (token.Kind == SqlTokenKind.Symbol && token.Value[0] == '\\')
            {
                yield return [token];
                continue;
            }

            if (!token.IsSymbol(';'))
            {
                statement.Add(token);
                continue;
            }

            if (statement.Count == 0)
            {
                continue;
            }

            var ended = statement;
            statement = [];
            if (ended[0].Is("copy") && ended.Exists(static t => t.Is("stdin")))
            {
                SkipCopyData();
            }

            yield return ended;
        }

        if (statement.Count > 0)
        {
            yield return statement;
        }
    }

    private SqlToken? Next()
    {
        while (at < sql.Length)
        {
            var c = sql[at];
            if (char.IsWhiteSpace(c))
            {
                at++;
            }
            else if (c == '-' && Peek(1) == '-')
            {
                SkipLine();
            }
            else if (c == '/' && Peek(1) == '*')
            {
                SkipComment();
            }
            else
            {
                return Read(c);
            }
        }

        return null;
    }

    private SqlToken Read(char c)
    {
        switch (c)
        {
            case '\'':
                return new SqlToken(SqlTokenKind.Text, Quoted('\'', backslashes: false));
            case '"' or '`':
                return new SqlToken(SqlTokenKind.Quoted, Quoted(c, backslashes: false));
            case 'e' or 'E' when Peek(1) == '\'':
                at++;
                return new SqlToken(SqlTokenKind.Text, Quoted('\'', backslashes: true));
            case '$' when DollarTag() is { } tag:
                return new SqlToken(SqlTokenKind.Text, DollarQuoted(tag));
            case '\\' when AtLineStart():
                var from = at;
                SkipLine();
                return new SqlToken(SqlTokenKind.Symbol, sql[from..at].TrimEnd());
        }

        var start = at++;
        if (!IsWordStart(c) && !char.IsAsciiDigit(c))
        {
            return new SqlToken(SqlTokenKind.Symbol, c.ToString());
        }

        while (at < sql.Length && (IsWordStart(sql[at]) || char.IsAsciiDigit(sql[at]) || sql[at] == '$'))
        {
            at++;
        }

        return new SqlToken(SqlTokenKind.Word, sql[start..at]);
    }

    private static bool IsWordStart(char c) => c == '_' || char.IsLetter(c);

    private char Peek(int ahead) => at + ahead < sql.Length ? sql[at + ahead] : '\0';

    private bool AtLineStart()
    {
        var i = at - 1;
        while (i >= 0 && sql[i] is ' ' or '\t')
        {
            i--;
        }

        return i < 0 || sql[i] == '\n';
    }

    private void SkipLine()
    {
        var end = sql.IndexOf('\n', at);
        at = end < 0 ? sql.Length : end + 1;
    }

    private void SkipComment()
    {
        var depth = 0;
        while (at < sql.Length)
        {
            if (sql[at] == '/' && Peek(1) == '*')
            {
                (depth, at) = (depth + 1, at + 2);
            }
            else if (sql[at] == '*' && Peek(1) == '/')
            {
                (depth, at) = (depth - 1, at + 2);
                if (depth == 0)
                {
                    return;
                }
            }
            else
            {
                at++;
            }
        }
    }

    private string Quoted(char quote, bool backslashes)
    {
        var start = ++at;
        var doubled = false;
        while (at < sql.Length)
        {
            if (backslashes && sql[at] == '\\')
            {
                at += 2;
                continue;
            }

            if (sql[at] == quote)
            {
                if (Peek(1) != quote)
                {
                    break;
                }

                doubled = true;
                at++;
            }

            at++;
        }

        var end = Math.Min(at, sql.Length);
        at = Math.Min(at + 1, sql.Length);
        var text = sql[start..end];
        return doubled ? text.Replace(new string(quote, 2), quote.ToString()) : text;
    }

    private string? DollarTag()
    {
        var end = at + 1;
        while (end < sql.Length && (IsWordStart(sql[end]) || (end > at + 1 && char.IsAsciiDigit(sql[end]))))
        {
            end++;
        }

        return end < sql.Length && sql[end] == '$' ? sql[at..(end + 1)] : null;
    }

    private string DollarQuoted(string tag)
    {
        var start = at + tag.Length;
        var end = sql.IndexOf(tag, start, StringComparison.Ordinal);
        at = end < 0 ? sql.Length : end + tag.Length;
        return sql[start..(end < 0 ? sql.Length : end)];
    }

    private void SkipCopyData()
    {
        SkipLine();
        while (at < sql.Length)
        {
            var ends = sql.AsSpan(at).StartsWith("\\.");
            SkipLine();
            if (ends)
            {
                return;
            }
        }
    }
}
