using System.Collections;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Targets.Local;

/// <summary>Resolves what a component says about running and probing; only the port stays open, for the agent to choose.</summary>
internal static class RunPlanner
{
    internal static RunPlan PlanOf(RolloutRequest request, RunSettings run, string folder)
    {
        string? Name(string name) => name == "port" ? AgentProtocol.PortToken : request.Names(name);
        try
        {
            var (program, arguments) = Resolve(run.Command, folder, Name);
            return new RunPlan
            {
                Program = program, Arguments = arguments, Directory = folder, Environment = EnvironmentOf(request, run, Name), Replicas = run.Replicas,
                StopGraceSeconds = run.StopGrace.TotalSeconds, DrainSeconds = run.Drain.TotalSeconds, Secrets = request.Secrets,
                Ready = request.Component.Probes.Ready is { } ready ? ProbePlanOf(ready, Name, folder) : null,
                Reflect = request.Component.Probes.Reflect is { } reflect ? ProbePlanOf(reflect, Name, folder) : null,
            };
        }
        catch (KeyNotFoundException e)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, e.Message, request.Component.At.ToString(), "define it, or leave it out of run and probes"), e);
        }
    }

    internal static ProbeContext ContextOf(RolloutRequest request, RunPlan plan, int port, Func<CancellationToken, ValueTask<Life>> life) => new()
    {
        Component = request.Component.Name,
        Port = request.Component.Run?.Port is null ? null : port,
        Directory = plan.Directory,
        Environment = plan.Environment.ToDictionary(v => v.Key, v => (string?)v.Value.Replace(AgentProtocol.PortToken, $"{port}")),
        Names = name => name == "port" ? $"{port}" : request.Names(name),
        Secrets = request.Secrets,
        Life = life,
    };

    private static (string Program, IReadOnlyList<string> Arguments) Resolve(CommandLine command, string folder, Func<string, string?> names)
    {
        switch (command)
        {
            case CommandLine.Shell shell:
                var line = Command.Shell(shell.Text.Resolve(names), folder);
                return (line.Program, line.Arguments);
            case CommandLine.Exec exec:
                string[] all = [.. exec.Arguments.Select(a => a.Resolve(names))];
                return (all[0], all[1..]);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static Dictionary<string, string> EnvironmentOf(RolloutRequest request, RunSettings run, Func<string, string?> names)
    {
        var environment = new Dictionary<string, string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            environment[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        // An instance outlives the deploy: what it traces is its own, not a part of the trace that started it.
        environment.Remove(TraceParent.Variable);
        environment.Remove(TraceParent.StateVariable);
        environment["PORT"] = AgentProtocol.PortToken;
        foreach (var (name, value) in run.Env)
        {
            environment[name] = value.Resolve(names);
        }

        environment["LAPTIME_REVISION"] = request.Revision;
        environment["LAPTIME_TRANSACTION"] = request.Transaction;
        environment["LAPTIME_COMPONENT"] = request.Component.Name;
        environment["LAPTIME_ENVIRONMENT"] = request.Environment;
        return environment;
    }

    internal static ProbePlan ProbePlanOf(Probe probe, Func<string, string?> names, string folder) => probe.Form switch
    {
        ProbeForm.Http http => new ProbePlan
        {
            Kind = "http", Text = http.Path.Resolve(names), Status = http.Status, Contains = http.Contains?.Resolve(names),
            Headers = http.Headers.ToDictionary(h => h.Key, h => h.Value.Resolve(names)),
        },
        ProbeForm.Tcp tcp => new ProbePlan { Kind = "tcp", Port = tcp.Port },
        ProbeForm.File file => new ProbePlan { Kind = "file", Text = file.Path.Resolve(names), Contains = file.Contains?.Resolve(names) },
        ProbeForm.Run run when run.Command is CommandLine.Shell shell => new ProbePlan { Kind = "run", Text = shell.Text.Resolve(names), Contains = run.Contains?.Resolve(names) },
        ProbeForm.Run run => new ProbePlan
        {
            Kind = "run", Contains = run.Contains?.Resolve(names), Arguments = Resolve(run.Command, folder, names) is var (program, arguments) ? [program, .. arguments] : null,
        },
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
