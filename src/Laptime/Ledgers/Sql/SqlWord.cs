namespace Laptime.Ledgers.Sql;

/// <summary>A token that means something: neither space nor comment.</summary>
/// <param name="Text">As it is written.</param>
/// <param name="Upper">A word in upper case; of everything else, the text.</param>
/// <param name="Depth">How many parentheses it stands in.</param>
public readonly record struct SqlWord(SqlTokenKind Kind, string Text, string Upper, int Depth)
{
    /// <summary>Whether it may name something.</summary>
    public bool IsName => Kind is SqlTokenKind.Word or SqlTokenKind.Name;

    /// <summary>As the catalog has a name: unquoted, folded to lower case when it was not quoted.</summary>
    public string Name => Kind == SqlTokenKind.Name ? Text.Length < 2 ? "" : Text[1..^1].Replace(new string(Text[0], 2), Text[..1], StringComparison.Ordinal) : Text.ToLowerInvariant();

    /// <summary>The first of a statement's words; its last terminator is left out.</summary>
    /// <param name="most">Of a long statement only so many: what decides about it stands in front.</param>
    public static List<SqlWord> Read(string statement, SqlDialect dialect, int most = 20_000)
    {
        var lexer = new SqlLexer(dialect);
        var words = new List<SqlWord>();
        var (at, depth) = (0, 0);
        while (words.Count < most && lexer.TryNext(statement.AsSpan(at), final: true, out var token))
        {
            if (token.Kind is not (SqlTokenKind.Space or SqlTokenKind.Comment))
            {
                var text = statement.Substring(at, token.Length);
                depth -= token.Kind == SqlTokenKind.Close ? 1 : 0;
                words.Add(new SqlWord(token.Kind, text, token.Kind == SqlTokenKind.Word ? text.ToUpperInvariant() : text, depth));
                depth += token.Kind == SqlTokenKind.Open ? 1 : 0;
            }

            at += token.Length;
        }

        if (words is [.., { Kind: SqlTokenKind.Semicolon }])
        {
            words.RemoveAt(words.Count - 1);
        }

        return words;
    }
}
