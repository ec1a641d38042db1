using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Laptime.Foundations;

namespace Laptime.Targets.Docker;

/// <summary>
/// The Engine API (HTTP over its socket), as much of it as Laptime uses. The version is negotiated once; every call has a bound; a no is an
/// <see cref="EngineException"/> with the engine's own words. Safe for use from several tasks. Retries nothing: whoever calls knows what may be repeated.
/// </summary>
public sealed partial class EngineClient : IDisposable
{
    /// <summary>The newest version that this client was written for.</summary>
    public const string NewestVersion = "1.47";

    /// <summary>The oldest: Docker 20.10.</summary>
    public const string OldestVersion = "1.41";

    /// <summary>On a call that changes or reads one thing. Streams and what says so have their own.</summary>
    public static readonly TimeSpan DefaultBound = TimeSpan.FromSeconds(30);

    private const int LongestAnswer = 64 * 1024 * 1024;
    private const int LongestMessage = 64 * 1024;

    private readonly HttpMessageInvoker http;
    private readonly TimeProvider clock;
    private readonly SemaphoreSlim turn = new(1);
    private EnginePing? ping;
    private Task? approach;

    public EngineClient(EngineEndpoint endpoint, TimeProvider clock)
    {
        (Endpoint, this.clock) = (endpoint, clock);
        http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false, UseCookies = false, AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None, ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10), PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30), ConnectCallback = ConnectAsync,
        });
    }

    public EngineEndpoint Endpoint { get; }

    /// <summary>Whose name images are pulled in; null: nobody's.</summary>
    public EngineAccounts? Accounts { get; init; }

    /// <summary>Connects and negotiates the version meanwhile; the first question waits for it. What goes wrong, that question meets again, and tells.</summary>
    public void Approach(CancellationToken cancel) => approach ??= ApproachAsync(cancel);

    /// <summary>What the engine said when the version was negotiated.</summary>
    public async Task<EnginePing> PingAsync(CancellationToken cancel)
    {
        if (Volatile.Read(ref ping) is { } known)
        {
            return known;
        }

        await turn.WaitAsync(cancel);
        try
        {
            if (ping is { } meanwhile)
            {
                return meanwhile;
            }

            using var bound = Bounded(TimeSpan.FromSeconds(10), cancel);
            using var answer = await SendRawAsync(new HttpRequestMessage(HttpMethod.Get, "http://docker/_ping"), TimeSpan.FromSeconds(10), bound.Token, cancel);
            await ThrowIfNoAsync(answer, "ping", bound.Token);
            string? Header(string name) => answer.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
            var newest = Header("Api-Version") ?? throw new EngineException(
                EngineError.Failed, (int)answer.StatusCode, $"what answers at {Endpoint} is not a Docker engine", Endpoint.Source, "set DOCKER_HOST to an engine's socket");
            var version = Compare(newest, NewestVersion) < 0 ? newest : NewestVersion;
            if (Compare(version, OldestVersion) < 0)
            {
                throw new EngineException(
                    EngineError.Failed, null, $"the Docker engine at {Endpoint} speaks API {newest}; lap needs {OldestVersion} (Docker 20.10)", Endpoint.Source, "upgrade the engine");
            }

            Volatile.Write(ref ping, new EnginePing(version, newest, Header("OSType") ?? "linux", Header("Swarm"), answer.Headers.Date));
            return ping!;
        }
        finally
        {
            turn.Release();
        }
    }

    public Task<EngineVersion> VersionAsync(CancellationToken cancel) => GetAsync("/version", EngineJson.Default.EngineVersion, cancel);

    /// <summary>Whether it manages a swarm: newer engines say so at the first word.</summary>
    public async Task<bool> ManagesSwarmAsync(CancellationToken cancel) =>
        (await PingAsync(cancel)).Swarm is { } said ? said == "active/manager" : (await InfoAsync(cancel)).Swarm is { ControlAvailable: true };

    public Task<EngineInfo> InfoAsync(CancellationToken cancel) => GetAsync("/info", EngineJson.Default.EngineInfo, cancel);

    private async Task ApproachAsync(CancellationToken cancel)
    {
        // On another thread from its first step.
        await Task.Yield();
        try
        {
            await PingAsync(cancel);
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException or ObjectDisposedException)
        {
            // Asked again by whoever needs it.
        }
    }

    /// <summary>One JSON document.</summary>
    /// <param name="path">Without the version: <c>/containers/json?all=1</c>.</param>
    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using var bound = Bounded(DefaultBound, cancel);
        using var answer = await SendAsync(HttpMethod.Get, path, null, null, DefaultBound, bound.Token, cancel);
        return await ReadAsync(answer, path, type, DefaultBound, bound.Token, cancel);
    }

    /// <summary>One JSON document; default where the engine says 404.</summary>
    public async Task<T?> FindAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) where T : class
    {
        try
        {
            return await GetAsync(path, type, cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.NotFound)
        {
            return null;
        }
    }

    /// <summary>Posts a JSON body and reads a JSON answer.</summary>
    public async Task<TAnswer> PostAsync<TBody, TAnswer>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancel)
    {
        using var bound = Bounded(DefaultBound, cancel);
        using var answer = await SendAsync(HttpMethod.Post, path, JsonBody(body, bodyType), null, DefaultBound, bound.Token, cancel);
        return await ReadAsync(answer, path, answerType, DefaultBound, bound.Token, cancel);
    }

    /// <summary>Posts a JSON body; the answer is only whether it was accepted.</summary>
    public async Task PostAsync<TBody>(string path, TBody body, JsonTypeInfo<TBody> bodyType, CancellationToken cancel)
    {
        using var bound = Bounded(DefaultBound, cancel);
        using var answer = await SendAsync(HttpMethod.Post, path, JsonBody(body, bodyType), null, DefaultBound, bound.Token, cancel);
    }

    /// <summary>Posts without a body. False where there was nothing to do (304).</summary>
    public async Task<bool> PostAsync(string path, TimeSpan limit, CancellationToken cancel)
    {
        using var bound = Bounded(limit, cancel);
        using var answer = await SendAsync(HttpMethod.Post, path, null, null, limit, bound.Token, cancel);
        return answer.StatusCode != HttpStatusCode.NotModified;
    }

    /// <summary>Deletes; false where there is nothing (404).</summary>
    public async Task<bool> DeleteAsync(string path, CancellationToken cancel)
    {
        try
        {
            using var bound = Bounded(DefaultBound, cancel);
            using var answer = await SendAsync(HttpMethod.Delete, path, null, null, DefaultBound, bound.Token, cancel);
            return true;
        }
        catch (EngineException e) when (e.Error == EngineError.NotFound)
        {
            return false;
        }
    }

    /// <summary>Opens a streamed answer; only until its head the default bound holds. The answer is the caller's to dispose.</summary>
    public async Task<HttpResponseMessage> OpenAsync(HttpMethod method, string path, HttpContent? body, IReadOnlyDictionary<string, string>? headers, CancellationToken cancel)
    {
        using var bound = Bounded(DefaultBound, cancel);
        return await SendAsync(method, path, body, headers, DefaultBound, bound.Token, cancel);
    }

    /// <summary>The <c>filters</c> of a query string: <c>{"label":["a=b"],"type":["container"]}</c>, escaped.</summary>
    public static string Filters(params IEnumerable<(string Name, string Value)> filters)
    {
        var byName = filters.GroupBy(f => f.Name).ToDictionary(g => g.Key, g => g.Select(f => f.Value).ToArray());
        return "filters=" + Uri.EscapeDataString(JsonSerializer.Serialize(byName, EngineJson.Default.DictionaryStringStringArray));
    }

    public void Dispose()
    {
        http.Dispose();
        turn.Dispose();
    }

    /// <summary>The lines of a streamed answer (newline-delimited JSON). The bound holds for each line's wait only when given.</summary>
    internal async IAsyncEnumerable<T> LinesAsync<T>(HttpResponseMessage answer, string path, JsonTypeInfo<T> type, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
        var lines = new Local.LineReader(stream, LongestAnswer);
        while (true)
        {
            ReadOnlyMemory<byte>? line;
            try
            {
                line = await lines.ReadAsync(cancel);
            }
            catch (Exception e) when (e is IOException or HttpRequestException or InvalidDataException)
            {
                throw Broken(path, e);
            }

            if (line is not { } text)
            {
                yield break;
            }

            if (text.Span.Trim("\r\n\t "u8).Length > 0)
            {
                T value;
                try
                {
                    value = JsonSerializer.Deserialize(text.Span, type)!;
                }
                catch (JsonException e)
                {
                    throw NotUnderstood(path, e);
                }

                yield return value;
            }
        }
    }

    internal static HttpContent JsonBody<T>(T body, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? body, IReadOnlyDictionary<string, string>? headers, TimeSpan limit, CancellationToken bound, CancellationToken cancel)
    {
        var version = (await PingAsync(cancel)).Version;
        var request = new HttpRequestMessage(method, $"http://docker/v{version}{path}") { Content = body };
        foreach (var (name, value) in headers ?? new Dictionary<string, string>())
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        var answer = await SendRawAsync(request, limit, bound, cancel);
        try
        {
            await ThrowIfNoAsync(answer, path, bound);
            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendRawAsync(HttpRequestMessage request, TimeSpan limit, CancellationToken bound, CancellationToken cancel)
    {
        try
        {
            // An invoker hands the answer over as soon as its head is there.
            return await http.SendAsync(request, bound);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw TimedOut(request.RequestUri!.PathAndQuery, limit);
        }
        catch (HttpRequestException e)
        {
            if (e.InnerException is FaultException told)
            {
                throw told;
            }

            var refused = e.InnerException as SocketException;
            var (what, mend) = refused?.SocketErrorCode switch
            {
                SocketError.AccessDenied => ("this user may not talk to the Docker engine", "join the group docker (sudo usermod -aG docker $USER, then log in again), or use a rootless engine"),
                SocketError.AddressNotAvailable or SocketError.ConnectionRefused => ("no Docker engine listens", "start it: sudo systemctl start docker; `lap doctor` looks further"),
                null => ($"the Docker engine broke the connection off: {e.Message}", "see its log (journalctl -u docker); running the command again is safe"),
                _ => ($"the Docker engine cannot be reached ({refused.Message})", "start it: sudo systemctl start docker; `lap doctor` looks further"),
            };
            throw new EngineException(EngineError.Unreachable, null, $"{what} at {Endpoint}", Endpoint.Source, mend, e);
        }
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage answer, string path, JsonTypeInfo<T> type, TimeSpan limit, CancellationToken bound, CancellationToken cancel)
    {
        try
        {
            await answer.Content.LoadIntoBufferAsync(LongestAnswer, bound);
            await using var stream = await answer.Content.ReadAsStreamAsync(bound);
            return await JsonSerializer.DeserializeAsync(stream, type, bound) ?? throw new JsonException("null");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw TimedOut(path, limit);
        }
        catch (JsonException e)
        {
            throw NotUnderstood(path, e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw Broken(path, e);
        }
    }

    private async Task ThrowIfNoAsync(HttpResponseMessage answer, string path, CancellationToken bound)
    {
        var status = (int)answer.StatusCode;
        if (status < 400)
        {
            return;
        }

        var text = await MessageAsync(answer, bound);
        var error = status switch
        {
            404 => EngineError.NotFound,
            409 => EngineError.Conflict,
            400 => EngineError.BadRequest,
            500 when text.Contains("update out of sequence", StringComparison.Ordinal) => EngineError.OutOfSequence,
            503 or 406 => EngineError.NoSwarm,
            _ => EngineError.Failed,
        };
        throw new EngineException(error, status, $"docker: {text}", $"{Endpoint} {PathOf(path)}", null);
    }

    private static async Task<string> MessageAsync(HttpResponseMessage answer, CancellationToken bound)
    {
        try
        {
            await answer.Content.LoadIntoBufferAsync(LongestMessage, bound);
            var bytes = await answer.Content.ReadAsByteArrayAsync(bound);
            try
            {
                return JsonSerializer.Deserialize(bytes, EngineJson.Default.EngineMessage)?.Message ?? $"status {(int)answer.StatusCode}";
            }
            catch (JsonException)
            {
                return Encoding.UTF8.GetString(bytes).Trim() is { Length: > 0 } text ? text : $"status {(int)answer.StatusCode}";
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return $"status {(int)answer.StatusCode}";
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = Endpoint.Socket is null
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(Endpoint.Socket is { } path ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(IPAddress.Parse(Endpoint.Host!), Endpoint.Port), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static CancellationTokenSource Bounded(TimeSpan limit, CancellationToken cancel)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        source.CancelAfter(limit);
        return source;
    }

    private EngineException TimedOut(string path, TimeSpan limit) => new(
        EngineError.TimedOut, null, $"the Docker engine did not answer within {Duration.Text(limit)}", $"{Endpoint} {PathOf(path)}", "see its log (journalctl -u docker); `lap doctor` looks further");

    private EngineException Broken(string path, Exception e) => new(
        EngineError.Unreachable, null, $"the Docker engine broke its answer off: {e.Message}", $"{Endpoint} {PathOf(path)}", "see its log (journalctl -u docker); running the command again is safe", e);

    private EngineException NotUnderstood(string path, Exception e) => new(
        EngineError.Failed, null, $"the Docker engine's answer is not understood: {e.Message}", $"{Endpoint} {PathOf(path)}", "`lap doctor` says which version it is", e);

    private static string PathOf(string path) => path.Split('?')[0];

    private static int Compare(string a, string b) => Version.TryParse(a, out var left) && Version.TryParse(b, out var right) ? left.CompareTo(right) : -1;
}
