using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Init;

namespace Laptime.Tests.Workspaces;

public sealed class WorkspaceInitTests
{
    private const string Web = "<Project Sdk=\"Microsoft.NET.Sdk.Web\"><ItemGroup><ProjectReference Include=\"..\\lib\\lib.csproj\" /></ItemGroup></Project>";

    [Fact]
    public void A_web_project_gets_a_publish_step_and_a_port()
    {
        using var folder = new TemporaryWorkspace();
        folder.Add("src/Shop.Web/Shop.Web.csproj", Web);
        folder.Add("src/Shop.Web/Program.cs", "app.MapHealthChecks(\"/healthz\");");
        folder.Add("src/Shop.Web/Properties/launchSettings.json", "{ \"applicationUrl\": \"http://localhost:5123\" }");
        folder.Add("src/lib/lib.csproj", "<Project Sdk=\"Microsoft.NET.Sdk\"/>");
        folder.Add("tests/T.csproj", "<Project Sdk=\"Microsoft.NET.Sdk\"><PackageReference Include=\"Microsoft.NET.Test.Sdk\"/></Project>");
        folder.Add("src/Directory.Build.props");
        folder.Add("Shop.slnx");
        var (workspace, proposal) = Init(folder);
        var web = workspace.Components.Single();
        Assert.Equal(("shop.web", "src/Shop.Web", 5123), (web.Name, web.Path, web.Run!.Port));
        Assert.Equal("dotnet publish Shop.Web.csproj -c ${profile.configuration} -o out --nologo", ((CommandLine.Shell)web.Build.Steps.Single().Run).Text.Source);
        Assert.Equal("dotnet out/Shop.Web.dll --urls http://127.0.0.1:${port}", ((CommandLine.Shell)web.Run.Command).Text.Source);
        Assert.Equal(["out/**"], web.Build.Outputs);
        Assert.Contains("../lib/**", web.Inputs);
        Assert.Contains("../Directory.Build.props", web.Inputs);
        Assert.Equal("/healthz", ((ProbeForm.Http)web.Probes.Ready!.Form).Path.Source);
        Assert.Equal(["fast", "release"], workspace.Profiles.Select(p => p.Name));
        Assert.Equal(["dotnet", "dotnet", "dotnet", "solution"], proposal.Findings.Select(f => f.Kind).Order());
        Assert.Contains("Microsoft.NET.Sdk.Web", proposal.Text);
    }

    public static TheoryData<string, string[], string[], string> Kinds => new()
    {
        { "worker", ["job/job.csproj=<Project Sdk=\"Microsoft.NET.Sdk.Worker\"><AssemblyName>The.Job</AssemblyName></Project>"], ["job"], "dotnet out/The.Job.dll" },
        { "node", ["web/package.json={ \"name\": \"@me/web\", \"scripts\": { \"start\": \"node .\", \"build\": \"tsc\" } }", "web/package-lock.json={}"], ["web"], "npm ci" },
        { "pnpm", ["package.json={ // comment\n \"scripts\": { \"start\": \"x\" } }", "pnpm-lock.yaml="], ["app"], "pnpm install --frozen-lockfile" },
        { "node library", ["package.json={ \"scripts\": { \"test\": \"x\" } }"], ["app"], "echo" },
        { "broken package.json", ["package.json={"], ["app"], "echo" },
        { "go", ["go.mod=module example.org/me/server\n\ngo 1.24\n", "main.go=package main"], ["server"], "go build -o out/server ." },
        { "go commands", ["go.mod=module m", "cmd/api/main.go=package main", "cmd/worker/main.go=package main"], ["api", "worker"], "./cmd/worker" },
        { "rust", ["api/Cargo.toml=[package]\nname = \"api-server\"\n", "api/src/main.rs=fn main() {}"], ["api-server"], "cargo build --release" },
        { "python", ["svc/requirements.txt=Flask==3.0\n", "svc/app.py="], ["svc"], "python3 -m flask --app app run --port ${port}" },
        { "fastapi", ["svc/pyproject.toml=dependencies = [\"fastapi\"]\n", "svc/main.py="], ["svc"], "python3 -m uvicorn main:app" },
        { "django", ["svc/requirements.txt=Django\n", "svc/manage.py="], ["svc"], "manage.py runserver --noreload" },
        { "dockerfile", ["Dockerfile=FROM scratch\nEXPOSE 9090/tcp\n"], ["app"], "target: docker" },
        { "dockerfile beside a project", ["a/go.mod=module a", "a/main.go=package main", "a/Dockerfile=FROM scratch"], ["a"], "There is a Dockerfile too" },
        { "chart", ["chart/Chart.yaml=name: x", "chart/templates/d.yaml=apiVersion: v1\nkind: Pod"], ["app"], "target: kubernetes" },
        { "manifests", ["k8s/d.yaml=apiVersion: apps/v1\nkind: Deployment\n"], ["app"], "manifests: [\"k8s/*.yaml\"]" },
        { "flyway", ["db/migrations/V1__a.sql=select 1"], ["app"], "main: { tool: flyway, path: db/migrations }" },
        { "golang-migrate", ["migrations/1_a.up.sql="], ["app"], "tool: golang-migrate" },
        { "rails", ["db/migrate/20260101_a.rb="], ["app"], "tool: rails" },
        { "alembic", ["alembic/versions/1.py="], ["app"], "tool: alembic" },
        { "django migrations", ["shop/migrations/__init__.py=", "shop/migrations/0001_a.py="], ["app"], "tool: django" },
        { "ef", ["Data/Migrations/1_A.Designer.cs="], ["app"], "tool: ef" },
        { "nothing", ["readme.txt="], ["app"], "Nothing here is of a kind that lap knows" },
        { "odd names", ["my app ü/go.mod=module x/Ünï cödé", "my app ü/main.go=package main", "8/main.go=package main", "8/go.mod=module 8", "null/go.mod=module null", "null/main.go=package main"], ["8", "n-c-d", "null"], "" },
        { "skipped folders", ["node_modules/a/package.json={ \"scripts\": { \"start\": \"x\" } }", "vendor/go.mod=", "bin/x.csproj=", "target/Cargo.toml="], ["app"], "Nothing here" },
        { "same names", ["a/svc/go.mod=module svc", "a/svc/main.go=package main", "b/svc/go.mod=module svc", "b/svc/main.go=package main"], ["svc", "svc-2"], "port: 8081" },
        { "x- names", ["x-ray/go.mod=module x-ray", "x-ray/main.go=package main"], ["app-x-ray"], "" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Each_kind_gives_a_file_that_loads_and_says_why(string kind, string[] files, string[] components, string text)
    {
        using var folder = new TemporaryWorkspace();
        foreach (var file in files)
        {
            folder.Add(file[..file.IndexOf('=')], file[(file.IndexOf('=') + 1)..]);
        }

        var (workspace, proposal) = Init(folder);
        Assert.Equal(components, workspace.Components.Select(c => c.Name).Order(StringComparer.Ordinal));
        Assert.True(proposal.Text.Contains(text, StringComparison.Ordinal), $"{kind}: {text}\n{proposal.Text}");
    }

    [Fact]
    public void A_compose_file_gives_names_ports_and_order()
    {
        using var folder = new TemporaryWorkspace();
        folder.Add("compose.yaml", """
            x-default: &default
              restart: always
            services:
              web:
                <<: *default
                build: ./web
                ports: ["${PORT:-9000}:80"]
                depends_on: { api: { condition: service_healthy }, db: { condition: service_started } }
              api:
                build: { context: api, dockerfile: docker/Api, target: final }
                ports: [ { target: 80, published: "9001" } ]
              db: { image: postgres:17 }
            """);
        folder.Add("web/go.mod", "module frontend");
        folder.Add("web/main.go", "package main");
        folder.Add("api/docker/Api", "FROM scratch");
        var (workspace, proposal) = Init(folder);
        Assert.Equal(["api", "web"], workspace.Components.Select(c => c.Name).Order());
        var web = workspace.Find("web")!;
        Assert.Equal(9000, web.Run!.Port);
        Assert.Equal(["api"], web.Needs);
        Assert.Equal(new ImageSettings("docker/Api", "", "final"), workspace.Find("api")!.Build.Image);
        Assert.Equal((TargetKind.Docker, "compose.yaml"), (workspace.Environments[0].Target, workspace.Environments[0].Stack.Single()));
        Assert.Contains(proposal.Findings, f => f is { Kind: "compose", Meaning: "3 service(s)" });
    }

    [Fact]
    public void An_existing_file_is_never_overwritten_unasked()
    {
        using var folder = new TemporaryWorkspace();
        folder.Add("laptime.yaml", "mine");
        var problem = Assert.Throws<LapException>(() => WorkspaceInit.Write(folder.Root, overwrite: false)).Problems.Single();
        Assert.Contains("already here", problem.What);
        Assert.Contains("--force", problem.Mend);
        Assert.Equal("mine", File.ReadAllText(folder.File));
        WorkspaceInit.Write(folder.Root, overwrite: true);
        Assert.Equal(WorkspaceInit.Detect(folder.Root).Text, File.ReadAllText(folder.File));
        File.Move(folder.File, Path.Combine(folder.Root, "laptime.yml"));
        Assert.Throws<LapException>(() => WorkspaceInit.Write(folder.Root, overwrite: true));
    }

    [Fact]
    public void A_large_folder_is_looked_at_in_part_and_says_so()
    {
        using var folder = new TemporaryWorkspace();
        folder.Add(string.Join('/', Enumerable.Repeat("d", 14)) + "/go.mod", "module deep");
        var (workspace, proposal) = Init(folder);
        Assert.Equal("app", workspace.Components.Single().Name);
        Assert.Contains("was not looked at", proposal.Text);
    }

    [Fact]
    public void Nothing_is_followed_through_a_link()
    {
        using var folder = new TemporaryWorkspace();
        Directory.CreateSymbolicLink(Path.Combine(folder.Root, "loop"), folder.Root);
        folder.Add("go.mod", "module one");
        folder.Add("main.go", "package main");
        Assert.Equal("one", Init(folder).Workspace.Components.Single().Name);
    }

    private static (Workspace Workspace, InitProposal Proposal) Init(TemporaryWorkspace folder)
    {
        var proposal = WorkspaceInit.Write(folder.Root, overwrite: false);
        try
        {
            return (WorkspaceFile.Load(folder.File, _ => null), proposal);
        }
        catch (LapException e)
        {
            Assert.Fail(e.Message + "\n" + proposal.Text);
            throw;
        }
    }
}
