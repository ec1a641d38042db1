using Laptime.Foundations;

namespace Laptime.Targets;

/// <summary>A program to run beside an instance.</summary>
/// <param name="Command">Program and arguments; no shell.</param>
public sealed record ExecRequest(string Component, IReadOnlyList<string> Command)
{
    /// <summary>Which of the component's instances, from 1 in the target's own order; null: the first that runs.</summary>
    public int? Instance { get; init; }

    /// <summary>File that is the program's standard input; null: it is empty.</summary>
    public string? Input { get; init; }

    /// <summary>The instance that is asked for.</summary>
    /// <param name="running">Those that run, in the target's order.</param>
    /// <param name="environment">Its name, for the message.</param>
    /// <exception cref="FaultException">There is none.</exception>
    internal T Choose<T>(IReadOnlyList<T> running, string environment) => Instance is { } number
        ? number <= running.Count
            ? running[number - 1]
            : throw new FaultException(new Fault(Outcome.RolloutFailed, $"{Component} has no instance {number} in {environment}: {running.Count} run", Component, "`lap status` shows how many there are"))
        : running.Count > 0
            ? running[0]
            : throw new FaultException(new Fault(Outcome.RolloutFailed, $"{Component} does not run in {environment}", Component, $"lap deploy {Component} --env {environment}"));

    /// <exception cref="FaultException">There is an input, which this target cannot hand on.</exception>
    internal void RefuseInput(string instead)
    {
        if (Input is not null)
        {
            throw new FaultException(new Fault(Outcome.UsageError, "--stdin is not for this target: the engine's programs get no input from lap", Component, instead));
        }
    }
}

/// <summary>One line that the program printed.</summary>
public readonly record struct ExecLine(string Text, bool IsError);

/// <param name="ExitCode">The program's; 126 and 127 where it could not be started.</param>
/// <param name="Instance">Which instance it ran beside, as the target calls it.</param>
public sealed record ExecEnd(int ExitCode, string Instance);
