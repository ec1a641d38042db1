using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Tests.Fingerprints;

/// <summary>When only contents changed the tree is not walked; the answer is that of a walk all the same.</summary>
public sealed class SavedScanTests
{
    public static TheoryData<string, Action<Tree>, bool> Events => new()
    {
        { "nothing", _ => { }, true },
        { "content", t => t.Write("src/a.c", "changed"), true },
        { "same size and time", t => SameTime(t, "src/a.c", "xyz"), true },
        { "two files in two folders", t => t.Write("src/a.c", "1").Write("src/deep/c.c", "2"), true },
        { "saved by rename, as editors do", t => { t.Write("src/a.c~", "new"); File.Move(t.Full("src/a.c~"), t.Full("src/a.c"), overwrite: true); }, true },
        { "executable", t => File.SetUnixFileMode(t.Full("src/a.c"), (UnixFileMode)0x1ED), true },
        { "link re-pointed", t => { File.Delete(t.Full("src/link")); t.Link("src/link", "b.c"); }, true },
        { "touched", t => File.SetLastWriteTimeUtc(t.Full("src/a.c"), DateTime.UnixEpoch), true },
        { "git wrote its index", t => t.Git("update-index", "--force-write-index"), true },
        { "ignored content", t => t.Write("bin/out", "other").Write("bin/new", "n"), true },
        { "new file", t => t.Write("src/new.c", ""), false },
        { "file gone", t => File.Delete(t.Full("src/b.c")), false },
        { "renamed", t => File.Move(t.Full("src/b.c"), t.Full("src/z.c")), false },
        { "link became file", t => { File.Delete(t.Full("src/link")); t.Write("src/link", "a.c"); }, false },
        { "ignore file that is an input", t => t.Write("src/.gitignore", "*.h\nb.c\n"), false },
        { "ignore file above", t => t.Write(".gitignore", "bin/\nb.c\n"), false },
        { "a second name for a file", t => HardLink(t, "src/a.c", "elsewhere"), false },
        { "tracked anew", t => t.Git("add", "-f", "src/x.h"), false },
    };

    [Theory, MemberData(nameof(Events), DisableDiscoveryEnumeration = true)]
    public void The_answer_is_that_of_a_walk(string what, Action<Tree> happens, bool spared)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the tree is always walked");
        using var tree = Sample();
        var workspace = Shared(tree);
        _ = tree.Scan(false, save: true, workspace: workspace);
        happens(tree);

        var now = tree.Scan(false, save: true, workspace: workspace);
        Assert.True(spared == (now.Counters.Directories == 0), what);
        var truth = tree.Scan(false, full: true, workspace: workspace);
        Assert.Equal(truth.Tree, now.Tree);
        Assert.Equal(truth.Files("app"), now.Files("app"));
        Assert.Equal(truth.Files("twin"), now.Files("twin"));
        Assert.Equal(truth.Directories.Order(), now.Directories.Order());
        Assert.Equal(truth.Counters.Files, now.Counters.Files);
        Assert.Equal(truth.Warnings, now.Warnings);

        // The index that it left vouches for it, and for nothing else.
        var verdict = NoOpCheck.Check(tree.IndexPath, tree.Root);
        Assert.True(verdict.IsClean, $"{what}: {verdict.Reason}");
        Assert.Equal(truth.Tree, verdict.Tree);
        SameTime(tree, "src/b.c", "zzz");
        Assert.Equal(what is "file gone" or "renamed", NoOpCheck.Check(tree.IndexPath, tree.Root).IsClean);
    }

    [Fact]
    public void Other_groups_or_patterns_are_another_scan()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the tree is always walked");
        using var tree = Sample();
        _ = tree.Scan(false, save: true, workspace: Shared(tree));
        var other = tree.Workspace(Tree.Component("app", "", "src/deep/**"), Tree.Component("twin", "", "src/**"));
        var now = tree.Scan(false, workspace: other);
        Assert.True(now.Counters.Directories > 0);
        Assert.Equal(tree.Scan(false, full: true, workspace: other).Tree, now.Tree);
    }

    [Fact]
    public void A_scan_with_warnings_is_walked_again_so_that_it_warns_again()
    {
        using var tree = Sample();
        var workspace = tree.Workspace(Tree.Component("app", "", "src/**", "nothing/*.here"));
        var first = tree.Scan(false, save: true, workspace: workspace);
        Assert.NotEmpty(first.Warnings);
        Assert.Equal(first.Warnings, tree.Scan(false, save: true, workspace: workspace).Warnings);
    }

    [Fact]
    public void Asking_reads_what_changed_and_writes_nothing()
    {
        using var tree = Sample();
        var workspace = Shared(tree);
        _ = tree.Scan(false, save: true, workspace: workspace);
        tree.Write("src/a.c", "changed");
        var before = File.ReadAllBytes(tree.IndexPath);
        var asked = tree.Scan(false, workspace: workspace);
        Assert.Equal(tree.Scan(false, full: true, workspace: workspace).Tree, asked.Tree);
        Assert.Equal(before, File.ReadAllBytes(tree.IndexPath));
    }

    private static Tree Sample()
    {
        var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write("laptime.yaml", "version: 1\n").Write(".gitignore", "bin/\n*.log\n*~\n").Write("src/.gitignore", "*.h\n").Write("src/a.c", "aaa").Write("src/b.c", "bbb")
            .Write("src/deep/c.c", "ccc").Write("src/déjà vu/ü.c", "d").Write("bin/out", "o").Link("src/link", "a.c");
        tree.Git("add", ".");
        tree.Write("src/x.h", "ignored");
        return tree;
    }

    /// <summary>Some files are inputs of both.</summary>
    private static Workspace Shared(Tree tree) => tree.Workspace(Tree.Component("app", "", "src/**"), Tree.Component("twin", "src", "deep/**", "*.c"));

    private static void SameTime(Tree tree, string path, string content)
    {
        if (!File.Exists(tree.Full(path)))
        {
            return;
        }

        var time = File.GetLastWriteTimeUtc(tree.Full(path));
        tree.Write(path, content);
        File.SetLastWriteTimeUtc(tree.Full(path), time);
    }

    private static void HardLink(Tree tree, string path, string name)
    {
        using var link = System.Diagnostics.Process.Start("ln", [tree.Full(path), tree.Full(name)]);
        link.WaitForExit();
        Assert.Equal(0, link.ExitCode);
    }
}
