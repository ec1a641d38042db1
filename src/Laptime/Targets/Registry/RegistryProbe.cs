using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Targets.Registry;

/// <summary>
/// Asks a registry whether it is one and serves: <c>GET /v2/</c> over one fresh connection, which a client with a pool and retries would not show as it
/// is, and which costs no more than the round trip.
/// </summary>
internal static class RegistryProbe
{
    private const int HeadBound = 16 * 1024;

    /// <param name="plain">HTTP without TLS.</param>
    /// <param name="bound">Bound on everything: name, connection, handshake, answer.</param>
    public static async Task<RegistryAnswer> AskAsync(RegistryEndpoint endpoint, bool plain, TimeSpan bound, TimeProvider clock, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(bound, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        Socket? socket = null;
        try
        {
            (socket, var error) = await ConnectAsync(endpoint, both.Token);
            if (socket is null)
            {
                return new RegistryAnswer(RegistryStanding.Refused, ProbeText.Of(new SocketException((int)error)));
            }

            var network = new NetworkStream(socket, ownsSocket: false);
            await using (network)
            {
                if (plain)
                {
                    return await ExchangeAsync(network, endpoint, both.Token);
                }

                var secure = new SslStream(network, leaveInnerStreamOpen: true);
                await using (secure)
                {
                    await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = endpoint.Host }, both.Token);
                    return await ExchangeAsync(secure, endpoint, both.Token);
                }
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new RegistryAnswer(RegistryStanding.Silent, $"{(socket is null ? "no connection" : "no answer")} within {ProbeText.Bound(bound)}");
        }
        catch (AuthenticationException e)
        {
            return new RegistryAnswer(RegistryStanding.Foreign, $"TLS failed: {e.InnerException?.Message ?? e.Message}");
        }
        catch (SocketException e)
        {
            // Asking for the name's addresses failed.
            return new RegistryAnswer(RegistryStanding.Refused, ProbeText.Of(e));
        }
        catch (IOException e)
        {
            return new RegistryAnswer(RegistryStanding.Failing, e.InnerException is SocketException broken ? ProbeText.Of(broken) : e.Message);
        }
        finally
        {
            socket?.Dispose();
        }
    }

    private static async Task<(Socket? Socket, SocketError Error)> ConnectAsync(RegistryEndpoint endpoint, CancellationToken cancel)
    {
        var addresses = endpoint.LoopbackAddress is { } own ? [own]
            : IPAddress.TryParse(endpoint.Host, out var given) ? [given] : await Dns.GetHostAddressesAsync(endpoint.Host, cancel);
        var error = SocketError.HostNotFound;
        foreach (var address in addresses)
        {
            (var socket, error) = await HttpExchange.TryConnectAsync(new IPEndPoint(address, endpoint.Port), cancel);
            if (socket is not null)
            {
                return (socket, error);
            }
        }

        return (null, error);
    }

    private static async Task<RegistryAnswer> ExchangeAsync(Stream stream, RegistryEndpoint endpoint, CancellationToken cancel)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /v2/ HTTP/1.1\r\nHost: {endpoint.Authority}\r\nAccept: */*\r\nUser-Agent: lap\r\nConnection: close\r\n\r\n"), cancel);
        var buffer = new byte[HeadBound];
        var count = 0;
        while (count < buffer.Length && buffer.AsSpan(0, count).IndexOf("\r\n\r\n"u8) < 0)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(count), cancel);
            if (read == 0)
            {
                break;
            }

            count += read;
        }

        return count == 0
            ? new RegistryAnswer(RegistryStanding.Failing, "the connection was closed without an answer")
            : Judge(Encoding.Latin1.GetString(buffer, 0, count));
    }

    /// <summary>What the head of an answer says about who gave it.</summary>
    internal static RegistryAnswer Judge(string head)
    {
        var lines = head.Split('\n');
        var first = lines[0].TrimEnd('\r');
        if (first.Length < 12 || !first.StartsWith("HTTP/1.", StringComparison.Ordinal)
            || !int.TryParse(first.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status))
        {
            return new RegistryAnswer(RegistryStanding.Foreign, $"it does not speak HTTP: \"{ProbeText.Excerpt(first, 60)}\"");
        }

        // The specification asks for no header, but for a body that is empty or JSON; the first registries sent the version.
        var says = Header("Docker-Distribution-Api-Version") is not null;
        return status switch
        {
            200 when says || Header("Content-Length") == "0" || Header("Content-Type")?.Contains("json", StringComparison.OrdinalIgnoreCase) == true => new(RegistryStanding.Up, "200"),
            401 when says || Header("WWW-Authenticate") is not null => new(RegistryStanding.Up, "401, it wants credentials"),
            403 when says => new(RegistryStanding.Up, "403"),
            429 or >= 500 => new(RegistryStanding.Failing, $"{status} to GET /v2/"),
            400 when head.Contains("HTTPS server", StringComparison.Ordinal) => new(RegistryStanding.Foreign, "it wants TLS"),
            _ => new(RegistryStanding.Foreign, $"{status} to GET /v2/, which no registry answers"),
        };

        string? Header(string name)
        {
            foreach (var line in lines)
            {
                if (line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.OrdinalIgnoreCase))
                {
                    return line[(name.Length + 1)..].Trim();
                }
            }

            return null;
        }
    }
}
