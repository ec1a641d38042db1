using Laptime.Ledgers;
using Laptime.Ledgers.Effects;
using FsCheck;
using FsCheck.Fluent;

namespace Laptime.Tests.Ledgers;

public sealed class SqlChangesTests
{
    public static TheoryData<string, string> Statements => new()
    {
        { "CREATE TABLE users (id int)", "+table users" },
        { "create table if not exists app.\"Users\" (id int)", "+table app.Users" },
        { "CREATE UNLOGGED TABLE a (id int); CREATE TEMP TABLE b (id int)", "+table a" },
        { "CREATE TABLE a AS SELECT 1", "+table a" },
        { "CREATE OR REPLACE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1", "+view v +view m" },
        { "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON ONLY app.users (id)", "+index app.ix" },
        { "CREATE INDEX ON users (id)", "" },
        { "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $x$ DROP TABLE users; $x$", "+function f" },
        { "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN DROP TABLE users; END'", "+function p" },
        { "CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN d AS int; CREATE SEQUENCE s", "+type mood +type d +sequence s" },
        { "CREATE TRIGGER t BEFORE UPDATE OF a, b ON app.users FOR EACH ROW EXECUTE FUNCTION f()", "+trigger app.users.t" },
        { "ALTER TABLE users ADD COLUMN IF NOT EXISTS email text DEFAULT f(1, 2), ADD age int, DROP COLUMN old", "+column users.email +column users.age -column users.old" },
        { "ALTER TABLE ONLY app.users ADD CONSTRAINT c CHECK (id > 0), ADD PRIMARY KEY (id), ALTER COLUMN a SET NOT NULL", "" },
        { "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN a TO b; ALTER INDEX ix RENAME TO iy", "table users>people column people.a>b index ix>iy" },
        { "DROP TABLE IF EXISTS a, app.b", "-table a -table app.b" },
        { "DROP TABLE a CASCADE", "-table a ?View,Function,Trigger" },
        { "DROP SCHEMA app CASCADE", "?all" },
        { "DROP FUNCTION f(int, text), g()", "-function f -function g" },
        { "DROP TRIGGER t ON users", "-trigger users.t" },
        { "DO $$ BEGIN EXECUTE 'drop table users'; END $$", "?do,begin,execute,drop,table,users,end" },
        { "SELECT create_hypertable('conditions')", "?select,create_hypertable,conditions" },
        { "INSERT INTO a VALUES ('CREATE TABLE x (id int);'); UPDATE a SET b = 1; GRANT SELECT ON a TO b; COMMENT ON TABLE a IS 'x'", "" },
        { "-- CREATE TABLE no (id int);\n/* CREATE /* nested */ TABLE no (id int); */ CREATE TABLE yes (id int)", "+table yes" },
        { "COPY a (id) FROM stdin;\n1;CREATE TABLE no (id int);\n\\.\nCREATE TABLE yes (id int);", "+table yes" },
        { "\\set x 1\n\\i other.sql\nCREATE TABLE a (id int);", "?all +table a" },
        { "CREATE TABLE ${schema}.users (id int); CREATE TABLE ${prefix}carts (id int); CREATE TABLE \"${x}\" (id int)", "" },
        { "ROLLBACK", "?all" },
        { "ALTER TABLE users SET SCHEMA archive", "?alter,table,users,set,schema,archive" },
    };

    [Theory, MemberData(nameof(Statements))]
    public void What_a_text_creates_drops_and_leaves_unclear(string sql, string expected) => Assert.Equal(expected, string.Join(' ', SqlChanges.Of(sql).Select(Text)));

    [Fact]
    public void Nothing_that_is_thrown_at_it_makes_it_fail() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(
            ArbMap.Default.GeneratorFor<int[]>().Select(numbers => string.Join(' ', numbers.Select(n => Words[Math.Abs(n % Words.Length)]))).ToArbitrary(),
            sql => SqlChanges.Of(sql) is not null));

    private static readonly string[] Words =
        ["create", "table", "drop", "alter", "index", "on", "if", "not", "exists", "(", ")", ",", ";", "'", "\"", "$$", "$a$", "--", "/*", "*/", "\n", ".", "users", "rename", "to", "column", "add", "cascade", "do", "\\i", "copy", "stdin", "E'\\", "${x}"];

    private static string Text(CatalogChange change) => change switch
    {
        CatalogChange.Creates made => $"+{made.Object}",
        CatalogChange.Drops gone => $"-{gone.Object}",
        CatalogChange.Renames renamed => $"{renamed.Object}>{renamed.To}",
        CatalogChange.Unclear { Kinds.Count: > 3 } => "?all",
        CatalogChange.Unclear { Words.Count: 0 } some => "?" + string.Join(',', some.Kinds),
        CatalogChange.Unclear some => "?" + string.Join(',', some.Words),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
