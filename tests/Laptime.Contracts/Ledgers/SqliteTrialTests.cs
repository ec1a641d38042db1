using Laptime.Databases.Scratch;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Storage.Sqlite;
using SQLitePCL;

namespace Laptime.Contracts.Ledgers;

/// <summary>The behaviour axis on SQLite.</summary>
public sealed class SqliteTrialTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lap-sqlite-").FullName;
    private readonly string file;

    public SqliteTrialTests()
    {
        file = Path.Combine(folder, "shop.db");
        using var database = Database.Open(file, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
        database.Execute("""
            create table orders (id integer primary key autoincrement, n int not null default 0, price real, note text);
            insert into orders (n, price, note) values (1, 0.1, 'a'), (2, 0.2, 'b'), (3, null, null);
            create table logged (id int, at text default current_timestamp);
            """);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("update orders set n = n + 1;", Answer.No, "orders: 3 rows, other values")]
    [InlineData("update orders set price = price * 1.0000000001;", Answer.No, "orders: 3 rows, other values")]
    [InlineData("create table if not exists carts (id int);", Answer.Yes, "writes nothing at all")]
    [InlineData("create table carts (id int);", Answer.No, "already exists")]
    [InlineData("alter table orders add column extra int;", Answer.No, "duplicate column")]
    [InlineData("insert into orders (n) values (9);", Answer.No, "4 rows, then 5")]
    [InlineData("insert or ignore into orders (id, n) values (1, 9);", Answer.Yes, "nothing")]
    [InlineData("update orders set n = 5;", Answer.Yes, "changes nothing")]
    [InlineData("update orders set n = 5 where id = 99;", Answer.Unknown, "only with rows")]
    [InlineData("update logged set at = current_timestamp; insert into logged (id) select 1 where not exists (select 1 from logged);", Answer.No, "logged: 1 rows, other values")]
    [InlineData("drop trigger if exists t; create trigger t after insert on orders begin insert into logged (id) values (new.id); end;", Answer.Yes, "changes nothing")]
    [InlineData("pragma user_version = 7;", Answer.Yes, "nothing")]
    [InlineData("begin; update orders set n = n * 2; commit;", Answer.No, "orders")]
    public async Task What_the_second_application_does_decides(string sql, Answer expected, string word)
    {
        var trial = (await TryAsync(TimeSpan.FromSeconds(30), sql))[0];
        Assert.True(expected == trial.Repeats && trial.Why.Contains(word, StringComparison.Ordinal), PostgresTrialTests.Told(trial));
        Assert.True(trial.Ran);
    }

    [Theory]
    [InlineData("attach database '/tmp/lap-hostile.db' as other; create table other.t (a);", "reaches no other file")]
    [InlineData("vacuum into '/tmp/lap-hostile.db';", "contained")]
    [InlineData("select load_extension('libc.so.6');", "not authorized")]
    [InlineData(".shell touch /tmp/lap-hostile.db", "syntax error")]
    public async Task No_other_file_can_be_reached(string sql, string word)
    {
        var trial = (await TryAsync(TimeSpan.FromSeconds(30), sql))[0];
        Assert.True(trial.Repeats == Answer.Unknown && trial.Why.Contains(word, StringComparison.Ordinal), PostgresTrialTests.Told(trial));
        Assert.False(File.Exists("/tmp/lap-hostile.db"));
    }

    [Fact]
    public async Task An_endless_body_is_stopped()
    {
        var trial = (await TryAsync(TimeSpan.FromMilliseconds(300), "with recursive c(n) as (select 1 union all select n + 1 from c) insert into logged (id) select n from c;"))[0];
        Assert.Contains("did not end within 300 ms", trial.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_in_use_stays_as_it_is_and_no_copy_is_left()
    {
        using var user = Database.Open(file, raw.SQLITE_OPEN_READWRITE);
        user.Run("pragma journal_mode = wal", []);
        user.Execute("insert into orders (n) values (4)");
        var trials = await TryAsync(TimeSpan.FromSeconds(30), "alter table orders add column extra int;", "update orders set extra = 1;", "update orders set extra = extra + 1;");
        Assert.Equal([Answer.No, Answer.Yes, Answer.No], trials.Select(t => t.Repeats));
        Assert.Contains("4 rows", trials[2].Why, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(folder, "lap_scratch_*"));
        var sum = 0L;
        user.Run("select sum(n) from orders", [], row => sum = row.Number(0));
        Assert.Equal(10, sum);
    }

    private Task<IReadOnlyList<Trial>> TryAsync(TimeSpan bound, params string[] bodies)
    {
        var all = bodies.Select((sql, i) => MigrationBody.OfText($"{i}", $"{i}.sql", SqlDialect.Sqlite, sql)).Select(b => (b, ScriptReading.Of(b, Cancel))).ToList();
        return SqliteLab.TryAsync(file, all, folder, bound, TimeProvider.System, Cancel);
    }
}
