using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Targets.Commands;

/// <summary>
/// Runs the user's commands, each bounded, in the workspace's folder, and reads what they print. Their standard output is JSON; their standard error is for
/// people, and its last lines stand in the fault.
/// </summary>
/// <param name="names">Values of template names in the commands.</param>
/// <param name="secrets">Values that are shown nowhere.</param>
internal sealed class CommandCalls(
    string root, TargetCommands commands, Func<string, string?> names, IReadOnlyList<string> secrets, ProcessRunner runner)
{
    private const int MostOutput = 16 << 20;

    private readonly IReadOnlyList<string> needles = Redactor.Needles(secrets);

    public async Task<IReadOnlyList<CommandReading>> ObserveAsync(IReadOnlyDictionary<string, string?> facts, CancellationToken cancel)
    {
        var printed = new StringBuilder();
        var result = await RunAsync(commands.Observe, facts, commands.Timeout, line => Keep(printed, line), cancel);
        if (!result.Succeeded)
        {
            throw new FaultException(Failed("observe", result, Outcome.RolloutFailed));
        }

        try
        {
            return CommandReading.ReadAll(printed.ToString());
        }
        catch (JsonException e)
        {
            throw new FaultException(Garbage("observe", FirstLine(printed.ToString()), e, result), e);
        }
    }

    /// <param name="onStep">Called with the name of each step that the command begins.</param>
    /// <returns>What the command says runs now.</returns>
    public async Task<CommandReading> BringUpAsync(IReadOnlyDictionary<string, string?> facts, Action<string> onStep, CancellationToken cancel)
    {
        CommandReading? last = null;
        (string Line, JsonException Error)? garbage = null;
        var result = await RunAsync(commands.Rollout, facts, commands.Timeout, line =>
        {
            if (line.IsError || garbage is not null || string.IsNullOrWhiteSpace(line.Text))
            {
                return;
            }

            try
            {
                using var value = JsonDocument.Parse(line.Text);
                if (value.RootElement.ValueKind != JsonValueKind.Object)
                {
                    throw new JsonException("not an object");
                }

                if (value.RootElement.TryGetProperty("component", out _))
                {
                    last = CommandReading.One(value.RootElement);
                }
                else if (value.RootElement.TryGetProperty("step", out var step) && step.ValueKind == JsonValueKind.String)
                {
                    onStep(step.GetString()!);
                }
            }
            catch (JsonException e)
            {
                garbage = (line.Text, e);
            }
        }, cancel);
        if (!result.Succeeded)
        {
            throw new FaultException(Failed("rollout", result, result.TimedOut ? Outcome.RolloutFailed : OutcomeOf(result.ExitCode)));
        }

        if (garbage is var (text, error))
        {
            throw new FaultException(Garbage("rollout", text, error, result), error);
        }

        return last is not null && last.Component == facts["LAPTIME_COMPONENT"] ? last : throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"the rollout command ended well, but did not print what runs of {facts["LAPTIME_COMPONENT"]}", Where("rollout"),
            "let its last line be the item that observe prints for the component", Redacted(result.Tail)));
    }

    /// <summary>Rollback and stop: what they print is for people.</summary>
    public async Task RunAsync(string name, CommandLine command, IReadOnlyDictionary<string, string?> facts, CancellationToken cancel)
    {
        var result = await RunAsync(command, facts, commands.Timeout, static _ => { }, cancel);
        if (!result.Succeeded)
        {
            throw new FaultException(Failed(name, result, result.ExitCode == Outcome.Locked.ExitCode ? Outcome.Locked : Outcome.RolloutFailed));
        }
    }

    public IAsyncEnumerable<string> LinesAsync(string name, CommandLine command, IReadOnlyDictionary<string, string?> facts, CancellationToken cancel) => ProgramLines.ReadAsync(
        Channel.CreateBounded<string>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest }),
        (onLine, ended) => RunAsync(command, facts, null, line => onLine(Redactor.Text(line.Text, needles)), ended),
        result => new FaultException(Failed(name, result, Outcome.RolloutFailed)), cancel);

    /// <summary>The exec command with the program and its arguments after its own; in a text for the shell they are <c>"$@"</c>.</summary>
    public Task<int> ExecAsync(CommandLine command, ExecRequest request, IReadOnlyDictionary<string, string?> facts, Action<ExecLine> said, CancellationToken cancel)
    {
        var whole = Of(command);
        return runner.PassAsync(
            whole with { Arguments = [.. whole.Arguments, .. command is CommandLine.Shell && !OperatingSystem.IsWindows() ? ["lap"] : (string[])[], .. request.Command], Environment = facts, InputFile = request.Input }, said, cancel);
    }

    private Task<ProcessResult> RunAsync(
        CommandLine command, IReadOnlyDictionary<string, string?> facts, TimeSpan? deadline, Action<OutputLine> onLine, CancellationToken cancel) =>
        runner.RunAsync(Of(command) with { Environment = facts, Deadline = deadline, LineCharacters = 1 << 20, FailsAs = Outcome.RolloutFailed }, onLine, cancel);

    /// <summary>
    /// Secrets are redacted from what is shown, not from what is read: one that happens to be a part of a digest would change it.
    /// </summary>
    private Command Of(CommandLine command)
    {
        switch (command)
        {
            case CommandLine.Shell shell:
                return Command.Shell(shell.Text.Resolve(names), root);
            case CommandLine.Exec exec:
                string[] words = [.. exec.Arguments.Select(a => a.Resolve(names))];
                // A script of the workspace, not of whatever folder lap was started in.
                var program = words[0].Contains('/') ? Path.GetFullPath(words[0], root) : words[0];
                return new Command { Program = program, Arguments = words[1..], Directory = root };
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static void Keep(StringBuilder printed, OutputLine line)
    {
        if (line.IsError)
        {
            return;
        }

        if (printed.Length + line.Text.Length > MostOutput)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, $"the observe command prints more than {MostOutput >> 20} MB", null, "let it print one item per component"));
        }

        printed.Append(line.Text).Append('\n');
    }

    /// <summary>A rollout command may say with lap's own exit codes what went wrong; every other one is rollout-failed.</summary>
    private static Outcome OutcomeOf(int exitCode)
    {
        Outcome[] own = [Outcome.ReadinessTimeout, Outcome.NotLive, Outcome.SmokeFailed, Outcome.NotReflected, Outcome.Locked];
        return own.FirstOrDefault(o => o.ExitCode == exitCode) ?? Outcome.RolloutFailed;
    }

    private Fault Failed(string name, ProcessResult result, Outcome outcome) => new(
        outcome, $"the {name} command failed: {result.Ending}", Where(name),
        result.TimedOut ? "find out what it waits for, or give `commands.timeout` a longer bound" : "its last lines say why; run it by hand in the workspace's folder", Redacted(result.Tail));

    private Fault Garbage(string name, string line, JsonException error, ProcessResult result) => new(
        Outcome.RolloutFailed,
        $"the {name} command printed what is no JSON of ours: {Redactor.Text(Signals.ProbeText.Excerpt(line, 120), needles)} ({Redactor.Text(Reason(error), needles)})", Where(name),
        "print only JSON on standard output (docs/schema/observed.v1.json), everything else on standard error", Redacted(result.Tail));

    private string Where(string name) => $"environments: commands.{name}, in {root}";

    private static string Reason(JsonException error)
    {
        var text = error.Message;
        var end = text.IndexOf(" Path: ", StringComparison.Ordinal);
        return end < 0 ? text : text[..end];
    }

    private static string FirstLine(string text) => text.Split('\n').FirstOrDefault(l => l.Trim().Length > 0) ?? "";

    private List<string> Redacted(IReadOnlyList<string> lines) => [.. lines.Select(l => Redactor.Text(l, needles))];
}
