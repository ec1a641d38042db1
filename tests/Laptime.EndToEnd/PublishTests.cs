using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>From `lap publish` to a deploy elsewhere that builds nothing; and every reason to build after all, or, in the safe loop, to refuse.</summary>
public sealed class PublishTests
{
    private const string Builder = "urn:test:builder";

    /// <summary>As every little server's, and the smoke check that the safe loop wants.</summary>
    private const string Probes = """
        ready: { http: /health, timeout: 20s, poll: 20ms }
        smoke: [ { http: /, status: 200 } ]
        reflect: { http: /version, contains: "${revision}", timeout: 5s, poll: 20ms }
        """;

    /// <summary>A library and a server that uses it, committed, with a key, a rule that trusts it, and a store beside the workspace.</summary>
    private static async Task<LapWorkspace> CommittedAsync(string store = "../store", string more = "")
    {
        var workspace = await LapWorkspace.OfAsync(
            $$"""
              lib:
                path: src/lib
                build: { steps: [ { name: make, kind: compile, run: "mkdir -p out && cp text.txt out/" } ], outputs: ["out/**"] }
            {{LittleServer.Yaml("web", Ports.Free(), "uses: [lib]", probes: Probes)}}
            """,
            $$"""
            profiles: { fast: { vars: { flavour: debug } }, release: { vars: { flavour: release } } }
            environments: { local: { target: process, loop: fast, profile: fast }, production: { target: process, loop: safe, profile: fast } }
            artifacts: { store: "{{store}}"{{more}} }
            trust:
              - { source: merge-to-main, builder: "{{Builder}}", key: keys/ci.pub, max-age: 30d }
            """);
        Key(workspace, "ci");
        await workspace.GitAsync("init", "-q");
        await CommitAsync(workspace);
        return workspace;
    }

    private static void Key(LapWorkspace workspace, string name)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        workspace.Write($"keys/{name}.pub", pair.ExportSubjectPublicKeyInfoPem() + "\n");
        workspace.Write($".laptime/keys/{name}.key", pair.ExportPkcs8PrivateKeyPem() + "\n");
        workspace.Write(".laptime/.gitignore", "*\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(workspace.At($".laptime/keys/{name}.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private static async Task CommitAsync(LapWorkspace workspace)
    {
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-q", "-m", "change");
    }

    private static Task<JsonObject> PublishAsync(LapWorkspace workspace, params string[] more) => workspace.JsonAsync(0, ["publish", "--builder", Builder, .. more]);

    /// <summary>Another checkout with the same store, as a colleague or a CI job has it.</summary>
    private static async Task<LapWorkspace> CloneAsync(LapWorkspace of)
    {
        var clone = await LapWorkspace.EmptyAsync();
        await clone.GitAsync("clone", "-q", of.Root, ".");
        Directory.CreateSymbolicLink(Path.Combine(clone.Root, "..", "store"), Path.Combine(of.Root, "..", "store"));
        return clone;
    }

    private static IEnumerable<string> Blobs(LapWorkspace workspace) => Directory.EnumerateFiles(workspace.At("../store/blobs/sha256"));

    /// <summary>Flips a byte in the largest blob: the server's layer.</summary>
    private static void Flip(LapWorkspace workspace)
    {
        var file = Blobs(workspace).MaxBy(f => new FileInfo(f).Length)!;
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    [Fact]
    public async Task What_was_published_is_deployed_from_a_clean_clone_without_a_build()
    {
        await using var workspace = await CommittedAsync();
        var published = (await PublishAsync(workspace)).Valid();
        Assert.Equal(("published", "publish"), (published.Outcome(), published.Text("verb")));
        Assert.Equal(["lib", "web"], published.Built());
        Assert.Equal(("merge-to-main", Builder), (published.Component("web")["provenance"]!.AsObject().Text("source"), published.Component("web")["provenance"]!.AsObject().Text("builder")));

        await using var clone = await CloneAsync(workspace);
        var deployed = (await clone.DeployAsync()).Valid();
        Assert.Equal((0, 1), (deployed.Count("built"), deployed.Count("rollouts")));
        var web = deployed.Component("web");
        Assert.Equal(("lookup+rollout never-deployed", "prebuilt"), (deployed.What("web"), web.Text("artifactSource")));
        Assert.Null(web["fallback"]);
        Assert.Equal(published.Component("web").Text("artifact"), web.Text("artifact"));
        Assert.Equal(published.Text("id"), web["artifactBuild"]!.AsObject().Text("transaction"));
        var interval = deployed["interval"]!;
        Assert.True((double)interval["artifactPublishSeconds"]! < (double)interval["seconds"]!, interval.ToJsonString());
        Assert.True((double)interval["rolloutSeconds"]! < (double)interval["seconds"]!, interval.ToJsonString());

        (await clone.DeployAsync()).IsUnchanged();
        Assert.Contains("web prebuilt: merge-to-main", (await clone.LapAsync("report", deployed.Text("id"))).Exits(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_published_already_is_left_alone_and_a_change_publishes_only_itself()
    {
        await using var workspace = await CommittedAsync();
        await PublishAsync(workspace);
        var again = (await PublishAsync(workspace)).Valid();
        Assert.Equal(("unchanged", 0), (again.Outcome(), again.Count("built")));

        workspace.Write("src/web/text.txt", "second text of web");
        await CommitAsync(workspace);
        var changed = await PublishAsync(workspace);
        Assert.Equal(("published", "skip unchanged"), (changed.Outcome(), changed.What("lib")));
        Assert.Equal(["web"], changed.Built());
        Assert.Equal(["lib", "web"], (await PublishAsync(workspace, "--force")).Built());
    }

    [Fact]
    public async Task A_flipped_byte_in_the_store_is_built_again_in_the_fast_loop_and_refused_in_the_safe_one()
    {
        await using var workspace = await CommittedAsync();
        await PublishAsync(workspace, "--env", "local");
        await PublishAsync(workspace, "--env", "production");
        Flip(workspace);

        await using var careful = await CloneAsync(workspace);
        var refused = (await careful.JsonAsync(21, "deploy", "--env", "production")).Valid();
        Assert.Equal("guardrail-refused", refused.Outcome());
        Assert.Contains("web: tampered", refused.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal((0, 0), (refused.Count("built"), refused.Count("rollouts")));
        Assert.Equal("laptime/status/v1", (await careful.JsonAsync(0, "status", "--env", "production")).Text("schema"));

        await using var clone = await CloneAsync(workspace);
        var deployed = (await clone.DeployAsync()).Valid();
        Assert.Equal(("reflected", "tampered"), (deployed.Outcome(), deployed.Component("web").Text("fallback")));
        Assert.Equal(["web"], deployed.Built());
        Assert.Contains("other content than its digest says", deployed.Component("web").Text("fallbackDetail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_artifact_of_our_own_that_was_damaged_is_built_again_not_deployed()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var _ = workspace;
        var first = await workspace.DeployAsync();
        (await workspace.LapAsync("down")).Exits(0);
        Directory.Delete(workspace.At(".laptime/run"), recursive: true);
        var layer = Directory.EnumerateFiles(workspace.At(".laptime/artifacts/blobs/sha256")).MaxBy(f => new FileInfo(f).Length)!;
        var bytes = File.ReadAllBytes(layer);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(layer, bytes);

        var again = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("web", "tampered"), (string.Join(" ", again.Built()), again.Component("web").Text("fallback")));
        Assert.Equal(first.Component("web").Text("artifact"), again.Component("web").Text("artifact"));
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task A_damaged_attestation_in_our_own_store_makes_an_artifact_one_of_our_own_again()
    {
        await using var workspace = await CommittedAsync();
        await PublishAsync(workspace);
        await using var clone = await CloneAsync(workspace);
        Assert.Equal("prebuilt", (await clone.DeployAsync()).Component("web").Text("artifactSource"));
        (await clone.LapAsync("down")).Exits(0);
        foreach (var tag in Directory.EnumerateFiles(clone.At(".laptime/artifacts/tags"), "att-*"))
        {
            File.AppendAllText(clone.At(".laptime/artifacts/blobs/sha256/" + File.ReadAllText(tag).Trim()["sha256:".Length..]), " ");
        }

        var again = (await clone.DeployAsync()).Valid();
        Assert.Equal(("reflected", 0, "cached"), (again.Outcome(), again.Count("built"), again.Component("web").Text("artifactSource")));
    }

    [Fact]
    public async Task Each_reason_not_to_trust_is_told_and_the_fast_loop_builds()
    {
        await using var workspace = await CommittedAsync();
        await PublishAsync(workspace);

        await using (var stranger = await CloneAsync(workspace))
        {
            Key(stranger, "ci");
            var document = (await stranger.DeployAsync()).Valid();
            Assert.Equal(("lib web", "untrusted"), (string.Join(" ", document.Built()), document.Component("lib").Text("fallback")));
        }

        await using (var elsewhere = await CloneAsync(workspace))
        {
            elsewhere.Edit("laptime.yaml", "merge-to-main", "tag");
            Assert.Equal("untrusted", (await elsewhere.DeployAsync()).Component("lib").Text("fallback"));
        }

        await using (var late = await CloneAsync(workspace))
        {
            late.Edit("laptime.yaml", "max-age: 30d", "until: 2020-01-01");
            Assert.Equal("expired", (await late.DeployAsync()).Component("lib").Text("fallback"));
        }

        await using (var dirty = await CloneAsync(workspace))
        {
            dirty.Write("src/lib/text.txt", "not committed");
            var document = await dirty.DeployAsync();
            Assert.Equal("dirty-tree", document.Component("lib").Text("fallback"));
            Assert.Contains("src/lib/text.txt", document.Component("lib").Text("fallbackDetail"), StringComparison.Ordinal);
        }

        await using (var ahead = await CloneAsync(workspace))
        {
            ahead.Write("src/lib/text.txt", "committed, not published");
            await CommitAsync(ahead);
            Assert.Equal("missing", (await ahead.DeployAsync()).Component("lib").Text("fallback"));
        }

        await using (var nobody = await CloneAsync(workspace))
        {
            Directory.Delete(Path.Combine(nobody.Root, "..", "store"));
            File.WriteAllText(Path.Combine(nobody.Root, "..", "store"), "a file where the folder was");
            Assert.Equal("lookup-failed", (await nobody.DeployAsync()).Component("lib").Text("fallback"));
        }
    }

    [Fact]
    public async Task The_safe_loop_refuses_what_nobody_published_and_deploys_what_was()
    {
        await using var workspace = await CommittedAsync();
        var refused = (await workspace.JsonAsync(21, "deploy", "--env", "production")).Valid();
        Assert.Contains("lib, web: missing", refused.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("lap publish", (string)refused["failure"]!["mend"]!, StringComparison.Ordinal);
        Assert.Equal((0, 0), (refused.Count("built"), refused.Count("deploys")));

        await PublishAsync(workspace, "--env", "production");
        var deployed = (await workspace.DeployAsync("--env", "production")).Valid();
        Assert.Equal(("reflected", "lookup+rollout", 0), (deployed.Outcome(), deployed.Component("web").Text("action"), deployed.Count("built")));
        Assert.Equal("unchanged", (await workspace.DeployAsync("--env", "production")).Outcome());

        Assert.Contains("--force", (await workspace.JsonAsync(21, "deploy", "--env", "production", "--force")).FailureMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_commits_are_published_and_only_with_a_key()
    {
        await using var workspace = await CommittedAsync();
        workspace.Write("src/web/text.txt", "edited");
        var dirty = await workspace.JsonAsync(21, "publish", "--builder", Builder);
        Assert.Contains("src/web/text.txt", dirty.FailureMessage(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(workspace.At("../store")));

        await workspace.GitAsync("checkout", "-q", "--", ".");
        Directory.Delete(workspace.At(".laptime/keys"), recursive: true);
        Assert.Contains("lap keys create", (await workspace.LapAsync("publish")).Exits(2).Error, StringComparison.Ordinal);

        Directory.Delete(workspace.At(".git"), recursive: true);
        Assert.Contains("git", (await workspace.LapAsync("publish")).Exits(2).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("records")]
    [InlineData("link")]
    public async Task A_commit_that_brings_records_of_lap_along_is_not_published(string what)
    {
        await using var workspace = await CommittedAsync();
        workspace.Environment["XDG_CACHE_HOME"] = workspace.Beside;
        if (what == "records")
        {
            // What a step left, and the record that it ran: nothing would be built from the sources, and it would be signed.
            workspace.Write(".laptime/steps/=none/web/copy", "{}");
            await workspace.GitAsync("add", "-f", ".laptime/steps");
        }
        else
        {
            await workspace.RunAsync("sh", "-c", "mv .laptime ../beside/own && ln -s ../beside/own .laptime && git add -f .laptime && rm .laptime && mv ../beside/own .laptime && git update-index --skip-worktree .laptime");
        }

        await workspace.GitAsync("commit", "-q", "-m", "records");
        var refused = (await workspace.LapAsync("publish", "--builder", Builder)).Exits(2).Error;
        Assert.Contains(".laptime", refused, StringComparison.Ordinal);
        Assert.Contains("git rm", refused, StringComparison.Ordinal);
        Assert.False(Directory.Exists(workspace.At("../store")));
        Assert.False(Directory.Exists(Directory.EnumerateDirectories(Path.Combine(workspace.Beside, "laptime", "checkouts")).Single() + "/tree"));
    }

    [Fact]
    public async Task A_failing_step_publishes_nothing_and_its_checkout_is_kept()
    {
        await using var workspace = await CommittedAsync();
        workspace.Environment["XDG_CACHE_HOME"] = workspace.Beside;
        workspace.Edit("laptime.yaml", "cp text.txt out/", "echo no such luck && false");
        await CommitAsync(workspace);
        var failed = await workspace.LapAsync("publish", "--builder", Builder);
        Assert.Contains("no such luck", failed.Exits(10).Out, StringComparison.Ordinal);
        Assert.Contains("the checkout is kept", failed.Error, StringComparison.Ordinal);
        Assert.True(Directory.Exists(Directory.EnumerateDirectories(Path.Combine(workspace.Beside, "laptime", "checkouts")).Single() + "/tree/src/lib"));
        Assert.False(Directory.Exists(workspace.At("../store")));

        workspace.Edit("laptime.yaml", "echo no such luck && false", "cp text.txt out/");
        await CommitAsync(workspace);
        Assert.Equal("published", (await PublishAsync(workspace)).Outcome());
        Assert.False(Directory.Exists(Directory.EnumerateDirectories(Path.Combine(workspace.Beside, "laptime", "checkouts")).Single() + "/tree"));
    }

    [Fact]
    public async Task Nothing_that_git_ignores_gets_into_what_is_published()
    {
        await using var workspace = await CommittedAsync();
        workspace.Write(".gitignore", "out/\n");
        await CommitAsync(workspace);
        workspace.Write("src/web/out/planted.txt", "left over from another build");
        await PublishAsync(workspace);
        await using var clone = await CloneAsync(workspace);
        await clone.DeployAsync();
        Assert.Empty(Directory.EnumerateFiles(clone.At(".laptime"), "planted.txt", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_registry_gives_what_was_published_and_when_it_is_gone_the_fast_loop_builds_and_the_safe_one_refuses()
    {
        await using var registry = await RegistryServer.StartAsync();
        await using var workspace = await CommittedAsync($"oci://{registry.Authority}/little");
        var published = (await PublishAsync(workspace)).Valid();
        Assert.Equal("published", published.Outcome());
        Assert.Contains(published["segments"]!.AsArray(), s => (string?)s!["name"] == "wait" && (string?)s["kind"] == "registry");

        await using (var clone = await CloneAsync(workspace))
        {
            var deployed = (await clone.DeployAsync()).Valid();
            Assert.Equal((0, "prebuilt"), (deployed.Count("built"), deployed.Component("web").Text("artifactSource")));
            Assert.Equal(published.Component("web").Text("artifact"), deployed.Component("web").Text("artifact"));
        }

        var tampered = await CloneAsync(workspace);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(registry.Folder, "data"), "data", SearchOption.AllDirectories).Where(f => new FileInfo(f).Length > 2000))
        {
            var bytes = File.ReadAllBytes(file);
            if (bytes[0] != (byte)'{')
            {
                bytes[bytes.Length / 2] ^= 1;
                File.WriteAllBytes(file, bytes);
            }
        }

        await using (tampered)
        {
            Assert.Equal("tampered", (await tampered.DeployAsync()).Valid().Component("web").Text("fallback"));
        }

        await registry.KillAsync();
        await using var alone = await CloneAsync(workspace);
        var refused = await alone.JsonAsync(21, "deploy", "--env", "production");
        Assert.Contains("lookup-failed", refused.FailureMessage(), StringComparison.Ordinal);
        var built = (await alone.DeployAsync()).Valid();
        Assert.Equal(("lib web", "lookup-failed"), (string.Join(" ", built.Built()), built.Component("web").Text("fallback")));
        var plan = await alone.JsonAsync(0, "plan");
        Assert.Equal("planned", plan.Outcome());

        Assert.Contains("no registry answers", (await workspace.JsonAsync(10, "publish", "--force", "--builder", Builder)).FailureMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_of_the_workspaces_own_is_started_for_the_first_look_up_and_the_report_says_so()
    {
        Requirement.Program("registry", "docker-registry");
        await using var workspace = await CommittedAsync($"oci://127.0.0.1:{Ports.Free()}/little", ", local-registry: true");
        var published = (await PublishAsync(workspace)).Valid();
        Assert.Contains(Document.Texts(published["warnings"]), w => w.Contains("was started", StringComparison.Ordinal));
        (await workspace.LapAsync("artifacts", "registry", "stop")).Exits(0);
        Assert.Equal("unchanged", (await PublishAsync(workspace)).Outcome());
        (await workspace.LapAsync("artifacts", "registry", "stop")).Exits(0);
    }

    [Fact]
    public async Task Going_to_another_profile_and_back_builds_nothing_the_third_time()
    {
        await using var workspace = await CommittedAsync();
        Assert.Equal(2, (await workspace.DeployAsync("--profile", "fast")).Count("built"));
        Assert.Equal(2, (await workspace.DeployAsync("--profile", "release")).Count("built"));
        Assert.Equal(0, (await workspace.DeployAsync("--profile", "fast")).Count("built"));
    }
}
