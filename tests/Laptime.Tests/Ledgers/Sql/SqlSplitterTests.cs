using FsCheck;
using FsCheck.Fluent;
using Laptime.Ledgers.Sql;

namespace Laptime.Tests.Ledgers.Sql;

public sealed class SqlSplitterTests
{
    /// <summary>Fragments that hold a terminator which is none, for PostgreSQL.</summary>
    private static readonly string[] Quoted =
    [
        "';'", "'it''s;'", "E'a\\';b'", "e'\\\\;'", "U&'d\\0061;'", "B';'", "\";\"", "\"a\"\";b\"", "$$;$$", "$a$;$$;$b$;$a$", "$_1$ ' ; $_1$", "$é$;$é$", "(a; b)", "-- ;\n", "/* ; */", "/* a /* ; */ ; */",
        "'a\n;b'", "E'a'\n'b\\';c'", "E'a' -- x\n '\\';'", "a$b;x".Replace(";x", "", StringComparison.Ordinal), "/*;*/", "' -- ; '", "$$ /* ; $$", "\" $$ ; \"", "'\\' /* ';' */",
    ];

    private static List<string> Statements(string script, SqlDialect dialect = SqlDialect.PostgreSql) =>
        [.. SqlSplitter.Split(script, dialect).Where(p => p.Kind == SqlPieceKind.Statement).Select(p => p.Text.Trim())];

    private static string Kinds(string script) => string.Join(' ', SqlSplitter.Split(script, SqlDialect.PostgreSql).Select(p => p.Kind));

    [Fact]
    public void A_script_is_split_at_its_terminators() =>
        Assert.Equal(["select 1;", "select 2 ;", "-- end\nselect 3"], Statements("select 1;\n;; select 2 ;\n-- end\nselect 3"));

    [Fact]
    public void A_function_with_a_body_of_statements_is_one()
    {
        const string Atomic = """
            create function f(n int) returns int language sql begin atomic
              insert into t values (case when n > 1 then 1 else 2 end);
              select case n when 1 then 2 end as end, t.end from t as case;
              select 3;
            end;
            """;
        Assert.Equal([Atomic, "select 4;"], Statements(Atomic + "\nselect 4;"));
        Assert.Equal(2, Statements("create function g() returns int as $body$ begin; end; $body$ language plpgsql; select 1;").Count);
        Assert.Equal(["begin;", "update t set pending = 1;", "end;"], Statements("begin; update t set pending = 1; end;"));
        Assert.Equal(["create table atomic (begin_atomic int);", "select 1;"], Statements("create table atomic (begin_atomic int); select 1;"));
    }

    [Fact]
    public void A_rule_of_several_statements_is_one() =>
        Assert.Equal(2, Statements("create rule r as on insert to t do also (insert into a values (1); insert into b values (2)); select 1;").Count);

    [Fact]
    public void Data_of_a_copy_is_no_statement()
    {
        const string Script = "copy t (a, b) from stdin with (format text);\n1\ta;b\n2\t'\n\\.\nselect 1;\n";
        var pieces = SqlSplitter.Split(Script, SqlDialect.PostgreSql).ToList();
        Assert.Equal([SqlPieceKind.Statement, SqlPieceKind.Blank, SqlPieceKind.CopyData, SqlPieceKind.CopyEnd, SqlPieceKind.Statement, SqlPieceKind.Blank], pieces.Select(p => p.Kind));
        Assert.True(pieces[0].TakesData);
        Assert.Equal("1\ta;b\n2\t'\n", pieces[2].Text);
        Assert.Equal((2L, 4L, 5L), (pieces[2].Line, pieces[3].Line, pieces[4].Line));
        Assert.Equal("Statement Blank CopyEnd Statement", Kinds("COPY t FROM STDIN;\n\\.\nselect 1"));
        Assert.Equal("Statement Blank CopyData", Kinds("copy t from stdin;\n1\n2"));
        Assert.Equal("Statement Stray CopyData CopyEnd", Kinds("copy t from stdin; select 1;\n1\n\\."));
        Assert.Equal("Statement Statement", Kinds("copy (select 1) to stdout; copy t from '/stdin';"));
    }

    [Fact]
    public void A_command_of_psql_is_told_apart_wherever_it_stands()
    {
        Assert.Equal("Meta Statement Meta Statement", Kinds("\\set x 1\nselect 1;\n\\! rm -rf /\nselect 2"));
        Assert.Equal("Statement Meta Statement", Kinds("select 1 \\gexec\nselect 2;"));
        Assert.Equal("Statement", Kinds("select '\\! ls';"));
        Assert.Equal("  \\! ls\n", SqlSplitter.Split("  \\! ls\nselect 1;", SqlDialect.PostgreSql).First().Text);
    }

    [Fact]
    public void Strings_follow_the_setting_that_the_script_makes()
    {
        Assert.Equal(2, Statements("select 'a\\'; select 1;").Count);
        Assert.Equal(2, Statements("set standard_conforming_strings = off; select 'a\\'; select 1;';").Count);
        Assert.Equal(4, Statements("set standard_conforming_strings to off; set standard_conforming_strings = 'on'; select 'a\\'; select 1;").Count);
    }

    [Fact]
    public void A_trigger_of_SQLite_is_one()
    {
        const string Trigger = "create temp trigger t after insert on a begin update b set n = case when 1 then 2 end; delete from c; end;";
        Assert.Equal([Trigger, "select 1;"], Statements(Trigger + " select 1;", SqlDialect.Sqlite));
        Assert.Equal(["select [a;b], `c;d`, \"e;f\" ;", "select 'a\\';", "/* a /* b */ select $$;", "$$;"], Statements("select [a;b], `c;d`, \"e;f\" ; select 'a\\'; /* a /* b */ select $$; $$;", SqlDialect.Sqlite));
    }

    [Fact]
    public void What_is_never_closed_is_named()
    {
        Assert.Equal(SqlTokenKind.Text, SqlSplitter.Split("select 'a; select 1;", SqlDialect.PostgreSql).Single().Unclosed);
        Assert.Equal(SqlTokenKind.Body, SqlSplitter.Split("do $$ begin; end", SqlDialect.PostgreSql).Single().Unclosed);
        Assert.Equal(SqlTokenKind.Comment, SqlSplitter.Split("select 1 /* a", SqlDialect.PostgreSql).Single().Unclosed);
        Assert.Null(SqlSplitter.Split("select 1 -- a", SqlDialect.PostgreSql).Single().Unclosed);
    }

    [Fact]
    public void A_statement_too_long_to_be_held_comes_in_parts_and_what_follows_is_still_found()
    {
        var script = "select 1; insert into t values ('" + new string('x', 500_000) + ";'); -- " + new string('c', 300_000) + "\nselect 2;";
        var pieces = new SqlSplitter(new StringReader(script), SqlDialect.PostgreSql, longest: 100_000).Pieces().ToList();
        Assert.Equal(script, string.Concat(pieces.Select(p => p.Text)));
        Assert.Equal(["select 1;", "select 2;"], pieces.Where(p => p.Kind == SqlPieceKind.Statement).Select(p => p.Text[p.Text.IndexOf("select", StringComparison.Ordinal)..]));
        Assert.Contains(pieces, p => p.Kind == SqlPieceKind.TooLong);
        Assert.All(pieces, p => Assert.True(p.Text.Length <= 100_000 + 128 * 1024));
    }

    [Fact]
    public void Pieces_put_together_are_the_script()
    {
        var fragments = Gen.Elements(Quoted.Concat(
            ["select 1", ";", "\n", " ", "'", "\"", "$", "$$", "$a$", "/*", "*/", "--", "\\", "\\.", "\\.\n", "copy t from stdin;\n", "1\t2\n", "(", ")", "begin atomic ", "create ", "case ", "end ", "E'", "\\'", "a", "é", "\r\n", "[", "`", "create trigger x begin ", "; end;"]));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(fragments.ListOf().ToArbitrary(), parts =>
        {
            var script = string.Concat(parts);
            foreach (var dialect in (SqlDialect[])[SqlDialect.PostgreSql, SqlDialect.Sqlite])
            {
                if (string.Concat(SqlSplitter.Split(script, dialect).Select(p => p.Text)) != script
                    || string.Concat(new SqlSplitter(new StringReader(script), dialect, longest: 5).Pieces().Select(p => p.Text)) != script)
                {
                    return false;
                }
            }

            return true;
        }));
    }

    [Fact]
    public void A_terminator_in_quotes_of_any_form_never_splits()
    {
        var statement = Gen.Elements(Quoted).NonEmptyListOf().Select(parts => "select " + string.Join(" , ", parts) + " x");
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(statement.ListOf().ToArbitrary(), statements =>
            Statements(string.Concat(statements.Select(s => s + ";\n"))).SequenceEqual(statements.Select(s => s + ";"))));
    }

    [Fact]
    public void Portions_do_not_matter()
    {
        // The same script wherever the lexer's portions happen to end in it.
        var text = string.Join(" ; ", Quoted.Select(q => "select " + q + " z"));
        var expected = Statements(text);
        for (var offset = 0; offset < text.Length; offset++)
        {
            var lexer = new SqlLexer(SqlDialect.PostgreSql);
            var ends = new List<int>();
            var (at, shown, depth) = (0, offset, 0);
            while (at < text.Length)
            {
                if (!lexer.TryNext(text.AsSpan(at, shown - at), shown == text.Length, out var token))
                {
                    Assert.True(shown < text.Length);
                    shown++;
                    continue;
                }

                at += token.Length;
                depth += token.Kind switch { SqlTokenKind.Open => 1, SqlTokenKind.Close => -1, _ => 0 };
                if (token.Kind == SqlTokenKind.Semicolon && depth == 0)
                {
                    ends.Add(at);
                }
            }

            Assert.Equal(expected.Count - 1, ends.Count);
        }
    }
}
