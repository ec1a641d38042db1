using Laptime.Foundations;

namespace Laptime.Processes;

/// <summary>One line a program printed: secrets redacted, terminal sequences removed, cut at 2,000 characters.</summary>
public readonly record struct OutputLine(string Text, bool IsError);

/// <summary>How a program that was started ended. A cancelled run has no result: it throws <see cref="OperationCanceledException"/>.</summary>
public sealed record ProcessResult
{
    /// <summary>Exit code; 128 plus the signal's number when a signal ended it, as shells say it.</summary>
    public required int ExitCode { get; init; }

    /// <summary>The signal that ended it, or null.</summary>
    public int? Signal { get; init; }

    /// <summary>The command's deadline ran out and the program was ended because of it (whatever its exit code then was).</summary>
    public bool TimedOut { get; init; }

    /// <summary>From the start to the end of the program, on the runner's clock.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The last 40 lines of both streams, in order of arrival.</summary>
    public required IReadOnlyList<string> Tail { get; init; }

    public bool Succeeded => ExitCode == 0 && !TimedOut;

    /// <summary>The end in words: <c>exit code 3</c>, <c>ended by SIGSEGV</c>, <c>no end within 30.0 s</c>.</summary>
    public string Ending => TimedOut
        ? $"no end within {Duration.Text(Elapsed)}"
        : Signal is { } number ? $"ended by {SignalName(number)}" : $"exit code {ExitCode}";

    private static string SignalName(int number) => number switch
    {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL (killed from outside, often for want of memory)",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => $"signal {number}",
    };
}
