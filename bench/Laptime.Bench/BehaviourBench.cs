using System.Diagnostics;
using System.Globalization;
using System.Text;
using Laptime.Databases.Scratch;
using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Laptime.Storage.Sqlite;
using SQLitePCL;

namespace Laptime.Bench;

/// <summary>What trying one migration costs: on the schema of 200 tables in PostgreSQL, and on a SQLite file. Everything counts: the copy, both applications, the second between them, the meters, the removal.</summary>
internal static class BehaviourBench
{
    private const int Tables = 200;

    /// <param name="server">Of a PostgreSQL server that is there for this, as a superuser.</param>
    public static async Task RunAsync(Page page, string server, int rounds)
    {
        var root = Directory.CreateTempSubdirectory("laptime-bench-").FullName;
        try
        {
            page.Line($"## One migration, tried twice, {rounds} rounds");
            page.Line();
            page.Head("milliseconds", "median", "least", "most", "goal");
            var sync = await PostgresAsync(page, DatabaseAddress.Parse(server, root, null), root, rounds);
            await SqliteAsync(page, root, rounds);
            page.Line();
            page.Line($"The PostgreSQL server runs with `fsync` {sync}{(sync == "off" ? ", as one that is there for trying may: what a crash loses there nobody misses" : "")}.");
            page.Line("On PostgreSQL at least 1,050 ms of it are waited for: the two transactions begin so far apart, so that what comes from the clock shows. On SQLite only a body or a schema that names the clock waits. The start of a program is not in these times.");
            page.Save();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <returns>Whether the server waits for its disk: on or off.</returns>
    private static async Task<string> PostgresAsync(Page page, DatabaseAddress server, string root, int rounds)
    {
        var runner = new ProcessRunner(TimeProvider.System);
        await using var admin = await PostgresDoor.Of(server).OpenAsync(CancellationToken.None);
        await admin.RunAsync("drop database if exists lap_bench_shop with (force)", CancellationToken.None);
        await admin.RunAsync("create database lap_bench_shop", CancellationToken.None);
        var live = server.To("lap_bench_shop");
        await using (var shop = await PostgresDoor.Of(live).OpenAsync(CancellationToken.None))
        {
            for (var i = 0; i < Tables; i++)
            {
                await shop.RunAsync($"create table t{i} (id serial primary key, a int not null default 0, b text, c timestamptz default now(), d numeric(10, 2), e jsonb, f uuid, g boolean, h text unique, i int{(i == 0 ? "" : $" references t{i - 1} (id)")})", CancellationToken.None);
                await shop.RunAsync($"create index on t{i} (a, b)", CancellationToken.None);
            }
        }

        var body = MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, "create table if not exists carts (id int primary key); alter table t7 add column if not exists extra int; create index if not exists t7_extra on t7 (extra);");
        foreach (var (keeps, name, goal) in ((bool, string, string)[])[(true, "PostgreSQL, 200 tables, schema kept from before", "3000"), (false, "the same, schema read and made anew", "")])
        {
            var times = new List<double>();
            for (var round = 0; round <= rounds; round++)
            {
                var began = Stopwatch.GetTimestamp();
                var trial = (await PostgresLab.TryAsync(
                    new ScratchSettings(server, live) { KeepsSkeleton = keeps }, [(body, ScriptReading.Of(body, CancellationToken.None))], root, runner, TimeProvider.System, CancellationToken.None))[0];
                Require(trial);
                if (round > 0)
                {
                    // The first one made what is kept.
                    times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                }
            }

            Row(page, name, times, goal);
        }

        foreach (var left in await admin.ReadAsync("select datname::text from pg_database where datname like 'lap\\_skeleton\\_%' or datname = 'lap_bench_shop'", CancellationToken.None))
        {
            await admin.RunAsync($"drop database if exists {left[0]} with (force)", CancellationToken.None);
        }

        return await admin.ValueAsync("select current_setting('fsync')", CancellationToken.None) ?? "unknown";
    }

    private static async Task SqliteAsync(Page page, string root, int rounds)
    {
        var file = Path.Combine(root, "shop.db");
        using (var database = Database.Open(file, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE))
        {
            var sql = new StringBuilder("begin;");
            for (var i = 0; i < 20; i++)
            {
                sql.Append(CultureInfo.InvariantCulture, $"create table t{i} (id integer primary key, a int, b text); with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500) insert into t{i} (a, b) select i, 'a text of some length to make rows of ' || i || ' bytes and more' from n; create index i{i} on t{i} (a);");
            }

            database.Execute(sql.Append("commit;").ToString());
        }

        var body = MigrationBody.OfText("1", "1.sql", SqlDialect.Sqlite, "create table if not exists carts (id int); update t1 set a = a + 1;");
        var times = new List<double>();
        for (var round = 0; round <= rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            var trial = (await SqliteLab.TryAsync(file, [(body, ScriptReading.Of(body, CancellationToken.None))], root, TimeSpan.FromSeconds(30), TimeProvider.System, CancellationToken.None))[0];
            Require(trial);
            if (round > 0)
            {
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        Row(page, string.Create(CultureInfo.InvariantCulture, $"SQLite, 20 tables, 50,000 rows, {new FileInfo(file).Length / 1e6:0.0} MB"), times, "200");
    }

    private static void Row(Page page, string name, List<double> times, string goal) => page.Row(name, Page.Ms(Series.Middle(times)), Page.Ms(times.Min()), Page.Ms(times.Max()), goal);

    private static void Require(Trial trial)
    {
        if (!trial.Ran || trial.Repeats == Answer.Unknown)
        {
            throw new InvalidOperationException(trial.Why);
        }
    }
}
