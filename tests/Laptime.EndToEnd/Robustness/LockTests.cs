using System.Text.Json;
using System.Text.Json.Nodes;

namespace Laptime.EndToEnd.Robustness;

/// <summary>One transaction at a time per environment.</summary>
public sealed class LockTests
{
    private const string ReadyWhenOpen = "{ run: \"test ! -e ASIDE/closed\", poll: 10ms, timeout: 60s }";

    [Fact]
    public async Task A_second_deploy_waits_for_the_first_and_then_finds_its_work_done()
    {
        await using var scene = Scene.Web(ready: ReadyWhenOpen);
        await scene.DeployAsync();
        using var first = await HoldAsync(scene);
        using var second = scene.Start("deploy", "-o", "json", "--progress", "json");
        Assert.True(await second.SaysAsync("waiting for tx-"));
        File.Delete(scene.Aside("closed"));

        var one = await first.EndAsync();
        var two = await second.EndAsync();
        Assert.True(one.ExitCode == 0, one.ToString());
        Assert.True(two.ExitCode == 0, two.ToString());
        var document = JsonDocument.Parse(two.Output).RootElement;
        Assert.Equal("unchanged", document.GetProperty("outcome").GetString());
        Assert.Equal(0, document.GetProperty("counters").GetProperty("deploys").GetInt32());
    }

    [Fact]
    public async Task A_deploy_that_gives_up_waiting_says_who_holds_it_and_changes_nothing()
    {
        await using var scene = Scene.Web(ready: ReadyWhenOpen);
        await scene.DeployAsync();
        var serving = await scene.ServingPidAsync();
        using var first = await HoldAsync(scene);
        var state = File.ReadAllText(scene.At(".laptime/env/local/state.json"));
        var held = JsonNode.Parse(File.ReadAllText(scene.At(".laptime/env/local/lock")))!;

        var refused = await scene.LapAsync("deploy", "--lock-timeout", "1s", "-o", "json");
        Assert.True(refused.ExitCode == 20, refused.ToString());
        var failure = JsonDocument.Parse(refused.Output).RootElement.GetProperty("failure");
        var said = failure.GetRawText();
        Assert.Equal("locked", failure.GetProperty("kind").GetString());
        Assert.Contains($"{held["transaction"]}", said);
        Assert.Contains($"pid {first.Pid}", said);
        Assert.Contains(Environment.MachineName, said);
        Assert.Contains(" since ", said);
        Assert.Contains("last heartbeat", said);
        Assert.Contains("--lock-timeout", failure.GetProperty("mend").GetString());
        Assert.Equal(state, File.ReadAllText(scene.At(".laptime/env/local/state.json")));
        Assert.Equal(serving, await scene.ServingPidAsync());

        File.Delete(scene.Aside("closed"));
        Assert.Equal(0, (await first.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task The_lock_of_a_dead_owner_is_taken_over_and_that_is_said()
    {
        await using var scene = Scene.Web(ready: ReadyWhenOpen);
        await scene.DeployAsync();
        using var first = await HoldAsync(scene);
        first.Kill();
        await first.EndAsync();
        File.Delete(scene.Aside("closed"));

        var next = await scene.DeployAsync();
        Assert.Equal("reflected", next.GetProperty("outcome").GetString());
        Assert.Contains(next.GetProperty("warnings").EnumerateArray(), w => w.GetString()!.Contains("taken over", StringComparison.Ordinal) && w.GetString()!.Contains($"pid {first.Pid}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_lock_of_another_host_is_never_taken_over_but_can_be_released()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        scene.Write("web/page.txt", "two");
        scene.Write(".laptime/env/local/lock", """
            {"owner":{"user":"ada","host":"elsewhere","pid":1,"startTicks":1,"bootId":"another"},"transaction":"tx-20200101-000000-abcdef","since":"2020-01-01T00:00:00Z","fence":1,"commit":null}
            """);
        var refused = await scene.LapAsync("deploy", "--lock-timeout", "200ms", "-o", "json");
        Assert.True(refused.ExitCode == 20, refused.ToString());
        var failure = JsonDocument.Parse(refused.Output).RootElement.GetProperty("failure");
        Assert.Contains("ada@elsewhere", failure.GetRawText());
        Assert.Contains("lap lock release", failure.GetProperty("mend").GetString());

        var status = await scene.JsonAsync("lock", "status");
        Assert.Equal("elsewhere", status.GetProperty("items")[0].GetProperty("host").GetString());
        var released = await scene.LapAsync("lock", "release");
        Assert.Contains("tx-20200101-000000-abcdef", released.Output);
        Assert.Equal("reflected", (await scene.DeployAsync()).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_holder_whose_lock_was_released_verifies_nothing_any_more()
    {
        await using var scene = Scene.Web(ready: ReadyWhenOpen);
        await scene.DeployAsync();
        using var first = await HoldAsync(scene);
        var state = File.ReadAllText(scene.At(".laptime/env/local/state.json"));
        Assert.Equal(0, (await scene.LapAsync("lock", "release")).ExitCode);
        File.Delete(scene.Aside("closed"));
        var ran = await first.EndAsync();
        Assert.Equal(state, File.ReadAllText(scene.At(".laptime/env/local/state.json")));
        Assert.Contains("not recorded as verified", ran.Output);
        Assert.Equal(0, (await scene.LapAsync("deploy")).ExitCode);
    }

    /// <summary>A deploy that holds the lock until the gate is opened.</summary>
    private static async Task<LapProcess> HoldAsync(Scene scene)
    {
        File.WriteAllText(scene.Aside("closed"), "");
        scene.Write("web/page.txt", "two");
        var lap = scene.Start("deploy", "-o", "json", "--progress", "json");
        Assert.True(await lap.SaysAsync("\"name\":\"ready\""));
        return lap;
    }
}
