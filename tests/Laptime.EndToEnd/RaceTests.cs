using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>`lap baseline race` on real git revisions, worktrees and processes.</summary>
public sealed class RaceTests
{
    /// <summary>Counts up to the number in work.txt: twice the number is twice the work, on every machine.</summary>
    private const string CountingStep = "i=0; n=$(cat work.txt); while [ $i -lt $n ]; do i=$((i+1)); done";

    [Fact]
    public async Task A_revision_that_does_far_more_work_is_worse_and_fails_the_build_that_asked_for_it()
    {
        var (workspace, _) = await RepositoryAsync();
        await using var _1 = workspace;
        workspace.Write("src/web/work.txt", "6000000");
        await workspace.GitAsync("commit", "-qam", "Six thousand times the work");
        var before = await StateAsync(workspace);

        var result = await workspace.LapAsync("baseline", "race", "HEAD~1", "HEAD", "full", "-n", "6", "--seed", "7", "--fail-on", "worse", "--folder", workspace.Beside, "-o", "json");

        var document = result.Exits(16).Json;
        Assert.Equal("laptime/comparison/v1", (string?)document["schema"]);
        Assert.True((bool)document["paired"]!);
        Assert.Equal("regression", (string?)document["outcome"]);
        Assert.Equal("worse", (string?)document["interval"]!["verdict"]);
        Assert.StartsWith("slower: ", (string?)document["sentence"], StringComparison.Ordinal);
        Assert.True((double)document["interval"]!["ratio"]!["low"]! > 1, result.ToString());
        Assert.Equal("build/copy", (string?)document["dominant"]!["segment"]);
        Assert.Equal(6, (int)document["race"]!["pairs"]!);
        Assert.Equal(3, ((string)document["race"]!["order"]!).Count(c => c == 'A'));
        Assert.Equal(before, await StateAsync(workspace));
        await NothingIsLeftAsync(workspace);

        var again = await workspace.JsonAsync(0, "baseline", "races", "last");
        Assert.Equal(document["interval"]!.ToJsonString(), again["interval"]!.ToJsonString());
        var item = Assert.Single((await workspace.JsonAsync(0, "baseline", "races"))["items"]!.AsArray())!;
        Assert.Equal(("worse", "complete"), ((string?)item["verdict"], (string?)item["ended"]));
    }

    [Fact]
    public async Task Two_pairs_of_a_revision_with_itself_are_never_called_better_or_worse()
    {
        var (workspace, _) = await RepositoryAsync();
        await using var _1 = workspace;
        workspace.Write("src/web/text.txt", "not committed");
        var before = await StateAsync(workspace);

        var result = await workspace.LapAsync("baseline", "race", ".", ".", "edit:src/web/text.txt", "-n", "2", "--folder", workspace.Beside, "-o", "json");

        var document = result.Exits(17).Json;
        Assert.Equal("inconclusive", (string?)document["interval"]!["verdict"]);
        Assert.Equal((string?)document["race"]!["commitA"], (string?)document["race"]!["commitB"]);
        Assert.Contains("too few for any verdict: 6 pairs are the least", result.Error, StringComparison.Ordinal);
        Assert.Contains("pair 2 of 2: ", result.Error, StringComparison.Ordinal);
        Assert.Equal(before, await StateAsync(workspace));
        await NothingIsLeftAsync(workspace);
    }

    [Fact]
    public async Task What_a_killed_race_left_is_gone_after_the_next_deploy_and_its_pairs_are_kept()
    {
        var (workspace, port) = await RepositoryAsync();
        await using var _ = workspace;
        var race = workspace.Start("baseline", "race", ".", "HEAD", "warm", "-n", "50", "--folder", workspace.Beside);
        await workspace.UntilAsync(() => race.ErrorSoFar.Contains("pair 1 of 50", StringComparison.Ordinal) || race.HasExited, "the first pair");
        race.Signal(9);
        Assert.Equal(137, (await race.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).ExitCode);
        Assert.NotEmpty(Directory.GetDirectories(workspace.Beside));

        var deployed = await workspace.LapAsync("deploy");

        deployed.Exits(0);
        Assert.Contains("a race that was killed is cleaned up", deployed.Error, StringComparison.Ordinal);
        Assert.Equal(200, (await workspace.GetAsync(port)).Status);
        await workspace.LapAsync("agent", "stop", "--instances");
        await NothingIsLeftAsync(workspace);
        var item = Assert.Single((await workspace.JsonAsync(0, "baseline", "races"))["items"]!.AsArray())!;
        Assert.Null((string?)item["ended"]);
        Assert.True((int)item["pairs"]! >= 1);
        Assert.Equal("inconclusive", (string?)item["verdict"]);
    }

    [Fact]
    public async Task An_interrupted_race_keeps_its_pairs_says_so_and_leaves_nothing()
    {
        var (workspace, _) = await RepositoryAsync();
        await using var _1 = workspace;
        var race = workspace.Start("baseline", "race", ".", "var:UNUSED=1", "warm", "-n", "50", "--folder", workspace.Beside, "-o", "json");
        await workspace.UntilAsync(() => race.ErrorSoFar.Contains("pair 1 of 50", StringComparison.Ordinal) || race.HasExited, "the first pair");
        race.Signal(2);
        var result = await race.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel);

        var document = result.Exits(130).Json;
        Assert.Equal("interrupted", (string?)document["outcome"]);
        Assert.Contains(document["warnings"]!.AsArray(), w => ((string)w!).Contains("of 50 pairs: the race was interrupted", StringComparison.Ordinal));
        Assert.Equal((string?)document["race"]!["id"], (string?)Assert.Single((await workspace.JsonAsync(0, "baseline", "races"))["items"]!.AsArray())!["id"]);
        await NothingIsLeftAsync(workspace);
    }

    [Fact]
    public async Task A_side_that_does_not_build_fails_with_what_it_said_and_leaves_nothing()
    {
        var (workspace, _) = await RepositoryAsync();
        await using var _1 = workspace;
        workspace.Edit("laptime.yaml", "cp server.py", "echo the reason >&2; false; cp server.py");
        var result = await workspace.LapAsync("baseline", "race", "HEAD", ".", "warm", "-n", "2", "--folder", workspace.Beside);
        result.Exits(10);
        Assert.Contains("B (.)", result.Error, StringComparison.Ordinal);
        Assert.Contains("the reason", result.Error, StringComparison.Ordinal);
        await NothingIsLeftAsync(workspace);
    }

    [Fact]
    public async Task What_cannot_be_raced_is_told_before_anything_runs()
    {
        var (workspace, _) = await RepositoryAsync();
        await using var _1 = workspace;
        await SaysAsync("did you mean `main`?", "race", "mian", ".", "warm");
        await SaysAsync("two things at once", "race", "main", "profile:x", "warm");
        await SaysAsync("there is no profile nope", "race", ".", "profile:nope", "warm");
        await SaysAsync("is no scenario", "race", "main", ".", "wram");
        await SaysAsync("changes nothing that is deployed", "race", "main", ".", "edit:beside.txt");
        await workspace.DeployAsync();
        await SaysAsync("lap down", "race", "main", ".", "warm");
        await workspace.LapAsync("agent", "stop", "--instances");
        await NothingIsLeftAsync(workspace);

        async Task SaysAsync(string what, params string[] arguments)
        {
            var result = (await workspace.LapAsync(["baseline", .. arguments, "-n", "1", "--folder", workspace.Beside])).Exits(2);
            Assert.Contains(what, result.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>One component whose step counts, in one commit on main.</summary>
    private static async Task<(LapWorkspace Workspace, int Port)> RepositoryAsync()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(step: CountingStep);
        workspace.Write("src/web/work.txt", "1000");
        workspace.Write("beside.txt", "no input of anything");
        workspace.Write(".gitignore", "out/\n.laptime/\n");
        await workspace.GitAsync("init", "-q");
        await workspace.GitAsync("add", "-A");
        await workspace.GitAsync("commit", "-qm", "First");
        return (workspace, port);
    }

    /// <summary>What the user has: files, index, commits.</summary>
    private static async Task<string> StateAsync(LapWorkspace workspace) =>
        await workspace.RunAsync("git", "status", "--porcelain") + await workspace.RunAsync("git", "rev-parse", "HEAD") + await workspace.RunAsync("git", "diff") + await workspace.RunAsync("git", "diff", "--cached");

    private static async Task NothingIsLeftAsync(LapWorkspace workspace)
    {
        Assert.Empty(Directory.GetFileSystemEntries(workspace.Beside));
        Assert.Single((await workspace.RunAsync("git", "worktree", "list")).Trim().Split('\n'));
        await workspace.UntilAsync(() => workspace.Leftovers().Count == 0, "nothing of the race runs");
    }
}
