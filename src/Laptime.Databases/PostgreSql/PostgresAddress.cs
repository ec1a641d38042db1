using Laptime.Foundations;
using Laptime.Ledgers;
using Npgsql;

namespace Laptime.Databases.PostgreSql;

/// <summary>An address as Npgsql takes it, and what its errors mean in our words.</summary>
internal static class PostgresAddress
{
    /// <exception cref="LapException">A parameter that is not known.</exception>
    public static string ConnectionText(DatabaseAddress address)
    {
        var text = new NpgsqlConnectionStringBuilder
        {
            Host = address.Host, Port = address.Port, Pooling = false, Timeout = 10, CommandTimeout = 60, ApplicationName = "lap",
            // Statements are sent as they are; their answers are never split by the driver.
            MaxAutoPrepare = 0,
        };
        if (address.User.Length > 0)
        {
            text.Username = address.User;
        }

        if (address.Password is { } password)
        {
            text.Password = password;
        }

        if (address.Database.Length > 0)
        {
            text.Database = address.Database;
        }

        foreach (var (name, value) in address.Parameters)
        {
            switch (name)
            {
                case "sslmode":
                    text.SslMode = value switch
                    {
                        "disable" => SslMode.Disable,
                        "allow" => SslMode.Allow,
                        "prefer" => SslMode.Prefer,
                        "require" => SslMode.Require,
                        "verify-ca" => SslMode.VerifyCA,
                        "verify-full" => SslMode.VerifyFull,
                        _ => throw new LapException($"sslmode={value} is none", address.Shown, "disable, allow, prefer, require, verify-ca or verify-full"),
                    };
                    break;
                case "sslrootcert":
                    text.RootCertificate = value;
                    break;
                case "connect_timeout" when int.TryParse(value, out var seconds) && seconds > 0:
                    text.Timeout = Math.Min(seconds, 60);
                    break;
            }
        }

        return text.ConnectionString;
    }

    public static FaultException Fault(DatabaseAddress address, Exception e)
    {
        var (what, mend) = e switch
        {
            PostgresException { SqlState: "28P01" or "28000" } => ($"the database does not let {(address.User.Length == 0 ? "this user" : address.User)} in", "see the user and the password in `database` (the password is not shown)"),
            PostgresException { SqlState: "3D000" } => ($"there is no database {address.Database} on the server", "create it, or correct `database`"),
            PostgresException { SqlState: "42501" } denied => ($"the database does not let {address.User} read the ledger: {denied.MessageText}", "grant SELECT on it, and USAGE on its schema"),
            PostgresException { SqlState: "53300" or "57P03" } busy => ($"the database takes no connection now: {busy.MessageText}", "try again in a moment"),
            PostgresException other => ($"the database says: {other.MessageText} ({other.SqlState})", null),
            NpgsqlException { InnerException: TimeoutException } or TimeoutException => ("the database gives no answer in time", "see whether the address is right and the server is up"),
            _ => ($"the database does not answer: {Inner(e).Message}", "see whether the address is right and the server is up; --files-only checks without it"),
        };
        return new FaultException(new Fault(Outcome.UsageError, Clean(address, what), address.Shown, mend), e);
    }

    private static Exception Inner(Exception e) => e.InnerException is { } inner ? Inner(inner) : e;

    private static string Clean(DatabaseAddress address, string text) => address.Password is { Length: > 0 } password ? text.Replace(password, "…", StringComparison.Ordinal) : text;
}
