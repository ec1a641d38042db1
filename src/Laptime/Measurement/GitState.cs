using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Measurement;

/// <summary>Which commit is checked out, and whether the working tree is it.</summary>
/// <param name="Revision">Null outside git (or without git).</param>
/// <param name="Dirty">Null where the revision is.</param>
public sealed record GitState(string? Revision, bool? Dirty)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    public static async Task<GitState> ReadAsync(ProcessRunner runner, string root, CancellationToken cancel)
    {
        if (await GitAsync(runner, root, ["rev-parse", "HEAD"], cancel) is not [{ Length: >= 40 } revision])
        {
            return new GitState(null, null);
        }

        var changes = await GitAsync(runner, root, ["status", "--porcelain", "--", "."], cancel);
        return new GitState(revision, changes is null ? null : changes.Count > 0);
    }

    /// <summary>Null when git is not there, or this is no repository.</summary>
    private static async Task<IReadOnlyList<string>?> GitAsync(ProcessRunner runner, string root, IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var lines = new List<string>();
        try
        {
            var result = await runner.RunAsync(
                new Command
                {
                    Program = "git", Arguments = ["--no-optional-locks", .. arguments], Directory = root, Deadline = Bound,
                    Environment = new Dictionary<string, string?> { ["LC_ALL"] = "C", ["GIT_TERMINAL_PROMPT"] = "0" },
                },
                line =>
                {
                    if (!line.IsError)
                    {
                        lines.Add(line.Text);
                    }
                },
                cancel);
            return result.Succeeded ? lines : null;
        }
        catch (FaultException)
        {
            return null;
        }
    }
}
