using System.Globalization;
using System.Text;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>The governance check of 1,000 migrations: whole processes, a branch with migrations of its own beside a main that has others, without a database, with SQLite, with PostgreSQL.</summary>
internal static class LedgerBench
{
    private const int Migrations = 1000;
    private const int Goal = 300;

    /// <param name="postgres">A database that the bench may fill and empty; null: left out.</param>
    public static void Run(Page page, string lap, int rounds, string? postgres)
    {
        var folder = Directory.CreateTempSubdirectory("laptime-bench-").FullName;
        try
        {
            var ledger = Fill(folder);
            _ = Child.Run(new Command { Program = "python3", Arguments = ["-c", "import sqlite3, sys; d = sqlite3.connect('db.sqlite3'); d.executescript(open('ledger.sql').read()); d.commit()"], Directory = folder });
            var things = new List<(string, Func<Cost>)>
            {
                ("`lap version`: the program alone", () => Child.Run(Lap("version"))),
                ("`git merge-tree` and the four questions around it", () => Child.Run(Command.Shell("git rev-parse HEAD && git for-each-ref && git merge-tree --write-tree --name-only HEAD main && git diff-tree -r HEAD main -- db && git ls-tree -r --name-only main -- db", folder))),
                ("`lap ledger check`, files and the merge", () => Child.Run(Lap("ledger", "check", "files", "--bodies", "none"))),
                ("the same and a SQLite database", () => Child.Run(Lap("ledger", "check", "sqlite", "--bodies", "none"))),
                ("with SQLite, and its 10 pending bodies tried twice each", () => Child.Run(Lap("ledger", "check", "sqlite"))),
            };
            if (postgres is not null)
            {
                _ = Child.Run(new Command { Program = "psql", Arguments = ["-q", "-v", "ON_ERROR_STOP=1", "-d", postgres, "-c", "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public", "-f", ledger], Directory = folder });
                things.Add(("the same and a PostgreSQL database", () => Child.Run(Lap("ledger", "check", "postgres", "--bodies", "none"))));
                things.Add(("with PostgreSQL, and its 10 pending bodies read and asked about, not tried", () => Child.Run(Lap("ledger", "check", "postgres"))));
                things.Add(("`psql` with the ledger's rows", () => Child.Run(new Command { Program = "psql", Arguments = ["-q", "-d", postgres, "-c", "SELECT version FROM schema_migrations"], Directory = folder })));
            }

            var series = Rounds.Run(rounds, [.. things]);
            page.Line($"## The governance check of {Migrations:N0} migrations (3 objects each, all looked up), {rounds} rounds");
            page.Line();
            page.Head("ms", "median", "least", "processor", "goal");
            foreach (var one in series)
            {
                page.Row(one.Name, Page.Ms(one.Median), Page.Ms(one.Least), Page.Ms(one.Cpu), one.Name.Contains("lap ledger", StringComparison.Ordinal) || one.Name.StartsWith("the same", StringComparison.Ordinal) ? Page.Against(one.Median, Goal, " ms") : "");
            }

            page.Line();
            page.Line("The goal is 300 ms plus one round trip. The times are of whole processes: the start of the program is in them, and five of git. A database is asked three questions: which ledger tables there are, their");
            page.Line("rows, and which of the 3,000 objects are in the catalog. That is `lap ledger check --bodies none`; what the pending bodies do is the other axis, with [goals of its own](behaviour.md).");
            page.Save();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Command Lap(params string[] arguments) => new() { Program = lap, Arguments = [.. arguments, "--quiet"], Directory = folder, Environment = new Dictionary<string, string?> { ["BENCH_URL"] = postgres } };
    }

    /// <summary>main has one migration that the branch has not, and the branch five that main has not.</summary>
    /// <returns>The SQL that makes the ledger and everything that was applied.</returns>
    private static string Fill(string folder)
    {
        var sql = new StringBuilder("CREATE TABLE schema_migrations (version varchar(128) primary key);\nBEGIN;\n");
        Directory.CreateDirectory(Path.Combine(folder, "db"));
        File.WriteAllText(Path.Combine(folder, "laptime.yaml"), """
            version: 1
            name: bench
            components: { web: { path: ., inputs: [laptime.yaml] } }
            ledgers:
              files: { path: db, owners: { "*": "@data" } }
              sqlite: { path: db, owners: { "*": "@data" }, database: "sqlite:db.sqlite3" }
              postgres: { path: db, owners: { "*": "@data" }, database: "${env.BENCH_URL}" }

            """);
        for (var i = 1; i <= Migrations; i++)
        {
            var body = string.Create(CultureInfo.InvariantCulture, $"CREATE TABLE table_{i} (id integer PRIMARY KEY, name text NOT NULL, made_at timestamp);\nALTER TABLE table_{i} ADD COLUMN note text;\nCREATE INDEX index_{i} ON table_{i} (name);\n");
            Write(i, body);
            if (i <= Migrations - 10)
            {
                sql.Append(body).Append(CultureInfo.InvariantCulture, $"INSERT INTO schema_migrations VALUES ('{i:00000}');\n");
            }

            if (i == Migrations - 5)
            {
                Git("init", "-q", "-b", "main");
                Git("add", "-A");
                Git("commit", "-q", "-m", "main");
                Git("branch", "work");
                Write(90_000, "CREATE TABLE mains_own (id integer);\n");
                Git("add", "-A");
                Git("commit", "-q", "-m", "main goes on");
                Git("checkout", "-q", "work");
            }
        }

        Git("add", "-A");
        Git("commit", "-q", "-m", "work");
        // What is below the newest of main is a finding; a check that fails is not what is measured.
        for (var i = Migrations - 4; i <= Migrations; i++)
        {
            Git("mv", Name(i), Name(90_000 + i));
        }

        Git("commit", "-q", "-m", "renumbered");
        var file = Path.Combine(folder, "ledger.sql");
        File.WriteAllText(file, sql.Append("COMMIT;\n").ToString());
        return file;

        static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"db/{number:00000}_change.sql");

        void Write(int number, string body) => File.WriteAllText(Path.Combine(folder, Name(number)), $"-- migrate:up\n{body}\n-- migrate:down\n");

        void Git(params string[] arguments) => Child.Run(new Command { Program = "git", Arguments = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", .. arguments], Directory = folder });
    }
}
