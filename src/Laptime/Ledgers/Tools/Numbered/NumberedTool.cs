using System.Text.RegularExpressions;

namespace Laptime.Ledgers.Tools.Numbered;

/// <summary>
/// <c>0042_add_users.sql</c> and no tool that lap knows. Its ledger, where it has one, is taken to be <c>schema_migrations</c> with a column <c>version</c>; <c>table</c> names another.
/// </summary>
internal sealed partial class NumberedTool : LedgerTool
{
    public override string Name => "sql";

    public override string Title => "numbered SQL";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Applies, OnSameId = "has no rule that lap knows" };

    public override string Checksums => "none that lap knows";

    public override IReadOnlyList<string> Tables { get; } = ["schema_migrations"];

    public override string? Recognise(MigrationFolder folder) => folder.Files.FirstOrDefault(f => FileName().IsMatch(f.Name)) is { } file ? $"{file.Path} is a numbered SQL file" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        foreach (var file in folder.Every(".sql"))
        {
            var match = FileName().Match(file.Name);
            if (!match.Success)
            {
                unread.Add(new UnreadFile(file.Path, "its name does not begin with a number"));
                continue;
            }

            if (file.Name.EndsWith(".down.sql", StringComparison.Ordinal) || file.Name.EndsWith("_down.sql", StringComparison.Ordinal))
            {
                continue;
            }

            migrations.Add(new Migration
            {
                Id = Digits.Canonical(match.Groups[1].Value), Version = match.Groups[1].Value, Name = match.Groups[2].Value, File = file.Path, Content = file.Content, Up = file.TooLarge ? null : file.Text, IsStream = file.TooLarge,
            });
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase)) is not { } table)
        {
            return null;
        }

        var column = Columns.FirstOrDefault(c => table.Column(c) >= 0) ?? table.Columns[0];
        return new AppliedLedger(table.ToString(),
            [.. table.Rows.Select(r => table.Value(r, column)).OfType<string>().Select(v => new AppliedMigration { Id = Digits.Canonical(Digits.Leading(v) is { Length: > 0 } digits ? digits : v), Version = v })]);
    }

    public override int Compare(string a, string b) => Digits.Compare(a, b);

    [GeneratedRegex(@"^(\d+)(?:[_\-. ]+(.*?))?(?:\.up)?\.sql$")]
    private static partial Regex FileName();

    /// <summary>What a ledger of one's own calls the column, the likeliest first.</summary>
    private static readonly string[] Columns = ["version", "id", "name", "filename", "migration"];
}
