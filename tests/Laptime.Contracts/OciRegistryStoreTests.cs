using System.Diagnostics;
using System.Text;
using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Contracts;

/// <summary>The contract, against Debian's docker-registry; and what only a registry has.</summary>
[Collection(nameof(OciLayoutStoreTests))]
public sealed class OciRegistryStoreTests : ArtifactStoreContract, IAsyncLifetime
{
    private readonly List<OciRegistryStore> opened = [];
    private readonly string repository = $"test/{Guid.NewGuid():N}";
    private RegistryServer server = null!;

    public async ValueTask InitializeAsync() => server = await RegistryServer.SharedAsync();

    public ValueTask DisposeAsync()
    {
        opened.ForEach(s => s.Dispose());
        Dispose();
        return ValueTask.CompletedTask;
    }

    protected override ArtifactStore Open() => Open(server);

    protected override StoreFailure OfADamagedManifest => StoreFailure.Unreachable;

    protected override string FileOf(Digest digest) => server.FileOf(digest.ToHex());

    private OciRegistryStore Open(RegistryServer registry, RegistryOptions? options = null, string cache = "cache")
    {
        var store = new OciRegistryStore(
            RegistryAddress.Parse($"oci://{registry.Authority}/{repository}"), Elsewhere(cache),
            (options ?? new RegistryOptions()) with { DockerConfig = options?.DockerConfig ?? Path.Combine(Folder, "docker") }, new ProcessRunner(TimeProvider.System), TimeProvider.System);
        opened.Add(store);
        return store;
    }

    private string DockerConfig(string json, string name = "docker")
    {
        var folder = Path.Combine(Folder, name);
        Directory.CreateDirectory(folder);
        System.IO.File.WriteAllText(Path.Combine(folder, "config.json"), json);
        return folder;
    }

    private static string Login(RegistryServer registry, string password = RegistryServer.Password) =>
        $$"""{"auths":{"{{registry.Authority}}":{"auth":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryServer.User}:{password}"))}}"} } }""";

    [Fact]
    public async Task Another_machine_finds_and_unpacks_what_this_one_stored()
    {
        var artifact = await Open().StoreAsync([File("a", "1")], Digest.Of("f"), Cancel);
        var there = Open(server, cache: "there");
        Assert.Equal(artifact, await there.FindAsync(Digest.Of("f"), Cancel));
        await there.UnpackAsync(artifact, Target("x"), Cancel);
        Assert.Equal("1", System.IO.File.ReadAllText(Path.Combine(Target("x"), "a")));
        Assert.True(await there.Cache.HasAsync(artifact, Cancel));
    }

    [Fact]
    public async Task A_spoilt_copy_here_is_fetched_again()
    {
        var store = Open(server);
        var artifact = await store.StoreAsync([File("a", "1234")], Digest.Of("f"), Cancel);
        var layer = (await store.GetManifestAsync(artifact, Cancel))!.ToManifest().Layers[0].Digest;
        var file = Path.Combine(Folder, "cache", "blobs", "sha256", layer.ToHex());
        var bytes = System.IO.File.ReadAllBytes(file);
        bytes[512] ^= 1;
        System.IO.File.WriteAllBytes(file, bytes);
        await store.UnpackAsync(artifact, Target("x"), Cancel);
        Assert.Equal("1234", System.IO.File.ReadAllText(Path.Combine(Target("x"), "a")));
    }

    [Fact]
    public async Task Fifty_look_ups_at_once_each_get_their_own_answer()
    {
        var store = Open(server);
        var image = await PutImageAsync(store, "x", []);
        await Task.WhenAll(Enumerable.Range(0, 25).Select(i => store.PutManifestAsync(image, [$"t{2 * i}"], Cancel)));
        var found = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => store.ResolveAsync($"t{i}", Cancel)));
        Assert.All(Enumerable.Range(0, 50), i => Assert.Equal(i % 2 == 0 ? image.Descriptor : null, found[i]));
    }

    [Fact]
    public async Task Many_tags_are_listed_over_several_pages()
    {
        var store = Open(server);
        var image = await PutImageAsync(store, "x", []);
        await Parallel.ForEachAsync(Enumerable.Range(0, 120), Cancel, async (i, token) => await store.PutManifestAsync(image, [$"t{i:000}"], token));
        Assert.Equal(Enumerable.Range(0, 120).Select(i => $"t{i:000}"), await store.ListTagsAsync(Cancel));
    }

    [Fact]
    public async Task Where_deleting_is_not_allowed_a_tag_is_removed_all_the_same_and_a_manifest_is_refused()
    {
        await using var strict = await RegistryServer.StartAsync(deletes: false);
        var store = Open(strict);
        var image = await PutImageAsync(store, "x", ["one", "two"]);
        Assert.True(await store.RemoveTagAsync("one", Cancel));
        Assert.Null(await Open(strict).ResolveAsync("one", Cancel));
        Assert.Null(await Open(strict).GetManifestAsync("one", Cancel));
        Assert.Equal(image.Descriptor, await Open(strict).ResolveAsync("two", Cancel));
        var error = await Assert.ThrowsAsync<StoreException>(() => store.RemoveManifestAsync(image.Descriptor.Digest, Cancel));
        Assert.Equal(StoreFailure.Refused, error.Failure);
        Assert.Contains("does not allow", error.Fault.What, StringComparison.Ordinal);
        Assert.Contains("storage.delete.enabled", error.Fault.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_taken_from_Docker_s_config_file()
    {
        await using var locked = await RegistryServer.StartAsync(password: true);
        var nobody = await Assert.ThrowsAsync<StoreException>(() => Open(locked).ResolveAsync("v1", Cancel));
        Assert.Equal(StoreFailure.Refused, nobody.Failure);
        Assert.Contains("nobody logged in", nobody.Fault.What, StringComparison.Ordinal);
        Assert.Contains($"docker login {locked.Authority}", nobody.Fault.Mend, StringComparison.Ordinal);

        var wrong = await Assert.ThrowsAsync<StoreException>(() => Open(locked, new RegistryOptions { DockerConfig = DockerConfig(Login(locked, "blue-fox"), "wrong") }).ResolveAsync("v1", Cancel));
        Assert.Equal(StoreFailure.Refused, wrong.Failure);
        Assert.Contains($"user {RegistryServer.User} from", wrong.Fault.What, StringComparison.Ordinal);
        Assert.DoesNotContain("blue-fox", wrong.ToString() + wrong.Fault, StringComparison.Ordinal);

        var right = new RegistryOptions { DockerConfig = DockerConfig(Login(locked)) };
        var artifact = await Open(locked, right).StoreAsync([File("a", "1")], Digest.Of("f"), Cancel);
        var found = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Open(locked, right).FindAsync(Digest.Of("f"), Cancel)));
        Assert.All(found, f => Assert.Equal(artifact, f));
    }

    [Fact]
    public async Task A_credential_helper_is_asked_over_its_standard_input()
    {
        await using var locked = await RegistryServer.StartAsync(password: true);
        var helper = Path.Combine(Folder, "docker-credential-test");
        System.IO.File.WriteAllText(helper, $$"""
            #!/bin/sh
            read -r server
            echo "$1 $server" >> '{{Folder}}/asked'
            [ "$server" = '{{locked.Authority}}' ] || { echo credentials not found in native keychain; exit 1; }
            printf '{"ServerURL":"%s","Username":"{{RegistryServer.User}}","Secret":"{{RegistryServer.Password}}"}\n' "$server"
            """);
        System.IO.File.SetUnixFileMode(helper, (UnixFileMode)0b111_000_000);
        // By its path instead of its name on PATH: tests share one environment.
        var path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{Folder}:{path}");
        try
        {
            foreach (var (name, json) in new[] { ("one", $$"""{"credHelpers":{"{{locked.Authority}}":"test"},"credsStore":"absent"}"""), ("all", """{"auths":{"other":{}},"credsStore":"test"}""") })
            {
                var options = new RegistryOptions { DockerConfig = DockerConfig(json, name) };
                var store = Open(locked, options);
                Assert.Null(await store.ResolveAsync("v1", Cancel));
                await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => store.ResolveAsync("v1", Cancel)));
            }

            Assert.Equal([$"get {locked.Authority}", $"get {locked.Authority}"], System.IO.File.ReadAllLines(Path.Combine(Folder, "asked")));

            System.IO.File.WriteAllText(helper, "#!/bin/sh\necho 'red-fox is no JSON'\n");
            var garbled = await Assert.ThrowsAsync<StoreException>(() => Open(locked, new RegistryOptions { DockerConfig = Path.Combine(Folder, "all") }).ResolveAsync("v1", Cancel));
            Assert.Contains("docker-credential-test answers with something that is no credentials document", garbled.Fault.What, StringComparison.Ordinal);
            Assert.DoesNotContain("red-fox", garbled.ToString() + garbled.Fault, StringComparison.Ordinal);

            System.IO.File.WriteAllText(helper, "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n");
            var unknown = await Assert.ThrowsAsync<StoreException>(() => Open(locked, new RegistryOptions { DockerConfig = Path.Combine(Folder, "all") }).ResolveAsync("v1", Cancel));
            Assert.Contains("nobody logged in", unknown.Fault.What, StringComparison.Ordinal);

            var missing = await Assert.ThrowsAsync<StoreException>(() =>
                Open(locked, new RegistryOptions { DockerConfig = DockerConfig("""{"credsStore":"absent"}""", "absent") }).ResolveAsync("v1", Cancel));
            Assert.Contains("cannot start `docker-credential-absent`", missing.Fault.What, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Theory]
    [InlineData("{ not json")]
    [InlineData("""{"auths":{"HOST":{"auth":"%%%"}}}""")]
    [InlineData("""{"auths":{"HOST":{"auth":"bm8tY29sb24="}}}""")]
    public async Task A_damaged_config_file_is_named_and_not_quoted(string json)
    {
        await using var locked = await RegistryServer.StartAsync(password: true);
        var config = DockerConfig(json.Replace("HOST", locked.Authority, StringComparison.Ordinal));
        var error = await Assert.ThrowsAsync<StoreException>(() => Open(locked).ResolveAsync("v1", Cancel));
        Assert.Equal(StoreFailure.Refused, error.Failure);
        Assert.Contains(Path.Combine(config, "config.json") + " is not what Docker writes", error.Fault.What, StringComparison.Ordinal);
        Assert.DoesNotContain("no-colon", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_nobody_trusts_is_refused_and_SSL_CERT_FILE_makes_it_trusted()
    {
        await using var secure = await RegistryServer.StartAsync(tls: true);
        var error = await Assert.ThrowsAsync<StoreException>(() => Open(secure, new RegistryOptions { Insecure = false }).ResolveAsync("v1", Cancel));
        Assert.Equal(StoreFailure.Refused, error.Failure);
        Assert.Contains($"the certificate of {secure.Authority} is signed by nobody whom this machine trusts", error.Fault.What, StringComparison.Ordinal);
        Assert.Contains("SSL_CERT_FILE", error.Fault.Mend, StringComparison.Ordinal);

        // A process reads its trusted certificates once: another one, which runs the test below.
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["-method", $"*{nameof(OciRegistryStoreTests)}.{nameof(Over_TLS_with_a_trusted_certificate_it_works_as_ever)}", "-noLogo", "-noColor"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["SSL_CERT_FILE"] = secure.Certificate;
        start.Environment[TrustedVariable] = secure.Authority;
        using var child = Process.Start(start)!;
        var output = await child.StandardOutput.ReadToEndAsync(Cancel);
        await child.WaitForExitAsync(Cancel);
        Assert.True(child.ExitCode == 0 && output.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", StringComparison.Ordinal), output);
    }

    private const string TrustedVariable = "LAP_TEST_TRUSTED_REGISTRY";

    [Fact]
    public async Task Over_TLS_with_a_trusted_certificate_it_works_as_ever()
    {
        if (Environment.GetEnvironmentVariable(TrustedVariable) is not { } authority)
        {
            // Run by the test above, in a process that trusts the certificate.
            return;
        }

        using var store = new OciRegistryStore(
            RegistryAddress.Parse($"oci://{authority}/{repository}"), Elsewhere("cache"), new RegistryOptions { Insecure = false, DockerConfig = Folder },
            new ProcessRunner(TimeProvider.System), TimeProvider.System);
        var artifact = await store.StoreAsync([File("a", "1")], Digest.Of("f"), Cancel);
        Assert.Equal(artifact, await store.FindAsync(Digest.Of("f"), Cancel));
    }

    [Fact]
    public async Task TLS_and_plain_HTTP_taken_for_each_other_are_told_apart()
    {
        var plain = await Assert.ThrowsAsync<StoreException>(() => Open(server, new RegistryOptions { Insecure = false }).ResolveAsync("v1", Cancel));
        Assert.Contains("speaks plain HTTP, and was asked in TLS", plain.Fault.What, StringComparison.Ordinal);
        await using var secure = await RegistryServer.StartAsync(tls: true);
        var tls = await Assert.ThrowsAsync<StoreException>(() => Open(secure).ResolveAsync("v1", Cancel));
        Assert.Contains("speaks TLS, and was asked in plain HTTP", tls.Fault.What, StringComparison.Ordinal);
        Assert.Contains("insecure: false", tls.Fault.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_registry_is_unreachable_after_a_few_attempts_and_serves_again_when_it_is_back()
    {
        await using var mortal = await RegistryServer.StartAsync();
        var store = Open(mortal, new RegistryOptions { Pause = TimeSpan.FromMilliseconds(1) });
        var image = await PutImageAsync(store, "x", ["v1"]);
        await mortal.KillAsync();
        var error = await Assert.ThrowsAsync<StoreException>(() => store.ResolveAsync("v1", Cancel));
        Assert.Equal(StoreFailure.Unreachable, error.Failure);
        Assert.Contains("looking up the tag v1: the registry cannot be reached: connection refused (4 attempts in", error.Fault.What, StringComparison.Ordinal);
        await mortal.StartAgainAsync();
        Assert.Equal(image.Descriptor, await store.ResolveAsync("v1", Cancel));
    }

    [Fact]
    public async Task A_registry_that_stops_in_the_middle_of_a_push_is_retried_and_then_named()
    {
        await using var mortal = await RegistryServer.StartAsync();
        var store = Open(mortal, new RegistryOptions { Pause = TimeSpan.FromMilliseconds(1) });
        var blob = new Descriptor("application/octet-stream", Digest.Of("never complete"), 32 << 20);
        var opened = 0;
        var error = await Assert.ThrowsAsync<StoreException>(() => store.PutBlobAsync(blob, _ =>
        {
            opened++;
            return Task.FromResult<Stream>(new StoppingStream(32 << 20, 8 << 20, () => mortal.KillAsync()));
        }, Cancel));
        Assert.Equal(StoreFailure.Unreachable, error.Failure);
        Assert.Contains("pushing the blob", error.Fault.What, StringComparison.Ordinal);
        Assert.Contains("(4 attempts in", error.Fault.What, StringComparison.Ordinal);
        Assert.Equal(1, opened);
    }

    [Fact]
    public async Task A_push_that_a_restart_of_the_registry_cut_off_is_begun_again_and_succeeds()
    {
        await using var mortal = await RegistryServer.StartAsync();
        var store = Open(mortal, new RegistryOptions { Pause = TimeSpan.FromMilliseconds(1) });
        var bytes = new byte[16 << 20];
        new Random(1).NextBytes(bytes);
        var blob = new Descriptor("application/octet-stream", Digest.Of(bytes), bytes.Length);
        var opened = 0;
        Assert.True(await store.PutBlobAsync(blob, _ => Task.FromResult<Stream>(++opened > 1 ? new MemoryStream(bytes) : new StoppingStream(bytes.Length, 4 << 20, async () =>
        {
            await mortal.KillAsync();
            await mortal.StartAgainAsync();
        })), Cancel));
        Assert.Equal(2, opened);
        Assert.True(await store.HasBlobAsync(blob, Cancel));
    }

    /// <summary>Zeros, in the middle of which something happens to the registry.</summary>
    private sealed class StoppingStream(long length, long at, Func<Task> happens) : Stream
    {
        private long position;
        private bool happened;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => length;
        public override long Position { get => position; set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (position >= at && !happened)
            {
                happened = true;
                await happens();
            }

            var count = (int)Math.Min(buffer.Length, length - position);
            buffer[..count].Span.Clear();
            position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
