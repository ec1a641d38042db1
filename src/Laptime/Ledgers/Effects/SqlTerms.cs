using Laptime.Ledgers.Sql;

namespace Laptime.Ledgers.Effects;

/// <summary>A token that counts: no space, no comment. The value of a quoted name or a string is what is between its quotes.</summary>
internal readonly record struct SqlTerm(SqlTokenKind Kind, string Value)
{
    public bool Is(string word) => Kind == SqlTokenKind.Word && Value.Equals(word, StringComparison.OrdinalIgnoreCase);

    public bool IsSymbol(char symbol) => Kind is SqlTokenKind.Symbol or SqlTokenKind.Open or SqlTokenKind.Close or SqlTokenKind.Semicolon && Value[0] == symbol;
}

/// <summary>
/// The statements of a text as terms, as far as finding what they create and drop needs: what runs is never cut by this (<see cref="SqlSplitter"/> does). A body with
/// semicolons of its own comes in several: nothing in one creates or drops by itself.
/// </summary>
internal static class SqlTerms
{
    /// <summary>A line of psql's own is a statement of one term, <see cref="SqlTokenKind.Backslash"/>.</summary>
    public static IEnumerable<List<SqlTerm>> Statements(string sql)
    {
        var (lexer, at, statement) = (new SqlLexer(SqlDialect.PostgreSql), 0, new List<SqlTerm>());
        while (lexer.TryNext(sql.AsSpan(at), final: true, out var token))
        {
            if (token.Kind == SqlTokenKind.Backslash)
            {
                var end = LineEnd(sql, at);
                yield return [new SqlTerm(token.Kind, sql[at..end].TrimEnd())];
                at = end;
                continue;
            }

            var text = sql.AsSpan(at, token.Length);
            at += token.Length;
            switch (token.Kind)
            {
                case SqlTokenKind.Space or SqlTokenKind.Comment:
                    break;
                case SqlTokenKind.Semicolon:
                    if (statement.Count > 0)
                    {
                        if (statement[0].Is("copy") && statement.Exists(static t => t.Is("stdin")))
                        {
                            at = BehindData(sql, at);
                        }

                        yield return statement;
                        statement = [];
                    }

                    break;
                default:
                    statement.Add(new SqlTerm(token.Kind, ValueOf(token.Kind, text)));
                    break;
            }
        }

        if (statement.Count > 0)
        {
            yield return statement;
        }
    }

    private static string ValueOf(SqlTokenKind kind, ReadOnlySpan<char> text)
    {
        switch (kind)
        {
            case SqlTokenKind.Name:
                return text.Length > 1 ? text[1..^1].ToString().Replace("\"\"", "\"", StringComparison.Ordinal) : "";
            case SqlTokenKind.Text:
                var open = text.IndexOf('\'');
                return open >= 0 && text.Length > open + 1 ? text[(open + 1)..^1].ToString() : text.ToString();
            case SqlTokenKind.Body:
                var tag = text[1..].IndexOf('$') + 2;
                return text.Length >= 2 * tag ? text[tag..^tag].ToString() : text.ToString();
            default:
                return text.ToString();
        }
    }

    private static int LineEnd(string sql, int at) => sql.IndexOf('\n', at) is >= 0 and var end ? end + 1 : sql.Length;

    private static int BehindData(string sql, int at)
    {
        at = LineEnd(sql, at);
        while (at < sql.Length)
        {
            var ends = sql.AsSpan(at).StartsWith("\\.");
            at = LineEnd(sql, at);
            if (ends)
            {
                break;
            }
        }

        return at;
    }
}
