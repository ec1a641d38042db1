using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

public sealed class ImageReferenceTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("alpine", "oci://registry-1.docker.io/library/alpine")]
    [InlineData("alpine:3.20", "oci://registry-1.docker.io/library/alpine")]
    [InlineData("team/app:1", "oci://registry-1.docker.io/team/app")]
    [InlineData("docker.io/team/app", "oci://registry-1.docker.io/team/app")]
    [InlineData("mcr.example.org/dotnet/aspnet:10.0", "oci://mcr.example.org/dotnet/aspnet")]
    [InlineData("localhost/a", "oci://localhost/a")]
    [InlineData("127.0.0.1:5000/a/b:tag", "oci://127.0.0.1:5000/a/b")]
    [InlineData("oci://127.0.0.1:5000/a", "oci://127.0.0.1:5000/a")]
    public void A_pinned_name_is_read_as_docker_reads_it(string name, string address) =>
        Assert.Equal(new ImageReference.Registry(address, Digest), Parsed($"{name}@{Digest}"));

    [Fact]
    public void Layouts_the_store_and_nothing_at_all_are_bases_too()
    {
        Assert.Equal(new ImageReference.Layout("bases/runtime", Digest), Parsed($"oci-layout:bases/runtime@{Digest}"));
        Assert.Equal(new ImageReference.Layout("/srv/x", Digest), Parsed($"oci-layout:///srv/x@{Digest}"));
        Assert.Equal(new ImageReference.Stored(Digest), Parsed(Digest));
        Assert.Equal(new ImageReference.Empty(), Parsed("scratch"));
    }

    [Theory]
    [InlineData("alpine", "is not pinned by digest")]
    [InlineData("alpine:3.20", "is not pinned by digest")]
    [InlineData("alpine@sha256:12", "has no sha256 digest behind its `@`")]
    [InlineData("oci-layout:@" + Digest, "names no folder")]
    [InlineData("https://x/y@" + Digest, "is no name of an image")]
    [InlineData("a b@" + Digest, "is no name of an image")]
    public void What_could_move_or_is_no_image_is_refused(string text, string why)
    {
        Assert.False(ImageReference.TryParse(text, out _, out var what));
        Assert.Equal(why, what);
    }

    [Theory]
    [InlineData("base: alpine", "is not pinned by digest")]
    [InlineData("base: scratch, dockerfile: Dockerfile", "`dockerfile` is about a Dockerfile, and `base` builds without one")]
    [InlineData("base: scratch, builder: docker", "an image with `base` is made by lap itself")]
    [InlineData("builder: dotnet, target: x", "`target` is about a Dockerfile, and `builder: dotnet` builds without one")]
    [InlineData("env: { A: b }", "`env` belongs to an image that lap makes itself, with `base`")]
    [InlineData("base: scratch, args: { A: b }", "`args` are for a Dockerfile or `builder: dotnet`")]
    [InlineData("base: scratch, env: { A: \"${env.SECRET}\" }", "everybody who has the image could read it")]
    [InlineData("base: scratch, workdir: app", "`workdir: app` is no absolute path in the image")]
    [InlineData("base: scratch, workdir: /a/../b", "is no absolute path in the image")]
    [InlineData("platform: \"linux/amd64,linux/arm64\"", "`platform` is one platform")]
    [InlineData("platform: windows/amd64", "is no platform")]
    [InlineData("dockerfile: missing", "the file `missing` does not exist")]
    public void What_an_image_would_ignore_in_silence_is_an_error(string image, string what)
    {
        using var folder = new TemporaryWorkspace("Dockerfile");
        var problem = Assert.Single(folder.Problems($"name: x\ncomponents: {{ a: {{ build: {{ image: {{ {image} }} }} }} }}"));
        Assert.Contains(what, problem.What, StringComparison.Ordinal);
        Assert.NotNull(problem.Mend);
    }

    [Fact]
    public void An_image_is_no_files_for_another_component()
    {
        using var folder = new TemporaryWorkspace();
        var problem = Assert.Single(folder.Problems("name: x\ncomponents: { a: { build: { image: { base: scratch } } }, b: { uses: [a] } }"));
        Assert.Contains("`uses` names `a`, which is an image", problem.What, StringComparison.Ordinal);
    }

    private static ImageReference Parsed(string text)
    {
        Assert.True(ImageReference.TryParse(text, out var reference, out var what), what);
        return reference;
    }
}
