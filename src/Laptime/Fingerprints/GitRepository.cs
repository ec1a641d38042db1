using System.Text;

namespace Laptime.Fingerprints;

/// <summary>Where git looks for a user's settings.</summary>
internal sealed record GitHome(string? Home, string? ConfigHome, string? GlobalFile, string? SystemFile)
{
    /// <summary>From this process's environment; git's own variables are honoured.</summary>
    public static GitHome FromEnvironment()
    {
        static string? Get(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
        var home = Get("HOME") ?? (OperatingSystem.IsWindows() ? Get("USERPROFILE") : null);
        var noSystem = Get("GIT_CONFIG_NOSYSTEM") is { } no && no is not ("0" or "false");
        return new GitHome(
            home,
            Get("XDG_CONFIG_HOME") ?? (home is null ? null : Path.Combine(home, ".config")),
            Environment.GetEnvironmentVariable("GIT_CONFIG_GLOBAL"),
            noSystem || OperatingSystem.IsWindows() ? null : Get("GIT_CONFIG_SYSTEM") ?? "/etc/gitconfig");
    }
}

/// <summary>
/// A repository as far as it decides what is an input: its exclude files and what it tracks. Read from its files; no git process is run.
/// </summary>
internal sealed class GitRepository
{
    private readonly ScanFacts facts;
    private readonly string indexPath;
    private readonly string gitFolder;
    private readonly int hashSize;
    private TrackedPaths? tracked;

    private GitRepository(ScanFacts facts, string top, string gitFolder, string commonFolder, GitHome home)
    {
        this.facts = facts;
        this.gitFolder = gitFolder;
        Top = top;
        indexPath = gitFolder + "/index";
        var config = new GitConfig();
        if (home.SystemFile is { Length: > 0 } system)
        {
            config.Load(system, home.Home, facts.Read);
        }

        if (home.GlobalFile is { } only)
        {
            if (only.Length > 0)
            {
                config.Load(only, home.Home, facts.Read);
            }
        }
        else
        {
            if (home.ConfigHome is { } xdg)
            {
                config.Load(Path.Combine(xdg, "git/config"), home.Home, facts.Read);
            }

            if (home.Home is { } folder)
            {
                config.Load(Path.Combine(folder, ".gitconfig"), home.Home, facts.Read);
            }
        }

        config.Load(commonFolder + "/config", home.Home, facts.Read);
        if (IsTrue(config["extensions.worktreeConfig"]))
        {
            config.Load(gitFolder + "/config.worktree", home.Home, facts.Read);
        }

        IgnoreCase = IsTrue(config["core.ignoreCase"]);
        hashSize = config["extensions.objectFormat"]?.Equals("sha256", StringComparison.OrdinalIgnoreCase) == true ? 32 : 20;
        Exclude = Rules(commonFolder + "/info/exclude");
        var global = config["core.excludesFile"] is { } set ? GitConfig.Expand(set, home.Home)
            : home.ConfigHome is { } configHome ? Path.Combine(configHome, "git/ignore")
            : "";
        Global = global.Length == 0 ? IgnoreRules.None : Rules(Path.IsPathRooted(global) ? global : Join(top, global));
    }

    /// <summary>Folder of the working tree, relative to the workspace root.</summary>
    public string Top { get; }

    public bool IgnoreCase { get; }

    /// <summary>info/exclude.</summary>
    public IgnoreRules Exclude { get; }

    /// <summary>core.excludesFile, or git's default for it.</summary>
    public IgnoreRules Global { get; }

    /// <summary>Set when the index is in a form we do not know: nothing then counts as tracked.</summary>
    public bool UnknownIndex { get; private set; }

    /// <summary>Read when first asked for: only paths that a rule ignores need the answer.</summary>
    public TrackedPaths Tracked
    {
        get
        {
            lock (this)
            {
                return tracked ??= ReadTracked();
            }
        }
    }

    /// <summary>The repository whose working tree starts at a folder; null: none does.</summary>
    public static GitRepository? At(string folder, ScanFacts facts, GitHome home)
    {
        var dot = Join(folder, ".git");
        lock (facts)
        {
            switch (facts.TypeOf(dot))
            {
                case EntryType.Folder:
                    return IsRepository(dot, dot, facts) ? new GitRepository(facts, folder, dot, dot, home) : null;

                case EntryType.File:
                    var text = Encoding.UTF8.GetString(facts.Read(dot) ?? []).TrimEnd('\n', '\r');
                    if (!text.StartsWith("gitdir: ", StringComparison.Ordinal))
                    {
                        return null;
                    }

                    var target = text["gitdir: ".Length..];
                    var git = Path.IsPathRooted(target) ? target : Join(folder, target);
                    var common = git;
                    if (facts.Read(git + "/commondir") is { } link)
                    {
                        var to = Encoding.UTF8.GetString(link).TrimEnd('\n', '\r');
                        common = Path.IsPathRooted(to) ? to : Join(git, to);
                    }

                    return IsRepository(git, common, facts) ? new GitRepository(facts, folder, git, common, home) : null;

                default:
                    return null;
            }
        }
    }

    internal static string Join(string folder, string name) => folder.Length == 0 ? name : folder + "/" + name;

    // What git itself asks before it takes a folder for a repository.
    private static bool IsRepository(string git, string common, ScanFacts facts) =>
        facts.TypeOf(common + "/objects") == EntryType.Folder && facts.TypeOf(common + "/refs") == EntryType.Folder && facts.TypeOf(git) == EntryType.Folder;

    private static bool IsTrue(string? value) => value?.ToLowerInvariant() is "true" or "yes" or "on" or "1";

    private TrackedPaths ReadTracked()
    {
        lock (facts)
        {
            if (facts.ReadGitIndex(indexPath, hashSize) is not { } content)
            {
                return TrackedPaths.None;
            }

            if (TrackedPaths.Parse(content, hashSize, name => facts.Read(gitFolder + "/sharedindex." + name)) is { } parsed)
            {
                return parsed;
            }

            UnknownIndex = true;
            return TrackedPaths.None;
        }
    }

    private IgnoreRules Rules(string path) => facts.Read(path) is { } content ? IgnoreRules.Parse(content) : IgnoreRules.None;
}

/// <summary>The ignore rules in force in one folder: its own .gitignore, those of the folders above up to the working tree's top, then the repository's.</summary>
internal sealed class IgnoreContext
{
    private readonly IgnoreContext? above;
    private readonly IgnoreRules own;
    private readonly int ownLength;

    private IgnoreContext(IgnoreContext? above, IgnoreRules own, GitRepository? repository, string path)
    {
        this.above = above;
        this.own = own;
        Repository = repository;
        Path = path;
        ownLength = path.Length == 0 ? 0 : path.Length + 1;
        NeedsPath = own.NeedsPath || (above is not null && above.NeedsPath)
            || (above is null && repository is not null && (repository.Exclude.NeedsPath || repository.Global.NeedsPath));
    }

    public GitRepository? Repository { get; }

    /// <summary>Of the folder, below the top the rules start at; one character per byte.</summary>
    public string Path { get; }

    /// <summary>Does any rule look at more than a name?</summary>
    public bool NeedsPath { get; }

    /// <summary>The start: the working tree's top, or (no repository) the outermost folder the workspace reaches.</summary>
    public static IgnoreContext Start(GitRepository? repository, IgnoreRules own) => new(null, own, repository, "");

    /// <summary>A folder below, which may have rules of its own.</summary>
    public IgnoreContext Below(string path, IgnoreRules rules) => rules.IsEmpty ? this : new(this, rules, Repository, path);

    /// <param name="path">Below the start, one character per byte; used only when <see cref="NeedsPath"/>.</param>
    /// <param name="name">The last name of it.</param>
    public bool Ignores(ReadOnlySpan<char> path, ReadOnlySpan<char> name, bool folder)
    {
        var fold = Repository?.IgnoreCase == true;
        for (var context = this; context is not null; context = context.above)
        {
            if (!context.own.IsEmpty && context.own.Decide(context.own.NeedsPath ? path[context.ownLength..] : name, name, folder, fold) is { } decided)
            {
                return decided;
            }
        }

        return Repository is not null && (Repository.Exclude.Decide(path, name, folder, fold) ?? Repository.Global.Decide(path, name, folder, fold) ?? false);
    }
}
