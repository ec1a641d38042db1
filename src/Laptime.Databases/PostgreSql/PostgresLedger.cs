using System.Text;
using Laptime.Ledgers;
using Npgsql;
using NpgsqlTypes;

namespace Laptime.Databases.PostgreSql;

/// <summary>A PostgreSQL database, read in read-only transactions.</summary>
internal sealed class PostgresLedger(DatabaseAddress address) : LedgerDatabase
{
    /// <summary>Longer names the server cuts, in bytes.</summary>
    private const int LongestName = 63;

    private const string Schemas = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'";

    private const string FindTables =
        "SELECT n.nspname::text, c.relname::text, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " +
        "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p', 'v') AND lower(c.relname) = ANY($1) AND " + Schemas + " GROUP BY 1, 2 ORDER BY 1, 2";

    private const string FindObjects =
        "SELECT 'r', n.nspname::text, t.relname::text, c.relname::text, c.relkind::text, i.indisvalid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " +
        "LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid WHERE c.relname = ANY($1) AND " + Schemas +
        " UNION ALL SELECT 'a', n.nspname::text, c.relname::text, a.attname::text, NULL, NULL FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid " +
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY($2) AND c.relname = ANY($3) AND " + Schemas +
        " UNION ALL SELECT 'f', n.nspname::text, NULL, p.proname::text, NULL, NULL FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = ANY($4) AND " + Schemas +
        " UNION ALL SELECT 'y', n.nspname::text, NULL, y.typname::text, NULL, NULL FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace WHERE y.typname = ANY($5) AND " + Schemas +
        " UNION ALL SELECT 'g', n.nspname::text, c.relname::text, g.tgname::text, NULL, NULL FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid " +
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE g.tgname = ANY($6) AND " + Schemas;

    private NpgsqlDataSource? source;
    private NpgsqlConnection? connection;

    public override DatabaseAddress Address => address;

    public override async Task<IReadOnlyList<TableRows>> ReadTablesAsync(IReadOnlyCollection<string> names, CancellationToken cancel)
    {
        try
        {
            var found = new List<(string Schema, string Name, string[] Columns)>();
            await AskAsync([Statement(FindTables, [.. names.Select(static n => n.ToLowerInvariant())])], (_, row) => found.Add((row.GetString(0), row.GetString(1), row.GetFieldValue<string[]>(2))), cancel).ConfigureAwait(false);
            if (found.Count == 0)
            {
                return [];
            }

            var rows = found.ConvertAll(static _ => new List<IReadOnlyList<string?>>());
            await AskAsync(
                [.. found.Select(t => new NpgsqlBatchCommand($"SELECT {string.Join(", ", t.Columns.Select(static c => Quoted(c) + "::text"))} FROM {Quoted(t.Schema)}.{Quoted(t.Name)}"))],
                (table, row) => rows[table].Add(TextsOf(row)), cancel).ConfigureAwait(false);
            return [.. found.Select((t, i) => new TableRows(t.Schema, t.Name, t.Columns, rows[i]))];
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw PostgresAddress.Fault(address, e);
        }
    }

    public override async Task<CatalogFacts> LookUpAsync(IReadOnlyCollection<CatalogObject> objects, CancellationToken cancel)
    {
        var seen = new List<(char Family, string Schema, string? Table, string Name, string? Relation, bool Valid)>();
        try
        {
            string[] Names(Func<CatalogObject, bool> of) => [.. objects.Where(of).Select(static o => Cut(o.Name)).Distinct()];
            await AskAsync(
                [
                    Statement(FindObjects,
                        Names(static o => o.Kind is CatalogKind.Table or CatalogKind.View or CatalogKind.Index or CatalogKind.Sequence), Names(static o => o.Kind == CatalogKind.Column),
                        [.. objects.Where(static o => o.Kind == CatalogKind.Column).Select(static o => Cut(o.Table!)).Distinct()], Names(static o => o.Kind == CatalogKind.Function), Names(static o => o.Kind == CatalogKind.Type),
                        Names(static o => o.Kind == CatalogKind.Trigger)),
                ],
                (_, row) => seen.Add((row.GetString(0)[0], row.GetString(1), TextAt(row, 2), row.GetString(3), TextAt(row, 4), row.IsDBNull(5) || row.GetBoolean(5))), cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw PostgresAddress.Fault(address, e);
        }

        var (present, invalid) = (new HashSet<CatalogObject>(), new HashSet<CatalogObject>());
        var byName = seen.ToLookup(static s => (s.Family, s.Name));
        foreach (var wanted in objects)
        {
            var family = wanted.Kind switch { CatalogKind.Column => 'a', CatalogKind.Function => 'f', CatalogKind.Type => 'y', CatalogKind.Trigger => 'g', _ => 'r' };
            var there = byName[(family, Cut(wanted.Name))].Where(s => (wanted.Schema is null || s.Schema == wanted.Schema) && wanted.Kind switch
            {
                CatalogKind.Table or CatalogKind.View => s.Relation is "r" or "p" or "v" or "m" or "f",
                CatalogKind.Index => s.Relation is "i" or "I",
                CatalogKind.Sequence => s.Relation == "S",
                CatalogKind.Column or CatalogKind.Trigger => wanted.Table is null || s.Table == Cut(wanted.Table),
                _ => true,
            }).ToList();
            if (there.Count > 0)
            {
                present.Add(wanted);
                if (there.TrueForAll(static s => !s.Valid))
                {
                    invalid.Add(wanted);
                }
            }
        }

        return new CatalogFacts(present, invalid);
    }

    public override async ValueTask DisposeAsync()
    {
        if (connection is not null)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        if (source is not null)
        {
            await source.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Everything in one round trip, in a transaction that cannot write.</summary>
    private async Task AskAsync(IReadOnlyList<NpgsqlBatchCommand> statements, Action<int, NpgsqlDataReader> row, CancellationToken cancel)
    {
        if (connection is null)
        {
            source = new NpgsqlSlimDataSourceBuilder(PostgresAddress.ConnectionText(address)).EnableArrays().EnableTransportSecurity().Build();
            connection = await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
        }

        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("BEGIN TRANSACTION READ ONLY"));
        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement);
        }

        batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        await using var reader = await batch.ExecuteReaderAsync(cancel).ConfigureAwait(false);
        var at = 0;
        do
        {
            if (reader.FieldCount == 0)
            {
                continue;
            }

            while (await reader.ReadAsync(cancel).ConfigureAwait(false))
            {
                row(at, reader);
            }

            at++;
        }
        while (await reader.NextResultAsync(cancel).ConfigureAwait(false));
    }

    private static NpgsqlBatchCommand Statement(string sql, params string[][] arrays)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var array in arrays)
        {
            command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = array, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        }

        return command;
    }

    private static string?[] TextsOf(NpgsqlDataReader row)
    {
        var values = new string?[row.FieldCount];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = TextAt(row, i);
        }

        return values;
    }

    private static string? TextAt(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static string Quoted(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static string Cut(string name)
    {
        if (name.Length <= LongestName && Ascii.IsValid(name))
        {
            return name;
        }

        var bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length <= LongestName)
        {
            return name;
        }

        // Never inside a character.
        var end = LongestName;
        while ((bytes[end] & 0xC0) == 0x80)
        {
            end--;
        }

        return Encoding.UTF8.GetString(bytes, 0, end);
    }
}
