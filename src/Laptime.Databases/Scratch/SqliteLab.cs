using Laptime.Foundations;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Storage.Sqlite;
using SQLitePCL;

namespace Laptime.Databases.Scratch;

/// <summary>Tries the bodies of one ledger on copies of a SQLite file, made by SQLite's own backup: the file in use is only read.</summary>
public static class SqliteLab
{
    // Longer than a second: what a body or a trigger takes from the clock has another value then.
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(1050);

    private static readonly string[] Clocks = ["current_time", "current_date", "'now'", "datetime(", "date(", "time(", "julianday(", "unixepoch(", "strftime(", "timediff("];

    /// <param name="file">The database in use.</param>
    /// <param name="folder">Where copies are put; those of killed runs are removed from it.</param>
    /// <param name="bound">On all the trying of one body.</param>
    public static async Task<IReadOnlyList<Trial>> TryAsync(
        string file, IReadOnlyList<(MigrationBody Body, ScriptReading Reading)> bodies, string folder, TimeSpan bound, TimeProvider clock, CancellationToken cancel)
    {
        foreach (var left in Directory.EnumerateFiles(folder, ScratchName.Prefix + "*"))
        {
            if (ScratchName.Parse(Path.GetFileName(left).Split('.')[0]) is { } name && name.IsDead(clock))
            {
                File.Delete(left);
            }
        }

        var trials = new List<Trial>();
        string? blocked = null;
        var current = Path.Combine(folder, ScratchName.New(clock) + ".db");
        try
        {
            Copy(file, current);
            foreach (var (body, reading) in bodies)
            {
                if (reading.Refused.Count > 0 || blocked is not null)
                {
                    trials.Add(Trial.NotRun("not tried: " + (blocked is null ? string.Join("; ", reading.Refused.Take(3)) : $"{blocked}, which comes before it, could not be applied")));
                    blocked ??= body.File;
                    continue;
                }

                // Kept as the first application leaves it: what the next body meets.
                var once = Path.Combine(folder, ScratchName.New(clock) + ".db");
                var trial = await RunAsync(current, once, body, reading, bound, clock, cancel);
                trials.Add(trial with { Notes = [$"tried on a copy of {Path.GetFileName(file)}, rows and all"] });
                blocked = File.Exists(once) ? null : body.File;
                Remove(current);
                current = once;
            }
        }
        catch (SqliteException e)
        {
            var why = Trial.NotRun($"not tried: SQLite says: {e.Message}");
            trials.AddRange(bodies.Skip(trials.Count).Select(_ => why));
        }
        finally
        {
            Remove(current);
        }

        return trials;
    }

    private static async Task<Trial> RunAsync(string path, string once, MigrationBody body, ScriptReading reading, TimeSpan bound, TimeProvider clock, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var stopped = false;
        bool Stop() => stopped = cancel.IsCancellationRequested || clock.GetElapsedTime(started) > bound;
        try
        {
            var rows = new Dictionary<long, (string Name, long First)>();
            if (Apply(path, body, reading, Stop, out _, (at, name, changed) => rows[at] = (name, changed)) is { } first)
            {
                cancel.ThrowIfCancellationRequested();
                return stopped ? Stopped("the first application") : TrialJudge.Judge(new TrialFacts { FirstError = first }) with { Elapsed = clock.GetElapsedTime(started) };
            }

            File.Copy(path, once);
            var before = SqliteState.Read(path, Stop);
            var rest = Apart - clock.GetElapsedTime(started);
            if (rest > TimeSpan.Zero && (before.Schema.Values.Any(UsesClock) || body.Pieces().Any(static p => UsesClock(p.Text))))
            {
                await Task.Delay(rest, clock, cancel);
            }

            var rowless = new List<string>();
            var counter = Counter(path);
            var second = Apply(path, body, reading, Stop, out var written, (at, name, changed) =>
            {
                if (changed == 0 && rows.GetValueOrDefault(at) is { First: 0 })
                {
                    rowless.Add(name);
                }
            });
            cancel.ThrowIfCancellationRequested();
            if (second is not null)
            {
                return stopped ? Stopped("the second application") : TrialJudge.Judge(new TrialFacts { SecondError = second }) with { Elapsed = clock.GetElapsedTime(started) };
            }

            var counted = Counter(path) - counter;
            return TrialJudge.Judge(SqliteState.Compare(before, SqliteState.Read(path, Stop)) with { Rowless = rowless, RowsWritten = written, FileChanges = counted }) with { Elapsed = clock.GetElapsedTime(started) };
        }
        catch (SqliteException) when (stopped && !cancel.IsCancellationRequested)
        {
            return Stopped("reading the meters");
        }

        Trial Stopped(string stage) => Trial.NotRun($"{stage} did not end within {Duration.Text(bound)} and was stopped") with { Ran = true, Elapsed = clock.GetElapsedTime(started) };
    }

    private static bool UsesClock(string text) => Clocks.Any(c => text.Contains(c, StringComparison.OrdinalIgnoreCase));

    /// <returns>How it failed; null: it went through.</returns>
    private static string? Apply(string path, MigrationBody body, ScriptReading reading, Func<bool> stop, out long written, Action<long, string, long> acted)
    {
        using var database = Open(path, stop);
        written = 0;
        var before = database.TotalChanges;
        var whole = reading.ControlsTransaction is null && !reading.OutsideTransaction && body.InTransaction != false;
        var (line, head, ordinal) = (0L, new Func<string>(static () => ""), 0L);
        try
        {
            database.Execute(whole ? "BEGIN" : "SELECT 1");
            foreach (var piece in body.Pieces())
            {
                if (piece.Kind != SqlPieceKind.Statement)
                {
                    continue;
                }

                (line, head) = (piece.Line, () => StatementReader.Read(piece, SqlDialect.Sqlite).Head);
                if (stop())
                {
                    // SQLite asks within a statement alone, and many small ones are as long as one.
                    return $"line {line}, {head()}: interrupted";
                }

                var changes = database.TotalChanges;
                database.Execute(piece.Text);
                ordinal++;
                if (ordinal <= ScriptReading.Kept && StatementReader.Read(piece, SqlDialect.Sqlite) is { NeedsRows: true } statement)
                {
                    acted(ordinal, $"{statement.Head} (line {piece.Line})", database.TotalChanges - changes);
                }
            }

            if (whole)
            {
                head = static () => "commit";
                database.Execute("COMMIT");
            }

            written = database.TotalChanges - before;
            return null;
        }
        catch (SqliteException e)
        {
            return $"line {line}, {head()}: {e.Message}{(e.Message.Contains("too many attached", StringComparison.Ordinal) ? " (a scratch reaches no other file: contained)" : "")}";
        }
    }

    internal static Database Open(string path, Func<bool> stop)
    {
        var database = Database.Open(path, raw.SQLITE_OPEN_READWRITE);
        // Nothing but this copy can be reached, and everything can be stopped.
        database.Contain(stop);
        database.Execute("PRAGMA synchronous = OFF");
        database.Run("PRAGMA journal_mode = DELETE", []);
        return database;
    }

    /// <summary>SQLite's own count of transactions that changed the file (bytes 24 to 27 of it).</summary>
    private static uint Counter(string path)
    {
        Span<byte> header = stackalloc byte[28];
        using var file = File.OpenRead(path);
        return file.ReadAtLeast(header, 28, throwOnEndOfStream: false) < 28 ? 0 : System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(header[24..]);
    }

    private static void Copy(string from, string to)
    {
        if (!File.Exists(from))
        {
            // Nothing was ever applied: the tool would make it.
            File.WriteAllBytes(to, []);
            return;
        }

        using var source = Database.Open(from, raw.SQLITE_OPEN_READONLY);
        source.BackUpTo(to);
    }

    private static void Remove(string path)
    {
        foreach (var suffix in (string[])["", "-journal", "-wal", "-shm"])
        {
            File.Delete(path + suffix);
        }
    }
}
