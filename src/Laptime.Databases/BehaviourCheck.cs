using Laptime.Databases.Scratch;
using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Npgsql;

namespace Laptime.Databases;

/// <summary>Where and how long bodies are tried.</summary>
/// <param name="Scratch">A server that scratch databases may be made on; null: none (PostgreSQL's bodies are then only read).</param>
/// <param name="Template">A database of that server to copy with its rows; null: the schema of the database in use.</param>
/// <param name="IsApart">The server is not the one in use: the schema may stay there for the next time.</param>
public sealed record BehaviourSettings(DatabaseAddress? Scratch, string? Template, bool IsApart)
{
    /// <summary>Bound on all the trying of one body.</summary>
    public TimeSpan Bound { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>
/// The behaviour axis of one ledger: what its bodies do when they are applied twice, and whether what they define is called. The database in use is
/// only asked; bodies run in scratch databases alone.
/// </summary>
public sealed class BehaviourCheck(ProcessRunner runner, TimeProvider clock)
{
    /// <param name="bodies">In the order in which they will be applied.</param>
    /// <param name="applied">Bodies that are applied already: read and asked about, not tried.</param>
    /// <param name="live">Null: no database is asked, and none is tried on.</param>
    /// <param name="folder">For copies and dumps; made when it is needed.</param>
    public async Task<BehaviourReport> CheckAsync(
        IReadOnlyList<MigrationBody> bodies, IReadOnlyList<MigrationBody> applied, DatabaseAddress? live, BehaviourSettings settings, MentionSearch search, string folder, CancellationToken cancel)
    {
        var read = bodies.Select(b => (Body: b, Reading: ScriptReading.Of(b, cancel))).ToList();
        var trials = read.Count == 0 ? [] : await TryAsync(read, live, settings, folder, cancel);
        trials = [.. trials, .. applied.Select(static _ => (Trial?)null)];
        read.AddRange(applied.Select(b => (b, ScriptReading.Of(b, cancel))));
        var objects = read.Select(static r => r.Body.Objects.Concat(r.Reading.Statements.Select(static s => s.Touches).OfType<CatalogObject>()).Distinct().Take(50).ToList()).ToList();
        // Asked for many at once, since each question is a connection and a search; not for all, since each has a bound.
        var calls = new Dictionary<CatalogObject, CallReading>();
        foreach (var some in objects.SelectMany(static o => o).Distinct().Chunk(200))
        {
            foreach (var call in await CallsAsync(some, live, search, cancel))
            {
                calls[call.Object] = call;
            }
        }

        var findings = new List<BehaviourFinding>();
        for (var i = 0; i < read.Count; i++)
        {
            findings.AddRange(BehaviourFindings.Of(read[i].Body, read[i].Reading, trials[i], [.. objects[i].Where(calls.ContainsKey).Select(o => calls[o])], pending: i < bodies.Count));
        }

        return BehaviourFindings.Report(findings);
    }

    private async Task<IReadOnlyList<Trial?>> TryAsync(IReadOnlyList<(MigrationBody, ScriptReading)> read, DatabaseAddress? live, BehaviourSettings settings, string folder, CancellationToken cancel)
    {
        if (live is null || (live.Kind == DatabaseKind.PostgreSql && settings.Scratch is null))
        {
            return [.. read.Select(static _ => (Trial?)null)];
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            // Copies hold what the database holds.
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return live.Kind == DatabaseKind.Sqlite
            ? await SqliteLab.TryAsync(live.File, read, folder, settings.Bound, clock, cancel)
            : await PostgresLab.TryAsync(new ScratchSettings(settings.Scratch!, live) { Template = settings.Template, Bound = settings.Bound, KeepsSkeleton = settings.IsApart }, read, folder, runner, clock, cancel);
    }

    private static async Task<IReadOnlyList<CallReading>> CallsAsync(IReadOnlyList<CatalogObject> objects, DatabaseAddress? live, MentionSearch search, CancellationToken cancel)
    {
        IReadOnlyList<CatalogObject> asked = [.. objects.Where(static o => o.Kind is CatalogKind.Function or CatalogKind.Trigger or CatalogKind.Table or CatalogKind.View)];
        if (live is null || asked.Count == 0)
        {
            return [];
        }

        if (live.Kind == DatabaseKind.Sqlite)
        {
            var mentions = await search([.. asked.Select(static o => o.Name)], cancel);
            var there = await ThereAsync(live, asked, cancel);
            return [.. asked.Select(o => new CallReading(o, there.Contains(o) ? CallAnswer.CannotTell : CallAnswer.NotThere, there.Contains(o) ? $"SQLite counts no use of {o}" : $"{o} is not in the database yet: nobody can use it there", [mentions?.GetValueOrDefault(o.Name) is { Count: > 0 } files ? $"named in {string.Join(", ", files)}" : "no file of the workspace names it, migrations apart"]))];
        }

        try
        {
            return await PostgresCalls.ReadAsync(PostgresDoor.Of(live), asked, search, cancel);
        }
        catch (Exception e) when (e is FaultException or NpgsqlException && !cancel.IsCancellationRequested)
        {
            return [.. asked.Select(o => new CallReading(o, CallAnswer.CannotTell, $"whether {o} is called could not be asked: {e.Message}", []))];
        }
    }

    private static async Task<IReadOnlySet<CatalogObject>> ThereAsync(DatabaseAddress live, IReadOnlyList<CatalogObject> objects, CancellationToken cancel)
    {
        var database = LedgerDatabases.Open(live);
        await using var _ = database as IAsyncDisposable;
        return (await database.LookUpAsync(objects, cancel)).Present;
    }

    /// <summary>The body of a migration, for the database's dialect; null: it is written in another language.</summary>
    /// <param name="root">Absolute path of the workspace: files too large to be held are read from there.</param>
    /// <param name="path">Of the ledger, relative to it.</param>
    public static MigrationBody? BodyOf(Migration migration, string root, string path, DatabaseKind kind)
    {
        var file = path.Length == 0 ? migration.File : $"{path}/{migration.File}";
        var dialect = kind == DatabaseKind.Sqlite ? SqlDialect.Sqlite : SqlDialect.PostgreSql;
        if (migration.Up is { } sql)
        {
            return MigrationBody.OfText(migration.Version, file, dialect, sql) with { InTransaction = migration.InTransaction, Objects = [.. migration.Changes.OfType<CatalogChange.Creates>().Select(static c => c.Object)] };
        }

        var at = new FileInfo(Path.Combine(root, file));
        if (!at.Exists || at.Length <= MigrationFolder.LargestFile || at.Extension != ".sql")
        {
            return null;
        }

        return MigrationBody.OfFile(migration.Version, file, dialect, at.FullName) with
        {
            InTransaction = migration.InTransaction,
            Unread = !migration.IsStream ? $"the file is larger than {MigrationFolder.LargestFile >> 20} MiB, and only a part of it is what would be applied"
                : at.Length > MigrationBody.Largest ? $"the file is larger than {MigrationBody.Largest >> 30} GiB" : null,
        };
    }
}
