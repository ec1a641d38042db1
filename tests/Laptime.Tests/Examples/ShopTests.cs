using Laptime.Processes;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Tests.Examples;

/// <summary>The demo's workspace: examples/shop.</summary>
public sealed class ShopTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private static readonly string Shop = Checkout.At("examples", "shop");

    [Fact]
    public void The_shops_file_is_valid_and_says_what_the_demo_shows()
    {
        var shop = WorkspaceFile.Load(Path.Combine(Shop, "laptime.yaml"), static _ => null);
        Assert.Equal(["contracts", "base-dotnet", "base-python", "catalog", "gateway", "storefront"], shop.Components.Select(c => c.Name));
        // Nothing of containers costs the demo anything.
        var local = InEnvironment.Of(shop, shop.Environments[0]);
        Assert.Equal(["contracts", "catalog", "gateway", "storefront"], local.Components.Select(c => c.Name));
        Assert.All(local.Components, component => Assert.Null(component.Build.Image));
        Assert.Equal(["local", "staging", "production", "docker", "swarm"], shop.Environments.Select(e => e.Name));
        Assert.Equal((TargetKind.Process, Loop.Fast, "fast"), (shop.Environments[0].Target, shop.Environments[0].Loop, shop.Environments[0].Profile));
        Assert.Equal((TargetKind.Process, Loop.Safe, "release"), (shop.Environments[2].Target, shop.Environments[2].Loop, shop.Environments[2].Profile));
        Assert.Null(shop.Find("contracts")!.Run);
        Assert.All(shop.Components.Where(c => c.Run is not null), component =>
        {
            Assert.NotNull(component.Probes.Live);
            Assert.NotNull(component.Probes.Ready);
            Assert.NotNull(component.Probes.Reflect);
            Assert.NotEmpty(component.Probes.Smoke);
        });
        Assert.Equal(["format"], shop.Find("gateway")!.Build.Steps.Where(s => s.Loops is [Loop.Safe]).Select(s => s.Name));
    }

    [Fact]
    public void In_a_swarm_every_service_is_a_component_with_an_image()
    {
        var shop = WorkspaceFile.Load(Path.Combine(Shop, "laptime.yaml"), static _ => null);
        var swarm = shop.Environments.Single(e => e.Name == "swarm");
        var there = ComposeWorkspace.For(InEnvironment.Of(shop, swarm), swarm, static _ => null);
        Assert.Equal(["catalog", "gateway", "storefront"], there.Components.Where(c => c.Run is not null).Select(c => c.Name));
        Assert.All(there.Components.Where(c => c.Run is not null), c => Assert.Equal((8080, true), (c.Build.Image!.Port, c.Run!.Stack.Count > 0)));
    }

    [Fact]
    public async Task A_comment_in_the_protocol_changes_no_generated_source_and_a_field_does()
    {
        using var copy = new TemporaryFolder();
        Directory.CreateDirectory(copy.At("src", "contracts"));
        Directory.CreateDirectory(copy.At("proto"));
        File.Copy(Path.Combine(Shop, "src", "contracts", "generate.sh"), copy.At("src", "contracts", "generate.sh"));
        var proto = await File.ReadAllTextAsync(Path.Combine(Shop, "proto", "shop.proto"), Cancel);
        var before = await GenerateAsync(copy, proto);
        Assert.Contains("public sealed record Cart(IReadOnlyList<CartItem> Items, int TotalCents);", before, StringComparison.Ordinal);
        Assert.Equal(before, await GenerateAsync(copy, proto.Replace("One thing", "A thing", StringComparison.Ordinal)));
        Assert.Contains("string Name, int Stock, int PriceCents", await GenerateAsync(copy, proto.Replace("  int32 price_cents = 3;", "  int32 stock = 9;\n  int32 price_cents = 3;", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    private static async Task<string> GenerateAsync(TemporaryFolder copy, string proto)
    {
        copy.File("proto/shop.proto", proto);
        var result = await new ProcessRunner(TimeProvider.System).RunAsync(Command.Shell("sh generate.sh", copy.At("src", "contracts")), null, Cancel);
        Assert.True(result.Succeeded, string.Join('\n', result.Tail));
        return await File.ReadAllTextAsync(copy.At("src", "contracts", "out", "Messages.cs"), Cancel);
    }
}
