using System.Text;
using System.Text.Json;
using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Images;

/// <summary>Alone, because the tools find their engine and storage by environment variables of the whole process.</summary>
[CollectionDefinition(nameof(ImageBuildTests), DisableParallelization = true)]
[Collection(nameof(ImageBuildTests))]
public sealed class ImageBuildTests : IDisposable
{
    private readonly ImageBench bench = new();
    private readonly List<(string Name, string? Value)> before = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        before.ForEach(v => Environment.SetEnvironmentVariable(v.Name, v.Value));
        bench.Dispose();
    }

    [Fact]
    public async Task A_dockerfile_is_built_by_the_engine_stored_as_one_image_and_runs_elsewhere()
    {
        var engine = await DockerAsync();
        ServiceImage.WriteFolder(bench.At("src"), "from a Dockerfile");
        var (result, image) = await bench.BuildAsync("{ image: {} }", Cancel);

        Assert.Equal(["build/image", "build/export"], result.Steps.Select(s => s.Segment.Name));
        Assert.All(result.Steps, s => Assert.Equal(("package", "ok"), (s.Segment.Kind, s.Segment.Outcome)));
        Assert.Contains(bench.Lines, l => l.Contains("COPY busybox", StringComparison.Ordinal));
        Assert.Equal("from a Dockerfile", await ServedAsync(engine, image));
        // The tools cached everything: not one layer is another one.
        var (_, again) = await bench.BuildAsync("{ image: {} }", Cancel);
        Assert.Equal(image, again);
    }

    [Fact]
    public async Task Buildah_builds_the_same_without_an_engine()
    {
        Requirement.Program("buildah", "buildah");
        bench.File("storage.conf", $"[storage]\ndriver = \"vfs\"\nrunroot = \"{bench.At("run")}\"\ngraphroot = \"{bench.At("graph")}\"\n");
        Set("CONTAINERS_STORAGE_CONF", bench.At("storage.conf"));
        Set("BUILDAH_ISOLATION", "chroot");
        ServiceImage.WriteFolder(bench.At("src"), "by buildah");
        var (result, image) = await bench.BuildAsync("{ image: { builder: buildah, args: { FLAVOR: plain } } }", Cancel);

        Assert.Equal(["build/image", "build/export"], result.Steps.Select(s => s.Segment.Name));
        Assert.All((await ManifestAsync(image)).Layers, l => Assert.Equal("application/vnd.oci.image.layer.v1.tar", l.MediaType));
        var engine = await DockerEngine.SharedAsync();
        Assert.Equal("by buildah", await ServedAsync(engine, image));
    }

    [Fact]
    public async Task An_image_without_a_dockerfile_has_one_digest_on_every_machine_and_runs()
    {
        var digests = new List<Digest>();
        foreach (var place in (string[])["one", "two"])
        {
            using var other = new ImageBench();
            var source = Path.Combine(other.Root, "src", "out");
            Directory.CreateDirectory(source);
            System.IO.File.Copy(Requirement.Program("docker", "busybox"), Path.Combine(source, "busybox"));
            other.File("src/out/www/content", "made by lap");
            other.File("src/out/serve", "#!/app/out/busybox sh\necho ok > /app/out/www/health\nexec /app/out/busybox httpd -f -p 8080 -h /app/out/www\n", executable: true);
            other.File($"src/{place}", "an input that is no output");
            var (_, image) = await other.BuildAsync(
                "{ outputs: [out/**], image: { base: scratch, env: { B: 2, A: 1 }, labels: { z: last, a: first }, port: 8080, command: [/app/out/serve] } }", Cancel);
            digests.Add(image);
            var (_, again) = await other.BuildAsync(
                "{ outputs: [out/**], image: { base: scratch, labels: { a: first, z: last }, env: { A: 1, B: 2 }, command: /app/out/serve, port: 8080 } }", Cancel);
            digests.Add(again);
            if (place == "two")
            {
                var engine = await DockerEngine.SharedAsync();
                Assert.Equal("made by lap", await ServedAsync(engine, image, other.Store));
            }
        }

        Assert.Single(digests.Distinct());
    }

    [Fact]
    public async Task An_engine_that_has_the_base_takes_an_image_without_its_bytes_and_one_that_has_it_not_says_so()
    {
        var engine = await DockerEngine.SharedAsync();
        bench.File("src/content", Guid.NewGuid().ToString());
        var (_, on) = await bench.BuildAsync("{ outputs: content, image: { base: scratch, command: [/none] } }", Cancel);
        var (_, image) = await bench.BuildAsync($"{{ outputs: content, image: {{ base: \"{on}\", workdir: /own }} }}", Cancel);
        Assert.Equal((1, 2), ((await ManifestAsync(on)).Layers.Count, (await ManifestAsync(image)).Layers.Count));

        Assert.NotEqual(0, await LoadAsync(image, "image-test/sparse:top", 1));
        Assert.Equal(0, await LoadAsync(on, "image-test/sparse:base", 0));
        Assert.Equal(0, await LoadAsync(image, "image-test/sparse:top", 1));
        Assert.Equal((await ManifestAsync(image)).Config.Digest.ToString(), await engine.DockerAsync("image", "inspect", "--format", "{{.Id}}", "image-test/sparse:top"));
        await engine.DockerAsync("image", "rm", "image-test/sparse:top", "image-test/sparse:base");

        async Task<int> LoadAsync(Digest which, string name, int present)
        {
            await using (var file = System.IO.File.Create(bench.At("sparse.tar")))
            {
                await ImageArchive.WriteAsync(bench.Store, which, name, present, file, Cancel);
            }

            return (await engine.RunAsync("load", "--quiet", "--input", bench.At("sparse.tar"))).Code;
        }
    }

    [Fact]
    public async Task Outputs_are_put_on_a_base_from_a_layout_layer_by_layer()
    {
        var engine = await DockerAsync();
        ServiceImage.WriteFolder(bench.At("src"), "the base's own");
        var (_, on) = await bench.BuildAsync("{ image: {} }", Cancel);
        var below = await ManifestAsync(on);

        using var other = new ImageBench();
        other.File("src/content", "on a base");
        var build = $"{{ outputs: content, image: {{ base: \"oci-layout:{bench.At("store")}@{on}\", workdir: /www, env: {{ EXTRA: \"1\" }} }} }}";
        var (_, image) = await other.BuildAsync(build, Cancel);

        var manifest = OciManifest.Parse((await other.Store.GetManifestAsync(image, Cancel))!.Bytes);
        Assert.Equal(below.Layers, manifest.Layers.SkipLast(1));
        Assert.Equal("on a base", await ServedAsync(engine, image, other.Store));
        // The base is here now: its layout is not asked again.
        System.IO.Directory.Move(bench.At("store"), bench.At("moved"));
        other.File("src/content", "another content");
        var (_, changed) = await other.BuildAsync(build, Cancel);
        Assert.NotEqual(image, changed);
        using var config = JsonDocument.Parse(await other.Store.ReadBlobAsync(OciManifest.Parse((await other.Store.GetManifestAsync(changed, Cancel))!.Bytes).Config, 1 << 20, Cancel));
        Assert.Equal(["PATH=/bin", "EXTRA=1"], config.RootElement.GetProperty("config").GetProperty("Env").EnumerateArray().Select(e => e.GetString()!));
        Assert.Equal("/serve", Assert.Single(config.RootElement.GetProperty("config").GetProperty("Entrypoint").EnumerateArray()).GetString());
    }

    [Fact]
    public async Task A_base_in_a_registry_is_fetched_once_by_its_digest()
    {
        var registry = await RegistryServer.SharedAsync();
        using var below = new ImageBench();
        below.File("src/etc/base", "below");
        var (_, on) = await below.BuildAsync("{ outputs: [etc/**], image: { base: scratch } }", Cancel);
        await PushAsync(below.Store, registry, "bases/small", on);
        bench.File("src/page", "above");
        var (_, image) = await bench.BuildAsync($"{{ outputs: page, image: {{ base: \"{registry.Authority}/bases/small:any@{on}\" }} }}", Cancel);
        Assert.Equal((await below.Store.GetManifestAsync(on, Cancel))!.ToManifest().Layers, (await ManifestAsync(image)).Layers.SkipLast(1));
        // Nobody answers at this address any more; nobody is asked.
        bench.File("src/page", "another");
        await bench.BuildAsync($"{{ outputs: page, image: {{ base: \"127.0.0.1:1/bases/small@{on}\" }} }}", Cancel);
        var e = await Assert.ThrowsAnyAsync<FaultException>(() => bench.BuildAsync($"{{ outputs: page, image: {{ base: \"{registry.Authority}/bases/small@{Digest.Of("other")}\" }} }}", Cancel));
        Assert.Contains("is not there", e.Fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dotnet_publishes_onto_a_base_of_ours_and_equal_programs_are_one_digest()
    {
        // The SDK takes bases from registries only: one on loopback with an image of ours.
        var registry = await RegistryServer.SharedAsync();
        bench.File("src/web.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><NuGetAudit>false</NuGetAudit></PropertyGroup>
            </Project>
            """);
        bench.File("src/Program.cs", "System.Console.WriteLine(1);");
        bench.File("src/.gitignore", "bin/\nobj/\n");
        using var below = new ImageBench();
        below.File("src/etc/base", "below");
        var (_, on) = await below.BuildAsync("{ outputs: [etc/**], image: { base: scratch } }", Cancel);
        await PushAsync(below.Store, registry, "base", on);
        Set("DOTNET_CONTAINER_INSECURE_REGISTRIES", registry.Authority);
        Set("MSBUILDDISABLENODEREUSE", "1");
        var build = $"{{ image: {{ builder: dotnet, base: \"{registry.Authority}/base:1\", args: {{ UseSharedCompilation: \"false\" }} }} }}";
        var (result, image) = await bench.BuildAsync(build, Cancel);
        Assert.Equal(["build/image"], result.Steps.Select(s => s.Segment.Name));
        var manifest = await ManifestAsync(image);
        Assert.Equal((await below.Store.GetManifestAsync(on, Cancel))!.ToManifest().Layers[0].Digest, manifest.Layers[0].Digest);
        Assert.Equal(2, manifest.Layers.Count);
        var (_, again) = await bench.BuildAsync(build, Cancel);
        Assert.Equal(image, again);
    }

    [Fact]
    public async Task A_failed_build_names_the_instruction_and_shows_the_last_lines()
    {
        await DockerAsync();
        ServiceImage.WriteFolder(bench.At("src"), "x");
        System.IO.File.AppendAllText(bench.At("src", "Dockerfile"), "RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo about to fail; exit 7\"]\n");
        var e = await Assert.ThrowsAsync<FaultException>(() => bench.BuildAsync("{ image: {} }", Cancel));
        Assert.Equal(Outcome.BuildFailed, e.Fault.Outcome);
        Assert.Contains("[9/9] RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo about to fail; exit 7\"]", e.Fault.What, StringComparison.Ordinal);
        Assert.Contains("about to fail", e.Fault.Tail ?? []);
        Assert.Equal("failed", bench.Segments[^1].Outcome);
    }

    [Fact]
    public async Task A_cancelled_build_ends_at_once_and_leaves_no_image()
    {
        await DockerAsync();
        ServiceImage.WriteFolder(bench.At("src"), "x");
        System.IO.File.AppendAllText(bench.At("src", "Dockerfile"), "RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo under way; sleep 600\"]\n");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var building = bench.BuildAsync("{ image: {} }", stop.Token);
        while (!building.IsCompleted && !bench.Lines.Any(l => l.EndsWith("under way", StringComparison.Ordinal)))
        {
            await Task.Delay(5, Cancel);
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => building);
        Assert.Empty(await bench.Store.ListTagsAsync(Cancel));
    }

    [Fact]
    public async Task An_engine_that_is_not_there_is_said_with_what_helps()
    {
        Requirement.Program("docker", "docker");
        Set("DOCKER_HOST", $"unix://{bench.At("nobody.sock")}");
        ServiceImage.WriteFolder(bench.At("src"), "x");
        var e = await Assert.ThrowsAsync<FaultException>(() => bench.BuildAsync("{ image: { builder: docker } }", Cancel));
        Assert.Contains("builder: buildah", e.Fault.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_arguments_reach_the_build_and_secrets_no_message()
    {
        await DockerAsync();
        ServiceImage.WriteFolder(bench.At("src"), "x");
        System.IO.File.AppendAllText(bench.At("src", "Dockerfile"), "ARG FLAVOR\nARG TOKEN\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo flavor $FLAVOR token $TOKEN\"]\n");
        bench.Values["env.TOKEN"] = "s3cret-value";
        await bench.BuildAsync("{ image: { args: { FLAVOR: plain, TOKEN: \"${env.TOKEN}\" } } }", Cancel);
        Assert.Contains(bench.Lines, l => l.Contains("flavor plain token ", StringComparison.Ordinal));
        Assert.DoesNotContain(bench.Lines, l => l.Contains("s3cret-value", StringComparison.Ordinal));
        Assert.DoesNotContain("s3cret-value", string.Concat(Directory.EnumerateFiles(bench.At("logs"), "*", SearchOption.AllDirectories).Select(System.IO.File.ReadAllText)), StringComparison.Ordinal);
    }

    private async Task<OciManifest> ManifestAsync(Digest image) => OciManifest.Parse((await bench.Store.GetManifestAsync(image, Cancel))!.Bytes);

    private static async Task PushAsync(OciLayoutStore from, RegistryServer registry, string repository, Digest image)
    {
        using var remote = new OciRegistryStore(
            RegistryAddress.Parse($"oci://{registry.Authority}/{repository}"), from, new RegistryOptions(), new Laptime.Processes.ProcessRunner(TimeProvider.System), TimeProvider.System);
        await ArtifactCopy.CopyAsync(from, remote, image, ["1"], Cancel);
    }

    private async Task<DockerEngine> DockerAsync()
    {
        var engine = await DockerEngine.SharedAsync();
        Set("DOCKER_HOST", engine.Host);
        return engine;
    }

    private void Set(string name, string value)
    {
        before.Add((name, Environment.GetEnvironmentVariable(name)));
        Environment.SetEnvironmentVariable(name, value);
    }

    /// <summary>Loads the stored image into the engine under a name, starts it, and asks for its content.</summary>
    private async Task<string> ServedAsync(DockerEngine engine, Digest image, ArtifactStore? store = null)
    {
        var name = $"image-test/web:{image.ToHex()[..12]}";
        var archive = bench.At("loaded.tar");
        Digest id;
        await using (var file = System.IO.File.Create(archive))
        {
            id = await ImageArchive.WriteAsync(store ?? bench.Store, image, name, file, Cancel);
        }

        await engine.DockerAsync("load", "--quiet", "--input", archive);
        Assert.Equal(id.ToString(), await engine.DockerAsync("image", "inspect", "--format", "{{.Id}}", name));
        var container = await engine.DockerAsync("run", "--detach", "--publish", "127.0.0.1::8080", name);
        try
        {
            var at = (await engine.DockerAsync("port", container, "8080")).Split('\n')[0];
            using var client = new HttpClient();
            for (var deadline = DateTime.UtcNow.AddSeconds(20); ; await Task.Delay(10, Cancel))
            {
                try
                {
                    return (await client.GetStringAsync(new Uri($"http://{at}/content"), Cancel)).Trim();
                }
                catch (HttpRequestException) when (DateTime.UtcNow < deadline)
                {
                    // The port is published before the service listens.
                }
            }
        }
        finally
        {
            await engine.DockerAsync("rm", "--force", container);
            await engine.RunAsync("image", "rm", name);
        }
    }
}
