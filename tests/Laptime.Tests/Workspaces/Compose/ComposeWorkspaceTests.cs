using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;
using Laptime.Workspaces.Init;

namespace Laptime.Tests.Workspaces.Compose;

public sealed class ComposeWorkspaceTests
{
    private static ComposeLoad Load(string file, bool manager = false) => ComposeWorkspace.Load([file], static _ => null, () => manager);

    [Fact]
    public void Services_become_components_in_order()
    {
        using var folder = new TemporaryWorkspace("web/");
        var file = folder.Add("compose.yml", "name: shop\nservices:\n  web: { build: web, ports: ['8080:80'], depends_on: [db], command: serve it, environment: { A: '$$5' } }\n  db: { image: postgres }\nvolumes: { data: }\n");
        var workspace = Load(file).Workspace;
        Assert.Equal(("shop", file), (workspace.Name, workspace.File));
        Assert.Equal(["web", "db"], workspace.Components.Select(c => c.Name));
        var (web, db) = (workspace.Components[0], workspace.Components[1]);
        Assert.Equal(("web", 8080), (web.Path, web.Run!.Port));
        Assert.Equal(["db"], web.Needs);
        Assert.Equal(new ImageSettings("Dockerfile", "", null), web.Build.Image);
        Assert.Equal(["serve", "it"], Assert.IsType<CommandLine.Exec>(web.Run.Command).Arguments.Select(a => a.Source));
        Assert.Equal("$5", web.Run.Env["A"].Resolve(_ => null));
        Assert.Equal((3, 3), (web.At.Line, web.At.Column));
        Assert.Null(db.Build.Image);
        Assert.Empty(db.Inputs);
        Assert.Equal("postgres", db.Run!.Image);
        Assert.Equal(80, web.Run.ContainerPort);
        Assert.Equal(TargetKind.Docker, workspace.Environments.Single().Target);
        Assert.Equal(["compose.yml"], workspace.Environments.Single().Stack);
    }

    [Theory]
    [InlineData("services: { a: { image: x } }", true, TargetKind.Docker, "nothing that only Swarm keeps")]
    [InlineData("services: { a: { image: x, deploy: { replicas: 2 } } }", true, TargetKind.Swarm, "service a has `deploy`")]
    [InlineData("services: { a: { image: x, deploy: { replicas: 2 } } }", false, TargetKind.Docker, "no swarm's manager")]
    [InlineData("services: { a: { image: x } }\nconfigs: { c: { content: x } }", true, TargetKind.Swarm, "it has configs")]
    [InlineData("services: { a: { image: x } }\nsecrets: { c: { external: true } }", true, TargetKind.Swarm, "it has secrets")]
    public void The_target_follows_from_the_file_and_the_engine_and_says_why(string yaml, bool manager, TargetKind target, string why)
    {
        using var folder = new TemporaryWorkspace();
        var load = Load(folder.Add("compose.yml", yaml), manager);
        Assert.Equal((target, target), (load.Target, load.Workspace.Environments[0].Target));
        Assert.Contains(why, load.Why);
    }

    [Fact]
    public void The_engine_is_only_asked_when_the_file_is_one_for_swarm()
    {
        using var folder = new TemporaryWorkspace();
        ComposeWorkspace.Load([folder.Add("compose.yml", "services: { a: { image: x } }")], _ => null, () => throw new InvalidOperationException());
    }

    [Theory]
    [InlineData("services:\n  a: { build: nope }", "the folder `nope` does not exist", "2:15")]
    [InlineData("services:\n  a: { build: ../../../.. }", "leaves the workspace's folder", "2:15")]
    [InlineData("services:\n  a: { build: 'https://example.org/x.git' }", "has no fingerprint", "2:15")]
    public void A_build_context_that_cannot_be_used_is_told_at_its_place(string yaml, string what, string place)
    {
        using var folder = new TemporaryWorkspace();
        var problem = Assert.Throws<LapException>(() => Load(folder.Add("compose.yml", yaml))).Problems.Single();
        Assert.Contains(what, problem.What);
        Assert.EndsWith(place, problem.Where);
    }

    [Fact]
    public void The_file_is_found_in_composes_own_order_with_the_override_beside_it()
    {
        using var folder = new TemporaryWorkspace();
        Assert.Null(ComposeFile.Find(folder.Root));
        folder.Add("docker-compose.yml");
        var file = folder.Add("compose.yml");
        Assert.Equal(file, ComposeFile.Find(folder.Root));
        Assert.Equal([file], ComposeFile.FindAll(folder.Root));
        Assert.Equal(["compose.yaml", "compose.override.yaml", "compose.override.yml"], ComposeFile.Preferred([file]).Select(Path.GetFileName));
        var other = folder.Add("compose.override.yml");
        Assert.Equal([file, other], ComposeFile.FindAll(folder.Root));
        Assert.Equal(["compose.yaml", "compose.override.yaml"], ComposeFile.Preferred([file, other]).Select(Path.GetFileName));
    }

    [Fact]
    public void An_environment_with_a_stack_runs_every_service_of_it()
    {
        using var folder = new TemporaryWorkspace("web/Dockerfile", "tool/");
        folder.Add("compose.yml", "services:\n  web: { image: any, ports: ['8080:80'], depends_on: [db], deploy: { replicas: 2 } }\n  db: { image: postgres:17 }\n");
        var workspace = folder.Load("""
            version: 1
            name: shop
            components:
              web:
                path: web
                build: { image: { dockerfile: Dockerfile, context: . } }
                run: { port: 9090 }
              tool: { path: tool, run: ./tool }
            environments:
              swarm: { target: swarm, stack: compose.yml }
            """);
        var stacked = ComposeWorkspace.For(workspace, workspace.Environments[0], _ => null);
        Assert.Equal(["web", "tool", "db"], stacked.Components.Select(c => c.Name));
        var web = stacked.Find("web")!;
        Assert.Equal((9090, 2, "db"), (web.Run!.Port, web.Run.Replicas, web.Needs.Single()));
        Assert.Contains("ports", web.Run.Stack.Keys);
        Assert.DoesNotContain("build", web.Run.Stack.Keys);
        Assert.Null(stacked.Find("tool")!.Run);
        Assert.Equal("postgres:17", stacked.Find("db")!.Run!.Image);
        Assert.Contains(Path.Combine(folder.Root, "compose.yml"), stacked.Sources);
    }

    [Fact]
    public void An_image_without_a_service_in_the_stack_is_told()
    {
        using var folder = new TemporaryWorkspace("web/Dockerfile");
        folder.Add("compose.yml", "services: { wbe: { image: x } }");
        var workspace = folder.Load("version: 1\nname: shop\ncomponents:\n  web: { path: web, build: { image: { dockerfile: Dockerfile, context: . } }, run: { port: 80 } }\nenvironments: { s: { target: swarm, stack: compose.yml } }\n");
        var problem = Assert.Throws<LapException>(() => ComposeWorkspace.For(workspace, workspace.Environments[0], _ => null)).Problems.Single();
        Assert.Contains("no service of that name", problem.What);
        Assert.Contains("wbe", problem.Mend);
    }

    [Theory]
    [InlineData("services:\n  Web: { build: web, ports: ['8080:80'], depends_on: [db] }\n  db: { image: postgres:17 }\n")]
    [InlineData("services:\n  db: { image: postgres:17, ports: ['5432:5432'] }\n")]
    [InlineData("services:\n  web: { build: { context: web, dockerfile: D, target: t }, deploy: { replicas: 2 } }\n")]
    public void Init_writes_a_laptime_yaml_that_means_the_same(string yaml)
    {
        using var folder = yaml.Contains("build", StringComparison.Ordinal) ? new TemporaryWorkspace("web/Dockerfile", "web/D") : new TemporaryWorkspace();
        var file = folder.Add("compose.yml", yaml);
        var direct = Load(file, manager: true);
        WorkspaceInit.Write(folder.Root, overwrite: false, () => true);
        var written = WorkspaceFile.Load(folder.File, _ => null);
        var environment = written.Environments[0];
        var stacked = ComposeWorkspace.For(written, environment, _ => null);
        Assert.Equal(direct.Target, environment.Target);
        Assert.Equal(direct.Workspace.Components.Select(c => c.Name).Order(), stacked.Components.Select(c => c.Name).Order());
        foreach (var component in direct.Workspace.Components)
        {
            var other = stacked.Find(component.Name)!;
            Assert.Equal((component.Path, component.Build.Image, component.Run!.Port, component.Run.Image, component.Run.Replicas), (other.Path, other.Build.Image, other.Run!.Port, other.Run.Image, other.Run.Replicas));
            Assert.Equal(component.Needs, other.Needs);
        }
    }
}
