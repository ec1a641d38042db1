using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>examples/command-target with the real lap: the user's own scripts as a target.</summary>
public sealed class CommandTargetTests
{
    private static readonly JsonNode Schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", "observed.v1.json")))!;

    private static async Task<(LapWorkspace Workspace, int Port)> ExampleAsync()
    {
        var workspace = await LapWorkspace.EmptyAsync();
        var source = Path.Combine(Lap.Root, "examples", "command-target");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/.", StringComparison.Ordinal)))
        {
            var path = Path.GetRelativePath(source, file);
            workspace.Write(path, await File.ReadAllTextAsync(file, workspace.Cancel));
            File.SetUnixFileMode(workspace.At(path), File.GetUnixFileMode(file));
        }

        var port = Ports.Free();
        workspace.Edit("laptime.yaml", "7480", $"{port}");
        return (workspace, port);
    }

    [Fact]
    public async Task Deployed_unchanged_edited_failed_drifted_and_stopped_as_on_every_target()
    {
        var (workspace, port) = await ExampleAsync();
        await using var end = workspace;
        var first = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("reflected", "command", 1), (first.Outcome(), first.Text("target"), first.Count("deploys")));
        Assert.All((string[])["live", "ready", "reflected"], signal => Assert.Equal("pass", first.Signal("web", signal)));
        Assert.Contains(first["segments"]!.AsArray(), s => (string?)s!["name"] == "rollout/start");
        Assert.Equal(200, (await workspace.GetAsync(port)).Status);

        workspace.Environment["LAPTIME_ENVIRONMENT"] = "host";
        var said = JsonNode.Parse(await workspace.RunAsync(workspace.At("ops/observe.sh")))!;
        Assert.Null(new SmallJsonSchema(Schema).Refusal(new JsonObject { ["schema"] = "laptime/observed/v1", ["items"] = new JsonArray(said.DeepClone()) }));
        Assert.Equal(first.Component("web").Text("revision"), (string?)said["revision"]);

        Assert.Equal("unchanged", (await workspace.DeployAsync()).Valid().Outcome());
        workspace.Write("web/text.txt", "second text");
        Assert.Equal("reflected", (await workspace.DeployAsync()).Valid().Outcome());
        Assert.Equal((200, "hello, second text"), await workspace.GetAsync(port));

        // Run settings alone, with the artifact as it is.
        workspace.Edit("laptime.yaml", "GREETING: hello", "GREETING: good day");
        Assert.Equal("rollout run-settings-changed", (await workspace.DeployAsync()).Valid().What("web"));
        Assert.Equal((200, "good day, second text"), await workspace.GetAsync(port));

        // One that cannot start: early, with its last words, and what served serves.
        var serving = (await workspace.JsonAsync(0, "status")).Component("web")["observed"]!["revision"]!.ToString();
        workspace.Write("web/server.py", "raise SystemExit('no such thing')\n" + workspace.Read("web/server.py"));
        var dead = (await workspace.JsonAsync(13, "deploy")).Valid();
        Assert.Equal(("not-live", serving), (dead.Outcome(), (string?)dead.Component("web")["stillServing"]));
        Assert.Contains("no such thing", dead["failure"]!["tail"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal((200, "good day, second text"), await workspace.GetAsync(port));
        workspace.Edit("web/server.py", "raise SystemExit('no such thing')\n", "");

        // A command that ends well and does nothing is found out.
        var rollout = workspace.Read("ops/rollout.sh");
        workspace.Write("ops/rollout.sh", "#!/bin/sh\n. ./ops/lib.sh\nitem \"$unit\"\n");
        workspace.Write("web/text.txt", "third text");
        workspace.Edit("laptime.yaml", "reflect: { http: /version,", "reflect: { http: /version, timeout: 300ms,");
        Assert.Equal("not-reflected", (await workspace.JsonAsync(15, "deploy")).Valid().Outcome());
        workspace.Write("ops/rollout.sh", rollout);
        Assert.Equal("reflected", (await workspace.DeployAsync()).Valid().Outcome());

        // Killed by hand: the plan says so, and the deploy repairs it.
        UnixSignal.Send(int.Parse(workspace.Read(".ops/host/web/pid").Split(' ')[0]), UnixSignal.Kill);
        foreach (var pid in workspace.Leftovers().Where(p => File.ReadAllText($"/proc/{p}/cmdline").Contains("server.py", StringComparison.Ordinal)))
        {
            UnixSignal.Send(pid, UnixSignal.Kill);
        }

        await workspace.UntilAsync(() => workspace.Leftovers().Count == 0, "the killed instance is gone");
        Assert.Equal("rollout target-drifted", (await workspace.DeployAsync()).Valid().What("web"));
        Assert.Equal((200, "good day, third text"), await workspace.GetAsync(port));

        Assert.Contains("serving as web@", (await workspace.LapAsync("logs", "web")).Exits(0).Out, StringComparison.Ordinal);
        (await workspace.LapAsync("rollback")).Exits(0);
        Assert.Equal((200, "good day, second text"), await workspace.GetAsync(port));
        (await workspace.LapAsync("down")).Exits(0);
        Assert.Empty(workspace.Leftovers());
        Assert.Equal("", await workspace.RunAsync(workspace.At("ops/observe.sh")));
    }

    [Fact]
    public async Task What_is_no_json_is_told_without_a_stack()
    {
        var (workspace, _) = await ExampleAsync();
        await using var end = workspace;
        workspace.Write("ops/observe.sh", "#!/bin/sh\necho 'Last login: yesterday'\n");
        var failed = (await workspace.JsonAsync(11, "deploy")).Valid();
        Assert.Contains("Last login: yesterday", failed["failure"]!["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Contains("standard error", failed["failure"]!["mend"]!.ToString(), StringComparison.Ordinal);
    }
}
