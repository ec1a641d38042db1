using System.Globalization;
using Laptime.Foundations;
using Laptime.Ledgers;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>Opens connections to PostgreSQL for the behaviour axis: each its own, none pooled. A statement goes to the server as it is: Npgsql's own splitting knows no BEGIN ATOMIC.</summary>
internal sealed class PostgresDoor
{
    private readonly NpgsqlConnectionStringBuilder address;

    // Read once by Npgsql, before its first command; programs set it in their runtime configuration too.
    static PostgresDoor() => AppContext.SetSwitch("Npgsql.EnableSqlRewriting", false);

    private PostgresDoor(NpgsqlConnectionStringBuilder address) => this.address = address;

    public string Host => address.Host ?? "localhost";

    public int Port => address.Port;

    public string User => address.Username ?? "";

    public string Database => address.Database ?? User;

    public static PostgresDoor Of(DatabaseAddress database)
    {
        var uri = new Uri(database.Secret);
        var user = uri.UserInfo.Split(':', 2);
        var address = new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host.Length == 0 ? "localhost" : uri.Host.Trim('[', ']'), Port = uri.Port > 0 ? uri.Port : 5432,
            Username = user[0].Length == 0 ? Environment.UserName : Uri.UnescapeDataString(user[0]), Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')),
        };
        if (user.Length > 1)
        {
            address.Password = Uri.UnescapeDataString(user[1]);
        }

        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = pair.Split('=', 2) is [var k, var v] ? (k, Uri.UnescapeDataString(v)) : (pair, "");
            switch (key)
            {
                case "sslmode":
                    address.SslMode = Enum.TryParse<SslMode>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var mode) ? mode : SslMode.Prefer;
                    break;
                case "sslrootcert":
                    address.RootCertificate = value;
                    break;
                case "host":
                    address.Host = value;
                    break;
                case "port" when int.TryParse(value, CultureInfo.InvariantCulture, out var port):
                    address.Port = port;
                    break;
                case "user":
                    address.Username = value;
                    break;
                case "password":
                    address.Password = value;
                    break;
            }
        }

        address.Pooling = false;
        address.CommandTimeout = 0;
        address.Timeout = 10;
        address.ApplicationName = "laptime";
        if (address.Database is null or "")
        {
            address.Database = address.Username;
        }

        return new PostgresDoor(address);
    }

    /// <summary>Another database of the same server, as whoever.</summary>
    public PostgresDoor To(string database, string? user = null, string? password = null)
    {
        var other = new NpgsqlConnectionStringBuilder(address.ConnectionString) { Database = database };
        if (user is not null)
        {
            (other.Username, other.Password) = (user, password);
        }

        return new PostgresDoor(other);
    }

    /// <summary>The same, every transaction read-only and every question bounded: for what is in use.</summary>
    public PostgresDoor ReadOnly() => new(new NpgsqlConnectionStringBuilder(address.ConnectionString) { Options = "-c default_transaction_read_only=on -c statement_timeout=10s -c lock_timeout=500ms" });

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
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            await source.DisposeAsync();
            throw new FaultException(new Fault(Outcome.LedgerConflict, $"PostgreSQL at {Host}:{Port} does not let {User} into {Database}: {e.InnerException?.Message ?? e.Message}", $"database {Database}",
                "is the address right, does the server run, may this user connect?"), e);
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
