using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Processes;

namespace Laptime.Tests.Measurement;

/// <summary>Real git repositories and worktrees.</summary>
public sealed class RaceGroundTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ProcessRunner runner = new(TimeProvider.System);
    private readonly List<string> stopped = [];

    private string Root => folder.At("repo", "apps", "shop");

    private WorkspaceFolder Workspace => new(Root);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Each_side_is_checked_out_as_it_was_and_nothing_is_left_afterwards()
    {
        await RepositoryAsync();
        await GitAsync("tag", "one");
        folder.File("repo/apps/shop/code.txt", "second");
        await GitAsync("commit", "-qam", "Second");
        await using (var ground = await OpenAsync())
        {
            var a = await ground.CheckOutAsync("a", RaceSide.Parse("one"), Cancel);
            var b = await ground.CheckOutAsync("b", RaceSide.Parse("main"), Cancel);
            Assert.Equal("first", await File.ReadAllTextAsync(Path.Combine(a.Root, "code.txt"), Cancel));
            Assert.Equal("second", await File.ReadAllTextAsync(Path.Combine(b.Root, "code.txt"), Cancel));
            Assert.Equal(a.Root.Length, b.Root.Length);
            Assert.True(RaceGround.IsLeft(Workspace));
        }

        await NothingIsLeftAsync();
        Assert.Equal(["a", "b"], stopped.Order());
    }

    [Fact]
    public async Task The_working_tree_is_taken_as_it_is_once_and_stays_as_it_was()
    {
        await RepositoryAsync();
        folder.File("repo/apps/shop/code.txt", "edited");
        folder.File("repo/apps/shop/new.txt", "new");
        folder.File("repo/apps/shop/ignored.log", "ignored");
        var (status, head) = (await GitAsync("status", "--porcelain"), await GitAsync("rev-parse", "HEAD"));
        await using (var ground = await OpenAsync())
        {
            var a = await ground.CheckOutAsync("a", RaceSide.Parse("."), Cancel);
            folder.File("repo/apps/shop/code.txt", "edited again");
            var b = await ground.CheckOutAsync("b", RaceSide.Parse("profile:x"), Cancel);
            Assert.Equal(a.Commit, b.Commit);
            foreach (var side in new[] { a.Root, b.Root })
            {
                Assert.Equal(["code.txt", "laptime.yaml", "new.txt"], Directory.EnumerateFiles(side).Select(Path.GetFileName).Order());
                Assert.Equal("edited", await File.ReadAllTextAsync(Path.Combine(side, "code.txt"), Cancel));
            }
        }

        Assert.Equal(status, await GitAsync("status", "--porcelain"));
        Assert.Equal(head, await GitAsync("rev-parse", "HEAD"));
        Assert.Equal("", await GitAsync("diff", "--cached"));
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task A_clean_working_tree_is_its_commit()
    {
        await RepositoryAsync();
        await using var ground = await OpenAsync();
        Assert.Equal(await GitAsync("rev-parse", "HEAD"), (await ground.CheckOutAsync("a", RaceSide.Parse("."), Cancel)).Commit);
    }

    [Fact]
    public async Task A_repository_without_a_commit_can_be_raced()
    {
        folder.File("repo/apps/shop/laptime.yaml", "version: 1");
        await GitAsync("init", "-q", "-b", "main");
        await using var ground = await OpenAsync();
        Assert.True(File.Exists(Path.Combine((await ground.CheckOutAsync("a", RaceSide.Parse("."), Cancel)).Root, "laptime.yaml")));
    }

    [Fact]
    public async Task Only_one_race_runs_in_a_workspace()
    {
        await RepositoryAsync();
        await using (await OpenAsync())
        {
            Assert.Equal(Outcome.Locked, (await Assert.ThrowsAsync<FaultException>(OpenAsync)).Fault.Outcome);
            Assert.False(await RaceGround.SweepAsync(Workspace, runner, StopAsync, Cancel));
        }

        await using (await OpenAsync())
        {
        }
    }

    [Fact]
    public async Task An_unknown_revision_is_the_users_mistake_and_names_the_nearest()
    {
        await RepositoryAsync();
        await using var ground = await OpenAsync();
        var error = await Assert.ThrowsAsync<LapException>(() => ground.CheckOutAsync("a", RaceSide.Parse("mian"), Cancel));
        Assert.Contains("did you mean `main`?", error.Problems[0].Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_git_the_mistake_is_told_and_nothing_is_left()
    {
        Directory.CreateDirectory(Root);
        Assert.Contains("git init", (await Assert.ThrowsAsync<LapException>(OpenAsync)).Problems[0].Mend, StringComparison.Ordinal);
        Assert.False(RaceGround.IsLeft(Workspace));
    }

    private Task<RaceGround> OpenAsync()
    {
        Directory.CreateDirectory(folder.At("ground"));
        return RaceGround.OpenAsync(Workspace, folder.At("ground"), runner, StopAsync, Cancel);
    }

    private Task StopAsync(string root)
    {
        Assert.True(File.Exists(Path.Combine(root, "laptime.yaml")));
        stopped.Add(Path.GetFileName(Path.GetFullPath(Path.Combine(root, "..", ".."))));
        return Task.CompletedTask;
    }

    private async Task NothingIsLeftAsync()
    {
        Assert.False(RaceGround.IsLeft(Workspace));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.At("ground")));
        Assert.Single((await GitAsync("worktree", "list")).Split('\n'));
    }

    private async Task RepositoryAsync()
    {
        folder.File("repo/.gitignore", "*.log\n.laptime\n");
        folder.File("repo/apps/shop/laptime.yaml", "version: 1");
        folder.File("repo/apps/shop/code.txt", "first");
        await GitAsync("init", "-q", "-b", "main");
        await GitAsync("add", "-A");
        await GitAsync("commit", "-qm", "First");
    }

    private async Task<string> GitAsync(params string[] arguments)
    {
        var lines = new List<string>();
        var result = await runner.RunAsync(
            new Command { Program = "git", Arguments = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false", .. arguments], Directory = folder.At("repo") },
            l => lines.Add(l.Text), Cancel);
        Assert.True(result.Succeeded, string.Join('\n', result.Tail));
        return string.Join('\n', lines);
    }
}
