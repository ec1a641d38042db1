using System.Globalization;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Fingerprints;

/// <summary>What changes a fingerprint and what does not. Every scan here goes through both readers, which must agree.</summary>
public sealed class ScanTests
{
    private static readonly Step Make = new() { Name = "make", Kind = StepKind.Compile, Run = new CommandLine.Shell(Template.Literal("make")), At = Tree.At };

    private static Tree Sample()
    {
        var tree = new Tree();
        tree.Write("laptime.yaml", "version: 1\n").Write("src/a.c", "aaa").Write("src/b.c", "bbb").Write("src/deep/er/c.c", "ccc").Link("src/link", "a.c").Write("empty", "");
        return tree;
    }

    [Fact]
    public void Touching_every_file_changes_nothing_and_the_index_then_saves_reading_again()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        foreach (var file in Directory.EnumerateFiles(tree.Root, "*", SearchOption.AllDirectories).Where(f => new FileInfo(f).LinkTarget is null))
        {
            File.SetLastWriteTimeUtc(file, new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        }

        var after = tree.Scan(save: true);
        Assert.Equal(before.Tree, after.Tree);
        Assert.True(after.Counters.Hashed >= 4);
        Assert.Equal(6, after.Counters.Files);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Other_content_of_the_same_size_and_time_is_noticed(bool portable)
    {
        using var tree = Sample();
        var before = tree.Scan(portable, save: true);
        var path = tree.Full("src/a.c");
        var time = File.GetLastWriteTimeUtc(path);
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write))
        {
            file.Write("AAA"u8);
        }

        File.SetLastWriteTimeUtc(path, time);

        var after = tree.Scan(portable, save: true);
        Assert.Equal(["src/a.c"], WorkspaceScan.Changed(before, after, "app"));
        Assert.NotEqual(before.Tree, after.Tree);
    }

    [Fact]
    public void The_executable_bit_counts_and_other_permissions_do_not()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        var path = tree.Full("src/a.c");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(before.Tree, tree.Scan().Tree);

        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var after = tree.Scan();
        Assert.Equal(["src/a.c"], WorkspaceScan.Changed(before, after, "app"));
        Assert.Equal(InputKind.Executable, after.Files("app").Single(f => f.Path == "src/a.c").Kind);
    }

    [Fact]
    public void A_rename_is_one_file_less_and_one_more()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        File.Move(tree.Full("src/a.c"), tree.Full("src/z.c"));

        Assert.Equal(["src/a.c", "src/z.c"], WorkspaceScan.Changed(before, tree.Scan(), "app"));
    }

    [Fact]
    public void A_file_moved_to_another_folder_changes_the_fingerprint()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        File.Move(tree.Full("src/a.c"), tree.Full("src/deep/a.c"));
        Assert.Equal(["src/a.c", "src/deep/a.c"], WorkspaceScan.Changed(before, tree.Scan(), "app"));
    }

    [Fact]
    public void Two_files_that_swap_their_contents_change_the_fingerprint()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        File.Move(tree.Full("src/a.c"), tree.Full("x"));
        File.Move(tree.Full("src/b.c"), tree.Full("src/a.c"));
        File.Move(tree.Full("x"), tree.Full("src/b.c"));
        Assert.Equal(["src/a.c", "src/b.c"], WorkspaceScan.Changed(before, tree.Scan(), "app"));
    }

    [Fact]
    public void A_link_counts_by_what_it_says_and_is_never_followed()
    {
        using var tree = Sample();
        tree.Link("loop", ".").Link("dangling", "nowhere");
        var before = tree.Scan(save: true);
        Assert.Equal(InputKind.Link, before.Files("app").Single(f => f.Path == "src/link").Kind);

        tree.Write("src/a.c", "other");
        Assert.Equal(["src/a.c"], WorkspaceScan.Changed(before, tree.Scan(), "app"));

        File.Delete(tree.Full("src/link"));
        tree.Link("src/link", "b.c").Write("src/a.c", "aaa");
        Assert.Equal(["src/link"], WorkspaceScan.Changed(before, tree.Scan(), "app"));
    }

    [Fact]
    public void A_link_and_a_file_with_its_text_differ()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        File.Delete(tree.Full("src/link"));
        tree.Write("src/link", "a.c");
        Assert.Equal(["src/link"], WorkspaceScan.Changed(before, tree.Scan(), "app"));
    }

    [Fact]
    public void The_border_between_a_name_and_its_content_counts()
    {
        using var a = new Tree();
        a.Write("ab", "c");
        using var b = new Tree();
        b.Write("a", "bc");
        Assert.NotEqual(a.Scan().DigestOf("app"), b.Scan().DigestOf("app"));
    }

    [Fact]
    public void Deleting_a_file_changes_the_fingerprint_and_restoring_it_brings_it_back()
    {
        using var tree = Sample();
        var before = tree.Scan(save: true);
        File.Delete(tree.Full("src/b.c"));
        Assert.NotEqual(before.Tree, tree.Scan(save: true).Tree);
        tree.Write("src/b.c", "bbb");
        Assert.Equal(before.Tree, tree.Scan(save: true).Tree);
    }

    [Fact]
    public void Odd_names_are_inputs_like_any_other()
    {
        using var tree = new Tree();
        string[] names = ["-rf", "a\nb", " ", "ü", "日本語", "a\tb", "😀", "\uE000", "quote\"", new string('x', 255), "*", "con", "a\\b"];
        foreach (var name in names)
        {
            tree.Write(name, name);
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), tree.Paths(tree.Scan(save: true)));
        Assert.Equal(0, tree.Scan(portable: false).Counters.Hashed - RacyOf(tree));
    }

    [Fact]
    public void Names_that_are_not_text_are_told_apart_on_Linux()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "names are text on this system");
        using var tree = new Tree();
        Libc.WriteRaw(tree.Root, [0x61, 0xFF], "1");
        Libc.WriteRaw(tree.Root, [0x61, 0xFE], "2");
        Libc.WriteRaw(tree.Root, [0xEF, 0xBF, 0xBD], "3");

        var scan = tree.Scan(portable: false, save: true);
        Assert.Equal(3, scan.Files("app").Select(f => f.Path).Distinct().Count());
        Assert.Equal(scan.Tree, tree.Scan(portable: false).Tree);
        Assert.Contains("a\\xff", scan.Files("app").Select(f => PathText.Display(f.Path)));

        // The portable reader cannot spell them, and says so rather than mixing them up.
        var refused = Assert.Throws<LapException>(() => tree.Scan(portable: true));
        Assert.Contains("not valid Unicode", refused.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Pipes_are_refused_by_name_without_being_opened(bool portable)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no named pipes in folders");
        using var tree = Sample();
        Libc.MakePipe(tree.Full("src/pipe"));
        Libc.MakePipe(tree.Full("src/deep/second"));

        var refused = Assert.Throws<LapException>(() => tree.Scan(portable));
        Assert.Equal(["src/deep/second", "src/pipe"], refused.Problems.Select(p => p.Where));

        tree.Write(".gitignore", "pipe\nsecond\n");
        Assert.Equal(7, tree.Scan(portable).Counters.Files);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Files_that_cannot_be_read_are_all_named(bool portable)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs setfsuid");
        using var tree = Sample();
        File.SetUnixFileMode(tree.Root, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(tree.Full("src/a.c"), UnixFileMode.None);
        File.SetUnixFileMode(tree.Full("src/deep"), UnixFileMode.None);
        LapException? refused = null;
        var thread = new Thread(() =>
        {
            _ = Libc.SetFileUser(65534);
            refused = Assert.Throws<LapException>(() => tree.Scan(portable));
        });
        thread.Start();
        thread.Join();

        Assert.NotNull(refused);
        Assert.Contains(refused.Problems, p => p.Where == "src/deep" && p.What.Contains("permission denied", StringComparison.Ordinal));
    }

    [Fact]
    public void A_component_whose_folder_is_missing_is_a_problem_with_its_place()
    {
        using var tree = Sample();
        var refused = Assert.Throws<LapException>(() => tree.Scan(tree.Workspace(Tree.Component("app", "nowhere"))));
        Assert.Contains("nowhere", refused.Problems.Single().What, StringComparison.Ordinal);
        Assert.Equal("laptime.yaml:1:1", refused.Problems.Single().Where);
    }

    [Fact]
    public void A_component_reached_through_a_link_is_refused()
    {
        using var tree = Sample();
        tree.Link("alias", "src");
        var refused = Assert.Throws<LapException>(() => tree.Scan(tree.Workspace(Tree.Component("app", "alias"))));
        Assert.Contains("symbolic link", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shared_files_above_a_component_are_inputs_of_all_that_name_them()
    {
        using var tree = new Tree();
        tree.Write("proto/cart.proto", "1").Write("src/gateway/g.c", "2").Write("src/catalog/c.c", "3").Write("other/x", "4");
        var workspace = tree.Workspace(
            Tree.Component("gateway", "src/gateway", "**", "../../proto/**"),
            Tree.Component("catalog", "src/catalog", "**", "../../proto/*.proto", "!**/*.md"));
        var before = tree.Scan(workspace, save: true);
        Assert.Equal(["proto/cart.proto", "src/gateway/g.c"], before.Files("gateway").Select(f => f.Path));
        Assert.Equal(["proto/cart.proto", "src/catalog/c.c"], before.Files("catalog").Select(f => f.Path));
        Assert.Equal(3, before.Counters.Files);

        tree.Write("proto/cart.proto", "changed");
        var after = tree.Scan(workspace);
        Assert.Equal(["proto/cart.proto"], WorkspaceScan.Changed(before, after, "gateway"));
        Assert.Equal(["proto/cart.proto"], WorkspaceScan.Changed(before, after, "catalog"));

        tree.Write("other/x", "changed").Write("proto/cart.proto", "1");
        Assert.Equal(before.Tree, tree.Scan(workspace).Tree);
    }

    [Fact]
    public void Inputs_may_lie_outside_the_workspace()
    {
        using var tree = new Tree { Sub = "ws" };
        tree.Write("ws/app/a", "1").Write("shared/b", "2").Write("shared/.gitignore", "*.o\n").Write("shared/c.o", "3");
        var workspace = tree.Workspace(Tree.Component("app", "app", "**", "../../shared/**"));
        Assert.Equal(["../shared/.gitignore", "../shared/b", "app/a"], tree.Scan(workspace).Files("app").Select(f => f.Path));
    }

    [Fact]
    public void Declared_outputs_are_nobodys_input_unless_git_tracks_them()
    {
        using var tree = new Tree();
        tree.Write("a/x.c", "1").Write("a/out/x.o", "2").Write("a/page.html", "3").Write("b/y.c", "4");
        var workspace = tree.Workspace(
            Tree.Component("app", "a") with { Build = new BuildSettings { Steps = [Make], Outputs = ["out/**", "*.html"] } },
            Tree.Component("all", ""));
        Assert.Equal(["a/page.html", "a/x.c"], tree.Scan(workspace).Files("app").Select(f => f.Path));
        Assert.Equal(["a/page.html", "a/x.c", "b/y.c"], tree.Scan(workspace).Files("all").Select(f => f.Path));

        tree.Git("init", "-q");
        tree.Git("add", "a/out/x.o");
        Assert.Equal(["a/out/x.o", "a/page.html", "a/x.c"], tree.Scan(workspace).Files("app").Select(f => f.Path));
    }

    [Fact]
    public void Outputs_that_no_step_makes_are_inputs_of_their_component_also_where_git_ignores_them()
    {
        using var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write(".gitignore", "dist/\n*.log\n").Write("site/dist/index.html", "1").Write("site/dist/deep/a.js", "2").Write("site/dist/x.log", "3").Write("site/dist/tmp/b.js", "4").Write("site/notes.txt", "5").Write("other/dist/c.js", "6");
        var workspace = tree.Workspace(
            Tree.Component("app", "site") with { Build = new BuildSettings { Outputs = ["dist/**", "!dist/tmp/**"] } },
            Tree.Component("narrow", "site", "notes.txt") with { Build = new BuildSettings { Outputs = ["dist/deep/**"] } },
            Tree.Component("all", ""));
        var scan = tree.Scan(workspace, save: true);
        Assert.Equal(["site/dist/deep/a.js", "site/dist/index.html", "site/dist/x.log", "site/notes.txt"], scan.Files("app").Select(f => f.Path));
        Assert.Equal(["site/dist/deep/a.js", "site/notes.txt"], scan.Files("narrow").Select(f => f.Path));
        Assert.Equal([".gitignore", "site/notes.txt"], scan.Files("all").Select(f => f.Path));
        Assert.Empty(scan.Warnings);

        tree.Write("site/dist/index.html", "other");
        Assert.Equal(["site/dist/index.html"], WorkspaceScan.Changed(scan, tree.Scan(workspace), "app"));
    }

    [Fact]
    public void What_a_Dockerfile_copies_by_name_is_an_input_also_where_git_ignores_it()
    {
        using var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write(".gitignore", "dist/\nobj/\n").Write("web/Dockerfile", "FROM scratch\nCOPY dist/ /srv/\nCOPY . /all\n").Write("web/dist/a.js", "1").Write("web/obj/b.o", "2").Write("web/src/c.js", "3");
        var component = Tree.Component("app", "web") with { Build = new BuildSettings { Image = new ImageSettings("Dockerfile", ".", null) } };
        var workspace = tree.Workspace(component);
        var scan = tree.Scan(workspace, save: true);
        Assert.Equal(["web/Dockerfile", "web/dist/a.js", "web/src/c.js"], scan.Files("app").Select(f => f.Path));

        // Another list of places is another scan, whatever the index holds.
        tree.Write("web/Dockerfile", "FROM scratch\nCOPY src /srv/\n");
        Assert.Equal(["web/Dockerfile", "web/src/c.js"], tree.Scan(workspace, save: true).Files("app").Select(f => f.Path));

        // Steps build there anew each time.
        tree.Write("web/Dockerfile", "FROM scratch\nCOPY dist /srv/\n");
        Assert.Equal(["web/Dockerfile", "web/src/c.js"], tree.Scan(tree.Workspace(component with { Build = component.Build with { Steps = [Make] } })).Files("app").Select(f => f.Path));
    }

    [Fact]
    public void A_Dockerfile_that_is_none_hangs_nothing()
    {
        using var tree = new Tree();
        tree.Write("web/a", "1").Write("big/Dockerfile", string.Concat(Enumerable.Repeat("COPY dist /srv\n", 100_000)));
        Component Image(string name, string path) => Tree.Component(name, path, "a") with { Build = new BuildSettings { Image = new ImageSettings("Dockerfile", ".", null) } };
        Assert.Equal(["web/a"], tree.Scan(tree.Workspace(Image("app", "web"))).Files("app").Select(f => f.Path));
        Assert.Equal(["big/Dockerfile"], tree.Scan(tree.Workspace(Image("app", "big"))).Files("app").Select(f => f.Path));
        System.Diagnostics.Process.Start("mkfifo", tree.Full("web/Dockerfile")).WaitForExit();
        Assert.Contains("pipe", Assert.Throws<LapException>(() => tree.Scan(tree.Workspace(Image("app", "web")))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("COPY dist/ /srv/", "dist")]
    [InlineData("copy --chown=1:2 --link ./target/app.jar lib /srv/", "target/app.jar|lib")]
    [InlineData("ADD [\"build out\", \"b\", \"/srv\"]", "build out|b")]
    [InlineData("COPY a \\\n# said\n\n  b \\\n  /srv/", "a|b")]
    [InlineData("COPY target/*.jar /srv/", "target/*.jar")]
    [InlineData("COPY . .\nCOPY ./ /x\nCOPY / /x\nCOPY *.js /x", "")]
    [InlineData("COPY --from=build /out /srv", "")]
    [InlineData("ADD https://example.org/a.tar /srv/\nADD git@example.org:a.git /srv", "")]
    [InlineData("COPY $PLACE ${OTHER}/x ../up a/../../b /srv/", "")]
    [InlineData("COPY <<EOF /srv/x\nCOPY dist /srv\nEOF\nCOPY lib /srv/", "lib")]
    [InlineData("RUN cat <<-'E1' > x\nCOPY dist /srv\nE1\nCOPY lib /srv/", "lib")]
    [InlineData("# COPY dist /srv", "")]
    [InlineData("COPY [\"a\", 7, {}", "")]
    [InlineData("COPY", "")]
    public void The_places_that_a_Dockerfile_names_are_read(string text, string places) =>
        Assert.Equal(places.Split('|', StringSplitOptions.RemoveEmptyEntries), DockerfileCopies.Of(text));

    [Fact]
    public void A_clone_elsewhere_has_the_same_fingerprint()
    {
        using var tree = Sample();
        tree.Git("init", "-q");
        tree.Write("run.sh", "#!/bin/sh\n");
        File.SetUnixFileMode(tree.Full("run.sh"), (UnixFileMode)0x1ED);
        tree.Git("add", ".");
        tree.Git("commit", "-qm", "x");
        using var elsewhere = new Tree { Sub = "a/longer/path with spaces" };
        Directory.CreateDirectory(elsewhere.Full("a/longer"));
        elsewhere.Git("clone", "-q", tree.Root, elsewhere.WorkspaceRoot);

        Assert.Equal(tree.Scan().Tree, elsewhere.Scan().Tree);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_branch_switched_and_back_gives_the_first_fingerprint(bool portable)
    {
        using var tree = Sample();
        tree.Git("init", "-q");
        tree.Write(".git/info/exclude", ".laptime/\n");
        tree.Git("add", ".");
        tree.Git("commit", "-qm", "one");
        var first = tree.Scan(portable, save: true);
        tree.Git("checkout", "-qb", "other");
        tree.Write("src/a.c", "other branch").Write("src/new.c", "new");
        tree.Git("add", ".");
        tree.Git("commit", "-qm", "two");
        var second = tree.Scan(portable, save: true);
        Assert.Equal(["src/a.c", "src/new.c"], WorkspaceScan.Changed(first, second, "app"));
        tree.Git("checkout", "-q", "main");
        Assert.Equal(first.Tree, tree.Scan(portable, save: true).Tree);
        tree.Git("checkout", "-q", "other");
        Assert.Equal(second.Tree, tree.Scan(portable, save: true).Tree);
    }

    [Fact]
    public void Committing_changes_nothing()
    {
        using var tree = Sample();
        tree.Git("init", "-q");
        var before = tree.Scan(save: true);
        tree.Git("add", ".");
        Assert.Equal(before.Tree, tree.Scan().Tree);
        tree.Git("commit", "-qm", "x");
        Assert.Equal(before.Tree, tree.Scan().Tree);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_file_written_between_two_scans_is_never_missed_however_fast(bool portable)
    {
        // Stamps move in ticks of milliseconds: most of these writes share theirs with the one before.
        using var tree = new Tree();
        tree.Write("f", "00000");
        var ascii = Encoding.ASCII;
        for (var i = 0; i < 1000; i++)
        {
            var content = i.ToString("00000", CultureInfo.InvariantCulture);
            using (var file = new FileStream(tree.Full("f"), FileMode.Open, FileAccess.Write))
            {
                file.Write(ascii.GetBytes(content));
            }

            Assert.Equal(Digest.Of(content), tree.Scan(portable, save: true).Files("app").Single().Content);
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_file_edited_while_it_is_hashed_is_reported_and_not_trusted_later(bool portable)
    {
        using var tree = new Tree();
        tree.Write("big", new byte[1 << 20]);
        using var stop = new CancellationTokenSource();
        var writer = new Thread(() =>
        {
            using var file = new FileStream(tree.Full("big"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            for (byte i = 0; !stop.IsCancellationRequested; i++)
            {
                file.Position = 0;
                file.WriteByte(i);
                file.Flush();
            }
        });
        writer.Start();
        var seen = false;
        for (var i = 0; i < 1000 && !seen; i++)
        {
            seen = tree.Scan(portable, save: true).Unstable.Contains("big");
        }

        stop.Cancel();
        writer.Join();
        Assert.True(seen);
        Assert.Equal(Digest.Of(File.ReadAllBytes(tree.Full("big"))), tree.Scan(portable).Files("app").Single().Content);
    }

    [Fact]
    public void Asking_writes_nothing()
    {
        using var tree = Sample();
        var before = Directory.EnumerateFileSystemEntries(tree.Root, "*", SearchOption.AllDirectories).Order().ToArray();
        tree.Scan();
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(tree.Root, "*", SearchOption.AllDirectories).Order());
    }

    [Fact]
    public void An_index_that_cannot_be_written_is_a_warning_and_nothing_more()
    {
        using var tree = Sample();
        tree.Write(".laptime", "a file where the folder should be");
        Assert.Contains(tree.Scan(portable: false, save: true).Warnings, w => w.Contains("stat index", StringComparison.Ordinal));
    }

    [Fact]
    public void Full_reads_everything_again()
    {
        using var tree = Sample();
        tree.Scan(save: true);
        Assert.Equal(6, tree.Scan(portable: false, full: true).Counters.Hashed);
    }

    [Fact]
    public void A_pattern_that_matches_nothing_is_a_warning()
    {
        using var tree = Sample();
        var scan = tree.Scan(tree.Workspace(Tree.Component("app", "", "src/**", "protos/**")));
        Assert.Equal(["app: input pattern `protos/**` matches nothing"], scan.Warnings);
    }

    [Fact]
    public void A_deep_and_wide_tree_reads_the_same_both_ways()
    {
        using var tree = new Tree();
        var random = new Random(3);
        for (var i = 0; i < 600; i++)
        {
            var path = string.Join('/', Enumerable.Range(0, random.Next(1, 12)).Select(_ => "d" + random.Next(4))) + "/f" + random.Next(20);
            tree.Write(path, random.Next().ToString(CultureInfo.InvariantCulture));
        }

        tree.Write("zero", "").Write("large", RandomBytes(3_000_001)).Write("exact", RandomBytes(256 * 1024));
        var scan = tree.Scan(save: true);
        Assert.Equal(Digest.Of(File.ReadAllBytes(tree.Full("large"))), scan.Files("app").Single(f => f.Path == "large").Content);
        Assert.Equal(Digest.Of(File.ReadAllBytes(tree.Full("exact"))), scan.Files("app").Single(f => f.Path == "exact").Content);
        Assert.Equal(scan.Files("app").Select(f => f.Path).Order(StringComparer.Ordinal), tree.Paths(scan));
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(5).NextBytes(bytes);
        return bytes;
    }

    // Files written a moment ago are read again: how many is the clock's affair.
    private static int RacyOf(Tree tree) => tree.Scan(portable: true).Counters.Hashed;
}
