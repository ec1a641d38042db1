using Laptime.Databases;
using Laptime.Databases.Scratch;
using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Ledgers;

/// <summary>Whether what a migration defines is called, asked of a real database in use.</summary>
public sealed class CalledTests
{
    private const string Shop = """
        create table orders (id serial primary key, note text);
        create table quiet (id int);
        create function stamp() returns trigger language plpgsql as $$ begin new.note := 'x'; return new; end $$;
        create trigger orders_stamp before insert on orders for each row execute function stamp();
        create function lonely() returns int language plpgsql as $$ begin return 1; end $$;
        create function helper() returns int language plpgsql as $$ begin return 2; end $$;
        create function outer_one() returns int language plpgsql as $$ begin return helper(); end $$;
        create function idle() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger quiet_idle after update on quiet for each row execute function idle();
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_function_that_a_trigger_calls_is_called_with_the_trigger_named()
    {
        foreach (var counted in (bool[])[true, false])
        {
            var (server, database) = await ShopAsync(counted);
            await server.PsqlAsync(database, "insert into orders (note) values ('a'), ('b'), ('c')");
            var reading = await AskAsync(server, database, CatalogKind.Function, "stamp");
            Assert.Equal(CallAnswer.Called, reading.Answer);
            Assert.Contains("trigger orders_stamp on public.orders", reading.What, StringComparison.Ordinal);
            Assert.Contains("3 ", reading.What, StringComparison.Ordinal);
            Assert.Contains(counted ? "pg_stat_user_functions" : "pg_stat_user_tables", reading.What, StringComparison.Ordinal);
            Assert.Contains("since ", reading.What, StringComparison.Ordinal);

            var trigger = await AskAsync(server, database, CatalogKind.Trigger, "orders_stamp");
            Assert.Equal(CallAnswer.Called, trigger.Answer);
            Assert.Contains("saw 3 rows change", trigger.What, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_unused_function_is_not_observed_with_the_window_and_never_not_called()
    {
        var (server, database) = await ShopAsync(counted: true);
        await server.PsqlAsync(database, "select pg_stat_reset()");
        var reading = await AskAsync(server, database, CatalogKind.Function, "lonely");
        Assert.Equal(CallAnswer.NotObserved, reading.Answer);
        Assert.Matches(@"was not seen called since the last reset \(\d{4}-\d\d-\d\dT", reading.What);
        Assert.Contains(reading.Evidence, e => e.StartsWith("blind spot:", StringComparison.Ordinal));

        // Nothing counts here: then nobody can tell.
        var (_, uncounted) = await ShopAsync(counted: false);
        var unknown = await AskAsync(server, uncounted, CatalogKind.Function, "lonely");
        Assert.Equal(CallAnswer.CannotTell, unknown.Answer);
        Assert.Contains(unknown.Evidence, e => e.Contains("track_functions is none", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_depends_on_it_and_which_files_name_it_is_told()
    {
        var (server, database) = await ShopAsync(counted: true);
        var reading = await AskAsync(server, database, CatalogKind.Function, "helper");
        Assert.Equal(CallAnswer.NotObserved, reading.Answer);
        Assert.Contains("used by the text of function public.outer_one", reading.Evidence);
        Assert.Contains("named in src/app.py", reading.Evidence);

        await server.PsqlAsync(database, "select outer_one()");
        Assert.Equal(CallAnswer.Called, (await AskAsync(server, database, CatalogKind.Function, "helper")).Answer);
    }

    [Fact]
    public async Task A_trigger_that_saw_nothing_and_one_that_is_disabled_are_not_observed()
    {
        var (server, database) = await ShopAsync(counted: true);
        Assert.Contains("trigger quiet_idle on public.quiet would call it, and saw no row", (await AskAsync(server, database, CatalogKind.Function, "idle")).What, StringComparison.Ordinal);
        await server.PsqlAsync(database, "alter table quiet disable trigger quiet_idle");
        var disabled = await AskAsync(server, database, CatalogKind.Trigger, "quiet_idle");
        Assert.Equal((CallAnswer.NotObserved, true), (disabled.Answer, disabled.What.Contains("disabled", StringComparison.Ordinal)));
        Assert.Equal(CallAnswer.NotObserved, (await AskAsync(server, database, CatalogKind.Table, "quiet")).Answer);
        Assert.Equal(CallAnswer.NotThere, (await AskAsync(server, database, CatalogKind.Function, "not_there")).Answer);
    }

    [Fact]
    public async Task Statements_by_their_text_count_where_the_server_keeps_them()
    {
        var (server, database) = await ShopAsync(counted: false);
        if (!server.HasStatements)
        {
            Requirement.Missing("postgres", "its package has no pg_stat_statements");
        }

        await server.PsqlAsync(database, "create extension pg_stat_statements");
        await server.PsqlAsync(database, "select lonely()");
        var reading = await AskAsync(server, database, CatalogKind.Function, "lonely");
        Assert.True(reading.Answer == CallAnswer.Called, reading.What + "\n" + string.Join('\n', reading.Evidence));
        Assert.Contains("pg_stat_statements", reading.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Both_questions_make_one_report_and_the_database_in_use_is_only_read()
    {
        var (server, database) = await ShopAsync(counted: true);
        await server.PsqlAsync(database, "insert into orders (note) values ('a'), ('b'), ('c')");
        var folder = Path.Combine(Path.GetTempPath(), "lap-behaviour-" + Path.GetRandomFileName());
        var body = MigrationBody.OfText("42", "db/42.sql", SqlDialect.PostgreSql, "create or replace function stamp() returns trigger language plpgsql as $$ begin return new; end $$; update orders set note = note || '!';") with
        {
            Objects = [new CatalogObject(CatalogKind.Function, null, null, "stamp")],
        };
        try
        {
            var report = await new BehaviourCheck(new ProcessRunner(TimeProvider.System), TimeProvider.System).CheckAsync(
                [body], [], PostgresTrialTests.Address(server, database), new BehaviourSettings(PostgresTrialTests.Address(server, "postgres"), database, IsApart: false), Nothing, folder, Cancel);
            Assert.Equal("affected", report.Verdict);
            Assert.Equal(["not-idempotent", "called", "called"], report.Findings.Select(f => f.Verdict));
            Assert.All(report.Findings, f => Assert.Equal("db/42.sql", f.File));
            Assert.Contains(report.Findings[0].Evidence, e => e.StartsWith("the text alone says not idempotent", StringComparison.Ordinal));
            Assert.Equal("x", await server.PsqlAsync(database, "select distinct note from orders"));

            var readOnly = await new BehaviourCheck(new ProcessRunner(TimeProvider.System), TimeProvider.System).CheckAsync(
                [body], [], PostgresTrialTests.Address(server, database), new BehaviourSettings(null, null, false), Nothing, folder, Cancel);
            Assert.Equal("repeat-unknown", readOnly.Findings[0].Verdict);
            Assert.StartsWith("it was not tried: the text alone says not idempotent", readOnly.Findings[0].What, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Task<IReadOnlyDictionary<string, IReadOnlyList<string>>?> Nothing(IReadOnlyCollection<string> names, CancellationToken cancel) => Task.FromResult<IReadOnlyDictionary<string, IReadOnlyList<string>>?>(null);

    private static Task<IReadOnlyDictionary<string, IReadOnlyList<string>>?> App(IReadOnlyCollection<string> names, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyDictionary<string, IReadOnlyList<string>>?>(new Dictionary<string, IReadOnlyList<string>> { ["helper"] = ["src/app.py"] });

    private static async Task<CallReading> AskAsync(PostgresServer server, string database, CatalogKind kind, string name) =>
        (await PostgresCalls.ReadAsync(PostgresDoor.Of(PostgresTrialTests.Address(server, database)), [new CatalogObject(kind, null, null, name)], App, Cancel))[0];

    private static async Task<(PostgresServer Server, string Database)> ShopAsync(bool counted)
    {
        var server = await PostgresServer.SharedAsync();
        var database = await server.DatabaseAsync("called");
        await server.PsqlAsync(database, Shop);
        if (counted)
        {
            await server.PsqlAsync(database, $"alter database {database} set track_functions = 'pl'");
        }

        return (server, database);
    }
}
