using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts.Registries;

/// <summary>The operations of the distribution spec: each one request where the protocol allows it, each answer checked before anybody sees it.</summary>
internal sealed class RegistryRequests(RegistryClient client) : IDisposable
{
    private const string Pull = "pull";
    private const string Push = "pull,push";
    private const string Delete = "pull,push,delete";
    private const int LargestList = 4 << 20;
    private const int MostPages = 1000;
    private const string RemovedType = "application/vnd.laptime.removed.v1";

    private string Name => client.Address.ToString();

    public void Dispose() => client.Dispose();

    public Task<Descriptor?> ResolveAsync(string tag, CancellationToken cancel) => AskAsync($"looking up the tag {tag}", async token =>
    {
        using var answer = await client.AskAsync(HttpMethod.Head, Manifest(tag), Pull, Accept, token).ConfigureAwait(false);
        switch (answer.StatusCode)
        {
            case HttpStatusCode.OK:
                CheckType(answer);
                if (!Digest.TryParse(Claimed(answer), out var digest) || answer.Content.Headers.ContentLength is not { } size)
                {
                    // It need not say the digest: then the manifest itself does.
                    return (await GetAsync(tag, null, token).ConfigureAwait(false))?.Descriptor;
                }

                return digest == Digest.Of(Removed(tag)) ? null : new Descriptor(answer.Content.Headers.ContentType!.MediaType!, digest, size);
            case HttpStatusCode.NotFound when answer.Content.Headers.ContentType?.MediaType is "application/json":
                return null;
            default:
                // The answer to HEAD has no words in it; GET has.
                return (await GetAsync(tag, null, token).ConfigureAwait(false))?.Descriptor;
        }
    }, cancel);

    public Task<StoredManifest?> GetManifestAsync(string tag, CancellationToken cancel) => AskAsync($"fetching the manifest {tag}", token => GetAsync(tag, null, token), cancel);

    public Task<StoredManifest?> GetManifestAsync(Digest digest, CancellationToken cancel) =>
        AskAsync($"fetching the manifest {digest.Short}", token => GetAsync(digest.ToString(), digest, token), cancel);

    public Task<bool> HasBlobAsync(Descriptor blob, CancellationToken cancel) => AskAsync($"looking up the blob {blob.Digest.Short}", async token =>
    {
        using var answer = await client.AskAsync(HttpMethod.Head, client.At($"blobs/{blob.Digest}"), Pull, null, token).ConfigureAwait(false);
        return answer.StatusCode switch
        {
            HttpStatusCode.OK => answer.Content.Headers.ContentLength is not { } length || length == blob.Size,
            HttpStatusCode.NotFound => false,
            _ => throw await client.TroubleOfAsync(answer, Pull, token).ConfigureAwait(false),
        };
    }, cancel);

    public async Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancel) => new VerifiedStream(
        await RegistryBlobStream.OpenAsync(client, blob, cancel).ConfigureAwait(false), blob,
        how => new StoreException(StoreFailure.Damaged, new Fault(
            Outcome.BuildFailed, $"the blob {blob.Digest.Short} {how}", client.Address.ToString(), "the registry's storage is damaged, or somebody changed it: remove the blob there, and publish again")));

    public async Task<bool> PutBlobAsync(Descriptor blob, Func<CancellationToken, Task<Stream>> open, CancellationToken cancel)
    {
        if (await HasBlobAsync(blob, cancel).ConfigureAwait(false))
        {
            return false;
        }

        var bound = client.Options.Timeout + client.Options.Stall + TimeSpan.FromSeconds((double)blob.Size / client.Options.Slowest);
        return await client.RunAsync($"pushing the blob {blob.Digest.Short}", bound, async token =>
        {
            await UploadAsync(blob, open, token).ConfigureAwait(false);
            return true;
        }, cancel).ConfigureAwait(false);
    }

    public async Task PutManifestAsync(StoredManifest manifest, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        var digest = manifest.Descriptor.Digest;
        foreach (var reference in tags.Count > 0 ? tags : [digest.ToString()])
        {
            await AskAsync($"pushing the manifest {(tags.Count > 0 ? reference : digest.Short)}", async token =>
            {
                using var answer = await client.AskAsync(HttpMethod.Put, Manifest(reference), Push, request =>
                {
                    request.Content = new ReadOnlyMemoryContent(manifest.Bytes);
                    request.Content.Headers.ContentType = new MediaTypeHeaderValue(manifest.Descriptor.MediaType);
                }, token).ConfigureAwait(false);
                if (answer.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.Accepted or HttpStatusCode.OK))
                {
                    throw await client.TroubleOfAsync(answer, Push, token).ConfigureAwait(false);
                }

                return Claimed(answer) is { } claimed && Digest.TryParse(claimed, out var stored) && stored != digest
                    ? throw new RegistryTrouble(StoreFailure.Damaged, $"the registry stored {stored} instead of {digest}", "something on the way changes manifests; see the registry's settings")
                    : true;
            }, cancel).ConfigureAwait(false);
        }
    }

    public async Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancel)
    {
        var tags = new SortedSet<string>(StringComparer.Ordinal);
        Uri? next = client.At("tags/list?n=1000");
        for (var page = 0; next is not null && page < MostPages; page++)
        {
            var asked = next;
            next = await AskAsync("listing the tags", async token =>
            {
                using var answer = await client.AskAsync(HttpMethod.Get, asked, Pull, null, token).ConfigureAwait(false);
                if (answer.StatusCode == HttpStatusCode.NotFound)
                {
                    var said = await RegistryErrors.ReadBodyAsync(answer, token).ConfigureAwait(false);
                    return said.Code is "NAME_UNKNOWN" or "NOT_FOUND" ? null : throw RegistryErrors.OfAnswer(answer, said, client.Address, writes: false, client.Clock);
                }

                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    throw await client.TroubleOfAsync(answer, Pull, token).ConfigureAwait(false);
                }

                foreach (var tag in Tags(await client.ReadAsync(answer, LargestList, token).ConfigureAwait(false)))
                {
                    tags.Add(tag);
                }

                return Following(answer, asked);
            }, cancel).ConfigureAwait(false);
        }

        return [.. tags];
    }

    public async Task<bool> RemoveTagAsync(string tag, CancellationToken cancel)
    {
        if (await ResolveAsync(tag, cancel).ConfigureAwait(false) is null)
        {
            return false;
        }

        var removed = StoredManifest.Read(Removed(tag), OciManifest.MediaType, Name);
        await PutBlobAsync(removed.Blobs[0], _ => Task.FromResult<Stream>(new MemoryStream(OciManifest.EmptyConfig, writable: false)), cancel).ConfigureAwait(false);
        await PutManifestAsync(removed, [tag], cancel).ConfigureAwait(false);
        try
        {
            await RemoveManifestAsync(removed.Descriptor.Digest, cancel).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Refused)
        {
            // It resolves to nothing all the same.
        }

        return true;
    }

    public Task<bool> RemoveManifestAsync(Digest digest, CancellationToken cancel) => AskAsync($"deleting the manifest {digest.Short}", async token =>
    {
        using var answer = await client.AskAsync(HttpMethod.Delete, Manifest(digest.ToString()), Delete, null, token).ConfigureAwait(false);
        if (answer.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.OK or HttpStatusCode.NoContent)
        {
            return true;
        }

        var said = await RegistryErrors.ReadBodyAsync(answer, token).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.NotFound && IsUnknown(said) ? false
            : throw (said.Code == "UNSUPPORTED" && answer.StatusCode != HttpStatusCode.MethodNotAllowed
                ? new RegistryTrouble(StoreFailure.Refused, "the registry does not allow this operation (UNSUPPORTED)", "switch deleting on in the registry (docker-registry: storage.delete.enabled)")
                : RegistryErrors.OfAnswer(answer, said, client.Address, writes: true, client.Clock));
    }, cancel);

    private Task<T> AskAsync<T>(string doing, Func<CancellationToken, Task<T>> attempt, CancellationToken cancel) => client.RunAsync(doing, client.Options.Timeout, attempt, cancel);

    private Uri Manifest(string reference) => client.At($"manifests/{reference}");

    private static void Accept(HttpRequestMessage request) => request.Headers.TryAddWithoutValidation("Accept", string.Join(", ", StoredManifest.MediaTypes));

    private static string? Claimed(HttpResponseMessage answer) => answer.Headers.TryGetValues("Docker-Content-Digest", out var values) ? values.First() : null;

    private static bool IsUnknown(RegistryErrors.Body said) =>
        said.Code is "MANIFEST_UNKNOWN" or "NAME_UNKNOWN" or "NOT_FOUND" && !(said.Message ?? "").Contains("accept header", StringComparison.OrdinalIgnoreCase);

    private static void CheckType(HttpResponseMessage answer)
    {
        var type = answer.Content.Headers.ContentType?.MediaType;
        if (type is null || !StoredManifest.MediaTypes.Contains(type))
        {
            throw type is not null && (type.StartsWith("application/vnd.", StringComparison.Ordinal) || answer.Headers.Contains("Docker-Distribution-Api-Version"))
                ? new RegistryTrouble(StoreFailure.Damaged, $"it is no OCI manifest but {StoredManifest.TerminalSafe(type)}", "find out who wrote it; build and publish the component again")
                : new RegistryTrouble(StoreFailure.Unreachable, $"the server answers with {StoredManifest.TerminalSafe(type ?? "something without a type")} where a registry answers with a manifest",
                    "check host and port of the address; something before the registry may ask for a log-in");
        }
    }

    private async Task<StoredManifest?> GetAsync(string reference, Digest? expected, CancellationToken cancel)
    {
        using var answer = await client.AskAsync(HttpMethod.Get, Manifest(reference), Pull, Accept, cancel).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            var said = await RegistryErrors.ReadBodyAsync(answer, cancel).ConfigureAwait(false);
            return IsUnknown(said) ? null : throw RegistryErrors.OfAnswer(answer, said, client.Address, writes: false, client.Clock);
        }

        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw await client.TroubleOfAsync(answer, Pull, cancel).ConfigureAwait(false);
        }

        CheckType(answer);
        var bytes = await client.ReadAsync(answer, StoredManifest.LargestBytes, cancel).ConfigureAwait(false);
        var digest = Digest.Of(bytes);
        var claimed = Digest.TryParse(Claimed(answer), out var said2) ? said2 : digest;
        if ((expected ?? claimed) != digest || claimed != digest)
        {
            throw new RegistryTrouble(StoreFailure.Damaged, $"the registry sends other content than its digest says ({digest} for {(expected ?? claimed)})",
                "its storage is damaged, or somebody changed it: remove the manifest there, and publish again");
        }

        return expected is null && digest == Digest.Of(Removed(reference)) ? null : StoredManifest.Read(bytes, answer.Content.Headers.ContentType!.MediaType, client.Address.ToString());
    }

    private async Task UploadAsync(Descriptor blob, Func<CancellationToken, Task<Stream>> open, CancellationToken cancel)
    {
        Uri location;
        using (var started = await client.AskAsync(HttpMethod.Post, client.At("blobs/uploads/"), Push, request => request.Content = new ByteArrayContent([]), cancel).ConfigureAwait(false))
        {
            if (started.StatusCode != HttpStatusCode.Accepted)
            {
                throw await client.TroubleOfAsync(started, Push, cancel).ConfigureAwait(false);
            }

            location = Upload(started, blob);
        }

        var source = await open(cancel).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            using var progress = new ProgressBound(client.Options.Stall, client.Clock, cancel);
            BlobContent? content = null;
            try
            {
                using var done = await client.SendAsync(HttpMethod.Put, location, Push, request => request.Content = content = new BlobContent(VerifiedStream.Of(source, blob, Name), blob.Size, progress), progress.Token).ConfigureAwait(false);
                if (done.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.NoContent))
                {
                    throw await client.TroubleOfAsync(done, Push, cancel).ConfigureAwait(false);
                }
            }
            catch (Exception) when (content?.SourceFailure is { } failure)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new RegistryTrouble(StoreFailure.Unreachable, $"nothing moved for {Duration.Text(client.Options.Stall)}", "see the registry's log, and the network", again: true);
            }
        }
    }

    /// <summary>Where the content goes: absolute or relative, with a query or without, to which the digest is added.</summary>
    private Uri Upload(HttpResponseMessage started, Descriptor blob)
    {
        if (started.Headers.Location is not { } said)
        {
            throw new RegistryTrouble(StoreFailure.Unreachable, "the registry accepts an upload and does not say where to", "see the registry's log");
        }

        var location = said.IsAbsoluteUri ? said : new Uri(client.Base, said);
        if (location.Scheme == "http" && client.Base.Scheme == "https")
        {
            // A registry that does not know of the TLS before it; nothing of ours goes over a plain connection.
            location = new UriBuilder(location) { Scheme = "https", Port = location.IsDefaultPort ? client.Base.Port : location.Port }.Uri;
        }

        if (location.Scheme is not ("http" or "https"))
        {
            throw new RegistryTrouble(StoreFailure.Unreachable, $"the registry sends an upload to {StoredManifest.TerminalSafe(location.Scheme)}:", "see the registry's settings");
        }

        return new Uri($"{location.AbsoluteUri}{(location.Query.Length > 0 ? '&' : '?')}digest={Uri.EscapeDataString(blob.Digest.ToString())}");
    }

    private static List<string> Tags(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var tags = document.RootElement.GetProperty("tags");
            return tags.ValueKind == JsonValueKind.Null ? [] : [.. tags.EnumerateArray().Select(t => t.GetString() ?? "").Where(ArtifactStore.IsTag)];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new RegistryTrouble(StoreFailure.Unreachable, "the server answers with something that is no list of tags", "check host and port of the address", inner: e);
        }
    }

    /// <summary>RFC 8288: <c>&lt;/v2/x/tags/list?last=b&amp;n=1000&gt;; rel="next"</c>. Only on the same host.</summary>
    private Uri? Following(HttpResponseMessage answer, Uri asked)
    {
        if (!answer.Headers.TryGetValues("Link", out var links) || links.FirstOrDefault(l => l.Contains("rel=\"next\"", StringComparison.Ordinal)) is not { } link)
        {
            return null;
        }

        var (start, end) = (link.IndexOf('<'), link.IndexOf('>'));
        return start >= 0 && end > start && Uri.TryCreate(asked, link[(start + 1)..end], out var next) && next.Authority == client.Base.Authority && next != asked ? next : null;
    }

    /// <summary>What a removed tag points at: a manifest that is no other tag's, so that it can be deleted without anything else.</summary>
    private static byte[] Removed(string tag) => Encoding.ASCII.GetBytes(
        $$$"""
        {"schemaVersion":2,"mediaType":"{{{OciManifest.MediaType}}}","artifactType":"{{{RemovedType}}}","config":{{{Empty}}},"layers":[{{{Empty}}}],"annotations":{"org.opencontainers.image.ref.name":"{{{tag}}}"}}
        """);

    private static string Empty { get; } =
        $$"""{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{{Digest.Of(OciManifest.EmptyConfig)}}","size":{{OciManifest.EmptyConfig.Length}}}""";
}
