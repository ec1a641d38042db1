using System.Text.RegularExpressions;
using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers.Tools.Django;

/// <summary>
/// <c>APP/migrations/0003_cart.py</c> with <c>dependencies</c>; <c>django_migrations (id, app, name, applied)</c>. The app is the folder above <c>migrations</c>; rows of apps without files here
/// (the framework's own) are none of this ledger's business.
/// </summary>
internal sealed partial class DjangoTool : LedgerTool
{
    public override string Name => "django";

    public override string Title => "Django";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Graph, OnSameId = "cannot have both: one file would replace the other", KeepsOrder = false };

    public override string Checksums => "none are kept";

    public override IReadOnlyList<string> Tables { get; } = ["django_migrations"];

    public override string? Recognise(MigrationFolder folder) => folder.Every(".py").FirstOrDefault(IsMigration) is { } file ? $"{file.Path} is a migrations.Migration" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        foreach (var file in folder.Every(".py").Where(static f => f.Name != "__init__.py"))
        {
            if (!IsMigration(file))
            {
                if (("/" + folder.Path + "/" + file.Path).Contains("/migrations/", StringComparison.Ordinal) && Digits.Leading(file.Name).Length > 0)
                {
                    unread.Add(new UnreadFile(file.Path, "it has no class Migration(migrations.Migration)"));
                }

                continue;
            }

            var (app, name) = (AppOf(folder.Path, file.Path), file.Name[..^3]);
            if (app is null)
            {
                unread.Add(new UnreadFile(file.Path, "it is not in a folder APP/migrations"));
                continue;
            }

            migrations.Add(new Migration
            {
                Id = $"{app}.{name}", Version = Digits.Leading(name) is { Length: > 0 } digits ? $"{app} {digits}" : $"{app}.{name}", Name = name[Digits.Leading(name).Length..].TrimStart('_'), File = file.Path,
                Content = file.Content, Parents = Pairs(file.Text, Dependencies()), Replaces = Pairs(file.Text, Replaced()), ReadChanges = () => Changes(app, file.Text),
                InTransaction = !Atomic().IsMatch(file.Text),
            });
        }

        return new MigrationSet(MigrationGraph.Order(migrations), unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("app") >= 0) is not { } table)
        {
            return null;
        }

        var apps = migrations.Select(static m => m.Id[..m.Id.IndexOf('.')]).ToHashSet();
        var rows = new List<AppliedMigration>();
        foreach (var row in table.Rows.OrderBy(r => long.TryParse(table.Value(r, "id"), out var id) ? id : 0))
        {
            if (table.Value(row, "app") is { } app && table.Value(row, "name") is { } name && apps.Contains(app))
            {
                rows.Add(new AppliedMigration
                {
                    Id = $"{app}.{name}", Version = Digits.Leading(name) is { Length: > 0 } digits ? $"{app} {digits}" : $"{app}.{name}", Name = name[Digits.Leading(name).Length..].TrimStart('_'),
                    Rank = long.TryParse(table.Value(row, "id"), out var rank) ? rank : null, AppliedAt = table.Value(row, "applied"),
                });
            }
        }

        return new AppliedLedger(table.ToString(), rows);
    }

    private static bool IsMigration(MigrationFile file) => file.Text.Contains("migrations.Migration", StringComparison.Ordinal) && file.Text.Contains("class Migration", StringComparison.Ordinal);

    /// <summary>The folder above `migrations`.</summary>
    private static string? AppOf(string folder, string file)
    {
        var parts = (folder.Length == 0 ? file : folder + "/" + file).Split('/');
        var at = Array.LastIndexOf(parts, "migrations");
        return at > 0 ? parts[at - 1] : null;
    }

    private static List<string> Pairs(string text, Regex list)
    {
        if (list.Match(text) is not { Success: true } match)
        {
            return [];
        }

        var open = match.Index + match.Length - 1;
        return [.. Pair().Matches(text[open..TextReading.EndOfCall(text, open)]).Select(static m => $"{m.Groups[1].Value}.{m.Groups[2].Value}")];
    }

    /// <summary>Only models under their default table: what else there is depends on code that is not here.</summary>
    private static List<CatalogChange> Changes(string app, string text)
    {
        var changes = new List<CatalogChange>();
        if (text.Contains("SeparateDatabaseAndState", StringComparison.Ordinal))
        {
            return [SqlChanges.UnclearText(text)];
        }

        foreach (Match call in Call().Matches(text))
        {
            var open = call.Index + call.Length - 1;
            var arguments = text[open..TextReading.EndOfCall(text, open)];
            var model = ModelName().Match(arguments) is { Success: true } named ? named.Groups[1].Value.ToLowerInvariant() : null;
            var table = new CatalogObject(CatalogKind.Table, null, null, $"{app}_{model}");
            switch (call.Groups[1].Value)
            {
                case "CreateModel" when model is not null && TableName().Match(arguments) is { Success: true } written:
                    changes.Add(new CatalogChange.Creates(table with { Name = written.Groups[1].Value }));
                    break;
                case "CreateModel" when model is not null && !OtherTable().IsMatch(arguments):
                    changes.Add(new CatalogChange.Creates(table));
                    break;
                case "DeleteModel" when model is not null:
                    changes.Add(new CatalogChange.Drops(table));
                    break;
                case "AddField" or "AlterField" or "RemoveField" or "RenameField" or "AddIndex" or "RemoveIndex" or "AddConstraint" or "RemoveConstraint" or "AlterUniqueTogether" or "AlterIndexTogether" or "AlterModelOptions"
                    or "AlterModelManagers" or "AlterOrderWithRespectTo" or "CreateModel":
                    break;
                default:
                    // RenameModel, AlterModelTable, RunSQL, RunPython and whatever comes: tables of the models it names may have other names after it.
                    var words = SqlChanges.UnclearText(arguments).Words.SelectMany(w => new[] { w, $"{app}_{w}" }).ToHashSet();
                    changes.Add(new CatalogChange.Unclear(words, new HashSet<CatalogKind>()));
                    break;
            }
        }

        return changes;
    }

    [GeneratedRegex(@"^\s*dependencies\s*(?::[^=\n]+)?=\s*\[", RegexOptions.Multiline)]
    private static partial Regex Dependencies();

    [GeneratedRegex(@"^\s*replaces\s*(?::[^=\n]+)?=\s*\[", RegexOptions.Multiline)]
    private static partial Regex Replaced();

    [GeneratedRegex("""\(\s*["']([\w.]+)["']\s*,\s*["'](\w+)["']\s*,?\s*\)""")]
    private static partial Regex Pair();

    [GeneratedRegex(@"\bmigrations\.([A-Z]\w+)\s*\(")]
    private static partial Regex Call();

    [GeneratedRegex("""\(\s*(?:name\s*=\s*)?["'](\w+)["']""")]
    private static partial Regex ModelName();

    [GeneratedRegex("""["']db_table["']\s*:\s*["']([^"'.]+)["']""")]
    private static partial Regex TableName();

    [GeneratedRegex("""["'](db_table|managed|swappable|proxy)["']""")]
    private static partial Regex OtherTable();

    [GeneratedRegex(@"^\s*atomic\s*=\s*False", RegexOptions.Multiline)]
    private static partial Regex Atomic();
}
