using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>One connection. One statement at a time, sent as it is.</summary>
internal sealed class PostgresSession(NpgsqlDataSource source, NpgsqlConnection connection) : IAsyncDisposable
{
    public NpgsqlConnection Connection => connection;

    /// <returns>Rows changed; -1: the statement counts none.</returns>
    public async Task<int> RunAsync(string statement, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = statement;
        return await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Rows of text; every column has to be text (or null).</summary>
    public async Task<List<string?[]>> ReadAsync(string query, CancellationToken cancel, params string[] parameters)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = query;
        foreach (var value in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value });
        }

        var rows = new List<string?[]>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var row = new string?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = await reader.IsDBNullAsync(i, cancel) ? null : reader.GetString(i);
            }

            rows.Add(row);
        }

        return rows;
    }

    public async Task<string?> ValueAsync(string query, CancellationToken cancel, params string[] parameters) => await ReadAsync(query, cancel, parameters) is [[var value, ..], ..] ? value : null;

    public async ValueTask DisposeAsync()
    {
        await connection.DisposeAsync();
        await source.DisposeAsync();
    }

    public static string Quoted(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    public static string Literal(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}
