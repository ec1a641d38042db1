using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd.Docker;

/// <summary>`lap doctor`: what is needed fails with its cure, what is not needed is a warning at most.</summary>
public sealed class DoctorTests
{
    [Fact]
    public async Task A_workspace_that_has_what_it_needs_is_well()
    {
        await using var scene = await DockerScene.WebAsync();
        var document = await DoctorAsync(scene.Workspace, 0);
        Assert.Equal(("ok", "ok", "ok", "ok"), (Status(document, "engine"), Status(document, "ports"), Status(document, "clock"), Status(document, "store")));
        Assert.Contains(scene.Engine.Host, Item(document, "engine").Text("detail"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(scene.Workspace.At(".laptime")), "looking writes nothing");
        await scene.DeployAsync();
        Assert.Contains("held by this workspace's agent", Item(await DoctorAsync(scene.Workspace, 0), "ports").Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_needed_and_missing_fails_with_its_cure()
    {
        await using var scene = await DockerScene.WebAsync();
        scene.Workspace.Environment["DOCKER_HOST"] = "unix://" + scene.Workspace.At("no.sock");
        using var thief = new TcpListener(IPAddress.Loopback, scene.Port);
        thief.Start();
        var document = await DoctorAsync(scene.Workspace, 2);
        Assert.Equal(("usage-error", "fail", "fail", "warn"), (document.Outcome(), Status(document, "engine"), Status(document, "ports"), Status(document, "swarm")));
        Assert.All((string[])["engine", "ports"], id => Assert.NotNull((string?)Item(document, id)["mend"]));
        Assert.Contains($"{scene.Port} of web is in use by", Item(document, "ports").Text("detail"), StringComparison.Ordinal);

        var told = (await scene.Workspace.LapAsync("doctor")).Exits(2).Out;
        Assert.Contains("fail", told, StringComparison.Ordinal);
        Assert.Contains("mend: ", told, StringComparison.Ordinal);
        Assert.All(told.Split('\n'), line => Assert.True(line.Length <= 100, line));
    }

    [Fact]
    public async Task Without_a_workspace_only_the_machine_is_looked_at_and_a_broken_one_is_a_failure()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        workspace.Environment["DOCKER_HOST"] = "unix:///nowhere.sock";
        Assert.Equal("warn", Status(await DoctorAsync(workspace, 0), "workspace"));
        workspace.Write("laptime.yaml", "version: 1\nname: x\ncomponents: [\n");
        Assert.Equal("fail", Status(await DoctorAsync(workspace, 2), "workspace"));
    }

    private static async Task<JsonObject> DoctorAsync(LapWorkspace workspace, int code)
    {
        var document = await workspace.JsonAsync(code, "doctor");
        var refusal = new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", "doctor.v1.json")))!).Refusal(document);
        Assert.True(refusal is null, $"{refusal}\n{document}");
        return document;
    }

    private static JsonObject Item(JsonObject document, string id) => document["items"]!.AsArray().Single(i => (string?)i!["id"] == id)!.AsObject();

    private static string Status(JsonObject document, string id) => Item(document, id).Text("status");
}
