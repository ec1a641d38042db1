using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>One process that the agent keeps. Guarded by the supervisor's lock, but for the upstream.</summary>
internal sealed class Instance(string id, string logFile)
{
    /// <summary>When it ended, in the last minute: how fast it is started again, and when that is given up.</summary>
    private readonly Queue<long> deaths = new();

    internal string Id => id;

    internal string LogFile => logFile;

    internal Upstream Upstream { get; } = new(id);

    /// <summary>Null before the first start.</summary>
    internal Session? Session { get; set; }

    internal int Port { get; set; }

    /// <summary>On its way out: not started again.</summary>
    internal bool Stopping { get; set; }

    internal ExitStatus? LastExit { get; set; }

    internal DateTimeOffset? ExitedAt { get; set; }

    /// <summary>Not 0: given up after so many restarts.</summary>
    internal int GivenUpAfter { get; set; }

    /// <summary>Completed when the present process has ended and was reaped.</summary>
    internal TaskCompletionSource Exited { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal bool IsAlive => Session?.LeaderIsAlive == true;

    internal string EndText => LastExit?.Text ?? "ended";

    internal InstanceState State => new(id, Session?.Pid ?? 0, Session?.StartTicks ?? 0, Port, GivenUpAfter, LastExit?.Text);

    internal IReadOnlyList<string> Tail(RunPlan plan, int lines) => Targets.Local.LogFile.Tail(logFile, lines, plan.Secrets);

    /// <summary>Notes a death. The pause before the next start, or null when the instance only dies again and again.</summary>
    internal TimeSpan? PauseBeforeRestart(TimeProvider clock)
    {
        deaths.Enqueue(clock.GetTimestamp());
        while (clock.GetElapsedTime(deaths.Peek()) > TimeSpan.FromMinutes(1))
        {
            deaths.Dequeue();
        }

        if (deaths.Count >= 5)
        {
            GivenUpAfter = deaths.Count - 1;
            return null;
        }

        return TimeSpan.FromSeconds(Math.Min(10, 0.2 * Math.Pow(2, deaths.Count - 1)));
    }
}

/// <summary>One revision of one component, as far as it runs. Guarded by the supervisor's lock.</summary>
internal sealed class Revision(RevisionLabels labels, RunPlan plan, int? frontPort)
{
    private Route? route;

    internal RevisionLabels Labels => labels;

    internal RunPlan Plan => plan;

    internal int? FrontPort => frontPort;

    internal Standing Standing { get; set; } = Standing.Next;

    internal bool Confirmed { get; set; }

    internal DateTimeOffset Since { get; set; }

    internal List<Instance> Instances { get; } = [];

    /// <summary>One object for ever: whether a front leads here is whether it has this one. Its instances have been started by then.</summary>
    internal Route Route => LazyInitializer.EnsureInitialized(ref route, () => new Route(labels.Component, labels.Revision, [.. Instances.Select(i => i.Upstream)]));

    internal bool Is(string environment, string component) => labels.Environment == environment && labels.Component == component;

    internal RevisionState State => new()
    {
        Standing = Standing, Confirmed = Confirmed, Labels = labels, Plan = plan, FrontPort = frontPort, Since = Since,
        Instances = [.. Instances.Select(i => i.State)],
    };
}

/// <summary>A rollout that is under way on one connection.</summary>
internal sealed class Rollout(RevisionLabels labels, int? frontPort)
{
    internal RevisionLabels Labels => labels;

    internal int? FrontPort => frontPort;

    /// <summary>What it started; null before.</summary>
    internal Revision? Revision { get; set; }

    internal bool Switched { get; set; }

    /// <summary>Confirmed or aborted.</summary>
    internal bool Over { get; set; }

    /// <summary>Draining and stopping of the old revision.</summary>
    internal Task Retirement { get; set; } = Task.CompletedTask;
}

/// <summary>The agent says no; the client sees it as a fault.</summary>
internal sealed class RefusedException(Foundations.Outcome outcome, string what, string? where = null, string? mend = null, IReadOnlyList<string>? tail = null) : Exception(what)
{
    internal AgentAnswer.Refused Answer { get; } = new(outcome.Name, what, where, mend, tail);
}
