using System.Runtime.CompilerServices;
using Laptime.Ledgers;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Ledgers;

/// <summary>The real dbmate on a real PostgreSQL: its ledgers, and the phantom that two branches with one number leave.</summary>
public sealed class DbmateTests
{
    private static readonly ProcessRunner Runner = new(TimeProvider.System);

    private static string Migration(string table) => $"-- migrate:up\nCREATE TABLE {table} (id integer PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE {table};\n";

    private static async Task<(int Code, string Output)> DbmateAsync(LedgerGround ground, params string[] arguments)
    {
        var cancel = TestContext.Current.CancellationToken;
        var folder = await NpmFolder.InstallAsync("dbmate", Path.GetFullPath("../../Dbmate", Path.GetDirectoryName(Here())!), [], Runner, cancel);
        var program = Path.Combine(folder, "node_modules", "@dbmate", "linux-x64", "bin", "dbmate");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(program, (UnixFileMode)0b111_101_101);
        }

        var output = new List<string>();
        var result = await Runner.RunAsync(
            new Command { Program = program, Arguments = ["--no-dump-schema", "--migrations-dir", ground.Path, .. arguments], Directory = ground.Root, Environment = new Dictionary<string, string?> { ["DATABASE_URL"] = ground.Url } },
            line => output.Add(line.Text), cancel);
        return (result.ExitCode, string.Join('\n', output));
    }

    [Fact]
    public async Task A_ledger_that_dbmate_wrote_is_clean()
    {
        using var ground = await LedgerGround.OfAsync("auto", "db/migrations", DatabaseKind.PostgreSql, ", owners: { \"*\": \"@data\" }");
        ground.Write("db/migrations/0041_users.sql", Migration("users"));
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        Assert.Equal(0, (await DbmateAsync(ground, "up")).Code);
        var reading = await ground.CheckAsync();
        reading.Clean();
        Assert.Equal("dbmate", reading.State.Tool.Name);
        Assert.Equal("public.schema_migrations", reading.State.Applied!.Table);
        Assert.Equal(["0041", "0042"], reading.State.Applied.Rows.Select(r => r.Version));
    }

    [Fact]
    public async Task The_phantom_is_caught_although_dbmate_says_that_all_is_applied()
    {
        using var ground = await LedgerGround.OfAsync("dbmate", "db/migrations", DatabaseKind.PostgreSql, ", owners: { \"*\": \"@data\" }");
        ground.Write("db/migrations/0041_users.sql", Migration("users"));
        ground.Write("db/migrations/0042_branch_a.sql", Migration("orders"));
        Assert.Equal(0, (await DbmateAsync(ground, "up")).Code);
        // The other branch is merged: git has nothing to say, and neither has dbmate.
        ground.Write("db/migrations/0042_branch_b.sql", Migration("carts"));
        Assert.Equal(0, (await DbmateAsync(ground, "up")).Code);
        Assert.Contains("Pending: 0", (await DbmateAsync(ground, "status")).Output, StringComparison.Ordinal);

        var reading = await ground.CheckAsync();
        Assert.Equal(["duplicate-id 0042", "phantom 0042"], reading.Conflicts());
        var phantom = reading.One(FindingKind.Phantom);
        Assert.Equal(["db/migrations/0042_branch_b.sql"], phantom.Files);
        Assert.Contains("no table carts", phantom.What, StringComparison.Ordinal);
        var duplicate = reading.One(FindingKind.DuplicateId);
        Assert.StartsWith("db/migrations/0042_branch_a.sql", duplicate.Owner, StringComparison.Ordinal);
        Assert.Contains("git mv db/migrations/0042_branch_b.sql db/migrations/0043_branch_b.sql", duplicate.Mend, StringComparison.Ordinal);

        // What was advised mends it.
        File.Move(ground.At("db/migrations/0042_branch_b.sql"), ground.At("db/migrations/0043_branch_b.sql"));
        Assert.Equal(0, (await DbmateAsync(ground, "up")).Code);
        (await ground.CheckAsync()).Clean();
    }

    [Fact]
    public async Task What_else_can_be_wrong_beside_a_ledger_that_dbmate_wrote_is_found()
    {
        using var ground = await LedgerGround.OfAsync("dbmate", "db/migrations", DatabaseKind.PostgreSql, ", owners: { \"*\": \"@data\" }");
        ground.Write("db/migrations/0041_users.sql", Migration("users"));
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("both");
        Assert.Equal(0, (await DbmateAsync(ground, "up")).Code);
        await ground.GitAsync("checkout", "-q", "-b", "work");

        // dbmate keeps no checksum: git is the witness.
        ground.Write("db/migrations/0042_carts.sql", Migration("crates"));
        Assert.Equal(["content-changed 0042", "phantom 0042"], (await ground.CheckAsync()).Conflicts());
        Assert.Contains("Pending: 0", (await DbmateAsync(ground, "status")).Output, StringComparison.Ordinal);
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        (await ground.CheckAsync()).Clean();

        await ground.GitAsync("rm", "-q", "db/migrations/0042_carts.sql");
        await ground.CommitAsync("gone");
        await ground.GitAsync("branch", "-f", "main", "work");
        var missing = (await ground.CheckAsync()).One(FindingKind.MissingFile);
        Assert.Equal("0042", missing.Id);
        Assert.StartsWith("public.schema_migrations has 0042", missing.Records, StringComparison.Ordinal);

        ground.Write("laptime.yaml", (await File.ReadAllTextAsync(ground.At("laptime.yaml"), TestContext.Current.CancellationToken)).Replace("\"*\": \"@data\"", "\"9*\": \"@data\"", StringComparison.Ordinal));
        Assert.Equal(["missing-file 0042", "owner-unknown 0041_users.sql"], (await ground.CheckAsync()).Conflicts());
    }

    [Fact]
    public async Task A_lower_number_is_told_before_dbmate_applies_it_late()
    {
        using var ground = await LedgerGround.OfAsync("dbmate", "db/migrations", DatabaseKind.PostgreSql, ", owners: { \"*\": \"@data\" }");
        ground.Write("db/migrations/0043_users.sql", Migration("users"));
        Assert.Equal(0, (await DbmateAsync(ground, "up")).Code);
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        Assert.Equal(["out-of-order 0042"], (await ground.CheckAsync()).Conflicts());
    }

    [Fact]
    public async Task An_index_that_was_left_invalid_is_half_applied_although_IF_NOT_EXISTS_passes_over_it()
    {
        using var ground = await LedgerGround.OfAsync("dbmate", "db/migrations", DatabaseKind.PostgreSql, ", owners: { \"*\": \"@data\" }");
        ground.Write("db/migrations/0041_users.sql", "-- migrate:up\nCREATE TABLE users (id integer PRIMARY KEY, name text);\nINSERT INTO users VALUES (1, 'a'), (2, 'a');\n\n-- migrate:down\nDROP TABLE users;\n");
        ground.Write("db/migrations/0042_names.sql", "-- migrate:up transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name);\n\n-- migrate:down transaction:false\nDROP INDEX users_name;\n");
        Assert.Contains("could not create unique index", (await DbmateAsync(ground, "up")).Output, StringComparison.Ordinal);
        // Once more, and dbmate takes it for done: the index that the first time left is there.
        var again = await DbmateAsync(ground, "up");
        Assert.True(again.Code == 0, again.Output);
        Assert.Contains("Pending: 0", (await DbmateAsync(ground, "status")).Output, StringComparison.Ordinal);

        var reading = await ground.CheckAsync();
        Assert.Equal(["partial 0042"], reading.Conflicts());
        var finding = reading.One(FindingKind.Partial);
        Assert.Contains("users_name", finding.What, StringComparison.Ordinal);
        Assert.Contains("not valid", finding.What, StringComparison.Ordinal);
        Assert.Contains("IF NOT EXISTS would pass over it", finding.Mend, StringComparison.Ordinal);

        await ground.SqlAsync("DELETE FROM users WHERE id = 2; DROP INDEX users_name;");
        await ground.SqlAsync("CREATE UNIQUE INDEX CONCURRENTLY users_name ON users (name);");
        (await ground.CheckAsync()).Clean();
    }

    private static string Here([CallerFilePath] string here = "") => here;
}
