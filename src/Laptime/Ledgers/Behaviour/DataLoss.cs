using Laptime.Ledgers.Sql;

namespace Laptime.Ledgers.Behaviour;

/// <summary>A statement that takes rows or values away for good.</summary>
/// <param name="What">In a clause: "the rows of orders".</param>
public sealed record DataLoss(long Line, string Head, string What);

/// <summary>
/// Reads which rows and values a body takes away whatever they are: dropped tables, schemas and columns, TRUNCATE, DELETE of everything. A table that the body made itself, or that it puts
/// another one in the place of (SQLite's way to change a table), loses nothing.
/// </summary>
internal sealed class DataLossReader
{
    private const int Kept = 100;
    private readonly HashSet<string> made = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<(string Table, DataLoss Loss)> losses = [];

    public IReadOnlyList<DataLoss> Losses => [.. losses.Select(static l => l.Loss)];

    public void Read(SqlPiece piece, SqlDialect dialect)
    {
        if (piece.Words is not ["CREATE" or "DROP" or "TRUNCATE" or "DELETE" or "ALTER", ..])
        {
            return;
        }

        var words = SqlWord.Read(piece.Text, dialect);
        var head = string.Join(' ', words.Take(6).Where(static w => w.Kind is SqlTokenKind.Word or SqlTokenKind.Name).Select(static w => w.Text));
        switch (words)
        {
            case [{ Upper: "CREATE" }, ..]:
                if (made.Count < 10 * ScriptReading.Kept && words.FindIndex(static w => w.Upper == "TABLE") is > 0 and < 4 and var table)
                {
                    made.UnionWith(Names(words, table + 1).Take(1));
                }

                break;
            case [{ Upper: "DROP" }, { Upper: "TABLE" }, ..]:
                Add(Names(words, 2), static n => $"the rows of {n}");
                break;
            case [{ Upper: "DROP" }, { Upper: "SCHEMA" or "DATABASE" }, ..]:
                Add(Names(words, 2), n => $"everything in {words[1].Text.ToLowerInvariant()} {n}");
                break;
            case [{ Upper: "TRUNCATE" }, ..]:
                Add(Names(words, 1), static n => $"the rows of {n}");
                break;
            case [{ Upper: "DELETE" }, { Upper: "FROM" }, ..] when !words.Exists(static w => w is { Depth: 0, Upper: "WHERE" or "USING" or "LIMIT" }):
                Add(Names(words, 2).Take(1), static n => $"all rows of {n}");
                break;
            case [{ Upper: "ALTER" }, { Upper: "TABLE" }, ..] when Names(words, 2).FirstOrDefault() is { } altered:
                if (words.FindIndex(static w => w.Upper == "RENAME") is > 0 and var rename && rename + 2 < words.Count && words[rename + 1].Upper == "TO" && words[rename + 2].IsName)
                {
                    // What was dropped to make room has its rows in the one that takes its name.
                    losses.RemoveAll(l => l.Table.Equals(words[rename + 2].Name, StringComparison.OrdinalIgnoreCase));
                }

                Columns(words, altered);
                break;
        }

        void Columns(List<SqlWord> all, string altered)
        {
            for (var i = 2; i + 1 < all.Count; i++)
            {
                if (all[i] is { Depth: 0, Upper: "DROP", Kind: SqlTokenKind.Word } && all[i + 1].Upper is not ("CONSTRAINT" or "DEFAULT" or "NOT" or "EXPRESSION" or "IDENTITY")
                    && !(all[i - 1].Upper is "COLUMN" or ".") && Names(all, all[i + 1].Upper == "COLUMN" ? i + 2 : i + 1).FirstOrDefault() is { } column)
                {
                    Add([altered], n => $"the values of {n}.{column}");
                }
            }
        }

        void Add(IEnumerable<string> names, Func<string, string> what)
        {
            foreach (var name in names.Where(n => !made.Contains(n)).Take(Kept - losses.Count))
            {
                losses.Add((name, new DataLoss(piece.Line, head, what(name))));
            }
        }
    }

    /// <summary>The names of a list from there on, without their schemas.</summary>
    private static IEnumerable<string> Names(List<SqlWord> words, int at)
    {
        while (at < words.Count)
        {
            if (words[at].Kind == SqlTokenKind.Word && words[at].Upper is "IF" or "NOT" or "EXISTS" or "ONLY" or "TABLE")
            {
                at++;
                continue;
            }

            if (!words[at].IsName)
            {
                yield break;
            }

            while (at + 2 < words.Count && words[at + 1].Upper == "." && words[at + 2].IsName)
            {
                at += 2;
            }

            yield return words[at].Name;
            if (at + 1 >= words.Count || words[at + 1].Upper != ",")
            {
                yield break;
            }

            at += 2;
        }
    }
}
