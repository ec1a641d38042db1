using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>One transaction at a time per environment.</summary>
public sealed class LockTests
{
    /// <summary>A workspace whose deploy stands still in its rollout, holding the lock, until the file `go` is there.</summary>
    private static async Task<(LapWorkspace Workspace, LapProcess Holder, string Go)> HeldAsync()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(
            probes: "live: { tcp: \"${port}\", timeout: 60s }\nready: { http: /health, timeout: 60s, poll: 20ms }",
            rest: "environments:\n  local: { target: process, loop: fast }\n  other: { target: process, loop: fast }");
        var go = Path.Combine(workspace.Beside, "go");
        workspace.Write("src/web/server.py", LittleServer.Script($"if path == '/health' and not os.path.exists('{go}'): return 503, 'not yet'"));
        var holder = workspace.Start("deploy", "-o", "json");
        await workspace.UntilAsync(() => File.Exists(workspace.At(".laptime/env/local/lock")), "the lock is taken");
        return (workspace, holder, go);
    }

    [Fact]
    public async Task A_second_deploy_is_locked_out_at_its_bound_and_names_the_holder()
    {
        var (workspace, holder, go) = await HeldAsync();
        await using var end = workspace;
        var status = await workspace.JsonAsync(0, "lock", "status");
        Assert.Equal("laptime/locks/v1", (string?)status["schema"]);
        var item = Assert.Single(status["items"]!.AsArray())!;
        Assert.Equal(("local", holder.Pid), ((string?)item["id"], (int)item["pid"]!));
        Assert.Contains($"pid {holder.Pid}", (await workspace.LapAsync("lock", "status")).Exits(0).Out, StringComparison.Ordinal);

        var locked = (await workspace.JsonAsync(20, "deploy", "--lock-timeout", "200ms")).Valid();
        Assert.Equal("locked", locked.Outcome());
        Assert.Contains($"pid {holder.Pid}", locked.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains("200 ms", locked.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(0, locked.Count("deploys"));

        await File.WriteAllTextAsync(go, "", workspace.Cancel);
        Assert.Equal("reflected", (await holder.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0).Json.Valid().Outcome());
        Assert.Empty((await workspace.JsonAsync(0, "lock", "status"))["items"]!.AsArray());
        Assert.Contains("no environment is held", (await workspace.LapAsync("lock", "status")).Exits(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deploy_that_waited_reads_the_target_again_and_does_not_deploy_twice()
    {
        var (workspace, holder, go) = await HeldAsync();
        await using var end = workspace;
        var waiter = workspace.Start("deploy", "-o", "json");
        await workspace.UntilAsync(() => waiter.ErrorSoFar.Contains("waiting for", StringComparison.Ordinal) || waiter.HasExited, "it says that it waits");
        await File.WriteAllTextAsync(go, "", workspace.Cancel);
        Assert.Equal(1, (await holder.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0).Json.Valid().Count("deploys"));
        var second = (await waiter.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0).Json.Valid();
        Assert.Equal(0, second.Count("deploys"));
    }

    [Fact]
    public async Task A_dead_holder_is_taken_over_and_that_is_told()
    {
        var (workspace, holder, go) = await HeldAsync();
        await using var end = workspace;
        holder.Signal(UnixSignal.Kill);
        await holder.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);
        await File.WriteAllTextAsync(go, "", workspace.Cancel);
        var document = (await workspace.DeployAsync()).Valid();
        Assert.Contains(Document.Texts(document["warnings"]), w => w.Contains("was taken over", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_released_lock_keeps_its_old_holder_from_writing_and_environments_do_not_lock_each_other()
    {
        var (workspace, holder, go) = await HeldAsync();
        await using var end = workspace;
        Assert.Contains("nobody holds it", (await workspace.LapAsync("lock", "release", "--env", "other")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("released", (await workspace.LapAsync("lock", "release")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Empty((await workspace.JsonAsync(0, "lock", "status"))["items"]!.AsArray());
        await File.WriteAllTextAsync(go, "", workspace.Cancel);
        await holder.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);
        Assert.False(File.Exists(workspace.At(".laptime/env/local/state.json")));
    }
}
