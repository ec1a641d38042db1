using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Ledgers.Governance;
using Laptime.Processes;

namespace Laptime.Contracts.Ledgers;

/// <summary>The merge that nobody has made yet, with the real git.</summary>
public sealed class BranchTests
{
    private static string Migration(string table) => $"-- migrate:up\nCREATE TABLE {table} (id integer);\n-- migrate:down\n";

    /// <summary>main has 0041 and then 0042_orders; the branch parted before.</summary>
    private static async Task<LedgerGround> PartedAsync(string extra = "")
    {
        var ground = await LedgerGround.OfAsync("dbmate", "db/migrations", DatabaseKind.Sqlite, ", owners: { \"*\": \"@data\" }" + extra);
        ground.Url = null;
        ground.Write("db/migrations/0041_users.sql", Migration("users"));
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("one");
        await ground.GitAsync("branch", "work");
        ground.Write("db/migrations/0042_orders.sql", Migration("orders"));
        await ground.CommitAsync("orders");
        await ground.GitAsync("checkout", "-q", "work");
        return ground;
    }

    [Fact]
    public async Task What_is_not_committed_yet_is_checked_too_and_the_branch_that_is_deployed_keeps_the_number()
    {
        using var ground = await PartedAsync();
        (await ground.CheckAsync()).Clean();
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        var finding = (await ground.CheckAsync()).One(FindingKind.DuplicateId);
        Assert.Equal(["db/migrations/0042_carts.sql", "main:db/migrations/0042_orders.sql"], finding.Files.Order(StringComparer.Ordinal));
        Assert.StartsWith("main:db/migrations/0042_orders.sql: it is on main already (Ann, ", finding.Owner, StringComparison.Ordinal);
        Assert.StartsWith("git mv db/migrations/0042_carts.sql db/migrations/0043_carts.sql", finding.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_part_that_applies_it_counts_as_an_edit_and_what_main_edited_itself_is_none_of_this_branchs()
    {
        using var ground = await PartedAsync();
        await ground.SqlAsync("CREATE TABLE schema_migrations (version varchar(128) primary key); INSERT INTO schema_migrations VALUES ('0041'); CREATE TABLE users (id integer);");
        ground.Url = "sqlite:db.sqlite3";
        ground.Write("db/migrations/0041_users.sql", Migration("users") + "DROP TABLE users;\n");
        (await ground.CheckAsync()).Clean();
        ground.Write("db/migrations/0041_users.sql", Migration("users").Replace("(id integer)", "(id bigint)", StringComparison.Ordinal));
        var finding = (await ground.CheckAsync()).One(FindingKind.ContentChanged);
        Assert.Equal(["db/migrations/0041_users.sql", "main:db/migrations/0041_users.sql"], finding.Files);
        Assert.Equal("0041_users.sql is applied, and its text here is not what main has; nothing in the ledger shows it (checksums: none are kept)", finding.What);
        Assert.Contains("(git checkout main -- db/migrations/0041_users.sql)", finding.Mend, StringComparison.Ordinal);
        await ground.GitAsync("checkout", "-q", "--", "db/migrations/0041_users.sql");

        await ground.GitAsync("checkout", "-q", "main");
        ground.Write("db/migrations/0041_users.sql", Migration("users").Replace("(id integer)", "(id bigint)", StringComparison.Ordinal));
        await ground.CommitAsync("main edits it");
        await ground.GitAsync("checkout", "-q", "work");
        (await ground.CheckAsync()).Clean();
    }

    [Fact]
    public async Task A_number_that_is_disputed_and_pending_is_looked_up_by_its_effect_before_it_is_renumbered()
    {
        using var ground = await PartedAsync();
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        await ground.SqlAsync("CREATE TABLE schema_migrations (version varchar(128) primary key); INSERT INTO schema_migrations VALUES ('0041'); CREATE TABLE users (id integer);");
        ground.Url = "sqlite:db.sqlite3";
        var finding = (await ground.CheckAsync()).One(FindingKind.DuplicateId);
        Assert.Equal("git mv db/migrations/0042_carts.sql db/migrations/0043_carts.sql; 0042_orders.sql keeps 0042.", finding.Mend);
        await ground.SqlAsync("CREATE TABLE carts (id integer);");
        Assert.EndsWith("Its effect is in the database already: make it safe to run again before.", (await ground.CheckAsync()).One(FindingKind.DuplicateId).Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_changelog_that_both_branches_write_the_same_change_set_into_is_caught_although_git_merges_it()
    {
        using var ground = await LedgerGround.OfAsync("liquibase", "db/changelog.xml", DatabaseKind.Sqlite, ", owners: { \"*\": \"@data\" }");
        ground.Url = null;
        static string Set(string id, string table) => $"  <changeSet id=\"{id}\" author=\"ann\">\n    <createTable tableName=\"{table}\"><column name=\"id\" type=\"integer\"/></createTable>\n  </changeSet>\n";
        static string Log(params string[] sets) => "<databaseChangeLog xmlns=\"http://www.liquibase.org/xml/ns/dbchangelog\">\n" + string.Concat(sets) + "</databaseChangeLog>\n";
        string[] old = [Set("39", "a"), Set("40", "b"), Set("41", "c")];
        Directory.Delete(ground.At("db/changelog.xml"));
        ground.Write("db/changelog.xml", Log(old));
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("one");
        await ground.GitAsync("branch", "work");
        ground.Write("db/changelog.xml", Log([Set("42", "orders"), .. old]));
        await ground.CommitAsync("orders");
        await ground.GitAsync("checkout", "-q", "work");
        ground.Write("db/changelog.xml", Log([.. old, Set("42", "carts")]));
        await ground.CommitAsync("carts");
        await ground.GitAsync("merge-tree", "--write-tree", "main", "work");
        Assert.Contains("42", (await ground.CheckAsync()).One(FindingKind.DuplicateId).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_git_that_knows_no_merge_tree_of_two_branches_gives_the_same_findings()
    {
        using var ground = await PartedAsync();
        ground.Write("db/migrations/0042_carts.sql", Migration("carts"));
        await ground.CommitAsync("carts");
        var old = ground.At("old-git");
        await File.WriteAllTextAsync(old, "#!/bin/sh\nfor a; do [ \"$a\" = merge-tree ] && { echo 'usage: git merge-tree' >&2; exit 129; }; done\nexec git \"$@\"\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(old, (UnixFileMode)0b111_101_101);
        var (newer, older) = (await MergeAsync(ground, "git"), await MergeAsync(ground, old));
        Assert.True(newer.Exact);
        Assert.False(older.Exact);
        Assert.Equal(newer.FromMain, older.FromMain);
        Assert.Equal(newer.Set.Migrations.Select(m => (m.File, m.Content)), older.Set.Migrations.Select(m => (m.File, m.Content)));
        Assert.Equal(["0042_orders.sql"], newer.FromMain);
    }

    [Fact]
    public async Task One_file_that_both_branches_changed_is_found_where_git_sees_the_conflict()
    {
        using var ground = await PartedAsync();
        ground.Write("db/migrations/0042_orders.sql", Migration("other_orders"));
        await ground.CommitAsync("the same name");
        var finding = (await ground.CheckAsync()).One(FindingKind.DuplicateId);
        Assert.Contains("git cannot merge", finding.What, StringComparison.Ordinal);
        // Not committed: git could not know, and it is found all the same.
        await ground.GitAsync("reset", "-q", "--soft", "HEAD~1");
        await ground.GitAsync("reset", "-q");
        Assert.Contains("git cannot merge", (await ground.CheckAsync()).One(FindingKind.DuplicateId).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_below_the_newest_on_main_is_told_before_the_merge()
    {
        using var ground = await PartedAsync();
        ground.Write("db/migrations/0040_late.sql", Migration("late"));
        var finding = (await ground.CheckAsync()).One(FindingKind.OutOfOrder);
        Assert.Equal("0040", finding.Id);
        Assert.Contains("main has 0042 already", finding.What, StringComparison.Ordinal);
        Assert.Contains("as 0043", finding.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_remotes_default_branch_is_main_unless_another_is_named()
    {
        using var ground = await PartedAsync();
        await ground.GitAsync("update-ref", "refs/remotes/origin/trunk", "main");
        await ground.GitAsync("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk");
        Assert.StartsWith("as merged with origin/trunk (", (await ground.CheckAsync()).MergeWords, StringComparison.Ordinal);

        using var named = await PartedAsync(", main: release");
        var e = await Assert.ThrowsAsync<LapException>(() => named.CheckAsync());
        Assert.Contains("git knows no branch release", e.Message, StringComparison.Ordinal);
        await named.GitAsync("branch", "release", "main");
        Assert.StartsWith("as merged with release (", (await named.CheckAsync()).MergeWords, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_workspace_below_the_repositorys_top_is_checked_as_well_and_names_with_other_letters_are()
    {
        using var ground = await LedgerGround.OfAsync("dbmate", "shop/db migrations", DatabaseKind.Sqlite);
        ground.Url = null;
        ground.Write("shop/laptime.yaml", "version: 1\nname: shop\ncomponents: { web: { path: ., run: { command: \"true\" } } }\nledgers:\n  main: { path: db migrations, owners: { \"*\": \"@data\" } }\n");
        ground.Write("shop/db migrations/0041_ü.sql", Migration("users"));
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("one");
        await ground.GitAsync("branch", "work");
        ground.Write("shop/db migrations/0042_größe.sql", Migration("sizes"));
        await ground.CommitAsync("two");
        await ground.GitAsync("checkout", "-q", "work");
        ground.Write("shop/db migrations/0042_farbe.sql", Migration("colours"));
        var check = new LedgerCheck(Workspaces.WorkspaceFile.Load(ground.At("shop/laptime.yaml"), static _ => null), new ProcessRunner(TimeProvider.System), static _ => throw new InvalidOperationException(), static _ => null);
        var reading = Assert.Single(await check.CheckAsync(null, false, TestContext.Current.CancellationToken));
        Assert.Equal(["db migrations/0042_farbe.sql", "main:db migrations/0042_größe.sql"], reading.One(FindingKind.DuplicateId).Files.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Without_git_or_another_branch_the_files_alone_are_checked_and_that_is_said()
    {
        using var ground = await LedgerGround.OfAsync("dbmate", "db/migrations", DatabaseKind.Sqlite);
        ground.Url = null;
        ground.Write("db/migrations/0041_users.sql", Migration("users"));
        Assert.Contains("no git repository", (await ground.CheckAsync()).MergeWords, StringComparison.Ordinal);
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("one");
        Assert.Equal("this is main", (await ground.CheckAsync()).MergeWords);
        await ground.GitAsync("branch", "-m", "alone");
        Assert.Contains("no main or master", (await ground.CheckAsync()).MergeWords, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_whose_file_another_branch_has_names_that_branch()
    {
        using var ground = await PartedAsync();
        await ground.GitAsync("checkout", "-q", "-b", "feature");
        ground.Write("db/migrations/0050_feature.sql", Migration("feature"));
        await ground.CommitAsync("feature");
        await ground.GitAsync("checkout", "-q", "work");
        await ground.SqlAsync("CREATE TABLE schema_migrations (version varchar(128) primary key); INSERT INTO schema_migrations VALUES ('0041'), ('0042'), ('0050'); CREATE TABLE users (id integer);");
        ground.Url = "sqlite:db.sqlite3";
        var findings = (await ground.CheckAsync()).Governance.Findings.Where(f => f.Kind == FindingKind.MissingFile).ToList();
        Assert.Contains("feature", Assert.Single(findings, f => f.Id == "0050").Owner, StringComparison.Ordinal);
        // That one is on main: nobody has to decide about it.
        Assert.Equal(FindingWeight.Notice, Assert.Single(findings, f => f.Id == "0042").Weight);
    }

    private static async Task<MergeView> MergeAsync(LedgerGround ground, string git)
    {
        var cancel = TestContext.Current.CancellationToken;
        var branches = new BranchReader(new ProcessRunner(TimeProvider.System), ground.Root, git);
        var tool = LedgerTools.Named("dbmate");
        var folder = MigrationFolder.Read(ground.Root, ground.Path);
        return (await branches.MergeAsync((await branches.GroundAsync(null, null, cancel))!, folder, tool.Read(folder), tool, cancel))!;
    }
}
