using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Tests.Workspaces;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

/// <summary>What a fast environment leaves out of what its safe one does, from both policies and the plan.</summary>
public sealed class ParityGapTests
{
    private const string Shop = """
        name: shop
        profiles: { quick: { vars: { c: "1" } }, release: { vars: { c: "2" } } }
        components:
          web:
            path: web
            build: { steps: [ { name: make, run: make }, { name: lint, run: lint, loops: [safe] } ], outputs: out }
            run: { command: ./web, port: 8081 }
            probes: { smoke: [ { http: /, status: 200 } ] }
          api:
            path: api
            build: { steps: [ { name: make, run: make } ], outputs: out }
            run: { command: ./api, port: 8082 }
          tool: { path: tool, build: { steps: [ { name: make, run: make } ], outputs: out } }
        environments:
          local: { target: process }
          staging: { target: process, profile: release }
          canary: { target: process, loop: safe, profile: quick, guardrails: { from: local } }
          production: { target: process, loop: safe, profile: release, guardrails: { from: staging } }

        """;

    private const string Lint = "web: step lint is left out of the fast loop";
    private static readonly Digest Artifact = Digest.Of("artifact"u8);

    [Fact]
    public void Each_environment_is_measured_by_the_safe_one_that_takes_promotions_from_it()
    {
        using var folder = new TemporaryWorkspace("web/", "api/", "tool/");
        var shop = folder.Load(Shop);
        Assert.Equal(["canary", "production", null, null], shop.Environments.Select(e => ParityGap.Counterpart(shop, e)?.Name));
        var one = folder.Load(Shop.Replace("from: local", "from: staging", StringComparison.Ordinal));
        Assert.Equal("canary", ParityGap.Counterpart(one, one.Environments[0])?.Name);
        var none = folder.Load(Shop[..Shop.IndexOf("  canary", StringComparison.Ordinal)]);
        Assert.Null(ParityGap.Counterpart(none, none.Environments[0]));
        Assert.Equal([Lint], Gaps(none, "staging", "quick", Planned("web", ActionKind.BuildAndRollout), Planned("api", ActionKind.BuildAndRollout)));
    }

    [Fact]
    public void Steps_profile_smoke_and_provenance_are_told_from_both_policies()
    {
        using var folder = new TemporaryWorkspace("web/", "api/", "tool/");
        var shop = folder.Load(Shop);
        PlannedComponent[] all = [Planned("tool", ActionKind.Build), Planned("web", ActionKind.BuildAndRollout), Planned("api", ActionKind.LookupAndRollout) with { Prebuilt = true }];
        Assert.Equal(
            [Lint, "api: no smoke check is defined, and production wants one: add probes.smoke", "web: no verified provenance, and production wants it: lap publish"], Gaps(shop, "staging", "release", all));
        Assert.Equal("web, api, tool: built with the profile quick, and production builds with release", Gaps(shop, "staging", "quick", all)[1]);
        Assert.Equal([Lint], Gaps(shop, "staging", "release", Planned("web", ActionKind.LookupAndRollout) with { Prebuilt = true }));
        Assert.Empty(Gaps(shop, "production", "release", all));
    }

    [Fact]
    public void Full_closes_the_steps_and_says_of_the_rest_that_it_cannot()
    {
        using var folder = new TemporaryWorkspace("web/", "api/", "tool/");
        var shop = folder.Load(Shop);
        var gaps = ParityGap.Of(
            shop, shop.Environments[1], "release", new Plan([Planned("web", ActionKind.BuildAndRollout), Planned("api", ActionKind.BuildAndRollout)], []), new Dictionary<string, DeployedRecord>(), full: true, noSmoke: true);
        Assert.Equal(
            [
                "smoke checks are left out (--no-smoke)", "api: no smoke check is defined, and production wants one, which --full cannot make up for: add probes.smoke",
                "web, api: no verified provenance, and production wants it, which --full cannot make up for: lap publish",
            ], gaps);
    }

    [Fact]
    public void What_is_left_as_it_runs_has_the_provenance_that_it_came_with()
    {
        using var folder = new TemporaryWorkspace("web/", "api/", "tool/");
        var shop = folder.Load(Shop);
        var skipped = Planned("web", ActionKind.Skip);
        IReadOnlyList<string> With(DeployedRecord record) => ParityGap.Of(
            shop, shop.Environments[1], "release", new Plan([skipped], []), new Dictionary<string, DeployedRecord> { ["web"] = record }, full: false, noSmoke: false);
        Assert.Equal([Lint], With(new DeployedRecord { Component = "web", Artifact = Artifact, Attested = true }));
        Assert.Equal(2, With(new DeployedRecord { Component = "web", Artifact = Artifact }).Count);
        Assert.Equal(2, With(new DeployedRecord { Component = "web", Artifact = Digest.Of("other"u8), Attested = true }).Count);
    }

    private static IReadOnlyList<string> Gaps(Workspace shop, string environment, string profile, params PlannedComponent[] planned) =>
        ParityGap.Of(shop, shop.Environments.First(e => e.Name == environment), profile, new Plan(planned, []), new Dictionary<string, DeployedRecord>(), full: false, noSmoke: false);

    private static PlannedComponent Planned(string name, ActionKind action) =>
        new() { Name = name, Action = action, Cause = Cause.InputsChanged, Fingerprint = Given.Fingerprint(name), Artifact = Artifact };
}
