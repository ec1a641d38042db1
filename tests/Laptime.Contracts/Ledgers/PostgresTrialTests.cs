using Laptime.Databases.Scratch;
using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Ledgers;

/// <summary>The behaviour axis on real PostgreSQL: what a body does the second time, seen.</summary>
public sealed class PostgresTrialTests : IDisposable
{
    private const string Shop = """
        create table orders (id serial primary key, n int not null default 0, note text);
        insert into orders (n, note) select i, 'order ' || i from generate_series(1, 50) i;
        create table audit (at timestamptz not null, what text);
        create function stamp() returns trigger language plpgsql as $$ begin new.note := new.note || ' ' || now(); return new; end $$;
        create table stamped (id int primary key, note text, touched timestamptz);
        insert into stamped values (1, 'a', null);
        create function touch() returns trigger language plpgsql as $$ begin new.touched := now(); return new; end $$;
        create trigger touched before update on stamped for each row execute function touch();
        """;

    // Tried on copies: it stays as it is.
    private static readonly Lazy<Task<(PostgresServer Server, string Template)>> Shared = new(TemplateAsync);
    private readonly string folder = Directory.CreateTempSubdirectory("lap-trial-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task An_update_that_counts_on_is_not_idempotent_although_it_succeeds_twice()
    {
        var trial = await TryAsync("update orders set n = n + 1 where id < 10;");
        Assert.Equal(Answer.No, trial.Repeats);
        Assert.True(trial.Ran);
        Assert.Contains(trial.Meters, m => m is { Meter: "error", Differs: false, What: "both applications went through" });
        Assert.Contains(trial.Meters, m => m is { Meter: "content", Differs: true } && m.What.Contains("public.orders: 50 rows, other values", StringComparison.Ordinal));
        Assert.Contains("both applications succeed", trial.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guarded_table_is_idempotent_with_the_servers_own_words()
    {
        var trial = await TryAsync("create table if not exists carts (id int primary key, note text);");
        Assert.Equal(Answer.Yes, trial.Repeats);
        Assert.True(trial.Ran);
        Assert.DoesNotContain(trial.Meters, m => m.Differs);
        Assert.Contains(trial.Meters, m => m.Meter == "notices" && m.What.Contains("42P07", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("create table carts (id int);", Answer.No, "42P07")]
    [InlineData("alter table orders rename column note to remark;", Answer.No, "42703")]
    [InlineData("alter table orders add constraint positive check (n >= 0);", Answer.No, "42710")]
    [InlineData("alter table orders add column if not exists extra int;", Answer.Yes, "nothing")]
    [InlineData("update orders set note = 'x' where id = 1;", Answer.Yes, "nothing")]
    [InlineData("update stamped set note = 'b' where id = 1;", Answer.No, "public.stamped")]
    [InlineData("insert into orders (n) values (7);", Answer.No, "51 rows, then 52")]
    [InlineData("insert into stamped (id, note) values (1, 'z') on conflict do nothing;", Answer.Yes, "nothing")]
    [InlineData("insert into orders (id, n) values (1, 1) on conflict (id) do nothing; select nextval('orders_id_seq');", Answer.Yes, "sequences")]
    [InlineData("drop table if exists audit; create table audit (at timestamptz not null, what text);", Answer.No, "makes anew public.audit")]
    [InlineData("create or replace function stamp() returns trigger language plpgsql as $$ begin return new; end $$;", Answer.Yes, "nothing")]
    [InlineData("drop trigger if exists touched on stamped; create trigger touched before update on stamped for each row execute function touch();", Answer.Yes, "nothing")]
    [InlineData("insert into audit values (now(), 'x');", Answer.No, "public.audit: 1 rows, then 2")]
    [InlineData("delete from orders where ctid in (select ctid from orders limit 1);", Answer.No, "49 rows, then 48")]
    [InlineData("update orders set n = 1 where id > 1000;", Answer.Unknown, "only with rows")]
    [InlineData("create function twice(n int) returns int language sql begin atomic select case when n > 0 then n * 2 else 0 end; end; select twice(2);", Answer.No, "42723")]
    [InlineData("create index concurrently if not exists orders_n on orders (n);", Answer.Yes, "nothing")]
    [InlineData("copy stamped (id, note) from stdin;\n7\tseven;\n8\t'eight\n\\.\n", Answer.No, "23505")]
    [InlineData("\\restrict abc\nselect 1;\n\\unrestrict abc\n", Answer.Yes, "nothing")]
    public async Task What_the_second_application_does_decides(string sql, Answer expected, string word)
    {
        var trial = await TryAsync(sql);
        Assert.True(expected == trial.Repeats, Told(trial));
        Assert.True(trial.Why.Contains(word, StringComparison.Ordinal), Told(trial));
    }

    [Fact]
    public async Task An_index_left_invalid_is_not_called_clean()
    {
        var (server, template) = await TemplateAsync();
        await server.PsqlAsync(template, "insert into orders (n) values (1);");
        await Assert.ThrowsAsync<EngineException>(() => server.PsqlAsync(template, "create unique index concurrently orders_unique on orders (n)"));
        const string Body = "create unique index concurrently if not exists orders_unique on orders (n);";

        // In a copy, and in the schema alone (a dump leaves such an index out).
        foreach (var settings in (ScratchSettings[])[Settings(server, template), Settings(server, null) with { Live = Address(server, template) }])
        {
            var trial = (await TryAllAsync(settings, Body))[0];
            Assert.True(trial.Repeats == Answer.No, Told(trial));
            Assert.Contains("orders_unique", trial.Why, StringComparison.Ordinal);
            Assert.Contains("not valid", trial.Why, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Bodies_meet_the_database_as_those_before_them_leave_it()
    {
        var (server, template) = await TemplateAsync();
        var trials = await TryAllAsync(
            Settings(server, template), "alter table orders add column extra int;", "update orders set extra = 1 where id = 1;", "select * from nothing;", "select 1;");
        Assert.Equal([Answer.No, Answer.Yes, Answer.Unknown, Answer.Unknown], trials.Select(t => t.Repeats));
        Assert.Contains("42P01", trials[2].Why, StringComparison.Ordinal);
        Assert.Contains("comes before it", trials[3].Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_alone_shows_what_needs_no_rows_and_says_what_does()
    {
        var (server, template) = await TemplateAsync();
        var before = await server.PsqlAsync(template, "select sum(n), count(*) from orders");
        var trials = await TryAllAsync(Settings(server, null) with { Live = Address(server, template) }, "create table if not exists carts (id int);", "update orders set n = n + 1;");
        Assert.Equal([Answer.Yes, Answer.Unknown], trials.Select(t => t.Repeats));
        Assert.Contains("without its rows", trials[0].Notes[0], StringComparison.Ordinal);
        Assert.Contains("only with rows", trials[1].Why, StringComparison.Ordinal);
        Assert.Equal(before, await server.PsqlAsync(template, "select sum(n), count(*) from orders"));
    }

    [Fact]
    public async Task A_kept_schema_is_used_again_until_it_changes()
    {
        await using var server = await PostgresServer.OwnAsync();
        await server.PsqlAsync("postgres", "create database shop");
        await server.PsqlAsync("shop", Shop);
        var settings = Settings(server, null) with { Live = Address(server, "shop"), KeepsSkeleton = true };
        async Task<string> KeptAsync() => await server.PsqlAsync("postgres", "select string_agg(datname, ',') from pg_database where datname like 'lap_%'");

        Assert.Equal(Answer.No, (await TryAllAsync(settings, "create table carts (id int);"))[0].Repeats);
        var kept = await KeptAsync();
        Assert.StartsWith("lap_skeleton_", kept, StringComparison.Ordinal);
        Assert.Equal(Answer.No, (await TryAllAsync(settings, "create table carts (id int);"))[0].Repeats);
        Assert.Equal(kept, await KeptAsync());

        await server.PsqlAsync("shop", "create table carts (id int)");
        Assert.Contains("could not be applied once", (await TryAllAsync(settings, "create table carts (id int);"))[0].Why, StringComparison.Ordinal);
        var other = await KeptAsync();
        Assert.NotEqual(kept, other);
        Assert.DoesNotContain(",", other, StringComparison.Ordinal);
        Assert.Equal("", await server.PsqlAsync("postgres", "select rolname from pg_roles where rolname like 'lap_%'"));
    }

    internal static DatabaseAddress Address(PostgresServer server, string database) => DatabaseAddress.Parse(server.Url(database), "/", "test");

    internal static ScratchSettings Settings(PostgresServer server, string? template) => new(Address(server, "postgres"), null) { Template = template };

    internal static string Told(Trial trial) => $"{trial.Repeats}: {trial.Why}\n{string.Join('\n', trial.Meters.Select(m => $"  {m.Meter}: {m.What}"))}\n{string.Join('\n', trial.Notes)}";

    private static async Task<(PostgresServer Server, string Template)> TemplateAsync()
    {
        var server = await PostgresServer.SharedAsync();
        var template = await server.DatabaseAsync("trial");
        await server.PsqlAsync(template, Shop);
        return (server, template);
    }

    private async Task<Trial> TryAsync(string sql)
    {
        var (server, template) = await Shared.Value;
        return (await TryAllAsync(Settings(server, template), sql))[0];
    }

    private async Task<IReadOnlyList<Trial>> TryAllAsync(ScratchSettings settings, params string[] bodies)
    {
        var all = bodies.Select((sql, i) => MigrationBody.OfText($"{i}", $"{i}.sql", SqlDialect.PostgreSql, sql)).Select(b => (b, ScriptReading.Of(b, Cancel))).ToList();
        return await PostgresLab.TryAsync(settings, all, folder, new ProcessRunner(TimeProvider.System), TimeProvider.System, Cancel);
    }
}
