using System.ComponentModel;
using System.Diagnostics;

namespace Laptime.Processes;

/// <summary>
/// Starts a program that outlives whoever starts it: in a session of its own (its pid is its process group and its session), with default signals,
/// nothing on standard input and its output appended to a file. Elsewhere than on Linux it is a plain child whose output a shell appends.
/// </summary>
public static class DetachedProcess
{
    /// <param name="command">What to start; its environment is not used.</param>
    /// <param name="environment">The whole environment: nothing is inherited.</param>
    /// <param name="log">File that both streams are appended to.</param>
    /// <returns>The pid.</returns>
    /// <exception cref="Win32Exception">It could not be started (no such program, not executable, no such directory); the message says why.</exception>
    public static int Start(Command command, IReadOnlyDictionary<string, string> environment, string log) =>
        OperatingSystem.IsLinux() ? Spawn.StartSession(command, environment, log) : StartChild(command, environment, log);

    private static int StartChild(Command command, IReadOnlyDictionary<string, string> environment, string log)
    {
        // The log is opened by a shell, so that the program writes to the file itself and lives on when we end.
        var windows = OperatingSystem.IsWindows();
        var start = new ProcessStartInfo(windows ? "cmd" : "/bin/sh")
        {
            WorkingDirectory = command.Directory, UseShellExecute = false, CreateNoWindow = true, RedirectStandardInput = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        if (windows)
        {
            start.Arguments = $"/d /s /c \"{Quote(command.Program)} {string.Join(' ', command.Arguments.Select(Quote))} >> {Quote(log)} 2>&1\"";
        }
        else
        {
            foreach (var argument in (string[])["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", log, command.Program, .. command.Arguments])
            {
                start.ArgumentList.Add(argument);
            }
        }

        using var process = Process.Start(start) ?? throw new Win32Exception($"{command.Program} did not start");
        process.StandardInput.Close();
        return process.Id;
    }

    private static string Quote(string argument) =>
        argument.Length > 0 && argument.IndexOfAny([' ', '\t', '"', '&', '|', '<', '>', '^']) < 0 ? argument : $"\"{argument.Replace("\"", "\\\"")}\"";
}
