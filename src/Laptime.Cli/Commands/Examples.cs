using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Laptime.Cli.Commands;

/// <summary>The library's help, with a command's examples after it.</summary>
internal sealed class Examples(HelpAction standard) : SynchronousCommandLineAction
{
    /// <summary>The examples of each command, one a line.</summary>
    public static Dictionary<Command, string[]> Of { get; } = [];

    public override int Invoke(ParseResult parseResult)
    {
        var code = standard.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (Of.TryGetValue(parseResult.CommandResult.Command, out var examples) && examples.Length > 0)
        {
            output.WriteLine("Examples:");
            foreach (var example in examples)
            {
                output.WriteLine("  " + example);
            }

            output.WriteLine();
        }
        else if (parseResult.CommandResult.Command is RootCommand)
        {
            output.WriteLine("Every flag has an environment twin (--lock-timeout: LAP_LOCK_TIMEOUT). `lap COMMAND --help` has examples; `lap help exit-codes` the exit codes, `lap help environment` what else is read.");
            output.WriteLine();
        }

        return code;
    }
}
