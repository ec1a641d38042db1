using Laptime.Processes;

namespace Laptime.Ledgers.Behaviour;

/// <summary>Who in the workspace mentions a name: git's own search, of tracked files and new ones.</summary>
public sealed class Mentions(ProcessRunner runner, string root, IReadOnlyCollection<string> apart)
{
    private const int Kept = 5;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    /// <inheritdoc cref="MentionSearch"/>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<string>>?> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancel)
    {
        var found = names.Distinct().ToDictionary(static n => n, static _ => (IReadOnlyList<string>)[], StringComparer.Ordinal);
        foreach (var name in found.Keys.ToList())
        {
            var files = new List<string>();
            var result = await runner.RunAsync(
                new Command
                {
                    Program = "git", Directory = root, Deadline = Bound, FailsAs = Foundations.Outcome.UsageError,
                    Arguments = ["-c", "core.quotePath=false", "grep", "-I", "-i", "-w", "-l", "-F", "--untracked", "-e", name, "--", ".", .. apart.Where(static a => a.Length > 0).Select(static a => $":(exclude){a}")],
                    Environment = new Dictionary<string, string?> { ["GIT_OPTIONAL_LOCKS"] = "0" },
                },
                line =>
                {
                    if (!line.IsError && files.Count < Kept)
                    {
                        files.Add(line.Text);
                    }
                }, cancel).ConfigureAwait(false);
            if (result.ExitCode > 1 || result.TimedOut)
            {
                return null;
            }

            found[name] = files;
        }

        return found;
    }
}
