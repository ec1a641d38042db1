using Laptime.Ledgers.Sql;

namespace Laptime.Ledgers.Effects;

/// <summary>What SQL creates, drops and renames, read from its text. A statement that is not understood is never taken for one that changes nothing.</summary>
internal static class SqlChanges
{
    private static readonly IReadOnlySet<CatalogKind> Dependents = new HashSet<CatalogKind> { CatalogKind.View, CatalogKind.Function, CatalogKind.Trigger };
    /// <summary>A name with one of these is filled in before it runs, by values that are not here.</summary>
    private static readonly System.Buffers.SearchValues<char> OfPlaceholders = System.Buffers.SearchValues.Create("${}%<>");
    private static readonly IReadOnlySet<CatalogKind> NoKinds = new HashSet<CatalogKind>();

    /// <summary>Statements that leave the catalog's tables, columns, indexes, functions as they are.</summary>
    private static readonly HashSet<string> Harmless = new(StringComparer.OrdinalIgnoreCase)
    {
        "insert", "update", "delete", "merge", "copy", "grant", "revoke", "comment", "set", "reset", "begin", "commit", "end", "start", "analyze", "vacuum", "reindex", "lock", "truncate", "notify", "pragma",
        "cluster", "refresh", "values", "show", "explain", "savepoint", "release", "security", "replace", "table", "checkpoint", "discard", "listen", "unlisten", "attach", "detach",
    };

    public static IReadOnlyList<CatalogChange> Of(string sql)
    {
        var changes = new List<CatalogChange>();
        foreach (var statement in SqlTerms.Statements(sql))
        {
            Read(statement, changes);
        }

        return changes;
    }

    private static void Read(List<SqlTerm> statement, List<CatalogChange> changes)
    {
        var cursor = new Cursor(statement);
        if (statement[0].Kind == SqlTokenKind.Backslash)
        {
            // psql: only what takes in other text can change anything.
            if (statement[0].Value.Split(' ')[0] is "\\i" or "\\ir" or "\\include" or "\\include_relative" or "\\gexec" or "\\!")
            {
                changes.Add(CatalogChange.Unclear.All);
            }

            return;
        }

        if (cursor.Take("create"))
        {
            Create(cursor, changes);
        }
        else if (cursor.Take("drop"))
        {
            Drop(cursor, changes);
        }
        else if (cursor.Take("alter"))
        {
            Alter(cursor, statement, changes);
        }
        else if (statement[0].Is("rollback"))
        {
            changes.Add(CatalogChange.Unclear.All);
        }
        else if (statement[0].Kind != SqlTokenKind.Word || !Harmless.Contains(statement[0].Value))
        {
            // SELECT and WITH too: a function they call may do anything, to what it is told of.
            changes.Add(Unclear(statement));
        }
    }

    private static void Create(Cursor cursor, List<CatalogChange> changes)
    {
        var temporary = false;
        while (cursor.Any("or", "replace", "global", "local", "temp", "temporary", "unlogged", "unique", "materialized", "recursive", "force", "virtual", "constraint", "external", "foreign") is { } modifier)
        {
            temporary |= modifier is "temp" or "temporary";
        }

        if (cursor.Any("table", "view", "sequence", "type", "domain", "function", "procedure", "aggregate", "index", "trigger") is not { } kind || temporary)
        {
            return;
        }

        cursor.Take("concurrently");
        cursor.Guard();
        if (kind == "index" && cursor.Is("on"))
        {
            return; // Named by the database.
        }

        if (cursor.Name() is not { } name)
        {
            return;
        }

        switch (kind)
        {
            case "index":
                if (cursor.Take("on"))
                {
                    cursor.Take("only");
                    var table = cursor.Name();
                    changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.Index, name.Schema ?? table?.Schema, table?.Name, name.Name)));
                }

                break;
            case "trigger":
                while (!cursor.Ended && !cursor.Take("on"))
                {
                    cursor.Skip();
                }

                if (cursor.Name() is { } on)
                {
                    changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.Trigger, on.Schema, on.Name, name.Name)));
                }

                break;
            default:
                changes.Add(new CatalogChange.Creates(new CatalogObject(KindOf(kind), name.Schema, null, name.Name)));
                break;
        }
    }

    private static CatalogKind KindOf(string word) => word switch
    {
        "table" => CatalogKind.Table,
        "view" => CatalogKind.View,
        "sequence" => CatalogKind.Sequence,
        "type" or "domain" => CatalogKind.Type,
        "index" => CatalogKind.Index,
        _ => CatalogKind.Function,
    };

    private static void Drop(Cursor cursor, List<CatalogChange> changes)
    {
        var all = cursor.All;
        var cascades = all.Exists(static t => t.Is("cascade"));
        cursor.Any("materialized", "foreign");
        if (cursor.Any("table", "view", "index", "function", "procedure", "routine", "aggregate", "type", "domain", "sequence", "trigger") is not { } kind)
        {
            if (cursor.Any("schema", "extension", "owned", "database") is not null)
            {
                changes.Add(CatalogChange.Unclear.All);
            }

            return;
        }

        cursor.Take("concurrently");
        cursor.Guard();
        if (kind == "trigger")
        {
            if (cursor.Name() is { } trigger)
            {
                var table = cursor.Take("on") ? cursor.Name() : null;
                changes.Add(new CatalogChange.Drops(new CatalogObject(CatalogKind.Trigger, table?.Schema, table?.Name, trigger.Name)));
            }

            return;
        }

        do
        {
            if (cursor.Name() is not { } name)
            {
                changes.Add(Unclear(all));
                return;
            }

            changes.Add(new CatalogChange.Drops(new CatalogObject(KindOf(kind), name.Schema, null, name.Name)));
            cursor.Parentheses();
        }
        while (cursor.Comma());

        if (cascades)
        {
            changes.Add(kind is "table" or "view" ? new CatalogChange.Unclear(new HashSet<string>(), Dependents) : CatalogChange.Unclear.All);
        }
    }

    private static void Alter(Cursor cursor, List<SqlTerm> statement, List<CatalogChange> changes)
    {
        cursor.Any("materialized", "foreign");
        if (cursor.Any("table", "view", "index", "sequence", "type", "domain", "function", "procedure") is not { } kind)
        {
            if (!cursor.IsAny("role", "user", "database", "system", "default"))
            {
                changes.Add(Unclear(statement));
            }

            return;
        }

        cursor.Guard();
        cursor.Take("only");
        if (cursor.Name() is not { } name)
        {
            changes.Add(Unclear(statement));
            return;
        }

        cursor.Parentheses();
        if (kind != "table")
        {
            if (cursor.Take("rename"))
            {
                if (cursor.Take("to") && cursor.Name() is { } to)
                {
                    changes.Add(new CatalogChange.Renames(new CatalogObject(KindOf(kind), name.Schema, null, name.Name), to.Name));
                }
            }
            else if (cursor.Take("set") && cursor.Is("schema"))
            {
                changes.Add(Unclear(statement));
            }

            return;
        }

        cursor.Symbol('*');
        do
        {
            Action(cursor, name, statement, changes);
        }
        while (cursor.NextAction());
    }

    private static void Action(Cursor cursor, (string? Schema, string Name) table, List<SqlTerm> statement, List<CatalogChange> changes)
    {
        if (cursor.Take("add"))
        {
            if (cursor.Take("column") | !cursor.IsAny("constraint", "primary", "unique", "foreign", "check", "exclude", "index", "key", "fulltext", "spatial", "partition"))
            {
                cursor.Guard();
                if (cursor.Name() is { } column)
                {
                    changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.Column, table.Schema, table.Name, column.Name)));
                }
            }
        }
        else if (cursor.Take("drop"))
        {
            if (cursor.Take("column") | !cursor.IsAny("constraint", "primary", "foreign", "index", "key", "check", "partition"))
            {
                cursor.Guard();
                if (cursor.Name() is { } column)
                {
                    changes.Add(new CatalogChange.Drops(new CatalogObject(CatalogKind.Column, table.Schema, table.Name, column.Name)));
                }
            }
        }
        else if (cursor.Take("rename"))
        {
            if (cursor.Take("to"))
            {
                if (cursor.Name() is { } to)
                {
                    changes.Add(new CatalogChange.Renames(new CatalogObject(CatalogKind.Table, table.Schema, null, table.Name), to.Name));
                }
            }
            else if (!cursor.IsAny("constraint", "index", "key"))
            {
                cursor.Take("column");
                if (cursor.Name() is { } from && cursor.Take("to") && cursor.Name() is { } to)
                {
                    changes.Add(new CatalogChange.Renames(new CatalogObject(CatalogKind.Column, table.Schema, table.Name, from.Name), to.Name));
                }
            }
        }
        else if (cursor.Is("set") && statement.Exists(static t => t.Is("schema")))
        {
            changes.Add(Unclear(statement));
        }
    }

    /// <summary>Every word of a statement and of the texts in it.</summary>
    internal static CatalogChange.Unclear Unclear(IEnumerable<SqlTerm> tokens)
    {
        var words = new HashSet<string>(StringComparer.Ordinal);
        foreach (var token in tokens)
        {
            AddWords(token.Value, words);
        }

        return new CatalogChange.Unclear(words, NoKinds);
    }

    /// <summary>Code of another language: whatever it names may be changed by it.</summary>
    internal static CatalogChange.Unclear UnclearText(string text)
    {
        var words = new HashSet<string>(StringComparer.Ordinal);
        AddWords(text, words);
        return new CatalogChange.Unclear(words, NoKinds);
    }

    private static void AddWords(string text, HashSet<string> words)
    {
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var within = i < text.Length && (text[i] == '_' || char.IsLetterOrDigit(text[i]));
            if (within && start < 0)
            {
                start = i;
            }
            else if (!within && start >= 0)
            {
                words.Add(text[start..i].ToLowerInvariant());
                start = -1;
            }
        }
    }

    /// <summary>Walks the tokens of one statement.</summary>
    private sealed class Cursor(List<SqlTerm> tokens)
    {
        private int at;

        public List<SqlTerm> All => tokens;

        public bool Ended => at >= tokens.Count;

        public bool Is(string word) => !Ended && tokens[at].Is(word);

        public bool IsAny(params ReadOnlySpan<string> words)
        {
            foreach (var word in words)
            {
                if (Is(word))
                {
                    return true;
                }
            }

            return false;
        }

        public bool Take(string word)
        {
            if (!Is(word))
            {
                return false;
            }

            at++;
            return true;
        }

        public string? Any(params ReadOnlySpan<string> words)
        {
            foreach (var word in words)
            {
                if (Take(word))
                {
                    return word;
                }
            }

            return null;
        }

        public void Skip() => at++;

        /// <summary>IF [NOT] EXISTS.</summary>
        public void Guard()
        {
            if (Is("if") && at + 1 < tokens.Count && (tokens[at + 1].Is("not") || tokens[at + 1].Is("exists")))
            {
                at++;
                Take("not");
                Take("exists");
            }
        }

        public bool Symbol(char symbol)
        {
            if (Ended || !tokens[at].IsSymbol(symbol))
            {
                return false;
            }

            at++;
            return true;
        }

        public bool Comma() => Symbol(',');

        /// <summary>Over a pair of parentheses and what is in it.</summary>
        public void Parentheses()
        {
            if (Ended || !tokens[at].IsSymbol('('))
            {
                return;
            }

            var depth = 0;
            do
            {
                depth += tokens[at].IsSymbol('(') ? 1 : tokens[at].IsSymbol(')') ? -1 : 0;
                at++;
            }
            while (depth > 0 && !Ended);
        }

        /// <summary>To behind the next comma that is in no parentheses.</summary>
        public bool NextAction()
        {
            while (!Ended)
            {
                if (tokens[at].IsSymbol('('))
                {
                    Parentheses();
                }
                else if (Comma())
                {
                    return true;
                }
                else
                {
                    at++;
                }
            }

            return false;
        }

        /// <summary>A name with or without a schema; null: it is none that the text tells (a placeholder).</summary>
        public (string? Schema, string Name)? Name()
        {
            if (Part() is not { } first)
            {
                return null;
            }

            if (!Symbol('.'))
            {
                // `${name}` and the like: the name goes on.
                return Ended || !(tokens[at].IsSymbol('{') || tokens[at].IsSymbol('$') || tokens[at].IsSymbol('}')) ? (null, first) : null;
            }

            return Part() is { } second ? Symbol('.') ? Part() is { } third ? (second, third) : null : (first, second) : null;
        }

        private string? Part()
        {
            if (Ended || tokens[at].Kind is not (SqlTokenKind.Word or SqlTokenKind.Name) || tokens[at].Value.Length == 0 || tokens[at].Value.AsSpan().IndexOfAny(OfPlaceholders) >= 0)
            {
                return null;
            }

            var token = tokens[at++];
            return token.Kind == SqlTokenKind.Name ? token.Value : token.Value.ToLowerInvariant();
        }
    }
}
