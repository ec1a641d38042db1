using Laptime.Fingerprints;

namespace Laptime.Ledgers.Governance;

/// <summary>Who owns which file: `owners` of the ledger in laptime.yaml, else CODEOWNERS. The last pattern that fits wins, in both.</summary>
public sealed class OwnerRules
{
    public static readonly OwnerRules None = new("", []);

    private static readonly string[] Places = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

    private readonly List<(string Owners, WildMatchPattern Pattern)> rules;

    private OwnerRules(string source, List<(string, WildMatchPattern)> rules) => (Source, this.rules) = (source, rules);

    /// <summary>Where the rules are written; empty: nowhere.</summary>
    public string Source { get; }

    /// <summary>Where the workspace lies below the repository's top, which the patterns of CODEOWNERS begin at; null: they begin at the ledger's folder.</summary>
    public string? BelowTop { get; private init; }

    public bool AreDeclared => Source.Length > 0;

    /// <param name="owners">Pattern below the ledger's folder to owners.</param>
    public static OwnerRules Of(IReadOnlyDictionary<string, string> owners, string source) =>
        owners.Count == 0 ? None : new OwnerRules(source, [.. owners.Select(o => (o.Value.Trim(), new WildMatchPattern(o.Key)))]);

    /// <summary>The repository's CODEOWNERS, where forges look for it; <see cref="None"/> without one.</summary>
    /// <param name="top">Of the repository.</param>
    /// <param name="belowTop">Of the workspace.</param>
    public static OwnerRules FindCodeOwners(string top, string belowTop) =>
        Places.FirstOrDefault(f => File.Exists(Path.Combine(top, f))) is { } file ? OfCodeOwners(File.ReadAllText(Path.Combine(top, file)), file, belowTop) : None;

    /// <summary>CODEOWNERS: a pattern as in .gitignore, then owners; a pattern without owners takes them away.</summary>
    /// <param name="belowTop">Of the workspace.</param>
    public static OwnerRules OfCodeOwners(string text, string source, string belowTop)
    {
        var rules = new List<(string, WildMatchPattern)>();
        foreach (var line in text.Split('\n').Select(static l => l.Split(" #")[0].Trim()))
        {
            // GitLab's sections: [name] or ^[name]
            if (line.Length == 0 || line[0] is '#' or '[' or '^')
            {
                continue;
            }

            var parts = line.Split([' ', '\t'], 2, StringSplitOptions.RemoveEmptyEntries);
            rules.Add((parts.Length > 1 ? parts[1].Trim() : "", new WildMatchPattern(parts[0])));
        }

        return new OwnerRules(source, rules) { BelowTop = belowTop };
    }

    /// <param name="path">Relative to where the patterns begin.</param>
    /// <returns>Null: nobody.</returns>
    public string? Of(string path)
    {
        for (var i = rules.Count - 1; i >= 0; i--)
        {
            if (rules[i].Pattern.Fits(path))
            {
                return rules[i].Owners is { Length: > 0 } owners ? owners : null;
            }
        }

        return null;
    }

    /// <summary>A pattern of a .gitignore: it fits a file, or a folder and so all below it.</summary>
    private sealed class WildMatchPattern
    {
        private readonly string pattern;
        private readonly bool anchored;
        private readonly bool folderOnly;

        public WildMatchPattern(string written)
        {
            folderOnly = written.EndsWith('/');
            var trimmed = written.TrimEnd('/');
            anchored = trimmed.TrimStart('/').Contains('/') || trimmed.StartsWith('/');
            pattern = trimmed.TrimStart('/');
            if (pattern.Length == 0)
            {
                pattern = "*";
            }
        }

        public bool Fits(string path)
        {
            for (var end = path.IndexOf('/'); ; end = path.IndexOf('/', end + 1))
            {
                var whole = end < 0;
                var part = whole ? path : path[..end];
                if (!(whole && folderOnly))
                {
                    // `docs/*` owns the files right in docs, as GitHub reads it; a folder that fits owns everything below it.
                    if (anchored ? (whole || !pattern.EndsWith("/*", StringComparison.Ordinal)) && WildMatch.Matches(pattern, part, pathName: true, foldCase: false)
                        : WildMatch.Matches(pattern, part.AsSpan(part.LastIndexOf('/') + 1), pathName: true, foldCase: false))
                    {
                        return true;
                    }
                }

                if (whole)
                {
                    return false;
                }
            }
        }
    }
}
