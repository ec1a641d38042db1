using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Targets.Local;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>rollback, agent, version, completion, help.</summary>
internal static class MiscCommands
{
    private static readonly Option<string?> To = Flag.Text("--to", "Back to what stood after this transaction", "TX");
    private static readonly Option<bool> UnsafeSchema = Flag.Switch("--unsafe-schema", "Also to what was verified before the schema of its database moved: it may not fit it any more");
    private static readonly Option<bool> StopInstances = Flag.Switch("--instances", "Also stop what runs, and the local registry (default: it runs on, and the next agent takes it over)");

    public static Command Rollback() => Verb.Make(
        "rollback", "Bring back what was verified before, by digest, with the same checks.",
        [
            DeployFlags.Components, To, UnsafeSchema, DeployFlags.NoSmoke, SafetyFlags.Override, SafetyFlags.Reason, DeployFlags.RolloutTimeout, DeployFlags.ReadyTimeout, DeployFlags.ReconcileTimeout, DeployFlags.Poll, DeployFlags.LockTimeout, DeployFlags.Traces,
        ],
        session =>
        {
            var to = session.Arguments.GetValue(To);
            if (to is not null && !TransactionId.TryParse(to, out _))
            {
                throw new LapException($"--to {to} is no transaction id", null, "take one from `lap history`, such as tx-20261121-110329-7f3a9c");
            }

            var options = DeployFlags.Read(session) with { AnySchema = session.Arguments.GetValue(UnsafeSchema) };
            var trial = new Safety(session).Trial();
            return Transaction.RunAsync(session, "rollback", options, (parts, timeline, cancel) => parts.Deployer.RollBackAsync(options, to, trial, timeline, cancel));
        },
        "lap rollback", "lap rollback gateway", "lap rollback --to tx-20261121-110329-7f3a9c");

    public static Command Agent() => Verb.Group(
        "agent", "The workspace's resident: it keeps the instances of process environments running and owns their ports.",
        Verb.Make("start", "Start it (deploying does so by itself).", [], async session =>
        {
            await using var client = await session.Launcher.ConnectAsync(session.Shutdown.Token);
            return await ShowAsync(session, client);
        }),
        Verb.Make("stop", "End it. What runs goes on running without its front ports, unless --instances.", [StopInstances], async session =>
        {
            var cancel = session.Shutdown.Token;
            var stop = session.Arguments.GetValue(StopInstances);
            var client = await session.Launcher.TryConnectAsync(cancel);
            if (client is null && stop && session.Launcher.HasInstances)
            {
                // What an agent left running needs one to be stopped in order.
                client = await session.Launcher.ConnectAsync(cancel);
            }

            if (client is null)
            {
                Console.Out.WriteLine("the agent does not run");
            }
            else
            {
                await using (client)
                {
                    await session.Launcher.EndAsync(client, stop ? "stop" : "keep", cancel);
                    Console.Out.WriteLine(stop ? "the agent and its instances have ended" : "the agent has ended; its instances run on");
                }
            }

            if (stop)
            {
                await Artifacts.RegistryCommands.StopWithAllAsync(session);
            }

            return 0;
        }),
        Verb.Make("status", "Whether it runs, since when, and what it keeps.", [], async session =>
        {
            if (await session.Launcher.TryConnectAsync(session.Shutdown.Token) is { } client)
            {
                await using (client)
                {
                    return await ShowAsync(session, client);
                }
            }

            if (session.Json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new AgentDocument("laptime/agent/v1", false, null, null, null, ""), CliJson.Readable.AgentDocument));
            }
            else
            {
                Console.Out.WriteLine("the agent does not run");
            }

            return 0;
        }));

    public static Command VersionCommand() => Verb.Make("version", "The version of lap.", [], session =>
    {
        Console.Out.WriteLine(session.Json
            ? JsonSerializer.Serialize(new VersionDocument("laptime/version/v1", Session.Version, RuntimeInformation.FrameworkDescription, RuntimeInformation.RuntimeIdentifier), CliJson.Readable.VersionDocument)
            : $"lap {Session.Version} ({RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier})");
        return Task.FromResult(0);
    });

    public static Command Completion()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh, fish or pwsh" };
        return Verb.Make("completion", "A script that completes lap's commands, flags and components.", [shell], session =>
        {
            var name = session.Arguments.GetValue(shell)!;
            Console.Out.Write(name switch
            {
                "bash" => "_lap() { local IFS=$'\\n'; COMPREPLY=($(compgen -W \"$(lap \"[suggest:${COMP_POINT}]\" \"${COMP_LINE}\" 2>/dev/null)\" -- \"${COMP_WORDS[COMP_CWORD]}\")); }\ncomplete -F _lap lap\n",
                "zsh" => "#compdef lap\n_lap() { local -a found; found=(\"${(@f)$(lap \"[suggest:${#BUFFER}]\" \"${BUFFER}\" 2>/dev/null)}\"); compadd -a found; }\ncompdef _lap lap\n",
                "fish" => "complete -c lap -f -a '(lap \"[suggest:\"(string length -- (commandline -cp))\"]\" (commandline -cp) 2>/dev/null)'\n",
                "pwsh" => "Register-ArgumentCompleter -Native -CommandName lap -ScriptBlock { param($word, $line, $at) lap \"[suggest:$at]\" \"$line\" | Where-Object { $_ -like \"$word*\" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) } }\n",
                _ => throw new LapException($"no completion for {name}", null, NearestName.Suggest(name, ["bash", "zsh", "fish", "pwsh"])),
            });
            return Task.FromResult(0);
        }, "lap completion bash > /etc/bash_completion.d/lap", "eval \"$(lap completion zsh)\"");
    }

    /// <summary>What lap reads beside its flags' twins.</summary>
    private static readonly (string Name, string Meaning)[] Variables =
    [
        ("LAP_<FLAG>", "the twin of any flag, as LAP_LOCK_TIMEOUT"),
        ("NO_COLOR, FORCE_COLOR, TERM=dumb, CI", "how much the terminal is used"),
        ("TRACEPARENT, TRACESTATE", "the trace that lap's is a part of"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "a collector for traces; /v1/traces is added"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "the whole address, in place of the one above"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf (the standard), http/json, grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "name=value,... sent along; shown nowhere"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "how long a collector may take, milliseconds (3000)"),
        ("OTEL_SERVICE_NAME", "in place of `lap`"),
        ("OTEL_RESOURCE_ATTRIBUTES", "name=value,... put on every trace"),
        ("OTEL_TRACES_EXPORTER", "none: nothing is sent"),
        ("OTEL_SDK_DISABLED", "true: nothing is sent"),
        ("LAP_SOURCE_EVENT", "what the commit came from, where CI is not known"),
        ("LAP_SOURCE_REF, LAP_SOURCE_COMMIT", "its ref in full (refs/heads/main), and itself"),
        ("LAP_SOURCE_DEFAULT_BRANCH", "the branch of merge-to-main"),
        ("LAP_SOURCE_REPOSITORY", "the repository's address"),
        ("GITHUB_ACTIONS", "true: failures and warnings are annotations"),
        ("GITHUB_STEP_SUMMARY", "the file that reports are appended to"),
    ];

    public static Command Help()
    {
        var topic = new Argument<string?>("TOPIC") { Description = "A command, exit-codes, or environment", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("help", "Help on a command, on exit-codes, or on the environment variables that lap honours.") { topic };
        command.SetAction(arguments =>
        {
            var name = arguments.GetValue(topic);
            if (name == "exit-codes")
            {
                foreach (var outcome in Outcome.All.OrderBy(o => o.ExitCode))
                {
                    Console.Out.WriteLine($"{outcome.ExitCode,4}  {outcome.Name,-18}  {outcome.Meaning}");
                }

                return 0;
            }

            if (name == "environment")
            {
                foreach (var (variable, meaning) in Variables)
                {
                    Console.Out.WriteLine($"{variable,-36}  {meaning}");
                }

                return 0;
            }

            return Program.Root().Parse(name is null ? ["--help"] : [name, "--help"]).Invoke();
        });
        return command;
    }

    private static async Task<int> ShowAsync(Session session, AgentClient client)
    {
        var status = await client.AskAsync<AgentAnswer.Status>(new AgentRequest.AskStatus(), session.Shutdown.Token);
        var socket = session.Launcher.Folder.ReadIdentity()?.Socket ?? "";
        if (session.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new AgentDocument("laptime/agent/v1", true, status.Pid, status.Version, status.Instances, socket), CliJson.Readable.AgentDocument));
        }
        else
        {
            Console.Out.WriteLine(
                $"the agent runs: pid {status.Pid}, lap {status.Version}, since {status.Since.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z, {status.Components} components, {status.Instances} instances, watch {status.Watch}\nsocket {socket}");
        }

        return 0;
    }
}
