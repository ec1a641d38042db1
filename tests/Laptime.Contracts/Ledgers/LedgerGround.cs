using System.Diagnostics;
using Laptime.Databases;
using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Processes;
using Laptime.Tests.Engines;
using Laptime.Workspaces;

namespace Laptime.Contracts.Ledgers;

/// <summary>A workspace with one ledger, a real database, and, where a test wants it, a git repository.</summary>
internal sealed class LedgerGround : IDisposable
{
    private readonly PostgresServer? server;
    private readonly string database;

    private LedgerGround(string tool, string path, string extra, PostgresServer? server, string database)
    {
        (Path, this.server, this.database) = (path, server, database);
        var place = server is null ? "sqlite:db.sqlite3" : server.Url(database);
        Write("laptime.yaml", "version: 1\nname: shop\ncomponents: { web: { path: web, run: { command: \"true\" } } }\n"
            + $"ledgers:\n  main: {{ tool: {tool}, path: {path}, database: \"${{env.LEDGER_URL}}\"{extra} }}\n");
        Directory.CreateDirectory(At("web"));
        Directory.CreateDirectory(At(path));
        Url = place;
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("lap-ledger-test-").FullName;

    public string Path { get; }

    /// <summary>Null: the variable is not set.</summary>
    public string? Url { get; set; }

    public static async Task<LedgerGround> OfAsync(string tool, string path, DatabaseKind kind, string extra = "")
    {
        if (kind == DatabaseKind.Sqlite)
        {
            return new LedgerGround(tool, path, extra, null, "");
        }

        var server = await PostgresServer.SharedAsync();
        return new LedgerGround(tool, path, extra, server, await server.DatabaseAsync("ledger"));
    }

    public string At(string path) => System.IO.Path.Combine(Root, path);

    public void Write(string path, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
    }

    public void Remove(string path) => File.Delete(At(path));

    public async Task SqlAsync(string sql)
    {
        if (server is not null)
        {
            await server.PsqlAsync(database, sql);
            return;
        }

        SQLitePCL.Batteries_V2.Init();
        Assert.Equal(SQLitePCL.raw.SQLITE_OK, SQLitePCL.raw.sqlite3_open(At("db.sqlite3"), out var handle));
        using (handle)
        {
            Assert.True(SQLitePCL.raw.sqlite3_exec(handle, sql) == SQLitePCL.raw.SQLITE_OK, SQLitePCL.raw.sqlite3_errmsg(handle).utf8_to_string() + "\n" + sql);
        }
    }

    public async Task GitAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("git", ["-c", "user.name=Ann", "-c", "user.email=ann@localhost", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", .. arguments]) { WorkingDirectory = Root, RedirectStandardError = true, RedirectStandardOutput = true };
        using var program = Process.Start(start)!;
        var (output, error) = (program.StandardOutput.ReadToEndAsync(), program.StandardError.ReadToEndAsync());
        await program.WaitForExitAsync();
        Assert.True(program.ExitCode == 0, $"git {string.Join(' ', arguments)}: {await error}{await output}");
    }

    public async Task CommitAsync(string message)
    {
        await GitAsync("add", "-A", "--", ".", ":!db.sqlite3");
        await GitAsync("commit", "-q", "--allow-empty", "-m", message);
    }

    public async Task<LedgerReading> CheckAsync(bool filesOnly = false)
    {
        var check = new LedgerCheck(
            WorkspaceFile.Load(At("laptime.yaml"), static _ => null), new ProcessRunner(TimeProvider.System), LedgerDatabases.Open, name => name == "LEDGER_URL" ? Url : null);
        return Assert.Single(await check.CheckAsync("main", filesOnly, TestContext.Current.CancellationToken));
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

internal static class Findings
{
    /// <summary>Those that somebody has to decide about, as <c>kind id</c>.</summary>
    public static string[] Conflicts(this LedgerReading reading) => [.. reading.Governance.Findings.Where(f => f.Weight == FindingWeight.Conflict).Select(f => $"{f.Kind} {f.Id}").Order(StringComparer.Ordinal)];

    public static LedgerFinding One(this LedgerReading reading, FindingKind kind) => Assert.Single(reading.Governance.Findings, f => f.Kind == kind);

    public static void Clean(this LedgerReading reading)
    {
        Assert.Empty(reading.Conflicts());
        Assert.Equal("clean", reading.Governance.Verdict);
    }
}
