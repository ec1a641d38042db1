using System.Globalization;
using System.Text.RegularExpressions;

namespace Laptime.Ledgers.Tools.Flyway;

/// <summary>
/// <c>V1.2__add_users.sql</c>, <c>U…</c>, <c>R__…</c>, <c>B…</c> and <c>flyway_schema_history</c>. The table as in the tool's own sources
/// (flyway-core, <c>createMetaDataTable.sql</c>): installed_rank, version, description, type, script, checksum, installed_by, installed_on, execution_time, success.
/// </summary>
internal sealed partial class FlywayTool : LedgerTool
{
    public override string Name => "flyway";

    public override string Title => "Flyway";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Refuses, OnSameId = "refuses the whole folder", KeepsOrder = true };

    public override string Checksums => "CRC32 over the lines, compared";

    public override IReadOnlyList<string> Tables { get; } = ["flyway_schema_history"];

    public override string? Recognise(MigrationFolder folder) => folder.Files.FirstOrDefault(f => FileName().IsMatch(f.Name)) is { } file ? $"{file.Path} is named as Flyway has it" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        foreach (var file in folder.Every(".sql"))
        {
            var match = FileName().Match(file.Name);
            if (!match.Success)
            {
                if (file.Name is not ("beforeMigrate.sql" or "afterMigrate.sql") && !Callback().IsMatch(file.Name))
                {
                    unread.Add(new UnreadFile(file.Path, "its name is none Flyway takes: V<version>__<description>.sql"));
                }

                continue;
            }

            var (prefix, version, description) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
            if (prefix == "R" != (version.Length == 0))
            {
                unread.Add(new UnreadFile(file.Path, prefix == "R" ? "a repeatable migration has no version" : "it has no version"));
                continue;
            }

            migrations.Add(new Migration
            {
                Id = prefix == "R" ? TextReading.Spaced(description) : Canonical(version), Version = prefix == "R" ? "R " + TextReading.Spaced(description) : version, Name = description, File = file.Path,
                Kind = prefix switch { "R" => MigrationKind.Repeatable, "U" => MigrationKind.Undo, "B" => MigrationKind.Baseline, _ => MigrationKind.Versioned },
                Content = file.Content, Up = file.TooLarge ? null : file.Text, IsStream = file.TooLarge,
                // The text of a repeatable one is hashed after its placeholders were replaced, by values that only Flyway knows.
                Checksum = file.TooLarge || (prefix == "R" && file.Text.Contains("${", StringComparison.Ordinal)) ? null : LineChecksum.Of(file.Bytes).ToString(CultureInfo.InvariantCulture),
            });
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("installed_rank") >= 0) is not { } table)
        {
            return null;
        }

        var rows = new List<AppliedMigration>();
        foreach (var row in table.Rows.OrderBy(r => long.TryParse(table.Value(r, "installed_rank"), out var rank) ? rank : 0))
        {
            var (version, type, description) = (table.Value(row, "version"), table.Value(row, "type") ?? "", table.Value(row, "description") ?? "");
            switch (type)
            {
                case "SCHEMA":
                    continue;
                case "DELETE":
                    rows.RemoveAll(r => r.Id == (version is null ? description : Canonical(version)));
                    continue;
                case "BASELINE" when version is not null:
                    rows.AddRange(migrations.Where(m => m.Kind == MigrationKind.Versioned && Compare(m.Id, Canonical(version)) <= 0)
                        .Select(m => new AppliedMigration { Id = m.Id, Version = m.Version, Name = m.Name, Kind = MigrationKind.Baseline, Implied = true, Detail = $"baseline {version}" }));
                    continue;
            }

            var id = version is null ? description : Canonical(version);
            if (type.StartsWith("UNDO", StringComparison.Ordinal))
            {
                rows.RemoveAll(r => r.Id == id);
                continue;
            }

            if (version is null)
            {
                // Each application of a repeatable one is a row; the last counts.
                rows.RemoveAll(r => r.Kind == MigrationKind.Repeatable && r.Id == id);
            }

            var failed = TableValue.IsFalse(table.Value(row, "success"));
            rows.Add(new AppliedMigration
            {
                Id = id, Version = version ?? "R " + description, Name = description, File = table.Value(row, "script"), Kind = version is null ? MigrationKind.Repeatable : MigrationKind.Versioned,
                Checksum = type.Contains("SQL", StringComparison.Ordinal) ? table.Value(row, "checksum") : null,
                State = failed ? AppliedState.Partial : AppliedState.Applied, Detail = failed ? "success is false" : null,
                Rank = long.TryParse(table.Value(row, "installed_rank"), out var rank) ? rank : null, AppliedAt = table.Value(row, "installed_on"),
            });
        }

        return new AppliedLedger(table.ToString(), rows);
    }

    public override int Compare(string a, string b)
    {
        var (x, y) = (a.Split('.'), b.Split('.'));
        for (var i = 0; i < Math.Max(x.Length, y.Length); i++)
        {
            if (Digits.Compare(i < x.Length ? x[i] : "0", i < y.Length ? y[i] : "0") is not 0 and var order)
            {
                return order;
            }
        }

        return 0;
    }

    /// <summary>1_02 is 1.2, and 1.0 is 1: so Flyway compares them.</summary>
    internal static string Canonical(string version)
    {
        var parts = version.Replace('_', '.').Split('.').Select(Digits.Canonical).ToList();
        while (parts.Count > 1 && parts[^1] == "0")
        {
            parts.RemoveAt(parts.Count - 1);
        }

        return string.Join('.', parts);
    }

    [GeneratedRegex(@"^([VURB])(\d+(?:[._]\d+)*)?__(.+)\.sql$")]
    private static partial Regex FileName();

    [GeneratedRegex(@"^(before|after|create|undo|beforeEach|afterEach)\w*(__.*)?\.sql$")]
    private static partial Regex Callback();
}
