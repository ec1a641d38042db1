using System.Diagnostics;

namespace Laptime.EndToEnd.Robustness;

/// <summary>Workspaces in odd places, and several of them.</summary>
public sealed class PlaceTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("it's a \"wörk späce\" with $HOME & a ; in it")]
    [InlineData("deep/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/cccccccccccccccccccccccccccccccccccccccccccc/ws")]
    public async Task A_workspace_may_lie_anywhere(string folder)
    {
        await using var scene = Scene.Web(folder: folder);
        Assert.Equal("reflected", (await scene.DeployAsync()).GetProperty("outcome").GetString());
        await Scene.UntilAsync(async () => (await NoOps.DeployAsync(scene)).Fast, "the fast path stands there too");
        scene.Write("web/page.txt", "two");
        Assert.Equal("reflected", (await scene.DeployAsync()).GetProperty("outcome").GetString());
        Assert.StartsWith("web@", await scene.GetAsync("/version"));
    }

    [Fact]
    public async Task A_deploy_from_a_subfolder_is_the_workspaces()
    {
        await using var scene = Scene.Web();
        Directory.CreateDirectory(scene.At("web/deeper"));
        var ran = await LapProcess.Start(scene, scene.At("web/deeper"), "deploy").EndAsync();
        Assert.True(ran.ExitCode == 0, ran.ToString());
        Assert.False(Directory.Exists(scene.At("web/.laptime")));
        Assert.False(Directory.Exists(scene.At("web/deeper/.laptime")));
        Assert.StartsWith("web@", await scene.GetAsync("/version"));

        var second = await LapProcess.Start(scene, scene.At("web"), "deploy").EndAsync();
        Assert.Contains("unchanged", second.Output);
    }

    [Fact]
    public async Task Two_workspaces_side_by_side_know_nothing_of_each_other()
    {
        await using var one = Scene.Web();
        await using var two = Scene.Web();
        await Task.WhenAll(one.DeployAsync(), two.DeployAsync());
        var serving = await one.ServingPidAsync();
        Assert.NotEqual(one.AgentPid, two.AgentPid);
        Assert.Equal(0, (await two.LapAsync("down")).ExitCode);
        Assert.Equal(0, (await two.LapAsync("agent", "stop", "--instances")).ExitCode);
        Assert.Equal(serving, await one.ServingPidAsync());
        Assert.Equal("unchanged", (await one.DeployAsync()).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_copied_workspace_does_not_take_over_what_the_original_runs()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        await Scene.UntilAsync(async () => (await NoOps.DeployAsync(scene)).Fast, "the fast path stands");
        var serving = await scene.ServingPidAsync();

        await using var copy = new Scene();
        using (var process = Process.Start("cp", ["-a", scene.Root + "/.", copy.Root]))
        {
            await process.WaitForExitAsync(Cancel);
            Assert.Equal(0, process.ExitCode);
        }

        copy.Replace("laptime.yaml", $"port: {scene.Front}", $"port: {copy.Front}");
        copy.Write("web/page.txt", "of the copy");
        var document = await copy.DeployAsync();
        Assert.Equal("reflected", document.GetProperty("outcome").GetString());
        Assert.NotEqual(serving, await copy.ServingPidAsync());
        Assert.Equal(serving, await scene.ServingPidAsync());
        Assert.NotEqual(scene.AgentPid, copy.AgentPid);
        Assert.Equal("unchanged", (await scene.DeployAsync()).GetProperty("outcome").GetString());
    }
}
