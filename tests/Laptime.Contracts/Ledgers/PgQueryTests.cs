using System.Runtime.CompilerServices;
using System.Text.Json;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Ledgers;

/// <summary>Our splitter against PostgreSQL's own parser, on scripts that mislead whoever looks for semicolons.</summary>
public sealed class PgQueryTests
{
    private const string Atomic = "create function f(n int) returns int language sql begin atomic insert into t values (case when n > 1 then 1 else 2 end); select case n when 1 then 2 end; select 3; end";

    private static readonly string[] Scripts =
    [
        "select 1; select 2", ";; select 1;\n;select 2;;", "select ';'; select 'it''s;'", "select E'a\\';b'; select 1", "select e'\\\\'; select 2", "select U&'d\\0061;'; select 1", "select B'1', X'1F'; select 1",
        "select 'a'\n';b'; select 1", "select E'a'\n'b\\';c'; select 2", "select 1 as \";\"; select 2 as \"a\"\";b\"", "select U&\"d\\0061;\" from t; select 1",
        "select $$;$$; select $a$;$$;$b$;$a$; select $_1$ ' ; $_1$", "select $é$;$é$; select 'ü;'", "select a$b from t; select a$b$c from t; select 1", "prepare p as select $1::int; execute p(1)",
        "select 1 /* ; /* ; */ ; */; select 2", "select 1 -- ; select 3\n; select 2", "-- first;\nselect 1;\n-- last; one", "select '-- ;', \"/*\" from t; select 1 /* ' ; */; select 2",
        "select '\\'; select '\\\\'; select 1", "select 1+/* a */-1; select 2*-1; select 1 <-- ;\n 2; select 3",
        Atomic + "; select 4", Atomic.Replace("begin atomic", "begin\n-- x;\natomic", StringComparison.Ordinal) + "; select 4",
        "create function g() returns int as $body$ begin; end; $body$ language plpgsql; select 1", "create or replace procedure p() language sql begin atomic update t set n = 1; delete from t; end; call p()",
        "create function h() returns int language sql begin atomic end; select 1", "create function k() returns int language sql return case when true then 1 else 2 end; select 1",
        "begin; update t set n = 1; end; select 1", "begin work; savepoint a; rollback to a; commit", "start transaction; end work; select 1", "create table atomic (begin int, \"end\" int); select 1", "select begin, atomic from t; select 1",
        "create rule r as on insert to t do also (insert into a values (1); insert into b values (2)); select 1", "create rule r as on delete to t do instead nothing; select 1",
        "do $$ begin perform 1; end $$; do language plpgsql $x$ begin end; $x$", "create trigger t after insert on a for each row execute function f(); select 1",
        "select case when a then b else c end from t; select 1", "create table t (a int default (1), check (a > 0)); insert into t values ((1)), ((2)); select 1", "copy t from '/x'; copy (select ';') to stdout; select 1",
        "select array[1, 2]; select a[1:2] from t; select x::int; select 1", "select 'a' \n\n  'b;'; select 2", "\uFEFFselect 1; select 2".TrimStart('\uFEFF'), "select n'x;'; select 1", "select 1;\r\nselect 2;\r\n-- end\r\n",
        "create schema s create table a (n int) create view v as select 1; select 2", "comment on table t is $$a;'b$$; select 1", "select \"a;b\".\"c\"\"d;\" from \"e;\"; select 1", "explain (analyze, verbose) select ';'; select 1",
        "alter function f() set search_path = a, 'b;c'; select 1", "select 1 where 'a' ~ E'\\;' ; select 2", "insert into t values ($q$ $$ ; $$ $q$), ('$$;'); select 1", "select 1;select 2;select 3;",
        "security label on table t is 'a;b'; select 1", "select 1 as end; select 2 as case_; select t.end from t; select 3",
    ];

    [Fact]
    public async Task Scripts_are_split_where_PostgreSQL_splits_them()
    {
        var cancel = TestContext.Current.CancellationToken;
        var runner = new ProcessRunner(TimeProvider.System);
        var folder = await NpmFolder.InstallAsync("pg-query", Path.GetFullPath("../../PgQuery", Path.GetDirectoryName(Here())!), ["split.mjs"], runner, cancel);
        var scripts = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(scripts, JsonSerializer.Serialize(Scripts), cancel);
            var lines = new List<string>();
            var result = await runner.RunAsync(new Command { Program = "node", Arguments = [Path.Combine(folder, "split.mjs"), scripts], Directory = folder, LineCharacters = 1 << 16 }, line => lines.Add(line.Text), cancel);
            Assert.True(result.Succeeded, string.Join('\n', lines));
            var theirs = lines.Select(static l => JsonSerializer.Deserialize<string[]>(l)).ToList();
            Assert.Equal(Scripts.Length, theirs.Count);
            var wrong = Scripts.Zip(theirs).Where(static p => p.Second is not null && !IsSame(Ours(p.First), p.Second)).Select(static p => $"{p.First}\n  theirs: {string.Join(" | ", p.Second!)}\n  ours:   {string.Join(" | ", Ours(p.First))}").ToList();
            Assert.True(wrong.Count == 0, string.Join("\n\n", wrong));
            // A script that their parser refuses compares nothing.
            var refused = Scripts.Zip(theirs).Where(static p => p.Second is null).Select(static p => p.First).ToList();
            Assert.True(refused.Count == 0, "refused by their parser:\n" + string.Join("\n", refused));
        }
        finally
        {
            File.Delete(scripts);
        }
    }

    /// <summary>The same statements with the same ends; comments that stand before one are ours to keep.</summary>
    private static bool IsSame(List<string> ours, string[] theirs) =>
        ours.Count == theirs.Length && ours.Zip(theirs).All(static p => p.First.EndsWith(p.Second, StringComparison.Ordinal) && SqlWord.Read(p.First[..^p.Second.Length], SqlDialect.PostgreSql).Count == 0);

    /// <summary>Without the terminator.</summary>
    private static List<string> Ours(string script) =>
        [.. SqlSplitter.Split(script, SqlDialect.PostgreSql).Where(static p => p.Kind == SqlPieceKind.Statement).Select(static p => p.Text.Trim()).Select(static t => (t.EndsWith(';') ? t[..^1] : t).Trim())];

    private static string Here([CallerFilePath] string here = "") => here;
}
