using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;
using Laptime.Ledgers.Sql;
using Laptime.Processes;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>The schema of a database in use, made again without its rows: read by pg_dump (which only reads), put into a database of lap's.</summary>
internal sealed class PostgresSkeleton(ProcessRunner runner)
{
    /// <summary>Extensions that reach beyond their database: left out of every copy, so that nothing in it reaches the one in use.</summary>
    public static readonly string[] Reaching =
        ["dblink", "postgres_fdw", "file_fdw", "mysql_fdw", "oracle_fdw", "tds_fdw", "pg_background", "pg_cron", "pg_net", "http", "pgsql_http", "aws_s3", "aws_lambda", "adminpack", "plpython3u", "plperlu", "pltclu", "plsh", "pg_partman_bgw", "pgagent"];

    private static readonly TimeSpan DumpBound = TimeSpan.FromSeconds(60);

    /// <summary>What a schema is known by: another one is another skeleton.</summary>
    public static async Task<string> KeyAsync(PostgresDoor live, CancellationToken cancel)
    {
        await using var session = await live.ReadOnly().OpenAsync(cancel);
        // One transaction, one snapshot; nothing of it can write.
        await session.RunAsync("begin transaction isolation level repeatable read read only", cancel);
        await session.RunAsync("set local search_path = pg_catalog", cancel);
        var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, definition) in (await PostgresMeters.CatalogAsync(session, cancel)).OrderBy(static o => o.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n{definition}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>Fills an empty database.</summary>
    /// <returns>What could not be made, in words.</returns>
    public async Task<IReadOnlyList<string>> FillAsync(PostgresDoor live, PostgresDoor empty, string folder, CancellationToken cancel)
    {
        var file = Path.Combine(folder, $"schema-{Guid.NewGuid():n}.sql");
        try
        {
            await DumpAsync(live, file, cancel);
            await using var session = await empty.OpenAsync(cancel);
            await session.RunAsync("set synchronous_commit = off", cancel);
            await session.RunAsync("set check_function_bodies = off", cancel);
            var left = new List<string>();
            using var reader = new StreamReader(file);
            var waiting = new List<SqlPiece>();
            foreach (var piece in new SqlSplitter(reader, SqlDialect.PostgreSql).Pieces())
            {
                if (piece.Kind != SqlPieceKind.Statement || Reaches(piece) is { } reaches && Note(left, reaches))
                {
                    continue;
                }

                waiting.Add(piece);
                if (waiting.Count == 100)
                {
                    await RunAsync(session, waiting, left, cancel);
                }
            }

            await RunAsync(session, waiting, left, cancel);
            return left;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static bool Note(List<string> left, string what)
    {
        left.Add(what);
        return true;
    }

    private static string? Reaches(SqlPiece piece)
    {
        switch (piece.Words)
        {
            case ["CREATE", "SERVER", ..] or ["CREATE", "USER", "MAPPING", ..] or ["CREATE", "FOREIGN", ..] or ["CREATE", "SUBSCRIPTION", ..] or ["CREATE", "PUBLICATION", ..] or ["CREATE", "EVENT", "TRIGGER", ..]:
                return string.Join(' ', piece.Words.Skip(1).Take(3)).ToLowerInvariant() + " (it reaches beyond the database)";
            case ["CREATE", "EXTENSION", ..] or ["COMMENT", "ON", "EXTENSION", ..]:
                return SqlWord.Read(piece.Text, SqlDialect.PostgreSql).Find(static w => w.IsName && Reaching.Contains(w.Name)) is { Text: not null } name ? $"extension {name.Name} (it reaches beyond the database)" : null;
            default:
                return null;
        }
    }

    /// <summary>Many at once, and where one of them fails, one after the other: what fails is left out and named.</summary>
    private static async Task RunAsync(PostgresSession session, List<SqlPiece> pieces, List<string> left, CancellationToken cancel)
    {
        if (pieces.Count == 0)
        {
            return;
        }

        try
        {
            await using var batch = new NpgsqlBatch(session.Connection);
            foreach (var piece in pieces)
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand(piece.Text));
            }

            await batch.ExecuteNonQueryAsync(cancel);
        }
        catch (PostgresException)
        {
            foreach (var piece in pieces)
            {
                try
                {
                    await session.RunAsync(piece.Text, cancel);
                }
                catch (PostgresException e)
                {
                    left.Add($"{string.Join(' ', piece.Words.Take(4)).ToLowerInvariant()}: {e.SqlState} {e.MessageText}");
                }
            }
        }

        pieces.Clear();
    }

    private async Task DumpAsync(PostgresDoor live, string file, CancellationToken cancel)
    {
        var program = Program() ?? throw new FaultException(new Fault(
            Outcome.UsageError, "pg_dump is not installed: the schema cannot be copied for a trial", null, "install PostgreSQL's client programs, or name a `template` database to copy"));
        var result = await runner.RunAsync(
            new Command
            {
                Program = program, Arguments = ["--schema-only", "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-password", "--lock-wait-timeout=2000", "--file", file],
                Directory = Path.GetDirectoryName(file)!, Environment = live.ToEnvironment(), Deadline = DumpBound, FailsAs = Outcome.UsageError,
            }, null, cancel);
        if (!result.Succeeded)
        {
            throw new FaultException(new Fault(Outcome.UsageError, $"pg_dump could not read the schema of {live.Database}: {result.Ending}", null, "see what it says", result.Tail));
        }
    }

    /// <summary>The newest one: an older pg_dump refuses a newer server. Debian's own wrapper on PATH chooses too, and is slower.</summary>
    private static string? Program()
    {
        if (Directory.Exists("/usr/lib/postgresql"))
        {
            var newest = Directory.GetDirectories("/usr/lib/postgresql").Select(static v => Path.Combine(v, "bin", "pg_dump")).Where(File.Exists)
                .MaxBy(static p => double.TryParse(Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(p))), CultureInfo.InvariantCulture, out var version) ? version : 0);
            if (newest is not null)
            {
                return newest;
            }
        }

        var name = OperatingSystem.IsWindows() ? "pg_dump.exe" : "pg_dump";
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Where(static f => f.Length > 0).Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists);
    }
}
