using System.Text.RegularExpressions;

namespace Laptime.Ledgers.Tools.GolangMigrate;

/// <summary>
/// <c>0042_name.up.sql</c> and <c>.down.sql</c>; <c>schema_migrations (version bigint not null primary key, dirty boolean not null)</c>, one row that says where the database stands.
/// Everything up to it counts as applied, whether it ran or not.
/// </summary>
internal sealed partial class GolangMigrateTool : LedgerTool
{
    public override string Name => "golang-migrate";

    public override string Title => "golang-migrate";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Skips, OnSameId = "refuses to start", HeadOnly = true };

    public override string Checksums => "none are kept";

    public override IReadOnlyList<string> Tables { get; } = ["schema_migrations"];

    public override string? Recognise(MigrationFolder folder) => folder.Files.FirstOrDefault(f => FileName().IsMatch(f.Name)) is { } file ? $"{file.Path} is named as golang-migrate has it" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        var downs = folder.Top(".sql").Where(f => f.Name.EndsWith(".down.sql", StringComparison.Ordinal)).ToDictionary(f => f.Name[..^".down.sql".Length]);
        foreach (var file in folder.Top(".sql"))
        {
            var match = FileName().Match(file.Name);
            if (!match.Success)
            {
                unread.Add(new UnreadFile(file.Path, "its name is none golang-migrate takes: <number>_<name>.up.sql"));
            }
            else if (match.Groups[3].Value == "up")
            {
                migrations.Add(new Migration
                {
                    Id = Digits.Canonical(match.Groups[1].Value), Version = match.Groups[1].Value, Name = match.Groups[2].Value, File = file.Path, Content = file.Content,
                    Up = file.TooLarge ? null : file.Text, IsStream = file.TooLarge, Down = downs.GetValueOrDefault(file.Name[..^".up.sql".Length])?.Text, InTransaction = false,
                });
            }
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("dirty") >= 0 && t.Column("version") >= 0) is not { } table)
        {
            return null;
        }

        if (table.Rows is not [var row, ..] || table.Value(row, "version") is not { } written || written.StartsWith('-'))
        {
            return new AppliedLedger(table.ToString(), []);
        }

        var (head, dirty) = (Digits.Canonical(written), TableValue.IsTrue(table.Value(row, "dirty")));
        return new AppliedLedger(table.ToString(),
        [
            .. migrations.Where(m => Compare(m.Id, head) < 0).DistinctBy(m => m.Id).Select(m => new AppliedMigration { Id = m.Id, Version = m.Version, Implied = true }),
            new AppliedMigration { Id = head, Version = written, State = dirty ? AppliedState.Partial : AppliedState.Applied, Detail = dirty ? "dirty is true" : null },
        ]);
    }

    public override int Compare(string a, string b) => Digits.Compare(a, b);

    [GeneratedRegex(@"^(\d+)_(.*)\.(up|down)\.sql$")]
    private static partial Regex FileName();
}
