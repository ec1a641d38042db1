using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap artifacts list|show|verify|prune` on the workspace's own builds and on a shared store.</summary>
public sealed class ArtifactTests
{
    /// <summary>A library and a server, deployed <paramref name="times"/> times, each with another text.</summary>
    private static async Task<LapWorkspace> DeployedAsync(int times)
    {
        var workspace = await LapWorkspace.OfAsync($"  lib:\n    path: src/lib\n{LittleServer.Yaml("web", Ports.Free(), "uses: [lib]")}");
        for (var i = 1; i <= times; i++)
        {
            workspace.Write("src/web/text.txt", $"text {i}");
            await workspace.DeployAsync();
        }

        return workspace;
    }

    internal static async Task<JsonObject> DocumentAsync(LapWorkspace workspace, int exitCode, string schema, params string[] arguments)
    {
        var document = await workspace.JsonAsync(exitCode, arguments);
        Assert.Null(new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", schema)))!).Refusal(document));
        return document;
    }

    private static IReadOnlyList<JsonObject> Items(JsonObject document, string name = "items") => [.. document[name]!.AsArray().Select(i => i!.AsObject())];

    private static IReadOnlyList<string> Files(LapWorkspace workspace) =>
        [.. Directory.EnumerateFiles(workspace.At(".laptime/artifacts"), "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) is not ("use" or "lock")).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task Pruning_keeps_what_is_deployed_and_every_rollback_target_and_without_yes_removes_nothing()
    {
        await using var workspace = await DeployedAsync(9);
        var list = await DocumentAsync(workspace, 0, "artifacts.v1.json", "artifacts", "list");
        Assert.Equal(10, Items(list).Count);
        Assert.Equal(["local"], Document.Texts(Items(list).Single(i => i["deployed"]!.AsArray().Count > 0)["deployed"]));
        Assert.Equal(5, Items(list).Count(i => i["rollback"]!.AsArray().Count > 0));
        Assert.All(Items(list), i => Assert.Equal(("none", "tx-"), ((string)i["trust"]!["status"]!, i.Text("transaction")[..3])));

        var before = Files(workspace);
        var dry = await DocumentAsync(workspace, 0, "artifacts-prune.v1.json", "artifacts", "prune", "--keep", "0");
        Assert.True((bool)dry["dryRun"]!);
        Assert.Equal((3, 7), (Items(dry, "removed").Count, Items(dry, "kept").Count));
        Assert.Equal(before, Files(workspace));

        var done = await DocumentAsync(workspace, 0, "artifacts-prune.v1.json", "artifacts", "prune", "--keep", "0", "--yes");
        Assert.Equal((false, 3), ((bool)done["dryRun"]!, Items(done, "removed").Count));
        Assert.Equal(before.Except(Files(workspace)).Where(f => f.Contains("/blobs/", StringComparison.Ordinal)).Count(), (int)done["blobs"]!);
        Assert.Equal(dry["bytes"]!.ToJsonString(), done["bytes"]!.ToJsonString());
        Assert.Equal(7, Items(await DocumentAsync(workspace, 0, "artifacts.v1.json", "artifacts", "list")).Count);

        // What is left is whole, is found, and can be gone back to.
        Assert.All(Items(await DocumentAsync(workspace, 0, "artifacts-verify.v1.json", "artifacts", "verify")), i => Assert.Equal("intact", i.Text("status")));
        (await workspace.DeployAsync()).IsUnchanged();
        Assert.Equal("rolled-back", (await workspace.JsonAsync(0, "rollback")).Outcome());
        workspace.Write("src/web/text.txt", "text 5");
        Assert.Empty((await workspace.DeployAsync()).Built());
    }

    [Fact]
    public async Task Nothing_is_pruned_while_a_deploy_is_under_way()
    {
        await using var workspace = await DeployedAsync(2);
        var go = Path.Combine(workspace.Beside, "go");
        var begun = Path.Combine(workspace.Beside, "begun");
        workspace.Edit("laptime.yaml", "  lib:\n    path: src/lib", $"  lib:\n    path: src/lib\n    build: {{ steps: [ {{ name: slow, run: \"touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done\" }} ], outputs: [\"*\"] }}");
        var deploy = workspace.Start("deploy", "-o", "json");
        await workspace.UntilAsync(() => File.Exists(begun), "the step began");
        var before = Files(workspace);
        var refused = (await workspace.LapAsync("artifacts", "prune", "--keep", "0", "--yes", "--lock-timeout", "50ms")).Exits(20);
        Assert.Contains("another lap uses the store", refused.Error, StringComparison.Ordinal);
        Assert.Equal(before, Files(workspace));
        // Questions need nobody's leave.
        (await workspace.LapAsync("artifacts", "prune")).Exits(0);
        (await workspace.LapAsync("artifacts", "list")).Exits(0);

        await File.WriteAllTextAsync(go, "", workspace.Cancel);
        (await deploy.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0);
        (await workspace.LapAsync("artifacts", "prune", "--keep", "0", "--yes")).Exits(0);
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task A_flipped_byte_is_found_and_its_file_is_named()
    {
        await using var workspace = await DeployedAsync(1);
        var shown = await DocumentAsync(workspace, 0, "artifact.v1.json", "artifacts", "show", "web");
        var layer = shown["layers"]![0]!;
        Assert.Contains("out/text.txt", layer["files"]!.AsArray().Select(f => (string)f!["path"]!));
        var file = workspace.At(".laptime/artifacts/blobs/sha256/" + layer.AsObject().Text("digest")["sha256:".Length..]);
        var bytes = await File.ReadAllBytesAsync(file, workspace.Cancel);
        bytes[600] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, workspace.Cancel);

        var verified = await DocumentAsync(workspace, 21, "artifacts-verify.v1.json", "artifacts", "verify");
        Assert.Equal(["intact", "tampered"], Items(verified).OrderBy(i => i.Text("status")).Select(i => i.Text("status")));
        Assert.Equal(file, (string?)Items(verified).Single(i => i.Text("status") == "tampered")["damaged"]![0]!["where"]);
        Assert.Contains(file[..60], (await workspace.LapAsync("artifacts", "verify", "web")).Exits(21).Out.ReplaceLineEndings(""), StringComparison.Ordinal);
        (await workspace.LapAsync("artifacts", "verify", "lib")).Exits(0);
    }

    [Fact]
    public async Task What_was_published_is_trusted_in_a_registry_and_goes_with_its_attestation_when_nobody_needs_it()
    {
        LocalRegistryTests.SkipWithoutProgram();
        var components = $"  lib:\n    path: src/lib\n{LittleServer.Yaml("web", Ports.Free(), "uses: [lib]")}";
        await using var workspace = await LapWorkspace.OfAsync(
            components, $"artifacts: {{ store: oci://127.0.0.1:{Ports.Free()}/little, local-registry: true }}\ntrust: [ {{ source: merge-to-main, builder: \"urn:test:builder\", key: keys/lap.pub, max-age: 30d }} ]");
        (await workspace.LapAsync("keys", "create")).Exits(0);
        workspace.Write(".gitignore", ".laptime/\n");
        await workspace.GitAsync("init", "-q");
        for (var i = 1; i <= 3; i++)
        {
            workspace.Write("src/web/text.txt", $"text {i}");
            await workspace.GitAsync("add", "-A");
            await workspace.GitAsync("commit", "-q", "-m", $"change {i}");
            (await workspace.LapAsync("publish", "--builder", "urn:test:builder")).Exits(0);
            if (i > 1)
            {
                Assert.Empty((await workspace.DeployAsync()).Built());
            }
        }

        var list = await DocumentAsync(workspace, 0, "artifacts.v1.json", "artifacts", "list");
        Assert.Equal("shared", list["store"]!.AsObject().Text("kind"));
        Assert.Equal(4, Items(list).Count);
        Assert.All(Items(list), i => Assert.Equal(("trusted", "keys/lap.pub"), ((string)i["trust"]!["status"]!, (string)i["trust"]!["key"]!)));
        Assert.True((bool)Items(list).Single(i => (string?)i["component"] == "lib")["used"]!);
        var shown = await DocumentAsync(workspace, 0, "artifact.v1.json", "artifacts", "show", "web");
        Assert.Equal(("merge-to-main", true), (shown["provenance"]!.AsObject().Text("event"), (bool)shown["provenance"]!["believed"]!));

        // Nothing here is old enough, unless that is asked for.
        Assert.Empty(Items(await DocumentAsync(workspace, 0, "artifacts-prune.v1.json", "artifacts", "prune", "--keep", "0"), "removed"));
        var pruned = await DocumentAsync(workspace, 0, "artifacts-prune.v1.json", "artifacts", "prune", "--keep", "0", "--older-than", "0s", "--yes");
        var gone = Assert.Single(Items(pruned, "removed"));
        Assert.Equal(["att-" + gone.Text("id")["sha256:".Length..]], Document.Texts(pruned["attestations"]));
        Assert.Contains("garbage-collect", pruned["notes"]!.ToJsonString(), StringComparison.Ordinal);
        var left = await DocumentAsync(workspace, 0, "artifacts-verify.v1.json", "artifacts", "verify");
        Assert.Equal(["verified", "verified", "verified"], Items(left).Select(i => i.Text("status")));
        Assert.Equal("rolled-back", (await workspace.JsonAsync(0, "rollback")).Outcome());
    }

    [Fact]
    public async Task What_is_asked_for_and_is_not_there_is_said_with_what_is()
    {
        await using var workspace = await DeployedAsync(1);
        var missing = (await workspace.LapAsync("artifacts", "show", "wep")).Exits(2);
        Assert.Contains("has no artifact wep", missing.Error, StringComparison.Ordinal);
        Assert.Contains("`web`", missing.Error, StringComparison.Ordinal);
        Assert.Contains("no shared store", (await workspace.LapAsync("artifacts", "list", "--store", "shared")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("such as 30d", (await workspace.LapAsync("artifacts", "prune", "--older-than", "30")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("no local registry", (await workspace.LapAsync("artifacts", "registry", "status")).Exits(2).Error, StringComparison.Ordinal);
    }
}
