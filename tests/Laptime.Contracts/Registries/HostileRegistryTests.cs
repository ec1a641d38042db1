using System.Text;
using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Contracts.Registries;

/// <summary>Whatever a registry answers: its own message, and nothing wrong in the store of this machine.</summary>
public sealed class HostileRegistryTests : IAsyncLifetime
{
    private static readonly RegistryOptions Hasty = new() { Pause = TimeSpan.FromMilliseconds(1) };
    private readonly string folder = Directory.CreateTempSubdirectory("lap-hostile-").FullName;
    private readonly HostileRegistry server = new();
    private readonly List<OciRegistryStore> opened = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private OciLayoutStore Local => new(Path.Combine(folder, "local"), TimeProvider.System);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        opened.ForEach(s => s.Dispose());
        await server.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private OciRegistryStore Open(RegistryOptions? options = null)
    {
        var store = new OciRegistryStore(
            RegistryAddress.Parse($"oci://{server.Authority}/x"), Local, (options ?? Hasty) with { DockerConfig = options?.DockerConfig ?? folder }, new ProcessRunner(TimeProvider.System), TimeProvider.System);
        opened.Add(store);
        return store;
    }

    private async Task<StoreException> FailsAsync(StoreFailure failure, string says, Func<OciRegistryStore, Task> act, RegistryOptions? options = null)
    {
        var error = await Assert.ThrowsAsync<StoreException>(() => act(Open(options)));
        Assert.Contains(says, error.Fault.What, StringComparison.Ordinal);
        Assert.Equal(failure, error.Failure);
        Assert.StartsWith($"oci://{server.Authority}/x", error.Fault.Where, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(error.Fault.Mend));
        Assert.DoesNotContain(error.Fault.What, char.IsControl);
        return error;
    }

    private Task<StoreException> LookUpFailsAsync(StoreFailure failure, string says, RegistryOptions? options = null) => FailsAsync(failure, says, s => s.GetManifestAsync("v1", Cancel), options);

    /// <summary>A pull fails, and afterwards the local store has nothing of it that is not right.</summary>
    private async Task PullFailsAsync(StoreFailure failure, string says, Digest artifact, RegistryOptions? options = null)
    {
        await FailsAsync(failure, says, s => ArtifactCopy.CopyAsync(s, Local, artifact, ["v1"], Cancel), options);
        Assert.Null(await Local.ResolveAsync("v1", Cancel));
        Assert.False(await Local.HasAsync(artifact, Cancel));
        foreach (var blob in Local.Blobs())
        {
            Assert.Equal(blob.Digest, Digest.Of(File.ReadAllBytes(Path.Combine(folder, "local", "blobs", "sha256", blob.Digest.ToHex()))));
        }

        Assert.Empty(Directory.Exists(Path.Combine(folder, "local", "tmp")) ? Directory.EnumerateFiles(Path.Combine(folder, "local", "tmp")) : []);
    }

    public static TheoryData<string, string, string, StoreFailure, string, int> Answers => new()
    {
        { "401 Unauthorized", "", "", StoreFailure.Refused, "does not let us in (401", 1 },
        { "403 Forbidden", "DENIED", "requested access to the resource is denied", StoreFailure.Refused, "does not allow it (403: requested access", 1 },
        { "404 Not Found", "", "<html>nothing here</html>", StoreFailure.Unreachable, "answers 404, and not as a registry does", 1 },
        { "404 Not Found", "MANIFEST_UNKNOWN", "OCI manifest found, but accept header does not support OCI manifests", StoreFailure.Unreachable, "accept header does not support", 1 },
        { "405 Method Not Allowed", "UNSUPPORTED", "The operation is unsupported", StoreFailure.Refused, "does not allow this operation (405", 1 },
        { "429 Too Many Requests", "TOOMANYREQUESTS", "slow down", StoreFailure.Unreachable, "too many requests (429)", 4 },
        { "500 Internal Server Error", "UNKNOWN", "disk \\u001b[31mbroken", StoreFailure.Unreachable, "the registry failed (500 Internal Server Error: disk", 4 },
        { "502 Bad Gateway", "", "<html>nginx</html>", StoreFailure.Unreachable, "is not available (502 Bad Gateway)", 4 },
        { "503 Service Unavailable", "UNAVAILABLE", "later", StoreFailure.Unreachable, "is not available (503 Service Unavailable: later)", 4 },
        { "504 Gateway Timeout", "", "", StoreFailure.Unreachable, "is not available (504", 4 },
        { "507 Insufficient Storage", "", "", StoreFailure.Unreachable, "has no space left (507", 1 },
        { "302 Found", "", "", StoreFailure.Unreachable, "sends us elsewhere (302 Found)", 1 },
        { "204 No Content", "", "", StoreFailure.Unreachable, "answers 204 No Content where a registry answers otherwise", 1 },
    };

    [Theory, MemberData(nameof(Answers))]
    public async Task Each_refusal_has_its_own_words_and_only_what_may_pass_is_tried_again(string status, string code, string text, StoreFailure failure, string says, int attempts)
    {
        server.Instead = _ => code.Length > 0 ? Answer.Error(status, code, text) : new Answer(status, text, "Content-Type: text/html");
        var error = await LookUpFailsAsync(failure, says);
        Assert.Equal(attempts, server.Log.Count);
        Assert.Equal(attempts > 1, error.Fault.What.Contains($"({attempts} attempts in", StringComparison.Ordinal));
        Assert.StartsWith("fetching the manifest v1: ", error.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Absent_is_an_answer_and_no_fault()
    {
        Assert.Null(await Open().GetManifestAsync("v1", Cancel));
        Assert.Null(await Open().ResolveAsync("v1", Cancel));
        Assert.Equal(2, server.Log.Count);
        server.Instead = _ => Answer.Error("404 Not Found", "NAME_UNKNOWN", "repository name not known to registry");
        Assert.Null(await Open().GetManifestAsync("v1", Cancel));
        // An answer to HEAD has no words: 404 that does not look like a registry's is asked again by GET.
        server.Instead = _ => new Answer("404 Not Found", "<html>", "Content-Type: text/html");
        await FailsAsync(StoreFailure.Unreachable, "not as a registry does", s => s.ResolveAsync("v1", Cancel));
    }

    [Fact]
    public async Task A_registry_that_is_busy_is_asked_again_when_it_says_so()
    {
        var image = server.Add("v1", "layer");
        var busy = 2;
        server.Instead = _ => busy-- > 0 ? new Answer("429 Too Many Requests", "", "Retry-After: 0") : null;
        Assert.Equal(image.Descriptor.Digest, (await Open().ResolveAsync("v1", Cancel))!.Digest);
        Assert.Equal(3, server.Log.Count);
        server.Instead = _ => new Answer("429 Too Many Requests", "", "Retry-After: 3600");
        await LookUpFailsAsync(StoreFailure.Unreachable, "(429, it asks to wait 1 h 00 m)");
        Assert.Equal(4, server.Log.Count);
    }

    [Fact]
    public async Task A_look_up_is_one_request()
    {
        var image = server.Add("v1", "layer");
        var store = Open();
        Assert.Equal(image.Descriptor with { ArtifactType = null }, await store.ResolveAsync("v1", Cancel));
        Assert.Equal(["HEAD /v2/x/manifests/v1"], server.Log.Select(a => a.ToString()));
        Assert.Equal(image.Descriptor, (await store.GetManifestAsync("v1", Cancel))!.Descriptor);
        Assert.Equal(["HEAD /v2/x/manifests/v1", "GET /v2/x/manifests/v1"], server.Log.Select(a => a.ToString()));
    }

    [Fact]
    public async Task A_server_that_does_not_speak_HTTP_is_told()
    {
        server.Instead = _ => new Answer("", "SSH-2.0-OpenSSH_9.2\r\n");
        await LookUpFailsAsync(StoreFailure.Unreachable, "the server's answer is no HTTP");
    }

    [Fact]
    public async Task A_page_where_a_manifest_should_be_is_no_registry()
    {
        server.Instead = _ => new Answer("200 OK", "<html>Welcome</html>", "Content-Type: text/html; charset=utf-8");
        await LookUpFailsAsync(StoreFailure.Unreachable, "answers with text/html where a registry answers with a manifest");
        await FailsAsync(StoreFailure.Unreachable, "answers with text/html", s => s.ResolveAsync("v1", Cancel));
        await FailsAsync(StoreFailure.Unreachable, "no list of tags", s => s.ListTagsAsync(Cancel));
    }

    [Fact]
    public async Task A_silent_registry_is_given_up_after_the_bound()
    {
        server.Instead = _ => Answer.Never;
        var options = Hasty with { Answer = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromMilliseconds(400) };
        await LookUpFailsAsync(StoreFailure.Unreachable, "gives no answer within 50 ms", options);
        Assert.InRange(server.Log.Count, 1, 4);
    }

    [Fact]
    public async Task Cancellation_is_no_fault_of_the_registry()
    {
        server.Instead = _ => Answer.Never;
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var look = Open().ResolveAsync("v1", source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => look);
    }

    [Theory]
    [InlineData("application/vnd.docker.distribution.manifest.v1+prettyjws", "is no OCI manifest but application/vnd.docker.distribution.manifest.v1+prettyjws")]
    [InlineData(StoredManifest.IndexType, "the store calls it application/vnd.oci.image.index.v1+json, it calls itself application/vnd.oci.image.manifest.v1+json")]
    public async Task A_wrong_media_type_is_refused(string type, string says)
    {
        var image = server.Add("v1", "layer");
        server.Manifests["v1"] = server.Manifests[image.Descriptor.Digest.ToString()] = (image.Bytes.ToArray(), type);
        await LookUpFailsAsync(StoreFailure.Damaged, says);
        await PullFailsAsync(StoreFailure.Damaged, says, image.Descriptor.Digest);
    }

    [Theory]
    [InlineData("{", "no OCI manifest")]
    [InlineData("[]", "no OCI manifest")]
    [InlineData("{\"schemaVersion\":2}", "no OCI manifest")]
    [InlineData("{\"config\":{\"mediaType\":\"a\",\"digest\":\"sha256:zz\",\"size\":1},\"layers\":[]}", "not a sha256 digest")]
    [InlineData("{\"config\":{\"mediaType\":\"a\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":-2},\"layers\":[]}", "a size of -2")]
    [InlineData("{\"config\":{},\"layers\":[],\"manifests\":[]}", "a manifest and a list of manifests at once")]
    public async Task A_document_that_is_no_manifest_is_refused(string document, string says)
    {
        server.Manifests["v1"] = (Encoding.UTF8.GetBytes(document), OciManifest.MediaType);
        await LookUpFailsAsync(StoreFailure.Damaged, says);
    }

    [Fact]
    public async Task A_list_of_manifests_is_no_component()
    {
        var image = server.Add("one", "layer");
        var index = Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{StoredManifest.IndexType}}","manifests":[{"mediaType":"{{image.Descriptor.MediaType}}","digest":"{{image.Descriptor.Digest}}","size":{{image.Descriptor.Size}} }]}""");
        server.Manifests["v1"] = server.Manifests[Digest.Of(index).ToString()] = (index, StoredManifest.IndexType);
        var error = await Assert.ThrowsAsync<StoreException>(() => Open().UnpackAsync(Digest.Of(index), Path.Combine(folder, "out"), Cancel));
        Assert.Contains("is a list of manifests", error.Fault.What, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "out")));
    }

    [Fact]
    public async Task An_endless_manifest_is_cut_off()
    {
        server.Instead = _ => new Answer("200 OK", new byte[6 << 20], $"Content-Type: {OciManifest.MediaType}");
        await LookUpFailsAsync(StoreFailure.Damaged, "bytes, more than such a one may have");
        server.Instead = _ => new Answer("200 OK", [.. "5f0000\r\n"u8, .. new byte[0x5f0000]], $"Content-Type: {OciManifest.MediaType}", "Transfer-Encoding: chunked");
        await LookUpFailsAsync(StoreFailure.Damaged, "more than 4194304 bytes");
    }

    [Fact]
    public async Task A_tag_that_moves_after_the_look_up_changes_nothing()
    {
        var (before, after) = (server.Add("v1", "before"), server.Add("v2", "after"));
        var store = Open();
        var found = await store.ResolveAsync("v1", Cancel);
        server.Manifests["v1"] = server.Manifests["v2"];
        await ArtifactCopy.CopyAsync(store, Local, found!.Digest, ["mine"], Cancel);
        Assert.Equal(before.Descriptor, await Local.ResolveAsync("mine", Cancel));

        // A registry that sends the new content under the old digest.
        server.Manifests[before.Descriptor.Digest.ToString()] = (after.Bytes.ToArray(), OciManifest.MediaType);
        Directory.Delete(Path.Combine(folder, "local"), recursive: true);
        await PullFailsAsync(StoreFailure.Damaged, "sends other content than its digest says", before.Descriptor.Digest);
    }

    [Fact]
    public async Task A_registry_that_claims_another_digest_than_it_sends_is_not_believed()
    {
        var (one, two) = (server.Add("v1", "one"), server.Add("v2", "two"));
        server.Instead = asked => asked.Method == "GET"
            ? new Answer("200 OK", two.Bytes.ToArray(), $"Content-Type: {OciManifest.MediaType}", $"Docker-Content-Digest: {one.Descriptor.Digest}")
            : null;
        await LookUpFailsAsync(StoreFailure.Damaged, "sends other content than its digest says");
    }

    [Theory]
    [InlineData("layer without its end", "bytes in the registry instead of 28")]
    [InlineData("LAYER with the right length.", "has other content than its digest says")]
    [InlineData("a layer that goes on and on, much longer than it should be", "bytes in the registry instead of 28")]
    public async Task A_wrong_blob_never_lands_here(string content, string says)
    {
        var image = server.Add("v1", "layer with the right length.");
        server.Blobs[image.Blobs[1].Digest.ToString()] = Encoding.UTF8.GetBytes(content);
        await PullFailsAsync(StoreFailure.Damaged, says, image.Descriptor.Digest);
    }

    [Fact]
    public async Task A_blob_without_a_length_that_is_too_long_or_too_short_never_lands_here()
    {
        var image = server.Add("v1", "layer");
        server.Instead = asked => asked.Method == "GET" && asked.Path.EndsWith(image.Blobs[1].Digest.ToString(), StringComparison.Ordinal)
            ? new Answer("200 OK", "3\r\nlay\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
            : null;
        await PullFailsAsync(StoreFailure.Damaged, "ends after 3 of 5 bytes", image.Descriptor.Digest);
        server.Instead = asked => asked.Method == "GET" && asked.Path.EndsWith(image.Blobs[1].Digest.ToString(), StringComparison.Ordinal)
            ? new Answer("200 OK", "8\r\nlayer!!!\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
            : null;
        await PullFailsAsync(StoreFailure.Damaged, "more than the 5 bytes", image.Descriptor.Digest);
    }

    [Fact]
    public async Task A_missing_blob_is_named()
    {
        var image = server.Add("v1", "layer");
        server.Blobs.Remove(image.Blobs[1].Digest.ToString());
        await PullFailsAsync(StoreFailure.Absent, $"fetching the blob {image.Blobs[1].Digest.Short}: the registry does not have it", image.Descriptor.Digest);
        Assert.False(await Open().HasAsync(image.Descriptor.Digest, Cancel));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_blob_that_breaks_off_goes_on_where_it_was(bool ranges)
    {
        var content = string.Concat(Enumerable.Range(0, 5000).Select(i => $"{i};"));
        var image = server.Add("v1", content);
        var layer = image.Blobs[1];
        var breaks = 0;
        server.Instead = asked =>
        {
            if (asked.Method != "GET" || !asked.Path.EndsWith(layer.Digest.ToString(), StringComparison.Ordinal))
            {
                return null;
            }

            var from = ranges && asked.Headers.TryGetValue("range", out var range) ? int.Parse(range["bytes=".Length..].TrimEnd('-'), null) : 0;
            var rest = server.Blobs[layer.Digest.ToString()][from..];
            string[] headers = from > 0 ? [$"Content-Range: bytes {from}-{layer.Size - 1}/{layer.Size}"] : [];
            var status = from > 0 ? "206 Partial Content" : "200 OK";
            return ++breaks <= 3 ? new Answer(status, rest[..Math.Min(rest.Length, 3000 * breaks)], headers) { Length = rest.Length, Drop = true } : new Answer(status, rest, headers);
        };
        await ArtifactCopy.CopyAsync(Open(), Local, image.Descriptor.Digest, ["v1"], Cancel);
        Assert.Equal(content, Encoding.UTF8.GetString(await Local.ReadBlobAsync(layer, 1 << 20, Cancel)));
        Assert.Equal(4, breaks);
    }

    [Fact]
    public async Task A_blob_that_always_breaks_off_is_given_up()
    {
        var image = server.Add("v1", "layer");
        server.Instead = asked => asked.Method == "GET" && asked.Path.EndsWith(image.Blobs[1].Digest.ToString(), StringComparison.Ordinal)
            ? new Answer("200 OK", "la") { Length = 5, Drop = true }
            : null;
        await PullFailsAsync(StoreFailure.Unreachable, "the connection broke after", image.Descriptor.Digest);
    }

    [Fact]
    public async Task A_blob_that_stands_still_is_given_up()
    {
        var image = server.Add("v1", "layer");
        server.Instead = asked => asked.Method == "GET" && asked.Path.EndsWith(image.Blobs[1].Digest.ToString(), StringComparison.Ordinal)
            ? new Answer("200 OK", "3\r\nlay\r\n", "Transfer-Encoding: chunked")
            : null;
        await PullFailsAsync(StoreFailure.Unreachable, "nothing came for 40 ms, after 3 of 5 bytes", image.Descriptor.Digest, Hasty with { Stall = TimeSpan.FromMilliseconds(40), Attempts = 2 });
    }

    [Fact]
    public async Task A_push_that_is_cut_off_is_begun_again()
    {
        var local = Local;
        var content = new byte[3 << 20];
        var blob = await local.PutBlobAsync("application/octet-stream", content, Cancel);
        var cuts = 2;
        server.DropBody = asked => asked.Method == "PUT" && cuts-- > 0 ? 100_000 : null;
        Assert.True(await Open().PutBlobAsync(blob, c => local.OpenBlobAsync(blob, c), Cancel));
        Assert.Equal(content, server.Blobs[blob.Digest.ToString()]);
        Assert.Equal(3, server.LogOf("POST").Count());
        Assert.All(server.LogOf("PUT"), put => Assert.Contains($"?state=a%2Fb&digest=sha256%3A{blob.Digest.ToHex()}", put, StringComparison.Ordinal));

        server.DropBody = asked => asked.Method == "PUT" ? 100_000 : null;
        server.Blobs.Clear();
        var error = await FailsAsync(StoreFailure.Unreachable, "pushing the blob", s => s.PutBlobAsync(blob, c => local.OpenBlobAsync(blob, c), Cancel));
        Assert.Contains("(4 attempts in", error.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_push_that_stands_still_is_given_up()
    {
        server.StopReading = asked => asked.Method == "PUT";
        var blob = new Descriptor("application/octet-stream", Digest.Of(new byte[32 << 20]), 32 << 20);
        var error = await FailsAsync(StoreFailure.Unreachable, "nothing moved for 50 ms",
            s => s.PutBlobAsync(blob, _ => Task.FromResult<Stream>(new MemoryStream(new byte[32 << 20])), Cancel), Hasty with { Stall = TimeSpan.FromMilliseconds(50), Attempts = 2 });
        Assert.Contains("(2 attempts in", error.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_push_leads_wherever_the_registry_says_and_the_password_does_not_go_along()
    {
        await using var elsewhere = new HostileRegistry();
        elsewhere.Instead = asked => asked.Method == "PUT" ? new Answer("201 Created", "") : null;
        server.Instead = asked => asked.Headers.ContainsKey("authorization")
            ? asked.Method == "POST" ? new Answer("202 Accepted", "", $"Location: http://{elsewhere.Authority}/v2/x/put/1") : null
            : new Answer("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"test\"");
        Login();
        await Open().PutBlobAsync("application/octet-stream", "x"u8.ToArray(), Cancel);
        var put = Assert.Single(elsewhere.Log);
        Assert.StartsWith("PUT /v2/x/put/1?digest=sha256%3A", put.ToString(), StringComparison.Ordinal);
        Assert.False(put.Headers.ContainsKey("authorization"));
    }

    [Fact]
    public async Task A_blob_that_lies_elsewhere_is_fetched_there_without_the_password()
    {
        await using var elsewhere = new HostileRegistry();
        var image = server.Add("v1", "layer");
        elsewhere.Add("v1", "layer");
        server.Instead = asked => !asked.Headers.ContainsKey("authorization") ? new Answer("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"test\"")
            : asked.Method == "GET" && asked.Path.Contains("/blobs/", StringComparison.Ordinal) ? new Answer("307 Temporary Redirect", "", $"Location: http://{elsewhere.Authority}{asked.Path}")
            : null;
        Login();
        await ArtifactCopy.CopyAsync(Open(), Local, image.Descriptor.Digest, ["v1"], Cancel);
        Assert.Equal(2, elsewhere.Log.Count);
        Assert.All(elsewhere.Log, asked => Assert.False(asked.Headers.ContainsKey("authorization")));
    }

    [Fact]
    public async Task A_registry_that_stores_something_else_is_told()
    {
        server.Instead = asked => asked.Method == "PUT" ? new Answer("201 Created", "", $"Docker-Content-Digest: {Digest.Of("other")}") : null;
        var manifest = StoredManifest.Read(OciManifest.OfFiles(new Descriptor(OciManifest.LayerType, Digest.Of("x"), 1)).ToBytes(), null, "here");
        await FailsAsync(StoreFailure.Damaged, $"the registry stored {Digest.Of("other")} instead of", s => s.PutManifestAsync(manifest, ["v1"], Cancel));
    }

    [Fact]
    public async Task A_list_of_tags_that_never_ends_does_and_names_no_file()
    {
        server.Instead = asked => new Answer("200 OK", """{"name":"x","tags":["b","a","../etc","ok"]}""", "Content-Type: application/json", $"Link: <{asked.Path}?{asked.Query}>; rel=\"next\"");
        Assert.Equal(["a", "b", "ok"], await Open().ListTagsAsync(Cancel));
        server.Instead = _ => new Answer("200 OK", """{"name":"x","tags":null}""", "Content-Type: application/json", "Link: <http://other.example/v2/>; rel=\"next\"");
        Assert.Empty(await Open().ListTagsAsync(Cancel));
    }

    private RegistryOptions Login(string secret = "\"auth\":\"Zm94OnJlZC1mb3g=\"")
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""{"auths":{"{{server.Authority}}":{ {{secret}} } } }""");
        return Hasty;
    }

    /// <summary>A token service on the same socket.</summary>
    private void AskForTokens(Func<Asked, Answer?> token, Func<Asked, bool> accepts) => server.Instead = asked =>
        asked.Path == "/token" ? token(asked)
        : accepts(asked) ? null
        : new Answer("401 Unauthorized", "", $"WWW-Authenticate: Bearer realm=\"http://{server.Authority}/token?a=b\",service=\"the, service\",scope=\"repository:x:{(asked.Method is "GET" or "HEAD" ? "pull" : "pull,push")}\"");

    private static bool Bears(Asked asked, string token) => asked.Headers.GetValueOrDefault("authorization") == "Bearer " + token;

    [Fact]
    public async Task A_token_is_asked_for_once_for_each_kind_of_access_and_kept()
    {
        Login();
        server.Add("v1", "layer");
        AskForTokens(
            asked => asked.Headers.GetValueOrDefault("authorization") == "Basic Zm94OnJlZC1mb3g="
                ? new Answer("200 OK", $$"""{"token":"{{(asked.Query.Contains("push", StringComparison.Ordinal) ? "t-push" : "t-pull")}}","expires_in":300}""")
                : new Answer("401 Unauthorized", ""),
            asked => Bears(asked, asked.Method is "GET" or "HEAD" ? "t-pull" : "t-push") || Bears(asked, "t-push"));
        var store = Open();
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => store.ResolveAsync("v1", Cancel))), Assert.NotNull);
        Assert.Equal(["/token?a=b&scope=repository%3Ax%3Apull&service=the%2C%20service"], server.Log.Where(a => a.Path == "/token").Select(a => $"{a.Path}?{a.Query}"));
        await store.PutBlobAsync("application/octet-stream", "x"u8.ToArray(), Cancel);
        await store.PutBlobAsync("application/octet-stream", "y"u8.ToArray(), Cancel);
        Assert.Equal(2, server.Log.Count(a => a.Path == "/token"));
    }

    [Fact]
    public async Task A_token_that_ran_out_is_renewed()
    {
        server.Add("v1", "layer");
        var given = 0;
        AskForTokens(_ => new Answer("200 OK", $$"""{"access_token":"t{{++given}}"}"""), asked => Bears(asked, "t" + Math.Max(given, 1)));
        var store = Open();
        Assert.NotNull(await store.ResolveAsync("v1", Cancel));
        given++;
        Assert.NotNull(await store.ResolveAsync("v1", Cancel));
        Assert.Equal(3, given);
    }

    [Fact]
    public async Task An_identity_token_is_exchanged()
    {
        Login("\"identitytoken\":\"long lived\"");
        server.Add("v1", "layer");
        AskForTokens(asked => asked.Method == "POST" ? new Answer("200 OK", """{"access_token":"short lived"}""") : null, asked => Bears(asked, "short lived"));
        Assert.NotNull(await Open().ResolveAsync("v1", Cancel));
        Assert.DoesNotContain(server.Log, a => a.Headers.Values.Any(v => v.Contains("long lived", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("200 OK", "<html>", StoreFailure.Unreachable, "answers with something that is no token", 1)]
    [InlineData("200 OK", "{\"token\":7}", StoreFailure.Unreachable, "answers with something that is no token", 1)]
    [InlineData("401 Unauthorized", "", StoreFailure.Refused, "refuses user fox from", 1)]
    [InlineData("503 Service Unavailable", "", StoreFailure.Unreachable, "is not available (503", 4)]
    [InlineData("200 OK", "{\"token\":\"never accepted\"}", StoreFailure.Refused, "does not let us in (401), with user fox from", 1)]
    public async Task A_token_service_that_fails_is_named(string status, string body, StoreFailure failure, string says, int attempts)
    {
        Login();
        AskForTokens(_ => new Answer(status, body), _ => false);
        var error = await LookUpFailsAsync(failure, says);
        Assert.DoesNotContain("red-fox", error.ToString() + error.Fault, StringComparison.Ordinal);
        Assert.DoesNotContain("Zm94OnJlZC1mb3g=", error.ToString() + error.Fault, StringComparison.Ordinal);
        Assert.InRange(server.Log.Count(a => a.Path == "/token"), attempts, attempts + 1);
    }
}
