using System.Net;

namespace Laptime.Workspaces;

/// <summary>Where the registry of an <c>oci://host:port/repository</c> address is reached.</summary>
/// <param name="Host">Name or address; an IPv6 address without brackets.</param>
/// <param name="Port">As written, or the standard one: 443, on loopback (plain HTTP) 80.</param>
/// <param name="PortIsGiven">The address names the port.</param>
public sealed record RegistryEndpoint(string Host, int Port, bool PortIsGiven)
{
    public const string Scheme = "oci://";

    /// <summary>Only this machine reaches it.</summary>
    public bool IsLoopback => LoopbackAddress is not null;

    /// <summary>The address itself; null when it is not of this machine alone. <c>localhost</c> is the IPv4 one: no name server is asked.</summary>
    public IPAddress? LoopbackAddress =>
        Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback : IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address) ? address : null;

    /// <summary><c>host:port</c>.</summary>
    public string Authority => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    /// <summary>Null: it is no such address.</summary>
    public static RegistryEndpoint? Of(string store)
    {
        if (!store.StartsWith(Scheme, StringComparison.Ordinal) || !Uri.TryCreate(store, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            return null;
        }

        var endpoint = new RegistryEndpoint(uri.Host.Trim('[', ']'), Math.Max(uri.Port, 0), uri.Port > 0);
        return endpoint.PortIsGiven ? endpoint : endpoint with { Port = endpoint.IsLoopback ? 80 : 443 };
    }

    public override string ToString() => Authority;
}
