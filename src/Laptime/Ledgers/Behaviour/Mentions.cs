using Laptime.Processes;

namespace Laptime.Ledgers.Behaviour;

/// <summary>Who in the workspace mentions a name: git's own search, of tracked files and new ones.</summary>
public sealed class Mentions(ProcessRunner runner, string root, IReadOnlyCollection<string> apart)
{
    private const int Kept = 5;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    /// <summary>Beyond this many files that name something, all are searched for each name.</summary>
    private const int Narrow = 200;

    /// <inheritdoc cref="MentionSearch"/>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<string>>?> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancel)
    {
        var found = names.Distinct().ToDictionary(static n => n, static _ => (IReadOnlyList<string>)[], StringComparer.Ordinal);
        if (found.Count == 0)
        {
            return found;
        }

        // Most files name none of them: one search tells which are worth another look.
        string[] everywhere = [".", .. apart.Where(static a => a.Length > 0).Select(static a => $":(exclude){a}")];
        if (await GrepAsync([.. found.Keys], everywhere, Narrow + 1, cancel).ConfigureAwait(false) is not { } some)
        {
            return null;
        }

        string[] where = some.Count > Narrow ? everywhere : [.. some.Select(static f => $":(literal){f}")];
        foreach (var name in some.Count == 0 ? [] : found.Keys.ToList())
        {
            if (await GrepAsync([name], where, Kept, cancel).ConfigureAwait(false) is not { } files)
            {
                return null;
            }

            found[name] = files;
        }

        return found;
    }

    /// <returns>Up to so many files that name one of them; null: git could not look.</returns>
    private async Task<List<string>?> GrepAsync(IReadOnlyList<string> names, string[] where, int most, CancellationToken cancel)
    {
        var files = new List<string>();
        var result = await runner.RunAsync(
            new Command
            {
                Program = "git", Directory = root, Deadline = Bound, FailsAs = Foundations.Outcome.UsageError,
                Arguments = ["-c", "core.quotePath=false", "grep", "-I", "-i", "-w", "-l", "-F", "--untracked", .. names.SelectMany(static n => new[] { "-e", n }), "--", .. where],
                Environment = new Dictionary<string, string?> { ["GIT_OPTIONAL_LOCKS"] = "0" },
            },
            line =>
            {
                if (!line.IsError && files.Count < most)
                {
                    files.Add(line.Text);
                }
            }, cancel).ConfigureAwait(false);
        return result.ExitCode > 1 || result.TimedOut ? null : files;
    }
}
