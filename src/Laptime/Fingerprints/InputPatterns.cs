using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// A list of globs: `*` and `?` within a name, `[a-z]`, `{a,b}`, `**` for any number of folders, a leading `!` takes away;
/// the last pattern that matches decides. Patterns are relative to a base folder and may climb out of it with `..` at their start.
/// A pattern that matches a folder takes everything below it. Names that start with a dot are names like any other. Case counts.
/// </summary>
public sealed class InputPatterns
{
    private const int MaxAlternatives = 1024;
    private readonly List<Pattern> patterns = [];

    private InputPatterns() { }

    /// <summary>Literal folders (relative to the root, '/') below which everything lies that can match; none contains another.</summary>
    public IReadOnlyList<string> Roots { get; private set; } = [];

    /// <param name="basePath">Folder the patterns are relative to, itself relative to the workspace root with '/'; "" is the root.</param>
    /// <exception cref="LapException">A pattern is empty, absolute, or climbs after a wildcard.</exception>
    public static InputPatterns Compile(string basePath, IReadOnlyList<string> patterns)
    {
        var compiled = new InputPatterns();
        List<Problem> problems = [];
        for (var i = 0; i < patterns.Count; i++)
        {
            var text = patterns[i];
            var excludes = text.StartsWith('!');
            var body = excludes ? text[1..] : text;
            if (Check(body) is { } wrong)
            {
                problems.Add(new Problem($"pattern `{text}` {wrong}", basePath.Length == 0 ? null : basePath, "write a glob relative to the component's path, such as `src/**` or `../../proto/**`"));
                continue;
            }

            List<string> alternatives = [];
            Expand(body, alternatives);
            if (alternatives.Count > MaxAlternatives)
            {
                problems.Add(new Problem($"pattern `{text}` stands for more than {MaxAlternatives} alternatives", basePath));
                continue;
            }

            foreach (var alternative in alternatives)
            {
                if (Resolve(basePath, alternative) is not { } segments)
                {
                    problems.Add(new Problem($"pattern `{text}` climbs with `..` after a wildcard", basePath, "put every `..` at the start"));
                    break;
                }

                compiled.patterns.Add(new Pattern(i, excludes, segments));
            }
        }

        if (problems.Count > 0)
        {
            throw new LapException(problems);
        }

        compiled.Roots = RootsOf(compiled.patterns);
        return compiled;
    }

    /// <summary>Does the last pattern that matches the path (or a folder above it) include it?</summary>
    /// <param name="path">Relative to the workspace root, with '/'.</param>
    public bool Matches(string path) => Decide(path) >= 0;

    /// <summary>Number of the pattern (in the list given) that includes the path; -1 when none does or the last one that matches takes it away.</summary>
    public int Decide(string path)
    {
        for (var i = patterns.Count - 1; i >= 0; i--)
        {
            if (patterns[i].Matches(path))
            {
                return patterns[i].Excludes ? -1 : patterns[i].Number;
            }
        }

        return -1;
    }

    /// <summary>True when every file below the folder matches: nothing has to be asked file by file. False may also mean "not known".</summary>
    public bool CoversAll(string folder) => patterns.Count == 1 && !patterns[0].Excludes && patterns[0].CoversAll(folder);

    /// <summary>True when one pattern of a list without exclusions takes everything in the folder.</summary>
    internal bool TakesFolder(string folder)
    {
        foreach (var pattern in patterns)
        {
            if (pattern.CoversAll(folder) || pattern.Matches(folder))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Patterns of two lists that exclude nothing, as one.</summary>
    internal static InputPatterns Join(InputPatterns? a, InputPatterns b)
    {
        var joined = new InputPatterns();
        joined.patterns.AddRange(a?.patterns ?? []);
        joined.patterns.AddRange(b.patterns);
        joined.Roots = RootsOf(joined.patterns);
        return joined;
    }

    /// <summary>Roots of several lists, none within another.</summary>
    internal static IReadOnlyList<string> RootsOf(IEnumerable<InputPatterns> lists) => RootsOf([.. lists.SelectMany(l => l.patterns)]);

    /// <summary>False only when nothing below the folder can match: the walk need not go there.</summary>
    public bool MayMatchBelow(string folder)
    {
        foreach (var pattern in patterns)
        {
            if (!pattern.Excludes && pattern.MayMatchBelow(folder))
            {
                return true;
            }
        }

        return false;
    }

    private static string? Check(string body) =>
        body.Length == 0 ? "is empty"
        : body[0] == '/' || (body.Length > 1 && body[1] == ':') ? "is absolute"
        : body.Contains('\0') ? "contains a NUL"
        : body.Contains('\\') ? "contains a backslash (paths are written with '/')"
        : null;

    /// <summary>Writes out `{a,b}`; unbalanced braces are literal, as in a shell.</summary>
    private static void Expand(string text, List<string> into)
    {
        if (into.Count > MaxAlternatives)
        {
            return;
        }

        for (var open = text.IndexOf('{'); open >= 0; open = text.IndexOf('{', open + 1))
        {
            List<int> commas = [];
            var depth = 0;
            var close = -1;
            for (var i = open; i < text.Length && close < 0; i++)
            {
                switch (text[i])
                {
                    case '{':
                        depth++;
                        break;
                    case ',' when depth == 1:
                        commas.Add(i);
                        break;
                    case '}' when --depth == 0:
                        close = i;
                        break;
                }
            }

            if (close < 0 || commas.Count == 0)
            {
                continue;
            }

            var start = open + 1;
            commas.Add(close);
            foreach (var end in commas)
            {
                Expand(text[..open] + text[start..end] + text[(close + 1)..], into);
                start = end + 1;
            }

            return;
        }

        into.Add(text);
    }

    /// <summary>Segments relative to the root; null when a `..` follows a wildcard.</summary>
    private static string[]? Resolve(string basePath, string pattern)
    {
        List<string> segments = [.. basePath.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(s => s != ".")];
        foreach (var segment in pattern.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (segment)
            {
                case ".":
                    break;
                case ".." when segments.Count > 0 && segments[^1] != "..":
                    if (IsWild(segments[^1]))
                    {
                        return null;
                    }

                    segments.RemoveAt(segments.Count - 1);
                    break;
                case "**" when segments.Count > 0 && segments[^1] == "**":
                    break;
                default:
                    segments.Add(segment);
                    break;
            }
        }

        return [.. segments];
    }

    private static bool IsWild(string segment) => segment.AsSpan().IndexOfAny('*', '?', '[') >= 0;

    private static List<string> RootsOf(List<Pattern> patterns)
    {
        var all = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var pattern in patterns)
        {
            if (!pattern.Excludes)
            {
                all.Add(pattern.Root);
            }
        }

        return [.. all.Where(root => !all.Any(other => other != root && Contains(other, root)))];
    }

    /// <summary>Is <paramref name="path"/> the folder or below it? Both relative to the root; ".." counts up.</summary>
    internal static bool Contains(string folder, string path)
    {
        if (folder == path)
        {
            return true;
        }

        if (folder.Length == 0)
        {
            return path != ".." && !path.StartsWith("../", StringComparison.Ordinal);
        }

        if (path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal))
        {
            // "../.." is above "..", not below it.
            return folder != ".." && !folder.EndsWith("/..", StringComparison.Ordinal)
                || !(path.AsSpan(folder.Length + 1).SequenceEqual("..") || path.AsSpan(folder.Length + 1).StartsWith("../"));
        }

        // ".." contains "" and everything below it, except through a name: "../x" is not the root.
        if (folder == ".." || folder.EndsWith("/..", StringComparison.Ordinal))
        {
            var up = Ups(folder);
            return Ups(path) < up;
        }

        return false;
    }

    private static int Ups(string path)
    {
        var n = 0;
        for (var at = 0; path.AsSpan(at).SequenceEqual("..") || path.AsSpan(at).StartsWith("../"); at += 3)
        {
            n++;
            if (at + 2 >= path.Length)
            {
                break;
            }
        }

        return n;
    }

    private sealed class Pattern
    {
        private readonly string[] segments;
        private readonly bool everything;
        private readonly bool wholeRoot;

        public Pattern(int number, bool excludes, string[] segments)
        {
            Number = number;
            Excludes = excludes;
            this.segments = segments;
            var literal = 0;
            while (literal < segments.Length && !IsWild(segments[literal]))
            {
                literal++;
            }

            // All but the last literal segment are folders for sure; the last one may be a file when it is the pattern's end.
            Root = string.Join('/', segments.Take(literal == segments.Length ? Math.Max(0, literal - 1) : literal));
            if (literal == segments.Length && literal > 0 && segments[^1] == "..")
            {
                Root = string.Join('/', segments);
            }

            everything = segments is ["**"] || segments.Length == 0;
            wholeRoot = literal == segments.Length - 1 && segments.Length > 0 && segments[^1] == "**";
        }

        public int Number { get; }

        public bool Excludes { get; }

        public string Root { get; }

        public bool Matches(string path)
        {
            if (everything)
            {
                return !path.StartsWith("../", StringComparison.Ordinal);
            }

            if (wholeRoot)
            {
                return path != Root && Contains(Root, path);
            }

            return Match(path, 0, 0);
        }

        public bool CoversAll(string folder) => (everything && !folder.StartsWith("..", StringComparison.Ordinal)) || (wholeRoot && Contains(Root, folder));

        public bool MayMatchBelow(string folder) =>
            Contains(Root, folder) ? wholeRoot || everything || MayGoOn(folder) : Contains(folder, Root);

        // Matches when the pattern's segments are used up, at the path's end or at a folder above it.
        private bool Match(string path, int at, int segment)
        {
            while (true)
            {
                if (segment == segments.Length)
                {
                    return true;
                }

                if (segments[segment] == "**")
                {
                    if (segment == segments.Length - 1)
                    {
                        return at < path.Length && !path.AsSpan(at).StartsWith("../");
                    }

                    for (var from = at; from >= 0 && from < path.Length; from = Next(path, from))
                    {
                        if (Match(path, from, segment + 1))
                        {
                            return true;
                        }
                    }

                    return false;
                }

                if (at < 0 || at >= path.Length)
                {
                    return false;
                }

                var end = path.IndexOf('/', at);
                var name = path.AsSpan(at, (end < 0 ? path.Length : end) - at);
                if (name is ".." != segments[segment] is ".." || !Glob.MatchName(segments[segment], name))
                {
                    return false;
                }

                at = end < 0 ? path.Length : end + 1;
                segment++;
            }
        }

        private static int Next(string path, int from)
        {
            var slash = path.IndexOf('/', from);
            return slash < 0 ? -1 : slash + 1;
        }

        private bool MayGoOn(string folder)
        {
            var at = 0;
            for (var segment = 0; segment < segments.Length; segment++)
            {
                if (at >= folder.Length || segments[segment] == "**")
                {
                    return true;
                }

                var end = folder.IndexOf('/', at);
                var name = folder.AsSpan(at, (end < 0 ? folder.Length : end) - at);
                if (!Glob.MatchName(segments[segment], name))
                {
                    return false;
                }

                at = end < 0 ? folder.Length : end + 1;
            }

            return true;
        }
    }
}
