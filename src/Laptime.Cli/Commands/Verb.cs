using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Transactions;
using TerminalText = Laptime.Processes.TerminalText;

namespace Laptime.Cli.Commands;

/// <summary>A command of lap: its help with examples, and one way to run it, in which every failure becomes words and an exit code.</summary>
internal static class Verb
{
    /// <param name="examples">Shown below the help, one a line.</param>
    public static Command Make(string name, string description, Symbol[] symbols, Func<Session, Task<int>> run, params string[] examples)
    {
        var command = new Command(name, description);
        Examples.Of[command] = examples;
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Option option:
                    command.Options.Add(option);
                    break;
                case Argument argument:
                    command.Arguments.Add(argument);
                    break;
                case Command sub:
                    command.Subcommands.Add(sub);
                    break;
            }
        }

        command.SetAction(async (arguments, _) => await RunAsync(arguments, run));
        return command;
    }

    /// <summary>A command that only groups others.</summary>
    public static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands)
        {
            group.Subcommands.Add(command);
        }

        return group;
    }

    public static int Fail(bool json, Outcome outcome, IReadOnlyList<Problem> problems, IReadOnlyList<string>? tail = null)
    {
        GitHubActions.Guard(json, progressIsJson: false);
        if (json)
        {
            var first = problems[0];
            var failure = new FailureDocument("laptime/failure/v1", outcome.Name, outcome.ExitCode, new FailureReport(
                outcome.Name, string.Join("\n", problems.Select(p => p.What)), first.Where, first.Mend, tail), problems);
            Console.Out.WriteLine(JsonSerializer.Serialize(failure, CliJson.Readable.FailureDocument));
        }

        Explain(problems, tail);
        GitHubActions.Annotate($"lap: {outcome.Name}", problems);
        return outcome.ExitCode;
    }

    /// <summary>What went wrong, where, and how to mend it, on stderr.</summary>
    public static void Explain(IReadOnlyList<Problem> problems, IReadOnlyList<string>? tail = null)
    {
        var error = Console.Error;
        foreach (var problem in problems)
        {
            error.WriteLine("lap: " + Plain(problem.Where is null ? problem.What : $"{problem.Where}: {problem.What}"));
            if (problem.Mend is not null)
            {
                error.WriteLine("     mend: " + Plain(problem.Mend));
            }
        }

        foreach (var line in tail ?? [])
        {
            error.WriteLine("     | " + Plain(line));
        }

        // Names of files, answers of servers, what programs said: none of it may act on the terminal.
        static string Plain(string text) => text.Any(char.IsControl) ? string.Join('\n', text.Split('\n').Select(TerminalText.Strip)) : text;
    }

    private static async Task<int> RunAsync(ParseResult arguments, Func<Session, Task<int>> run)
    {
        var json = false;
        using var shutdown = new Shutdown();
        try
        {
            json = arguments.GetValue(Global.Output) == "json";
            GitHubActions.Guard(json, arguments.GetValue(Global.Progress) == "json");
            return await run(new Session(arguments, shutdown));
        }
        catch (LapException e)
        {
            return Fail(json, Outcome.UsageError, e.Problems);
        }
        catch (FaultException e)
        {
            return Fail(json, e.Fault.Outcome, [new Problem(e.Fault.What, e.Fault.Where, e.Fault.Mend)], e.Fault.Tail);
        }
        catch (OperationCanceledException) when (shutdown.Token.IsCancellationRequested)
        {
            return Fail(json, shutdown.Outcome, [new Problem("interrupted")]);
        }
        catch (IOException e) when (e.HResult is 32 or 0x6D || e.Message.Contains("Broken pipe", StringComparison.OrdinalIgnoreCase))
        {
            return 141;
        }
        catch (Exception e)
        {
            return Fail(json, Outcome.InternalError, [new Problem($"a bug in lap {Session.Version}: {e.GetType().Name}: {e.Message}", Where: null, "please report it with what follows")], [.. e.ToString().Split('\n')]);
        }
    }
}
