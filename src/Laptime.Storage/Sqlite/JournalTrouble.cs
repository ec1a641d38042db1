using Laptime.Foundations;
using SQLitePCL;

namespace Laptime.Storage.Sqlite;

/// <summary>Says in the user's words what is wrong with the journal's file, and how to mend it.</summary>
internal static class JournalTrouble
{
    public static LapException Tell(SqliteException error, string path)
    {
        var (what, mend) = error.Code switch
        {
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => (
                "the journal is damaged",
                $"move it away (mv '{path}' '{path}.damaged'): the next run starts a new one; past reports are still in the folder reports beside it"),
            raw.SQLITE_FULL => ("the journal cannot be written: the disk is full", "free some space and run again; everything recorded so far is kept"),
            raw.SQLITE_READONLY => ("the journal cannot be written: the file or its folder is read-only", "make both writable for this user, or set journal.store in laptime.yaml"),
            raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_AUTH => (
                "the journal cannot be opened", "make the file and its folder readable and writable for this user, or set journal.store in laptime.yaml"),
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => (
                "the journal stayed locked by another process for 5 s", "end the program that holds it open (fuser names it) and run again"),
            raw.SQLITE_IOERR => ("the journal cannot be read or written", "check the disk it is on (a full disk or a network share says this too)"),
            _ => ("the journal answered with an error", "run again; if it stays, move the file away: the next run starts a new one"),
        };
        return new LapException($"{what} ({error.Message}, SQLite {error.Extended})", path, mend);
    }

    public static LapException Newer(string path, long version, string writer, long known, string self) => new(
        $"the journal was written by lap {writer} (schema {version}); this is lap {self} (schema {known})",
        path,
        $"upgrade lap, or move the file away (mv '{path}' '{path}.newer'); nothing in it was touched");
}
