using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Recipes.Reading;

/// <summary>
/// A recipe where it lies: its versions, and checkouts of them. Read-only: the recipe's own checkout, index and refs stay as they are, and nothing of a repository runs.
/// Published are the tags that are versions (<see cref="VersionNumber"/>): those of the recipe's own repository; where its folder is only a part of one, those called <c>folder-name/version</c>;
/// or those in a git bundle <see cref="BundleName"/> in such a folder, or in one that git does not know.
/// </summary>
public sealed class RecipeSource
{
    /// <summary>Made by <c>git bundle create published.bundle --tags</c>: the published versions of a recipe that has no repository of its own.</summary>
    public const string BundleName = "published.bundle";

    private static readonly TimeSpan LockBound = TimeSpan.FromMinutes(11);
    private static readonly string[] AllReferences = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

    private readonly RecipeRepository? objects;
    private readonly RecipeRepository? working;
    private readonly string below;

    private readonly bool bundled;

    /// <param name="objects">Where the versions are; null: there are none.</param>
    /// <param name="working">What knows the folder; null: nothing does, or it is no folder.</param>
    /// <param name="below">Of the recipe in the versions' trees.</param>
    private RecipeSource(Recipe recipe, RecipeRepository? objects, RecipeRepository? working, string below, bool bundled) =>
        (Recipe, this.objects, this.working, this.below, this.bundled) = (recipe, objects, working, below, bundled);

    public Recipe Recipe { get; }

    /// <param name="named">As on the command line: a folder, a bare repository, or an address.</param>
    /// <param name="here">Absolute folder that paths are relative to.</param>
    /// <exception cref="LapException">It is no recipe, or something in it is wrong.</exception>
    /// <exception cref="FaultException">It cannot be fetched or read.</exception>
    public static Task<RecipeSource> OpenAsync(string named, string here, ProcessRunner runner, TimeProvider clock, CancellationToken cancel) =>
        OpenAsync(named, here, recipeFile: null, cache: null, runner, clock, cancel);

    /// <param name="recipeFile">A recipe.yaml outside of the recipe, in place of its own; null: its own, where there is one.</param>
    /// <param name="cache">Where fetched recipes are kept; null: in the user's cache folder.</param>
    public static async Task<RecipeSource> OpenAsync(
        string named, string here, string? recipeFile, string? cache, ProcessRunner runner, TimeProvider clock, CancellationToken cancel)
    {
        var address = RecipeAddress.Parse(named, here);
        var file = recipeFile is null ? null : Path.GetFullPath(recipeFile, here);
        return address.Kind == RecipeAddress.Sort.Folder
            ? await OpenFolderAsync(address, file, runner, clock, cancel).ConfigureAwait(false)
            : await OpenRepositoryAsync(address, file, cache, runner, clock, cancel).ConfigureAwait(false);
    }

    /// <summary>Writes the files of a version into a folder. Files of git come as they are stored: no filter runs, no line ending changes.</summary>
    /// <param name="version">Head, or one that is published.</param>
    /// <param name="folder">Exists, and is empty.</param>
    /// <exception cref="LapException">A file or link of it leads out of the folder.</exception>
    public async Task CheckOutAsync(RecipeVersion version, string folder, CancellationToken cancel)
    {
        if (Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new ArgumentException($"{folder} is not empty", nameof(folder));
        }

        if (version.Commit is { } commit)
        {
            await WriteCommitAsync(objects!, commit, below, folder, $"{Recipe.Name} {version.Text}", cancel).ConfigureAwait(false);
            return;
        }

        var files = (await WorkingFolder.FilesAsync(Recipe.Root, working, [], cancel).ConfigureAwait(false)).Where(f => !(bundled && f == BundleName)).ToList();
        var entries = files.ConvertAll(f => new ContentEntry(f, WorkingFolder.SortOf(Recipe.Root, f), ""));
        await RecipeContent.WriteAsync(entries, e => WorkingFolder.Read(Recipe.Root, e.Path), folder, Recipe.Root, cancel).ConfigureAwait(false);
    }

    private static async Task<RecipeSource> OpenFolderAsync(RecipeAddress address, string? recipeFile, ProcessRunner runner, TimeProvider clock, CancellationToken cancel)
    {
        var (root, notices) = (address.Target, new List<string>());
        var (working, top, below) = await RepositoryOfAsync(root, runner, cancel).ConfigureAwait(false);
        var home = RecipeHome.OfFolder(root);
        var bundle = Path.Combine(root, BundleName);
        var isTop = working is not null && below.Length == 0;
        var bundled = !isTop && File.Exists(bundle);
        var objects = bundled ? await UnpackAsync(bundle, home, runner, clock, cancel).ConfigureAwait(false) : working is null ? null : new RecipeRepository(runner, top, isGitDirectory: false);
        var prefix = bundled || isTop || below.Length == 0 ? "" : Path.GetFileName(below) + "/";
        var inObjects = bundled ? "" : below;
        var published = objects is null ? [] : await PublishedAsync(objects, prefix, inObjects, notices, cancel).ConfigureAwait(false);

        var files = (await WorkingFolder.FilesAsync(root, working, notices, cancel).ConfigureAwait(false)).Where(f => !(bundled && f == BundleName)).ToList();
        var (kind, settings, checks) = Settings(address, root, recipeFile, isForeign: false);
        var head = await HeadAsync(root, files, settings, kind, published, objects, inObjects, bundled ? null : working, cancel).ConfigureAwait(false);
        if (published.Count == 0 && !bundled && objects is not null && (await objects.AskAsync(["rev-parse", "--is-shallow-repository"], cancel).ConfigureAwait(false)).Lines is ["true"])
        {
            // As continuous integration checks out: the upgrade would not be tested, and nobody would notice.
            notices.Add("the repository is a shallow clone without the tags of published versions: git fetch --unshallow --tags brings them");
        }
        else if (published.Count == 0 && notices.Count == 0)
        {
            notices.Add(prefix.Length > 0 && objects is not null ? $"nothing is published: a version of this recipe is a tag {prefix}X.Y.Z, for its folder is only a part of the repository" : "nothing is published: a version is a tag X.Y.Z or X.Y.Z+A.B.C");
        }

        var recipe = new Recipe
        {
            Name = settings.Name ?? address.Name, Kind = kind, Root = root, Home = home, Settings = settings, Head = head, Published = [.. published.Select(p => p.Version)], Checks = checks, Notices = [.. notices, .. Said(head, published)],
        };
        return new RecipeSource(recipe, objects, working, inObjects, bundled);
    }

    private static async Task<RecipeSource> OpenRepositoryAsync(RecipeAddress address, string? recipeFile, string? cache, ProcessRunner runner, TimeProvider clock, CancellationToken cancel)
    {
        var notices = new List<string>();
        var home = RecipeHome.OfOther(address, cache);
        var foreign = address.Kind == RecipeAddress.Sort.Remote;
        using var held = await FileLock.TakeAsync(Path.Combine(home, "lock"), LockBound, clock, cancel).ConfigureAwait(false);
        var (objects, commit) = foreign ? await FetchAsync(address, home, runner, cancel).ConfigureAwait(false) : (new RecipeRepository(runner, address.Target, isGitDirectory: true), null);
        if (!foreign)
        {
            var (result, lines) = await objects.AskAsync(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], cancel).ConfigureAwait(false);
            commit = result.Succeeded && lines is [{ Length: >= 40 } id] ? id : null;
        }

        if (commit is null)
        {
            throw new LapException("the repository has no commit to test: its HEAD leads to none", address.Shown, "push the recipe's branch, and let HEAD name it (git symbolic-ref HEAD refs/heads/main)");
        }

        var published = await PublishedAsync(objects, "", "", notices, cancel).ConfigureAwait(false);
        var root = await HeadFolderAsync(objects, commit, home, address, cancel).ConfigureAwait(false);
        var (kind, settings, checks) = Settings(address, root, recipeFile, foreign);
        var tree = (await objects.TreesAsync([commit], "", cancel).ConfigureAwait(false))[0];
        var head = published.LastOrDefault(p => p.Tree == tree)?.Version ?? new RecipeVersion(LabelOf(root, settings, kind) ?? "@" + commit[..8], commit, false);
        if (published.Count == 0 && notices.Count == 0)
        {
            notices.Add("nothing is published: a version is a tag X.Y.Z or X.Y.Z+A.B.C");
        }

        var recipe = new Recipe
        {
            Name = settings.Name ?? address.Name, Kind = kind, Root = root, Home = home, Settings = settings, Head = head, Published = [.. published.Select(p => p.Version)], Checks = checks,
            IsForeign = foreign, Notices = [.. notices, .. Said(head, published)],
        };
        return new RecipeSource(recipe, objects, null, "", bundled: false);
    }

    private sealed record PublishedTree(RecipeVersion Version, string? Tree);

    private static (RecipeKind Kind, RecipeSettings Settings, IReadOnlyList<RecipeCheck> Checks) Settings(RecipeAddress address, string root, string? recipeFile, bool isForeign)
    {
        var compose = ComposeRecipe.HasCompose(root);
        var workspace = WorkspaceFile.FileNames.Any(n => File.Exists(Path.Combine(root, n)));
        var file = recipeFile ?? RecipeFile.Find(root);
        if (!compose && !workspace)
        {
            throw new LapException($"there is no recipe in {address.Shown}", root, $"a recipe has a compose file ({string.Join(", ", ComposeFile.FileNames)}, or what COMPOSE_FILE in .env.sample names) or a {WorkspaceFile.FileName}");
        }

        var checks = CheckFinder.Find(root, file);
        // A folder with both is what its settings say; without a word, what runs everywhere.
        var kind = !compose ? RecipeKind.Workspace : !workspace ? RecipeKind.Compose : RecipeFile.WantsSwarm(file) ? RecipeKind.Compose : RecipeKind.Workspace;
        var settings = file is null ? new RecipeSettings() : RecipeFile.Load(file, new RecipeFileGround(root, kind, isForeign, [.. checks.Select(static c => c.Name)]), file.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && isForeign ? RecipeFile.FileName : null);
        return (kind, settings, checks);
    }

    private static async Task<RecipeVersion> HeadAsync(
        string root, IReadOnlyList<string> files, RecipeSettings settings, RecipeKind kind, IReadOnlyList<PublishedTree> published, RecipeRepository? objects, string below, RecipeRepository? working, CancellationToken cancel)
    {
        var sha256 = objects is not null && (await objects.AskAsync(["rev-parse", "--show-object-format"], cancel).ConfigureAwait(false)).Lines is ["sha256"];
        var tree = objects is null ? null : RecipeContent.TreeId(WorkingFolder.Entries(root, files, sha256), sha256);
        if (tree is not null && published.LastOrDefault(p => p.Tree == tree) is { } same)
        {
            return same.Version;
        }

        var label = LabelOf(root, settings, kind);
        if (working is null || objects is null)
        {
            return new RecipeVersion(label ?? "working tree", null, false);
        }

        var (result, lines) = await objects.AskAsync(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], cancel).ConfigureAwait(false);
        if (!result.Succeeded || lines is not [{ Length: >= 40 } commit])
        {
            return new RecipeVersion(label ?? "working tree", null, false);
        }

        var clean = (await objects.TreesAsync([commit], below, cancel).ConfigureAwait(false))[0] == tree;
        return new RecipeVersion(label ?? (clean ? "@" + commit[..8] : $"@{commit[..8]}+changes"), clean ? commit : null, false);
    }

    /// <summary>What the recipe's own version label says; null: nothing, or it cannot be read yet (a run gives it variables that are not known here, and tells what is wrong).</summary>
    private static string? LabelOf(string root, RecipeSettings settings, RecipeKind kind)
    {
        if (kind != RecipeKind.Compose)
        {
            return null;
        }

        try
        {
            // Variables that dependencies will give are set to something: some recipes require them.
            return ComposeRecipe.Read(root, "lap", settings, settings.Deps.SelectMany(static d => d.Export.Keys).Distinct(StringComparer.Ordinal).ToDictionary(static n => n, static _ => "unknown", StringComparer.Ordinal), isBase: false).VersionLabel;
        }
        catch (LapException)
        {
            return null;
        }
    }

    private static IEnumerable<string> Said(RecipeVersion head, IReadOnlyList<PublishedTree> published)
    {
        if (!head.IsPublished && published.FirstOrDefault(p => p.Version.Text == head.Text) is { } same)
        {
            yield return $"head says that it is {head.Text}, which is published with other content ({same.Version.Commit![..8]}): raise the version before it is published";
        }
    }

    private static async Task<IReadOnlyList<PublishedTree>> PublishedAsync(RecipeRepository objects, string prefix, string below, List<string> notices, CancellationToken cancel)
    {
        var tags = (await objects.TagsAsync(cancel).ConfigureAwait(false)).Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var numbered = tags.Select(t => (Tag: t, Number: VersionNumber.Parse(t.Name[prefix.Length..]))).Where(static t => t.Number is not null).OrderBy(static t => t.Number!, VersionNumber.Order).ToList();
        var trees = await objects.TreesAsync([.. numbered.Select(static n => n.Tag.Commit)], below, cancel).ConfigureAwait(false);
        var published = new List<PublishedTree>();
        for (var i = 0; i < numbered.Count; i++)
        {
            if (trees[i] is { } tree)
            {
                published.Add(new PublishedTree(new RecipeVersion(numbered[i].Number!.Text, numbered[i].Tag.Commit, true), tree));
            }
            else
            {
                notices.Add(below.Length > 0 ? $"the tag {numbered[i].Tag.Name} has no folder {below}: it is no version of this recipe" : $"the tag {numbered[i].Tag.Name} leads to a commit that is not here: git fetch --unshallow --tags brings it");
            }
        }

        if (tags.Count > 0 && numbered.Count == 0)
        {
            notices.Add($"none of the {tags.Count} tags is a version (X.Y.Z or X.Y.Z+A.B.C): nothing is published");
        }

        return published;
    }

    private static async Task WriteCommitAsync(RecipeRepository objects, string commit, string below, string folder, string where, CancellationToken cancel)
    {
        var tree = (await objects.TreesAsync([commit], below, cancel).ConfigureAwait(false))[0]
            ?? throw new FaultException(new Fault(Outcome.UsageError, $"the repository lacks the commit {commit}", where, "fetch it whole (not shallow, not partial)"));
        var files = (await objects.FilesAsync(tree, cancel).ConfigureAwait(false)).Where(static f => f.Mode != "160000").ToList();
        if (files.Count > RecipeContent.MostFiles || files.Sum(static f => f.Size) > RecipeContent.MostBytes)
        {
            throw new LapException($"the version holds {files.Count} files and {files.Sum(static f => f.Size) >> 20} MB, more than a recipe ({RecipeContent.MostFiles} files, {RecipeContent.MostBytes >> 20} MB)", where, "keep data out of the recipe");
        }

        var entries = files.ConvertAll(static f => new ContentEntry(f.Path, f.Mode switch { "100755" => ContentSort.Program, "120000" => ContentSort.Link, _ => ContentSort.File }, f.Id));
        var ids = entries.Select(static e => e.Id).Distinct(StringComparer.Ordinal).ToList();
        var blobs = await objects.BlobsAsync(ids, cancel).ConfigureAwait(false);
        var contents = ids.Zip(blobs).ToDictionary(static p => p.First, static p => p.Second, StringComparer.Ordinal);
        await RecipeContent.WriteAsync(entries, e => contents[e.Id], folder, where, cancel).ConfigureAwait(false);
    }

    /// <summary>The repository that knows the folder; null: there is none, or it ignores the folder.</summary>
    private static async Task<(RecipeRepository? Repository, string Top, string Below)> RepositoryOfAsync(string root, ProcessRunner runner, CancellationToken cancel)
    {
        var marked = false;
        for (var at = Within.Real(root); at is not null && !marked; at = Path.GetDirectoryName(at))
        {
            marked = Path.Exists(Path.Combine(at, ".git"));
        }

        if (!marked)
        {
            return (null, "", "");
        }

        var repository = new RecipeRepository(runner, root, isGitDirectory: false);
        var (result, lines) = await repository.AskAsync(["rev-parse", "--show-toplevel", "--show-prefix"], cancel).ConfigureAwait(false);
        if (!result.Succeeded || lines is not [{ Length: > 0 } top, ..])
        {
            if (result.Tail.Any(static l => l.Contains("not a git repository", StringComparison.Ordinal)))
            {
                return (null, "", "");
            }

            // Without its tags the recipe would look unpublished, and its upgrade would silently not be tested.
            throw new FaultException(new Fault(Outcome.UsageError, $"git does not read the recipe's repository: {result.Ending}", root, "see what git says", result.Tail));
        }

        var below = lines is [_, { Length: > 0 } prefix, ..] ? prefix.TrimEnd('/') : "";
        if (below.Length > 0 && (await repository.NamesAsync(["ls-files", "-z"], cancel).ConfigureAwait(false)).Count == 0
            && (await new RecipeRepository(runner, top, isGitDirectory: false).AskAsync(["check-ignore", "-q", "--", below], cancel).ConfigureAwait(false)).Result.ExitCode == 0)
        {
            return (null, "", "");
        }

        return (repository, top, below);
    }

    /// <summary>The bundle's objects in a repository of our own, kept under the bundle's digest.</summary>
    private static async Task<RecipeRepository> UnpackAsync(string bundle, string home, ProcessRunner runner, TimeProvider clock, CancellationToken cancel)
    {
        if (new FileInfo(bundle) is { LinkTarget: not null } or { Length: > RecipeContent.MostBytes } || !Libc.IsRegular(bundle))
        {
            throw new LapException($"{BundleName} is a link, no ordinary file, or larger than {RecipeContent.MostBytes >> 20} MB", bundle, $"git bundle create {BundleName} --tags, in the recipe's own repository");
        }

        var digest = Digest.Of(await File.ReadAllBytesAsync(bundle, cancel).ConfigureAwait(false));
        var folder = Path.Combine(home, "published", digest.ToHex()[..16] + ".git");
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        using var held = await FileLock.TakeAsync(Path.Combine(home, "published", "lock"), LockBound, clock, cancel).ConfigureAwait(false);
        if (Directory.Exists(folder))
        {
            return new RecipeRepository(runner, folder, isGitDirectory: true);
        }

        foreach (var old in Directory.EnumerateDirectories(Path.GetDirectoryName(folder)!))
        {
            DeleteTree(old);
        }

        var made = await InitializeAsync(folder + ".new", runner, cancel).ConfigureAwait(false);
        try
        {
            await made.FetchAsync(bundle, ["+refs/tags/*:refs/tags/*"], ["file"], [], bundle, cancel).ConfigureAwait(false);
        }
        catch (FaultException e)
        {
            throw new LapException($"{BundleName} is no git bundle with tags that stands by itself: {(e.Fault.Tail is [.., var last] ? last : e.Message)}", bundle, $"git bundle create {BundleName} --tags, in the recipe's own repository");
        }

        Directory.Move(folder + ".new", folder);
        return new RecipeRepository(runner, folder, isGitDirectory: true);
    }

    private static async Task<(RecipeRepository Objects, string? Head)> FetchAsync(RecipeAddress address, string home, ProcessRunner runner, CancellationToken cancel)
    {
        var folder = Path.Combine(home, "repository.git");
        var repository = Directory.Exists(folder) ? new RecipeRepository(runner, folder, isGitDirectory: true) : await InitializeAsync(folder, runner, cancel).ConfigureAwait(false);
        IReadOnlyList<string> protocols = address.Target.StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? ["https"] : address.Target.StartsWith("file:", StringComparison.OrdinalIgnoreCase) ? ["file"] : ["ssh"];
        IReadOnlyList<string> secrets = address.Password is { } password ? [password] : [];
        await repository.FetchAsync(address.Target, AllReferences, protocols, secrets, address.Shown, cancel).ConfigureAwait(false);
        var head = await repository.RemoteHeadAsync(address.Target, protocols, secrets, address.Shown, cancel).ConfigureAwait(false);
        if (head is not null && !(await repository.AskAsync(["cat-file", "-e", head + "^{commit}"], cancel).ConfigureAwait(false)).Result.Succeeded)
        {
            // Pushed between the two questions.
            await repository.FetchAsync(address.Target, AllReferences, protocols, secrets, address.Shown, cancel).ConfigureAwait(false);
        }

        return (repository, head);
    }

    private static async Task<RecipeRepository> InitializeAsync(string folder, ProcessRunner runner, CancellationToken cancel)
    {
        DeleteTree(folder);
        var above = new RecipeRepository(runner, Path.GetDirectoryName(folder)!, isGitDirectory: false);
        await above.LinesAsync(["init", "--quiet", "--bare", "--template=", folder], cancel).ConfigureAwait(false);
        return new RecipeRepository(runner, folder, isGitDirectory: true);
    }

    /// <summary>Head in a folder of its own: scripts run from there.</summary>
    private static async Task<string> HeadFolderAsync(RecipeRepository objects, string commit, string home, RecipeAddress address, CancellationToken cancel)
    {
        var heads = Path.Combine(home, "heads");
        var folder = Path.Combine(heads, commit);
        if (Directory.Exists(folder))
        {
            return folder;
        }

        Directory.CreateDirectory(heads);
        var temporary = folder + ".new";
        DeleteTree(temporary);
        Directory.CreateDirectory(temporary);
        await WriteCommitAsync(objects, commit, "", temporary, address.Shown, cancel).ConfigureAwait(false);
        Directory.Move(temporary, folder);
        return folder;
    }

    private static void DeleteTree(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
