using System.Text.RegularExpressions;

namespace Laptime.Ledgers.Tools.Dbmate;

/// <summary>
/// <c>20240101120000_add_users.sql</c> with <c>-- migrate:up</c> and <c>-- migrate:down</c>; <c>schema_migrations (version varchar primary key)</c>. The version is the digits as they are
/// written: 0042 and 42 are two.
/// </summary>
internal sealed partial class DbmateTool : LedgerTool
{
    public override string Name => "dbmate";

    public override string Title => "dbmate";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Applies, OnSameId = "applies the first and from then on takes the second for applied, without running it" };

    public override string Checksums => "none are kept";

    public override IReadOnlyList<string> Tables { get; } = ["schema_migrations"];

    public override string? Recognise(MigrationFolder folder) => folder.Every(".sql").FirstOrDefault(f => f.HasDirective("migrate:up")) is { } file ? $"{file.Path} has `-- migrate:up`" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        foreach (var file in folder.Top(".sql"))
        {
            var version = Digits.Leading(file.Name);
            if (version.Length == 0)
            {
                unread.Add(new UnreadFile(file.Path, "its name does not begin with digits"));
                continue;
            }

            var up = Section().Match(file.Text);
            if (!up.Success && !file.TooLarge)
            {
                unread.Add(new UnreadFile(file.Path, "it has no `-- migrate:up`: dbmate stops at it"));
            }

            var down = up.Success ? Down().Match(file.Text, up.Index) : Match.Empty;
            migrations.Add(new Migration
            {
                Id = version, Version = version, Name = Path.GetFileNameWithoutExtension(file.Name)[version.Length..].TrimStart('_'), File = file.Path, Content = file.Content,
                Up = !up.Success ? null : file.Text[(up.Index + up.Length)..(down.Success ? down.Index : file.Text.Length)],
                Down = down.Success ? file.Text[(down.Index + down.Length)..] : null,
                InTransaction = !up.Groups[1].Value.Contains("transaction:false", StringComparison.Ordinal),
            });
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations) =>
        tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("version") >= 0 && t.Column("dirty") < 0) is { } table
            ? new AppliedLedger(table.ToString(), [.. table.Rows.Select(r => table.Value(r, "version")).OfType<string>().Order(StringComparer.Ordinal).Select(v => new AppliedMigration { Id = v, Version = v })])
            : null;

    [GeneratedRegex(@"^[ \t]*--[ \t]*migrate:up([^\r\n]*)\r?$", RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex(@"^[ \t]*--[ \t]*migrate:down([^\r\n]*)\r?$", RegexOptions.Multiline)]
    private static partial Regex Down();
}
