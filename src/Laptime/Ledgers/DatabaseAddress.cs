using Laptime.Foundations;

namespace Laptime.Ledgers;

public enum DatabaseKind
{
    PostgreSql,
    Sqlite,
}

/// <summary>Where a database is. What it shows holds no password; <see cref="Password"/> and <see cref="Parameters"/> are for connecting alone.</summary>
public sealed record DatabaseAddress
{
    private DatabaseAddress(DatabaseKind kind) => Kind = kind;

    public DatabaseKind Kind { get; }

    /// <summary>SQLite: absolute path of the file; "" for PostgreSQL.</summary>
    public string File { get; private init; } = "";

    /// <summary>PostgreSQL: a name, an address, or a folder with a socket.</summary>
    public string Host { get; private init; } = "";

    public int Port { get; private init; }

    public string User { get; private init; } = "";

    /// <summary>Never printed.</summary>
    public string? Password { get; private init; }

    /// <summary>Of the server; "" is the user's own.</summary>
    public string Database { get; private init; } = "";

    /// <summary>What follows the question mark (<c>sslmode</c>), names in lower case. Never printed.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; private init; } = new Dictionary<string, string>();

    /// <summary>Without password or parameters.</summary>
    public string Shown { get; private init; } = "";

    /// <summary>Another database of the same server, with the same user.</summary>
    public DatabaseAddress To(string database) => this with { Database = database, Shown = ShownOf(User, Host, Port, database) };

    /// <param name="text">`postgres://…`, `postgresql://…`, `sqlite:PATH`.</param>
    /// <param name="root">Folder that a SQLite path is relative to.</param>
    /// <param name="where">Where it is written, for the message.</param>
    /// <exception cref="LapException">It is no address of a database that lap reads. The text itself is never in the message.</exception>
    public static DatabaseAddress Parse(string text, string root, string? where)
    {
        var colon = text.IndexOf(':');
        var scheme = colon < 0 ? "" : text[..colon].ToLowerInvariant();
        return scheme switch
        {
            "postgres" or "postgresql" => Server(text[(colon + 1)..], where),
            "sqlite" or "sqlite3" or "file" => FileAt(text[(colon + 1)..], root, where),
            _ => throw new LapException(
                scheme.Length is > 0 and < 20 && text.AsSpan(colon).StartsWith("://") ? $"databases of the kind {scheme}: are not read" : "the address of the database is of no kind that is read (it is not shown: it may hold a password)",
                where, "postgres://USER@HOST/DATABASE or sqlite:PATH; without `database` the files alone are checked"),
        };
    }

    private static DatabaseAddress FileAt(string text, string root, string? where)
    {
        // sqlite:db.sqlite3, sqlite://db.sqlite3 and sqlite:///srv/db.sqlite3: as dbmate, Rails and SQLAlchemy write them.
        var path = (text.StartsWith("//", StringComparison.Ordinal) ? text[2..] : text).Split('?')[0];
        return path.Length > 0
            ? new DatabaseAddress(DatabaseKind.Sqlite) { File = Path.GetFullPath(path, root), Shown = "sqlite:" + path }
            : throw new LapException("the address of the database names no file", where, "sqlite:PATH, relative to the workspace");
    }

    private static DatabaseAddress Server(string text, string? where)
    {
        try
        {
            if (!text.StartsWith("//", StringComparison.Ordinal))
            {
                throw new FormatException();
            }

            var question = text.IndexOf('?');
            var parameters = (question < 0 ? "" : text[(question + 1)..]).Split('&', StringSplitOptions.RemoveEmptyEntries).Select(static p => p.Split('=', 2))
                .DistinctBy(static p => p[0].ToLowerInvariant()).ToDictionary(static p => p[0].ToLowerInvariant(), static p => p.Length > 1 ? Uri.UnescapeDataString(p[1]) : "");
            var main = text[2..(question < 0 ? text.Length : question)];
            // A password may hold anything that people forget to write as %XX: the last @ ends it.
            var at = main.LastIndexOf('@');
            var account = at < 0 ? "" : main[..at];
            var rest = main[(at + 1)..];
            var slash = rest.IndexOf('/');
            var place = slash < 0 ? rest : rest[..slash];
            var (host, port) = place.StartsWith('[') && place.IndexOf(']') is > 0 and var bracket ? (place[1..bracket], place[(bracket + 1)..].TrimStart(':'))
                : place.LastIndexOf(':') is >= 0 and var cut ? (place[..cut], place[(cut + 1)..]) : (place, "");
            var separator = account.IndexOf(':');
            var user = Uri.UnescapeDataString(separator < 0 ? account : account[..separator]);
            var number = int.Parse(parameters.GetValueOrDefault("port", port.Length == 0 ? "5432" : port), System.Globalization.CultureInfo.InvariantCulture);
            host = parameters.GetValueOrDefault("host", Uri.UnescapeDataString(host.Length == 0 ? "localhost" : host));
            user = parameters.GetValueOrDefault("user", user);
            var database = Uri.UnescapeDataString(slash < 0 ? "" : rest[(slash + 1)..]);
            return new DatabaseAddress(DatabaseKind.PostgreSql)
            {
                Host = host, Port = number, User = user, Database = database, Parameters = parameters, Shown = ShownOf(user, host, number, database),
                Password = parameters.GetValueOrDefault("password", separator < 0 ? "" : Uri.UnescapeDataString(account[(separator + 1)..])) is { Length: > 0 } password ? password : null,
            };
        }
        catch (FormatException)
        {
            throw new LapException("the address of the database cannot be read (it is not shown: it may hold a password)", where,
                "postgres://USER:PASSWORD@HOST:PORT/DATABASE, special characters of the password as %XX");
        }
    }

    private static string ShownOf(string user, string host, int port, string database) =>
        $"postgres://{(user.Length == 0 ? "" : user + "@")}{(host.StartsWith('/') ? "" : host)}{(port == 5432 ? "" : $":{port}")}/{database}{(host.StartsWith('/') ? "?host=" + host : "")}";

    public override string ToString() => Shown;
}
