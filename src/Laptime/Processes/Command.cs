using Laptime.Foundations;

namespace Laptime.Processes;

/// <summary>
/// A program to run: built anywhere, run only by <see cref="ProcessRunner"/>. An argument is passed as it is, never through a shell,
/// unless the program is one.
/// </summary>
public sealed record Command
{
    public required string Program { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Absolute path of the working directory.</summary>
    public required string Directory { get; init; }

    /// <summary>Added to the inherited environment; null removes a name.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Values that must never appear in output, logs or messages.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Bound on the run; null means that the caller's token alone bounds it.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>File that is the program's standard input, or null: it is empty.</summary>
    public string? InputFile { get; init; }

    /// <summary>Longest line that the listener gets, in characters; what is beyond is cut. Raised for output that is read rather than shown.</summary>
    public int LineCharacters { get; init; } = OutputCapture.LineCharacters;

    /// <summary>File that receives everything the program prints (both streams, in order of arrival), or null.</summary>
    public string? LogFile { get; init; }

    /// <summary>
    /// File that says which process this is while it runs, or null: the successor of a killed lap ends the process by it
    /// (<see cref="ProcessRunner.EndLeftover"/>).
    /// </summary>
    public string? PidFile { get; init; }

    /// <summary>What a transaction ends with when the program cannot be started.</summary>
    public Outcome FailsAs { get; init; } = Outcome.BuildFailed;

    /// <summary>The system's shell with this text: <c>/bin/sh -e -c</c>, <c>cmd /d /c</c> on Windows.</summary>
    public static Command Shell(string text, string directory) => OperatingSystem.IsWindows()
        ? new Command { Program = "cmd", Arguments = ["/d", "/c", text], Directory = directory }
        : new Command { Program = "/bin/sh", Arguments = ["-e", "-c", text], Directory = directory };
}
