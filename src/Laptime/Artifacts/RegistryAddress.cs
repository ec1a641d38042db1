using System.Globalization;
using System.Net;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>A repository of an OCI registry: <c>oci://host[:port]/repository</c>.</summary>
/// <param name="Host">Name or address, lower case; an IPv6 address in brackets.</param>
/// <param name="Port">Null: the scheme's own.</param>
/// <param name="Repository">One or more parts.</param>
public sealed record RegistryAddress(string Host, int? Port, string Repository)
{
    public const string Scheme = "oci://";
    private const string Example = "oci://registry.example.org/team/shop or oci://127.0.0.1:5000/shop";

    /// <summary>Host and port, as the Docker config file names it.</summary>
    public string Authority => Port is { } port ? $"{Host}:{port}" : Host;

    /// <summary>This machine: plain HTTP is allowed there.</summary>
    public bool IsLoopback => Host is "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    public override string ToString() => $"{Scheme}{Authority}/{Repository}";

    /// <param name="text">The address.</param>
    /// <param name="where">For messages: who said it.</param>
    /// <exception cref="LapException">It is none; the message says what is wrong with it, and never repeats a password.</exception>
    public static RegistryAddress Parse(string text, string? where = null)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal))
        {
            throw Wrong($"it starts with {Scheme}");
        }

        var rest = text[Scheme.Length..];
        if (rest.Contains('@'))
        {
            throw Wrong(rest.Contains("@sha256:", StringComparison.Ordinal)
                ? "a store is a whole repository, without a digest"
                : "it holds no user and no password: `docker login` keeps them, and lap finds them there");
        }

        var slash = rest.IndexOf('/');
        var authority = slash < 0 ? rest : rest[..slash];
        var repository = slash < 0 ? "" : rest[(slash + 1)..];
        var (host, port) = Split(authority);
        if (repository.Length == 0)
        {
            throw Wrong("after the host comes a repository");
        }

        if (repository.Contains(':'))
        {
            throw Wrong("a store is a whole repository, without a tag");
        }

        if (repository.Length > 255 || !repository.Split('/').All(IsPart))
        {
            throw Wrong("a repository has parts of lower-case letters, digits and single `.`, `_`, `__` or `-` between them, joined by `/`");
        }

        return new RegistryAddress(host, port, repository);

        LapException Wrong(string what) => new($"`{Shown(text)}` is no address of a registry: {what}", where, $"for example {Example}");

        (string Host, int? Port) Split(string authority)
        {
            var end = authority.StartsWith('[') ? authority.IndexOf(']') + 1 : authority.IndexOf(':') is >= 0 and var colon ? colon : authority.Length;
            var name = authority[..end].ToLowerInvariant();
            var bare = name.Trim('[', ']');
            if (name.Length == 0 || Uri.CheckHostName(bare) is not (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6) || (bare.Contains(':') != name.StartsWith('[')))
            {
                throw Wrong("it has no valid host");
            }

            if (end == authority.Length)
            {
                return (name, null);
            }

            return authority[end] == ':' && int.TryParse(authority[(end + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 65536
                ? (name, number)
                : throw Wrong("its port is a number from 1 to 65535");
        }
    }

    private static bool IsPart(string part)
    {
        var plain = part.Replace("__", "_", StringComparison.Ordinal);
        if (plain.Length == 0 || !char.IsAsciiLetterOrDigit(plain[0]) || !char.IsAsciiLetterOrDigit(plain[^1]))
        {
            return false;
        }

        for (var i = 0; i < plain.Length; i++)
        {
            if (!(char.IsAsciiLetterLower(plain[i]) || char.IsAsciiDigit(plain[i]) || plain[i] is '.' or '_' or '-')
                || (plain[i] is '.' or '_' && !char.IsAsciiLetterOrDigit(plain[i - 1])))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Without what stands before an @: it may be a password.</summary>
    private static string Shown(string text)
    {
        var at = text.LastIndexOf('@');
        return StoredManifest.TerminalSafe(at < 0 || text.Contains("@sha256:", StringComparison.Ordinal) ? text : Scheme + "…" + text[at..]);
    }
}
