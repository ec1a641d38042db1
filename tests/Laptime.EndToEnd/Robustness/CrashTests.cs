using System.Text.Json;

namespace Laptime.EndToEnd.Robustness;

/// <summary>Instances that end by themselves, or are ended by hand, after the deploy.</summary>
public sealed class CrashTests
{
    /// <summary>Two components; web says something and dies at once as long as the poison is there.</summary>
    private const string Two = """
        version: 1
        name: scene
        components:
          web:
            path: web
            run: { command: "test ! -e POISON || { echo 'cannot stand the poison' >&2; exit 3; }; exec FAKETOOL serve", port: PORT1, drain: 1s, stop-grace: 3s }
            probes: { ready: { http: /health, poll: 5ms }, reflect: { http: /version, contains: "${revision}" } }
          shop:
            path: shop
            run: { command: [FAKETOOL, serve], port: PORT2, drain: 1s, stop-grace: 3s }
            probes: { ready: { http: /health, poll: 5ms }, reflect: { http: /version, contains: "${revision}" } }
        """;

    [Fact]
    public async Task An_instance_that_dies_or_is_killed_is_started_again()
    {
        await using var scene = Make();
        await scene.DeployAsync();
        var pid = await scene.ServingPidAsync();
        await Record.ExceptionAsync(() => scene.GetAsync("/die"));
        await Scene.UntilAsync(() => ServesAnotherAsync(scene, pid), "it is back after its own death");
        var again = await scene.ServingPidAsync();

        Living.Of(again)!.Kill();
        await Scene.UntilAsync(() => ServesAnotherAsync(scene, again), "it is back after a kill");
        Assert.Equal("unchanged", (await scene.DeployAsync()).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_crash_loop_is_shown_with_its_last_lines_and_the_next_deploy_repairs_that_component_only()
    {
        await using var scene = Make();
        await scene.DeployAsync();
        File.WriteAllText(scene.Aside("poison"), "");
        await Record.ExceptionAsync(() => scene.GetAsync("/die"));
        var status = default(JsonElement);
        await Scene.UntilAsync(async () => (status = Component(await scene.JsonAsync("status"), "web")).GetRawText().Contains("crash loop", StringComparison.Ordinal), "status shows the crash loop");
        Assert.Contains("cannot stand the poison", status.GetRawText());
        Assert.Equal("fail", status.GetProperty("signals").GetProperty("live").GetProperty("status").GetString());
        Assert.Contains("cannot stand the poison", (await scene.LapAsync("status")).Output);

        // It is still poisoned: refused, and early.
        var refused = await scene.DeployAsync(13);
        Assert.Contains("cannot stand the poison", refused.GetProperty("failure").GetRawText());

        File.Delete(scene.Aside("poison"));
        var repaired = await scene.DeployAsync();
        Assert.Equal("reflected", repaired.GetProperty("outcome").GetString());
        Assert.Equal("target-drifted", Component(repaired, "web").GetProperty("cause").GetString());
        Assert.Equal("rollout", Component(repaired, "web").GetProperty("action").GetString());
        Assert.Equal("skip", Component(repaired, "shop").GetProperty("action").GetString());
    }

    [Fact]
    public async Task Components_that_are_rolled_out_side_by_side_start_one_agent()
    {
        await using var scene = Make();
        await scene.DeployAsync();
        Assert.Equal(scene.AgentPid, Assert.Single(scene.Processes(), p => p.CommandLine.Contains("lap-agent", StringComparison.Ordinal)).Pid);
        Assert.Equal("", File.ReadAllText(scene.At(".laptime/run/agent.log")));
    }

    private static async Task<bool> ServesAnotherAsync(Scene scene, int than)
    {
        try
        {
            return await scene.ServingPidAsync() != than;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static JsonElement Component(JsonElement document, string name) => document.GetProperty("components").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);

    private static Scene Make()
    {
        var scene = new Scene();
        scene.Write("web/page.txt", "one");
        scene.Write("shop/page.txt", "one");
        scene.Write("laptime.yaml", Two.Replace("POISON", scene.Aside("poison")).Replace("FAKETOOL", LapProcess.FakeTool).Replace("PORT1", $"{scene.Front}").Replace("PORT2", $"{Scene.FreePort()}"));
        return scene;
    }
}
