using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Laptime.Artifacts;
using Laptime.Fingerprints;

namespace Laptime.Contracts.Registries;

/// <summary>A request as it came.</summary>
internal sealed record Asked(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers)
{
    public override string ToString() => $"{Method} {Path}{(Query.Length > 0 ? "?" + Query : "")}";
}

/// <summary>What is answered: also what no registry answers.</summary>
/// <param name="Status">Line after the version; empty: the bytes of the body are all there is.</param>
/// <param name="Body">Sent whole, whatever the length says.</param>
/// <param name="Headers">Beside Content-Length.</param>
internal sealed record Answer(string Status, byte[] Body, params string[] Headers)
{
    public Answer(string status, string body, params string[] headers) : this(status, Encoding.UTF8.GetBytes(body), headers) { }

    /// <summary>What Content-Length claims; null: what the body has.</summary>
    public long? Length { get; init; }

    /// <summary>The connection ends after the body.</summary>
    public bool Drop { get; init; }

    /// <summary>Nothing ever comes.</summary>
    public static readonly Answer Never = new("", "");

    public static Answer Error(string status, string code, string message, params string[] headers) =>
        new(status, $$"""{"errors":[{"code":"{{code}}","message":"{{message}}"}]}""", ["Content-Type: application/json", .. headers]);
}

/// <summary>A registry in memory, on a socket of ours, that a test makes lie, break or fall silent.</summary>
internal sealed class HostileRegistry : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ending = new();
    private readonly List<Asked> log = [];
    private int uploads;

    public HostileRegistry()
    {
        listener.Start();
        _ = AcceptAsync();
    }

    public string Authority => listener.LocalEndpoint.ToString()!;

    public Dictionary<string, (byte[] Bytes, string Type)> Manifests { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, byte[]> Blobs { get; } = new(StringComparer.Ordinal);

    /// <summary>Answers instead; null: as a registry does.</summary>
    public Func<Asked, Answer?> Instead { get; set; } = _ => null;

    /// <summary>Never reads a request's body, and never answers it.</summary>
    public Func<Asked, bool> StopReading { get; set; } = _ => false;

    /// <summary>Ends the connection after so many bytes of a request's body; null: reads it.</summary>
    public Func<Asked, int?> DropBody { get; set; } = _ => null;

    public IReadOnlyList<Asked> Log
    {
        get
        {
            lock (log)
            {
                return [.. log];
            }
        }
    }

    public IEnumerable<string> LogOf(string method) => Log.Where(a => a.Method == method).Select(a => a.ToString());

    /// <summary>An artifact with one layer, as it should be.</summary>
    public StoredManifest Add(string tag, string layer)
    {
        var content = Encoding.UTF8.GetBytes(layer);
        Blobs[Digest.Of(content).ToString()] = content;
        Blobs[Digest.Of(OciManifest.EmptyConfig).ToString()] = OciManifest.EmptyConfig;
        var bytes = OciManifest.OfFiles(new Descriptor(OciManifest.LayerType, Digest.Of(content), content.Length)).ToBytes();
        Manifests[Digest.Of(bytes).ToString()] = Manifests[tag] = (bytes, OciManifest.MediaType);
        return StoredManifest.Read(bytes, null, "here");
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptSocketAsync(ending.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            while (await ReadHeadAsync(stream) is { } asked)
            {
                lock (log)
                {
                    log.Add(asked);
                }

                if (StopReading(asked))
                {
                    await Task.Delay(Timeout.Infinite, ending.Token);
                }

                var length = asked.Headers.TryGetValue("content-length", out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : 0;
                var body = new byte[DropBody(asked) ?? length];
                await stream.ReadExactlyAsync(body, ending.Token);
                if (body.Length < length)
                {
                    socket.Close(0);
                    return;
                }

                var answer = Instead(asked) ?? Honest(asked, body);
                if (answer == Answer.Never)
                {
                    await Task.Delay(Timeout.Infinite, ending.Token);
                }

                if (answer.Status.Length > 0)
                {
                    var head = new StringBuilder($"HTTP/1.1 {answer.Status}\r\n");
                    if (!answer.Headers.Contains("Transfer-Encoding: chunked"))
                    {
                        head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.Length ?? answer.Body.Length}\r\n");
                    }

                    foreach (var header in answer.Headers)
                    {
                        head.Append(header).Append("\r\n");
                    }

                    await stream.WriteAsync(Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()), ending.Token);
                }

                if (asked.Method != "HEAD")
                {
                    await stream.WriteAsync(answer.Body, ending.Token);
                }

                if (answer.Drop || answer.Status.Length == 0)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // The other side went, or the test is over.
        }
    }

    private async Task<Asked?> ReadHeadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, ending.Token) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        var lines = Encoding.Latin1.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var target = lines[0].Split(' ')[1].Split('?', 2);
        return new Asked(lines[0].Split(' ')[0], target[0], target.ElementAtOrDefault(1) ?? "", lines[1..].Select(l => l.Split(": ", 2)).ToDictionary(l => l[0].ToLowerInvariant(), l => l[1]));
    }

    private Answer Honest(Asked asked, byte[] body)
    {
        var parts = asked.Path.Split('/');
        var reference = parts[^1];
        lock (log)
        {
            switch (asked.Method, parts[^2])
            {
                case ("HEAD" or "GET", "manifests"):
                    return Manifests.TryGetValue(reference, out var manifest)
                        ? new Answer("200 OK", manifest.Bytes, $"Content-Type: {manifest.Type}", $"Docker-Content-Digest: {Digest.Of(manifest.Bytes)}")
                        : Answer.Error("404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown");
                case ("HEAD" or "GET", "blobs"):
                    if (!Blobs.TryGetValue(reference, out var blob))
                    {
                        return Answer.Error("404 Not Found", "BLOB_UNKNOWN", "blob unknown to registry");
                    }

                    if (asked.Headers.TryGetValue("range", out var range))
                    {
                        var from = int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
                        return new Answer("206 Partial Content", blob[from..], $"Content-Range: bytes {from}-{blob.Length - 1}/{blob.Length}");
                    }

                    return new Answer("200 OK", blob);
                case ("POST", "uploads"):
                    return new Answer("202 Accepted", "", $"Location: /v2/x/put/{++uploads}?state=a%2Fb");
                case ("PUT", "put"):
                    var digest = Uri.UnescapeDataString(asked.Query[(asked.Query.IndexOf("digest=", StringComparison.Ordinal) + 7)..]);
                    if (Digest.Of(body).ToString() != digest)
                    {
                        return Answer.Error("400 Bad Request", "DIGEST_INVALID", "provided digest did not match uploaded content");
                    }

                    Blobs[digest] = body;
                    return new Answer("201 Created", "");
                case ("PUT", "manifests"):
                    Manifests[Digest.Of(body).ToString()] = Manifests[reference] = (body, asked.Headers["content-type"]);
                    return new Answer("201 Created", "", $"Docker-Content-Digest: {Digest.Of(body)}");
                default:
                    return Answer.Error("404 Not Found", "NAME_UNKNOWN", "repository name not known to registry");
            }
        }
    }
}
