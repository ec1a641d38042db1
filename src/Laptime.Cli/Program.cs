using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Laptime.Cli.Commands;
using Laptime.Cli.FastPath;
using Laptime.Foundations;

namespace Laptime.Cli;

/// <summary>
/// Two stages: a deploy with nothing to do is proven and told before any library is loaded (<see cref="NoOpRun"/>); everything else goes on in a method of
/// its own, so that its assemblies are not even looked for until then.
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        BeganAt = Stopwatch.GetTimestamp();
        if (NoOpRun.TryRun(args))
        {
            NoOpRun.End();
            return 0;
        }

        return RunFully(args);
    }

    /// <summary>Time stamp of the moment in which the running command began.</summary>
    internal static long BeganAt { get; private set; }

    /// <summary>The same within a process that goes on.</summary>
    internal static int Run(string[] args)
    {
        BeganAt = Stopwatch.GetTimestamp();
        return NoOpRun.TryRun(args) ? 0 : RunFully(args);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int RunFully(string[] args)
    {
        try
        {
            var root = IsPlainDeploy(args) ? Root([DeployCommand.Make()]) : Root();
            args = Array.IndexOf(args, ExecCommand.Name) >= 0 ? ExecCommand.WithBoundary(args, root) : args;
            var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
            if (parsed.Action is not Examples && UnknownFlags(parsed) is { Count: > 0 } unknown)
            {
                return Verb.Fail(args.Contains("json"), Outcome.UsageError, unknown);
            }

            return parsed.Errors.Count > 0 && parsed.Action is not Examples
                ? Verb.Fail(
                    parsed.Errors.All(e => !e.Message.Contains("--output", StringComparison.Ordinal)) && args.Contains("json"), Outcome.UsageError,
                    Problems(parsed))
                : parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
        }
        catch (LapException e)
        {
            return Verb.Fail(args.Contains("json"), Outcome.UsageError, e.Problems);
        }
    }

    /// <summary>The most frequent command is read without making the forty others: that would cost more than the reading.</summary>
    private static bool IsPlainDeploy(string[] args) =>
        args is [DeployCommand.Name, ..] && !args.Any(static a => a is "-h" or "--help" or "-?" or "/h" or "/?" || a == ExecCommand.Name);

    /// <summary>What looks like a flag and is none. The parser takes it for an argument where the command has some.</summary>
    private static List<Problem> UnknownFlags(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        string[] known = [.. command.Options.Concat(Global.All).SelectMany(o => o.Aliases.Append(o.Name)).Where(n => n.StartsWith("--", StringComparison.Ordinal))];
        return
        [
            .. parsed.CommandResult.Children.OfType<ArgumentResult>().Where(a => a.Argument.Arity.MaximumNumberOfValues == 1 || command.Name != ExecCommand.Name).SelectMany(a => a.Tokens).Select(t => t.Value).Concat(parsed.UnmatchedTokens)
                .Where(t => t.Length > 1 && t[0] == '-').Distinct()
                .Select(t => new Problem($"lap {command.Name} has no flag {t}", Where: null, NearestName.Suggest(t, known))),
        ];
    }

    /// <summary>The whole command line.</summary>
    internal static RootCommand Root() => Root(
        [
            WorkspaceCommands.Init(), PlanCommands.Plan(), DeployCommand.Make(), PublishCommand.Make(), PromoteCommand.Make(), StateCommands.Status(), PlanCommands.Why(), StateCommands.Logs(), ExecCommand.Make(), StateCommands.Down(),
            MiscCommands.Rollback(), HistoryCommands.History(), HistoryCommands.Report(), CompareCommand.Make(), BaselineCommands.Group(), ExperimentCommands.Group(), Commands.Artifacts.ArtifactCommands.Group(), StateCommands.LockGroup(), MiscCommands.Agent(), KeysCommands.Group(), GateCommands.Group(), TestCommand.Make(), LedgerCommands.Group(), AuditCommands.Group(), ChecklistCommand.Make(), DoctorCommand.Make(), WorkspaceCommands.Validate(),
            WorkspaceCommands.Schema(), DemoCommand.Make(), MiscCommands.Completion(), MiscCommands.VersionCommand(), MiscCommands.Help(),
        ]);

    private static RootCommand Root(IEnumerable<Command> commands)
    {
        var root = new RootCommand("Laptime takes a change from commit or save to reflected in the target, and proves where the time went.");
        foreach (var command in commands)
        {
            root.Subcommands.Add(command);
        }

        foreach (var option in Global.All)
        {
            option.Recursive = true;
            root.Options.Add(option);
        }

        foreach (var option in root.Options.OfType<HelpOption>().ToList())
        {
            option.Action = new Examples((HelpAction)option.Action!);
        }

        return root;
    }

    /// <summary>The library's words; what only follows from another mistake is left out.</summary>
    private static List<Problem> Problems(ParseResult parsed)
    {
        var messages = parsed.Errors.Select(e => e.Message).Distinct().ToList();
        if (messages.Count > 1)
        {
            messages.RemoveAll(m => m.StartsWith("Required command", StringComparison.Ordinal));
        }

        return [.. messages.Select(m => new Problem(m, Where: null, Cure(m, parsed)))];
    }

    private static string Cure(string message, ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var names = command.Subcommands.Select(c => c.Name).ToList();
        if (message.StartsWith("Required command", StringComparison.Ordinal))
        {
            return $"one of: {string.Join(", ", names)}";
        }

        var quoted = message.Split('\'');
        return message.StartsWith("Unrecognized", StringComparison.Ordinal) && quoted.Length > 1 && NearestName.Of(quoted[1], names) is { } near
            ? $"did you mean `{near}`? See `{Path(command)} --help`"
            : $"see `{Path(command)} --help`";
    }

    /// <summary>A command as it is typed, with those above it.</summary>
    private static string Path(Command command) =>
        command is RootCommand ? "lap" : string.Join(' ', command.Parents.OfType<Command>().Take(1).Select(Path).DefaultIfEmpty("lap").Append(command.Name));
}
