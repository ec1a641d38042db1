using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Laptime.Artifacts.Registries;

/// <summary>
/// The authorization of requests to one registry: none until it asks, then Basic, or tokens of its token service, kept in memory for each kind of access. Many
/// requests that are refused at once ask for credentials once.
/// </summary>
internal sealed class RegistryAccess(RegistryAddress address, bool tls, DockerCredentials credentials, HttpMessageInvoker http, TimeProvider clock) : IDisposable
{
    private const int LargestAnswer = 1 << 20;
    private readonly SemaphoreSlim gate = new(1, 1);
    private readonly Dictionary<string, (AuthenticationHeaderValue Header, DateTimeOffset Until)> tokens = new(StringComparer.Ordinal);
    private AuthenticationHeaderValue? basic;
    private RegistryAccount? account;
    private bool asked;

    /// <summary>Who we are there, for messages.</summary>
    public string Who => account is { } known ? known.ToString() : "no account: nobody logged in";

    /// <summary>What to send with a request; null: nothing, as far as is known.</summary>
    public AuthenticationHeaderValue? Current(string actions)
    {
        lock (tokens)
        {
            return basic ?? (tokens.TryGetValue(actions, out var token) && token.Until > clock.GetUtcNow() ? token.Header : null);
        }
    }

    /// <summary>Answers a challenge.</summary>
    /// <param name="challenges">Of the answer 401.</param>
    /// <param name="actions"><c>pull</c> or <c>pull,push</c>.</param>
    /// <param name="refused">What was sent and refused.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>What to send instead; null when there is nothing else to send.</returns>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(IReadOnlyList<AuthChallenge> challenges, string actions, AuthenticationHeaderValue? refused, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (Current(actions) is { } newer && !newer.Equals(refused))
            {
                return newer;
            }

            if (!asked)
            {
                account = await credentials.FindAsync(address, cancel).ConfigureAwait(false);
                asked = true;
            }

            if (challenges.FirstOrDefault(c => c.IsBearer && c["realm"] is not null) is { } bearer)
            {
                var token = await TokenAsync(bearer, actions, cancel).ConfigureAwait(false);
                return token.Equals(refused) ? null : token;
            }

            if (challenges.Any(c => c.IsBasic) && account is { IsIdentityToken: false } known && refused is null)
            {
                lock (tokens)
                {
                    basic = Basic(known);
                }

                return basic;
            }

            return null;
        }
        finally
        {
            gate.Release();
        }
    }

    public void Dispose() => gate.Dispose();

    private static AuthenticationHeaderValue Basic(RegistryAccount account) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{account.User}:{account.Secret}")));

    private async Task<AuthenticationHeaderValue> TokenAsync(AuthChallenge challenge, string actions, CancellationToken cancel)
    {
        var scope = challenge["scope"] is { Length: > 0 } given ? given : $"repository:{address.Repository}:{actions}";
        if (!Uri.TryCreate(challenge["realm"], UriKind.Absolute, out var realm) || realm.Scheme is not ("https" or "http"))
        {
            throw new RegistryTrouble(StoreFailure.Unreachable, "the registry names a token service that is no address", "see the registry's settings");
        }

        if (realm.Scheme == "http" && tls && account is not null)
        {
            throw new RegistryTrouble(StoreFailure.Refused, $"the registry's token service {realm.Host} speaks plain HTTP: it gets no password", "give it a certificate");
        }

        using var request = new HttpRequestMessage();
        request.Version = System.Net.HttpVersion.Version11;
        var service = challenge["service"];
        if (account is { IsIdentityToken: true } identity)
        {
            request.Method = HttpMethod.Post;
            request.RequestUri = realm;
            request.Content = new FormUrlEncodedContent(
            [
                new("grant_type", "refresh_token"), new("service", service ?? ""), new("scope", scope), new("client_id", "laptime"), new("refresh_token", identity.Secret),
            ]);
        }
        else
        {
            request.Method = HttpMethod.Get;
            var query = string.Join('&', scope.Split(' ').Select(s => "scope=" + Uri.EscapeDataString(s)).Append(service is null ? "" : "service=" + Uri.EscapeDataString(service)).Where(q => q.Length > 0));
            request.RequestUri = new UriBuilder(realm) { Query = realm.Query.Length > 1 ? realm.Query[1..] + "&" + query : query }.Uri;
            request.Headers.Authorization = account is { } known ? Basic(known) : null;
        }

        using var answer = await AskAsync(request, realm, cancel).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode)
        {
            var body = await RegistryErrors.ReadBodyAsync(answer, cancel).ConfigureAwait(false);
            if ((int)answer.StatusCode is 400 or 401 or 403)
            {
                throw new RegistryTrouble(StoreFailure.Refused, $"the token service {realm.Host} refuses {Who} ({(int)answer.StatusCode})", RegistryErrors.Login(address));
            }

            throw RegistryErrors.OfAnswer(answer, body, address, writes: actions != "pull", clock);
        }

        await answer.Content.LoadIntoBufferAsync(LargestAnswer, cancel).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false));
            var root = document.RootElement;
            var text = (root.TryGetProperty("token", out var token) || root.TryGetProperty("access_token", out token) ? token.GetString() : null) ?? throw new FormatException();
            var seconds = root.TryGetProperty("expires_in", out var expires) && expires.TryGetInt32(out var number) ? number : 60;
            var header = new AuthenticationHeaderValue("Bearer", text);
            lock (tokens)
            {
                // A little early: a token that runs out on its way costs a round trip.
                tokens[actions] = (header, clock.GetUtcNow().AddSeconds(Math.Clamp(seconds - 5, 5, 3600)));
            }

            return header;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new RegistryTrouble(StoreFailure.Unreachable, $"the token service {realm.Host} answers with something that is no token", "see the log of the token service");
        }
    }

    private async Task<HttpResponseMessage> AskAsync(HttpRequestMessage request, Uri realm, CancellationToken cancel)
    {
        try
        {
            return await http.SendAsync(request, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (RegistryClient.IsConnection(e))
        {
            var cause = RegistryErrors.OfConnection(e, address with { Host = realm.Host, Port = realm.IsDefaultPort ? null : realm.Port }, realm.Scheme == "https");
            throw new RegistryTrouble(cause.Failure, $"the registry's token service {realm.Authority} fails: {cause.Message}", cause.Mend, cause.Again, inner: e);
        }
    }
}
