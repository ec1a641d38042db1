using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>A component's migrations in its deploy: applied before its rollout, recorded before and after, and what they make of the way back.</summary>
public sealed class MigrateTests
{
    private const string Ledger = "ledgers: { main: { tool: sql, path: db, database: \"sqlite:shop.db\" } }";

    /// <summary>A migration tool in a few lines: applies what its ledger does not have, one after the other.</summary>
    private const string Tool = """
        import glob, os, re, sqlite3, sys
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
        db = sqlite3.connect(os.path.join(root, 'shop.db'))
        db.execute('create table if not exists schema_migrations (version text primary key)')
        for path in sorted(glob.glob(os.path.join(root, 'db', '*.sql'))):
            version = re.match(r'\d+', os.path.basename(path)).group()
            if not db.execute('select 1 from schema_migrations where version = ?', (version,)).fetchone():
                print('applying', os.path.basename(path), flush=True)
                db.executescript(open(path).read())
                db.execute('insert into schema_migrations values (?)', (version,))
                db.commit()
        """;

    private static async Task<(LapWorkspace Workspace, int Port)> WorkspaceAsync()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(more: "migrate: { run: python3 migrate.py, ledger: main }", rest: Ledger);
        workspace.Write("src/web/migrate.py", Tool);
        workspace.Write("db/0001_orders.sql", "create table orders (id integer primary key, n int);");
        return (workspace, port);
    }

    [Fact]
    public async Task Migrations_run_before_the_rollout_and_what_was_verified_before_is_unsafe_to_go_back_to()
    {
        var (workspace, port) = await WorkspaceAsync();
        await using var end = workspace;
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Equal("reflected", first.Outcome());
        var segments = first["segments"]!.AsArray();
        var (migrate, rollout) = (segments.First(s => (string?)s!["name"] == "migrate")!, segments.First(s => (string?)s!["name"] == "rollout")!);
        Assert.Equal(("ok", "web"), ((string?)migrate["outcome"], (string?)migrate["component"]));
        Assert.True((double)migrate["start"]! + (double)migrate["seconds"]! <= (double)rollout["start"]! + 0.001);
        var migration = first["components"]![0]!["migration"]!;
        // There was no file to read yet.
        Assert.Equal((true, 1, true), (migration["before"] is null, (int)migration["after"]!["applied"]!, (bool)migration["schemaMoved"]!));
        Assert.Contains("applying 0001_orders.sql", File.ReadAllText((string)migration["log"]!), StringComparison.Ordinal);
        (await workspace.DeployAsync()).IsUnchanged();

        // Nothing pending: the schema stays, and so does the way back.
        workspace.Write("src/web/text.txt", "second text");
        Assert.False((bool)(await workspace.DeployAsync()).Valid()["components"]![0]!["migration"]!["schemaMoved"]!);
        Assert.Equal("rolled-back", (await workspace.JsonAsync(0, "rollback")).Valid().Outcome());
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));

        // The schema moves: nothing from before is a proven way back.
        workspace.Write("db/0002_more.sql", "alter table orders add column note text;");
        workspace.Write("src/web/text.txt", "third text");
        Assert.Equal("reflected", (await workspace.DeployAsync()).Valid().Outcome());
        var refused = (await workspace.JsonAsync(21, "rollback")).Valid();
        Assert.Equal("guardrail-refused", refused.Outcome());
        var message = (string)refused["failure"]!["message"]!;
        Assert.Contains("unsafe(schema)", message, StringComparison.Ordinal);
        Assert.Contains("moved ledger main from 1 to 2", message, StringComparison.Ordinal);
        Assert.Contains("--unsafe-schema", (string)refused["failure"]!["mend"]!, StringComparison.Ordinal);
        Assert.Equal((200, "third text"), await workspace.GetAsync(port));

        var forced = (await workspace.JsonAsync(0, "rollback", "--unsafe-schema")).Valid();
        Assert.Contains(forced.Detail("web"), d => d.StartsWith("unsafe(schema): ", StringComparison.Ordinal));
        Assert.DoesNotContain(forced["segments"]!.AsArray(), s => (string?)s!["name"] == "migrate");
    }

    [Fact]
    public async Task A_migration_that_fails_ends_the_deploy_with_its_last_lines_and_the_old_one_serves()
    {
        var (workspace, port) = await WorkspaceAsync();
        await using var end = workspace;
        Assert.Equal("reflected", (await workspace.DeployAsync()).Valid().Outcome());
        workspace.Write("db/0002_broken.sql", "alter table missing_table add column n int;");
        workspace.Write("src/web/text.txt", "second text");
        var failed = (await workspace.JsonAsync(11, "deploy")).Valid();
        Assert.Equal("rollout-failed", failed.Outcome());
        Assert.Contains("the migrations of web failed: exit code 1", (string)failed["failure"]!["message"]!, StringComparison.Ordinal);
        Assert.Contains(failed["failure"]!["tail"]!.AsArray(), l => ((string)l!).Contains("no such table: missing_table", StringComparison.Ordinal));
        Assert.Contains(failed["segments"]!.AsArray(), s => (string?)s!["name"] == "migrate" && (string?)s["outcome"] == "failed");
        Assert.Equal(0, (int)failed["counters"]!["deploys"]!);
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task The_ledger_check_tries_pending_bodies_and_leaves_both_axes_apart()
    {
        var (workspace, _) = await WorkspaceAsync();
        await using var end = workspace;
        Assert.Equal("reflected", (await workspace.DeployAsync()).Valid().Outcome());
        workspace.Write("db/0002_count.sql", "insert into orders (n) values (1); update orders set n = n + 1;");
        var check = (await workspace.JsonAsync(0, "ledger", "check"));
        var behaviour = check["behaviour"]!.AsArray();
        Assert.Contains(behaviour, b => (string?)b!["verdict"] == "not-idempotent" && (string?)b["file"] == "db/0002_count.sql");
        Assert.Equal("affected", (string?)check["ledgers"]![0]!["behaviour"]!["verdict"]);
        Assert.Equal("clean", (string?)check["ledgers"]![0]!["governance"]!["verdict"]);
        Assert.Empty((await workspace.JsonAsync(0, "ledger", "check", "--bodies", "none"))["behaviour"]!.AsArray());
    }

    [Fact]
    public async Task On_PostgreSQL_a_killed_check_leaves_a_scratch_that_the_next_one_removes()
    {
        await using var server = await PostgresServer.OwnAsync();
        await server.PsqlAsync("postgres", "create database shop");
        await server.PsqlAsync("shop", "create table orders (id serial primary key, n int); create table schema_migrations (version text primary key); insert into schema_migrations values ('0001');");
        await using var workspace = await LapWorkspace.EmptyAsync();
        workspace.Write("laptime.yaml", "name: little\ncomponents: { web: { path: . } }\nledgers: { main: { tool: sql, path: db, database: \"${env.SHOP_DATABASE}\", scratch: same-server } }\n");
        workspace.Write("db/0001_orders.sql", "create table orders (id serial primary key, n int);");
        workspace.Write("db/0002_sleep.sql", "select pg_sleep(1000);");
        workspace.Environment["SHOP_DATABASE"] = server.Url("shop");
        Task<string> ScratchAsync() => server.PsqlAsync("postgres", "select count(*) from pg_stat_activity where usename like 'lap_scratch_%' and query like '%pg_sleep(1000)%'");

        var killed = workspace.Start("ledger", "check", "--try-timeout", "300s");
        await workspace.UntilAsync(async () => await ScratchAsync() == "1", "the body runs in a scratch");
        killed.Signal(UnixSignal.Kill);
        await killed.ResultAsync(TimeSpan.FromSeconds(20), workspace.Cancel);
        Assert.NotEqual("0", await server.PsqlAsync("postgres", "select count(*) from pg_database where datname like 'lap_scratch_%'"));

        workspace.Write("db/0002_sleep.sql", "create table if not exists carts (id int);");
        var check = await workspace.JsonAsync(0, "ledger", "check");
        Assert.Contains(check["behaviour"]!.AsArray(), b => (string?)b!["verdict"] == "idempotent");
        Assert.Equal("0|0", await server.PsqlAsync("postgres", "select (select count(*) from pg_database where datname like 'lap_%'), (select count(*) from pg_roles where rolname like 'lap_%')"));
        Assert.Equal("2", await server.PsqlAsync("shop", "select count(*) from pg_tables where schemaname = 'public'"));
    }
}
