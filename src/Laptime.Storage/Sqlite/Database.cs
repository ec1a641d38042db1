using SQLitePCL;

namespace Laptime.Storage.Sqlite;

/// <summary>
/// One SQLite connection, by raw calls: it is opened on the deploy path, where the ADO.NET provider costs some 30 ms of start-up and this some 8.
/// Not safe for use from several threads.
/// </summary>
internal sealed class Database : IDisposable
{
    private readonly sqlite3 handle;
    private readonly Dictionary<string, sqlite3_stmt> prepared = [];

    static Database() => Batteries_V2.Init();

    private Database(string path, sqlite3 handle) => (Path, this.handle) = (path, handle);

    public string Path { get; }

    /// <param name="path">The file.</param>
    /// <param name="flags">SQLITE_OPEN_*.</param>
    /// <param name="uri">What is opened instead of the plain path (for <c>immutable=1</c>); null: the path.</param>
    public static Database Open(string path, int flags, string? uri = null)
    {
        var code = raw.sqlite3_open_v2(uri ?? path, out var handle, flags | raw.SQLITE_OPEN_NOMUTEX, null);
        var database = new Database(path, handle);
        if (code != raw.SQLITE_OK)
        {
            var error = database.Error(code);
            database.Dispose();
            throw error;
        }

        raw.sqlite3_busy_timeout(handle, 5000);
        return database;
    }

    /// <summary>Runs statements without results or parameters.</summary>
    public void Execute(string sql)
    {
        var code = raw.sqlite3_exec(handle, sql);
        if (code != raw.SQLITE_OK)
        {
            throw Error(code);
        }
    }

    /// <summary>Runs one statement; <paramref name="row"/> is called for each row. A null value binds NULL.</summary>
    public void Run(string sql, ReadOnlySpan<string?> values, Action<Row>? row = null)
    {
        if (!prepared.TryGetValue(sql, out var statement))
        {
            var code = raw.sqlite3_prepare_v2(handle, sql, out statement);
            if (code != raw.SQLITE_OK)
            {
                throw Error(code);
            }

            prepared.Add(sql, statement);
        }

        try
        {
            for (var i = 0; i < values.Length; i++)
            {
                _ = values[i] is { } value ? raw.sqlite3_bind_text(statement, i + 1, value) : raw.sqlite3_bind_null(statement, i + 1);
            }

            int code;
            while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
            {
                row?.Invoke(new Row(statement));
            }

            if (code != raw.SQLITE_DONE)
            {
                throw Error(code);
            }
        }
        finally
        {
            raw.sqlite3_reset(statement);
            raw.sqlite3_clear_bindings(statement);
        }
    }

    /// <summary>Everything in <paramref name="work"/> or nothing; the write lock is taken at once, so that two writers queue instead of colliding.</summary>
    public void Transact(Action work)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            work();
            Execute("COMMIT");
        }
        catch
        {
            // Fails when SQLite has rolled back by itself (a full disk); the first failure is the one to tell.
            _ = raw.sqlite3_exec(handle, "ROLLBACK");
            throw;
        }
    }

    /// <summary>Rows that this connection inserted, changed and deleted.</summary>
    public long TotalChanges => raw.sqlite3_total_changes(handle);

    /// <summary>No other file can be attached from here on, and whatever runs is asked every now and then whether to stop.</summary>
    public void Contain(Func<bool> stop)
    {
        const int Attached = 7;
        raw.sqlite3_limit(handle, Attached, 0);
        raw.sqlite3_progress_handler(handle, 10_000, _ => stop() ? 1 : 0, null);
    }

    /// <summary>Copies the whole database, as it is at one moment, while others may use it.</summary>
    /// <param name="path">A file that is not there yet.</param>
    public void BackUpTo(string path)
    {
        using var to = Open(path, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
        to.Execute("PRAGMA synchronous = OFF");
        using var backup = raw.sqlite3_backup_init(to.handle, "main", handle, "main");
        var code = backup is null || backup.IsInvalid ? raw.sqlite3_errcode(to.handle) : raw.sqlite3_backup_step(backup, -1);
        if (code != raw.SQLITE_DONE)
        {
            throw to.Error(code);
        }
    }

    public void Dispose()
    {
        foreach (var statement in prepared.Values)
        {
            statement.Dispose();
        }

        prepared.Clear();
        handle.Dispose();
    }

    private SqliteException Error(int code) => new(code, raw.sqlite3_extended_errcode(handle), raw.sqlite3_errmsg(handle).utf8_to_string());

    internal readonly struct Row(sqlite3_stmt statement)
    {
        public bool IsNull(int column) => raw.sqlite3_column_type(statement, column) == raw.SQLITE_NULL;

        public string Text(int column) => raw.sqlite3_column_text(statement, column).utf8_to_string();

        public long Number(int column) => raw.sqlite3_column_int64(statement, column);

        /// <summary>Of all its values with their types: equal for equal rows, in this process and any other.</summary>
        public ulong Hash()
        {
            var hash = 14695981039346656037UL;
            for (var i = 0; i < raw.sqlite3_column_count(statement); i++)
            {
                var type = raw.sqlite3_column_type(statement, i);
                hash = (hash ^ (uint)type) * 1099511628211UL;
                if (type == raw.SQLITE_FLOAT)
                {
                    hash = (hash ^ BitConverter.DoubleToUInt64Bits(raw.sqlite3_column_double(statement, i))) * 1099511628211UL;
                    continue;
                }

                // A whole number as its text.
                foreach (var b in type == raw.SQLITE_NULL ? default : raw.sqlite3_column_blob(statement, i))
                {
                    hash = (hash ^ b) * 1099511628211UL;
                }
            }

            return hash;
        }

        /// <summary>The UTF-8 bytes of a text; valid until the next row.</summary>
        public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(statement, column);
    }
}

/// <summary>What SQLite answered; never leaves this folder.</summary>
internal sealed class SqliteException(int code, int extended, string message) : Exception(message)
{
    /// <summary>The primary result code.</summary>
    public int Code { get; } = code & 0xff;

    public int Extended { get; } = extended;
}
