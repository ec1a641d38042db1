using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>examples/shop from a commit to production, as its page says.</summary>
public sealed class ShopPromotionTests
{
    [Fact]
    public async Task What_was_published_is_staged_promoted_by_digest_and_steady()
    {
        await using var ws = await LapWorkspace.EmptyAsync();
        var source = Path.Combine(Lap.Root, ".out", "cli", "demo", "shop");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            ws.Write(Path.GetRelativePath(source, file), await File.ReadAllTextAsync(file, ws.Cancel));
        }

        var ports = ((string[])["18180", "18181", "18182", "18280", "18281", "18282"]).ToDictionary(p => p, _ => Ports.Free());
        foreach (var (written, free) in ports)
        {
            ws.Edit("laptime.yaml", written, $"{free}");
        }

        ws.Environment["LAP_BUILDER"] = "urn:test:builder";
        var rule = (await ws.JsonAsync(0, "keys", "create"))["rule"]!;
        ws.Write("laptime.yaml", ws.Read("laptime.yaml") + $"\ntrust:\n  {rule}\n");
        await ws.GitAsync("init", "-q");
        await ws.GitAsync("add", "-A");
        await ws.GitAsync("commit", "-q", "-m", "The shop");

        // Nothing is deployed to the safe loop that nobody published, whichever way.
        Assert.Contains("no artifact with provenance", (await ws.JsonAsync(21, "deploy", "--env", "production")).FailureMessage(), StringComparison.Ordinal);

        Assert.Equal("published", (await ws.JsonAsync(0, "publish", "--env", "staging")).Outcome());
        var staged = (await ws.DeployAsync("--env", "staging")).Valid();
        Assert.Equal(("reflected", 0, 3), (staged.Outcome(), staged.Count("built"), staged.Count("deploys")));
        Assert.Equal(2, staged["parityGaps"]!.AsArray().Count(g => ((string)g!).Contains("step format is left out", StringComparison.Ordinal)));

        var promoted = (await ws.JsonAsync(0, "promote", "--to", "production")).Valid();
        Assert.Equal(("reflected", 3), (promoted.Outcome(), promoted.Count("deploys")));
        foreach (var name in (string[])["catalog", "gateway", "storefront"])
        {
            Assert.Equal(staged.Component(name).Text("artifact"), promoted.Component(name).Text("artifact"));
            Assert.All((string[])["live", "ready", "smoke", "reflected"], signal => Assert.Equal("pass", promoted.Signal(name, signal)));
        }

        Assert.Equal(2, promoted["segments"]!.AsArray().Count(s => (string?)s!["name"] == "build/format"));
        Assert.Contains("same digest", promoted["guardrails"]!.AsArray().First(g => (string?)g!["name"] == "parity")!["evidence"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(200, (await ws.GetAsync(ports["18280"], "/api/cart")).Status);

        // Steady: the same commit has nothing to do in production, by either command.
        Assert.Equal("unchanged", (await ws.DeployAsync("--env", "production")).Outcome());
        Assert.Equal("unchanged", (await ws.JsonAsync(0, "promote", "--to", "production")).Outcome());
        Assert.Empty((await ws.JsonAsync(0, "audit", "verify"))["findings"]!.AsArray());
    }
}
