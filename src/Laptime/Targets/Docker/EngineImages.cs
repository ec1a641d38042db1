using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Laptime.Foundations;

namespace Laptime.Targets.Docker;

/// <summary>Images: loaded, named, pushed, pulled.</summary>
public sealed partial class EngineClient
{
    /// <summary>Null when the engine does not have it.</summary>
    /// <param name="image">An id (<c>sha256:…</c>), <c>repo@sha256:…</c>, or a name.</param>
    public Task<ImageInspect?> InspectImageAsync(string image, CancellationToken cancel) =>
        FindAsync($"/images/{EscapePath(image)}/json", EngineJson.Default.ImageInspect, cancel);

    /// <summary>Images of a repository (<c>shop/web</c>), or those that a pattern with tag names (<c>shop/*:1</c>).</summary>
    public Task<ImageSummary[]> ListImagesAsync(string reference, CancellationToken cancel) =>
        GetAsync($"/images/json?{Filters([("reference", reference)])}", EngineJson.Default.ImageSummaryArray, cancel);

    /// <summary>Streams a docker archive (manifest.json, configs, layers) into the engine. What it has already it keeps.</summary>
    /// <param name="write">Writes the archive.</param>
    public async Task LoadImageAsync(Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
    {
        using var body = new WrittenContent(write, cancel);
        using var answer = await OpenUnboundedAsync(HttpMethod.Post, "/images/load?quiet=1", body, null, cancel);
        await foreach (var progress in LinesAsync(answer, "/images/load", EngineJson.Default.EngineProgress, cancel))
        {
            ThrowIfError(progress, "load the image");
        }
    }

    /// <summary>Gives an image a name: <paramref name="repository"/>:<paramref name="tag"/>.</summary>
    public async Task TagImageAsync(string image, string repository, string tag, CancellationToken cancel)
    {
        await PostAsync($"/images/{EscapePath(image)}/tag?repo={Escape(repository)}&tag={Escape(tag)}", DefaultBound, cancel);
    }

    /// <summary>Takes a name away; the image goes when it was its last and nothing uses it. False when there is none.</summary>
    public Task<bool> RemoveImageAsync(string image, CancellationToken cancel) => DeleteAsync($"/images/{EscapePath(image)}?noprune=0", cancel);

    /// <summary>Pushes <paramref name="repository"/>:<paramref name="tag"/>.</summary>
    /// <param name="auth">Null: anonymous.</param>
    /// <returns>The digest of the manifest as the registry has it.</returns>
    public async Task<string> PushImageAsync(string repository, string tag, EngineAuth? auth, CancellationToken cancel)
    {
        string? digest = null;
        using var answer = await OpenUnboundedAsync(HttpMethod.Post, $"/images/{EscapePath(repository)}/push?tag={Escape(tag)}", null, Auth(auth), cancel);
        await foreach (var progress in LinesAsync(answer, "/images/push", EngineJson.Default.EngineProgress, cancel))
        {
            ThrowIfError(progress, $"push {repository}:{tag}");
            digest = progress.Aux is { ValueKind: JsonValueKind.Object } aux && aux.TryGetProperty("Digest", out var said) ? said.GetString() : digest;
        }

        return digest ?? throw new EngineException(EngineError.Failed, null, $"docker did not say which digest {repository}:{tag} was pushed with", $"{Endpoint}", null);
    }

    /// <summary>Pulls one image.</summary>
    /// <param name="reference"><c>repo@sha256:…</c>; a movable name brings what it leads to now, so ask for its id afterwards and go on with that.</param>
    /// <param name="auth">Null: anonymous.</param>
    /// <param name="bound">On the whole pull.</param>
    public async Task PullImageAsync(string reference, EngineAuth? auth, TimeSpan bound, CancellationToken cancel)
    {
        // Without one of the two the engine would pull every tag that there is.
        var name = reference.Contains('@', StringComparison.Ordinal) || reference.LastIndexOf(':') > reference.LastIndexOf('/') ? reference : reference + ":latest";
        using var limit = Bounded(bound, cancel);
        try
        {
            using var answer = await OpenUnboundedAsync(HttpMethod.Post, $"/images/create?fromImage={Escape(name)}", null, Auth(auth), limit.Token);
            await foreach (var progress in LinesAsync(answer, "/images/create", EngineJson.Default.EngineProgress, limit.Token))
            {
                ThrowIfError(progress, $"pull {reference}");
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new EngineException(
                EngineError.TimedOut, null, $"{reference} was not pulled within {Duration.Text(bound)}", $"{Endpoint}", "see whether the engine reaches the registry (docker pull)");
        }
    }

    /// <summary>As <see cref="OpenAsync"/>, with only the caller's own end: what is sent or awaited may be large.</summary>
    private Task<HttpResponseMessage> OpenUnboundedAsync(HttpMethod method, string path, HttpContent? body, IReadOnlyDictionary<string, string>? headers, CancellationToken cancel) =>
        SendAsync(method, path, body, headers, Timeout.InfiniteTimeSpan, cancel, cancel);

    private void ThrowIfError(EngineProgress progress, string doing)
    {
        if (progress.Error is { } error)
        {
            throw new EngineException(
                error.Contains("not found", StringComparison.OrdinalIgnoreCase) || error.Contains("manifest unknown", StringComparison.OrdinalIgnoreCase) ? EngineError.NotFound : EngineError.Failed,
                null, $"docker could not {doing}: {error}", $"{Endpoint}", null);
        }
    }

    private static Dictionary<string, string> Auth(EngineAuth? auth) => new()
    {
        // A push without the header is refused, an anonymous one too.
        ["X-Registry-Auth"] = Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(auth ?? new EngineAuth(), EngineJson.Default.EngineAuth)).Replace('+', '-').Replace('/', '_'),
    };

    /// <summary>Image names hold slashes, which stay.</summary>
    private static string EscapePath(string image) => string.Join('/', image.Split('/').Select(Uri.EscapeDataString));

    private sealed class WrittenContent : HttpContent
    {
        private readonly Func<Stream, CancellationToken, Task> write;
        private readonly CancellationToken cancel;

        public WrittenContent(Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
        {
            (this.write, this.cancel) = (write, cancel);
            Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream, cancel);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => write(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
