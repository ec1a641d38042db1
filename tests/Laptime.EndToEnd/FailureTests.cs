using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>Every way a deploy fails: its own outcome and exit code, what was last seen, the old revision still serving, and both reports.</summary>
public sealed class FailureTests
{
    private const string Bounds = """
        live: { tcp: "${port}", timeout: 60s, poll: 10ms }
        ready: { http: /health, timeout: 60s, poll: 10ms }
        reflect: { http: /version, contains: "${revision}", timeout: 60s, poll: 10ms }
        """;

    /// <summary>A workspace whose first revision serves, and then has this server, with the bound of one probe shortened.</summary>
    private static async Task<(LapWorkspace Workspace, int Port)> ServingAsync(string probe, string bound, string answer = "pass", string start = "pass", string probes = Bounds)
    {
        var (workspace, port) = await LapWorkspace.OneAsync(probes: probes);
        Assert.Equal("reflected", (await workspace.DeployAsync()).Outcome());
        var lines = workspace.Read("laptime.yaml").Split('\n');
        workspace.Write("laptime.yaml", string.Join('\n', lines.Select(l => l.Trim().StartsWith(probe + ":", StringComparison.Ordinal) ? l.Replace("60s", bound, StringComparison.Ordinal) : l)));
        workspace.Write("src/web/server.py", LittleServer.Script(answer, start));
        return (workspace, port);
    }

    /// <summary>The failed deploy, with what is the same for all of them.</summary>
    private static async Task<JsonObject> FailsAsync(LapWorkspace workspace, int port, int exitCode, string outcome)
    {
        var serving = (await workspace.JsonAsync(0, "status")).Component("web")["observed"]!["revision"]!.ToString();
        var run = (await workspace.LapAsync("deploy", "-o", "json")).Exits(exitCode);
        var document = run.Json.Valid();
        Assert.Equal((outcome, exitCode), (document.Outcome(), (int)document["exitCode"]!));
        Assert.Equal(outcome, (string?)document["failure"]!["kind"]);
        Assert.Equal("failed", (string?)document["interval"]!["to"]);
        Assert.DoesNotContain("   at Laptime", run.ToString(), StringComparison.Ordinal);

        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
        Assert.Equal((200, serving), await workspace.GetAsync(port, "/version"));
        var status = (await workspace.JsonAsync(0, "status")).Component("web");
        Assert.Equal(serving, (string?)status["observed"]!["revision"]);
        if (exitCode != 10)
        {
            Assert.Equal(serving, (string?)document.Component("web")["stillServing"]);
        }

        var id = document.Text("id");
        JsonNode.Parse(workspace.Read($".laptime/reports/{id}.json"))!.AsObject().Valid();
        Assert.Contains(outcome, workspace.Read($".laptime/reports/{id}.md"), StringComparison.Ordinal);

        // The terminal says the same, with a cure, and the next good revision is deployed as if nothing had been.
        var told = (await workspace.LapAsync("deploy")).Exits(exitCode);
        Assert.Contains(outcome, told.Out, StringComparison.Ordinal);
        Assert.True(exitCode == 10 || told.Out.Contains(serving, StringComparison.Ordinal), told.ToString());
        workspace.Write("src/web/server.py", LittleServer.Script());
        workspace.Write("src/web/text.txt", "mended");
        return document;
    }

    private static async Task MendedAsync(LapWorkspace workspace, int port)
    {
        (await workspace.DeployAsync()).Valid();
        Assert.Equal((200, "mended"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task Answers_of_another_revision_are_not_reflected()
    {
        var (workspace, port) = await ServingAsync("reflect", "400ms", "if path == '/version': return 200, 'web@000000000000'");
        await using var end = workspace;
        var document = await FailsAsync(workspace, port, 15, "not-reflected");
        Assert.Contains("web@000000000000", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("bound 400 ms", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(("pass", "pass"), (document.Signal("web", "live"), document.Signal("web", "ready")));
        Assert.Contains(document.Signal("web", "reflected"), (string[])["fail", "timeout"]);
    }

    [Fact]
    public async Task Not_ready_within_the_bound_is_a_readiness_timeout_with_what_was_last_seen()
    {
        var (workspace, port) = await ServingAsync("ready", "300ms", "if path == '/health': return 503, 'warming up'");
        await using var end = workspace;
        var document = await FailsAsync(workspace, port, 12, "readiness-timeout");
        Assert.Matches("503.*, \\d+ attempts?, bound 300 ms", document.FailureMessage());
        Assert.Equal(("pass", "timeout", "not-run"), (document.Signal("web", "live"), document.Signal("web", "ready"), document.Signal("web", "reflected")));
        await MendedAsync(workspace, port);
    }

    [Fact]
    public async Task A_redirect_is_no_readiness_and_is_named()
    {
        var (workspace, port) = await ServingAsync("ready", "300ms", "if path == '/health': return 301, 'elsewhere'");
        await using var end = workspace;
        Assert.Contains("301", (await FailsAsync(workspace, port, 12, "readiness-timeout")).FailureMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blocked_probe_honours_its_bound()
    {
        var (workspace, port) = await ServingAsync("ready", "500ms", "if path == '/health': time.sleep(600)");
        await using var end = workspace;
        Assert.Contains("bound 500 ms", (await FailsAsync(workspace, port, 12, "readiness-timeout")).FailureMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_instance_that_died_ends_the_deploy_early_with_its_last_lines()
    {
        var (workspace, port) = await ServingAsync("none", "", start: "print('the database is not there', flush=True); sys.exit(3)");
        await using var end = workspace;
        var document = await FailsAsync(workspace, port, 13, "not-live");
        Assert.Contains("exit code 3", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("the database is not there", Document.Texts(document["failure"]!["tail"]));
        await MendedAsync(workspace, port);
    }

    [Fact]
    public async Task A_failed_smoke_check_is_smoke_failed_and_no_smoke_leaves_it_out_as_a_gap()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(probes: Bounds + "\nsmoke: [ { http: /, status: 200, contains: first, timeout: 400ms, poll: 10ms } ]");
        await using var end = workspace;
        var first = await workspace.DeployAsync();
        Assert.Equal("pass", first.Signal("web", "smoke"));
        workspace.Write("src/web/text.txt", "second");
        var document = await FailsAsync(workspace, port, 14, "smoke-failed");
        Assert.Equal(("pass", "fail", "not-run"), (document.Signal("web", "ready"), document.Signal("web", "smoke") is "timeout" ? "fail" : document.Signal("web", "smoke"), document.Signal("web", "reflected")));
        var without = (await workspace.DeployAsync("--no-smoke")).Valid();
        Assert.Contains(Document.Texts(without["parityGaps"]), g => g.Contains("smoke", StringComparison.Ordinal));
        Assert.Equal("not-run", without.Signal("web", "smoke"));
        await MendedAsync(workspace, port);
    }

    [Fact]
    public async Task Alive_without_a_listener_is_never_listened()
    {
        var (workspace, port) = await ServingAsync("live", "400ms", start: "time.sleep(600)");
        await using var end = workspace;
        Assert.Contains("bound 400 ms", (await FailsAsync(workspace, port, 25, "never-listened")).FailureMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ready_and_not_ready_in_turn_is_flapping()
    {
        var (workspace, port) = await ServingAsync(
            "ready", "1s", "if path == '/health' and requests % 2: return 503, 'not now'",
            probes: Bounds.Replace("ready: { http: /health, timeout: 60s, poll: 10ms }", "ready: { http: /health, timeout: 60s, poll: 10ms, successes: 3 }", StringComparison.Ordinal));
        await using var end = workspace;
        await FailsAsync(workspace, port, 26, "flapping");
    }

    [Fact]
    public async Task A_failed_build_shows_its_last_lines_and_rolls_nothing_out()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(step: "sh check.sh");
        await using var end = workspace;
        workspace.Write("src/web/check.sh", "true\n");
        await workspace.DeployAsync();
        workspace.Write("src/web/check.sh", "echo first line; echo 'error: no such thing' >&2; exit 7\n");
        var document = await FailsAsync(workspace, port, 10, "build-failed");
        Assert.Contains("error: no such thing", Document.Texts(document["failure"]!["tail"]));
        Assert.Contains("copy", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("7", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(0, document.Count("rollouts"));
        workspace.Write("src/web/check.sh", "true\n");
        await MendedAsync(workspace, port);
    }

    [Fact]
    public async Task A_first_deploy_that_fails_leaves_nothing_serving_and_says_so()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(probes: Bounds.Replace("/health, timeout: 60s", "/health, timeout: 300ms", StringComparison.Ordinal));
        await using var end = workspace;
        workspace.Write("src/web/server.py", LittleServer.Script("if path == '/health': return 500, 'no'"));
        var document = (await workspace.JsonAsync(12, "deploy")).Valid();
        Assert.Null(document.Component("web")["stillServing"]);
        await Assert.ThrowsAsync<HttpRequestException>(() => workspace.GetAsync(port));
        Assert.Null((await workspace.JsonAsync(0, "status")).Component("web")["observed"]);
    }

    [Fact]
    public async Task A_component_that_fails_keeps_what_needs_it_from_being_rolled_out()
    {
        var (api, web) = (Ports.Free(), Ports.Free());
        await using var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("api", api) + LittleServer.Yaml("web", web, "needs: [api]"));
        await workspace.DeployAsync();
        workspace.Write("src/api/server.py", LittleServer.Script(start: "sys.exit(9)"));
        workspace.Write("src/web/text.txt", "second");
        var document = (await workspace.JsonAsync(13, "deploy")).Valid();
        Assert.Equal((200, "first text of api"), await workspace.GetAsync(api));
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(web));
        Assert.Equal(1, document.Count("deploys"));
        workspace.Write("src/api/server.py", LittleServer.Script());
        var next = (await workspace.DeployAsync()).Valid();
        Assert.Equal((200, "second"), await workspace.GetAsync(web));
        Assert.Empty(next.Built());
    }
}
