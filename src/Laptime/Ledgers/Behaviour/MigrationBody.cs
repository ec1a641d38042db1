using Laptime.Ledgers.Sql;

namespace Laptime.Ledgers.Behaviour;

/// <summary>The body of a migration as the behaviour axis takes it: SQL that can be read from the start as often as it is needed.</summary>
/// <param name="Id">As the file writes it: <see cref="Migration.Version"/>.</param>
/// <param name="File">As the report names it.</param>
/// <param name="Open">A reader of the SQL that applies it.</param>
public sealed record MigrationBody(string Id, string File, SqlDialect Dialect, Func<TextReader> Open)
{
    /// <summary>Whether the tool applies it inside one transaction; null: where its statements allow it.</summary>
    public bool? InTransaction { get; init; }

    /// <summary>A body beyond this is not looked at.</summary>
    public const long Largest = 1L << 30;

    /// <summary>Why nothing of it is read, in a clause; null: it is read.</summary>
    public string? Unread { get; init; }

    /// <summary>What it defines: asked for whether anybody calls it.</summary>
    public IReadOnlyList<CatalogObject> Objects { get; init; } = [];

    public static MigrationBody OfText(string id, string file, SqlDialect dialect, string sql) => new(id, file, dialect, () => new StringReader(sql));

    public static MigrationBody OfFile(string id, string file, SqlDialect dialect, string path) => new(id, file, dialect, () => new StreamReader(path));

    public IEnumerable<SqlPiece> Pieces()
    {
        using var reader = Open();
        foreach (var piece in new SqlSplitter(reader, Dialect).Pieces())
        {
            yield return piece;
        }
    }
}
