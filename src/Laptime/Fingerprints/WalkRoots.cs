using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>Where a walk begins: which repository the folder lies in and which rules come down to it from the folders above.</summary>
/// <param name="GitPath">Of the folder, below the place its rules start.</param>
/// <param name="TrackedOnly">The folder itself is ignored: only what git tracks in it counts.</param>
internal sealed record WalkRoot(string Path, IgnoreContext Ignore, string GitPath, bool TrackedOnly);

/// <summary>Prepares the roots of a walk. Every file it looks at becomes a fact of the scan.</summary>
internal sealed class WalkRoots
{
    private const string IgnoreFile = ".gitignore";
    private readonly string physicalRoot;
    private readonly ScanFacts facts;
    private readonly FileWalker walker;
    private readonly GitHome home;
    private readonly Dictionary<string, GitRepository?> repositories = new(StringComparer.Ordinal);

    /// <summary>An enclosing repository that ignores the workspace's own folder: it is as if it were not there.</summary>
    private readonly GitRepository? ignoring;

    public WalkRoots(string workspaceRoot, ScanFacts facts, FileWalker walker, GitHome home)
    {
        physicalRoot = Physical(workspaceRoot);
        this.facts = facts;
        this.walker = walker;
        this.home = home;
        if (Repository("") is { Top: not "" } outer && Prepare("", outer) is null)
        {
            ignoring = outer;
        }
    }

    /// <summary>Null when there is no such folder (a fact from then on), or everything in it is ignored.</summary>
    public WalkRoot? Prepare(string root, List<Problem> problems)
    {
        if (FindLink(root) is { } link)
        {
            problems.Add(new Problem("is a symbolic link; inputs are never followed through one", PathText.Display(link), "name the real folder in laptime.yaml"));
            return null;
        }

        if (facts.TypeOf(root.Length == 0 ? "." : root) != EntryType.Folder)
        {
            return null;
        }

        var repository = Repository(root);
        return Prepare(root, repository == ignoring && InputPatterns.Contains("", root) ? null : repository);
    }

    private WalkRoot? Prepare(string root, GitRepository? repository)
    {
        var start = repository?.Top ?? Base(root);
        var names = Below(start, root);
        var context = IgnoreContext.Start(repository, names.Length == 0 ? IgnoreRules.None : Rules(start));
        var (folder, git, raw, trackedOnly) = (start, "", "", false);
        for (var i = 0; i < names.Length; i++)
        {
            var name = IgnoreRules.BytesOf(names[i]);
            git = GitRepository.Join(git, names[i]);
            raw = GitRepository.Join(raw, name);
            folder = Relative(folder, names[i]);
            if (!trackedOnly && context.Ignores(raw, name, folder: true))
            {
                trackedOnly = true;
            }

            if (trackedOnly && repository?.Tracked.HasBelow(git) != true)
            {
                return null;
            }

            if (i < names.Length - 1)
            {
                context = context.Below(raw, Rules(folder));
            }
        }

        return new WalkRoot(root, context, git, trackedOnly);
    }

    private IgnoreRules Rules(string folder) => facts.Read(GitRepository.Join(folder, IgnoreFile)) is { } content ? IgnoreRules.Parse(content) : IgnoreRules.None;

    // The nearest folder at or above that holds a repository.
    private GitRepository? Repository(string folder)
    {
        if (repositories.TryGetValue(folder, out var known))
        {
            return known;
        }

        var found = GitRepository.At(folder, facts, home);
        if (found is null && Parent(folder) is { } parent)
        {
            found = Repository(parent);
        }

        return repositories[folder] = found;
    }

    /// <summary>The folder above, relative to the workspace root; null above the file system's root.</summary>
    private string? Parent(string folder)
    {
        if (folder.Length == 0 || folder == ".." || folder.EndsWith("/..", StringComparison.Ordinal))
        {
            var up = GitRepository.Join(folder, "..");
            return Absolute(folder) == Path.GetPathRoot(physicalRoot) ? null : up;
        }

        var slash = folder.LastIndexOf('/');
        return slash < 0 ? "" : folder[..slash];
    }

    /// <summary>Outside a repository rules count from the outermost folder that the workspace reaches.</summary>
    private static string Base(string root)
    {
        var at = 0;
        while (root.AsSpan(at).SequenceEqual("..") || root.AsSpan(at).StartsWith("../"))
        {
            at += 3;
        }

        return at == 0 ? "" : root[..Math.Min(root.Length, at - 1)];
    }

    private string[] Below(string top, string folder)
    {
        var (a, b) = (Absolute(top), Absolute(folder));
        return a == b ? [] : b[a.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries);
    }

    // "../.." and a name go back down towards the workspace root where they can: ".." , "".
    private string Relative(string folder, string name)
    {
        if (folder == ".." || folder.EndsWith("/..", StringComparison.Ordinal))
        {
            var shorter = folder.Length == 2 ? "" : folder[..^3];
            if (Absolute(shorter) == (Absolute(folder).TrimEnd('/') + "/" + name))
            {
                return shorter;
            }
        }

        return GitRepository.Join(folder, name);
    }

    private string Absolute(string relative)
    {
        var full = Path.GetFullPath(Path.Join(physicalRoot, relative)).Replace('\\', '/');
        return full.Length > 1 ? full.TrimEnd('/') : full;
    }

    private string? FindLink(string root)
    {
        for (var slash = 0; slash >= 0 && root.Length > 0;)
        {
            slash = root.IndexOf('/', slash + 1);
            var prefix = slash < 0 ? root : root[..slash];
            if (prefix == ".." || prefix.EndsWith("/..", StringComparison.Ordinal))
            {
                continue;
            }

            if (walker.Stat(prefix, follow: false, out var stat) && stat.Type == EntryType.Link)
            {
                return prefix;
            }
        }

        return null;
    }

    /// <summary>The path with every link on the way resolved.</summary>
    private static string Physical(string path)
    {
        var full = Path.GetFullPath(path);
        var current = Path.GetPathRoot(full)!;
        foreach (var part in full[current.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            current = Path.Combine(current, part);
            if (new DirectoryInfo(current).ResolveLinkTarget(returnFinalTarget: true) is { } target)
            {
                current = Physical(target.FullName);
            }
        }

        return current.Replace('\\', '/');
    }
}
