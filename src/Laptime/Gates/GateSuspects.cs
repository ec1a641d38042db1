namespace Laptime.Gates;

/// <summary>What of the claimer's own may have made a check green: files that git ignores, variables. It is a search for names, and says how each was found.</summary>
internal static class GateSuspects
{
    private const int Most = 10;

    /// <summary>So many names are looked for in the tracked files.</summary>
    private const int MostAsked = 200;

    private const int ShortestName = 4;

    /// <param name="said">What the failing check said, and the difference in words.</param>
    /// <param name="check">The check's command.</param>
    /// <param name="below">Of gates.yaml's folder in the repository; empty at the top.</param>
    /// <param name="isOutput">The check leaves this file itself: it is named for that alone.</param>
    /// <param name="mentions">Tracked files that have a text in them.</param>
    public static async Task<IReadOnlyList<GateSuspect>> FindAsync(
        GateRecord claim, IReadOnlyList<string> variables, string said, string check, string below, Func<string, bool> isOutput, Func<string, Task<IReadOnlyList<string>>> mentions)
    {
        var found = new List<GateSuspect>();
        var beside = (claim.Beside ?? []).Select(b => b.TrimEnd('/')).Where(b => !isOutput(b)).ToList();
        foreach (var path in beside)
        {
            var (own, name) = (Relative(path, below), Path.GetFileName(path));
            var because = Names(said, own) || Names(said, path) ? "what failed names it"
                : Names(check, own) || Names(check, path) ? "the check names it"
                : name.Length >= ShortestName && Names(said, name) ? "what failed names a file of this name"
                : null;
            if (because is not null)
            {
                found.Add(new GateSuspect(path, because));
            }
        }

        foreach (var path in found.Count > 0 ? [] : beside.Take(MostAsked))
        {
            var own = Relative(path, below);
            var where = await mentions(own).ConfigureAwait(false) is { Count: > 0 } whole ? whole
                : Path.GetFileName(path) is { Length: >= ShortestName } name && name != own ? await mentions(name).ConfigureAwait(false) : [];
            if (where.Count > 0)
            {
                found.Add(new GateSuspect(path, $"{where[0]} names it"));
            }
        }

        // A message often names only the nearest folder that is missing.
        found.AddRange(variables.Where(v => (claim.Environment?.Vars ?? []).Contains(v) && (Names(said, v) || Names(check, v))).Select(v => new GateSuspect("$" + v, "it was set in the claimer's environment")));
        return [.. found.Take(Most)];
    }

    private static string Relative(string path, string below) => below.Length > 0 && path.StartsWith(below + "/", StringComparison.Ordinal) ? path[(below.Length + 1)..] : path;

    /// <summary>The name stands in the text, and is not a part of a longer one.</summary>
    internal static bool Names(string text, string name)
    {
        for (var at = text.IndexOf(name, StringComparison.Ordinal); at >= 0; at = text.IndexOf(name, at + 1, StringComparison.Ordinal))
        {
            var (before, after) = (at == 0 ? ' ' : text[at - 1], at + name.Length == text.Length ? ' ' : text[at + name.Length]);
            var end = after == '.' && at + name.Length + 1 < text.Length && char.IsLetterOrDigit(text[at + name.Length + 1]);
            if (!IsPart(before) && !IsPart(after) && !end)
            {
                return true;
            }
        }

        return false;

        static bool IsPart(char c) => char.IsLetterOrDigit(c) || c is '_' or '-';
    }
}
