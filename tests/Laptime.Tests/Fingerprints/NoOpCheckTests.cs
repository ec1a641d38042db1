using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Tests.Fingerprints;

/// <summary>The quick check may say "changed" too often, never "clean" wrongly.</summary>
public sealed class NoOpCheckTests
{
    private static Tree Sample()
    {
        var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write("laptime.yaml", "version: 1\n").Write(".gitignore", "bin/\n*.log\n").Write("src/a.c", "aaa").Write("src/b.c", "bbb")
            .Write("src/deep/er/c.c", "ccc").Write("bin/out", "o").Write("docs/readme.md", "m").Link("src/link", "a.c").Write("tracked.log", "t");
        tree.Git("add", "-f", "tracked.log");
        return tree;
    }

    private static Workspace Narrow(Tree tree) => tree.Workspace(Tree.Component("app", "", "src/**", "*.log"));

    public static TheoryData<string, Action<Tree>, bool> Events => new()
    {
        { "nothing", _ => { }, true },
        { "content", t => t.Write("src/a.c", "xyz"), false },
        { "same size and time", SameSizeAndTime, false },
        { "new file", t => t.Write("src/new.c", ""), false },
        { "new file deep down", t => t.Write("src/deep/er/new.c", ""), false },
        { "file gone", t => File.Delete(t.Full("src/b.c")), false },
        { "renamed", t => File.Move(t.Full("src/b.c"), t.Full("src/z.c")), false },
        { "executable", t => File.SetUnixFileMode(t.Full("src/a.c"), (UnixFileMode)0x1ED), false },
        { "link re-pointed", t => { File.Delete(t.Full("src/link")); t.Link("src/link", "b.c"); }, false },
        { "file became folder", t => { File.Delete(t.Full("src/b.c")); Directory.CreateDirectory(t.Full("src/b.c")); }, false },
        { "folder gone", t => Directory.Delete(t.Full("src/deep"), true), false },
        { "ignore file", t => t.Write(".gitignore", "bin/\n"), false },
        { "new ignore file", t => t.Write("src/deep/.gitignore", "*\n"), false },
        { "info/exclude", t => t.Write(".git/info/exclude", "b.c\n"), false },
        { "git configuration", t => t.Git("config", "core.excludesFile", "~/x"), false },
        { "workspace file", t => t.Write("laptime.yaml", "version: 2\n"), false },
        { "workspace file gone", t => File.Delete(t.Full("laptime.yaml")), false },
        { "ignored file tracked", t => { t.Write("more.log", "x"); t.Git("add", "-f", "more.log"); }, false },
        { "ignored file no longer tracked", t => t.Git("rm", "-q", "--cached", "tracked.log"), false },
        { "repository gone", t => Directory.Delete(t.Full(".git"), true), false },
        { "nested repository", t => t.GitIn("src/deep", "init", "-q"), false },
        { "ignored content", t => t.Write("bin/out", "other").Write("bin/new", "n"), true },
        { "ignored file gone", t => Directory.Delete(t.Full("bin"), true), true },
        { "left out content", t => t.Write("docs/readme.md", "other").Write("docs/new.md", "n"), true },
        { "git wrote its index", t => { t.Git("update-index", "--force-write-index"); }, true },
        { "git commit", t => t.Git("commit", "-qm", "x"), true },
        { "folder touched", t => { t.Write("src/temp", ""); File.Delete(t.Full("src/temp")); }, true },
        { "our own folder", t => t.Write(".laptime/journal.db", "x"), true },
    };

    [Theory, MemberData(nameof(Events), DisableDiscoveryEnumeration = true)]
    public void Clean_means_clean_and_every_miss_is_named(string what, Action<Tree> happens, bool clean)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the quick check is for Linux");
        using var tree = Sample();
        var workspace = Narrow(tree);
        var saved = tree.Scan(workspace, save: true);
        happens(tree);

        var verdict = NoOpCheck.Check(tree.IndexPath, tree.Root);
        Assert.True(verdict.IsClean == clean, $"{what}: {verdict.Reason}");
        Assert.Equal(clean, verdict.Reason is null);
        if (clean)
        {
            Assert.Equal(saved.Tree, verdict.Tree);
            Assert.Equal(saved.Counters.Files, verdict.Files);
        }
    }

    [Fact]
    public void A_check_and_a_scan_always_agree_under_random_edits()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the quick check is for Linux");
        var random = new Random(4711);
        using var tree = Sample();
        var workspace = Narrow(tree);
        var saved = tree.Scan(false, save: true, workspace: workspace);
        for (var i = 0; i < 2000; i++)
        {
            var path = "src/" + (random.Next(2) == 0 ? "deep/" : "") + "f" + random.Next(6);
            switch (random.Next(5))
            {
                case 0:
                    File.Delete(tree.Full(path));
                    break;
                case 1 when File.Exists(tree.Full(path)):
                    File.SetLastWriteTimeUtc(tree.Full(path), DateTime.UnixEpoch.AddDays(random.Next(3)));
                    break;
                case 2 when File.Exists(tree.Full(path)):
                    var time = File.GetLastWriteTimeUtc(tree.Full(path));
                    File.WriteAllText(tree.Full(path), random.Next(10, 13).ToString());
                    File.SetLastWriteTimeUtc(tree.Full(path), time);
                    break;
                case 3:
                    tree.Write("docs/x" + random.Next(3), "");
                    break;
                default:
                    tree.Write(path, random.Next(10, 13).ToString());
                    break;
            }

            var verdict = NoOpCheck.Check(tree.IndexPath, tree.Root);
            var scan = tree.Scan(false, save: random.Next(2) == 0, workspace: workspace);
            if (verdict.IsClean)
            {
                Assert.Equal(scan.Tree, verdict.Tree);
            }

            var truth = tree.Scan(true, full: true, workspace: workspace);
            Assert.Equal(truth.Tree, scan.Tree);
        }

        Assert.NotEqual(Digest.None, saved.Tree);
    }

    [Fact]
    public void No_damage_to_the_index_ever_gives_a_wrong_answer()
    {
        using var tree = Sample();
        var workspace = Narrow(tree);
        var saved = tree.Scan(workspace, save: true);
        var good = File.ReadAllBytes(tree.IndexPath);
        tree.Write("src/a.c", "changed");
        var truth = tree.Scan(workspace, full: true).Tree;
        Assert.NotEqual(saved.Tree, truth);

        var random = new Random(99);
        for (var i = 0; i < 3000; i++)
        {
            var bad = good.ToArray();
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            }

            bad = random.Next(4) == 0 ? bad[..random.Next(bad.Length)] : bad;
            File.WriteAllBytes(tree.IndexPath, bad);
            Assert.False(NoOpCheck.Check(tree.IndexPath, tree.Root).IsClean);
            if (i % 10 == 0)
            {
                Assert.Equal(truth, tree.Scan(false, workspace: workspace).Tree);
            }
        }
    }

    [Fact]
    public void Two_scans_that_save_at_once_leave_a_whole_index()
    {
        using var tree = Sample();
        var workspace = Narrow(tree);
        var expected = tree.Scan(workspace).Tree;
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 50; i++)
            {
                Assert.Equal(expected, tree.Scan(false, save: true, workspace: workspace).Tree);
            }
        })).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        using var index = StatIndex.Load(tree.IndexPath);
        Assert.NotNull(index);
        Assert.Equal(expected, index.Tree);
        Assert.Single(Directory.EnumerateFiles(Path.GetDirectoryName(tree.IndexPath)!));
    }

    [Fact]
    public void Without_an_index_nothing_is_clean()
    {
        using var tree = Sample();
        Assert.Equal("no stat index", NoOpCheck.Check(tree.IndexPath, tree.Root).Reason);
        tree.Write(".laptime/index", "");
        Assert.False(NoOpCheck.Check(tree.IndexPath, tree.Root).IsClean);
    }

    [Fact]
    public void A_global_excludes_file_that_appears_is_noticed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the quick check is for Linux");
        using var home = new Tree();
        using var tree = new Tree { GitHome = new GitHome(home.Root, home.Full(".config"), null, null) };
        tree.Git("init", "-q");
        tree.Write("a", "");
        tree.Scan(save: true);
        Assert.True(NoOpCheck.Check(tree.IndexPath, tree.Root).IsClean);
        home.Write(".config/git/ignore", "a\n");
        Assert.False(NoOpCheck.Check(tree.IndexPath, tree.Root).IsClean);
    }

    private static void SameSizeAndTime(Tree tree)
    {
        var path = tree.Full("src/a.c");
        var time = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "AAA");
        File.SetLastWriteTimeUtc(path, time);
    }
}
