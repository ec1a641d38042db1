using System.Text.RegularExpressions;
using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers.Tools.Rails;

/// <summary><c>db/migrate/20240101120000_add_users.rb</c>; <c>schema_migrations (version varchar primary key)</c> beside <c>ar_internal_metadata</c>. Versions are numbers: leading zeros do not count.</summary>
internal sealed partial class RailsTool : LedgerTool
{
    public override string Name => "rails";

    public override string Title => "Rails";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Applies, OnSameId = "refuses to run any (DuplicateMigrationVersionError)" };

    public override string Checksums => "none are kept";

    public override IReadOnlyList<string> Tables { get; } = ["schema_migrations"];

    public override string? Recognise(MigrationFolder folder) =>
        folder.Every(".rb").FirstOrDefault(f => FileName().IsMatch(f.Name) && f.Text.Contains("ActiveRecord::Migration", StringComparison.Ordinal)) is { } file ? $"{file.Path} is an ActiveRecord::Migration" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        foreach (var file in folder.Every(".rb"))
        {
            var match = FileName().Match(file.Name);
            if (!match.Success)
            {
                unread.Add(new UnreadFile(file.Path, "its name is none Rails takes: <number>_<name>.rb"));
                continue;
            }

            migrations.Add(new Migration
            {
                Id = Digits.Canonical(match.Groups[1].Value), Version = match.Groups[1].Value, Name = match.Groups[2].Value, File = file.Path, Content = file.Content,
                ReadChanges = () => RubyChanges(file.Text), InTransaction = !file.Text.Contains("disable_ddl_transaction!", StringComparison.Ordinal),
            });
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations) =>
        tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("version") >= 0 && t.Column("dirty") < 0) is { } table
            ? new AppliedLedger(table.ToString(),
                [.. table.Rows.Select(r => table.Value(r, "version")).OfType<string>().Select(v => new AppliedMigration { Id = Digits.Canonical(v), Version = v }).OrderBy(r => r.Id, Comparer<string>.Create(Compare))])
            : null;

    public override int Compare(string a, string b) => Digits.Compare(a, b);

    internal static IReadOnlyList<CatalogChange> RubyChanges(string text)
    {
        var down = text.IndexOf("def down", StringComparison.Ordinal);
        var up = down < 0 ? text : text[..down];
        var changes = new List<CatalogChange>();
        foreach (Match call in Call().Matches(up))
        {
            var (first, second) = (call.Groups[2].Value, call.Groups[3].Value);
            CatalogChange? change = call.Groups[1].Value switch
            {
                "create_table" => new CatalogChange.Creates(new CatalogObject(CatalogKind.Table, null, null, first)),
                "drop_table" => new CatalogChange.Drops(new CatalogObject(CatalogKind.Table, null, null, first)),
                "rename_table" when second.Length > 0 => new CatalogChange.Renames(new CatalogObject(CatalogKind.Table, null, null, first), second),
                "add_column" when second.Length > 0 => new CatalogChange.Creates(new CatalogObject(CatalogKind.Column, null, first, second)),
                "remove_column" when second.Length > 0 => new CatalogChange.Drops(new CatalogObject(CatalogKind.Column, null, first, second)),
                _ => null,
            };
            changes.Add(change ?? SqlChanges.UnclearText(call.Value));
        }

        // The rest of the code may do anything to what it names by hand.
        foreach (Match other in Other().Matches(up))
        {
            changes.Add(SqlChanges.UnclearText(up[other.Index..]));
            break;
        }

        return changes;
    }

    [GeneratedRegex(@"^(\d+)_([_a-z0-9]+)\.(?:\w+\.)?rb$")]
    private static partial Regex FileName();

    [GeneratedRegex("""\b(create_table|drop_table|rename_table|add_column|remove_column|rename_column|change_table|remove_columns|drop_join_table)[ (]+[:"']([\w.]+)["']?(?:\s*,\s*[:"'](\w+))?""")]
    private static partial Regex Call();

    [GeneratedRegex(@"\bexecute\b|\.connection\b|reversible|safety_assured")]
    private static partial Regex Other();
}
