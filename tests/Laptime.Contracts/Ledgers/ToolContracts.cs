using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Laptime.Ledgers;
using Laptime.Ledgers.Tools.Flyway;

namespace Laptime.Contracts.Ledgers;

/// <summary>The table as flyway-core makes it (createMetaDataTable.sql for PostgreSQL and SQLite).</summary>
public sealed class FlywayLedger : LedgerToolContract
{
    protected override string Tool => "flyway";

    protected override FindingKind? Late => FindingKind.OutOfOrder;

    protected override bool KeepsChecksums => true;

    protected override string Table(DatabaseKind kind) =>
        "CREATE TABLE \"flyway_schema_history\" (\"installed_rank\" INT NOT NULL PRIMARY KEY, \"version\" VARCHAR(50), \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, "
        + "\"script\" VARCHAR(1000) NOT NULL, \"checksum\" INT, \"installed_by\" VARCHAR(100) NOT NULL, \"installed_on\" "
        + (kind == DatabaseKind.Sqlite ? "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now'))" : "TIMESTAMP NOT NULL DEFAULT now()") + ", \"execution_time\" INT NOT NULL, \"success\" BOOLEAN NOT NULL);";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) => [($"V{step.Number}__{step.Name}.sql", step.Sql)];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select((s, i) =>
        "INSERT INTO \"flyway_schema_history\" (\"installed_rank\", \"version\", \"description\", \"type\", \"script\", \"checksum\", \"installed_by\", \"execution_time\", \"success\") "
        + $"VALUES ({i + 1}, '{s.Number}', '{s.Name}', 'SQL', 'V{s.Number}__{s.Name}.sql', {LineChecksum.Of(Encoding.UTF8.GetBytes(s.Sql)).ToString(CultureInfo.InvariantCulture)}, 'app', 3, true);\n"));

    protected override string? Break(Step step) => $"UPDATE \"flyway_schema_history\" SET \"success\" = false WHERE \"version\" = '{step.Number}';";
}

/// <summary>The tables as Liquibase 4 makes them (its update-sql output), in formatted SQL.</summary>
public class LiquibaseSqlLedger : LedgerToolContract
{
    protected override string Tool => "liquibase";

    /// <summary>The order is the changelog's, whatever the numbers say.</summary>
    protected override FindingKind? Late => null;

    protected override string Folder => "db/changelog";

    /// <summary>Its id is id, author and path: numbers are a habit.</summary>
    protected override FindingKind? Collision => null;

    protected override string Table(DatabaseKind kind) =>
        "CREATE TABLE databasechangelog (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED TIMESTAMP NOT NULL, ORDEREXECUTED INTEGER NOT NULL, "
        + "EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255), "
        + "DEPLOYMENT_ID VARCHAR(10));\nCREATE TABLE databasechangeloglock (ID INTEGER NOT NULL PRIMARY KEY, LOCKED BOOLEAN NOT NULL, LOCKGRANTED TIMESTAMP, LOCKEDBY VARCHAR(255));\n"
        + "INSERT INTO databasechangeloglock (ID, LOCKED) VALUES (1, false);";

    protected virtual string PathOf(Step step) => $"{step.Number}-{step.Name}.sql";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
        [(PathOf(step), $"--liquibase formatted sql\n\n--changeset ann:{step.Number}\n{step.Sql}--rollback DROP TABLE {step.Name};\n")];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select((s, i) =>
        $"INSERT INTO databasechangelog VALUES ('{s.Number}', 'ann', 'db/changelog/{PathOf(s)}', '2026-01-0{i + 1} 10:00:00', {i + 1}, 'EXECUTED', '9:d41d8cd98f00b204e9800998ecf8427e', 'sql', '', NULL, '4.29.2', NULL, NULL, '123');\n"));

    protected override string? Break(Step step) => "UPDATE databasechangeloglock SET LOCKED = true, LOCKGRANTED = '2026-01-01 10:00:00', LOCKEDBY = 'ci (10.0.0.7)';";
}

/// <summary>The same in XML, included by a master changelog: the branches' one common file.</summary>
public sealed class LiquibaseXmlLedger : LiquibaseSqlLedger
{
    protected override string PathOf(Step step) => $"changes/{step.Number}-{step.Name}.xml";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
    [
        (PathOf(step), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<databaseChangeLog xmlns=\"http://www.liquibase.org/xml/ns/dbchangelog\">\n"
            + $"  <changeSet id=\"{step.Number}\" author=\"ann\">\n    <createTable tableName=\"{step.Name}\"><column name=\"id\" type=\"integer\"/></createTable>\n  </changeSet>\n</databaseChangeLog>\n"),
        ("db.changelog-master.xml", "<databaseChangeLog xmlns=\"http://www.liquibase.org/xml/ns/dbchangelog\">\n  <includeAll path=\"changes\" relativeToChangelogFile=\"true\"/>\n</databaseChangeLog>\n"),
    ];
}

/// <summary>The same in YAML.</summary>
public sealed class LiquibaseYamlLedger : LiquibaseSqlLedger
{
    protected override string PathOf(Step step) => $"changes/{step.Number}-{step.Name}.yaml";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
    [
        (PathOf(step), $"databaseChangeLog:\n  - changeSet:\n      id: {step.Number}\n      author: ann\n      changes:\n        - createTable:\n            tableName: {step.Name}\n"
            + "            columns:\n              - column:\n                  name: id\n                  type: integer\n"),
        ("db.changelog-master.yaml", "databaseChangeLog:\n  - includeAll:\n      path: changes\n      relativeToChangelogFile: true\n"),
    ];
}

/// <summary>__EFMigrationsHistory as HistoryRepository makes it.</summary>
public sealed class EntityFrameworkLedger : LedgerToolContract
{
    protected override string Tool => "ef";

    protected override string Folder => "src/Shop/Migrations";

    /// <summary>Applied late, and by time stamps: worth knowing only.</summary>
    protected override FindingKind? Late => null;

    protected override string Table(DatabaseKind kind) =>
        "CREATE TABLE \"__EFMigrationsHistory\" (\"MigrationId\" " + (kind == DatabaseKind.Sqlite ? "TEXT" : "character varying(150)") + " NOT NULL CONSTRAINT \"PK___EFMigrationsHistory\" PRIMARY KEY, \"ProductVersion\" "
        + (kind == DatabaseKind.Sqlite ? "TEXT" : "character varying(32)") + " NOT NULL);";

    private static string Id(Step step) => $"202601{step.Number}120000_{step.Name}";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
    [
        ($"{Id(step)}.cs", $$"""
            using Microsoft.EntityFrameworkCore.Migrations;

            namespace Shop.Migrations
            {
                public partial class {{step.Name}} : Migration
                {
                    protected override void Up(MigrationBuilder migrationBuilder)
                    {
                        migrationBuilder.CreateTable(
                            name: "{{step.Name}}",
                            columns: table => new { Id = table.Column<int>(type: "integer", nullable: false) });
                    }

                    protected override void Down(MigrationBuilder migrationBuilder)
                    {
                        migrationBuilder.DropTable(name: "{{step.Name}}");
                    }
                }
            }

            """),
        ($"{Id(step)}.Designer.cs", $"[DbContext(typeof(ShopContext))]\n[Migration(\"{Id(step)}\")]\npartial class {step.Name} {{ }}\n"),
    ];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select(s => $"INSERT INTO \"__EFMigrationsHistory\" VALUES ('{Id(s)}', '10.0.0');\n"));

    /// <summary>__EFMigrationsLock as SqliteHistoryRepository makes it; what was killed leaves its row, and every later run waits for ever.</summary>
    protected override string? Break(Step step) =>
        "CREATE TABLE \"__EFMigrationsLock\" (\"Id\" INTEGER NOT NULL CONSTRAINT \"PK___EFMigrationsLock\" PRIMARY KEY, \"Timestamp\" TEXT NOT NULL);\nINSERT INTO \"__EFMigrationsLock\" VALUES (1, '2026-01-01 10:00:00');";

    /// <summary>Two ids of one second differ by their names: EF Core runs both.</summary>
    protected override FindingWeight CollisionWeight => FindingWeight.Notice;
}

/// <summary>schema_migrations as dbmate makes it (pkg/driver/postgres, sqlite: createMigrationsTable).</summary>
public sealed class DbmateLedger : LedgerToolContract
{
    protected override string Tool => "dbmate";

    protected override FindingKind? Late => FindingKind.OutOfOrder;

    protected override string Table(DatabaseKind kind) => "CREATE TABLE schema_migrations (version varchar(128) primary key);";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
        [($"{step.Number:0000}_{step.Name}.sql", $"-- migrate:up\n{step.Sql}\n-- migrate:down\nDROP TABLE {step.Name};\n")];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select(s => $"INSERT INTO schema_migrations (version) VALUES ('{s.Number:0000}');\n"));
}

/// <summary>schema_migrations as golang-migrate makes it (database/postgres, sqlite: ensureVersionTable).</summary>
public sealed class GolangMigrateLedger : LedgerToolContract
{
    protected override string Tool => "golang-migrate";

    /// <summary>One number is all there is: what was passed over shows by its effect alone.</summary>
    protected override FindingKind? Late => FindingKind.Skipped;

    protected override FindingKind WithoutEffect => FindingKind.Skipped;

    protected override string Table(DatabaseKind kind) => kind == DatabaseKind.Sqlite
        ? "CREATE TABLE schema_migrations (version uint64, dirty bool);\nCREATE UNIQUE INDEX version_unique ON schema_migrations (version);"
        : "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null);";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
        [($"{step.Number:000000}_{step.Name}.up.sql", step.Sql), ($"{step.Number:000000}_{step.Name}.down.sql", $"DROP TABLE {step.Name};\n")];

    protected override string Record(IReadOnlyList<Step> applied) => applied.Count == 0 ? "" : $"INSERT INTO schema_migrations VALUES ({applied.Max(s => s.Number)}, false);";

    protected override string? Break(Step step) => "UPDATE schema_migrations SET dirty = true;";
}

/// <summary>schema_migrations and ar_internal_metadata as ActiveRecord makes them.</summary>
public sealed class RailsLedger : LedgerToolContract
{
    protected override string Tool => "rails";

    protected override string Folder => "db/migrate";

    protected override FindingKind? Late => FindingKind.OutOfOrder;

    protected override string Table(DatabaseKind kind) =>
        "CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);\nCREATE TABLE ar_internal_metadata (key varchar NOT NULL PRIMARY KEY, value varchar, created_at timestamp NOT NULL, updated_at timestamp NOT NULL);";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
        [($"{step.Number:000}_create_{step.Name}.rb", $"class Create{step.Name} < ActiveRecord::Migration[8.0]\n  def change\n    create_table :{step.Name} do |t|\n      t.integer :number\n    end\n  end\nend\n")];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select(s => $"INSERT INTO schema_migrations (version) VALUES ('{s.Number}');\n"));
}

/// <summary>django_migrations as MigrationRecorder makes it.</summary>
public sealed class DjangoLedger : LedgerToolContract
{
    protected override string Tool => "django";

    protected override string Folder => "shop/migrations";

    /// <summary>What is applied builds on it: InconsistentMigrationHistory.</summary>
    protected override FindingKind? Late => FindingKind.OutOfOrder;

    protected override FindingKind? Collision => FindingKind.SeveralHeads;

    protected override string Table(DatabaseKind kind) =>
        $"CREATE TABLE django_migrations (id {(kind == DatabaseKind.Sqlite ? "integer NOT NULL PRIMARY KEY AUTOINCREMENT" : "bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY")}, "
        + "app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamp NOT NULL);\nINSERT INTO django_migrations (app, name, applied) VALUES ('auth', '0001_initial', '2026-01-01 10:00:00');";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
    [
        ($"{step.Number:0000}_{step.Name}.py", "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = ["
            + (after is null ? "(\"auth\", \"0001_initial\")" : $"(\"shop\", \"{after.Number:0000}_{after.Name}\")") + $"]\n\n    operations = [\n        migrations.CreateModel(\n            name=\"{step.Name}\",\n"
            + $"            fields=[(\"id\", models.AutoField(primary_key=True))],\n            options={{\"db_table\": \"{step.Name}\"}},\n        ),\n    ]\n"),
        ("__init__.py", ""),
    ];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select(s => $"INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '{s.Number:0000}_{s.Name}', '2026-01-01 10:00:00');\n"));
}

/// <summary>alembic_version as MigrationContext makes it.</summary>
public sealed class AlembicLedger : LedgerToolContract
{
    protected override string Tool => "alembic";

    protected override string Folder => "alembic/versions";

    protected override FindingKind? Late => null;

    protected override FindingKind? Collision => FindingKind.SeveralHeads;

    protected override string Table(DatabaseKind kind) => "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));";

    private static string Revision(Step step) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(step.Name)))[..12];

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
    [
        ($"{Revision(step)}_{step.Name}.py", $"\"\"\"{step.Name}\"\"\"\nfrom alembic import op\nimport sqlalchemy as sa\n\nrevision: str = '{Revision(step)}'\ndown_revision: str | None = {(after is null ? "None" : $"'{Revision(after)}'")}\n"
            + $"branch_labels = None\ndepends_on = None\n\n\ndef upgrade() -> None:\n    op.create_table('{step.Name}', sa.Column('id', sa.Integer()))\n\n\ndef downgrade() -> None:\n    op.drop_table('{step.Name}')\n"),
    ];

    protected override string Record(IReadOnlyList<Step> applied) => applied.Count == 0 ? "" : $"INSERT INTO alembic_version VALUES ('{Revision(applied[^1])}');";

    /// <summary>The ledger keeps heads alone: whatever lies below them counts as applied.</summary>
    protected override FindingKind? LateEffect => FindingKind.Phantom;
}

/// <summary>atlas_schema_revisions as Atlas makes it (cmd/atlas/internal/migrate/ent/schema/revision.go).</summary>
public sealed class AtlasLedger : LedgerToolContract
{
    protected override string Tool => "atlas";

    protected override FindingKind? Late => FindingKind.OutOfOrder;

    protected override bool KeepsChecksums => true;

    protected override string Table(DatabaseKind kind) => (kind == DatabaseKind.Sqlite ? "CREATE TABLE atlas_schema_revisions" : "CREATE SCHEMA atlas_schema_revisions;\nCREATE TABLE atlas_schema_revisions.atlas_schema_revisions")
        + " (version varchar NOT NULL PRIMARY KEY, description varchar NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0, executed_at timestamp NOT NULL, "
        + "execution_time bigint NOT NULL, error text NULL, error_stmt text NULL, hash varchar NOT NULL, partial_hashes text NULL, operator_version varchar NOT NULL);";

    private static string Name(Step step) => $"202601{step.Number}120000_{step.Name}.sql";

    private static Dictionary<Step, string> Hashes(IReadOnlyList<Step> steps)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var hashes = new Dictionary<Step, string>();
        foreach (var step in steps.OrderBy(Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Name(step) + step.Sql));
            hashes[step] = Convert.ToBase64String(hash.GetCurrentHash());
        }

        return hashes;
    }

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) =>
        [(Name(step), step.Sql), ("atlas.sum", "h1:whatever=\n" + string.Concat(Hashes(all).Select(h => $"{Name(h.Key)} h1:{h.Value}\n")))];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select((s, i) =>
        $"INSERT INTO atlas_schema_revisions{{0}} VALUES ('202601{s.Number}120000', '{s.Name}', 2, 1, 1, '2026-01-0{i + 1} 10:00:00', 12, '', '', '{Hashes(applied)[s]}', 'null', 'Atlas CLI v0.30.0');\n"));

    protected override string? Break(Step step) => $"UPDATE atlas_schema_revisions{{0}} SET applied = 0, error = 'syntax error' WHERE version = '202601{step.Number}120000';";
}

/// <summary>No tool that lap knows.</summary>
public sealed class NumberedLedger : LedgerToolContract
{
    protected override string Tool => "sql";

    protected override FindingKind? Late => FindingKind.OutOfOrder;

    protected override string Table(DatabaseKind kind) => "CREATE TABLE schema_migrations (version integer primary key);";

    protected override IEnumerable<(string Path, string Text)> Files(Step step, Step? after, IReadOnlyList<Step> all) => [($"{step.Number:0000}-{step.Name}.sql", step.Sql)];

    protected override string Record(IReadOnlyList<Step> applied) => string.Concat(applied.Select(s => $"INSERT INTO schema_migrations VALUES ({s.Number});\n"));
}
