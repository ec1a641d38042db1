using System.Text.RegularExpressions;

namespace Laptime.Ledgers.Tools.EntityFramework;

/// <summary>
/// C# classes with <c>[Migration("20240101120000_AddUsers")]</c> (in the .Designer.cs beside the body); <c>__EFMigrationsHistory (MigrationId varchar(150) primary key, ProductVersion varchar(32))</c>, and
/// <c>__EFMigrationsLock (Id, Timestamp)</c> where the database has no lock that ends with its session (SQLite): a row that stays makes every later run wait for ever.
/// </summary>
internal sealed partial class EntityFrameworkTool : LedgerTool
{
    public override string Name => "ef";

    public override string Title => "EF Core";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Applies, SharesNumbers = true, OnSameId = "throws, or takes the last class it finds" };

    public override string Checksums => "none are kept";

    public override IReadOnlyList<string> Tables { get; } = ["__EFMigrationsHistory", "__EFMigrationsLock"];

    public override string? Recognise(MigrationFolder folder) => folder.Every(".cs").FirstOrDefault(f => Attribute().IsMatch(f.Text)) is { } file ? $"{file.Path} has [Migration(\"…\")]" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        var byPath = folder.Every(".cs").ToDictionary(f => f.Path);
        var bodies = new HashSet<string>();
        foreach (var file in byPath.Values)
        {
            if (Attribute().Match(file.Text) is not { Success: true } match)
            {
                continue;
            }

            var id = match.Groups[1].Value;
            var body = file.Path.EndsWith(".Designer.cs", StringComparison.Ordinal) && byPath.TryGetValue(file.Path[..^".Designer.cs".Length] + ".cs", out var beside) ? beside : file;
            bodies.Add(body.Path);
            var version = Digits.Leading(id);
            migrations.Add(new Migration
            {
                Id = id, Version = version.Length > 0 ? version : id, Name = id[version.Length..].TrimStart('_'), File = body.Path, Content = body.Content, ReadChanges = () => CSharpChanges.Of(body.Text),
            });
        }

        foreach (var file in byPath.Values.Where(f => !bodies.Contains(f.Path) && !f.Name.EndsWith(".Designer.cs", StringComparison.Ordinal) && Body().IsMatch(f.Text)))
        {
            unread.Add(new UnreadFile(file.Path, "it is a migration without [Migration(\"…\")]: its .Designer.cs is missing, and EF Core does not see it"));
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && IdColumn(t) >= 0) is not { } table)
        {
            return null;
        }

        var at = IdColumn(table);
        var locks = tables.FirstOrDefault(t => t.Name.Equals(Tables[1], StringComparison.OrdinalIgnoreCase));
        return new AppliedLedger(table.ToString(),
            [.. table.Rows.Select(r => r[at]).OfType<string>().Order(StringComparer.Ordinal).Select(id => new AppliedMigration { Id = id, Version = Digits.Leading(id) is { Length: > 0 } digits ? digits : id, Name = id })])
        {
            Trouble = locks is null ? [] : [.. locks.Rows.Select(r => $"{locks} is locked since {locks.Value(r, "timestamp") ?? "an unknown time"}")],
        };
    }

    /// <summary>Of MigrationId, also where a naming convention writes migration_id.</summary>
    private static int IdColumn(TableRows table) => table.Columns.ToList().FindIndex(static c => c.Replace("_", "", StringComparison.Ordinal).Equals("migrationid", StringComparison.OrdinalIgnoreCase));

    [GeneratedRegex("""\[\s*(?:[\w.]+\s*,\s*)?Migration(?:Attribute)?\s*\(\s*"([^"]+)"\s*\)""")]
    private static partial Regex Attribute();

    [GeneratedRegex(@"class\s+\w+\s*:\s*(?:[\w.]+\.)?Migration\b")]
    private static partial Regex Body();
}
