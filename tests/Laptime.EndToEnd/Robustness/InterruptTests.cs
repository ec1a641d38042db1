using System.Text.Json;

namespace Laptime.EndToEnd.Robustness;

/// <summary>Ctrl-C and SIGTERM, wherever they come.</summary>
public sealed class InterruptTests
{
    /// <summary>Each place is held open by a gate, a file that is never written.</summary>
    private const string Gated = "while [ -e ASIDE/closed ]; do sleep 0.02; done;";

    private const string ReadyWhenOpen = "{ run: \"test ! -e ASIDE/closed\", poll: 10ms, timeout: 60s }";

    [Theory]
    [InlineData("build/copy", 130)]
    [InlineData("build/copy", 143)]
    [InlineData("ready", 130)]
    [InlineData("ready", 143)]
    public async Task An_interrupted_deploy_says_so_leaves_nothing_behind_and_the_old_instance_serving(string segment, int exitCode)
    {
        await using var scene = segment == "ready" ? Scene.Web(ready: ReadyWhenOpen) : Scene.Web(before: Gated);
        await scene.DeployAsync();
        var serving = await scene.ServingPidAsync();
        File.WriteAllText(scene.Aside("closed"), "");
        scene.Write("web/page.txt", "two");

        var before = scene.Processes().Select(p => p.Pid).ToHashSet();
        using var lap = scene.Start("deploy", "-o", "json", "--progress", "json");
        Assert.True(await lap.SaysAsync($"\"name\":\"{segment}\""));
        await Scene.UntilAsync(() => scene.Processes().Count(p => !before.Contains(p.Pid)) > 1, "what is to be interrupted runs");
        if (exitCode == 130)
        {
            lap.InterruptNow();
        }
        else
        {
            lap.TerminateNow();
        }

        var ran = await lap.EndAsync();
        Assert.True(ran.ExitCode == exitCode, ran.ToString());
        var document = JsonDocument.Parse(ran.Output).RootElement;
        Assert.Equal("interrupted", document.GetProperty("outcome").GetString());
        Assert.Equal(exitCode, document.GetProperty("exitCode").GetInt32());
        AssertReported(scene, document.GetProperty("id").GetString()!, exitCode);
        Assert.Equal(before, scene.Processes().Select(p => p.Pid).ToHashSet());
        Assert.Equal(serving, await scene.ServingPidAsync());
        Assert.False(File.Exists(scene.At(".laptime/env/local/lock")));

        File.Delete(scene.Aside("closed"));
        var next = await scene.DeployAsync();
        Assert.Equal("reflected", next.GetProperty("outcome").GetString());
        Assert.NotEqual(serving, await scene.ServingPidAsync());
    }

    [Theory]
    [InlineData(130)]
    [InlineData(143)]
    public async Task An_interrupt_while_waiting_for_the_lock_ends_the_wait_and_leaves_the_holder_alone(int exitCode)
    {
        await using var scene = Scene.Web(ready: ReadyWhenOpen);
        await scene.DeployAsync();
        File.WriteAllText(scene.Aside("closed"), "");
        scene.Write("web/page.txt", "two");
        using var holder = scene.Start("deploy", "-o", "json", "--progress", "json");
        Assert.True(await holder.SaysAsync("\"name\":\"ready\""));

        using var waiting = scene.Start("deploy", "-o", "json", "--progress", "json");
        Assert.True(await waiting.SaysAsync("waiting for tx-"));
        if (exitCode == 130)
        {
            waiting.InterruptNow();
        }
        else
        {
            waiting.TerminateNow();
        }

        var ran = await waiting.EndAsync();
        Assert.True(ran.ExitCode == exitCode, ran.ToString());
        var document = JsonDocument.Parse(ran.Output).RootElement;
        Assert.Equal("interrupted", document.GetProperty("outcome").GetString());
        AssertReported(scene, document.GetProperty("id").GetString()!, exitCode);

        File.Delete(scene.Aside("closed"));
        var held = await holder.EndAsync();
        Assert.True(held.ExitCode == 0, held.ToString());
    }

    [Fact]
    public async Task A_second_interrupt_kills_at_once_what_does_not_listen_to_the_first()
    {
        await using var scene = Scene.Web(before: "trap '' INT TERM; echo stubborn; while [ -e ASIDE/closed ]; do sleep 0.02; done;");
        File.WriteAllText(scene.Aside("closed"), "");
        using var lap = scene.Start("deploy", "-v", "--progress", "plain");
        await Scene.UntilAsync(() => scene.Processes().Any(p => p.CommandLine.Contains("stubborn", StringComparison.Ordinal)), "the step runs");

        var began = TimeProvider.System.GetTimestamp();
        var ending = lap.EndAsync();

        // The kernel merges signals that come at once: a person's second Ctrl-C comes later.
        while (!ending.IsCompleted)
        {
            lap.InterruptNow();
            await Task.WhenAny(ending, Task.Delay(50, CancellationToken.None));
        }

        var ran = await ending;
        Assert.True(ran.ExitCode == 130, ran.ToString());
        TestContext.Current.TestOutputHelper?.WriteLine($"from the interrupts to the end: {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:0} ms");
        await Scene.UntilAsync(() => !scene.Processes().Any(p => p.CommandLine.Contains("stubborn", StringComparison.Ordinal)), "the step is gone");

        File.Delete(scene.Aside("closed"));
        Assert.Equal("reflected", (await scene.DeployAsync()).GetProperty("outcome").GetString());
    }

    private static void AssertReported(Scene scene, string id, int exitCode)
    {
        Assert.Contains("interrupted", File.ReadAllText(scene.At($".laptime/reports/{id}.md")));
        var report = JsonDocument.Parse(File.ReadAllText(scene.At($".laptime/reports/{id}.json"))).RootElement;
        Assert.Equal("interrupted", report.GetProperty("outcome").GetString());
        Assert.Equal(exitCode, report.GetProperty("exitCode").GetInt32());
    }
}
