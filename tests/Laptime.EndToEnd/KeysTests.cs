using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap keys`, as people and scripts use it.</summary>
public sealed class KeysTests
{
    [Fact]
    public async Task A_key_is_made_once_listed_trusted_by_the_printed_rule_and_never_shown()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        await workspace.GitAsync("init", "-q");
        Assert.Contains("no keys yet", (await workspace.LapAsync("keys", "list")).Exits(0).Out, StringComparison.Ordinal);

        var said = (await workspace.LapAsync("keys", "create")).Exits(0).Out;
        Assert.Contains("keys/lap.pub: commit it", said, StringComparison.Ordinal);
        var secret = workspace.Read(".laptime/keys/lap.key");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(workspace.At(".laptime/keys/lap.key")));
        Assert.DoesNotContain(".laptime", await workspace.RunAsync("git", "status", "--porcelain", "-uall"), StringComparison.Ordinal);

        // As printed, it is a rule.
        workspace.Write("laptime.yaml", workspace.Read("laptime.yaml") + said[said.IndexOf("trust:", StringComparison.Ordinal)..]);
        (await workspace.LapAsync("validate")).Exits(0);
        var list = await JsonAsync(workspace, "keys.v1.json", "keys", "list");
        var key = list["items"]!.AsArray().Single()!;
        Assert.Equal("merge-to-main", (string?)key["trusted"]![0]!["source"]);
        Assert.StartsWith("urn:laptime:local:", (string?)key["trusted"]![0]!["builder"], StringComparison.Ordinal);
        Assert.Equal(workspace.At(".laptime/keys/lap.key"), (string?)key["privateFile"]);

        var again = (await workspace.LapAsync("keys", "create")).Exits(2);
        Assert.Contains("--replace", again.Error, StringComparison.Ordinal);
        workspace.Environment["LAP_FORCE"] = "1";
        (await workspace.LapAsync("keys", "create")).Exits(2);
        Assert.Equal(secret, workspace.Read(".laptime/keys/lap.key"));

        var made = await JsonAsync(workspace, "key.v1.json", "keys", "create", "ci", "--builder", "https://ci.example.org/main", "--out", Path.Combine(workspace.Beside, "vault"));
        Assert.Equal("- { source: merge-to-main, builder: https://ci.example.org/main, key: keys/ci.pub }", made.Text("rule"));
        Assert.True(File.Exists(Path.Combine(workspace.Beside, "vault", "ci.key")));
        await JsonAsync(workspace, "key.v1.json", "keys", "create", "--force");
        Assert.NotEqual(secret, workspace.Read(".laptime/keys/lap.key"));
        foreach (var output in (string[])[said, again.Error, list.ToJsonString(), made.ToJsonString()])
        {
            Assert.All(secret.Split('\n').Where(l => l.Length > 40), line => Assert.DoesNotContain(line, output, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Validate_tells_every_rule_whose_key_is_none_with_its_line()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(rest: "trust:\n  - { source: tag, builder: b, key: keys/none.pub }\n  - { source: tags, builder: b, key: keys/bad.pub }");
        await using var end = workspace;
        workspace.Write("keys/bad.pub", "x");
        var error = (await workspace.LapAsync("validate")).Exits(2).Error;
        Assert.Contains("the public key keys/none.pub does not exist", error, StringComparison.Ordinal);
        Assert.Contains("keys/bad.pub is no public key", error, StringComparison.Ordinal);
        Assert.Contains("did you mean `tag`?", error, StringComparison.Ordinal);
        Assert.Matches(@"laptime\.yaml:\d+:5: the public key", error);
        await JsonAsync(workspace, "keys.v1.json", "keys", "list");
    }

    private static async Task<JsonObject> JsonAsync(LapWorkspace workspace, string schema, params string[] arguments)
    {
        var document = await workspace.JsonAsync(0, arguments);
        Assert.Null(new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", schema)))!).Refusal(document));
        return document;
    }
}
