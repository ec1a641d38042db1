using Laptime.Foundations;

namespace Laptime.Processes;

/// <summary>Asks git something, and changes nothing by it: no lock is taken, nobody is asked for a password, names mean themselves.</summary>
internal static class GitQuestion
{
    /// <returns>What git printed, line by line; null when git is not there, this is no repository, or git said no.</returns>
    public static async Task<IReadOnlyList<string>?> AskAsync(ProcessRunner runner, string directory, TimeSpan bound, IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var lines = new List<string>();
        try
        {
            var result = await runner.RunAsync(
                new Command
                {
                    Program = "git", Arguments = ["--no-optional-locks", "--literal-pathspecs", .. arguments], Directory = directory, Deadline = bound,
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
