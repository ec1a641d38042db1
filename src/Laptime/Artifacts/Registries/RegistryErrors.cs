using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace Laptime.Artifacts.Registries;

/// <summary>What a registry's refusals, a broken connection and a server that is no registry mean, in words.</summary>
internal static class RegistryErrors
{
    private const int LargestBody = 16 << 10;

    /// <summary>The code of a registry's own error document, or null when the answer is none (a proxy's page, another server).</summary>
    public sealed record Body(string? Code, string? Message);

    public static async Task<Body> ReadBodyAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        var buffer = new byte[LargestBody];
        var stream = await answer.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(buffer.AsMemory(0, length));
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("errors", out var errors)
                && errors.ValueKind == JsonValueKind.Array && errors.GetArrayLength() > 0 && errors[0].ValueKind == JsonValueKind.Object)
            {
                return new Body(Text(errors[0], "code"), Text(errors[0], "message"));
            }
        }
        catch (JsonException)
        {
            // The words below are all there is.
        }

        var text = System.Text.Encoding.UTF8.GetString(buffer.AsSpan(0, Math.Min(length, 200)));
        return new Body(null, text.Length == 0 || text.Contains('<') ? null : StoredManifest.TerminalSafe(text));

        static string? Text(JsonElement element, string name) =>
            element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? StoredManifest.TerminalSafe(value.GetString()!) : null;
    }

    /// <summary>An answer that is neither success nor one of the failures its caller expects.</summary>
    public static RegistryTrouble OfAnswer(HttpResponseMessage answer, Body body, RegistryAddress address, bool writes, TimeProvider clock)
    {
        var says = body.Message is { Length: > 0 } message ? $": {message}" : body.Code is { } code ? $": {code}" : "";
        var status = $"{(int)answer.StatusCode} {answer.ReasonPhrase}".TrimEnd();
        switch (answer.StatusCode)
        {
            case HttpStatusCode.Unauthorized:
                return new(StoreFailure.Refused, $"the registry does not let us in (401{says})", Login(address));
            case HttpStatusCode.Forbidden:
                return new(StoreFailure.Refused, $"the registry does not allow it (403{says})",
                    $"let the account {(writes ? "push to" : "pull from")} {address.Repository}, or log in with another one: docker login {address.Authority}");
            case HttpStatusCode.NotFound when body.Code is null:
                return new(StoreFailure.Unreachable, $"the server answers 404, and not as a registry does{says}", "check host, port and repository of the address; a registry serves /v2/");
            case HttpStatusCode.NotFound:
                return new(StoreFailure.Unreachable, $"the registry answers 404 {body.Code}{says}", "check the repository of the address", again: body.Code is "BLOB_UPLOAD_UNKNOWN");
            case HttpStatusCode.TooManyRequests:
                var wait = RetryAfter(answer.Headers, clock);
                return new(StoreFailure.Unreachable, $"the registry has too many requests (429{(wait is { } w ? $", it asks to wait {Foundations.Duration.Text(w)}" : "")})",
                    "wait, or log in for a higher limit", again: true, wait);
            case HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout or HttpStatusCode.RequestTimeout:
                return new(StoreFailure.Unreachable, $"the registry is not available ({status}{says})", "see whether it, and what it stores in, is up", again: true, RetryAfter(answer.Headers, clock));
            case HttpStatusCode.InsufficientStorage:
                return new(StoreFailure.Unreachable, $"the registry has no space left (507{says})", "free some of its disk");
            case >= HttpStatusCode.InternalServerError:
                return new(StoreFailure.Unreachable, $"the registry failed ({status}{says})", "see the registry's log",
                    // Docker's fails so too while another publisher writes the same manifest.
                    again: answer.StatusCode == HttpStatusCode.InternalServerError);
            case HttpStatusCode.MethodNotAllowed:
                return new(StoreFailure.Refused, $"the registry does not allow this operation (405{says})", "deleting has to be switched on in the registry (docker-registry: storage.delete.enabled)");
            case HttpStatusCode.RequestEntityTooLarge:
                return new(StoreFailure.Refused, $"the registry, or a proxy before it, takes nothing that large (413{says})", "raise its limit on the size of a request");
            case HttpStatusCode.BadRequest when body.Code is null && (body.Message ?? "").Contains("HTTPS", StringComparison.OrdinalIgnoreCase):
                return new(StoreFailure.Refused, "the registry speaks TLS, and was asked in plain HTTP", "set `artifacts: { insecure: false }`");
            case HttpStatusCode.BadRequest when body.Code is "DIGEST_INVALID" or "SIZE_INVALID":
                return new(StoreFailure.Damaged, $"the registry received something else than what the digest says (400 {body.Code}{says})", "publish again; when it happens again, something on the way changes the content", again: true);
            case >= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest:
                return new(StoreFailure.Unreachable, $"the server sends us elsewhere ({status}), and not as a registry does", "check the address; something before the registry may ask for a log-in");
            case < HttpStatusCode.MultipleChoices:
                return new(StoreFailure.Unreachable, $"the server answers {status} where a registry answers otherwise", "check host and port of the address");
            default:
                return new(StoreFailure.Refused, $"the registry refuses ({status}{(body.Code is null ? "" : " " + body.Code)}{says})", "see the registry's log");
        }
    }

    /// <summary>No answer, or the connection broke.</summary>
    public static RegistryTrouble OfConnection(Exception e, RegistryAddress address, bool tls)
    {
        var error = e switch { HttpRequestException request => request.HttpRequestError, HttpIOException io => io.HttpRequestError, _ => HttpRequestError.Unknown };
        switch (error)
        {
            case HttpRequestError.NameResolutionError:
                return new(StoreFailure.Unreachable, $"there is no host {address.Host}, or name resolution fails", "check the address, the network and DNS", again: true, inner: e);
            case HttpRequestError.SecureConnectionError:
                return OfTls(e, address);
            case HttpRequestError.ConnectionError:
                return new(StoreFailure.Unreachable, $"the registry cannot be reached: {Cause(e)}", "start it, or check host and port of the address", again: true, inner: e);
            case HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError or HttpRequestError.ConfigurationLimitExceeded:
                return new(StoreFailure.Unreachable, "the server's answer is no HTTP",
                    tls ? "check host and port of the address" : "check host and port of the address; a registry that speaks TLS wants `artifacts: { insecure: false }`", inner: e);
            case HttpRequestError.ResponseEnded:
                return new(StoreFailure.Unreachable, "the registry closed the connection in the middle of its answer", "see the registry's log", again: true, inner: e);
            case HttpRequestError.ProxyTunnelError:
                return new(StoreFailure.Unreachable, $"the proxy does not let us through: {StoredManifest.TerminalSafe(e.Message)}", "check HTTPS_PROXY and NO_PROXY", inner: e);
            default:
                return new(StoreFailure.Unreachable, $"the connection to the registry broke: {Cause(e)}", "see the registry's log, and the network", again: true, inner: e);
        }
    }

    public static string Login(RegistryAddress address) => $"log in: docker login {address.Authority}";

    private static RegistryTrouble OfTls(Exception e, RegistryAddress address)
    {
        var detail = string.Concat(Chain(e).Select(x => x.Message + " "));
        var (what, mend) = detail switch
        {
            _ when detail.Contains("NameMismatch", StringComparison.Ordinal) =>
                ($"the certificate of {address.Authority} is made out for another name", "use the name that the certificate has, or make one for this name"),
            _ when detail.Contains("NotTimeValid", StringComparison.Ordinal) =>
                ($"the certificate of {address.Authority} has expired, or is not valid yet", "renew it; check the clocks of both machines"),
            _ when detail.Contains("UntrustedRoot", StringComparison.Ordinal) || detail.Contains("PartialChain", StringComparison.Ordinal) =>
                ($"the certificate of {address.Authority} is signed by nobody whom this machine trusts",
                    "add its authority to the machine's trusted certificates, or name it: SSL_CERT_FILE=/path/ca.pem"),
            _ when detail.Contains("frame", StringComparison.Ordinal) || detail.Contains("wrong version number", StringComparison.OrdinalIgnoreCase) || detail.Contains("packet length", StringComparison.Ordinal) =>
                ("the registry speaks plain HTTP, and was asked in TLS", "give it a certificate; or, in a network you trust, `artifacts: { insecure: true }`"),
            _ => ($"no secure connection to {address.Authority}: {StoredManifest.TerminalSafe(detail)}", "check certificate and TLS settings of the registry"),
        };
        return new(StoreFailure.Refused, what, mend, inner: e);
    }

    private static string Cause(Exception e)
    {
        foreach (var inner in Chain(e))
        {
            if (inner is SocketException socket)
            {
                return socket.SocketErrorCode switch
                {
                    SocketError.ConnectionRefused => "connection refused",
                    SocketError.ConnectionReset => "connection reset",
                    SocketError.HostUnreachable or SocketError.NetworkUnreachable => "no route to it",
                    SocketError.TimedOut => "it does not answer",
                    _ => socket.Message,
                };
            }

            if (inner is TimeoutException)
            {
                return "it does not answer";
            }
        }

        return StoredManifest.TerminalSafe(e.Message);
    }

    private static IEnumerable<Exception> Chain(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            yield return e;
        }
    }

    private static TimeSpan? RetryAfter(HttpResponseHeaders headers, TimeProvider clock)
    {
        if (!headers.TryGetValues("Retry-After", out var values))
        {
            return null;
        }

        var text = values.First();
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return TimeSpan.FromSeconds(seconds);
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at - clock.GetUtcNow() is { Ticks: > 0 } wait ? wait : null;
    }
}
