using System.Globalization;

namespace Laptime.Targets.Swarm;

/// <summary>What one look at a service and its tasks says.</summary>
internal abstract record Converged
{
    private Converged() { }

    /// <summary>Every wanted task runs from the service's present spec, and none of an older one is left.</summary>
    public sealed record Yes(int Instances) : Converged;

    /// <param name="Why">What is waited for, in words.</param>
    /// <param name="New">Tasks of the present spec that run.</param>
    /// <param name="Of">Wanted.</param>
    /// <param name="Stuck">Why it cannot go on by itself unless something else changes (no node fits); null otherwise.</param>
    public sealed record NotYet(string Why, int New, int Of, string? Stuck) : Converged;

    /// <summary>It will not converge.</summary>
    /// <param name="Kind">How it failed.</param>
    /// <param name="Task">The task that tells why; null when none does.</param>
    public sealed record Failed(ConvergenceFailure Kind, string What, SwarmTask? Task) : Converged;
}

internal enum ConvergenceFailure
{
    /// <summary>The swarm refused to start a task (no image, a mount without a source).</summary>
    Rejected,

    /// <summary>Tasks end again and again.</summary>
    Died,

    /// <summary>The engine stopped the update; it never goes on by itself.</summary>
    Paused,

    /// <summary>The engine went back to the spec before.</summary>
    RolledBack,

    /// <summary>Somebody removed the service.</summary>
    Removed,
}

/// <summary>
/// The rule of convergence, pure: a service has converged when the wanted number of tasks runs, each from the service's own spec (but for <c>Runtime</c>, which only one side
/// carries), when no task of an older spec lives, and when its update was neither paused nor rolled back. "N/N replicas" says nothing right after an update: it counts the old tasks.
/// </summary>
internal static class Convergence
{
    /// <summary>Ends in one place after which a task counts as one that ends again and again.</summary>
    public const int Generations = 2;

    /// <summary>For so long the swarm is left to mend by itself what passes. The kernel keeps a dead network's interface until the last socket in it is given up, which takes it more than 16 s at times.</summary>
    public static readonly TimeSpan Passing = TimeSpan.FromSeconds(90);

    /// <param name="service">Null: the swarm does not have it (any more).</param>
    /// <param name="tasks">All tasks of the service that the swarm knows.</param>
    /// <param name="since">Tasks that ended before are of no interest: what was wrong then has been changed.</param>
    /// <param name="dead">Containers that the engine said have ended: their tasks answer nobody any more, although the swarm learns that some hundred milliseconds later. Null: none is known.</param>
    public static Converged Judge(SwarmService? service, IReadOnlyList<SwarmTask> tasks, DateTimeOffset since, IReadOnlySet<string>? dead = null)
    {
        if (service is null)
        {
            return new Converged.Failed(ConvergenceFailure.Removed, "the service was removed meanwhile", null);
        }

        var wanted = SpecText.OfTemplate(service.Template);
        var (now, older) = (new List<SwarmTask>(), new List<SwarmTask>());
        foreach (var task in tasks)
        {
            (SpecText.OfTemplate(task.Spec) == wanted ? now : older).Add(task);
        }

        var ended = now.Where(t => t.HasEnded && t.CreatedAt >= since).OrderByDescending(static t => t.Status.Timestamp).ToList();
        var troubled = ended.Find(static t => t.State is "rejected" or "failed");
        switch (service.UpdateStatus?.State)
        {
            case "paused":
                return Kind(troubled) is { } cause ? Of(cause, troubled!, ended) : new Converged.Failed(ConvergenceFailure.Paused, $"the engine paused the update: {service.UpdateStatus.Message}", troubled);
            case "rollback_started" or "rollback_paused" or "rollback_completed":
                // What it went back from is older than the service's spec now.
                var failed = older.Where(t => t.CreatedAt >= since && t.State is "rejected" or "failed").OrderByDescending(static t => t.Status.Timestamp).FirstOrDefault();
                return Kind(failed) is { } why
                    ? Of(why, failed!, older) with { What = $"{Of(why, failed!, older).What}; the engine rolled back by itself" }
                    : new Converged.Failed(ConvergenceFailure.RolledBack, $"the engine rolled the update back: {service.UpdateStatus.Message}", failed);
        }

        if (ended.Find(static t => t.State == "rejected" && !IsPassing(t.Status.Err)) is { } rejected)
        {
            return Of(ConvergenceFailure.Rejected, rejected, ended);
        }

        if (ended.FindAll(static t => t.State == "rejected") is { } refused && refused.Count > Generations && refused[0].Status.Timestamp - since >= Passing)
        {
            return Of(ConvergenceFailure.Rejected, refused[0], ended);
        }

        // A task that ends well is meant to where it is not started again; elsewhere an end is an end.
        var endsWell = service.IsJob || service.Restarts is "none" or "on-failure";
        if (ended.Where(t => t.State == "failed" || (t.State == "complete" && !endsWell)).GroupBy(static t => (t.Slot, t.NodeID)).FirstOrDefault(static g => g.Count() >= Generations) is { } loop)
        {
            return Of(ConvergenceFailure.Died, loop.First(), [.. loop]);
        }

        if (service.Restarts == "none" && ended.Find(static t => t.State == "failed") is { } once)
        {
            return Of(ConvergenceFailure.Died, once, ended);
        }

        return Progress(service, now, older, endsWell, dead ?? new HashSet<string>());
    }

    private static Converged Progress(SwarmService service, List<SwarmTask> now, List<SwarmTask> older, bool endsWell, IReadOnlySet<string> dead)
    {
        var running = now.Count(static t => t is { State: "running", DesiredState: "running" });
        var done = endsWell ? now.Count(static t => t.State == "complete") : 0;
        var wanted = service.IsJob ? service.Completions : service.Replicas ?? Math.Max(1, now.Count(static t => t.IsWanted && !t.HasEnded));
        var left = older.Count(t => !t.HasEnded && !(t.Container is { } container && dead.Contains(container)));
        var surplus = now.Count(static t => t.DesiredState is not ("running" or "ready" or "complete") && !t.HasEnded);
        var coming = now.Count(static t => t.IsWanted && !t.HasEnded && t.State != "running");
        var reached = service.IsJob ? done >= wanted : running == wanted || (running + done >= wanted && running <= wanted);
        if (reached && left == 0 && surplus == 0 && coming == 0)
        {
            return new Converged.Yes(service.IsJob ? done : running);
        }

        var stuck = now.Where(static t => t.State == "pending" && t.Status.Err is { Length: > 0 }).Select(static t => t.Status.Err).FirstOrDefault();
        string why;
        if (!reached)
        {
            var next = now.Where(static t => t.IsWanted && !t.HasEnded && t.State != "running").OrderByDescending(static t => t.CreatedAt).FirstOrDefault();
            var stands = next is null ? "" : $": {(next.State == "starting" ? "a task is starting, its health check has not passed" : $"a task is {next.State}")}{(next.Status.Err is { Length: > 0 } err ? $" ({err})" : "")}";
            why = $"{running.ToString(CultureInfo.InvariantCulture)} of {wanted.ToString(CultureInfo.InvariantCulture)} new tasks run{stands}";
        }
        else
        {
            why = left > 0 ? $"{left} old {(left == 1 ? "task is" : "tasks are")} still there" : $"{surplus + coming} more {(surplus + coming == 1 ? "task" : "tasks")} than wanted";
        }

        return new Converged.NotYet(why, running, wanted, stuck);
    }

    private static ConvergenceFailure? Kind(SwarmTask? task) => task?.State switch { "rejected" => ConvergenceFailure.Rejected, "failed" => ConvergenceFailure.Died, _ => null };

    private static Converged.Failed Of(ConvergenceFailure kind, SwarmTask task, List<SwarmTask> ended)
    {
        var code = task.Status.ContainerStatus?.ExitCode;
        return new Converged.Failed(
            kind,
            kind == ConvergenceFailure.Rejected ? $"the swarm rejected a task: {task.Status.Err ?? task.Status.Message}"
                : $"{(ended.Count > 1 ? $"{ended.Count} tasks ended" : "a task ended")} with exit code {code ?? 0}{(task.Status.Err is { Length: > 0 } err && !err.Contains("non-zero exit", StringComparison.Ordinal) ? $" ({err})" : "")}",
            task);
    }

    /// <summary>A network that was removed a moment ago is made anew under its name, or its interface is on its way out of the kernel; the next task finds it.</summary>
    private static bool IsPassing(string? error) =>
        error is not null && (error.Contains("sandbox join failed", StringComparison.Ordinal)
            || (error.Contains("network", StringComparison.Ordinal) && (error.Contains("not found", StringComparison.Ordinal) || error.Contains("could not find", StringComparison.Ordinal))));
}
