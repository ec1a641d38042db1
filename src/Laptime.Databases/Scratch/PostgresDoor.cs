using System.Globalization;
using Laptime.Databases.PostgreSql;
using Laptime.Foundations;
using Laptime.Ledgers;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>Opens connections to PostgreSQL for the behaviour axis: each its own, none pooled. A statement goes to the server as it is: Npgsql's own splitting knows no BEGIN ATOMIC.</summary>
internal sealed class PostgresDoor
{
    private readonly DatabaseAddress shown;
    private readonly NpgsqlConnectionStringBuilder address;

    // Read once by Npgsql, before its first command; programs set it in their runtime configuration too.
    static PostgresDoor() => AppContext.SetSwitch("Npgsql.EnableSqlRewriting", false);

    private PostgresDoor(DatabaseAddress shown, NpgsqlConnectionStringBuilder address) => (this.shown, this.address) = (shown, address);

    public string Host => address.Host ?? "localhost";

    public int Port => address.Port;

    public string User => address.Username ?? "";

    public string Database => address.Database ?? User;

    /// <exception cref="LapException">A parameter of the address that is not known.</exception>
    public static PostgresDoor Of(DatabaseAddress database)
    {
        var address = new NpgsqlConnectionStringBuilder(PostgresAddress.ConnectionText(database)) { CommandTimeout = 0 };
        address.Username ??= Environment.UserName;
        address.Database ??= address.Username;
        return new PostgresDoor(database, address);
    }

    /// <summary>Another database of the same server, as whoever.</summary>
    public PostgresDoor To(string database, string? user = null, string? password = null)
    {
        var other = new NpgsqlConnectionStringBuilder(address.ConnectionString) { Database = database };
        if (user is not null)
        {
            (other.Username, other.Password) = (user, password);
        }

        return new PostgresDoor(shown.To(database), other);
    }

    /// <summary>The same, every transaction read-only and every question bounded: for what is in use.</summary>
    public PostgresDoor ReadOnly() => new(shown, new NpgsqlConnectionStringBuilder(address.ConnectionString) { Options = "-c default_transaction_read_only=on -c statement_timeout=10s -c lock_timeout=500ms" });

    /// <exception cref="FaultException">Unreachable or not let in; the message never holds the password.</exception>
    public async Task<PostgresSession> OpenAsync(CancellationToken cancel)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(address.ConnectionString);
        builder.EnableTransportSecurity();
        var source = builder.Build();
        try
        {
            return new PostgresSession(source, await source.OpenConnectionAsync(cancel));
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            await source.DisposeAsync();
            throw PostgresAddress.Fault(shown, e);
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    /// <summary>For programs of PostgreSQL's own: nothing of it on a command line that others can read.</summary>
    public Dictionary<string, string?> ToEnvironment() => new()
    {
        ["PGHOST"] = address.Host, ["PGPORT"] = address.Port.ToString(CultureInfo.InvariantCulture), ["PGUSER"] = address.Username, ["PGPASSWORD"] = address.Password, ["PGDATABASE"] = address.Database,
        ["PGSSLMODE"] = address.SslMode switch { SslMode.Disable => "disable", SslMode.Require => "require", SslMode.VerifyCA => "verify-ca", SslMode.VerifyFull => "verify-full", _ => "prefer" },
        ["PGCONNECT_TIMEOUT"] = "10", ["PGAPPNAME"] = "laptime", ["PGOPTIONS"] = null, ["PGSERVICE"] = null,
    };
}
