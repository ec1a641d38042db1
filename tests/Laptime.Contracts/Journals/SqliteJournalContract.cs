using Laptime.Foundations;
using Laptime.Storage.Sqlite;
using Laptime.Transactions;

namespace Laptime.Contracts.Journals;

public sealed class SqliteJournalContract : JournalContract, IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lap-journal-").FullName;

    private string File => Path.Combine(folder, "journal.db");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    protected override Journal Create() => SqliteJournal.Open(File);

    [Fact]
    public void Everything_is_there_when_it_is_opened_again()
    {
        using (var journal = Create())
        {
            journal.Begin(Samples.Began(1));
            journal.Append(Samples.Id(1), new TransactionEvent.Warned("kept"));
            journal.End(Samples.Document(2));
        }

        using var again = Create();
        Assert.Equal(["kept"], again.Load(Samples.Id(1))!.Warnings);
        Assert.Equal(Json(Samples.Document(2)), Json(again.Load(Samples.Id(2))));
    }

    [Fact]
    public void Another_process_sees_what_an_open_journal_wrote()
    {
        using var writer = Create();
        writer.Begin(Samples.Began(1));
        writer.Append(Samples.Id(1), new TransactionEvent.Warned("seen"));
        using var reader = SqliteJournal.OpenReadOnly(File);
        using var second = Create();
        Assert.Equal(["seen"], reader.Load(Samples.Id(1))!.Warnings);
        Assert.Equal(["seen"], second.Load(Samples.Id(1))!.Warnings);
    }

    [Fact]
    public async Task Two_writers_at_once_queue_and_lose_nothing()
    {
        var writers = Enumerable.Range(0, 2).Select(w => Task.Factory.StartNew(
            () =>
            {
                using var journal = Create();
                for (var i = 0; i < 50; i++)
                {
                    journal.End(Samples.Document(1) with { Id = $"tx-20261121-12000{w}-{i:x6}" });
                }
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        await Task.WhenAll(writers);
        using var after = Create();
        Assert.Equal(100, after.List(null, 1000).Count);
    }

    [Fact]
    public void A_journal_of_a_newer_version_is_refused_and_not_touched()
    {
        Create().Dispose();
        using (var database = Database.Open(File, SQLitePCL.raw.SQLITE_OPEN_READWRITE))
        {
            database.Execute("UPDATE schema SET version = 7, writer = '3.1.0'; CREATE TABLE new_things (x)");
        }

        var before = System.IO.File.ReadAllBytes(File);
        foreach (var open in new Func<Journal>[] { Create, () => SqliteJournal.OpenReadOnly(File) })
        {
            var error = Assert.Throws<LapException>(() => open());
            Assert.Contains("was written by lap 3.1.0 (schema 7); this is lap ", error.Message);
            Assert.Contains("upgrade lap, or move the file away", error.Message);
            Assert.Contains(File, error.Message);
        }

        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
    }

    [Fact]
    public void A_journal_of_the_first_version_is_read_as_it_is_and_upgraded_by_the_first_writer()
    {
        using (var database = Database.Open(File, SQLitePCL.raw.SQLITE_OPEN_READWRITE | SQLitePCL.raw.SQLITE_OPEN_CREATE))
        {
            // As version 1 wrote it.
            database.Execute(
                """
                PRAGMA journal_mode = WAL;
                CREATE TABLE schema (version INTEGER NOT NULL, writer TEXT NOT NULL);
                INSERT INTO schema VALUES (1, '0.0.1');
                CREATE TABLE transactions (
                    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started TEXT NOT NULL, environment TEXT NOT NULL, began TEXT, document TEXT);
                CREATE INDEX newest ON transactions (started, seq);
                CREATE INDEX unended ON transactions (id) WHERE document IS NULL;
                CREATE TABLE events (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, event TEXT NOT NULL);
                CREATE INDEX events_of ON events (id);
                """);
            database.Run(
                "INSERT INTO transactions (id, started, environment, document) VALUES (?, ?, ?, ?)",
                [Samples.Id(1), Samples.Id(1)[..18], "local", Json(Samples.Document(1))]);
        }

        var before = System.IO.File.ReadAllBytes(File);
        using (var question = SqliteJournal.OpenReadOnly(File))
        {
            Assert.Empty(question.Records("baseline"));
            Assert.Null(question.FindRecord("baseline", "b1"));
            Assert.Empty(question.Samples("baseline", "b1"));
            Assert.Single(question.List(null, 9));
        }

        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
        using (var writer = Create())
        {
            writer.Save(Samples.Record("baseline", "b1", 1));
            Assert.Equal(Json(Samples.Document(1)), Json(writer.Load(Samples.Id(1))));
        }

        using var again = SqliteJournal.OpenReadOnly(File);
        Assert.Single(again.Records("baseline"));
        using var version = Database.Open(File, SQLitePCL.raw.SQLITE_OPEN_READWRITE);
        var found = new List<(long, string)>();
        version.Run("SELECT version, writer FROM schema", [], row => found.Add((row.Number(0), row.Text(1))));
        Assert.Equal(2, Assert.Single(found).Item1);
        Assert.NotEqual("0.0.1", found[0].Item2);
    }

    [Fact]
    public void A_damaged_journal_is_named_with_its_cure()
    {
        System.IO.File.WriteAllText(File, "this is not a database, but long enough to be looked at as one " + new string('x', 4096));
        var before = System.IO.File.ReadAllBytes(File);
        var error = Assert.Throws<LapException>(Create);
        Assert.Contains("the journal is damaged", error.Message);
        Assert.Contains($"mv '{File}' '{File}.damaged'", error.Message);
        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
    }

    [Fact]
    public void A_full_disk_is_named_and_what_was_recorded_stays()
    {
        using var journal = Create();
        journal.End(Samples.Document(1));
        // The file may not grow: SQLite gives the same answer as on a full disk.
        ((SqliteJournal)journal).Tune("PRAGMA max_page_count = 1");
        var error = Assert.Throws<LapException>(() => journal.End(Samples.Document(2) with { Warnings = [new string('x', 1_000_000)] }));
        Assert.Contains("the disk is full", error.Message);
        Assert.Equal([Samples.Id(1)], journal.List(null, 9).Select(d => d.Id));
    }

    [Fact]
    public void A_question_creates_and_leaves_nothing()
    {
        using (var none = SqliteJournal.OpenReadOnly(File))
        {
            Assert.Empty(none.List(null, 9));
        }

        Assert.Empty(Directory.GetFileSystemEntries(folder));
        using (var journal = Create())
        {
            journal.End(Samples.Document(1));
        }

        using (var reader = SqliteJournal.OpenReadOnly(File))
        {
            Assert.Single(reader.List(null, 9));
        }

        Assert.Equal([File], Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_named_and_can_still_be_read()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Skip("root writes everywhere; Windows has no modes");
            return;
        }

        using (var journal = Create())
        {
            journal.End(Samples.Document(1));
        }

        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead);
        System.IO.File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            using (var reader = SqliteJournal.OpenReadOnly(File))
            {
                Assert.Single(reader.List(null, 9));
            }

            var error = Assert.Throws<LapException>(() =>
            {
                using var journal = Create();
                journal.End(Samples.Document(2));
            });
            Assert.Contains(File, error.Message);
            Assert.Contains("writable", error.Message);
        }
        finally
        {
            System.IO.File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void Runs_without_work_are_shown_at_once_and_folded_by_the_next_real_run()
    {
        var log = NoOpLog.Beside(File);
        using var journal = SqliteJournal.Open(File, log);
        journal.End(Samples.Document(1));
        Append(log, 2);
        Append(log, 3);
        Assert.Equal([Samples.Id(3), Samples.Id(2), Samples.Id(1)], journal.List(null, 9).Select(d => d.Id));
        Assert.Equal([Samples.Id(3), Samples.Id(2)], journal.List("local", 2).Select(d => d.Id));
        Assert.Equal("unchanged", journal.Load(Samples.Id(2))!.Outcome);
        var seen = journal.List(null, 9).Select(Json).ToList();

        journal.Begin(Samples.Began(4));
        journal.End(Samples.Document(4));
        Assert.Equal(0, new FileInfo(log.Path).Length);
        Assert.Equal(seen, journal.List(null, 9).Skip(1).Select(Json));
    }

    [Fact]
    public void A_fold_that_was_killed_before_the_lines_were_cut_is_repeated_without_doubles()
    {
        var log = NoOpLog.Beside(File);
        using var journal = SqliteJournal.Open(File, log);
        Append(log, 1);
        var lines = System.IO.File.ReadAllBytes(log.Path);
        journal.Begin(Samples.Began(2));
        System.IO.File.WriteAllBytes(log.Path, lines);
        Assert.Equal(2, journal.List(null, 9).Count);
        journal.Begin(Samples.Began(3));
        Assert.Equal([Samples.Id(3), Samples.Id(2), Samples.Id(1)], journal.List(null, 9).Select(d => d.Id));
        Assert.Equal(0, new FileInfo(log.Path).Length);
    }

    private static void Append(NoOpLog log, int second)
    {
        var json = new Utf8Json();
        NoOpSamples.Of(Samples.Id(second)).WriteLine(json);
        NoOpLog.Append(log.Path, json.Written);
    }
}

internal static class NoOpSamples
{
    public static NoOpDocument Of(string id) => new()
    {
        Id = id, Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Profile = "fast", StartedUnixNs = 1_795_262_400_123_456_700,
        ElapsedNs = 23_000_000, DetectStartNs = 0, DetectNs = 18_000_000, LookupStartNs = 18_000_000, LookupNs = 4_000_000,
        Names = ["gateway"], Fingerprints = ["sha256:" + new string('1', 64)], DeploymentKeys = [null], Artifacts = ["sha256:" + new string('2', 64)],
        Revisions = ["gateway@222222222222"], Endpoints = [null], Instances = [1], Of = [1], ReadUnixNs = [1_795_262_400_140_000_000], Ready = ["not-run"], Reflected = ["pass"],
    };
}
