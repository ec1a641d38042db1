using System.Text;
using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Ledgers.Governance;
using Laptime.Ledgers.Tools.Flyway;

namespace Laptime.Tests.Ledgers;

public sealed class LedgerReadingTests
{
    private static MigrationFolder Folder(params (string Path, string Text)[] files) => new("db", [.. files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => new MigrationFile(f.Path, Encoding.UTF8.GetBytes(f.Text)))]);

    [Fact]
    public void Flyways_checksum_is_CRC32_over_the_lines_without_their_ends_and_without_a_byte_order_mark()
    {
        // The check value of CRC-32 is that of 123456789.
        Assert.Equal(unchecked((int)0xCBF43926), LineChecksum.Of("123456789"u8));
        Assert.Equal(LineChecksum.Of("123456789"u8), LineChecksum.Of("\uFEFF1234\r\n\r\n56\n789\n"u8));
    }

    [Theory]
    [InlineData("1.0", "1"), InlineData("01_2", "1.2"), InlineData("2026.01", "2026.1"), InlineData("0042", "42")]
    public void Flyways_versions_are_numbers_with_parts(string written, string canonical) => Assert.Equal(canonical, FlywayTool.Canonical(written));

    [Fact]
    public void Flyway_orders_by_number_and_puts_repeatable_ones_last() =>
        Assert.Equal(["V2__b.sql", "V10__a.sql", "R__v.sql"],
            LedgerTools.Named("flyway").Read(Folder(("V10__a.sql", ""), ("R__v.sql", ""), ("V2__b.sql", ""), ("afterMigrate.sql", ""))).Migrations.Select(m => m.File));

    [Fact]
    public void Liquibase_reads_one_change_set_alike_from_XML_YAML_and_JSON()
    {
        string[] texts =
        [
            "<databaseChangeLog><changeSet id=\"1\" author=\"ann\"><createTable tableName=\"users\"><column name=\"id\" type=\"int\"/></createTable><addColumn tableName=\"a\"><column name=\"b\" type=\"int\"/></addColumn></changeSet></databaseChangeLog>",
            "databaseChangeLog:\n- changeSet:\n    id: 1\n    author: ann\n    changes:\n    - createTable:\n        tableName: users\n        columns:\n        - column:\n            name: id\n            type: int\n    - addColumn:\n        tableName: a\n        columns:\n        - column: { name: b, type: int }\n",
            "{\"databaseChangeLog\":[{\"changeSet\":{\"id\":\"1\",\"author\":\"ann\",\"changes\":[{\"createTable\":{\"tableName\":\"users\",\"columns\":[{\"column\":{\"name\":\"id\",\"type\":\"int\"}}]}},{\"addColumn\":{\"tableName\":\"a\",\"columns\":[{\"column\":{\"name\":\"b\",\"type\":\"int\"}}]}}]}}]}",
        ];
        foreach (var (text, extension) in texts.Zip(["xml", "yaml", "json"]))
        {
            var set = LedgerTools.Named("liquibase").Read(Folder(($"changelog.{extension}", text)));
            Assert.Empty(set.Unread);
            var migration = Assert.Single(set.Migrations);
            Assert.Equal(("1", "ann"), (migration.Version, migration.Name));
            Assert.Equal(["table users", "column a.b"], migration.Changes.OfType<CatalogChange.Creates>().Select(c => c.Object.ToString()));
        }
    }

    [Fact]
    public void Liquibase_follows_its_master_and_does_not_read_twice_what_is_included()
    {
        var set = LedgerTools.Named("liquibase").Read(Folder(
            ("db.changelog-master.yaml", "databaseChangeLog:\n- include: { file: changes/two.sql, relativeToChangelogFile: true }\n- includeAll: { path: more, relativeToChangelogFile: true }\n"),
            ("changes/two.sql", "--liquibase formatted sql\n--changeset ann:2\nCREATE TABLE a (id int);\n--changeset bob:3 runOnChange:true\nCREATE VIEW v AS SELECT 1;\n"),
            ("more/four.sql", "--liquibase formatted sql\n--changeset ann:4\nSELECT 1;\n")));
        Assert.Equal(["2::ann::changes/two.sql", "3::bob::changes/two.sql", "4::ann::more/four.sql"], set.Migrations.Select(m => m.Id));
        Assert.Equal(MigrationKind.Repeatable, set.Migrations[1].Kind);
    }

    [Fact]
    public void Changelogs_that_mean_harm_are_told_as_unread_and_nothing_of_theirs_is_expanded_or_fetched()
    {
        var bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">" + string.Concat(Enumerable.Range(1, 9).Select(i => $"<!ENTITY a{i} \"{string.Concat(Enumerable.Repeat(i == 1 ? "&a;" : $"&a{i - 1};", 10))}\">")) + "]>";
        var set = LedgerTools.Named("liquibase").Read(Folder(
            ("bomb.xml", bomb + "<databaseChangeLog><changeSet id=\"1\" author=\"&a9;\"/></databaseChangeLog>"),
            ("deep.yaml", "databaseChangeLog:\n" + string.Concat(Enumerable.Range(1, 3000).Select(i => new string(' ', 2 * i) + "- changeSet:\n"))),
            ("outside.xml", "<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><databaseChangeLog><changeSet id=\"2\" author=\"&f;\"/></databaseChangeLog>"),
            ("sound.yaml", "databaseChangeLog:\n- changeSet: { id: 3, author: ann }\n")));
        Assert.Equal(["bomb.xml", "deep.yaml", "outside.xml"], set.Unread.Select(u => u.File).Order(StringComparer.Ordinal));
        Assert.Equal("3", Assert.Single(set.Migrations).Version);
    }

    [Fact]
    public void Several_tools_that_fit_are_named_with_what_shows_each_and_none_is_guessed()
    {
        var folder = Folder(("V1__a.sql", "-- migrate:up\n"));
        var e = Assert.Throws<LapException>(() => LedgerTools.Only(LedgerTools.Candidates(folder), "main", "db", "laptime.yaml:3:3"));
        Assert.Contains("Flyway (V1__a.sql", e.Message, StringComparison.Ordinal);
        Assert.Contains("dbmate (V1__a.sql", e.Message, StringComparison.Ordinal);
        Assert.Contains("`tool: flyway` or `tool: dbmate`", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgres://app:s3cr3t@db:6543/shop?sslmode=require", "postgres://app@db:6543/shop")]
    [InlineData("postgresql://app:p@ss/w:rd@db/shop", null)]
    [InlineData("postgres://app:p%40ss@[::1]/shop", "postgres://app@::1/shop")]
    [InlineData("postgres:///shop?host=/run/postgresql&user=app", "postgres://app@/shop?host=/run/postgresql")]
    [InlineData("sqlite:db.sqlite3", "sqlite:db.sqlite3")]
    [InlineData("sqlite:///srv/db.sqlite3?mode=ro", "sqlite:/srv/db.sqlite3")]
    public void An_address_is_shown_without_its_password(string text, string? shown)
    {
        if (shown is null)
        {
            Assert.DoesNotContain("p@ss", TextOf(text), StringComparison.Ordinal);
            return;
        }

        Assert.Equal(shown, DatabaseAddress.Parse(text, "/work", null).ToString());
    }

    private static string TextOf(string text)
    {
        try
        {
            return DatabaseAddress.Parse(text, "/work", null).ToString();
        }
        catch (LapException e)
        {
            return e.Message;
        }
    }

    [Theory]
    [InlineData("mysql://root:s3cr3t@db/shop"), InlineData("Host=db;Password=s3cr3t"), InlineData("s3cr3t"), InlineData("postgres://app:s3cr3t@db:none/shop"), InlineData("")]
    public void An_address_that_cannot_be_read_is_not_repeated(string text)
    {
        var e = Assert.Throws<LapException>(() => DatabaseAddress.Parse(text, "/work", "laptime.yaml:4:3"));
        Assert.DoesNotContain("s3cr3t", e.Message, StringComparison.Ordinal);
        Assert.Contains("laptime.yaml:4:3", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("db/migrations/1_a.sql", "@db"), InlineData("db/migrations/deep/1_a.sql", "@db"), InlineData("web/a.cs", "@all"), InlineData("docs/a.md", "@docs"), InlineData("docs/deep/a.md", "@all"), InlineData("free/a.md", null), InlineData("x/y/z.py", "@py")]
    public void The_last_line_of_CODEOWNERS_that_fits_says_who(string path, string? owner) =>
        Assert.Equal(owner, OwnerRules.OfCodeOwners("# comment\n* @all\n*.py @py\n/db/ @db # theirs\ndocs/* @docs\n/free\n", "CODEOWNERS", "").Of(path));
}
