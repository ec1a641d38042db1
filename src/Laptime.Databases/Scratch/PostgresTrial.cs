using Laptime.Foundations;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>One application of a body to a scratch database, statement by statement.</summary>
internal sealed class PostgresApplication(MigrationBody body, ScriptReading reading)
{
    /// <summary>Null: it went through.</summary>
    public string? Error { get; private set; }

    /// <summary>Ordinals of statements that act on rows, with how many they changed.</summary>
    public Dictionary<long, (string Name, int Rows)> Rows { get; } = [];

    public List<string> Notices { get; } = [];

    /// <summary>Whether one transaction holds all of it.</summary>
    public bool InTransaction => reading.ControlsTransaction is null && !reading.OutsideTransaction && body.InTransaction != false;

    /// <exception cref="OperationCanceledException">The bound ran out; the session may still be at work on the server.</exception>
    public async Task RunAsync(PostgresDoor door, CancellationToken cancel)
    {
        PostgresSession session;
        try
        {
            session = await door.OpenAsync(cancel);
        }
        catch (FaultException e)
        {
            Error = e.Message;
            return;
        }

        await using (session)
        {
            session.Connection.Notice += (_, e) =>
            {
                if (Notices.Count < 20 && e.Notice.InvariantSeverity is "NOTICE" or "WARNING")
                {
                    Notices.Add($"{e.Notice.SqlState} {e.Notice.MessageText}");
                }
            };
            var at = (Line: 0L, Head: new Func<string>(static () => ""));
            try
            {
                if (InTransaction)
                {
                    await session.RunAsync("begin", cancel);
                }

                await RunAsync(session, piece => at = (piece.Line, () => StatementReader.Read(piece, SqlDialect.PostgreSql).Head), cancel);
                if (InTransaction)
                {
                    at = (at.Line, static () => "commit");
                    await session.RunAsync("commit", cancel);
                }
            }
            catch (PostgresException e) when (!cancel.IsCancellationRequested)
            {
                Error = $"line {at.Line}, {at.Head()}: {e.SqlState} {e.MessageText}{Meaning(e.SqlState, at.Line)}";
            }
            catch (NpgsqlException) when (!cancel.IsCancellationRequested)
            {
                Error = $"line {at.Line}, {at.Head()}: the session was ended in the middle of it (pg_terminate_backend, or a crash)";
            }
        }
    }

    private string Meaning(string state, long line)
    {
        var wide = reading.Statements.FirstOrDefault(s => s.Line == line)?.ServerWide;
        return state switch
        {
            "42501" => wide is null ? " (the scratch's role may not do that: contained)" : $" (contained: {wide}, and the scratch's role may not do that)",
            "0A000" or "58P01" => " (an extension that this server does not have?)",
            "55P04" => " (a new value of an enum is used in the transaction that adds it)",
            "25001" => " (it cannot run inside a transaction)",
            _ => "",
        };
    }

    private async Task RunAsync(PostgresSession session, Action<SqlPiece> at, CancellationToken cancel)
    {
        TextWriter? copy = null;
        try
        {
            long ordinal = 0;
            foreach (var piece in body.Pieces())
            {
                cancel.ThrowIfCancellationRequested();
                if (copy is not null && piece.Kind == SqlPieceKind.CopyData)
                {
                    await copy.WriteAsync(piece.Text.AsMemory(), cancel);
                    continue;
                }

                if (copy is not null && piece.Kind != SqlPieceKind.Blank)
                {
                    await copy.DisposeAsync();
                    copy = null;
                }

                if (piece.Kind != SqlPieceKind.Statement)
                {
                    continue;
                }

                ordinal++;
                at(piece);
                if (piece.TakesData)
                {
                    copy = await session.Connection.BeginTextImportAsync(piece.Text, cancel);
                    continue;
                }

                var changed = await session.RunAsync(piece.Text, cancel);
                if (changed >= 0 && piece.Words is ["UPDATE" or "DELETE" or "MERGE" or "WITH" or "INSERT", ..] && Rows.Count < ScriptReading.Kept
                    && StatementReader.Read(piece, SqlDialect.PostgreSql) is { NeedsRows: true } statement)
                {
                    Rows[ordinal] = ($"{statement.Head} (line {piece.Line})", changed);
                }
            }

            if (copy is not null)
            {
                await copy.DisposeAsync();
                copy = null;
            }
        }
        catch when (copy is not null)
        {
            // Ends the COPY as well as it can; what went wrong is already on its way.
            try
            {
                await copy.DisposeAsync();
            }
            catch (NpgsqlException)
            {
            }

            throw;
        }
    }
}

/// <summary>Applies a body twice to a scratch database, in transactions at least a second apart (the clock in a body goes on), and reads the meters in between.</summary>
internal sealed class PostgresTrial(PostgresScratch scratch, IReadOnlySet<string> invalidBefore, TimeProvider clock)
{
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(1050);

    /// <param name="database">A scratch; it is not fit for another body afterwards.</param>
    public async Task<Trial> RunAsync(string database, MigrationBody body, ScriptReading reading, TimeSpan bound, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        using var limit = new CancellationTokenSource(bound, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var stage = "the first application";
        try
        {
            var door = scratch.Into(database);
            var first = new PostgresApplication(body, reading);
            await first.RunAsync(door, both.Token);
            if (first.Error is { } error)
            {
                return TrialJudge.Judge(new TrialFacts { FirstError = error }) with { Elapsed = clock.GetElapsedTime(started) };
            }

            stage = "reading the meters";
            PostgresState before, after;
            long? wal = null;
            PostgresApplication second;
            await using (var meters = await door.OpenAsync(both.Token))
            {
                before = await PostgresMeters.ReadAsync(meters, both.Token);
                var rest = Apart - clock.GetElapsedTime(started);
                if (rest > TimeSpan.Zero)
                {
                    await Task.Delay(rest, clock, both.Token);
                }

                stage = "the second application";
                var from = await PostgresMeters.WalAsync(meters, both.Token);
                second = new PostgresApplication(body, reading);
                await second.RunAsync(door, both.Token);
                if (second.Error is { } again)
                {
                    return TrialJudge.Judge(new TrialFacts { SecondError = again }) with { Elapsed = clock.GetElapsedTime(started) };
                }

                stage = "reading the meters";
                wal = await PostgresMeters.WalAsync(meters, both.Token) - from;
                after = await PostgresMeters.ReadAsync(meters, both.Token);
            }

            return TrialJudge.Judge(Compare(before, after, first, second, reading, wal)) with { Elapsed = clock.GetElapsedTime(started) };
        }
        catch (Exception e) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested && e is OperationCanceledException or NpgsqlException or FaultException)
        {
            // Cancelling is a request that a body may ignore: its sessions are ended.
            await scratch.EndSessionsAsync(cancel);
            return Trial.NotRun($"{stage} did not end within {Duration.Text(bound)} and was stopped") with { Ran = true, Elapsed = clock.GetElapsedTime(started) };
        }
        catch (Exception e) when (e is NpgsqlException or FaultException && !cancel.IsCancellationRequested)
        {
            return Trial.NotRun($"{stage} failed: {e.Message}") with { Ran = true, Elapsed = clock.GetElapsedTime(started) };
        }
    }

    private TrialFacts Compare(PostgresState before, PostgresState after, PostgresApplication first, PostgresApplication second, ScriptReading reading, long? wal) => new()
    {
        Catalog = Meters.Differences(before.Catalog, after.Catalog, static (_, _) => "changed"),
        Content = before.Content is { } a && after.Content is { } b
            ? Meters.Differences(a, b, static (x, y) => x.Rows == y.Rows ? $"{y.Rows} rows, other values" : $"{x.Rows} rows, then {y.Rows}")
            : [],
        ContentUnread = before.ContentUnread ?? after.ContentUnread,
        Remade = [.. before.Tables.Where(t => after.Tables.TryGetValue(t.Key, out var id) && id != t.Value).Select(static t => t.Key).Order(StringComparer.Ordinal)],
        Sequences = Meters.Differences(before.Sequences, after.Sequences, static (x, y) => $"{x} to {y}"),
        InvalidIndexes = [.. reading.GuardedIndexes.Where(i => after.InvalidIndexes.Contains(i) || invalidBefore.Contains(i)).Distinct()],
        Rowless = [.. second.Rows.Where(r => r.Value.Rows == 0 && first.Rows.GetValueOrDefault(r.Key).Rows == 0).Select(static r => r.Value.Name)],
        Notices = [.. second.Notices.Distinct()],
        Wal = wal, TablesRead = after.Tables.Count, ObjectsRead = after.Catalog.Count,
    };
}
