namespace Laptime.Ledgers.Sql;

/// <summary>
/// Splits a script into statements as psql (or sqlite3) does: no terminator in a string, a quoted name, a comment, a dollar quote, parentheses, a BEGIN ATOMIC
/// body or a trigger's body splits. Holds one statement at a time, and never more of it than <c>longest</c>.
/// </summary>
public sealed class SqlSplitter(TextReader reader, SqlDialect dialect, int longest = SqlSplitter.Longest)
{
    /// <summary>A statement beyond 16 Mi characters is handed out in parts.</summary>
    public const int Longest = 16 * 1024 * 1024;

    private const int Portion = 64 * 1024;
    private const int MostWords = 8;

    private readonly List<string> words = [];
    private SqlLexer lexer = new(dialect);
    private char[] buffer = new char[2 * Portion];
    private int start;
    private int at;
    private int filled;
    private bool final;
    private long line = 1;

    // Of the statement under way.
    private bool begun;
    private bool tooLong;
    private long firstLine;
    private int parentheses;
    private int blocks;
    private bool trigger;
    private bool takesData;
    private string previous = "";
    private string before = "";

    public static IEnumerable<SqlPiece> Split(string script, SqlDialect dialect) => new SqlSplitter(new StringReader(script), dialect).Pieces();

    /// <summary>The pieces, read as they are asked for; once.</summary>
    public IEnumerable<SqlPiece> Pieces()
    {
        Reset();
        while (true)
        {
            if (!lexer.TryNext(buffer.AsSpan(at, filled - at), final, out var token))
            {
                if (final)
                {
                    break;
                }

                Fill();
                continue;
            }

            if (token.Kind == SqlTokenKind.Backslash)
            {
                if (begun)
                {
                    // psql acts on it in the middle of a statement too (\g sends it).
                    yield return Take(SqlPieceKind.Statement);
                }

                firstLine = line;
                while (!TakeLine(Portion))
                {
                    yield return Part(SqlPieceKind.Meta);
                }

                yield return Take(SqlPieceKind.Meta);
                continue;
            }

            var text = buffer.AsSpan(at, token.Length);
            var ends = begun && IsTerminator(token);
            Note(token, text);
            line += text.Count('\n');
            at += token.Length;
            if (ends || (!begun && token.Kind == SqlTokenKind.Semicolon))
            {
                var data = takesData;
                yield return Take(begun ? SqlPieceKind.Statement : SqlPieceKind.Blank);
                if (data)
                {
                    foreach (var piece in Data())
                    {
                        yield return piece;
                    }
                }
            }
            else if (at - start >= longest || (!begun && at - start >= Portion))
            {
                tooLong |= begun;
                yield return Part(begun ? SqlPieceKind.TooLong : SqlPieceKind.Blank);
            }
        }

        if (at > start)
        {
            yield return Take(begun ? SqlPieceKind.Statement : SqlPieceKind.Blank);
        }
    }

    /// <summary>The lines after a COPY … FROM STDIN, to its <c>\.</c> or the end.</summary>
    private IEnumerable<SqlPiece> Data()
    {
        firstLine = line;
        while (!TakeLine(Portion))
        {
            yield return Part(SqlPieceKind.Stray);
        }

        if (at > start)
        {
            yield return Take(buffer.AsSpan(start, at - start).Trim().IsEmpty ? SqlPieceKind.Blank : SqlPieceKind.Stray);
        }

        firstLine = line;
        var whole = true;
        while (true)
        {
            var from = at - start;
            var ended = TakeLine(Portion);
            var length = at - start - from;
            if (length == 0)
            {
                break;
            }

            if (whole && buffer.AsSpan(at - length, length).TrimEnd("\r\n") is "\\.")
            {
                at -= length;
                if (from > 0)
                {
                    yield return Take(SqlPieceKind.CopyData);
                }

                at += length;
                firstLine = line - (buffer[at - 1] == '\n' ? 1 : 0);
                yield return Take(SqlPieceKind.CopyEnd);
                yield break;
            }

            whole = ended;
            if (at - start >= Portion)
            {
                yield return Take(SqlPieceKind.CopyData);
                firstLine = line;
            }
        }

        if (at > start)
        {
            yield return Take(SqlPieceKind.CopyData);
        }
    }

    /// <summary>Reads on to the end of the line, that included.</summary>
    /// <param name="most">So much of a line at once.</param>
    /// <returns>True: it ended, or the text did. False: the line goes on.</returns>
    private bool TakeLine(int most)
    {
        var from = at - start;
        while (true)
        {
            var found = buffer.AsSpan(start + from, filled - start - from).IndexOf('\n');
            if (found >= 0)
            {
                at = start + from + found + 1;
                line++;
                return true;
            }

            if (final || filled - start - from >= most)
            {
                at = filled;
                return final;
            }

            Fill();
        }
    }

    private bool IsTerminator(SqlToken token) =>
        token.Kind == SqlTokenKind.Semicolon && parentheses <= 0 && blocks == 0 && (!trigger || (previous == "END" && before == ";"));

    /// <summary>Keeps what decides where the statement ends.</summary>
    private void Note(SqlToken token, ReadOnlySpan<char> text)
    {
        if (token.Kind is SqlTokenKind.Space or SqlTokenKind.Comment || (!begun && token.Kind == SqlTokenKind.Semicolon))
        {
            return;
        }

        if (!begun)
        {
            (begun, firstLine) = (true, line);
        }

        var word = "";
        switch (token.Kind)
        {
            case SqlTokenKind.Open:
                parentheses++;
                break;
            case SqlTokenKind.Close:
                parentheses--;
                break;
            case SqlTokenKind.Semicolon:
                word = ";";
                break;
            case SqlTokenKind.Symbol:
                word = text[0] == '.' ? "." : "";
                break;
            case SqlTokenKind.Word when text.Length <= 32:
                word = text.ToString().ToUpperInvariant();
                NoteWord(word);
                break;
        }

        (before, previous) = (previous, word);
    }

    private void NoteWord(string word)
    {
        if (parentheses <= 0 && words.Count < MostWords)
        {
            words.Add(word);
        }

        // A name after AS or a dot is one, whatever it is.
        var named = previous is "AS" or ".";
        if (dialect == SqlDialect.PostgreSql)
        {
            takesData |= word == "STDIN" && previous == "FROM" && parentheses <= 0 && words is ["COPY", ..];
            if (word == "ATOMIC" && previous == "BEGIN" && words is ["CREATE", ..] && blocks == 0)
            {
                blocks = 1;
            }
            else if (blocks > 0 && parentheses <= 0 && !named)
            {
                blocks += word switch { "CASE" => 1, "END" => -1, _ => 0 };
            }
        }
        else if (word == "TRIGGER" && words is ["CREATE", "TRIGGER"] or ["CREATE", "TEMP" or "TEMPORARY", "TRIGGER"] or ["EXPLAIN", "CREATE", "TRIGGER"])
        {
            trigger = true;
        }
    }

    private SqlPiece Take(SqlPieceKind kind)
    {
        var text = new string(buffer, start, at - start);
        var piece = new SqlPiece(tooLong && kind == SqlPieceKind.Statement ? SqlPieceKind.TooLong : kind, text, begun || kind is not (SqlPieceKind.Statement or SqlPieceKind.Blank) ? firstLine : line)
        {
            Words = [.. words], TakesData = takesData, Unclosed = lexer.Inside,
        };
        if (piece.Kind == SqlPieceKind.Statement && words is ["SET", ..] && words.Contains("STANDARD_CONFORMING_STRINGS"))
        {
            lexer.BackslashEscapes = text.TrimEnd().TrimEnd(';', ' ', '\'').Split([' ', '=', '\'', '\n', '\t'])[^1].ToLowerInvariant() is "off" or "false" or "no" or "0";
        }

        start = at;
        Reset();
        return piece;
    }

    private SqlPiece Part(SqlPieceKind kind)
    {
        var piece = new SqlPiece(kind, new string(buffer, start, at - start), begun || kind != SqlPieceKind.Blank ? firstLine : line) { Words = [.. words] };
        start = at;
        return piece;
    }

    private void Reset()
    {
        words.Clear();
        (begun, tooLong, trigger, takesData, parentheses, blocks, previous, before) = (false, false, false, false, 0, 0, "", "");
    }

    private void Fill()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            (at, filled, start) = (at - start, filled - start, 0);
        }

        if (filled + Portion > buffer.Length)
        {
            Array.Resize(ref buffer, buffer.Length * 2);
        }

        var read = reader.ReadBlock(buffer, filled, Portion);
        filled += read;
        final = read < Portion;
    }
}
