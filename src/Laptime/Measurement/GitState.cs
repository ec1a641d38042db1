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
        if (await GitQuestion.AskAsync(runner, root, Bound, ["rev-parse", "HEAD"], cancel) is not [{ Length: >= 40 } revision])
        {
            return new GitState(null, null);
        }

        var changes = await GitQuestion.AskAsync(runner, root, Bound, ["status", "--porcelain", "--", "."], cancel);
        return new GitState(revision, changes is null ? null : changes.Count > 0);
    }
}
