using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Transactions;
using SQLitePCL;

namespace Laptime.Storage.Sqlite;

/// <summary>
/// The journal in one SQLite file (WAL). Begin and End are synchronised to the disk, events are safe against a killed process.
/// No-op runs that another process left in the <see cref="NoOpLog"/> are shown by List and Load, and folded in by the next Begin.
/// </summary>
public sealed class SqliteJournal : Journal
{
    private const long SchemaVersion = 2;

    /// <summary>The first version with records.</summary>
    private const long RecordsSince = 2;

    private const string Schema =
        """
        CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL, writer TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS transactions (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started TEXT NOT NULL, environment TEXT NOT NULL, began TEXT, document TEXT);
        CREATE INDEX IF NOT EXISTS newest ON transactions (started, seq);
        CREATE INDEX IF NOT EXISTS unended ON transactions (id) WHERE document IS NULL;
        CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, event TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS events_of ON events (id);
        """ + RecordTables;

    /// <summary>Every statement only adds: an older journal is brought up to date by them.</summary>
    private const string RecordTables =
        """

        CREATE TABLE IF NOT EXISTS records (
            seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (kind, id));
        CREATE TABLE IF NOT EXISTS samples (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS samples_of ON samples (kind, id);
        """;

    private readonly Lock gate = new();
    private readonly Database? database;
    private readonly string path;
    private readonly NoOpLog? noOps;
    private readonly bool hasRecords;
    private bool durable;

    private SqliteJournal(string path, Database? database, NoOpLog? noOps, bool hasRecords) =>
        (this.path, this.database, this.noOps, this.hasRecords) = (path, database, noOps, hasRecords);

    /// <summary>Opens the journal, and creates the file and its folder where there is none.</summary>
    /// <exception cref="LapException">The file is damaged, of a newer version, locked, or cannot be written; it is left as it is.</exception>
    public static SqliteJournal Open(string path, NoOpLog? noOps = null)
    {
        Database? database = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            database = Database.Open(path, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
            var version = VersionOf(database, out var writer);
            if (version is null)
            {
                UseWriteAheadLog(database);
                database.Transact(() =>
                {
                    // Another process may have been here first.
                    database.Execute(Schema);
                    database.Run("INSERT INTO schema SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM schema)", [$"{SchemaVersion}", Self()]);
                });
            }
            else if (version > SchemaVersion)
            {
                throw JournalTrouble.Newer(path, version.Value, writer, SchemaVersion, Self());
            }
            else if (version < SchemaVersion)
            {
                Upgrade(database);
            }

            return new SqliteJournal(path, database, noOps, hasRecords: true);
        }
        catch (SqliteException e)
        {
            database?.Dispose();
            throw JournalTrouble.Tell(e, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException($"the journal's folder cannot be made: {e.Message}", path, "make it writable for this user, or set journal.store in laptime.yaml");
        }
        catch
        {
            database?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens the journal for a question: nothing is created, written or left behind. Where there is no file, the history is empty
    /// (and the no-op log still answers). Begin, Append and End are refused.
    /// </summary>
    /// <exception cref="LapException">The file is damaged, of a newer version, or cannot be read.</exception>
    public static SqliteJournal OpenReadOnly(string path, NoOpLog? noOps = null)
    {
        if (!File.Exists(path))
        {
            return new SqliteJournal(path, null, noOps, hasRecords: false);
        }

        Database? database = null;
        try
        {
            // Without a write-ahead log nobody has the file open: read it as it stands. Opening it in the ordinary way would leave -wal and -shm behind
            // (and fail in a folder that cannot be written).
            var quiet = !File.Exists(path + "-wal");
            database = quiet
                ? Database.Open(path, raw.SQLITE_OPEN_READONLY | raw.SQLITE_OPEN_URI, $"file:{Uri.EscapeDataString(Path.GetFullPath(path))}?immutable=1")
                : Database.Open(path, raw.SQLITE_OPEN_READONLY);
            var version = VersionOf(database, out var writer);
            if (version > SchemaVersion)
            {
                throw JournalTrouble.Newer(path, version.Value, writer, SchemaVersion, Self());
            }

            if (version is null)
            {
                database.Dispose();
                return new SqliteJournal(path, null, noOps, hasRecords: false);
            }

            // A question does not upgrade: what an older version cannot have is empty.
            return new SqliteJournal(path, database, noOps, version >= RecordsSince);
        }
        catch (SqliteException e)
        {
            database?.Dispose();
            throw JournalTrouble.Tell(e, path);
        }
        catch
        {
            database?.Dispose();
            throw;
        }
    }

    public override void Begin(TransactionEvent.Began began) => Write(durably: true, writable =>
    {
        if (noOps is null)
        {
            Insert();
        }
        else
        {
            // The lines are cut from the log only after the commit: a crash in between folds them again, which changes nothing.
            noOps.Fold(lines => writable.Transact(() =>
            {
                foreach (var line in lines)
                {
                    Import(writable, line);
                }
            }));
            Insert();
        }

        void Insert() => writable.Run(
            "INSERT INTO transactions (id, started, environment, began) VALUES (?, ?, ?, ?)",
            [began.Document.Id, StartOf(began.Document.Id), began.Document.Environment, ToJson(began)]);
    });

    public override void Append(string transaction, TransactionEvent happened) => Write(durably: false, writable =>
        writable.Run("INSERT INTO events (id, event) VALUES (?, ?)", [transaction, ToJson(happened)]));

    public override void End(TransactionDocument document) => Write(durably: true, writable => writable.Transact(() =>
    {
        writable.Run(
            """
            INSERT INTO transactions (id, started, environment, document) VALUES (?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET document = excluded.document
            """,
            [document.Id, StartOf(document.Id), document.Environment, JsonSerializer.Serialize(document, TransactionJson.Default.TransactionDocument)]);
        // The document has everything that the events told.
        writable.Run("DELETE FROM events WHERE id = ?", [document.Id]);
    }));

    public override IReadOnlyList<TransactionDocument> List(string? environment, int most) => Read(readable =>
    {
        var found = new List<(string Id, string? Document)>();
        readable?.Run(
            "SELECT id, document FROM transactions WHERE ?1 IS NULL OR environment = ?1 ORDER BY started DESC, seq DESC LIMIT CAST(?2 AS INTEGER)",
            [environment, $"{most}"],
            row => found.Add((row.Text(0), row.IsNull(1) ? null : row.Text(1))));
        var recorded = found.ConvertAll(f => f.Document is { } text ? FromJson(text) : Folded(readable!, f.Id)!);
        return noOps is null ? recorded : noOps.Merge(recorded, environment, most);
    });

    public override TransactionDocument? Load(string transaction) => Read(readable =>
    {
        string? text = null;
        var known = false;
        readable?.Run("SELECT document FROM transactions WHERE id = ?", [transaction], row =>
        {
            known = true;
            text = row.IsNull(0) ? null : row.Text(0);
        });
        return text is not null ? FromJson(text) : known ? Folded(readable!, transaction) : noOps?.Find(transaction);
    });

    public override IReadOnlyList<TransactionEvent.Began> Open() => Read(readable =>
    {
        var open = new List<TransactionEvent.Began>();
        readable?.Run("SELECT began FROM transactions WHERE document IS NULL ORDER BY seq", [], row => open.Add((TransactionEvent.Began)EventFrom(row.Text(0))));
        return open;
    });

    public override void Save(JournalRecord record) => Write(durably: true, writable => writable.Run(
        "INSERT INTO records (kind, id, at, document) VALUES (?, ?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
        [record.Kind, record.Id, record.At.UtcDateTime.ToString("O", CultureInfo.InvariantCulture), record.Json]));

    public override void AddSample(string kind, string id, string json) => Write(durably: true, writable => writable.Transact(() =>
    {
        var exists = false;
        writable.Run("SELECT 1 FROM records WHERE kind = ? AND id = ?", [kind, id], _ => exists = true);
        if (!exists)
        {
            throw new InvalidOperationException($"there is no {kind} {id} to add a sample to");
        }

        writable.Run("INSERT INTO samples (kind, id, document) VALUES (?, ?, ?)", [kind, id, json]);
    }));

    public override IReadOnlyList<JournalRecord> Records(string kind) =>
        Read(readable => RecordsOf(readable, "SELECT id, at, document FROM records WHERE kind = ? ORDER BY at DESC, seq DESC", kind));

    public override JournalRecord? FindRecord(string kind, string id) =>
        Read(readable => RecordsOf(readable, "SELECT id, at, document FROM records WHERE kind = ? AND id = ?", kind, id) is [var found] ? found : null);

    public override IReadOnlyList<string> Samples(string kind, string id) => Read(readable =>
    {
        var samples = new List<string>();
        if (hasRecords)
        {
            readable?.Run("SELECT document FROM samples WHERE kind = ? AND id = ? ORDER BY seq", [kind, id], row => samples.Add(row.Text(0)));
        }

        return samples;
    });

    public override bool Remove(string kind, string id)
    {
        var removed = false;
        Write(durably: true, writable => writable.Transact(() =>
        {
            writable.Run("DELETE FROM records WHERE kind = ? AND id = ? RETURNING 1", [kind, id], _ => removed = true);
            writable.Run("DELETE FROM samples WHERE kind = ? AND id = ?", [kind, id]);
        }));
        return removed;
    }

    public override void Dispose()
    {
        lock (gate)
        {
            database?.Dispose();
        }
    }

    /// <summary>Settings of this connection, for tests that need a limit.</summary>
    internal void Tune(string pragma) => Write(durably: true, writable => writable.Execute(pragma));

    /// <summary>Brings an older journal to this version, in one piece or not at all.</summary>
    private static void Upgrade(Database database) => database.Transact(() =>
    {
        // Another process may have been here first; only tables are added so far, so that every older version takes the same step.
        if (VersionOf(database, out _) < SchemaVersion)
        {
            database.Execute(Schema);
            database.Run("UPDATE schema SET version = ?, writer = ?", [$"{SchemaVersion}", Self()]);
        }
    });

    private List<JournalRecord> RecordsOf(Database? readable, string query, string kind, params ReadOnlySpan<string?> more)
    {
        var found = new List<JournalRecord>();
        if (hasRecords)
        {
            readable?.Run(query, [kind, .. more], row => found.Add(new JournalRecord(
                kind, row.Text(0), DateTimeOffset.Parse(row.Text(1), CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind), row.Text(2))));
        }

        return found;
    }

    private static TransactionDocument? Folded(Database readable, string transaction)
    {
        TransactionDocument? document = null;
        readable.Run("SELECT began FROM transactions WHERE id = ?", [transaction], row => document = EventFrom(row.Text(0)).ApplyTo(null));
        readable.Run("SELECT event FROM events WHERE id = ? ORDER BY seq", [transaction], row => document = EventFrom(row.Text(0)).ApplyTo(document));
        return document;
    }

    private static void Import(Database writable, NoOpLine line) => writable.Run(
        "INSERT INTO transactions (id, started, environment, document) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        [line.Id, StartOf(line.Id), line.Environment, line.Json]);

    private void Write(bool durably, Action<Database> work)
    {
        lock (gate)
        {
            try
            {
                var writable = database ?? throw new InvalidOperationException("the journal was opened for reading only");
                if (durable != durably)
                {
                    writable.Execute(durably ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
                    durable = durably;
                }

                work(writable);
            }
            catch (SqliteException e)
            {
                throw JournalTrouble.Tell(e, path);
            }
        }
    }

    private T Read<T>(Func<Database?, T> work)
    {
        lock (gate)
        {
            try
            {
                return work(database);
            }
            catch (SqliteException e)
            {
                throw JournalTrouble.Tell(e, path);
            }
            catch (JsonException e)
            {
                throw JournalTrouble.Tell(new SqliteException(raw.SQLITE_CORRUPT, raw.SQLITE_CORRUPT, e.Message), path);
            }
        }
    }

    /// <summary>Null in a new, empty file.</summary>
    private static long? VersionOf(Database database, out string writer)
    {
        long? version = null;
        var by = "";
        var exists = false;
        database.Run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema'", [], _ => exists = true);
        if (exists)
        {
            database.Run("SELECT version, writer FROM schema ORDER BY version DESC LIMIT 1", [], row => (version, by) = (row.Number(0), row.Text(1)));
        }

        writer = by;
        return version;
    }

    /// <summary>Switching is not covered by the busy timeout when two processes create the file at once.</summary>
    private static void UseWriteAheadLog(Database database)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                database.Execute("PRAGMA journal_mode = WAL");
                return;
            }
            catch (SqliteException e) when (e.Code is raw.SQLITE_BUSY or raw.SQLITE_LOCKED && attempt < 100)
            {
                Thread.Sleep(Math.Min(attempt, 50));
            }
        }
    }

    /// <summary>The part of an id that sorts by time.</summary>
    private static string StartOf(string id) => id.Length > 18 ? id[..18] : id;

    private static string ToJson(TransactionEvent happened) => JsonSerializer.Serialize(happened, TransactionJson.Default.TransactionEvent);

    private static TransactionEvent EventFrom(string json) =>
        JsonSerializer.Deserialize(json, TransactionJson.Default.TransactionEvent) ?? throw new JsonException("an event is null");

    private static TransactionDocument FromJson(string json) =>
        JsonSerializer.Deserialize(json, TransactionJson.Default.TransactionDocument) ?? throw new JsonException("a document is null");

    private static string Self() =>
        typeof(Journal).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
