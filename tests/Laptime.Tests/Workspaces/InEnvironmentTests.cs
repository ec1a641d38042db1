using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

/// <summary>One component as a process and as an image, and bases that are components.</summary>
public sealed class InEnvironmentTests
{
    private const string Both = """
        name: both
        components:
          base: { path: base, build: { steps: [ { name: copy, run: sh copy.sh } ], outputs: ["out/**"], image: { base: scratch, root: out, workdir: / } } }
          top: { path: base, build: { image: { base: base } } }
          web:
            path: web
            build: { steps: [ { name: make, run: make } ], outputs: ["out/**"], image: { base: top, port: 8080 } }
            run: { command: [out/web, "${listen}:${port}"], port: 18080 }
          only: { path: web, build: { image: { base: scratch, command: [/web] } } }
        environments:
          local: { target: process }
          docker: { target: docker }
        """;

    private static Workspace Read(string text)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("base"));
        Directory.CreateDirectory(folder.At("web"));
        folder.File("laptime.yaml", text);
        return WorkspaceFile.Load(folder.At("laptime.yaml"), static _ => null);
    }

    private static string Refused(string text) => string.Join('\n', Assert.Throws<LapException>(() => Read(text)).Problems.Select(p => $"{p.What} | {p.Mend}"));

    [Fact]
    public void With_processes_its_outputs_run_and_bases_have_no_part_in_it()
    {
        var workspace = Read(Both);
        var local = InEnvironment.Of(workspace, workspace.Environments[0]);
        // An image that is no base is built anywhere.
        Assert.Equal(["web", "only"], local.Components.Select(c => c.Name));
        Assert.Null(local.Find("web")!.Build.Image);
        Assert.Empty(local.Find("web")!.Uses);
    }

    [Fact]
    public void With_containers_it_is_its_image_and_uses_its_base()
    {
        var workspace = Read(Both);
        Assert.Same(workspace, InEnvironment.Of(workspace, workspace.Environments[1]));
        Assert.Equal(["top"], workspace.Find("web")!.Uses);
        Assert.Equal(["base"], workspace.Find("top")!.Uses);
        Assert.Equal(("top", null, "out"), (workspace.Find("web")!.Build.Image!.BaseComponent, workspace.Find("base")!.Build.Image!.BaseComponent, workspace.Find("base")!.Build.Image!.Root));
    }

    [Fact]
    public void A_base_that_is_no_image_no_component_or_itself_is_told_with_its_cure()
    {
        Assert.Contains("`base` names the component `web`, which is no image", Refused(
            """{ name: w, components: { web: { path: web, build: { steps: [ { name: a, run: b } ] } }, top: { path: base, build: { image: { base: web } } } } }"""), StringComparison.Ordinal);
        Assert.Contains("no component has this name | did you mean the component `runtime`?", Refused(
            """{ name: w, components: { runtime: { path: web, build: { image: { base: scratch } } }, top: { path: base, build: { image: { base: runtme } } } } }"""), StringComparison.Ordinal);
        Assert.Contains("`uses` goes in a circle: top -> web -> top", Refused(
            """{ name: w, components: { top: { path: base, build: { image: { base: web } } }, web: { path: web, build: { image: { base: top } } } } }"""), StringComparison.Ordinal);
    }
}
