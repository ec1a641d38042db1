using System.CommandLine;
using System.Text;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Targets;

namespace Laptime.Cli.Commands;

/// <summary><c>lap exec</c>: a program beside an instance. Its output and its exit code are the command's.</summary>
internal static class ExecCommand
{
    public const string Name = "exec";

    private static readonly Argument<string> One = new("COMPONENT") { HelpName = "COMPONENT", Description = "The component", CompletionSources = { static _ => DeployFlags.ComponentNames() } };
    private static readonly Argument<string[]> Program = new("PROGRAM") { HelpName = "PROGRAM ARGS...", Description = "What to run, and its arguments; no shell. Everything from here on is the program's", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<int> Instance = Flag.Number("--instance", "Which of its instances, from 1 (default: the first that runs)", 0, 0);
    private static readonly Option<bool> Input = Flag.Switch("--stdin", "The program reads what lap's standard input is (default: nothing)", "-i");

    public static Command Make() => Verb.Make(
        Name, "Run a program beside an instance of a component: in its container or pod, or with its folder and environment. Ends with the program's exit code.", [One, Program, Instance, Input],
        async session =>
        {
            var name = session.Arguments.GetValue(One)!;
            if (session.Workspace.Find(name) is null)
            {
                session.Select([name]);
            }

            var number = session.Arguments.GetValue(Instance);
            await using var target = session.OpenTarget(mayLaunch: true);
            var request = new ExecRequest(name, session.Arguments.GetValue(Program)!) { Instance = number == 0 ? null : number, Input = session.Arguments.GetValue(Input) ? OwnInput() : null };
            var (gate, output, error) = (new Lock(), new StringBuilder(), new StringBuilder());
            var end = await target.ExecAsync(request, line =>
            {
                // Both streams may come at once.
                lock (gate)
                {
                    if (session.Json)
                    {
                        (line.IsError ? error : output).Append(line.Text).Append('\n');
                    }
                    else
                    {
                        (line.IsError ? Console.Error : Console.Out).WriteLine(line.Text);
                    }
                }
            }, session.Shutdown.Token);
            if (session.Json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(
                    new ExecDocument("laptime/exec/v1", name, session.Environment().Name, end.Instance, request.Command, end.ExitCode, output.ToString(), error.ToString()), CliJson.Readable.ExecDocument));
            }

            return end.ExitCode;
        },
        "lap exec web ls -l",
        "lap exec web -- sh -c 'echo $LAPTIME_REVISION'",
        "lap exec db --instance 2 --env staging psql -c 'select 1'",
        "lap exec db -i psql < dump.sql",
        "lap exec web -o json date      { exitCode, stdout, stderr }");

    /// <summary>
    /// Puts <c>--</c> before the program, as <c>docker exec</c> and <c>ssh</c> read their arguments: flags of the program are not lap's, also when lap has one of that name.
    /// </summary>
    public static string[] WithBoundary(string[] arguments, RootCommand root)
    {
        if (Array.IndexOf(arguments, "--") >= 0)
        {
            return arguments;
        }

        var options = root.Options.Concat(root.Subcommands.First(c => c.Name == Name).Options).ToList();
        var words = 0;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].StartsWith('-'))
            {
                i += !arguments[i].Contains('=') && options.Exists(o => (o.Name == arguments[i] || o.Aliases.Contains(arguments[i])) && o.Arity.MinimumNumberOfValues > 0) ? 1 : 0;
                continue;
            }

            if (words == 0 && arguments[i] != Name)
            {
                return arguments;
            }

            if (++words == 3)
            {
                return [.. arguments[..i], "--", .. arguments[i..]];
            }
        }

        return arguments;
    }

    private static string OwnInput() => !Console.IsInputRedirected ? throw new LapException("--stdin hands on what is piped in, and nothing is", null, "lap exec db -i psql < dump.sql")
        : OperatingSystem.IsLinux() ? $"/proc/{Environment.ProcessId}/fd/0"
        : throw new LapException("--stdin works on Linux only", null, "put the input into a file that the program reads");
}
