using Laptime.Databases.PostgreSql;
using Laptime.Databases.Sqlite;
using Laptime.Ledgers;

namespace Laptime.Databases;

/// <summary>Opens other people's databases for reading. Only from here is Npgsql loaded.</summary>
public static class LedgerDatabases
{
    public static LedgerDatabase Open(DatabaseAddress address) => address.Kind switch
    {
        DatabaseKind.PostgreSql => new PostgresLedger(address),
        DatabaseKind.Sqlite => new SqliteLedger(address),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
