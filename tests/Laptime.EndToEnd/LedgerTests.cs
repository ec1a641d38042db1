using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap ledger`, as people, scripts and CI use it.</summary>
public sealed class LedgerTests
{
    private const string Ledgers = "ledgers:\n  main: { path: db/migrations, database: \"${env.SHOP_DATABASE}\", owners: { \"*\": \"@data\" } }\n";

    private static string Migration(string table) => $"-- migrate:up\nCREATE TABLE {table} (id integer);\n-- migrate:down\nDROP TABLE {table};\n";

    private static async Task<LapWorkspace> WorkspaceAsync(string rest = Ledgers)
    {
        var workspace = await LapWorkspace.OfAsync("  web: { path: web, run: { command: \"true\" } }", rest);
        workspace.Write("web/a.txt", "a");
        workspace.Write("db/migrations/0041_users.sql", Migration("users"));
        return workspace;
    }

    private static async Task<JsonObject> JsonAsync(LapWorkspace workspace, int code, string schema, params string[] arguments)
    {
        var document = await workspace.JsonAsync(code, arguments);
        Assert.Null(new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", schema)))!).Refusal(document));
        return document;
    }

    [Fact]
    public async Task Two_branches_that_each_add_0042_are_caught_before_the_merge_with_exit_code_19()
    {
        await using var workspace = await WorkspaceAsync();
        await workspace.GitAsync("init", "-q", "-b", "main");
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "one");
        await workspace.GitAsync("branch", "work");
        workspace.Write("db/migrations/0042_orders.sql", Migration("orders"));
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "orders");
        await workspace.GitAsync("checkout", "-q", "work");
        workspace.Write("db/migrations/0042_carts.sql", Migration("carts"));
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "carts");

        var said = (await workspace.LapAsync("ledger", "check")).Exits(19).Out;
        Assert.Contains("governance: duplicate-id 0042", said, StringComparison.Ordinal);
        Assert.Contains("SHOP_DATABASE is not set: only the files were checked", said, StringComparison.Ordinal);
        var document = await JsonAsync(workspace, 19, "ledger-check.v1.json", "ledger", "check", "main");
        Assert.Equal("ledger-conflict", (string?)document["outcome"]);
        Assert.Equal("duplicate-id", (string?)Assert.Single(document["governance"]!.AsArray())!["kind"]);
        Assert.Empty(document["behaviour"]!.AsArray());

        // As advised.
        File.Move(workspace.At("db/migrations/0042_carts.sql"), workspace.At("db/migrations/0043_carts.sql"));
        (await workspace.LapAsync("ledger", "check")).Exits(0);
        Assert.Empty((await JsonAsync(workspace, 0, "ledger-check.v1.json", "ledger", "check"))["governance"]!.AsArray());
        var items = (await JsonAsync(workspace, 0, "ledger.v1.json", "ledger", "show"))["items"]!.AsArray();
        Assert.Equal(["0041", "0043"], items.Select(i => (string?)i!["id"]));
        Assert.All(items, i => Assert.Equal("unknown", (string?)i!["state"]));
    }

    [Fact]
    public async Task A_ledger_on_PostgreSQL_is_read_and_its_password_is_never_shown()
    {
        var server = await PostgresServer.SharedAsync();
        var database = await server.DatabaseAsync("cli");
        await using var workspace = await WorkspaceAsync();
        workspace.Environment["SHOP_DATABASE"] = server.Url(database);
        await server.PsqlAsync(database, "CREATE TABLE schema_migrations (version varchar(128) primary key); INSERT INTO schema_migrations VALUES ('0041')");
        var phantom = (await workspace.LapAsync("ledger", "check")).Exits(19);
        Assert.Contains("governance: phantom 0041", phantom.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Password, phantom.Out + phantom.Error, StringComparison.Ordinal);
        await server.PsqlAsync(database, "CREATE TABLE users (id integer)");
        var document = await JsonAsync(workspace, 0, "ledger-check.v1.json", "ledger", "check");
        Assert.DoesNotContain(server.Password, document.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("there", (string?)(await JsonAsync(workspace, 0, "ledger.v1.json", "ledger", "show"))["items"]![0]!["effect"]);

        foreach (var (url, says) in new[]
        {
            (server.Url(database, password: "wr0ng-s3cret"), "does not let postgres in"), (server.Url("nothing_there"), "there is no database nothing_there"),
            ($"postgres://app:wr0ng-s3cret@127.0.0.1:{Ports.Free()}/shop", "does not answer"), ("mysql://app:wr0ng-s3cret@db/shop", "databases of the kind mysql: are not read"),
        })
        {
            workspace.Environment["SHOP_DATABASE"] = url;
            var failed = (await workspace.LapAsync("ledger", "check")).Exits(2);
            Assert.Contains(says, failed.Error, StringComparison.Ordinal);
            Assert.Contains("mend: ", failed.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("wr0ng-s3cret", failed.Out + failed.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(server.Password, failed.Out + failed.Error, StringComparison.Ordinal);
            (await workspace.LapAsync("ledger", "check", "--files-only")).Exits(0);
        }
    }

    [Fact]
    public async Task Behaviour_is_told_or_refused_by_the_policy_and_both_verdicts_stay_as_they_are()
    {
        await using var workspace = await WorkspaceAsync("ledgers:\n  main: { tool: sql, path: changes, database: \"sqlite:shop.db\", owners: { \"*\": \"@data\" } }\n");
        workspace.Write("shop.db", "");
        workspace.Write("changes/0001_orders.sql", "create table if not exists orders (id integer primary key, n int);");
        workspace.Write("changes/0002_seed.sql", "insert into orders (n) values (1);");
        workspace.Write("changes/0003_gone.sql", "drop table if exists carts;");
        var warned = await JsonAsync(workspace, 0, "ledger-check.v1.json", "ledger", "check");
        Assert.Equal(["idempotent", "not-idempotent", "idempotent", "loses-data"], Verdicts(warned));
        Assert.All(warned["behaviour"]!.AsArray(), f => Assert.Equal("notice", (string?)f!["weight"]));
        var axes = Axes((await workspace.LapAsync("ledger", "check")).Exits(0).Out);

        workspace.Edit("laptime.yaml", "tool: sql,", "tool: sql, behaviour: refuse,");
        var refused = await JsonAsync(workspace, 19, "ledger-check.v1.json", "ledger", "check");
        Assert.Equal("refuse", (string?)refused["ledgers"]![0]!["behaviourPolicy"]);
        Assert.Equal(Verdicts(warned), Verdicts(refused));
        Assert.Equal(["0002 conflict", "0003 conflict"], refused["behaviour"]!.AsArray().Where(f => (string?)f!["weight"] == "conflict").Select(f => $"{(string?)f!["id"]} conflict"));
        Assert.Equal("clean", (string?)refused["ledgers"]![0]!["governance"]!["verdict"]);
        var said = (await workspace.LapAsync("ledger", "check")).Exits(19).Out;
        Assert.Equal(axes, Axes(said));
        Assert.Contains("refused by `behaviour: refuse`", said, StringComparison.Ordinal);
        // Nobody looked: nothing is shown, and nothing refused.
        (await workspace.LapAsync("ledger", "check", "--bodies", "none")).Exits(0);

        File.Delete(workspace.At("changes/0002_seed.sql"));
        File.Delete(workspace.At("changes/0003_gone.sql"));
        (await workspace.LapAsync("ledger", "check")).Exits(0);

        static List<string> Verdicts(JsonObject document) => [.. document["behaviour"]!.AsArray().Select(f => (string)f!["verdict"]!).Where(v => v is not ("cannot-tell" or "not-there"))];
        static string[] Axes(string text) => [.. text.Split('\n').Where(l => l.StartsWith("  governance  ", StringComparison.Ordinal) || l.StartsWith("  behaviour   ", StringComparison.Ordinal))];
    }

    [Theory]
    [InlineData("sql", "", "a statement of more than 16 million characters")]
    [InlineData("dbmate", "-- migrate:up\n", "the file is larger than 16 MiB, and only a part of it is what would be applied")]
    public async Task A_file_of_200_MB_is_answered_within_a_bound_of_memory_and_each_axis_says_what_it_did_not_read(string tool, string first, string why)
    {
        await using var workspace = await WorkspaceAsync($"ledgers:\n  main: {{ tool: {tool}, path: changes, database: \"sqlite:shop.db\", behaviour: refuse, owners: {{ \"*\": \"@data\" }} }}\n");
        workspace.Write("shop.db", "");
        workspace.Write("changes/0001_huge.sql", first + "create table a (n int);\n");
        await using (var file = File.OpenWrite(workspace.At("changes/0001_huge.sql")))
        {
            // It has holes: nothing is written.
            file.SetLength(200L << 20);
        }

        // Less than the file: who held it would fail.
        workspace.Environment["DOTNET_GCHeapHardLimit"] = "0xA000000";
        var document = await JsonAsync(workspace, 19, "ledger-check.v1.json", "ledger", "check");
        Assert.Equal("clean", (string?)document["ledgers"]![0]!["governance"]!["verdict"]);
        var unread = Assert.Single(document["ledgers"]![0]!["unread"]!.AsArray())!;
        Assert.Equal("0001_huge.sql", (string?)unread["file"]);
        Assert.Contains("the governance axis goes by its name alone", (string?)unread["why"], StringComparison.Ordinal);
        var finding = Assert.Single(document["behaviour"]!.AsArray())!;
        Assert.Equal(("repeat-unknown", "conflict"), ((string?)finding["verdict"], (string?)finding["weight"]));
        Assert.Contains(why, (string?)finding["what"], StringComparison.Ordinal);
        Assert.Contains("0001_huge.sql was not read", (await workspace.LapAsync("ledger", "check")).Exits(19).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Migrations_that_no_ledger_is_configured_for_are_named_with_the_lines_to_add()
    {
        await using var workspace = await WorkspaceAsync(rest: "");
        var error = (await workspace.LapAsync("ledger", "check")).Exits(2).Error;
        Assert.Contains("there are migrations: db/migrations (dbmate)", error, StringComparison.Ordinal);
        var line = error[error.IndexOf("ledgers: {", StringComparison.Ordinal)..].Split('\n')[0];
        workspace.Write("laptime.yaml", workspace.Read("laptime.yaml") + line + "\n");
        (await workspace.LapAsync("ledger", "check")).Exits(0);

        // A tool that none of the files is of: nothing would be compared, and be clean.
        workspace.Edit("laptime.yaml", "path: db/migrations", "tool: flyway, path: db/migrations");
        var wrong = (await workspace.LapAsync("ledger", "check")).Exits(2).Error;
        Assert.Contains("is a migration of Flyway; it looks like dbmate", wrong, StringComparison.Ordinal);
        Assert.Contains("`tool: dbmate`", wrong, StringComparison.Ordinal);
        workspace.Edit("laptime.yaml", "tool: flyway, ", "");
        Assert.Contains("see `lap ledger check --help`", (await workspace.LapAsync("ledger", "check", "--bodies", "some")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("there is no ledger mian", (await workspace.LapAsync("ledger", "check", "mian")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("main", (await workspace.LapAsync("[suggest:17]", "lap ledger check ")).Out, StringComparison.Ordinal);
    }
}
