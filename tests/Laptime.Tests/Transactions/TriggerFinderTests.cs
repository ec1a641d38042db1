using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

/// <summary>On real git repositories.</summary>
public sealed class TriggerFinderTests : IDisposable
{
    private static readonly DateTimeOffset Committed = new(2026, 11, 20, 8, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Saved = new(2026, 11, 21, 10, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Started = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);
    private readonly TemporaryFolder folder = new();
    private readonly ManualTime clock = new();
    private string root = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    private async Task Git(DateTimeOffset at, params string[] arguments)
    {
        var result = await new ProcessRunner(TimeProvider.System).RunAsync(
            new Command
            {
                Program = "git", Arguments = ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main", .. arguments], Directory = folder,
                Environment = new Dictionary<string, string?>
                {
                    ["GIT_COMMITTER_DATE"] = at.ToString("O"), ["GIT_AUTHOR_DATE"] = at.AddYears(-1).ToString("O"), ["GIT_CONFIG_GLOBAL"] = "/dev/null", ["GIT_CONFIG_NOSYSTEM"] = "1",
                },
            },
            null, Cancel);
        Assert.True(result.Succeeded, $"git {string.Join(' ', arguments)}: {string.Join('\n', result.Tail)}");
    }

    /// <summary>A repository with these files committed, as its only commit.</summary>
    private async Task Repository(params string[] files)
    {
        await Git(Committed, "init", "-q");
        foreach (var file in files)
        {
            Save(file, Saved.AddDays(-3));
        }

        await Git(Committed, "add", "-A", "-f");
        await Git(Committed, "commit", "-q", "--allow-empty", "-m", "first");
    }

    private void Save(string path, DateTimeOffset at, string content = "1") => File.SetLastWriteTimeUtc(folder.File(path, content), at.UtcDateTime);

    private Task<TriggerReport> Find(string? since, params string[] changed) =>
        new TriggerFinder(new ProcessRunner(TimeProvider.System), Path.Combine(folder, root), clock).FindAsync(changed, since, Started, Cancel);

    private static void Is(TriggerReport trigger, string name, DateTimeOffset at, bool dirty)
    {
        Assert.Equal((name, at, dirty), (trigger.Event, trigger.At, trigger.Dirty));
        Assert.Matches("^[0-9a-f]{40}$", trigger.Revision);
    }

    [Fact]
    public async Task A_changed_file_is_a_save_at_its_modification_time()
    {
        await Repository("a", "b");
        Save("a", Saved, "2");
        Is(await Find(null, "a"), "save", Saved, true);
    }

    [Fact]
    public async Task The_newest_of_the_uncommitted_files_counts_and_no_committed_one()
    {
        await Repository("a", "b", "c");
        Save("a", Saved.AddHours(-1), "2");
        Save("b", Saved, "2");
        File.SetLastWriteTimeUtc(folder.At("c"), Saved.AddMinutes(30).UtcDateTime);
        Is(await Find(null, "a", "b", "c"), "save", Saved, true);
    }

    [Fact]
    public async Task A_staged_file_is_uncommitted()
    {
        await Repository("a");
        Save("a", Saved, "2");
        await Git(Saved, "add", "a");
        Is(await Find(null, "a"), "save", Saved, true);
    }

    [Theory]
    [InlineData("new")]
    [InlineData("sub/deep/new")]
    [InlineData("with space")]
    [InlineData("quo\"te")]
    [InlineData("back\\slash")]
    [InlineData("tab\there")]
    [InlineData("żółw/日本.txt")]
    [InlineData("🚀")]
    [InlineData("-dash")]
    [InlineData("--help")]
    [InlineData(":(top)x")]
    [InlineData("*.c")]
    [InlineData("[a]")]
    [InlineData("\"quoted\"")]
    [InlineData("it's")]
    public async Task An_untracked_file_of_any_name_is_a_save(string name)
    {
        await Repository("a", "x.c");
        Save(name, Saved);
        Is(await Find(null, "a", name), "save", Saved, true);
    }

    [Theory]
    [InlineData("quo\"te")]
    [InlineData("with space")]
    [InlineData("*.c")]
    [InlineData("-dash")]
    [InlineData("żółw")]
    public async Task A_committed_file_of_any_name_is_a_commit(string name)
    {
        await Repository("x.c", name);
        Save("x.c", Saved, "2");
        Is(await Find(null, name), "commit", Committed, false);
    }

    [Fact]
    public async Task A_file_that_git_ignores_but_that_is_an_input_is_a_save()
    {
        await Repository("a");
        folder.File(".gitignore", "out/\n*.gen\n");
        await Git(Committed, "add", ".gitignore");
        await Git(Committed, "commit", "-q", "-m", "ignore");
        Save("x.gen", Saved);
        Save("out/deep/y", Saved.AddMinutes(-1));
        Is(await Find(null, "x.gen"), "save", Saved, true);
        Is(await Find(null, "out/deep/y"), "save", Saved.AddMinutes(-1), true);
    }

    [Fact]
    public async Task A_deleted_file_counts_with_its_folders_time()
    {
        await Repository("sub/a", "sub/b");
        File.Delete(folder.At("sub", "a"));
        Directory.SetLastWriteTimeUtc(folder.At("sub"), Saved.UtcDateTime);
        Is(await Find(null, "sub/a"), "save", Saved, true);
        Directory.Delete(folder.At("sub"), recursive: true);
        Directory.SetLastWriteTimeUtc(folder, Saved.AddMinutes(1).UtcDateTime);
        Is(await Find(null, "sub/a"), "save", Saved.AddMinutes(1), true);
    }

    [Fact]
    public async Task A_dirty_file_does_not_make_another_of_the_same_name_dirty()
    {
        await Repository("a", "sub/a");
        Save("sub/a", Saved, "2");
        File.SetLastWriteTimeUtc(folder.At("a"), Saved.AddMinutes(30).UtcDateTime);
        Is(await Find(null, "a", "sub/a"), "save", Saved, true);
        Is(await Find(null, "a"), "commit", Committed, false);
    }

    [Fact]
    public async Task What_was_committed_counts_with_the_newest_commit_that_touched_it()
    {
        await Repository("a", "b");
        Save("a", Saved, "2");
        await Git(Committed.AddHours(1), "commit", "-q", "-am", "second");
        Save("b", Saved, "2");
        await Git(Committed.AddHours(2), "commit", "-q", "-am", "third");
        Is(await Find(null, "a"), "commit", Committed.AddHours(1), false);
        Is(await Find(null, "a", "b"), "commit", Committed.AddHours(2), false);
    }

    [Fact]
    public async Task What_a_merge_brought_counts_with_the_merge_and_what_came_after_with_its_commit()
    {
        await Repository("a", "b");
        await Git(Committed, "checkout", "-q", "-b", "topic");
        Save("a", Saved, "2");
        await Git(Committed.AddHours(1), "commit", "-q", "-am", "on the branch");
        await Git(Committed, "checkout", "-q", "main");
        Save("b", Saved, "2");
        await Git(Committed.AddHours(2), "commit", "-q", "-am", "on main");
        await Git(Committed.AddHours(3), "merge", "-q", "--no-ff", "topic", "-m", "merge");
        Is(await Find(null, "a"), "merge", Committed.AddHours(3), false);
        Is(await Find(null, "b"), "commit", Committed.AddHours(2), false);
    }

    [Fact]
    public async Task A_workspace_below_the_top_is_asked_by_its_own_names_and_may_reach_above()
    {
        await Repository("ws/a", "a", "proto/x");
        root = "ws";
        Save("a", Saved, "2");
        Is(await Find(null, "a"), "commit", Committed, false);
        Save("ws/a", Saved, "2");
        Is(await Find(null, "a"), "save", Saved, true);
        Is(await Find(null, "../proto/x"), "commit", Committed, false);
        Save("proto/x", Saved.AddMinutes(5), "2");
        Is(await Find(null, "../proto/x", "a"), "save", Saved.AddMinutes(5), true);
    }

    [Fact]
    public async Task More_files_than_one_command_takes_are_all_asked()
    {
        var files = Enumerable.Range(0, 900).Select(i => $"f{i:000}").ToArray();
        await Repository(files);
        Save("f899", Saved, "2");
        Is(await Find(null, files), "save", Saved, true);
        Save("f899", Saved, "1");
        await Git(Committed, "add", "-A");
        Is(await Find(null, files), "commit", Committed, false);
    }

    [Fact]
    public async Task Nothing_changed_starts_with_the_command()
    {
        await Repository("a");
        Is(await Find(null), "start", Started, false);
    }

    [Fact]
    public async Task Outside_git_and_before_the_first_commit_the_save_counts()
    {
        Save("a", Saved);
        Assert.Equal(new TriggerReport("save", Saved, null, true), await Find(null, "a"));
        await Git(Committed, "init", "-q");
        Assert.Equal(new TriggerReport("save", Saved, null, true), await Find(null, "a"));
    }

    [Fact]
    public async Task A_time_in_the_future_is_the_commands_own()
    {
        await Repository("a");
        Save("a", Started.AddDays(1), "2");
        Is(await Find(null, "a"), "save", Started, true);
        await Git(Started.AddDays(2), "commit", "-q", "-am", "tomorrow");
        Is(await Find(null, "a"), "commit", Started, false);
        Is(await Find("2026-12-24T00:00:00Z", "a"), "time", Started, false);
    }

    [Fact]
    public async Task Since_says_where_it_starts_whatever_changed()
    {
        await Repository("a");
        Save("a", Saved, "2");
        Is(await Find("start", "a"), "start", Started, true);
        Is(await Find("save", "a"), "save", Saved, true);
        Is(await Find("commit", "a"), "commit", Committed, true);
        Is(await Find("merge", "a"), "merge", Committed, true);
        Is(await Find("commit"), "commit", Committed, false);
        Is(await Find("save"), "save", Started, false);
        Is(await Find("2026-11-21T11:00:00Z", "a"), "time", Started.AddSeconds(-209), true);
        Is(await Find("2026-11-21T12:00:00+01:00", "a"), "time", Started.AddSeconds(-209), true);
        Is(await Find("2026-11-21 11:00", "a"), "time", Started.AddSeconds(-209), true);
    }

    [Theory]
    [InlineData("yesterday")]
    [InlineData("")]
    [InlineData("1.5")]
    [InlineData("Commit")]
    [InlineData("2026-13-45T00:00:00Z")]
    public async Task A_since_that_is_neither_event_nor_time_is_the_users_mistake(string since)
    {
        var mistake = await Assert.ThrowsAsync<LapException>(() => Find(since, "a"));
        Assert.Contains("use commit, merge, save, start, or a time", mistake.Problems[0].Mend, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("commit")]
    [InlineData("merge")]
    public async Task A_commit_that_there_is_not_is_the_users_mistake(string since)
    {
        Save("a", Saved);
        Assert.Contains("no git commit here", (await Assert.ThrowsAsync<LapException>(() => Find(since, "a"))).Problems[0].What, StringComparison.Ordinal);
    }
}
