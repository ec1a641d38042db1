using System.Diagnostics;
using Laptime.Databases.Scratch;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Ledgers;

/// <summary>SQL that means harm, or is only careless: nothing outside of the scratch changes, it ends within its bound, and the reason is told in words.</summary>
public sealed class HostileSqlTests : IAsyncLifetime
{
    // One for all: that no test changes it is what they are about.
    private static readonly Lazy<Task<string>> Template = new(MakeAsync);
    private readonly string folder = Directory.CreateTempSubdirectory("lap-hostile-").FullName;
    private PostgresServer server = null!;
    private string template = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await PostgresServer.SharedAsync();
        template = await Template.Value;
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("alter system set work_mem = '1MB';", "42501", "the settings of the whole server")]
    [InlineData("drop database postgres;", "must be owner", "databases belong to the whole server")]
    [InlineData("create database mine;", "42501", "databases belong to the whole server")]
    [InlineData("create role intruder superuser;", "42501", "roles belong to the whole server")]
    [InlineData("alter role postgres password 'x';", "42501", "roles belong to the whole server")]
    [InlineData("copy t to program 'touch /tmp/lap-hostile-was-here';", "42501", "it runs a program on the server")]
    [InlineData("copy t to '/tmp/lap-hostile-was-here';", "42501", "contained")]
    [InlineData("create extension dblink;", "42501", "contained")]
    [InlineData("set role postgres; drop table t;", "permission denied", "contained")]
    [InlineData("set session authorization postgres;", "permission denied", "contained")]
    [InlineData("select pg_reload_conf();", "42501", "acts on the whole server")]
    [InlineData("select lo_import('/etc/passwd');", "42501", "contained")]
    [InlineData("create function f() returns int language c as 'libc', 'system';", "42501", "contained")]
    [InlineData("select dblink_exec('dbname=postgres', 'create table intruder ()');", "42883", "dblink")]
    [InlineData("select deep();", "42501", "contained")]
    [InlineData("do $$ begin perform pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid(); end $$;", "permission denied|must be a superuser|must be a member", "contained")]
    public async Task Nothing_outside_of_the_scratch_can_be_reached(string sql, string said, string words)
    {
        var trial = await TryAsync(sql);
        Assert.Equal(Answer.Unknown, trial.Repeats);
        Assert.True(said.Split('|').Any(s => trial.Why.Contains(s, StringComparison.Ordinal)), PostgresTrialTests.Told(trial));
        Assert.True(trial.Why.Contains(words, StringComparison.Ordinal), PostgresTrialTests.Told(trial));
        Assert.False(File.Exists("/tmp/lap-hostile-was-here"));
        Assert.Equal("t|10", await server.PsqlAsync(template, "select 't', count(*) from t"));
        Assert.Equal("", await server.PsqlAsync("postgres", "select rolname from pg_roles where rolname = 'intruder'"));
    }

    [Theory]
    [InlineData("\\! touch /tmp/lap-hostile-was-here\nselect 1;", "`\\!` is a command of psql, which runs a program")]
    [InlineData("\\connect postgres\ndrop table t;", "goes on in another database")]
    [InlineData("select 'drop table t' \\gexec", "runs what comes out of a query")]
    [InlineData("\\copy t to program 'touch /tmp/lap-hostile-was-here'", "programs of this machine")]
    [InlineData("\\i other.sql", "reads another file")]
    [InlineData("\\echo `touch /tmp/lap-hostile-was-here`", "does more than its text says")]
    [InlineData("prepare transaction 'mine';", "a transaction that outlives its session")]
    [InlineData("select 'never closed;", "a string that is never closed")]
    [InlineData("copy t from stdin; drop table t;\n\\.\n", "what follows a COPY")]
    public async Task What_cannot_be_contained_is_refused_and_named(string sql, string words)
    {
        var trial = await TryAsync(sql);
        Assert.False(trial.Ran);
        Assert.StartsWith("not tried: line 1: ", trial.Why, StringComparison.Ordinal);
        Assert.Contains(words, trial.Why, StringComparison.Ordinal);
        Assert.False(File.Exists("/tmp/lap-hostile-was-here"));
    }

    [Fact]
    public async Task A_commit_inside_stays_in_the_scratch()
    {
        var trial = await TryAsync("begin; update t set n = n + 1; commit; begin; update t set n = n * 2; rollback;");
        Assert.True(trial.Repeats == Answer.No, PostgresTrialTests.Told(trial));
        Assert.Contains("public.t: 10 rows, other values", trial.Why, StringComparison.Ordinal);
        Assert.Equal("55", await server.PsqlAsync(template, "select sum(n) from t"));
    }

    [Fact]
    public async Task A_body_that_ends_its_own_session_says_so()
    {
        var trial = await TryAsync("select pg_terminate_backend(pg_backend_pid());");
        Assert.Equal(Answer.Unknown, trial.Repeats);
        Assert.True(trial.Why.Contains("57P01", StringComparison.Ordinal) || trial.Why.Contains("session was ended", StringComparison.Ordinal), PostgresTrialTests.Told(trial));
    }

    [Theory]
    [InlineData("set statement_timeout = 0; do $$ begin loop end loop; end $$;")]
    [InlineData("do $$ begin loop begin perform pg_sleep(1); exception when query_canceled then null; end; end loop; end $$;")]
    [InlineData("create table big as select repeat('x', 1000) from generate_series(1, 1000000000);")]
    public async Task An_endless_body_is_stopped_and_leaves_nothing_at_work(string sql)
    {
        var started = Stopwatch.GetTimestamp();
        var trial = await TryAsync(sql, TimeSpan.FromSeconds(2));
        Assert.Equal(Answer.Unknown, trial.Repeats);
        Assert.Contains("did not end within 2", trial.Why, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(30), "the bound holds");
        Assert.Equal("0", await server.PsqlAsync("postgres", $"select count(*) from pg_stat_activity where usename like 'lap_scratch_%' and query like '%{sql[^20..^3].Replace("'", "''", StringComparison.Ordinal)}%'"));
    }

    [Fact]
    public async Task A_file_of_200_MB_is_read_in_bounded_memory_and_stopped_at_its_bound()
    {
        var file = Path.Combine(folder, "big.sql");
        await using (var writer = new StreamWriter(file))
        {
            var line = "insert into t (n) values " + string.Join(", ", Enumerable.Range(0, 150).Select(i => $"({i})")) + ";\n";
            for (var written = 0L; written < 200L << 20; written += line.Length)
            {
                await writer.WriteAsync(line);
            }
        }

        var body = MigrationBody.OfFile("big", "big.sql", SqlDialect.PostgreSql, file);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0, pieces = 0;
        foreach (var piece in body.Pieces())
        {
            if (++pieces % 50_000 == 0)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }

        Assert.True(most < 32L << 20, $"{most} bytes were held");
        var trial = (await RunAsync(body, TimeSpan.FromSeconds(2)))[0];
        Assert.Contains("did not end within 2", trial.Why, StringComparison.Ordinal);
        Assert.Equal("10", await server.PsqlAsync(template, "select count(*) from t"));
    }

    [Fact]
    public async Task What_a_killed_run_left_the_next_one_removes_and_nothing_else()
    {
        await using var own = await PostgresServer.OwnAsync();
        // It waits for us, whatever our own input is.
        using var killed = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "read x"]) { RedirectStandardInput = true })!;
        var me = ScratchName.New(TimeProvider.System);
        var dead = me with { Pid = killed.Id, Start = ProcessOwner.TicksOf(killed.Id)!.Value };
        killed.Kill();
        await killed.WaitForExitAsync(Cancel);
        var other = me with { Host = "00000000", Random = "1" };
        var expired = other with { Until = 1, Random = "2" };
        foreach (var name in (ScratchName[])[me, dead, other, expired])
        {
            await own.PsqlAsync("postgres", $"create role {name}; create database {name};");
        }

        // A prepared transaction keeps its database whoever forces its end.
        await own.PsqlAsync(dead.ToString(), $"grant create on database {dead} to {dead}; grant create on schema public to {dead}; set role {dead}; create table held (n int); begin; insert into held values (1); prepare transaction 'held';");
        await own.PsqlAsync("postgres", "create database lap_scratch_of_mine; create database innocent;");
        await RunAsync(MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, "select 1;"), TimeSpan.FromSeconds(10), own, "innocent");
        Assert.Equal(
            new[] { "innocent", "lap_scratch_of_mine", me.ToString(), other.ToString() }.Order(StringComparer.Ordinal),
            (await own.PsqlAsync("postgres", "select datname from pg_database where datname like 'lap%' or datname like 'inn%'")).Split('\n').Order(StringComparer.Ordinal));
        Assert.Equal(2, (await own.PsqlAsync("postgres", "select rolname from pg_roles where rolname like 'lap%'")).Split('\n').Length);
    }

    [Fact]
    public async Task Without_the_rights_to_contain_a_body_none_is_run()
    {
        await server.PsqlAsync("postgres", $"create role weak_{template} login password 'x' createdb");
        var settings = new ScratchSettings(Laptime.Ledgers.DatabaseAddress.Parse(server.Url("postgres", $"weak_{template}", "x"), "/", "test"), null) { Template = template };
        var body = MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, "update t set n = 0;");
        var trial = (await PostgresLab.TryAsync(settings, [(body, ScriptReading.Of(body, Cancel))], folder, new ProcessRunner(TimeProvider.System), TimeProvider.System, Cancel))[0];
        Assert.False(trial.Ran);
        Assert.Contains("could not be contained", trial.Why, StringComparison.Ordinal);
        await server.PsqlAsync("postgres", $"drop role weak_{template}");
    }

    private static async Task<string> MakeAsync()
    {
        var server = await PostgresServer.SharedAsync();
        var template = await server.DatabaseAsync("hostile");
        await server.PsqlAsync(template, """
            create extension dblink;
            create table t (id serial primary key, n int);
            insert into t (n) select generate_series(1, 10);
            create function deep() returns void language plpgsql security definer as $$ begin execute 'copy t to program ''true'''; end $$;
            """);
        return template;
    }

    private async Task<Trial> TryAsync(string sql, TimeSpan? bound = null) => (await RunAsync(MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, sql), bound ?? TimeSpan.FromSeconds(30)))[0];

    private Task<IReadOnlyList<Trial>> RunAsync(MigrationBody body, TimeSpan bound, PostgresServer? on = null, string? copy = null) => PostgresLab.TryAsync(
        PostgresTrialTests.Settings(on ?? server, copy ?? template) with { Bound = bound }, [(body, ScriptReading.Of(body, Cancel))], folder, new ProcessRunner(TimeProvider.System), TimeProvider.System, Cancel);
}
