using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap exec` on the process target: a program in the instance's folder with its environment.</summary>
public sealed class ExecTests
{
    [Fact]
    public async Task A_program_runs_beside_the_instance_and_its_exit_code_is_laps()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var ws = workspace;
        await ws.DeployAsync();
        var ran = await ws.LapAsync("exec", "web", "sh", "-c", "echo \"$LAPTIME_REVISION\"; cat out/text.txt; echo to-stderr >&2; exit 42");
        ran.Exits(42);
        Assert.Matches("^web@[0-9a-f]{12}\nfirst text of web\n$", ran.Out);
        Assert.Equal("to-stderr\n", ran.Error);

        // What follows the program is the program's, whatever lap calls by that name.
        Assert.Equal("-q --help -o json --no-such\n", (await ws.LapAsync("exec", "--instance", "1", "web", "echo", "-q", "--help", "-o", "json", "--no-such")).Exits(0).Out);
        Assert.Equal("-q -- x\n", (await ws.LapAsync("exec", "web", "--", "echo", "-q", "--", "x")).Exits(0).Out);
        Assert.Equal(127, (await ws.LapAsync("exec", "web", "no-such-program")).ExitCode);

        var document = (await ws.LapAsync("exec", "-o", "json", "web", "sh", "-c", "echo a; echo b; echo c >&2; exit 3")).Exits(3).Json;
        Assert.Equal(("laptime/exec/v1", 3, "a\nb\n", "c\n"), (document.Text("schema"), (int)document["exitCode"]!, document.Text("stdout"), document.Text("stderr")));
        Assert.Equal("web", document.Text("component"));
        Assert.Null(new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", "exec.v1.json")))!).Refusal(document));

        Assert.Equal("piped in\n", await ws.RunAsync("sh", "-c", $"echo piped in | '{Lap.Program}' exec web -i cat"));
        Assert.Equal("", await ws.RunAsync("sh", "-c", $"echo piped in | '{Lap.Program}' exec web cat"));
        (await ws.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task What_cannot_be_run_is_told_with_a_cure()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var ws = workspace;
        Assert.Contains("web does not run in local", (await ws.LapAsync("exec", "web", "true")).Exits(11).Error, StringComparison.Ordinal);
        Assert.Contains("there is no component wbe", (await ws.LapAsync("exec", "wbe", "true")).Exits(2).Error, StringComparison.Ordinal);
        (await ws.LapAsync("exec", "web")).Exits(2);
        await ws.DeployAsync();
        Assert.Contains("web has no instance 2 in local: 1 run", (await ws.LapAsync("exec", "--instance", "2", "web", "true")).Exits(11).Error, StringComparison.Ordinal);
        var help = (await ws.LapAsync("exec", "--help")).Exits(0).Out;
        Assert.Contains("lap exec db -i psql < dump.sql", help, StringComparison.Ordinal);
        Assert.Contains("lap exec has no flag --instnace", (await ws.LapAsync("exec", "--instnace", "2", "web", "true")).Exits(2).Error, StringComparison.Ordinal);
    }
}
