using System.Globalization;
using Laptime.Ledgers.Behaviour;

namespace Laptime.Databases.Scratch;

/// <summary>What a SQLite file holds at one moment.</summary>
/// <param name="Schema">SQL by object.</param>
internal sealed record SqliteState(IReadOnlyDictionary<string, string> Schema, IReadOnlyDictionary<string, (long Rows, ulong Hash)> Content, IReadOnlyDictionary<string, string> Sequences)
{
    public static SqliteState Read(string path, Func<bool> stop)
    {
        using var database = SqliteLab.Open(path, stop);
        var schema = new Dictionary<string, string>(StringComparer.Ordinal);
        var tables = new List<string>();
        database.Run("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY name", [], row =>
        {
            schema[$"{row.Text(0)} {row.Text(1)}"] = row.Text(2);
            if (row.Text(0) == "table" && !row.Text(1).StartsWith("sqlite_", StringComparison.Ordinal) && !row.Text(2).StartsWith("CREATE VIRTUAL", StringComparison.OrdinalIgnoreCase))
            {
                tables.Add(row.Text(1));
            }
        });
        foreach (var pragma in (string[])["user_version", "application_id"])
        {
            database.Run("PRAGMA " + pragma, [], row => schema["pragma " + pragma] = row.Number(0).ToString(CultureInfo.InvariantCulture));
        }

        var content = new Dictionary<string, (long, ulong)>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            var (rows, sum) = (0L, 0UL);
            database.Run($"SELECT * FROM \"{table.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", [], row =>
            {
                rows++;
                sum += row.Hash();
            });
            content[table] = (rows, sum);
        }

        var sequences = new Dictionary<string, string>(StringComparer.Ordinal);
        if (schema.ContainsKey("table sqlite_sequence"))
        {
            database.Run("SELECT name, seq FROM sqlite_sequence", [], row => sequences[row.Text(0)] = row.Text(1));
        }

        return new SqliteState(schema, content, sequences);
    }

    public static TrialFacts Compare(SqliteState before, SqliteState after) => new()
    {
        Catalog = Meters.Differences(before.Schema, after.Schema, static (_, _) => "changed"),
        Content = Meters.Differences(before.Content, after.Content, static (x, y) => x.Rows == y.Rows ? $"{y.Rows} rows, other values" : $"{x.Rows} rows, then {y.Rows}"),
        Sequences = Meters.Differences(before.Sequences, after.Sequences, static (x, y) => $"{x} to {y}"),
        TablesRead = after.Content.Count, ObjectsRead = after.Schema.Count,
    };
}
