using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>web loads what api serves when it is started: when api is another, web is restarted, proven, counted, and healed after a kill.</summary>
public sealed class ReconcileTests
{
    private const string Loads = "reconcile: rolling";

    /// <summary>Reads the text of api, and waits for it as long as a file beside the workspace stands.</summary>
    private static string Start(LapWorkspace workspace, int api) => $$"""
        import urllib.request
        while os.path.exists("{{workspace.Beside}}/closed"): time.sleep(0.01)
        loaded = urllib.request.urlopen("http://127.0.0.1:{{api}}/").read().decode()
        """;

    private const string Answer = """
        if path == "/loaded": return 200, loaded
        if path == "/pid": return 200, str(os.getpid())
        """;

    private sealed record Two(LapWorkspace Workspace, int Api, int Web) : IAsyncDisposable
    {
        public async Task<string> LoadedAsync() => (await Workspace.GetAsync(Web, "/loaded")).Body;

        public async Task<string> PidAsync() => (await Workspace.GetAsync(Web, "/pid")).Body;

        public void Change(string text) => Workspace.Write("src/api/text.txt", text);

        public ValueTask DisposeAsync() => Workspace.DisposeAsync();
    }

    private static async Task<Two> TwoAsync(string reconcile = Loads, string rest = "")
    {
        var (api, web) = (Ports.Free(), Ports.Free());
        var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("api", api) + LittleServer.Yaml("web", web, $"needs: [api]\n{reconcile}"), rest);
        workspace.Write("src/web/server.py", LittleServer.Script(Answer, Start(workspace, api)));
        var two = new Two(workspace, api, web);
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Equal((2, 2, 0), (first.Count("deploys"), first.Count("rollouts"), first.Count("reconciled")));
        Assert.Equal("first text of api", await two.LoadedAsync());
        (await workspace.DeployAsync()).IsUnchanged();
        return two;
    }

    [Fact]
    public async Task Who_loaded_the_old_artifact_is_restarted_with_the_four_signals_and_counted()
    {
        await using var two = await TwoAsync();
        var (workspace, pid) = (two.Workspace, await two.PidAsync());
        two.Change("second");
        var plan = await workspace.JsonAsync(0, "plan");
        Assert.Equal("reconcile dependency-changed", plan.What("web"));
        Assert.Equal(["api is built first; if its artifact comes out the same, nothing is restarted"], plan.Detail("web"));
        Assert.Contains("reconcile web", (await workspace.LapAsync("plan")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("would be restarted, because of dependency-changed", (await workspace.LapAsync("why", "web")).Exits(0).Out, StringComparison.Ordinal);

        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("build+rollout inputs-changed", "reconcile dependency-changed"), (document.What("api"), document.What("web")));
        Assert.Equal((2, 1, 1), (document.Count("deploys"), document.Count("rollouts"), document.Count("reconciled")));
        Assert.Equal(("pass", "pass", "not-defined", "pass"), (document.Signal("web", "live"), document.Signal("web", "ready"), document.Signal("web", "smoke"), document.Signal("web", "reflected")));
        Assert.Matches("^it loaded api [0-9a-f]{12}; [0-9a-f]{12} is there now$", Assert.Single(document.Detail("web")));
        Assert.Equal("second", await two.LoadedAsync());
        Assert.NotEqual(pid, await two.PidAsync());

        var segments = document["segments"]!.AsArray().Select(s => s!.AsObject()).Where(s => (string?)s["component"] == "web").ToList();
        var whole = Assert.Single(segments, s => s.Text("name") == "reconcile");
        Assert.Contains(segments, s => s.Text("name") == "reconcile/start" && (int)s["parent"]! == (int)whole["id"]!);
        Assert.Contains(segments, s => (int?)s["parent"] == (int)whole["id"]! && (bool)s["criticalPath"]!);
        Assert.DoesNotContain(segments, s => s.Text("name").StartsWith("rollout", StringComparison.Ordinal));
        var report = (await workspace.LapAsync("report")).Exits(0).Out;
        Assert.Contains("api reflected, web restarted", report, StringComparison.Ordinal);
        Assert.Contains("reconcile", File.ReadAllText(workspace.At($".laptime/reports/{document.Text("id")}.md")), StringComparison.Ordinal);
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task Without_being_asked_for_it_nothing_is_restarted()
    {
        await using var two = await TwoAsync("reconcile: { api: none }");
        var pid = await two.PidAsync();
        two.Change("second");
        var document = (await two.Workspace.DeployAsync()).Valid();
        Assert.Equal("skip unchanged", document.What("web"));
        Assert.Equal((1, 0), (document.Count("deploys"), document.Count("reconciled")));
        Assert.Equal((pid, "first text of api"), (await two.PidAsync(), await two.LoadedAsync()));

        // Asked for later it is known what was loaded.
        two.Workspace.Edit("laptime.yaml", "api: none", "api: rolling");
        Assert.Equal("reconcile dependency-changed", (await two.Workspace.DeployAsync()).What("web"));
        Assert.Equal("second", await two.LoadedAsync());
        (await two.Workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task The_same_artifact_of_other_inputs_restarts_nothing()
    {
        await using var two = await TwoAsync();
        var pid = await two.PidAsync();
        two.Workspace.Write("src/api/notes.md", "no output is made of it");
        var document = (await two.Workspace.DeployAsync()).Valid();
        Assert.Equal(("build digest-already-deployed", "skip unchanged"), (document.What("api"), document.What("web")));
        Assert.Equal((0, 0), (document.Count("deploys"), document.Count("reconciled")));
        Assert.Equal(pid, await two.PidAsync());
        (await two.Workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task A_deploy_of_the_dependency_alone_warns_shows_as_drift_and_is_made_good_by_the_next()
    {
        await using var two = await TwoAsync();
        var workspace = two.Workspace;
        two.Change("second");
        var alone = await workspace.DeployAsync("api");
        Assert.Contains(Document.Texts(alone["warnings"]), w => w.StartsWith("web goes on with what it loaded of api", StringComparison.Ordinal));
        var status = await workspace.JsonAsync(0, "status");
        Assert.Matches("it loaded api [0-9a-f]{12}; [0-9a-f]{12} is there now", status.Component("web").Text("drift"));
        Assert.Null((string?)status.Component("api")["drift"]);

        var healed = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("skip unchanged", "reconcile dependency-changed"), (healed.What("api"), healed.What("web")));
        Assert.Equal((1, 0, 1), (healed.Count("deploys"), healed.Count("rollouts"), healed.Count("reconciled")));
        Assert.Equal("second", await two.LoadedAsync());
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Theory]
    [InlineData("\"name\":\"reflect\"", 2)]
    [InlineData("\"name\":\"reconcile\"", 1)]
    [InlineData("\"name\":\"reconcile/start\"", 1)]
    [InlineData("\"name\":\"reconcile/switch\"", 2)]
    public async Task Killed_in_the_middle_the_next_run_heals_and_the_one_after_does_nothing(string moment, int times)
    {
        await using var two = await TwoAsync();
        var workspace = two.Workspace;
        two.Change("second");
        var killed = workspace.Start("deploy", "--progress", "json");
        await workspace.UntilAsync(() => killed.HasExited || killed.ErrorSoFar.Split(moment).Length > times, moment);
        UnixSignal.Send(killed.Pid, UnixSignal.Kill);
        Assert.Equal(137, (await killed.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).ExitCode);

        var next = (await workspace.DeployAsync()).Valid();
        Assert.InRange(next.Count("deploys"), 0, 2);
        Assert.Equal("second", await two.LoadedAsync());
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Theory]
    [InlineData("file")]
    [InlineData("variable")]
    [InlineData("flag")]
    public async Task A_restart_that_runs_out_of_its_bound_names_it_and_leaves_the_old_one(string by)
    {
        await using var two = await TwoAsync(rest: by == "file" ? "environments: { local: { timeouts: { reconcile: 400ms } } }" : "environments: { local: { timeouts: { reconcile: 20s } } }");
        var (workspace, pid) = (two.Workspace, await two.PidAsync());
        if (by == "variable")
        {
            workspace.Environment["LAP_RECONCILE_TIMEOUT"] = "400ms";
        }

        File.WriteAllText(Path.Combine(workspace.Beside, "closed"), "");
        two.Change("second");
        var failed = (await workspace.JsonAsync(11, by == "flag" ? ["deploy", "--reconcile-timeout", "400ms"] : ["deploy"])).Valid();
        Assert.StartsWith("web: its restart was not done within 400 ms, during ", failed.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("--reconcile-timeout", (string)failed["failure"]!["mend"]!, StringComparison.Ordinal);
        Assert.Equal((pid, "first text of api"), (await two.PidAsync(), await two.LoadedAsync()));

        File.Delete(Path.Combine(workspace.Beside, "closed"));
        var healed = await workspace.DeployAsync("--reconcile-timeout", "20s");
        Assert.Equal(("skip unchanged", "reconcile dependency-changed"), (healed.What("api"), healed.What("web")));
        Assert.Equal("second", await two.LoadedAsync());
    }

    [Fact]
    public async Task A_rollback_restarts_who_loaded_what_is_rolled_back()
    {
        await using var two = await TwoAsync();
        two.Change("second");
        await two.Workspace.DeployAsync();
        var back = (await two.Workspace.JsonAsync(0, "rollback")).Valid();
        Assert.Equal(("rollout forced", "reconcile dependency-changed"), (back.What("api"), back.What("web")));
        Assert.Equal("first text of api", await two.LoadedAsync());
        Assert.Equal((2, 1, 1), (back.Count("deploys"), back.Count("rollouts"), back.Count("reconciled")));
    }

    [Fact]
    public async Task Restarts_go_along_a_chain_one_after_the_other()
    {
        var ports = Enumerable.Range(0, 4).Select(_ => Ports.Free()).ToArray();
        await using var workspace = await LapWorkspace.OfAsync(
            LittleServer.Yaml("a", ports[0]) + LittleServer.Yaml("b", ports[1], $"needs: [a]\n{Loads}") + LittleServer.Yaml("c", ports[2], $"needs: [b]\n{Loads}")
            + LittleServer.Yaml("d", ports[3], $"needs: [a]\n{Loads}"));
        await workspace.DeployAsync();
        workspace.Write("src/a/text.txt", "second");
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Equal((4, 1, 3), (document.Count("deploys"), document.Count("rollouts"), document.Count("reconciled")));
        var wholes = document["segments"]!.AsArray().Select(s => s!.AsObject()).Where(s => s.Text("name") is "rollout" or "reconcile").ToDictionary(
            s => s.Text("component"), s => (Start: (double)s["start"]!, End: (double)s["start"]! + (double)s["seconds"]!));
        Assert.True(wholes["a"].End <= wholes["b"].Start && wholes["b"].End <= wholes["c"].Start && wholes["c"].End <= wholes["d"].Start, document["segments"]!.ToJsonString());
        (await workspace.DeployAsync()).IsUnchanged();
    }
}
