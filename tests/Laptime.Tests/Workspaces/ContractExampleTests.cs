using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

public sealed class ContractExampleTests
{
    public const string Text = """
        version: 1
        name: shop
        components:
          gateway:
            path: src/gateway
            inputs: ["**", "../../proto/**"]    # default: all files under path that git does not ignore
            uses: [catalog-client]              # its artifact is an input of this one
            needs: [catalog]                    # must be ready before this one is rolled out
            vars: [BUILD_FLAVOR]                # environment variables that count as inputs
            build:
              steps:
                - { name: restore, kind: install,  run: dotnet restore, inputs: ["*.csproj"] }
                - { name: compile, kind: compile,  run: "dotnet publish -c ${profile.configuration} -o out" }
                - { name: lint,    kind: validate, run: dotnet format --verify-no-changes, loops: [safe] }
              outputs: ["out/**"]
            run: { command: "out/gateway --urls http://127.0.0.1:${port}", port: 8080, env: {} }
            probes:
              ready:   { http: /health/ready, timeout: 30s, poll: 100ms, successes: 1 }
              smoke:   [ { http: /api/cart, status: 200, contains: items }, { run: ./smoke.sh } ]
              reflect: { http: /version, contains: "${revision}" }   # default: the target's own evidence
          catalog: { path: src/catalog }
          catalog-client: { path: src/catalog-client }
        profiles:
          fast:    { vars: { configuration: Debug } }
          release: { vars: { configuration: Release } }
        environments:
          local:      { target: process, loop: fast, profile: fast }          # the first is the default
          staging:    { target: swarm, loop: fast, stack: compose.yml,
                        infra: { inputs: [infra/**], bootstrap: [ { run: ./infra/up.sh } ] } }
          production: { target: swarm, loop: safe, profile: release, stack: compose.yml }
        artifacts: { store: .laptime/artifacts }     # an OCI image layout; or  oci://127.0.0.1:5000/shop
        journal:   { store: .laptime/journal.db }    # SQLite; or  postgres://...
        trust:                                        # only these combinations are trusted
          - { source: merge-to-main, builder: https://ci.example.org/main, key: keys/ci.pub, max-age: 30d }
        ledgers:
          main: { tool: auto, path: db/migrations, database: "${env.DATABASE_URL}" }
        """;

    public static readonly string[] Files = ["src/gateway/", "src/catalog/", "src/catalog-client/", "proto/", "compose.yml", "db/migrations/", "infra/"];

    [Fact]
    public void The_example_of_the_contract_is_read_whole()
    {
        using var folder = new TemporaryWorkspace(Files);
        var workspace = folder.Load(Text);
        Assert.Equal("shop", workspace.Name);
        Assert.Equal(folder.Root, workspace.Root);
        Assert.Equal([folder.File], workspace.Sources);
        Assert.Equal(["gateway", "catalog", "catalog-client"], workspace.Components.Select(c => c.Name));
        var gateway = workspace.Components[0];
        Assert.Equal("src/gateway", gateway.Path);
        Assert.Equal(["**", "../../proto/**"], gateway.Inputs);
        Assert.Equal(["catalog-client"], gateway.Uses);
        Assert.Equal(["catalog"], gateway.Needs);
        Assert.Equal(["BUILD_FLAVOR"], gateway.Vars);
        Assert.Equal(["restore", "compile", "lint"], gateway.Build.Steps.Select(s => s.Name));
        Assert.Equal([StepKind.Install, StepKind.Compile, StepKind.Validate], gateway.Build.Steps.Select(s => s.Kind));
        Assert.Equal(["*.csproj"], gateway.Build.Steps[0].Inputs);
        Assert.Null(gateway.Build.Steps[1].Inputs);
        Assert.Equal([Loop.Safe], gateway.Build.Steps[2].Loops);
        Assert.Equal(["profile.configuration"], ((CommandLine.Shell)gateway.Build.Steps[1].Run).Text.Names);
        Assert.Equal(["out/**"], gateway.Build.Outputs);
        Assert.Equal(8080, gateway.Run!.Port);
        Assert.Equal("out/gateway --urls http://127.0.0.1:9", ((CommandLine.Shell)gateway.Run.Command).Text.Resolve(n => n == "port" ? "9" : null));
        var ready = gateway.Probes.Ready!;
        Assert.Equal("/health/ready", ((ProbeForm.Http)ready.Form).Path.Source);
        Assert.Equal(TimeSpan.FromSeconds(30), ready.Timeout);
        Assert.Equal(2, gateway.Probes.Smoke.Count);
        Assert.Equal(TimeSpan.FromSeconds(60), gateway.Probes.Smoke[0].Timeout);
        Assert.Equal(200, ((ProbeForm.Http)gateway.Probes.Smoke[0].Form).Status);
        Assert.IsType<ProbeForm.Run>(gateway.Probes.Smoke[1].Form);
        Assert.Equal(TimeSpan.FromSeconds(10), gateway.Probes.Reflect!.Timeout);
        Assert.Equal(["local", "staging", "production"], workspace.Environments.Select(e => e.Name));
        Assert.Equal(["fast", "fast", "release"], workspace.Environments.Select(e => e.Profile));
        Assert.Equal([TargetKind.Process, TargetKind.Swarm, TargetKind.Swarm], workspace.Environments.Select(e => e.Target));
        Assert.Equal(["compose.yml"], workspace.Environments[1].Stack);
        Assert.Equal(["infra/**"], workspace.Environments[1].Infra!.Inputs);
        Assert.Single(workspace.Environments[1].Infra!.Bootstrap);
        Assert.Equal(new TrustRule("merge-to-main", "https://ci.example.org/main", "keys/ci.pub", TimeSpan.FromDays(30)), workspace.Trust.Single() with { At = null });
        Assert.Equal(34, workspace.Trust.Single().At!.Line);
        Assert.Equal("db/migrations", workspace.Ledgers.Single().Path);
        Assert.Equal((4, 3), (gateway.At.Line, gateway.At.Column));
    }
}
