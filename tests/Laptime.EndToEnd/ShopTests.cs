using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>The README's first command, and examples/shop as a newcomer has it: what issue after issue must go on showing.</summary>
public sealed class ShopTests
{
    [Fact]
    public async Task Lap_demo_ends_well_shows_the_refusal_and_leaves_nothing_running()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        var demo = (await workspace.LapAsync("demo", "--folder", workspace.At("shop"))).Exits(0);
        Assert.Contains("unchanged: shop · local · 4 components skipped", demo.Out, StringComparison.Ordinal);
        Assert.Contains("readiness-timeout: gateway: not ready: 503", demo.Out, StringComparison.Ordinal);
        Assert.Contains("(the same: nobody noticed)", demo.Out, StringComparison.Ordinal);
        Assert.Contains("The reports: " + workspace.At("shop/.laptime/reports"), demo.Out, StringComparison.Ordinal);
        Assert.Empty(workspace.Leftovers());
        Assert.Equal(5, Directory.GetFiles(workspace.At("shop/.laptime/reports"), "*.md").Length - 1);
    }

    [Fact]
    public async Task The_shop_is_deployed_skipped_edited_touched_and_cut_off_as_its_page_says()
    {
        var (workspace, _) = await DemoShop.CopyAsync();
        await using var end = workspace;
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("reflected", 4, 3), (first.Outcome(), first.Count("built"), first.Count("deploys")));
        Assert.All((string[])["catalog", "gateway", "storefront"], name =>
            Assert.All((string[])["live", "ready", "smoke", "reflected"], signal => Assert.Equal("pass", first.Signal(name, signal))));

        var second = (await workspace.DeployAsync()).IsUnchanged();
        Assert.All((string[])["catalog", "gateway", "storefront"], name => Assert.NotNull(second.Component(name)["reading"]));

        workspace.Edit("src/gateway/CartText.cs", "The cart as users see it", "The cart as people see it");
        workspace.Write("src/gateway/CartText.cs", workspace.Read("src/gateway/CartText.cs") + "\ninternal static class Edited;\n");
        var edited = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["gateway"], edited.Built());
        Assert.Equal(["src/gateway/CartText.cs"], edited.Detail("gateway"));

        foreach (var file in Directory.EnumerateFiles(workspace.Root, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/.laptime/", StringComparison.Ordinal)))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow);
        }

        Assert.Empty((await workspace.DeployAsync()).IsUnchanged().Built());

        // A comment in the protocol: the generated sources are the same, so the services are cut off; the page shows the protocol itself.
        workspace.Write("proto/shop.proto", workspace.Read("proto/shop.proto") + "\n// A remark.\n");
        var remark = (await workspace.DeployAsync()).Valid();
        Assert.Equal(["contracts", "storefront"], remark.Built().Order(StringComparer.Ordinal));
        Assert.Equal("skip unchanged", remark.What("gateway"));
        Assert.Equal("skip unchanged", remark.What("catalog"));
    }
}
