using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Laptime.Tests.Engines;

/// <summary>
/// A real PostgreSQL server of this test program's own, from Debian's package: data in a temporary folder, on a free loopback port (with a password) and on a Unix
/// socket in that folder; nothing of the machine's own server is used or touched. Ended and removed with the test program, also when that is killed.
/// pg_stat_statements is preloaded where the package has it, <c>track_functions</c> is as PostgreSQL ships it (none). Where it cannot run, the
/// test that asks for it is skipped aloud (see <see cref="Requirement"/>).
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    public const string User = "postgres";

    // Makes the cluster, runs the server, and ends both when its own input ends: with us, whatever ends us. PostgreSQL refuses root.
    private const string Script = """
        folder=$1 port=$2 preload=$3
        as=
        if [ "$(id -u)" = 0 ]; then
            chown -R postgres "$folder" || exit 1
            as="setpriv --reuid=postgres --regid=postgres --init-groups"
        fi
        cd "$folder"
        [ -e data ] || $as initdb -D "$folder/data" -U postgres -E UTF8 --locale=C.UTF-8 -N --auth-local=trust --auth-host=scram-sha-256 --pwfile="$folder/password" > initdb.log 2>&1 \
            || { cat initdb.log >&2; rm -rf -- "$folder"; exit 1; }
        $as postgres -D "$folder/data" -k "$folder" -c listen_addresses=127.0.0.1 -c port="$port" -c fsync=off -c full_page_writes=off \
            -c max_connections=200 -c max_prepared_transactions=5 -c shared_preload_libraries="$preload" -c log_min_messages=warning -c log_statement=none < /dev/null &
        pid=$!
        exec >&- 2>&-
        while read -r line; do :; done
        # Immediately: nothing of it is kept.
        kill -QUIT $pid
        wait $pid
        rm -rf -- "$folder"
        """;

    private static readonly TimeSpan StartBound = TimeSpan.FromSeconds(60);
    private static readonly Lock SharedGate = new();
    private static Task<PostgresServer>? shared;
    private readonly string bin;
    private readonly Queue<string> log = new();
    private Process? process;
    private int databases;

    private PostgresServer(string bin) => this.bin = bin;

    /// <summary>Data, log and the Unix socket: what <c>host=</c> says to connect without a password.</summary>
    public string Folder { get; private set; } = "";

    /// <summary>Its port on 127.0.0.1, and the socket's.</summary>
    public int Port { get; private set; }

    /// <summary>Of <see cref="User"/>, over 127.0.0.1.</summary>
    public string Password { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));

    /// <summary>Whether pg_stat_statements is preloaded (a database still has to <c>create extension</c> it).</summary>
    public bool HasStatements { get; private set; }

    /// <summary>The last lines it logged.</summary>
    public string Log
    {
        get
        {
            lock (log)
            {
                return string.Join('\n', log);
            }
        }
    }

    /// <summary>The server that all tests of the program share: each uses a database of its own (<see cref="DatabaseAsync"/>). About a second at the first call.</summary>
    public static Task<PostgresServer> SharedAsync()
    {
        lock (SharedGate)
        {
            // A skipped or failed start is not kept: each test says so itself.
            return shared is { IsCompleted: true, IsCompletedSuccessfully: false } or null ? shared = StartSharedAsync() : shared;
        }
    }

    /// <summary>A server for one test: to change its settings or to end it.</summary>
    public static async Task<PostgresServer> OwnAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            Requirement.Missing("postgres", "it needs Linux");
        }

        if (Environment.IsPrivilegedProcess && !File.ReadLines("/etc/passwd").Any(l => l.StartsWith("postgres:", StringComparison.Ordinal)))
        {
            Requirement.Missing("postgres", "PostgreSQL refuses root, and there is no user postgres to run it as");
        }

        var server = new PostgresServer(Bin());
        await server.StartAsync();
        return server;
    }

    /// <summary><c>postgres://postgres:…@127.0.0.1:PORT/DATABASE</c>.</summary>
    public string Url(string database, string? user = null, string? password = null) =>
        $"postgres://{user ?? User}:{password ?? Password}@127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}/{database}?sslmode=disable";

    /// <summary>Makes an empty database for one test; the server's end removes it.</summary>
    /// <param name="name">Letters, digits and underscores: what the test is about. A number is added.</param>
    public async Task<string> DatabaseAsync(string name = "test")
    {
        var database = $"{name}_{Interlocked.Increment(ref databases).ToString(CultureInfo.InvariantCulture)}";
        await PsqlAsync("postgres", $"create database {database}");
        return database;
    }

    /// <summary>Runs SQL with psql, each statement by itself, and stops at the first error.</summary>
    /// <returns>Rows without headings, columns separated by '|'.</returns>
    /// <exception cref="EngineException">What psql said.</exception>
    public async Task<string> PsqlAsync(string database, string sql)
    {
        var start = new ProcessStartInfo(Path.Combine(bin, "psql"), ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", Folder, "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", User, "-d", database, "-f", "-"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var program = Process.Start(start)!;
        var output = program.StandardOutput.ReadToEndAsync();
        var error = program.StandardError.ReadToEndAsync();
        try
        {
            await program.StandardInput.WriteAsync(sql);
            program.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read all: its exit code tells.
        }

        await program.WaitForExitAsync();
        return program.ExitCode == 0 ? (await output).TrimEnd('\n') : throw new EngineException($"psql: {await error}");
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { } running)
        {
            process = null;
            running.StandardInput.Close();
            await running.WaitForExitAsync();
            running.Dispose();
        }
    }

    private static async Task<PostgresServer> StartSharedAsync() => SharedServers.Add(await OwnAsync());

    /// <summary>Debian keeps the programs of each version in a folder of their own, not on PATH.</summary>
    private static string Bin()
    {
        if (Directory.Exists("/usr/lib/postgresql"))
        {
            foreach (var version in Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(v => double.TryParse(Path.GetFileName(v), CultureInfo.InvariantCulture, out var number) ? number : 0))
            {
                if (File.Exists(Path.Combine(version, "bin", "initdb")) && File.Exists(Path.Combine(version, "bin", "psql")))
                {
                    return Path.Combine(version, "bin");
                }
            }
        }

        return Path.GetDirectoryName(Requirement.Program("postgres", "initdb"))!;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private async Task StartAsync()
    {
        var library = Path.Combine(Path.GetDirectoryName(bin)!, "lib", "pg_stat_statements.so");
        HasStatements = File.Exists(library);
        for (var attempt = 1; ; attempt++)
        {
            // Somebody may take the port between our look and the server's: then another one.
            Port = FreePort();
            Folder = Directory.CreateTempSubdirectory("lap-postgres-").FullName;
            await File.WriteAllTextAsync(Path.Combine(Folder, "password"), Password);
            try
            {
                await RunAsync();
                return;
            }
            catch (EngineException e)
            {
                await DisposeAsync();
                if (attempt == 5 || !e.Message.Contains("could not bind", StringComparison.Ordinal))
                {
                    throw;
                }
            }
        }
    }

    private async Task RunAsync()
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", Folder, Port.ToString(CultureInfo.InvariantCulture), HasStatements ? "pg_stat_statements" : ""])
        {
            RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = bin + ":" + Environment.GetEnvironmentVariable("PATH");
        start.Environment["LC_MESSAGES"] = "C";
        foreach (var inherited in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        process = Process.Start(start)!;
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is null)
            {
                ready.TrySetException(new EngineException($"the PostgreSQL server ended:\n{Log}"));
                return;
            }

            lock (log)
            {
                log.Enqueue(e.Data);
                if (log.Count > 40)
                {
                    log.Dequeue();
                }
            }

            if (e.Data.Contains("database system is ready to accept connections", StringComparison.Ordinal))
            {
                ready.TrySetResult();
            }
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        await ready.Task.WaitAsync(StartBound);
    }
}
