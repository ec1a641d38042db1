using Laptime.Ledgers.Sql;

namespace Laptime.Ledgers.Behaviour;

/// <summary>Reads from one statement's text whether it may be run twice. Where the text does not tell, the answer is unknown.</summary>
internal static class StatementReader
{
    private static readonly HashSet<string> Volatile = new(StringComparer.Ordinal)
    {
        "NOW", "CURRENT_TIMESTAMP", "CURRENT_TIME", "CURRENT_DATE", "LOCALTIME", "LOCALTIMESTAMP", "CLOCK_TIMESTAMP", "STATEMENT_TIMESTAMP", "TRANSACTION_TIMESTAMP", "TIMEOFDAY", "RANDOM",
        "GEN_RANDOM_UUID", "UUID_GENERATE_V1", "UUID_GENERATE_V4", "NEXTVAL", "TXID_CURRENT", "PG_CURRENT_XACT_ID", "RANDOMBLOB", "DATETIME", "JULIANDAY", "UNIXEPOCH", "STRFTIME", "GEN_RANDOM_BYTES",
    };

    private static readonly HashSet<string> Plain = new(StringComparer.Ordinal)
    {
        "COUNT", "MAX", "MIN", "SUM", "AVG", "COALESCE", "LOWER", "UPPER", "LENGTH", "SET_CONFIG", "SETVAL", "EXISTS", "IN", "AS", "VALUES", "FROM", "AND", "OR", "NOT", "SELECT", "WHERE", "ON", "ANY", "ALL", "CAST", "NULLIF", "VERSION",
    };

    public static StatementReading Read(SqlPiece piece, SqlDialect dialect)
    {
        var words = SqlWord.Read(piece.Text, dialect);
        var head = string.Join(' ', words.TakeWhile(static w => w.Kind is SqlTokenKind.Word or SqlTokenKind.Name || w.Upper == ".").Take(8).Select(static w => w.Text)).Replace(" . ", ".", StringComparison.Ordinal);
        var (answer, why) = Judge(words);
        return new StatementReading(piece.Line, head.Length > 0 ? head : "(a statement)", answer, why)
        {
            ControlsTransaction = First(words) is "BEGIN" or "START" or "COMMIT" or "END" or "ROLLBACK" or "ABORT" or "SAVEPOINT" or "RELEASE" || Has(words, "PREPARE", "TRANSACTION"),
            OutsideTransaction = Has(words, "CONCURRENTLY") || First(words) is "VACUUM" || IsOneOf(words, "ALTER SYSTEM", "CREATE DATABASE", "DROP DATABASE", "CREATE TABLESPACE", "DROP TABLESPACE", "CREATE SUBSCRIPTION")
                || (dialect == SqlDialect.Sqlite && First(words) is "PRAGMA" or "ATTACH" or "DETACH"),
            NeedsRows = First(words) is "UPDATE" or "DELETE" or "MERGE" || (First(words) is "INSERT" or "WITH" && Has(words, "SELECT")) || (First(words) is "WITH" && words.Any(static w => w.Upper is "UPDATE" or "DELETE")),
            GuardedIndex = Has(words, "CREATE") && Has(words, "INDEX") && Has(words, "IF", "NOT", "EXISTS") ? NameAfter(words, Find(words, "IF", "NOT", "EXISTS") + 3) : null,
            ServerWide = ServerWideOf(words),
            Touches = DroppedOf(words) ?? TableOf(words),
        };
    }

    /// <summary>The table whose rows or shape it changes.</summary>
    private static CatalogObject? TableOf(List<SqlWord> words)
    {
        var at = words switch
        {
            [{ Upper: "UPDATE" }, { Upper: "ONLY" }, ..] => 2,
            [{ Upper: "UPDATE" }, ..] => 1,
            [{ Upper: "INSERT" or "MERGE" }, { Upper: "INTO" }, ..] => 2,
            [{ Upper: "INSERT" or "UPDATE" }, { Upper: "OR" }, _, { Upper: "INTO" }, ..] => 4,
            [{ Upper: "DELETE" }, { Upper: "FROM" }, { Upper: "ONLY" }, ..] => 3,
            [{ Upper: "DELETE" }, { Upper: "FROM" }, ..] => 2,
            [{ Upper: "ALTER" }, { Upper: "TABLE" }, { Upper: "IF" }, { Upper: "EXISTS" }, ..] => 4,
            [{ Upper: "ALTER" }, { Upper: "TABLE" }, { Upper: "ONLY" }, ..] => 3,
            [{ Upper: "ALTER" }, { Upper: "TABLE" }, ..] => 2,
            _ => -1,
        };
        return at < 0 || at >= words.Count || !words[at].IsName ? null
            : at + 2 < words.Count && words[at + 1].Upper == "." && words[at + 2].IsName ? new CatalogObject(CatalogKind.Table, words[at].Name, null, words[at + 2].Name)
            : new CatalogObject(CatalogKind.Table, null, null, words[at].Name);
    }

    /// <summary>What it takes away by name: whether anybody uses it is the question before that.</summary>
    private static CatalogObject? DroppedOf(List<SqlWord> words)
    {
        if (words is not [{ Upper: "DROP" }, { Upper: "TABLE" or "VIEW" or "MATERIALIZED" or "FUNCTION" or "PROCEDURE" or "TRIGGER" }, ..])
        {
            return null;
        }

        var what = words[1].Upper;
        var at = what == "MATERIALIZED" ? 3 : 2;
        at += at + 1 < words.Count && words[at].Upper == "IF" && words[at + 1].Upper == "EXISTS" ? 2 : 0;
        if (at >= words.Count || !words[at].IsName)
        {
            return null;
        }

        var (schema, name) = at + 2 < words.Count && words[at + 1].Upper == "." && words[at + 2].IsName ? (words[at].Name, words[at + 2].Name) : (null, words[at].Name);
        var on = what == "TRIGGER" && Find(words, "ON") is > 0 and var after ? NameAfter(words, after + 1) : null;
        return new CatalogObject(what switch { "FUNCTION" or "PROCEDURE" => CatalogKind.Function, "TRIGGER" => CatalogKind.Trigger, "TABLE" => CatalogKind.Table, _ => CatalogKind.View }, schema, on, name);
    }

    private static string? ServerWideOf(List<SqlWord> words) => words switch
    {
        [{ Upper: "CREATE" or "ALTER" or "DROP" }, { Upper: "ROLE" or "USER" or "GROUP" }, ..] when words[1].Upper != "USER" || words is not [_, _, { Upper: "MAPPING" }, ..] => "roles belong to the whole server",
        [{ Upper: "CREATE" or "ALTER" or "DROP" }, { Upper: "DATABASE" }, ..] => "databases belong to the whole server",
        [{ Upper: "CREATE" or "ALTER" or "DROP" }, { Upper: "TABLESPACE" }, ..] => "tablespaces belong to the whole server",
        [{ Upper: "ALTER" }, { Upper: "SYSTEM" }, ..] => "it changes the settings of the whole server",
        [{ Upper: "CREATE" or "ALTER" or "DROP" }, { Upper: "SUBSCRIPTION" or "SERVER" }, ..] => "it reaches other servers",
        [{ Upper: "COPY" }, ..] when Has(words, "PROGRAM") => "it runs a program on the server",
        _ when words.Any(static w => w.Upper.StartsWith("DBLINK", StringComparison.Ordinal)) => "it reaches other databases",
        _ when words.Any(static w => w.Upper is "PG_TERMINATE_BACKEND" or "PG_CANCEL_BACKEND" or "PG_RELOAD_CONF") => "it acts on the whole server",
        _ => null,
    };

    private static (Answer Answer, string Why) Judge(List<SqlWord> words) => First(words) switch
    {
        "CREATE" => Create(words),
        "DROP" => Has(words, "IF", "EXISTS") ? (Answer.Yes, "IF EXISTS passes over what is gone") : (Answer.No, "fails when it is gone already"),
        "ALTER" => Alter(words),
        "INSERT" or "REPLACE" => Insert(words),
        "UPDATE" => Update(words),
        "DELETE" => Has(words, "LIMIT") ? (Answer.No, "takes away some more each time") : (Answer.Yes, "what it deletes is gone the second time"),
        "TRUNCATE" => (Answer.Yes, "empties, again; what came in between is lost"),
        "COPY" when Has(words, "PROGRAM") => (Answer.Unknown, "runs a program, which may do anything"),
        "COPY" => Has(words, "FROM") ? (Answer.No, "adds its rows again") : (Answer.Yes, "reads only"),
        "WITH" => words.Any(static w => w.Upper is "INSERT" or "UPDATE" or "DELETE" or "MERGE") ? (Answer.Unknown, "changes rows in parts that the text does not tell apart") : Reads(words),
        "MERGE" => (Answer.Unknown, "depends on the rows"),
        "SELECT" or "VALUES" or "TABLE" or "EXPLAIN" => Reads(words),
        "GRANT" or "REVOKE" or "COMMENT" or "SECURITY" or "REASSIGN" => (Answer.Yes, "sets the same again"),
        "SET" or "RESET" or "SHOW" or "PRAGMA" or "DISCARD" or "ANALYZE" or "VACUUM" or "REINDEX" or "CLUSTER" or "REFRESH" or "LOCK" or "CHECKPOINT" or "LISTEN" or "UNLISTEN" or "NOTIFY" => (Answer.Yes, "leaves nothing new"),
        "BEGIN" or "START" or "COMMIT" or "END" or "ROLLBACK" or "ABORT" or "SAVEPOINT" or "RELEASE" => (Answer.Yes, "controls the transaction"),
        "DO" or "CALL" or "EXECUTE" => (Answer.Unknown, "a program: its text is not followed"),
        _ => (Answer.Unknown, "a statement whose repetition the text does not tell"),
    };

    private static (Answer, string) Create(List<SqlWord> words)
    {
        if (Has(words, "OR", "REPLACE"))
        {
            return (Answer.Yes, "OR REPLACE writes the same again");
        }

        if (Has(words, "IF", "NOT", "EXISTS"))
        {
            return Has(words, "INDEX") && Has(words, "CONCURRENTLY")
                ? (Answer.Unknown, "IF NOT EXISTS passes over an index that an earlier failure left invalid")
                : (Answer.Yes, "IF NOT EXISTS passes over what is there, whatever its shape");
        }

        return words is [_, { Upper: "TEMP" or "TEMPORARY" }, ..] ? (Answer.Yes, "temporary") : (Answer.No, "fails when it is there already");
    }

    private static (Answer, string) Alter(List<SqlWord> words)
    {
        if (Has(words, "RENAME"))
        {
            return (Answer.No, "the old name is gone the second time");
        }

        if (words is [_, { Upper: "TYPE" }, ..] && Has(words, "ADD"))
        {
            return Has(words, "IF", "NOT", "EXISTS") ? (Answer.Yes, "IF NOT EXISTS passes over what is there") : (Answer.No, "fails when it is there already");
        }

        if (words is not [_, { Upper: "TABLE" or "FOREIGN" or "MATERIALIZED" or "VIEW" or "INDEX" }, ..])
        {
            return Has(words, "ADD") || Has(words, "DROP") ? (Answer.Unknown, "adds or takes away") : (Answer.Yes, "sets the same again");
        }

        // The actions of an ALTER TABLE are separated by commas.
        var worst = (Answer.Yes, "sets the same again");
        foreach (var action in Split(words))
        {
            var guarded = Has(action, "IF", "NOT", "EXISTS") || Has(action, "IF", "EXISTS");
            var one = action switch
            {
                _ when Has(action, "ADD") => Has(action, "IF", "NOT", "EXISTS") ? (Answer.Yes, "IF NOT EXISTS passes over what is there, whatever its shape") : (Answer.No, "what it adds is there already the second time"),
                _ when Has(action, "ATTACH") || Has(action, "DETACH") || Has(action, "INHERIT") => (Answer.No, "attached or detached already the second time"),
                _ when Has(action, "DROP", "DEFAULT") || Has(action, "DROP", "NOT", "NULL") || Has(action, "DROP", "EXPRESSION") => (Answer.Yes, "sets the same again"),
                _ when Has(action, "DROP") => guarded ? (Answer.Yes, "IF EXISTS passes over what is gone") : (Answer.No, "what it drops is gone the second time"),
                _ when Has(action, "USING") => (Answer.Unknown, "computes the column again"),
                _ => (Answer.Yes, "sets the same again"),
            };
            worst = one.Item1 > worst.Item1 ? one : worst;
        }

        return worst;
    }

    private static (Answer, string) Insert(List<SqlWord> words)
    {
        if (Has(words, "DO", "NOTHING") || Has(words, "OR", "IGNORE"))
        {
            return (Answer.Yes, "what is there already is passed over, where a unique key tells (sequences may move)");
        }

        if (Has(words, "DO", "UPDATE"))
        {
            var set = words[(Find(words, "DO", "UPDATE") + 2)..];
            var (answer, why) = Assignments(set);
            return answer == Answer.Yes ? (answer, "what is there already is set to the same") : (answer, why);
        }

        if (First(words) == "REPLACE" || Has(words, "OR", "REPLACE"))
        {
            return (Answer.Unknown, "replaces rows where a unique key tells");
        }

        return Find(words, static w => w.Upper == "NOT", static w => w.Upper == "EXISTS") is > 0 and var at && words[at].Depth >= 0
            ? (Answer.Yes, "WHERE NOT EXISTS passes over what is there")
            : (Answer.No, "adds its rows again, or fails at a unique key");
    }

    private static (Answer, string) Update(List<SqlWord> words) => Assignments(words);

    /// <summary>SET a = …, b = … of an UPDATE.</summary>
    private static (Answer, string) Assignments(List<SqlWord> words)
    {
        var set = words.FindIndex(static w => w is { Depth: 0, Upper: "SET" });
        if (set < 0)
        {
            return (Answer.Unknown, "depends on the rows");
        }

        var rest = words[(set + 1)..];
        var end = rest.FindIndex(static w => w is { Depth: 0, Upper: "WHERE" or "FROM" or "RETURNING" });
        var condition = end < 0 ? [] : rest[end..];
        var targets = new HashSet<string>(StringComparer.Ordinal);
        var values = new List<(string Target, List<SqlWord> Value)>();
        foreach (var assignment in Split(end < 0 ? rest : rest[..end]))
        {
            var equals = assignment.FindIndex(static w => w is { Depth: 0, Upper: "=" });
            if (equals <= 0 || !assignment[equals - 1].IsName)
            {
                return (Answer.Unknown, "sets several columns at once");
            }

            targets.Add(assignment[equals - 1].Name);
            values.Add((assignment[equals - 1].Name, assignment[(equals + 1)..]));
        }

        var worst = (Answer.Yes, "sets what does not depend on what it set before");
        foreach (var (target, value) in values)
        {
            var one = (Answer.Yes, worst.Item2);
            if (value.Find(static w => w.Kind == SqlTokenKind.Word && Volatile.Contains(w.Upper)) is { Text: not null } clock)
            {
                one = (Answer.No, $"{target} is set by {clock.Text.ToLowerInvariant()}: another value each time");
            }
            else if (value.Find(w => w.IsName && targets.Contains(w.Name)) is { Text: not null } self)
            {
                one = condition.Any(w => w.IsName && w.Name == target)
                    ? (Answer.Unknown, $"{target} is set from {self.Name}, which it sets; its WHERE may guard it")
                    : value.Any(static w => w.Upper is "+" or "-" or "*" or "/" or "|" or "%")
                        ? (Answer.No, $"{target} is computed from {self.Name}, which it sets: it goes on each time")
                        : (Answer.Unknown, $"{target} is set from {self.Name}, which it sets");
            }
            else if (value.Any(static w => w.Upper == "SELECT"))
            {
                one = (Answer.Unknown, $"{target} is set by a query");
            }

            worst = one.Item1 > worst.Item1 ? one : worst;
        }

        return worst;
    }

    private static (Answer, string) Reads(List<SqlWord> words)
    {
        for (var i = 0; i + 1 < words.Count; i++)
        {
            if (words[i].IsName && words[i + 1].Kind == SqlTokenKind.Open && !Plain.Contains(words[i].Upper))
            {
                return words[i].Upper == "NEXTVAL" ? (Answer.No, "moves a sequence each time") : (Answer.Unknown, $"calls {words[i].Text}, which may write");
            }
        }

        return Has(words, "INTO") ? (Answer.No, "fails when it is there already") : (Answer.Yes, "reads only");
    }

    private static string First(List<SqlWord> words) => words.Count > 0 ? words[0].Upper : "";

    private static bool IsOneOf(List<SqlWord> words, params ReadOnlySpan<string> heads) => words.Count > 1 && heads.Contains(words[0].Upper + " " + words[1].Upper);

    /// <summary>Whether the words stand next to each other outside of parentheses.</summary>
    private static bool Has(List<SqlWord> words, params ReadOnlySpan<string> sequence) => Find(words, sequence) >= 0;

    private static int Find(List<SqlWord> words, params ReadOnlySpan<string> sequence)
    {
        for (var i = 0; i + sequence.Length <= words.Count; i++)
        {
            var all = true;
            for (var j = 0; j < sequence.Length && all; j++)
            {
                all = words[i + j] is { Depth: 0, Kind: SqlTokenKind.Word } && words[i + j].Upper == sequence[j];
            }

            if (all)
            {
                return i;
            }
        }

        return -1;
    }

    private static int Find(List<SqlWord> words, Func<SqlWord, bool> first, Func<SqlWord, bool> second)
    {
        for (var i = 0; i + 1 < words.Count; i++)
        {
            if (first(words[i]) && second(words[i + 1]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The name that stands there, without its schema.</summary>
    private static string? NameAfter(List<SqlWord> words, int at)
    {
        if (at >= words.Count || !words[at].IsName)
        {
            return null;
        }

        return at + 2 < words.Count && words[at + 1].Upper == "." ? words[at + 2].Name : words[at].Name;
    }

    private static IEnumerable<List<SqlWord>> Split(List<SqlWord> words)
    {
        var part = new List<SqlWord>();
        foreach (var word in words)
        {
            if (word is { Depth: 0, Upper: "," })
            {
                yield return part;
                part = [];
            }
            else
            {
                part.Add(word);
            }
        }

        yield return part;
    }
}
