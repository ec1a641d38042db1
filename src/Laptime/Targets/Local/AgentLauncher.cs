using System.Collections;
using System.ComponentModel;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Timing;

namespace Laptime.Targets.Local;

/// <summary>Finds the workspace's agent, starts it when it does not run, and replaces one that speaks another version of the protocol.</summary>
public sealed class AgentLauncher(AgentFolder folder, string version, TimeProvider clock)
{
    /// <summary>Names the agent's program; for tests and unusual installations.</summary>
    public const string PathVariable = "LAP_AGENT_PATH";

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan BoundOfOther = TimeSpan.FromSeconds(2);
    private static readonly SemaphoreSlim Launching = new(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public AgentFolder Folder => folder;

    /// <summary>Something was left running here that an agent would take over.</summary>
    public bool HasInstances => File.Exists(folder.Instances);

    /// <summary>A front led somewhere when the last agent ended; the next one leads there again.</summary>
    public bool HasLeads => File.Exists(folder.Leads);

    /// <summary>A connection to the running agent; null when none runs (or it speaks another protocol).</summary>
    public async Task<AgentClient?> TryConnectAsync(CancellationToken cancel)
    {
        var client = await AgentClient.TryConnectAsync(folder, version, cancel);
        if (client is null || client.Agent.Protocol == AgentProtocol.Version)
        {
            return client;
        }

        await client.DisposeAsync();
        return null;
    }

    /// <summary>A connection to the agent, which is started when necessary.</summary>
    /// <exception cref="FaultException">It cannot be started, or did not answer in time.</exception>
    public async Task<AgentClient> ConnectAsync(CancellationToken cancel)
    {
        // Components that are rolled out side by side start one agent, not one each.
        await Launching.WaitAsync(cancel);
        try
        {
            return await ConnectOrLaunchAsync(cancel);
        }
        finally
        {
            Launching.Release();
        }
    }

    private async Task<AgentClient> ConnectOrLaunchAsync(CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        if (await AgentClient.TryConnectAsync(folder, version, cancel) is { } running)
        {
            if (running.Agent.Protocol == AgentProtocol.Version)
            {
                return running;
            }

            await using (running)
            {
                await EndAsync(running, "keep", cancel);
            }
        }

        folder.Prepare();
        var launched = Launch();
        long? ended = null;
        while (true)
        {
            if (await TryConnectAsync(cancel) is { } client)
            {
                return client;
            }

            // Ours may have ended because another command started one at the same time: that one will answer in a moment.
            ended ??= launched.LeaderIsAlive ? null : clock.GetTimestamp();
            var hopeless = ended is { } at && clock.GetElapsedTime(at) > BoundOfOther;
            if (hopeless || clock.GetElapsedTime(began) > Bound)
            {
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, hopeless ? "the agent ended before it answered" : $"the agent did not answer within {Duration.Text(Bound)}", folder.Log,
                    "its log says why", LogFile.Tail(folder.Log, 20)));
            }

            await Task.Delay(Pause, clock, cancel);
        }
    }

    /// <summary>Ends an agent; when this returns its process and its front ports are gone.</summary>
    /// <param name="instances">"keep": what runs runs on. "stop": it is stopped first.</param>
    /// <exception cref="FaultException">It does not end.</exception>
    public async Task EndAsync(AgentClient agent, string instances, CancellationToken cancel)
    {
        var (pid, ticks) = (agent.Agent.Pid, ProcessOwner.TicksOf(agent.Agent.Pid));
        await agent.AskAsync<AgentAnswer.Done>(new AgentRequest.Shutdown(instances), cancel);
        var began = clock.GetTimestamp();
        while (ticks is not null && ProcessOwner.TicksOf(pid) == ticks)
        {
            if (clock.GetElapsedTime(began) > Bound)
            {
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, $"the agent of lap {agent.Agent.Version} (pid {pid}) does not end", folder.Run, $"end it by hand: kill {pid}"));
            }

            await Task.Delay(Pause, clock, cancel);
        }
    }

    private Session Launch()
    {
        var program = FindProgram();
        string[] arguments = ["--root", folder.Root];
        if (program.EndsWith(".dll", StringComparison.Ordinal))
        {
            arguments = [program, .. arguments];
            program = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        }

        var environment = new Dictionary<string, string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            environment[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        environment.Remove(TraceParent.Variable);
        environment.Remove(TraceParent.StateVariable);
        try
        {
            var pid = DetachedProcess.Start(new Command { Program = program, Arguments = arguments, Directory = folder.Root }, environment, folder.Log);
            return new Session(pid, ProcessOwner.TicksOf(pid) ?? 0);
        }
        catch (Win32Exception e)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, $"the agent cannot be started: {e.Message}", program, "install lap again"), e);
        }
    }

    private static string FindProgram()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } given)
        {
            return given;
        }

        foreach (var name in (string[])["lap-agent", "lap-agent.exe", "lap-agent.dll"])
        {
            var candidate = Path.Combine(AppContext.BaseDirectory, "agent", name);
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new FaultException(new Fault(
            Outcome.RolloutFailed, "the agent's program is missing", Path.Combine(AppContext.BaseDirectory, "agent"), $"install lap again, or name it in {PathVariable}"));
    }
}
