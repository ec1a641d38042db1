using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Storage.Sqlite;
using SQLitePCL;

namespace Laptime.Databases.Sqlite;

/// <summary>A SQLite file, opened read-only.</summary>
internal sealed class SqliteLedger(DatabaseAddress address) : LedgerDatabase
{
    private Database? database;

    public override DatabaseAddress Address => address;

    public override Task<IReadOnlyList<TableRows>> ReadTablesAsync(IReadOnlyCollection<string> names, CancellationToken cancel) => Asked<IReadOnlyList<TableRows>>(file =>
    {
        var columns = new List<(string Table, List<string> Columns)>();
        file.Run(
            $"SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type IN ('table', 'view') AND lower(m.name) IN ({string.Join(", ", names.Select(static _ => "?"))}) ORDER BY m.name, p.cid",
            [.. names.Select(static n => n.ToLowerInvariant())],
            row =>
            {
                if (columns.Count == 0 || columns[^1].Table != row.Text(0))
                {
                    columns.Add((row.Text(0), []));
                }

                columns[^1].Columns.Add(row.Text(1));
            });
        var tables = new List<TableRows>();
        foreach (var (table, names) in columns)
        {
            var rows = new List<IReadOnlyList<string?>>();
            file.Run($"SELECT {string.Join(", ", names.Select(Quoted))} FROM {Quoted(table)}", [], row =>
            {
                var values = new string?[names.Count];
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = row.IsNull(i) ? null : row.Text(i);
                }

                rows.Add(values);
            });
            tables.Add(new TableRows("", table, names, rows));
        }

        return tables;
    });

    public override Task<CatalogFacts> LookUpAsync(IReadOnlyCollection<CatalogObject> objects, CancellationToken cancel) => Asked(file =>
    {
        var seen = new HashSet<(string Type, string Table, string Name)>();
        file.Run("SELECT type, lower(tbl_name), lower(name) FROM sqlite_master", [], row => seen.Add((row.Text(0), row.Text(1), row.Text(2))));
        if (objects.Any(static o => o.Kind == CatalogKind.Column))
        {
            file.Run("SELECT lower(m.name), lower(p.name) FROM sqlite_master m, pragma_table_xinfo(m.name) p WHERE m.type IN ('table', 'view')", [], row => seen.Add(("column", row.Text(0), row.Text(1))));
        }

        var names = seen.Select(static s => (s.Type, s.Name)).ToHashSet();
        bool IsThere(CatalogObject wanted)
        {
            var name = wanted.Name.ToLowerInvariant();
            return wanted.Kind switch
            {
                CatalogKind.Table or CatalogKind.View => names.Contains(("table", name)) || names.Contains(("view", name)),
                CatalogKind.Index => names.Contains(("index", name)),
                CatalogKind.Trigger => names.Contains(("trigger", name)),
                CatalogKind.Column => seen.Contains(("column", wanted.Table!.ToLowerInvariant(), name)),
                // SQLite has none of these: nobody can have expected one.
                _ => true,
            };
        }

        return new CatalogFacts(objects.Where(IsThere).ToHashSet(), new HashSet<CatalogObject>());
    });

    public override ValueTask DisposeAsync()
    {
        database?.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<T> Asked<T>(Func<Database, T> question)
    {
        if (!File.Exists(address.File))
        {
            throw new FaultException(new Fault(Outcome.UsageError, "there is no such file", address.Shown, "create the database with the migration tool first, or correct `database`; --files-only checks without it"));
        }

        try
        {
            return Task.FromResult(question(database ??= Database.Open(address.File, raw.SQLITE_OPEN_READONLY)));
        }
        catch (SqliteException e)
        {
            throw new FaultException(new Fault(Outcome.UsageError, e.Code == raw.SQLITE_NOTADB ? "the file is no SQLite database" : $"SQLite says: {e.Message}", address.Shown, "see whether `database` names the right file"), e);
        }
    }

    private static string Quoted(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
}
