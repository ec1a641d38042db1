using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Laptime.Foundations;
using Laptime.Processes;
using Polly;
using Polly.Retry;

namespace Laptime.Artifacts.Registries;

/// <summary>
/// HTTP to one registry: HTTP/1.1 over kept connections, authorized, each try and the whole bounded, retried where trying again may help. Loaded only by
/// processes that use a registry.
/// </summary>
internal sealed class RegistryClient : IDisposable
{
    private const int Connections = 16;
    private readonly RegistryAddress address;
    private readonly RegistryOptions options;
    private readonly TimeProvider clock;
    private readonly HttpMessageInvoker http;
    private readonly RegistryAccess access;
    private readonly ResiliencePipeline retries;
    private readonly bool tls;

    public RegistryClient(RegistryAddress address, RegistryOptions options, ProcessRunner runner, TimeProvider clock)
    {
        (this.address, this.options, this.clock) = (address, options, clock);
        tls = !(options.Insecure ?? address.IsLoopback);
        Base = new Uri($"{(tls ? "https" : "http")}://{address.Authority}/v2/");
        var handler = new SocketsHttpHandler
        {
            // Environment's proxies are for other machines.
            UseProxy = !address.IsLoopback,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = options.Connect,
            MaxConnectionsPerServer = Connections,
            MaxAutomaticRedirections = 5,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
            ActivityHeadersPropagator = null,
        };
        http = new HttpMessageInvoker(handler, disposeHandler: true);
        access = new RegistryAccess(address, tls, new DockerCredentials(options.DockerConfig, runner), http, clock);
        retries = new ResiliencePipelineBuilder { TimeProvider = clock }.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = static failed => ValueTask.FromResult(failed.Outcome.Exception is RegistryTrouble { Again: true }),
            MaxRetryAttempts = Math.Max(1, options.Attempts - 1),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = options.Pause,
            MaxDelay = TimeSpan.FromSeconds(5),
            DelayGenerator = static failed => ValueTask.FromResult((failed.Outcome.Exception as RegistryTrouble)?.After),
        }).Build();
    }

    /// <summary><c>https://host/v2/</c>.</summary>
    public Uri Base { get; }

    public RegistryOptions Options => options;

    public TimeProvider Clock => clock;

    public RegistryAddress Address => address;

    /// <summary>An address below <c>/v2/REPOSITORY/</c>.</summary>
    public Uri At(string path) => new(Base, $"{address.Repository}/{path}");

    /// <summary>Runs one operation, again where that may help, within a bound.</summary>
    /// <param name="doing">What is being done, for the message: <c>looking up the tag x</c>.</param>
    /// <param name="bound">On all tries together.</param>
    /// <param name="attempt">One try, from its beginning; throws <see cref="RegistryTrouble"/>.</param>
    /// <param name="cancel">The caller's.</param>
    /// <exception cref="StoreException">Says what was done, what failed, and after how many attempts.</exception>
    public async Task<T> RunAsync<T>(string doing, TimeSpan bound, Func<CancellationToken, Task<T>> attempt, CancellationToken cancel)
    {
        var start = clock.GetTimestamp();
        var attempts = 0;
        RegistryTrouble? last = null;
        using var total = new CancellationTokenSource(bound, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, total.Token);
        try
        {
            return await retries.ExecuteAsync(async token =>
            {
                attempts++;
                try
                {
                    return await attempt(token).ConfigureAwait(false);
                }
                catch (RegistryTrouble trouble)
                {
                    last = trouble;
                    if (trouble.After is { } wait && clock.GetElapsedTime(start) + wait >= bound)
                    {
                        // Waiting for it would only end at the bound.
                        throw trouble.ToFault(doing, address.ToString(), attempts, clock.GetElapsedTime(start));
                    }

                    throw;
                }
            }, both.Token).ConfigureAwait(false);
        }
        catch (RegistryTrouble trouble)
        {
            throw trouble.ToFault(doing, address.ToString(), attempts, clock.GetElapsedTime(start));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            var trouble = last ?? Silence(bound);
            throw trouble.ToFault(doing, address.ToString(), Math.Max(attempts, 1), clock.GetElapsedTime(start));
        }
    }

    /// <summary>One exchange of small messages: authorized, and bounded as one try.</summary>
    /// <exception cref="RegistryTrouble">No answer. An answer of any status is returned.</exception>
    public async Task<HttpResponseMessage> AskAsync(HttpMethod method, Uri uri, string actions, Action<HttpRequestMessage>? prepare, CancellationToken cancel)
    {
        using var bound = new CancellationTokenSource(options.Answer, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, bound.Token);
        try
        {
            return await SendAsync(method, uri, actions, prepare, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw Silence(options.Answer);
        }
    }

    /// <summary>Reads the whole body of an answer to a question, bounded in size and time.</summary>
    public async Task<byte[]> ReadAsync(HttpResponseMessage answer, int largest, CancellationToken cancel)
    {
        using var bound = new CancellationTokenSource(options.Answer, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, bound.Token);
        try
        {
            if (answer.Content.Headers.ContentLength > largest)
            {
                throw new RegistryTrouble(StoreFailure.Damaged, $"the answer has {answer.Content.Headers.ContentLength} bytes, more than such a one may have", "find out who wrote it");
            }

            var stream = await answer.Content.ReadAsStreamAsync(both.Token).ConfigureAwait(false);
            var buffer = new byte[Math.Min(largest, answer.Content.Headers.ContentLength ?? 64 << 10) + 1];
            var length = 0;
            while (await stream.ReadAsync(buffer.AsMemory(length), both.Token).ConfigureAwait(false) is > 0 and var count)
            {
                length += count;
                if (length > largest)
                {
                    throw new RegistryTrouble(StoreFailure.Damaged, $"the answer has more than {largest} bytes, more than such a one may have", "find out who wrote it");
                }

                if (length == buffer.Length)
                {
                    Array.Resize(ref buffer, Math.Min(largest + 1, buffer.Length * 2));
                }
            }

            return buffer[..length];
        }
        catch (Exception e) when (IsConnection(e))
        {
            throw RegistryErrors.OfConnection(e, address, tls);
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw Silence(options.Answer);
        }
    }

    /// <summary>Sends a request, answers a challenge, translates failures of the connection. The caller bounds it.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri uri, string actions, Action<HttpRequestMessage>? prepare, CancellationToken cancel)
    {
        try
        {
            // Our authorization is for this registry: an upload may lead to another host.
            var ours = uri.Authority == Base.Authority;
            var authorization = ours ? access.Current(actions) : null;
            for (var round = 0; ; round++)
            {
                using var request = new HttpRequestMessage(method, uri) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
                request.Headers.TryAddWithoutValidation("User-Agent", "laptime");
                request.Headers.Authorization = authorization;
                prepare?.Invoke(request);
                var answer = await http.SendAsync(request, cancel).ConfigureAwait(false);
                if (answer.StatusCode != HttpStatusCode.Unauthorized || !ours)
                {
                    return answer;
                }

                using (answer)
                {
                    var challenges = Challenges(answer);
                    var better = round < 2 ? await access.AnswerAsync(challenges, actions, authorization, cancel).ConfigureAwait(false) : null;
                    if (better is null)
                    {
                        var body = method == HttpMethod.Head ? new RegistryErrors.Body(null, null) : await RegistryErrors.ReadBodyAsync(answer, cancel).ConfigureAwait(false);
                        throw challenges.Count == 0
                            ? RegistryErrors.OfAnswer(answer, body, address, actions != "pull", clock)
                            : new RegistryTrouble(StoreFailure.Refused, $"the registry does not let us in (401), with {access.Who}", RegistryErrors.Login(address));
                    }

                    authorization = better;
                }
            }
        }
        catch (Exception e) when (IsConnection(e))
        {
            throw RegistryErrors.OfConnection(e, address, tls);
        }
        catch (TaskCanceledException e) when (e.InnerException is TimeoutException && !cancel.IsCancellationRequested)
        {
            throw new RegistryTrouble(StoreFailure.Unreachable, $"no connection to {address.Authority} within {Duration.Text(options.Connect)}", "start it, or check host and port of the address", again: true, inner: e);
        }
    }

    /// <summary>The trouble that an answer is, its body read for the registry's own words.</summary>
    public async Task<RegistryTrouble> TroubleOfAsync(HttpResponseMessage answer, string actions, CancellationToken cancel)
    {
        using var bound = new CancellationTokenSource(options.Answer, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, bound.Token);
        try
        {
            return RegistryErrors.OfAnswer(answer, await RegistryErrors.ReadBodyAsync(answer, both.Token).ConfigureAwait(false), address, actions != "pull", clock);
        }
        catch (Exception e) when (IsConnection(e) || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // The status says enough.
            return RegistryErrors.OfAnswer(answer, new RegistryErrors.Body(null, null), address, actions != "pull", clock);
        }
    }

    public RegistryTrouble Broken(Exception e) => RegistryErrors.OfConnection(e, address, tls);

    public static bool IsConnection(Exception e) => e is HttpRequestException or IOException or SocketException;

    public static RegistryTrouble Silence(TimeSpan waited) =>
        new(StoreFailure.Unreachable, $"the registry gives no answer within {Duration.Text(waited)}", "see whether it is up; artifacts.timeout sets the bound", again: true);

    public void Dispose()
    {
        access.Dispose();
        http.Dispose();
    }

    private static List<AuthChallenge> Challenges(HttpResponseMessage answer)
    {
        var all = new List<AuthChallenge>();
        if (answer.Headers.TryGetValues("WWW-Authenticate", out var lines))
        {
            all.AddRange(lines.Select(AuthChallenge.Parse).OfType<AuthChallenge>());
        }

        return all;
    }
}
