using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Recipes;
using Laptime.Recipes.Reading;

namespace Laptime.Tests.Recipes;

/// <summary>Recipes where they lie, with a real git: folders, parts of repositories, bundles, bare repositories, addresses; and what others put into theirs.</summary>
public sealed class RecipeSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ProcessRunner runner = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    private async Task<string> GitAsync(string at, params string[] arguments)
    {
        var lines = new List<string>();
        var result = await runner.RunAsync(
            new Command
            {
                Program = "git",
                Arguments = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", .. arguments],
                Directory = folder.At(at),
            }, l => lines.Add(l.Text), Cancel);
        Assert.True(result.Succeeded, string.Join('\n', result.Tail));
        return string.Join('\n', lines);
    }

    private Task<RecipeSource> OpenAsync(string named, string? recipeFile = null) => RecipeSource.OpenAsync(named, folder, recipeFile, folder.At("cache"), runner, TimeProvider.System, Cancel);

    private async Task<string> ProblemsAsync(string named) => string.Join('\n', (await Assert.ThrowsAsync<LapException>(() => OpenAsync(named))).Problems).Replace(folder.Path + "/", "", StringComparison.Ordinal);

    private static string Compose(string version) => $"services: {{ app: {{ image: \"kv:{version}\", deploy: {{ labels: [ \"coop-cloud.${{STACK_NAME}}.version={version}\" ] }} }} }}\n";

    /// <summary>A repository with the versions 1.0.0 (a light tag) and 1.1.0+3.12 (an annotated one), at the second.</summary>
    private async Task PublishAsync(string at)
    {
        folder.File($"{at}/compose.yml", Compose("1.0.0"));
        TemporaryFolder.Executable(folder.File($"{at}/tests/custom/search.sh", "#!/bin/sh\n"));
        await GitAsync(at, "init", "-q");
        await GitAsync(at, "add", "-A");
        await GitAsync(at, "commit", "-qm", "one");
        await GitAsync(at, "tag", "1.0.0");
        await GitAsync(at, "tag", "stable");
        folder.File($"{at}/compose.yml", Compose("1.1.0+3.12"));
        File.CreateSymbolicLink(folder.At(at, "current.yml"), "compose.yml");
        await GitAsync(at, "add", "-A");
        await GitAsync(at, "commit", "-qm", "two");
        await GitAsync(at, "tag", "-am", "two", "1.1.0+3.12");
    }

    private async Task<string> CheckOutAsync(RecipeSource source, RecipeVersion version)
    {
        var to = folder.At("out-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(to);
        await source.CheckOutAsync(version, to, Cancel);
        return to;
    }

    private static string[] Files(string root) => [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(root, f)).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task A_repository_of_its_own_has_the_versions_that_its_tags_say()
    {
        await PublishAsync("kv");
        var source = await OpenAsync("kv");
        var recipe = source.Recipe;
        Assert.Equal(("kv", RecipeKind.Compose, folder.At("kv"), folder.At("kv", ".laptime", "test"), false), (recipe.Name, recipe.Kind, recipe.Root, recipe.Home, recipe.IsForeign));
        Assert.Equal(["1.0.0", "1.1.0+3.12"], recipe.Published.Select(v => v.Text));
        Assert.Same(recipe.Published[1], recipe.Head);
        Assert.Equal([(Tier.Custom, "tests/custom/search.sh")], recipe.Checks.Select(c => (c.Tier, c.Name)));
        Assert.Empty(recipe.Notices);
        Assert.Equal("1.0.0", BaseVersion.Of(recipe, null).Version!.Text);

        var before = await CheckOutAsync(source, recipe.Published[0]);
        Assert.Equal(["compose.yml", "tests/custom/search.sh"], Files(before));
        Assert.Equal(Compose("1.0.0"), await File.ReadAllTextAsync(Path.Combine(before, "compose.yml"), Cancel));
        Assert.True((File.GetUnixFileMode(Path.Combine(before, "tests/custom/search.sh")) & UnixFileMode.UserExecute) != 0);
        var after = await CheckOutAsync(source, recipe.Head);
        Assert.Equal("compose.yml", new FileInfo(Path.Combine(after, "current.yml")).LinkTarget);
        Assert.Equal("", await GitAsync("kv", "status", "--porcelain"));
    }

    [Fact]
    public async Task Head_is_the_folder_as_it_is_with_new_files_and_without_ignored_ones()
    {
        await PublishAsync("kv");
        folder.File("kv/.gitignore", "*.log\n");
        folder.File("kv/new.txt", "new");
        folder.File("kv/debug.log", "left lying");
        folder.File("kv/compose.yml", Compose("1.2.0"));
        File.Delete(folder.At("kv", "current.yml"));
        var index = await File.ReadAllBytesAsync(folder.At("kv", ".git", "index"), Cancel);
        var references = await GitAsync("kv", "for-each-ref");
        var source = await OpenAsync("kv");
        Assert.Equal(("1.2.0", null, false), (source.Recipe.Head.Text, source.Recipe.Head.Commit, source.Recipe.Head.IsPublished));
        Assert.Equal([".gitignore", "compose.yml", "new.txt", "tests/custom/search.sh"], Files(await CheckOutAsync(source, source.Recipe.Head)));
        Assert.Equal(index, await File.ReadAllBytesAsync(folder.At("kv", ".git", "index"), Cancel));
        Assert.Equal(references, await GitAsync("kv", "for-each-ref"));
    }

    [Theory]
    [InlineData("image", "@", "+changes")]
    [InlineData(null, "@", "")]
    public async Task A_head_without_a_version_label_is_its_commit(string? change, string begins, string ends)
    {
        await PublishAsync("kv");
        folder.File("kv/compose.yml", "services: { app: { image: kv } }\n");
        await GitAsync("kv", "commit", "-qam", "three");
        if (change is not null)
        {
            folder.File("kv/compose.yml", "services: { app: { image: \"kv:2\" } }\n");
        }

        var head = (await OpenAsync("kv")).Recipe.Head;
        var commit = await GitAsync("kv", "rev-parse", "HEAD");
        Assert.Equal((begins + commit[..8] + ends, change is null ? commit : null, false), (head.Text, head.Commit, head.IsPublished));
    }

    [Fact]
    public async Task A_head_that_says_a_published_version_with_other_content_is_told()
    {
        await PublishAsync("kv");
        folder.File("kv/more.txt", "more");
        var recipe = (await OpenAsync("kv")).Recipe;
        Assert.Equal(("1.1.0+3.12", false), (recipe.Head.Text, recipe.Head.IsPublished));
        Assert.Contains("published with other content", Assert.Single(recipe.Notices), StringComparison.Ordinal);
        Assert.Equal("1.0.0", BaseVersion.Of(recipe, null).Version!.Text);
    }

    [Fact]
    public async Task A_head_that_went_back_to_an_older_version_is_that_version()
    {
        await PublishAsync("kv");
        await GitAsync("kv", "checkout", "-q", "1.0.0");
        var recipe = (await OpenAsync("kv")).Recipe;
        Assert.Same(recipe.Published[0], recipe.Head);
        Assert.Null(BaseVersion.Of(recipe, null).Version);
    }

    [Fact]
    public async Task A_part_of_a_larger_repository_has_the_tags_with_its_folders_name()
    {
        await PublishAsync("mono");
        folder.File("mono/recipes/kv/compose.yml", Compose("1.0.0"));
        folder.File("mono/recipes/other/compose.yml", Compose("9.0.0"));
        await GitAsync("mono", "tag", "kv/0.0.1");
        await GitAsync("mono", "add", "-A");
        await GitAsync("mono", "commit", "-qm", "three");
        await GitAsync("mono", "tag", "-am", "x", "kv/1.0.0");
        await GitAsync("mono", "tag", "other/9.0.0");
        folder.File("mono/recipes/kv/compose.yml", Compose("1.1.0"));
        await GitAsync("mono", "commit", "-qam", "four");
        var source = await OpenAsync("mono/recipes/kv");
        Assert.Equal(["1.0.0"], source.Recipe.Published.Select(v => v.Text));
        Assert.Equal(("1.1.0", await GitAsync("mono", "rev-parse", "HEAD")), (source.Recipe.Head.Text, source.Recipe.Head.Commit));
        Assert.Contains("kv/0.0.1 has no folder recipes/kv", Assert.Single(source.Recipe.Notices), StringComparison.Ordinal);
        Assert.Equal(["compose.yml"], Files(await CheckOutAsync(source, source.Recipe.Published[0])));
        Assert.Equal(Compose("1.1.0"), await File.ReadAllTextAsync(Path.Combine(await CheckOutAsync(source, source.Recipe.Head), "compose.yml"), Cancel));

        await GitAsync("mono", "checkout", "-q", "kv/1.0.0");
        Assert.True((await OpenAsync("mono/recipes/kv")).Recipe.Head.IsPublished);
    }

    [Fact]
    public async Task A_part_without_such_tags_says_how_it_is_published()
    {
        await PublishAsync("mono");
        folder.File("mono/kv/compose.yml", Compose("1.0.0"));
        Assert.Contains("a tag kv/X.Y.Z", Assert.Single((await OpenAsync("mono/kv")).Recipe.Notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shallow_clone_without_tags_says_so()
    {
        await PublishAsync("kv");
        await GitAsync("kv", "clone", "-q", "--depth", "1", "--no-tags", "file://" + folder.At("kv"), folder.At("shallow"));
        Assert.Contains("git fetch --unshallow --tags", Assert.Single((await OpenAsync("shallow")).Recipe.Notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_to_a_recipe_is_the_recipe()
    {
        await PublishAsync("mono");
        folder.File("mono/kv/compose.yml", Compose("1.0.0"));
        await GitAsync("mono", "add", "-A");
        await GitAsync("mono", "commit", "-qm", "three");
        await GitAsync("mono", "tag", "kv/1.0.0");
        Directory.CreateSymbolicLink(folder.At("link"), folder.At("mono", "kv"));
        Assert.True((await OpenAsync("link")).Recipe.Head.IsPublished);
    }

    /// <summary>Where a bundle is older than its folder: examples/recipes/publish NAME.</summary>
    [Fact]
    public async Task The_recipes_that_come_with_lap_have_two_published_versions_and_are_the_newer_one()
    {
        // Beside each other, as dependencies are named.
        foreach (var file in Directory.EnumerateFiles(Checkout.At("examples", "recipes"), "*", SearchOption.AllDirectories).Where(f => !f.Contains("/.laptime/", StringComparison.Ordinal) && !f.Contains("/__pycache__/", StringComparison.Ordinal)))
        {
            var to = folder.At(Path.GetRelativePath(Checkout.At("examples", "recipes"), file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        var bundles = Directory.GetFiles(folder.Path, RecipeSource.BundleName, SearchOption.AllDirectories);
        Assert.True(bundles.Length > 3);
        foreach (var name in bundles.Select(b => Path.GetRelativePath(folder.Path, Path.GetDirectoryName(b)!)))
        {
            var recipe = (await OpenAsync(name)).Recipe;
            Assert.True(recipe.Published.Count == 2 && recipe.Published[1] == recipe.Head && recipe.Notices.Count == 0, $"{name}: {recipe.Head}; {string.Join("; ", recipe.Notices)}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_bundle_holds_the_versions_of_a_folder_without_a_repository_of_its_own(bool insideAnother)
    {
        await PublishAsync("made");
        await GitAsync("made", "bundle", "create", "-q", folder.At("published.bundle"), "--tags");
        folder.File("all/README.md");
        if (insideAnother)
        {
            await GitAsync("all", "init", "-q");
        }

        Directory.CreateDirectory(folder.At("all", "kv", "tests", "custom"));
        foreach (var file in (string[])["compose.yml", "tests/custom/search.sh"])
        {
            File.Copy(folder.At("made", file), folder.At("all", "kv", file));
        }

        File.CreateSymbolicLink(folder.At("all", "kv", "current.yml"), "compose.yml");
        File.Copy(folder.At("published.bundle"), folder.At("all", "kv", RecipeSource.BundleName));
        var source = await OpenAsync("all/kv");
        Assert.Equal(["1.0.0", "1.1.0+3.12"], source.Recipe.Published.Select(v => v.Text));
        Assert.Same(source.Recipe.Published[1], source.Recipe.Head);
        Assert.Equal(["compose.yml", "tests/custom/search.sh"], Files(await CheckOutAsync(source, source.Recipe.Published[0])));

        folder.File("all/kv/compose.yml", Compose("1.2.0"));
        var changed = await OpenAsync("all/kv");
        Assert.Equal(("1.2.0", null), (changed.Recipe.Head.Text, changed.Recipe.Head.Commit));
        Assert.Equal(["compose.yml", "current.yml", "tests/custom/search.sh"], Files(await CheckOutAsync(changed, changed.Recipe.Head)));
    }

    [Fact]
    public async Task A_bundle_that_changes_is_read_anew_and_one_that_is_none_is_refused()
    {
        await PublishAsync("made");
        folder.File("kv/compose.yml", Compose("1.0.0"));
        await GitAsync("made", "bundle", "create", "-q", folder.At("kv", RecipeSource.BundleName), "1.0.0");
        Assert.Single((await OpenAsync("kv")).Recipe.Published);
        await GitAsync("made", "bundle", "create", "-q", folder.At("kv", RecipeSource.BundleName), "--tags");
        Assert.Equal(2, (await OpenAsync("kv")).Recipe.Published.Count);
        Assert.Single(Directory.EnumerateDirectories(folder.At("kv", ".laptime", "test", "published")));
        folder.File("kv/" + RecipeSource.BundleName, "no bundle");
        Assert.Contains("git bundle create published.bundle --tags", await ProblemsAsync("kv"), StringComparison.Ordinal);
        // One that needs commits that it does not bring.
        await GitAsync("made", "bundle", "create", "-q", folder.At("kv", RecipeSource.BundleName), "1.0.0..1.1.0+3.12");
        Assert.Contains("stands by itself", await ProblemsAsync("kv"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task At_the_top_of_a_repository_a_bundle_is_a_file_like_any_other()
    {
        await PublishAsync("kv");
        folder.File("kv/" + RecipeSource.BundleName, "no bundle");
        var source = await OpenAsync("kv");
        Assert.Equal(2, source.Recipe.Published.Count);
        Assert.Contains(RecipeSource.BundleName, Files(await CheckOutAsync(source, source.Recipe.Head)));
    }

    [Fact]
    public async Task A_folder_that_git_does_not_know_is_a_working_tree_without_versions()
    {
        folder.File("kv/laptime.yaml", "version: 1\n");
        folder.File("kv/src/main.txt", "x");
        folder.File("kv/.laptime/journal.db", "ours");
        var source = await OpenAsync("kv");
        Assert.Equal((RecipeKind.Workspace, "working tree", null), (source.Recipe.Kind, source.Recipe.Head.Text, source.Recipe.Head.Commit));
        Assert.Contains("nothing is published", Assert.Single(source.Recipe.Notices), StringComparison.Ordinal);
        Assert.Equal(["laptime.yaml", "src/main.txt"], Files(await CheckOutAsync(source, source.Recipe.Head)));
    }

    [Fact]
    public async Task A_folder_that_its_repository_ignores_is_read_as_if_there_were_none()
    {
        await PublishAsync("mono");
        folder.File("mono/.gitignore", "/tmp/\n");
        folder.File("mono/tmp/kv/compose.yml", Compose("1.0.0"));
        var source = await OpenAsync("mono/tmp/kv");
        Assert.Equal(["compose.yml"], Files(await CheckOutAsync(source, source.Recipe.Head)));
    }

    [Fact]
    public async Task A_bare_repository_is_read_where_it_is_and_left_as_it_is()
    {
        await PublishAsync("kv");
        await GitAsync("kv", "clone", "-q", "--bare", folder.At("kv"), folder.At("bare.git"));
        var before = Files(folder.At("bare.git"));
        var source = await OpenAsync("bare.git");
        Assert.Equal(("bare", false, "1.1.0+3.12"), (source.Recipe.Name, source.Recipe.IsForeign, source.Recipe.Head.Text));
        Assert.StartsWith(folder.At("cache"), source.Recipe.Root, StringComparison.Ordinal);
        Assert.Equal(["compose.yml", "current.yml", "tests/custom/search.sh"], Files(source.Recipe.Root));
        Assert.Equal(["compose.yml", "tests/custom/search.sh"], Files(await CheckOutAsync(source, source.Recipe.Published[0])));
        Assert.Equal(before, Files(folder.At("bare.git")));
    }

    [Fact]
    public async Task An_address_is_fetched_into_a_private_place_and_again_when_it_changed()
    {
        await PublishAsync("kv");
        var address = "file://" + folder.At("kv");
        var source = await OpenAsync(address);
        Assert.Equal(("kv", true, "1.1.0+3.12"), (source.Recipe.Name, source.Recipe.IsForeign, source.Recipe.Head.Text));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(source.Recipe.Home));
        Assert.Equal(["compose.yml", "tests/custom/search.sh"], Files(await CheckOutAsync(source, source.Recipe.Published[0])));

        folder.File("kv/compose.yml", Compose("1.2.0"));
        await GitAsync("kv", "commit", "-qam", "three");
        await GitAsync("kv", "tag", "1.2.0");
        await GitAsync("kv", "tag", "-d", "1.0.0");
        var again = await OpenAsync(address);
        Assert.Equal(source.Recipe.Home, again.Recipe.Home);
        Assert.Equal(["1.1.0+3.12", "1.2.0"], again.Recipe.Published.Select(v => v.Text));
        Assert.Same(again.Recipe.Published[1], again.Recipe.Head);
    }

    [Fact]
    public async Task Two_that_open_one_address_at_once_both_get_it()
    {
        await PublishAsync("kv");
        var both = await Task.WhenAll(OpenAsync("file://" + folder.At("kv")), OpenAsync("file://" + folder.At("kv")));
        Assert.All(both, s => Assert.Equal(2, s.Recipe.Published.Count));
    }

    [Fact]
    public async Task An_address_where_nothing_is_says_what_git_says()
    {
        var fault = (await Assert.ThrowsAsync<FaultException>(() => OpenAsync("file://" + folder.At("nothing")))).Fault;
        Assert.Contains("cannot be fetched", fault.What, StringComparison.Ordinal);
        Assert.NotEmpty(fault.Tail!);
    }

    [Theory]
    [InlineData("", "the recipe has no name")]
    [InlineData("nothing-here", "there is no recipe at nothing-here")]
    [InlineData("ext::sh -c touch% /tmp/x", "no address that recipes are fetched from")]
    [InlineData("http://example.org/kv", "no address that recipes are fetched from")]
    [InlineData("git://example.org/kv", "no address that recipes are fetched from")]
    [InlineData("ssh://-oProxyCommand=id/kv", "no address that recipes are fetched from")]
    [InlineData("ssh://git@-oProxyCommand=id/kv", "no address that recipes are fetched from")]
    [InlineData("-oProxyCommand=id:kv", "no address that recipes are fetched from")]
    [InlineData("https://", "no address that recipes are fetched from")]
    [InlineData("https://example.org/", "no address that recipes are fetched from")]
    [InlineData("--upload-pack=id", "there is no recipe at --upload-pack=id")]
    [InlineData("a\nb", "the recipe has no name")]
    public async Task What_is_no_recipe_is_refused(string named, string what) => Assert.Contains(what, await ProblemsAsync(named), StringComparison.Ordinal);

    [Fact]
    public async Task A_name_that_is_nearly_one_is_told()
    {
        folder.File("recipes/keyval/compose.yml", Compose("1.0.0"));
        Assert.Contains("did you mean `recipes/keyval`?", await ProblemsAsync("recipes/keyvl"), StringComparison.Ordinal);
        Assert.Contains("lap test recipes/keyval", await ProblemsAsync("recipes/keyval/compose.yml"), StringComparison.Ordinal);
        Assert.Contains("there is no recipe in", await ProblemsAsync("recipes"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://user:s3cret@example.org/r/kv.git", "https://user:…@example.org/r/kv.git", "s3cret", "kv")]
    [InlineData("https://example.org/r/kv.git", "https://example.org/r/kv.git", null, "kv")]
    [InlineData("ssh://git@example.org:2222/r/kv", "ssh://git@example.org:2222/r/kv", null, "kv")]
    [InlineData("git@example.org:r/kv.git", "git@example.org:r/kv.git", null, "kv")]
    [InlineData("https://a:b:c@example.org/x y.git/", "https://a:…@example.org/x y.git/", "b:c", "x-y")]
    public void An_address_is_shown_without_its_password(string named, string shown, string? password, string name)
    {
        var address = RecipeAddress.Parse(named, folder);
        Assert.Equal((shown, password, name, named), (address.Shown, address.Password, address.Name, address.Target));
    }

    [Fact]
    public async Task Nothing_of_a_repository_runs()
    {
        await PublishAsync("kv");
        var mark = folder.At("ran");
        TemporaryFolder.Executable(folder.File("evil.sh", $"#!/bin/sh\necho \"$0 $*\" >> {mark}\ncat\n"));
        foreach (var hook in (string[])["post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc", "fsmonitor-watchman"])
        {
            Directory.CreateDirectory(folder.At("kv", ".git", "hooks"));
            File.Copy(folder.At("evil.sh"), folder.At("kv", ".git", "hooks", hook), overwrite: true);
        }

        foreach (var (key, value) in new[]
                 {
                     ("core.fsmonitor", folder.At("evil.sh")), ("core.sshCommand", folder.At("evil.sh")), ("filter.x.smudge", folder.At("evil.sh")), ("filter.x.clean", folder.At("evil.sh")), ("core.pager", folder.At("evil.sh")),
                     ("diff.external", folder.At("evil.sh")), ("uploadpack.packObjectsHook", folder.At("evil.sh")), ("core.hooksPath", folder.At("kv", ".git", "hooks")),
                 })
        {
            await GitAsync("kv", "config", key, value);
        }

        folder.File("kv/.gitattributes", "* filter=x\n");
        foreach (var named in (string[])["kv", "kv/.git", "file://" + folder.At("kv")])
        {
            File.Delete(mark);
            var source = await OpenAsync(named);
            Assert.Equal(["compose.yml", "tests/custom/search.sh"], Files(await CheckOutAsync(source, source.Recipe.Published[0])));
            Assert.Contains("compose.yml", Files(await CheckOutAsync(source, source.Recipe.Head)));
            Assert.False(File.Exists(mark), File.Exists(mark) ? named + ": " + await File.ReadAllTextAsync(mark, Cancel) : "");
        }
    }

    [Fact]
    public async Task Replaced_objects_mean_nothing()
    {
        await PublishAsync("kv");
        await GitAsync("kv", "replace", "1.0.0", "1.1.0+3.12^{commit}");
        var source = await OpenAsync("kv");
        Assert.Equal(Compose("1.0.0"), await File.ReadAllTextAsync(Path.Combine(await CheckOutAsync(source, source.Recipe.Published[0]), "compose.yml"), Cancel));
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../outside")]
    [InlineData("tests/../../outside")]
    public async Task A_link_out_of_the_recipe_is_not_checked_out(string target)
    {
        await PublishAsync("kv");
        File.CreateSymbolicLink(folder.At("kv", "away"), target);
        await GitAsync("kv", "add", "-A");
        await GitAsync("kv", "commit", "-qm", "three");
        await GitAsync("kv", "tag", "2.0.0");
        var source = await OpenAsync("kv");
        var refused = await Assert.ThrowsAsync<LapException>(() => CheckOutAsync(source, source.Recipe.Head));
        Assert.Contains("a link that leads out of the recipe", refused.Message, StringComparison.Ordinal);
        folder.File("kv/untracked.txt", "now head is the working tree");
        var changed = await OpenAsync("kv");
        await Assert.ThrowsAsync<LapException>(() => CheckOutAsync(changed, changed.Recipe.Head));
    }

    [Theory]
    [InlineData("../evil.txt", "leads out of its folder")]
    [InlineData("a/../../evil.txt", "leads out of its folder")]
    [InlineData(".git/hooks/post-checkout", "into git's own")]
    [InlineData("a/.GIT/config", "into git's own")]
    [InlineData("/etc/evil", "leads out of its folder")]
    [InlineData("a//b", "leads out of its folder")]
    public async Task A_name_out_of_the_recipe_is_not_checked_out(string name, string what)
    {
        var refused = await Assert.ThrowsAsync<LapException>(() => RecipeContent.WriteAsync([new ContentEntry(name, ContentSort.File, "")], _ => new byte[] { 1 }, Directory.CreateDirectory(folder.At("to")).FullName, "kv 1.0.0", Cancel));
        Assert.Contains(what, refused.Message, StringComparison.Ordinal);
        Assert.Empty(Files(folder.At("to")));
    }

    [Fact]
    public async Task Nothing_is_written_through_a_link_of_the_recipe()
    {
        Directory.CreateDirectory(folder.At("to"));
        Directory.CreateDirectory(folder.At("outside"));
        ContentEntry[] entries = [new("a", ContentSort.Link, ""), new("a/evil.txt", ContentSort.File, "")];
        await Assert.ThrowsAsync<FaultException>(() => RecipeContent.WriteAsync(entries, e => e.Sort == ContentSort.Link ? "."u8.ToArray() : "x"u8.ToArray(), folder.At("to"), "kv 1.0.0", Cancel));
        Assert.Equal(["a/evil.txt"], Files(folder.At("to")));
    }

    [Fact]
    public async Task Names_that_look_like_options_are_names()
    {
        await PublishAsync("-x --upload-pack=id");
        var source = await OpenAsync("./-x --upload-pack=id");
        Assert.Equal(2, source.Recipe.Published.Count);
        Assert.Equal("x---upload-pack-id", source.Recipe.Name);
        await GitAsync("-x --upload-pack=id", "update-ref", "refs/tags/--exec=id", "HEAD");
        folder.File("-x --upload-pack=id/--literal", "x");
        Assert.Contains("--literal", Files(await CheckOutAsync(source, (await OpenAsync("-x --upload-pack=id")).Recipe.Head)));
    }

    [Fact]
    public async Task Names_beyond_ASCII_come_out_as_they_are()
    {
        await PublishAsync("kv");
        folder.File("kv/größe \"x\"\t.txt", "x");
        await GitAsync("kv", "add", "-A");
        await GitAsync("kv", "commit", "-qm", "three");
        await GitAsync("kv", "tag", "2.0.0");
        var source = await OpenAsync("kv");
        Assert.True(source.Recipe.Head.IsPublished);
        Assert.Contains("größe \"x\"\t.txt", Files(await CheckOutAsync(source, source.Recipe.Published[^1])));
    }

    [Fact]
    public async Task A_tree_has_the_id_that_git_gives_it_whatever_is_in_it()
    {
        await PublishAsync("kv");
        foreach (var name in (string[])["a", "a.b", "a-b", "a0", "b/c/d", "b.c", "ü/ö"])
        {
            folder.File("kv/" + (name == "a" ? "a/file" : name), name);
        }

        await GitAsync("kv", "add", "-A");
        await GitAsync("kv", "commit", "-qm", "three");
        var recipe = (await OpenAsync("kv")).Recipe;
        Assert.Equal(await GitAsync("kv", "rev-parse", "HEAD"), recipe.Head.Commit);
    }

    [Fact]
    public async Task A_repository_with_longer_ids_is_read_too()
    {
        Directory.CreateDirectory(folder.At("kv"));
        await GitAsync("kv", "init", "-q", "--object-format=sha256");
        await PublishAsync("kv");
        Assert.True((await OpenAsync("kv")).Recipe.Head.IsPublished);
    }

    [Fact]
    public async Task A_repository_that_git_refuses_is_no_folder_without_versions()
    {
        await PublishAsync("kv");
        folder.File("kv/.git/config", "[core\n");
        await Assert.ThrowsAsync<FaultException>(() => OpenAsync("kv"));
    }

    [Fact]
    public async Task Checks_are_found_in_the_order_of_the_tiers_beside_the_recipe_and_beside_its_settings()
    {
        folder.File("kv/compose.yml", Compose("1.0.0"));
        foreach (var check in (string[])["kv/tests/restore.sh", "kv/tests/Install.py", "kv/tests/custom/b", "kv/tests/custom/a.sh", "kv/tests/installed.sh", "beside/tests/custom/own.sh"])
        {
            TemporaryFolder.Executable(folder.File(check, "#!/bin/sh\n"));
        }

        folder.File("kv/tests/custom/data.json", "{}");
        folder.File("kv/tests/README.md", "# tests");
        folder.File("beside/recipe.yaml", "recipe: notes\nmay-skip: { ../beside/tests/custom/own.sh: not here }\n");
        var recipe = (await OpenAsync("kv", "beside/recipe.yaml")).Recipe;
        Assert.Equal("notes", recipe.Name);
        Assert.Equal(["tests/Install.py", "tests/restore.sh", "tests/custom/a.sh", "tests/custom/b", "../beside/tests/custom/own.sh"], recipe.Checks.Select(c => c.Name));
        Assert.Equal(4, (await OpenAsync("kv")).Recipe.Checks.Count);
    }

    [Fact]
    public async Task A_script_that_may_not_run_is_told_before_it_silently_does_not()
    {
        folder.File("kv/compose.yml", Compose("1.0.0"));
        folder.File("kv/tests/install.sh", "#!/bin/sh\n");
        folder.File("kv/tests/custom/a.sh", "#!/bin/sh\n");
        var told = await ProblemsAsync("kv");
        Assert.Contains("chmod +x tests/install.sh", told, StringComparison.Ordinal);
        Assert.Contains("chmod +x tests/custom/a.sh", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_with_both_is_what_its_settings_say_and_without_a_word_what_runs_everywhere()
    {
        folder.File("kv/compose.yml", Compose("1.0.0"));
        folder.File("kv/laptime.yaml", "version: 1\n");
        Assert.Equal(RecipeKind.Workspace, (await OpenAsync("kv")).Recipe.Kind);
        folder.File("kv/recipe.yaml", "target: swarm\n");
        Assert.Equal(RecipeKind.Compose, (await OpenAsync("kv")).Recipe.Kind);
    }

    [Fact]
    public async Task A_link_in_place_of_our_own_folder_is_not_followed()
    {
        folder.File("kv/compose.yml", Compose("1.0.0"));
        Directory.CreateDirectory(folder.At("outside"));
        Directory.CreateSymbolicLink(folder.At("kv", ".laptime"), folder.At("outside"));
        Assert.Contains("is a link", await ProblemsAsync("kv"), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.At("outside")));
    }
}
