using System.Text.RegularExpressions;
using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers.Tools.Alembic;

/// <summary>
/// <c>versions/3f2a_add_users.py</c> with <c>revision</c> and <c>down_revision</c>; <c>alembic_version (version_num varchar(32) primary key)</c>, a row for each head that the database stands at.
/// </summary>
internal sealed partial class AlembicTool : LedgerTool
{
    public override string Name => "alembic";

    public override string Title => "Alembic";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Graph, OnSameId = "warns and takes the last it finds", HeadOnly = true };

    public override string Checksums => "none are kept";

    public override IReadOnlyList<string> Tables { get; } = ["alembic_version"];

    public override string? Recognise(MigrationFolder folder) =>
        folder.Every(".py").FirstOrDefault(f => Revision().IsMatch(f.Text) && DownRevision().IsMatch(f.Text)) is { } file ? $"{file.Path} has a revision and a down_revision" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        foreach (var file in folder.Every(".py"))
        {
            var (revision, down) = (Revision().Match(file.Text), DownRevision().Match(file.Text));
            if (!revision.Success || !down.Success)
            {
                if (file.Name is not ("__init__.py" or "env.py"))
                {
                    unread.Add(new UnreadFile(file.Path, "it has no revision and down_revision"));
                }

                continue;
            }

            var id = revision.Groups[1].Value;
            var name = Path.GetFileNameWithoutExtension(file.Name);
            migrations.Add(new Migration
            {
                Id = id, Version = id, Name = name.StartsWith(id + "_", StringComparison.Ordinal) ? name[(id.Length + 1)..] : name, File = file.Path, Content = file.Content,
                Parents = TextReading.Literals(down.Groups[1].Value), ReadChanges = () => PythonChanges(file.Text),
            });
        }

        return new MigrationSet(MigrationGraph.Order(migrations), unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("version_num") >= 0) is not { } table)
        {
            return null;
        }

        var heads = table.Rows.Select(r => table.Value(r, "version_num")).OfType<string>().Order(StringComparer.Ordinal).ToList();
        var below = MigrationGraph.Ancestors(migrations, heads);
        return new AppliedLedger(table.ToString(),
        [
            .. migrations.Where(m => below.Contains(m.Id) && !heads.Contains(m.Id)).DistinctBy(m => m.Id).Select(m => new AppliedMigration { Id = m.Id, Version = m.Version, Implied = true }),
            .. heads.Select(h => new AppliedMigration { Id = h, Version = h }),
        ]);
    }

    internal static IReadOnlyList<CatalogChange> PythonChanges(string text)
    {
        var start = text.IndexOf("def upgrade", StringComparison.Ordinal);
        var end = text.IndexOf("def downgrade", StringComparison.Ordinal);
        var up = text[Math.Max(0, start)..(end > start ? end : text.Length)];
        var changes = new List<CatalogChange>();
        foreach (Match call in Call().Matches(up))
        {
            var open = call.Index + call.Length - 1;
            var arguments = up[open..TextReading.EndOfCall(up, open)];
            var names = TextReading.Literals(arguments);
            string? schema = Schema().Match(arguments) is { Success: true } said ? said.Groups[1].Value : null;
            CatalogChange? change = (call.Groups[1].Value, names) switch
            {
                ("create_table", [var table, ..]) => new CatalogChange.Creates(new CatalogObject(CatalogKind.Table, schema, null, table)),
                ("drop_table", [var table, ..]) => new CatalogChange.Drops(new CatalogObject(CatalogKind.Table, schema, null, table)),
                ("rename_table", [var table, var to, ..]) => new CatalogChange.Renames(new CatalogObject(CatalogKind.Table, schema, null, table), to),
                ("add_column", [var table, var column, ..]) => new CatalogChange.Creates(new CatalogObject(CatalogKind.Column, schema, table, column)),
                ("drop_column", [var table, var column, ..]) => new CatalogChange.Drops(new CatalogObject(CatalogKind.Column, schema, table, column)),
                // op.f("ix_…") is a name too.
                ("create_index", [var index, var table, ..]) => new CatalogChange.Creates(new CatalogObject(CatalogKind.Index, schema, table, index)),
                ("drop_index", [var index, ..]) => new CatalogChange.Drops(new CatalogObject(CatalogKind.Index, schema, null, index)),
                ("create_foreign_key" or "create_unique_constraint" or "create_check_constraint" or "create_primary_key" or "drop_constraint" or "bulk_insert", _) => null,
                ("alter_column", _) when !arguments.Contains("new_column_name", StringComparison.Ordinal) => null,
                _ => SqlChanges.UnclearText(arguments),
            };
            if (change is not null)
            {
                changes.Add(change);
            }
        }

        return changes;
    }

    [GeneratedRegex("""^revision\s*(?::[^=\n]+)?=\s*["']([^"'\n]+)["']""", RegexOptions.Multiline)]
    private static partial Regex Revision();

    [GeneratedRegex("""^down_revision\s*(?::[^=\n]+)?=\s*(None|["'][^"'\n]*["']|\([^)]*\)|\[[^\]]*\])""", RegexOptions.Multiline)]
    private static partial Regex DownRevision();

    [GeneratedRegex(@"\bop\.(\w+)\s*\(")]
    private static partial Regex Call();

    [GeneratedRegex("""\bschema\s*=\s*["']([^"']+)["']""")]
    private static partial Regex Schema();
}
