using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Fingerprints;

namespace Laptime.Tests.Fingerprints;

/// <summary>Git itself is the specification: what `git ls-files -co --exclude-standard` lists is what is an input.</summary>
public sealed class GitIgnoreTests
{
    private static readonly string[] Names =
        ["a", "b", "ab", "foo", "bar", "foo.o", "bar.txt", "x y", "é", "bin", "obj", "#h", "!n", "sp ", "A", "a-b", "[x]", "q*", "foo]", "b\\s", "deep", "z.tmp"];

    private static readonly string[] Pieces =
        ["a", "b", "foo", "bar", "*", "**", "?", "*.o", "*.txt", "[a-c]", "[!a]", "[[:alpha:]]", "fo*", "*o", "é", "??", "bin", "obj", "\\#h", "\\!n", "sp\\ ", "x y", "A", "\\[x\\]", "q\\*", "[]]", "foo**", "**r", "a[]-]b", "de\\ep", "[a", "z.*"];

    [Fact]
    public void What_git_lists_is_what_is_an_input()
    {
        var seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();
        Prop.ForAll(seeds, Agrees).Check(Config.QuickThrowOnFailure.WithMaxTest(120));
    }

    /// <summary>Trees on which git and lap once disagreed.</summary>
    [Theory, InlineData(1111140212)]
    public void What_git_lists_is_what_is_an_input_here_too(int seed) => Assert.True(Agrees(seed));

    [Fact]
    public void Global_excludes_and_info_exclude_count_and_gitignore_wins_over_them()
    {
        using var home = new Tree();
        home.Write(".config/git/ignore", "*.global\n*.taken\n");
        using var tree = new Tree { GitHome = new GitHome(home.Root, home.Full(".config"), null, null) };
        tree.Git("init", "-q");
        tree.Write(".git/info/exclude", "*.local\n!x.global\n").Write(".gitignore", "!*.taken\n")
            .Write("a.global", "").Write("x.global", "").Write("b.local", "").Write("c.taken", "").Write("d", "");

        Assert.Equal([".gitignore", "c.taken", "d", "x.global"], tree.Paths());
        Assert.Equal(Listed(tree, ""), tree.Paths().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_excludes_file_named_in_a_config_file_is_used()
    {
        using var home = new Tree();
        home.Write(".gitconfig", "[core]\n\texcludesFile = \"~/my ignore\" ; where mine is\n[include]\n\tpath = more\n").Write("my ignore", "*.mine\n").Write("more", "[user]\nname = x\n");
        using var tree = new Tree { GitHome = new GitHome(home.Root, home.Full(".config"), null, null) };
        tree.Git("init", "-q");
        tree.Write("a.mine", "").Write("b", "");

        Assert.Equal(["b"], tree.Paths());
        Assert.Equal(Listed(tree, ""), tree.Paths());
    }

    [Fact]
    public void Ignore_files_count_outside_git_too()
    {
        using var tree = new Tree();
        tree.Write(".gitignore", "*.o\nbin/\n").Write("a.o", "").Write("a.c", "").Write("bin/x", "").Write("lib/.gitignore", "!*.o\n").Write("lib/b.o", "");

        Assert.Equal([".gitignore", "a.c", "lib/.gitignore", "lib/b.o"], tree.Paths());
    }

    [Fact]
    public void Rules_of_folders_above_the_workspace_count_up_to_the_top_of_the_working_tree()
    {
        using var tree = new Tree { Sub = "packages/shop" };
        tree.Git("init", "-q");
        tree.Write(".gitignore", "*.o\n/packages/shop/gen\n").Write("packages/.gitignore", "!keep.o\n")
            .Write("packages/shop/a.o", "").Write("packages/shop/keep.o", "").Write("packages/shop/gen/x", "").Write("packages/shop/src/gen/y", "");

        Assert.Equal(["keep.o", "src/gen/y"], tree.Paths());
    }

    [Fact]
    public void A_workspace_that_the_enclosing_repository_ignores_is_as_if_outside_of_it()
    {
        using var tree = new Tree { Sub = ".out/demo" };
        tree.Git("init", "-q");
        tree.Write(".gitignore", ".out/\n*.txt\n").Write(".out/demo/a.txt", "").Write(".out/demo/.gitignore", "*.o\n").Write(".out/demo/b.o", "");

        Assert.Equal([".gitignore", "a.txt"], tree.Paths());
    }

    [Fact]
    public void A_tracked_file_is_an_input_although_it_is_ignored()
    {
        using var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write(".gitignore", "build/\n*.log\n").Write("build/keep/me.txt", "1").Write("build/other.txt", "2").Write("x.log", "3").Write("y.log", "4");
        tree.Git("add", "-f", "build/keep/me.txt", "x.log");

        Assert.Equal([".gitignore", "build/keep/me.txt", "x.log"], tree.Paths());
        foreach (var version in (string[])["2", "3", "4"])
        {
            tree.Git("update-index", "--index-version", version);
            Assert.Equal([".gitignore", "build/keep/me.txt", "x.log"], tree.Paths());
        }

        tree.Git("update-index", "--split-index");
        tree.Git("add", "-f", "y.log");
        Assert.Equal([".gitignore", "build/keep/me.txt", "x.log", "y.log"], tree.Paths());
    }

    [Fact]
    public void A_sha256_repository_is_read_too()
    {
        using var tree = new Tree();
        tree.Git("init", "-q", "--object-format=sha256");
        tree.Write(".gitignore", "*.log\n").Write("x.log", "3").Write("y.log", "4");
        tree.Git("add", "-f", "x.log", ".gitignore");

        Assert.Equal([".gitignore", "x.log"], tree.Paths());
    }

    [Fact]
    public void A_nested_repository_is_walked_with_rules_of_its_own()
    {
        using var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write(".gitignore", "*.o\n").Write("a.o", "");
        Directory.CreateDirectory(tree.Full("nested"));
        tree.GitIn("nested", "init", "-q");
        tree.Write("nested/b.o", "").Write("nested/c.txt", "").Write("nested/.git/info/exclude", "*.txt\n");

        Assert.Equal([".gitignore", "nested/b.o"], tree.Paths());
    }

    [Fact]
    public void A_submodule_below_an_ignored_folder_is_walked_when_it_is_tracked()
    {
        using var source = new Tree();
        source.Git("init", "-q");
        source.Write("lib.c", "1");
        source.Git("add", ".");
        source.Git("commit", "-qm", "x");
        using var tree = new Tree();
        tree.Git("init", "-q");
        tree.Write(".gitignore", "vendor/\n");
        tree.Git("submodule", "add", "-q", "-f", source.Root, "vendor/lib");
        tree.Write("vendor/other", "");

        Assert.Equal([".gitignore", ".gitmodules", "vendor/lib/lib.c"], tree.Paths());
    }

    [Fact]
    public void A_git_worktree_has_the_inputs_and_the_tree_of_its_repository()
    {
        using var tree = new Tree { Sub = "main" };
        Directory.CreateDirectory(tree.Full("main"));
        tree.GitIn("main", "init", "-q");
        tree.Write("main/.gitignore", "*.o\n").Write("main/a.c", "1").Write("main/t.o", "2");
        tree.GitIn("main", "add", "-f", ".gitignore", "a.c", "t.o");
        tree.GitIn("main", "commit", "-qm", "x");
        tree.Write("main/.git/info/exclude", "*.secret\n");
        tree.GitIn("main", "worktree", "add", "-q", "../other");
        tree.Write("other/x.secret", "").Write("other/b.o", "");

        var other = tree.Workspace() with { Root = tree.Full("other"), Sources = [] };
        Assert.Equal([".gitignore", "a.c", "t.o"], tree.Scan(other).Files("app").Select(f => f.Path));
        Assert.Equal(tree.Scan().Tree, tree.Scan(other).Tree);
    }

    [Fact]
    public void Ignored_files_stay_out_even_when_a_pattern_names_them()
    {
        using var tree = new Tree();
        tree.Write(".gitignore", "gen/\n").Write("gen/a.c", "").Write("b.c", "");

        var scan = tree.Scan(tree.Workspace(Tree.Component("app", "", "*.c", "gen/**")));
        Assert.Equal(["b.c"], tree.Paths(scan));
        Assert.Contains(scan.Warnings, w => w.Contains("gen/**", StringComparison.Ordinal));
    }

    [Fact]
    public void Case_is_folded_where_the_repository_says_so()
    {
        using var tree = new Tree();
        tree.Git("init", "-q");
        tree.Git("config", "core.ignorecase", "true");
        tree.Write(".gitignore", "*.OBJ\n/Bin/\n[a-c]x\n").Write("a.obj", "").Write("bin/x", "").Write("Bx", "").Write("k", "");

        Assert.Equal([".gitignore", "k"], tree.Paths());
        Assert.Equal(Listed(tree, ""), tree.Paths());
    }

    private static bool Agrees(int seed)
    {
        var random = new Random(seed);
        using var tree = new Tree();
        tree.Git("init", "-q");
        List<string> folders = [""], repositories = [""];
        for (var i = 0; i < 10; i++)
        {
            var parent = folders[random.Next(folders.Count)];
            var folder = (parent.Length == 0 ? "" : parent + "/") + Names[random.Next(Names.Length)];
            Directory.CreateDirectory(tree.Full(folder));
            if (!folders.Contains(folder))
            {
                folders.Add(folder);
            }
        }

        if (random.Next(4) == 0)
        {
            var nested = folders[random.Next(folders.Count)];
            if (nested.Length > 0)
            {
                tree.GitIn(nested, "init", "-q");
                repositories.Add(nested);
            }
        }

        List<string> files = [];
        foreach (var folder in folders)
        {
            for (var i = random.Next(5); i >= 0; i--)
            {
                var path = (folder.Length == 0 ? "" : folder + "/") + Names[random.Next(Names.Length)];
                if (!Directory.Exists(tree.Full(path)) && !File.Exists(tree.Full(path)))
                {
                    files.Add(path);
                    if (random.Next(12) == 0)
                    {
                        tree.Link(path, "a");
                    }
                    else
                    {
                        tree.Write(path, path);
                    }
                }
            }

            if (random.Next(2) == 0)
            {
                tree.Write((folder.Length == 0 ? "" : folder + "/") + ".gitignore", Rules(random));
            }
        }

        if (random.Next(3) == 0)
        {
            tree.Write(".git/info/exclude", Rules(random));
        }

        if (repositories.Count == 1)
        {
            foreach (var file in files.Where(_ => random.Next(8) == 0))
            {
                tree.Git("add", "-f", "--", ":(literal)" + file);
            }
        }

        var expected = repositories.SelectMany(r => Listed(tree, r)).Order(StringComparer.Ordinal).ToArray();

        // A nested repository that the outer one ignores is not walked at all.
        if (repositories.Count > 1 && IsIgnored(tree, repositories[1]))
        {
            expected = [.. Listed(tree, "")];
        }

        var actual = tree.Paths();
        if (!expected.SequenceEqual(actual))
        {
            var rules = Directory.EnumerateFiles(tree.Root, ".gitignore", SearchOption.AllDirectories).Append(tree.Full(".git/info/exclude"))
                .Select(f => $"{f[tree.Root.Length..]}:\n{File.ReadAllText(f)}");
            Assert.Fail($"seed {seed}\nonly git: {string.Join('|', expected.Except(actual))}\nonly us: {string.Join('|', actual.Except(expected))}\n{string.Join("\n", rules)}");
        }

        return true;
    }

    private static string Rules(Random random)
    {
        var text = new StringBuilder();
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            text.Append(random.Next(4) == 0 ? "!" : "").Append(random.Next(5) == 0 ? "/" : "");
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                text.Append(Pieces[random.Next(Pieces.Length)]).Append(n > 1 && random.Next(3) > 0 ? "/" : "");
            }

            text.Append(random.Next(4) == 0 ? "/" : "").Append(random.Next(6) == 0 ? "  " : "").Append(random.Next(8) == 0 ? "\r\n" : "\n");
            if (random.Next(8) == 0)
            {
                text.Append("# a comment\n\n");
            }
        }

        return text.ToString();
    }

    private static bool IsIgnored(Tree tree, string path) =>
        !Encoding.UTF8.GetString(tree.Git("ls-files", "-co", "--exclude-standard", "-z", "--", ":(literal)" + path)).Contains('\0');

    private static IEnumerable<string> Listed(Tree tree, string repository) =>
        Encoding.UTF8.GetString(tree.GitIn(repository, "ls-files", "-co", "--exclude-standard", "-z", "--full-name"))
            .Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Where(p => !p.EndsWith('/'))
            .Select(p => repository.Length == 0 ? p : repository + "/" + p)
            .Where(p => File.Exists(tree.Full(p)) || new FileInfo(tree.Full(p)).LinkTarget is not null)
            .Distinct();
}
