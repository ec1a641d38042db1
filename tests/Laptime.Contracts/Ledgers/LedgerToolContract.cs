using Laptime.Ledgers;

namespace Laptime.Contracts.Ledgers;

/// <summary>A migration that makes one table.</summary>
/// <param name="Number">Its place; it builds on the one before.</param>
public sealed record Step(int Number, string Name)
{
    public string Table => Name;

    public string Sql => $"CREATE TABLE {Name} (id integer);\n";
}

/// <summary>
/// What every tool's reader has to do, on real SQLite and real PostgreSQL, with the ledger's table as the tool makes it: a clean ledger is clean, and each thing that
/// can be wrong is found.
/// </summary>
public abstract class LedgerToolContract
{
    internal static readonly Step Users = new(41, "users");
    internal static readonly Step Carts = new(42, "carts");
    internal static readonly Step Orders = new(43, "orders");
    internal static readonly Step[] All = [Users, Carts, Orders];

    public static TheoryData<DatabaseKind> Databases => [DatabaseKind.Sqlite, DatabaseKind.PostgreSql];

    protected abstract string Tool { get; }

    /// <summary>Relative to the workspace.</summary>
    protected virtual string Folder => "db/migrations";

    /// <summary>The tool's own statement for its table.</summary>
    protected abstract string Table(DatabaseKind kind);

    /// <summary>The files of a migration, relative to the folder.</summary>
    /// <param name="after">What it builds on; null: nothing.</param>
    /// <param name="all">Everything that is there, for files that list all.</param>
    protected abstract IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all);

    /// <summary>The statements that record them as applied.</summary>
    protected abstract string Record(IReadOnlyList<Step> applied);

    /// <summary>The statement that makes the last one half applied; null: the ledger has no such state.</summary>
    protected virtual string? Break(Step step) => null;

    /// <summary>What a lower number that comes later is.</summary>
    protected abstract FindingKind? Late { get; }

    /// <summary>What shows by the missing effect alone.</summary>
    protected virtual FindingKind? LateEffect => null;

    protected virtual bool KeepsChecksums => false;

    /// <summary>What two branches with one number are; null: two migrations like any others, since the number is not what the tool keys on.</summary>
    protected virtual FindingKind? Collision => FindingKind.DuplicateId;

    protected virtual FindingWeight CollisionWeight => FindingWeight.Conflict;

    /// <summary>What a migration is whose effect is not there.</summary>
    protected virtual FindingKind WithoutEffect => FindingKind.Phantom;

    internal async Task<LedgerGround> GroundAsync(DatabaseKind kind, IReadOnlyList<Step> files, IReadOnlyList<Step> applied, string tool = "")
    {
        var ground = await LedgerGround.OfAsync(tool.Length == 0 ? Tool : tool, Folder, kind, ", owners: { \"*\": \"@data\" }");
        Put(ground, files);
        await ground.SqlAsync(Table(kind) + "\n" + In(kind, Record(applied)) + "\n" + string.Concat(applied.Select(static s => s.Sql)));
        return ground;
    }

    /// <summary>Atlas has a schema of its own where the database has schemas.</summary>
    private static string In(DatabaseKind kind, string sql) => sql.Replace("{0}", kind == DatabaseKind.Sqlite ? "" : ".atlas_schema_revisions", StringComparison.Ordinal);

    internal void Put(LedgerGround ground, IReadOnlyList<Step> steps)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            foreach (var (path, text) in Files(steps[i], i == 0 ? null : steps[i - 1], steps))
            {
                ground.Write($"{Folder}/{path}", text);
            }
        }
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task A_clean_ledger_is_clean_and_the_tool_is_told_from_the_files(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, All, All, "auto");
        var reading = await ground.CheckAsync();
        reading.Clean();
        Assert.Equal(Tool, reading.State.Tool.Name);
        Assert.Empty(reading.Pending!);
        Assert.Empty(reading.State.Here.Unread);
        Assert.Equal(3, reading.State.Here.Migrations.Count);
        // Every effect was really looked up.
        Assert.All(LedgerLine.Of(reading), l => Assert.True(l.Effect, l.Id));
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task What_is_newer_than_the_ledger_is_pending_and_no_finding(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, All, [Users, Carts]);
        var reading = await ground.CheckAsync();
        reading.Clean();
        Assert.Contains("orders", Assert.Single(reading.Pending!).File + Assert.Single(reading.Pending!).Up, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task A_database_without_the_ledgers_table_has_nothing_applied(DatabaseKind kind)
    {
        using var ground = await LedgerGround.OfAsync(Tool, Folder, kind, ", owners: { \"*\": \"@data\" }");
        Put(ground, All);
        await ground.SqlAsync("CREATE TABLE other (id integer);");
        var reading = await ground.CheckAsync();
        reading.Clean();
        Assert.Equal(3, reading.Pending!.Count);
        Assert.Contains("nothing is applied", reading.DatabaseWords, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task Applied_but_without_its_file_is_found(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, [Users, Carts], All);
        var finding = (await ground.CheckAsync()).One(FindingKind.MissingFile);
        Assert.Equal(FindingWeight.Conflict, finding.Weight);
        Assert.NotNull(finding.Records);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task Recorded_without_its_effect_is_found(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, All, All);
        await ground.SqlAsync("DROP TABLE carts;");
        var reading = await ground.CheckAsync();
        var finding = Assert.Single(reading.Governance.Findings, f => f.Weight == FindingWeight.Conflict);
        Assert.Equal(WithoutEffect, finding.Kind);
        Assert.Contains("no table carts", finding.What, StringComparison.Ordinal);
        Assert.Equal("@data (`owners` in laptime.yaml); nobody else claims the number", finding.Owner);
        Assert.DoesNotContain("table users", finding.What, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task A_lower_number_that_comes_later_is_what_the_tool_makes_of_it(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, All, [Users, Orders]);
        var findings = (await ground.CheckAsync()).Governance.Findings.Where(f => f.Kind != FindingKind.OwnerUnknown).ToList();
        if ((Late ?? LateEffect) is not { } late)
        {
            Assert.DoesNotContain(findings, f => f.Weight == FindingWeight.Conflict);
            return;
        }

        Assert.Contains(findings, f => f.Kind == late && f.Weight == FindingWeight.Conflict && f.Files.Any(p => p.Contains("carts", StringComparison.Ordinal)));
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task An_edit_of_an_applied_migration_is_found_where_the_ledger_keeps_checksums(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, All, All);
        var (path, text) = Files(Carts, Users, All).First();
        ground.Write($"{Folder}/{path}", text.Replace("(id integer)", "(id  integer)", StringComparison.Ordinal));
        var reading = await ground.CheckAsync();
        if (KeepsChecksums)
        {
            Assert.Contains("edited after it was applied", reading.One(FindingKind.ContentChanged).What, StringComparison.Ordinal);
        }
        else
        {
            reading.Clean();
        }
    }

    [Fact]
    public async Task An_edit_of_what_the_main_branch_has_is_found_whatever_checksums_the_ledger_keeps()
    {
        using var ground = await GroundAsync(DatabaseKind.Sqlite, All, [Users, Carts]);
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("all");
        var (path, text) = Files(Carts, Users, All).First();
        ground.Write($"{Folder}/{path}", text.Replace("\n", "\r\n", StringComparison.Ordinal));
        if (Tool != "atlas")
        {
            // Nobody edited it. (Atlas goes by the bytes.)
            (await ground.CheckAsync()).Clean();
        }

        // On main itself and on a branch, committed or not.
        ground.Write($"{Folder}/{path}", text.Replace("carts", "crates", StringComparison.Ordinal));
        Assert.Contains(await EditedAsync(), f => f.Weight == FindingWeight.Conflict);
        await ground.GitAsync("checkout", "-q", "-b", "work");
        await ground.CommitAsync("crates");
        var finding = (await EditedAsync()).First(f => f.Weight == FindingWeight.Conflict);
        Assert.Contains("carts", finding.What, StringComparison.Ordinal);
        Assert.NotNull(finding.Records);
        if (!KeepsChecksums)
        {
            Assert.Contains("not what main has", finding.What, StringComparison.Ordinal);
            Assert.Contains("git checkout main -- ", finding.Mend, StringComparison.Ordinal);
        }

        // Nobody was asked whether it is applied: worth knowing. What is surely not applied may be edited.
        ground.Url = null;
        Assert.All(await EditedAsync(), f => Assert.Equal(FindingWeight.Notice, f.Weight));
        ground.Url = "sqlite:db.sqlite3";
        ground.Write($"{Folder}/{path}", text);
        var (last, body) = Files(Orders, Carts, All).First();
        ground.Write($"{Folder}/{last}", body.Replace("orders", "orderings", StringComparison.Ordinal));
        Assert.Empty(await EditedAsync());

        async Task<IReadOnlyList<LedgerFinding>> EditedAsync() => [.. (await ground.CheckAsync()).Governance.Findings.Where(f => f.Kind == FindingKind.ContentChanged)];
    }

    [Fact]
    public async Task Line_ends_and_a_byte_order_mark_are_no_edit()
    {
        using var ground = await GroundAsync(DatabaseKind.Sqlite, All, All);
        var before = (await ground.CheckAsync()).State.Here.Migrations.Select(m => m.Content).ToList();
        if (Tool == "atlas")
        {
            // Its hash is of the bytes: git must not touch them.
            return;
        }

        foreach (var (path, text) in Files(Carts, Users, All))
        {
            ground.Write($"{Folder}/{path}", "\uFEFF" + text.Replace("\n", "\r\n", StringComparison.Ordinal));
        }

        var reading = await ground.CheckAsync();
        reading.Clean();
        Assert.Equal(before, reading.State.Here.Migrations.Select(m => m.Content));
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task Half_applied_is_found_where_the_ledger_knows_it(DatabaseKind kind)
    {
        using var ground = await GroundAsync(kind, All, All);
        if (Break(Orders) is not { } broken)
        {
            return;
        }

        await ground.SqlAsync(In(kind, broken));
        var finding = (await ground.CheckAsync()).One(FindingKind.Partial);
        Assert.Equal(FindingWeight.Conflict, finding.Weight);
        Assert.DoesNotContain("force", finding.Mend, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Two_branches_with_one_number_are_caught_before_the_merge_although_git_sees_no_conflict()
    {
        using var ground = await GroundAsync(DatabaseKind.Sqlite, [Users], [Users]);
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("users");
        await ground.GitAsync("checkout", "-q", "-b", "work");
        Put(ground, [Users, Carts]);
        await ground.CommitAsync("carts, on a branch");
        await ground.GitAsync("checkout", "-q", "main");
        Put(ground, [Users, Carts with { Name = "coupons" }]);
        await ground.CommitAsync("coupons, on main");
        await ground.GitAsync("checkout", "-q", "work");

        var reading = await ground.CheckAsync();
        if (Collision is null)
        {
            reading.Clean();
            return;
        }

        var finding = reading.One(Collision);
        Assert.Equal(CollisionWeight, finding.Weight);
        Assert.Contains(finding.Files, f => f.StartsWith("main:", StringComparison.Ordinal));
        Assert.Contains(finding.Files, f => !f.StartsWith("main:", StringComparison.Ordinal));
        Assert.True(CollisionWeight == FindingWeight.Notice || finding.Owner!.Contains("main", StringComparison.Ordinal), finding.Owner);
        // Each branch alone is clean.
        await ground.GitAsync("checkout", "-q", "main");
        (await ground.CheckAsync()).Clean();
    }

    [Fact]
    public async Task One_number_twice_on_disk_is_found_without_a_database_too()
    {
        using var ground = await GroundAsync(DatabaseKind.Sqlite, [Users, Carts], [Users]);
        foreach (var (path, text) in Files(Carts with { Name = "coupons" }, Users, [Users, Carts with { Name = "coupons" }]))
        {
            ground.Write($"{Folder}/{path}", text);
        }

        ground.Url = null;
        var reading = await ground.CheckAsync();
        if (Collision is null)
        {
            reading.Clean();
            return;
        }

        Assert.Contains(reading.Governance.Findings, f => f.Kind == Collision && f.Weight == CollisionWeight);
        Assert.Contains("LEDGER_URL is not set", reading.DatabaseWords, StringComparison.Ordinal);
        Assert.All(reading.Governance.Findings, f => Assert.Null(f.Records));
    }
}
