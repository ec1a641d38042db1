using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>The command of laptime.yaml as containers are given it.</summary>
internal static class CommandWords
{
    /// <returns>Program and arguments; null: the image's own.</returns>
    /// <exception cref="KeyNotFoundException">A name without a value.</exception>
    public static IReadOnlyList<string>? Of(CommandLine command, Func<string, string?> names) => command switch
    {
        CommandLine.Shell shell => ["/bin/sh", "-e", "-c", shell.Text.Resolve(names)],
        CommandLine.Exec { Arguments.Count: > 0 } exec => [.. exec.Arguments.Select(a => a.Resolve(names))],
        _ => null,
    };
}
