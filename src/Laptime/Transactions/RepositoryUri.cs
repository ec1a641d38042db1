namespace Laptime.Transactions;

/// <summary>A repository's address as provenance names it: one form however it was cloned, and never with a password in it.</summary>
internal static class RepositoryUri
{
    /// <summary>
    /// <c>git+https://host/path</c> for http, https, ssh and git addresses (the same repository is reached by all of them); <c>git+file:///path</c> for a folder.
    /// User, password, port, query, a trailing <c>.git</c> and slashes are left out.
    /// </summary>
    /// <param name="address">As in git's configuration, or as a CI service says it.</param>
    /// <param name="directory">What a relative path is relative to.</param>
    public static string Of(string address, string directory)
    {
        var text = address.Trim();
        text = text.StartsWith("git+", StringComparison.Ordinal) ? text[4..] : text;
        if (text.IndexOf("://", StringComparison.Ordinal) is >= 0 and var at)
        {
            return text.StartsWith("file://", StringComparison.OrdinalIgnoreCase) ? Folder(text[7..]) : Network(text[(at + 3)..], '/');
        }

        // scp's form: a colon before any slash. A drive letter is none.
        return text.IndexOf(':') is > 1 and var colon && text.AsSpan(0, colon).IndexOf('/') < 0
            ? Network(text, ':')
            : Folder(Path.GetFullPath(text, directory));
    }

    private static string Network(string text, char afterHost)
    {
        // What a password may hold ends at the last @ before the path.
        var end = afterHost == ':' ? text.IndexOf(':', Math.Max(0, text.IndexOf('@'))) : text.IndexOfAny(['/', '?', '#']);
        var authority = end < 0 ? text : text[..end];
        var path = end < 0 ? "" : text[(end + 1)..];
        authority = authority[(authority.LastIndexOf('@') + 1)..];
        var host = afterHost == '/' && authority.LastIndexOf(':') is >= 0 and var port && authority[^1] != ']' ? authority[..port] : authority;
        path = path.IndexOfAny(['?', '#']) is >= 0 and var query ? path[..query] : path;
        path = path.Trim('/');
        path = path.EndsWith(".git", StringComparison.Ordinal) ? path[..^4].TrimEnd('/') : path;
        return $"git+https://{Escaped(host.ToLowerInvariant())}/{Escaped(path)}";
    }

    private static string Folder(string path) => "git+file://" + Escaped((path.StartsWith('/') ? "" : "/") + path.Replace('\\', '/').TrimEnd('/'));

    private static string Escaped(string path) => string.Join('/', path.Split('/').Select(p => Uri.EscapeDataString(Uri.UnescapeDataString(p)).Replace("%3A", ":").Replace("%40", "@").Replace("%5B", "[").Replace("%5D", "]")));
}
