using Laptime.EndToEnd.Harness;
using Laptime.Tests.Reports.GitHub;

namespace Laptime.EndToEnd;

/// <summary>The published lap as a step of GitHub Actions: summary, annotations, and that text of others never becomes a command.</summary>
public sealed class GitHubActionsTests
{
    private const string Hostile = "printf '::set-output name=a::b\\n  ::error::mine\\nx ##[add-path]/evil\\n::stop-commands::t\\n'";

    [Fact]
    public async Task The_report_is_in_the_jobs_summary_also_of_a_run_with_nothing_to_do_and_of_a_failed_one()
    {
        var (workspace, summary) = await InActionsAsync();
        await using var end = workspace;
        var first = await workspace.DeployAsync();
        var second = (await workspace.DeployAsync()).IsUnchanged();
        workspace.Edit("laptime.yaml", "mkdir -p out", "exit 3; mkdir -p out");
        await workspace.JsonAsync(10, "deploy");
        var text = File.ReadAllText(summary);
        Assert.Equal(["# little to local: reflected", "# little to local: unchanged", "# little to local: build-failed"], text.Split('\n').Where(l => l.StartsWith("# ", StringComparison.Ordinal)));
        Assert.Contains(first.Text("id"), text, StringComparison.Ordinal);
        Assert.Contains(second.Text("id"), text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_summary_that_cannot_be_written_is_a_warning_and_nothing_more()
    {
        var (workspace, _) = await InActionsAsync();
        await using var end = workspace;
        workspace.Environment["GITHUB_STEP_SUMMARY"] = Path.Combine(workspace.Root, "laptime.yaml", "x");
        var run = (await workspace.LapAsync("deploy", "-o", "json")).Exits(0);
        Assert.Equal("reflected", run.Json.Valid().Outcome());
        Assert.Contains(Commands(run), c => c.Name == "warning" && c.Data.Contains("summary", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failure_is_an_error_at_its_line_and_stdout_stays_one_document()
    {
        var (workspace, _) = await InActionsAsync(step: "false");
        await using var end = workspace;
        var run = (await workspace.LapAsync("deploy", "-o", "json")).Exits(10);
        Assert.Equal("build-failed", run.Json.Valid().Outcome());
        var error = Assert.Single(Commands(run), c => c.Name == "error");
        Assert.Equal(("ws/laptime.yaml", "lap deploy: build-failed"), (error.Properties["file"], error.Properties["title"]));
        Assert.Contains("name: copy", workspace.Read("laptime.yaml").Split('\n')[int.Parse(error.Properties["line"]) - 1], StringComparison.Ordinal);
        Assert.Contains("step copy failed", error.Data, StringComparison.Ordinal);
        Assert.False(ActionsRunner.FindsOne(run.Out), run.Out);
    }

    [Fact]
    public async Task A_mistake_in_the_file_is_an_error_at_its_line()
    {
        var (workspace, _) = await InActionsAsync();
        await using var end = workspace;
        workspace.Edit("laptime.yaml", "drain: 0s", "drian: 0s");
        var run = (await workspace.LapAsync("deploy")).Exits(2);
        var error = Assert.Single(Commands(run));
        Assert.Equal(("error", "ws/laptime.yaml", "lap: usage-error"), (error.Name, error.Properties["file"], error.Properties["title"]));
        Assert.Contains("drian", workspace.Read("laptime.yaml").Split('\n')[int.Parse(error.Properties["line"]) - 1], StringComparison.Ordinal);
        Assert.Contains("mend: ", error.Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_steps_and_instances_print_is_never_a_command()
    {
        var (workspace, _) = await InActionsAsync(step: Hostile.Replace("\\", "\\\\") + " && exit 4");
        await using var end = workspace;
        foreach (var arguments in (string[][])[["deploy"], ["deploy", "-v"], ["deploy", "-q"], ["deploy", "-o", "json"], ["deploy", "--progress", "json", "-v"]])
        {
            var run = (await workspace.LapAsync(arguments)).Exits(10);
            Assert.Contains("set-output", run.ToString(), StringComparison.Ordinal);
            Assert.False(ActionsRunner.FindsOne(run.Out), run.ToString());
            // Ours alone: the failure, and lap's own warnings.
            Assert.All(Commands(run), c => Assert.Contains((c.Name, c.Properties.GetValueOrDefault("title")), new (string, string?)[] { ("error", "lap deploy: build-failed"), ("warning", "lap deploy") }));
            // A line that is a command of the one form is never read as the other.
            Assert.All(run.Error.Split('\n').Where(l => ActionsRunner.Read(l) is null), l => Assert.False(ActionsRunner.IsOldCommand(l), l));
        }

        workspace.Edit("laptime.yaml", " && exit 4", "");
        workspace.Write("src/web/server.py", LittleServer.Script(start: "print(\"::set-output name=a::b\\n##[error]x\", flush=True)"));
        await workspace.DeployAsync();
        var logs = (await workspace.LapAsync("logs", "web")).Exits(0);
        Assert.Contains("set-output", logs.Out, StringComparison.Ordinal);
        Assert.False(ActionsRunner.FindsOne(logs.Out), logs.Out);
    }

    [Fact]
    public async Task Elsewhere_nothing_of_this_is_said_or_changed()
    {
        var (workspace, _) = await InActionsAsync(step: Hostile.Replace("\\", "\\\\") + " && exit 4");
        await using var end = workspace;
        workspace.Environment.Remove("GITHUB_ACTIONS");
        var run = (await workspace.LapAsync("deploy", "-v")).Exits(10);
        Assert.DoesNotContain("::error file", run.ToString(), StringComparison.Ordinal);
        Assert.Contains("| ::set-output name=a::b", run.Error, StringComparison.Ordinal);
    }

    private static async Task<(LapWorkspace Workspace, string Summary)> InActionsAsync(string? step = null)
    {
        var (workspace, _) = await LapWorkspace.OneAsync(step: step);
        var summary = Path.Combine(workspace.Beside, "summary.md");
        File.WriteAllText(summary, "");
        workspace.Environment["GITHUB_ACTIONS"] = "true";
        workspace.Environment["GITHUB_STEP_SUMMARY"] = summary;
        workspace.Environment["GITHUB_WORKSPACE"] = Path.GetDirectoryName(workspace.Root)!;
        return (workspace, summary);
    }

    /// <summary>The commands that the runner would find on stderr.</summary>
    private static List<(string Name, IReadOnlyDictionary<string, string> Properties, string Data)> Commands(LapResult run) =>
        [.. run.Error.Split('\n').Select(ActionsRunner.Read).OfType<(string, IReadOnlyDictionary<string, string>, string)>()];
}
