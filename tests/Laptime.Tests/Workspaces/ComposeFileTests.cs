using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Init;

namespace Laptime.Tests.Workspaces;

public sealed class ComposeFileTests
{
    [Fact]
    public void Services_become_components_in_order()
    {
        using var folder = new TemporaryWorkspace("web/");
        var file = folder.Add("compose.yml", "name: shop\nservices:\n  web: { build: web, ports: ['8080:80'], depends_on: [db] }\n  db: { image: postgres }\nvolumes: { data: }\n");
        var workspace = ComposeFile.Load(file);
        Assert.Equal(("shop", file), (workspace.Name, workspace.File));
        Assert.Equal(["web", "db"], workspace.Components.Select(c => c.Name));
        var web = workspace.Components[0];
        Assert.Equal(("web", 8080), (web.Path, web.Run!.Port));
        Assert.Equal(["db"], web.Needs);
        Assert.Equal(new ImageSettings("Dockerfile", "", null), web.Build.Image);
        Assert.Equal((3, 3), (web.At.Line, web.At.Column));
        Assert.Null(workspace.Components[1].Build.Image);
        Assert.Empty(workspace.Components[1].Inputs);
        Assert.Equal(TargetKind.Docker, workspace.Environments.Single().Target);
        Assert.Equal(["compose.yml"], workspace.Environments.Single().Stack);
    }

    [Theory]
    [InlineData("'8080:80'", 8080, 80)]
    [InlineData("80", null, 80)]
    [InlineData("'80/udp'", null, 80)]
    [InlineData("'127.0.0.1:8080:80/tcp'", 8080, 80)]
    [InlineData("'[::1]:8080:80'", 8080, 80)]
    [InlineData("'${PORT:-9000}:80'", 9000, 80)]
    [InlineData("'${PORT-9000}:80'", 9000, 80)]
    [InlineData("'${PORT}:80'", null, 80)]
    [InlineData("{ target: 80, published: 8080 }", 8080, 80)]
    [InlineData("{ target: 80 }", null, 80)]
    public void Ports_are_read_in_every_form(string port, int? published, int container)
    {
        using var folder = new TemporaryWorkspace();
        var service = ComposeFile.Services(folder.Add("compose.yml", $"services: {{ a: {{ image: x, ports: [ {port} ] }} }}")).Single();
        Assert.Equal((published, container), service.Ports.Single());
    }

    [Fact]
    public void Anchors_merges_and_tags_are_read_as_compose_reads_them()
    {
        using var folder = new TemporaryWorkspace();
        var services = ComposeFile.Services(folder.Add("compose.yml", "x-a: &a { build: { context: a, target: t } }\nx-b: &b { image: y }\nservices:\n  one: { <<: *a, ports: !reset [] }\n  two: { <<: [*b, *a] }\n  three: *b\n"));
        Assert.Equal(["a", "a", null], services.Select(s => s.Context));
        Assert.Equal([null, "y", "y"], services.Select(s => s.Image));
        Assert.Equal("t", services[0].BuildTarget);
    }

    [Theory]
    [InlineData("version: '3'", "no services", "1:1")]
    [InlineData("services: {}", "no services", "1:1")]
    [InlineData("services:\n  a: x", "service `a` must be a mapping", "2:3")]
    [InlineData("services:\n  a: { build: nope }", "the folder `nope` does not exist", "2:3")]
    [InlineData("services:\n  a: { build: ../../../.. }", "leaves the workspace's folder", "2:3")]
    [InlineData("services: [", "not closed", "1:11")]
    [InlineData("a: &a\n  b: *a\n", "no services", "1:1")]
    public void What_cannot_be_read_is_told_at_its_place(string text, string what, string place)
    {
        using var folder = new TemporaryWorkspace();
        var file = folder.Add("compose.yml", text);
        var problem = Assert.Throws<LapException>(() => ComposeFile.Load(file)).Problems.Single();
        Assert.Contains(what, problem.What);
        Assert.Equal(place, problem.Where!.Replace(file + ":", ""));
    }

    [Fact]
    public void A_file_of_aliases_upon_aliases_is_read_without_growing()
    {
        using var folder = new TemporaryWorkspace();
        var bomb = "x0: &x0 [a]\n" + string.Concat(Enumerable.Range(1, 60).Select(i => $"x{i}: &x{i} [*x{i - 1}, *x{i - 1}, *x{i - 1}]\n"));
        Assert.Single(ComposeFile.Services(folder.Add("compose.yml", bomb + "services: { a: { image: x, ports: *x60 } }")));
    }

    [Fact]
    public void The_file_is_found_in_composes_own_order()
    {
        using var folder = new TemporaryWorkspace();
        Assert.Null(ComposeFile.Find(folder.Root));
        folder.Add("docker-compose.yml");
        folder.Add("compose.yml");
        Assert.Equal(Path.Combine(folder.Root, "compose.yml"), ComposeFile.Find(folder.Root));
    }
}
