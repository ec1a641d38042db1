using Laptime.Fingerprints;

namespace Laptime.Tests.Fingerprints;

public sealed class InputWatchTests
{
    public static TheoryData<string, Action<Tree>> Events => new()
    {
        { "written", t => t.Write("src/a.c", "other") },
        { "appended by an open file", t => File.AppendAllText(t.Full("src/a.c"), "x") },
        { "created", t => t.Write("src/deep/new", "") },
        { "deleted", t => File.Delete(t.Full("src/a.c")) },
        { "moved away", t => File.Move(t.Full("src/a.c"), t.Full("bin/a.c")) },
        { "moved in", t => File.Move(t.Full("bin/out"), t.Full("src/out")) },
        { "attributes", t => File.SetUnixFileMode(t.Full("src/a.c"), (UnixFileMode)0x1ED) },
        { "touched", t => File.SetLastWriteTimeUtc(t.Full("src/a.c"), DateTime.UnixEpoch) },
        { "new folder", t => Directory.CreateDirectory(t.Full("src/more")) },
        { "folder renamed", t => Directory.Move(t.Full("src/deep"), t.Full("src/other")) },
        { "folder removed", t => Directory.Delete(t.Full("src"), true) },
        { "ignore rules", t => t.Write(".gitignore", "*.c\n") },
        { "what git tracks", t => t.Git("add", "src/a.c") },
        { "excludes", t => t.Write(".git/info/exclude", "x\n") },
        { "workspace file", t => t.Write("laptime.yaml", "version: 2\n") },
    };

    [Theory, MemberData(nameof(Events), DisableDiscoveryEnumeration = true)]
    public void Whatever_happens_to_an_input_ends_clean(string what, Action<Tree> happens)
    {
        using var tree = Sample();
        using var watch = Start(tree);
        var mark = watch.Mark();
        Assert.True(watch.IsCleanSince(mark));
        happens(tree);
        Assert.False(watch.IsCleanSince(mark), what);
        Assert.True(watch.IsCleanSince(watch.Mark()) || what.Contains("folder", StringComparison.Ordinal));
        Assert.False(watch.IsCleanSince(mark), what);
    }

    [Fact]
    public void What_is_no_input_does_not_matter()
    {
        using var tree = Sample();
        using var watch = Start(tree);
        var mark = watch.Mark();
        tree.Write("bin/out", "other").Write("bin/new/x", "y").Write(".git/COMMIT_EDITMSG", "z").Write(".laptime/journal.db", "j");
        _ = File.ReadAllText(tree.Full("src/a.c"));
        Assert.True(NoOpCheck.Check(tree.IndexPath, tree.Root).IsClean);
        Assert.True(watch.IsCleanSince(mark));
    }

    [Fact]
    public void An_overflow_is_never_clean_again()
    {
        using var tree = Sample();
        using var watch = Start(tree);
        var most = int.Parse(File.ReadAllText("/proc/sys/fs/inotify/max_queued_events"));
        for (var i = 0; i <= most; i++)
        {
            // Alternating, or the kernel folds equal events into one.
            File.SetLastWriteTimeUtc(tree.Full(i % 2 == 0 ? "src/a.c" : "src/b.c"), DateTime.UnixEpoch.AddSeconds(i));
        }

        Assert.False(watch.IsCleanSince(watch.Mark()));
    }

    [Fact]
    public void After_its_end_a_watch_is_never_clean()
    {
        using var tree = Sample();
        using var end = new CancellationTokenSource();
        using var watch = InputWatch.Start(tree.Scan(false, save: true).Directories, end.Token)!;
        var mark = watch.Mark();
        Assert.True(watch.IsCleanSince(mark));
        end.Cancel();
        Assert.False(watch.IsCleanSince(mark));
    }

    [Fact]
    public void What_cannot_be_watched_is_not_watched()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "watching is for Linux");
        using var tree = Sample();
        Assert.Null(InputWatch.Start(["/proc"], CancellationToken.None));
        Assert.Null(InputWatch.Start([tree.Full("nowhere")], CancellationToken.None));
        Assert.Null(InputWatch.Start([], CancellationToken.None));

        // Written under its other name it would change unannounced.
        tree.Write("elsewhere", "");
        Assert.Equal(0, Libc.HardLink(tree.Full("src/a.c"), tree.Full("bin/hard")));
        Assert.Empty(tree.Scan(false).Directories);
    }

    private static Tree Sample()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "watching is for Linux");
        var tree = new Tree();
        tree.Git("init", "-q");
        return tree.Write("laptime.yaml", "version: 1\n").Write(".gitignore", "bin/\n").Write("src/a.c", "a").Write("src/b.c", "b").Write("src/deep/c.c", "c").Write("bin/out", "o");
    }

    private static InputWatch Start(Tree tree)
    {
        tree.Scan(false, save: true);
        var watch = InputWatch.Start(tree.Scan(false, save: true).Directories, CancellationToken.None);
        Assert.NotNull(watch);
        return watch;
    }
}
