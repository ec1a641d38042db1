using System.CommandLine;
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
    private static int Main(string[] args) => Run(args);

    internal static int Run(string[] args) => NoOpRun.TryRun(args) ? 0 : RunFully(args);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int RunFully(string[] args)
    {
        try
        {
            var parsed = Root().Parse(args.Length == 0 ? ["--help"] : args);
            return parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction
                ? Verb.Fail(
                    parsed.Errors.All(e => !e.Message.Contains("--output", StringComparison.Ordinal)) && args.Contains("json"), Outcome.UsageError,
                    [.. parsed.Errors.Select(e => new Problem(e.Message, Where: null, Cure(e.Message)))])
                : parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
        }
        catch (LapException e)
        {
            return Verb.Fail(args.Contains("json"), Outcome.UsageError, e.Problems);
        }
    }

    /// <summary>The whole command line.</summary>
    internal static RootCommand Root()
    {
        var root = new RootCommand("Laptime takes a change from commit or save to reflected in the target, and proves where the time went.")
        {
            WorkspaceCommands.Init(), PlanCommands.Plan(), DeployCommand.Make(), StateCommands.Status(), PlanCommands.Why(), StateCommands.Logs(), StateCommands.Down(),
            MiscCommands.Rollback(), HistoryCommands.History(), HistoryCommands.Report(), StateCommands.LockGroup(), MiscCommands.Agent(), WorkspaceCommands.Validate(),
            WorkspaceCommands.Schema(), DemoCommand.Make(), MiscCommands.Completion(), MiscCommands.VersionCommand(), MiscCommands.Help(),
        };
        foreach (var option in Global.All)
        {
            option.Recursive = true;
            root.Options.Add(option);
        }

        return root;
    }

    private static string Cure(string message)
    {
        var names = Root().Subcommands.Select(c => c.Name).ToList();
        var quoted = message.Split('\'');
        return quoted.Length > 1 && !quoted[1].StartsWith('-') && NearestName.Of(quoted[1], names) is { } near ? $"did you mean `lap {near}`? See `lap --help`" : "see `lap --help`, or `lap COMMAND --help`";
    }
}
