using Laptime.Foundations;

namespace Laptime.Ledgers;

public enum DatabaseKind
{
    PostgreSql,
    Sqlite,
}

/// <summary>Where a database is. <see cref="ToString"/> shows it without a password; <see cref="Secret"/> is what connects.</summary>
public sealed record DatabaseAddress
{
    private DatabaseAddress(DatabaseKind kind, string secret, string shown) => (Kind, Secret, Shown) = (kind, secret, shown);

    public DatabaseKind Kind { get; }

    /// <summary>PostgreSQL: the URL. SQLite: the absolute path of the file. Never printed.</summary>
    internal string Secret { get; }

    /// <summary>Without user's password or parameters.</summary>
    public string Shown { get; }

    /// <param name="text">`postgres://…`, `postgresql://…`, `sqlite:PATH`.</param>
    /// <param name="root">Folder that a SQLite path is relative to.</param>
    /// <param name="where">Where it is written, for the message.</param>
    /// <exception cref="LapException">It is no address of a database that lap reads. The text itself is never in the message.</exception>
    public static DatabaseAddress Parse(string text, string root, string where)
    {
        var colon = text.IndexOf(':');
        var scheme = colon < 0 ? "" : text[..colon].ToLowerInvariant();
        switch (scheme)
        {
            case "postgres" or "postgresql":
                return Uri.TryCreate(text, UriKind.Absolute, out var uri)
                    ? new DatabaseAddress(DatabaseKind.PostgreSql, text, ShownOf(uri))
                    : throw new LapException("the address of the database cannot be read (it is not shown: it may hold a password)", where,
                        "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with the special characters of the password as %XX");
            case "sqlite" or "sqlite3" or "file":
                var path = text[(colon + 1)..];
                path = path.StartsWith("///", StringComparison.Ordinal) ? path[2..] : path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path;
                path = path.Split('?')[0];
                return path.Length > 0
                    ? new DatabaseAddress(DatabaseKind.Sqlite, Path.GetFullPath(path, root), "sqlite:" + path)
                    : throw new LapException("the address names no file", where, "sqlite:PATH, relative to the workspace");
            default:
                throw new LapException(
                    scheme.Length is > 0 and < 20 && text.Contains("://", StringComparison.Ordinal) ? $"databases of the kind {scheme}: are not read" : "the address of the database is of no kind that is read (it is not shown: it may hold a password)",
                    where, "postgres://USER@HOST/DATABASE or sqlite:PATH; without `database` the files alone are checked");
        }
    }

    private static string ShownOf(Uri uri)
    {
        var user = uri.UserInfo.Split(':')[0];
        var host = uri.Host.Length == 0 ? "localhost" : uri.Host;
        return $"postgres://{(user.Length == 0 ? "" : Uri.UnescapeDataString(user) + "@")}{host}{(uri.Port > 0 ? ":" + uri.Port : "")}{uri.AbsolutePath}";
    }

    public override string ToString() => Shown;
}
