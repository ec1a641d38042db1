namespace Laptime.EndToEnd.Robustness;

/// <summary>A file edited while its component builds.</summary>
public sealed class TaintTests
{
    [Fact]
    public async Task What_was_edited_during_its_build_is_deployed_with_a_warning_and_built_again()
    {
        await using var scene = Scene.Web(before: "mkdir -p out; cp page.txt out/; while [ -e ASIDE/closed ]; do sleep 0.02; done; exit 0;");
        await scene.DeployAsync();
        File.WriteAllText(scene.Aside("closed"), "");
        scene.Write("web/page.txt", "two");
        using var lap = scene.Start("deploy", "-o", "json", "--progress", "json");
        await Scene.UntilAsync(() => File.Exists(scene.At("web/out/page.txt")) && File.ReadAllText(scene.At("web/out/page.txt")) == "two", "the step has read its input");
        scene.Write("web/page.txt", "three, while two is built");
        File.Delete(scene.Aside("closed"));
        var ran = await lap.EndAsync();
        Assert.True(ran.ExitCode == 0, ran.ToString());
        var tainted = System.Text.Json.JsonDocument.Parse(ran.Output).RootElement;
        Assert.Equal("reflected", tainted.GetProperty("outcome").GetString());
        Assert.Contains(tainted.GetProperty("warnings").EnumerateArray(), w => w.GetString()!.Contains("web/page.txt", StringComparison.Ordinal) && w.GetString()!.Contains("changed while it was built", StringComparison.Ordinal));

        var again = await scene.DeployAsync();
        Assert.Equal(1, again.GetProperty("counters").GetProperty("built").GetInt32());
        Assert.Contains(again.GetProperty("components")[0].GetProperty("cause").GetString(), (string[])["artifact-tainted", "inputs-changed"]);
        Assert.Equal("unchanged", (await scene.DeployAsync()).GetProperty("outcome").GetString());

        // Back to what was fingerprinted then: never answered from a cache.
        scene.Write("web/page.txt", "two");
        Assert.Equal(1, (await scene.DeployAsync()).GetProperty("counters").GetProperty("built").GetInt32());
    }

    [Fact]
    public async Task What_was_edited_back_after_its_tainted_build_is_built_again()
    {
        await using var scene = Scene.Web(before: "mkdir -p out; cp page.txt out/; while [ -e ASIDE/closed ]; do sleep 0.02; done; exit 0;");
        await scene.DeployAsync();
        File.WriteAllText(scene.Aside("closed"), "");
        scene.Write("web/page.txt", "two");
        using var lap = scene.Start("deploy", "--progress", "json");
        await Scene.UntilAsync(() => File.Exists(scene.At("web/out/page.txt")) && File.ReadAllText(scene.At("web/out/page.txt")) == "two", "the step has read its input");
        scene.Write("web/page.txt", "three");
        File.Delete(scene.Aside("closed"));
        Assert.Equal(0, (await lap.EndAsync()).ExitCode);

        scene.Write("web/page.txt", "two");
        var again = await scene.DeployAsync();
        Assert.Equal(1, again.GetProperty("counters").GetProperty("built").GetInt32());

        // Here the step had read its input before the edit: what comes out the second time is what runs.
        Assert.Equal("digest-already-deployed", again.GetProperty("components")[0].GetProperty("cause").GetString());
    }
}
