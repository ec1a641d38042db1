using System.Text.Json;
using Laptime.Foundations;

namespace Laptime.Targets.Swarm;

/// <summary>The end of a container of a service, in nanoseconds since 1970 by the engine's clock; null where it was not seen.</summary>
/// <param name="Unwanted">The swarm decided that its task is to go.</param>
/// <param name="Killed">The first signal was sent.</param>
/// <param name="Died">Its PID 1 ended.</param>
/// <param name="ExitCode">With 137 it was killed: it had ignored the first signal.</param>
internal sealed record ContainerEnd(string Container, long? Unwanted, long? Killed, long? Died, int? ExitCode);

/// <summary>What was seen of one service while it was rolled out.</summary>
/// <param name="Service">As it is at the end.</param>
/// <param name="New">Its tasks of the new spec.</param>
/// <param name="Ends">Of the containers that went.</param>
/// <param name="Healthy">When the engine first called a new container healthy, by the engine's clock; empty where it has no health check.</param>
/// <param name="FirstAnswer">When a new task first gave lap a good answer; null: it was not asked.</param>
internal sealed record RolloutEvidence(
    SwarmService Service, IReadOnlyList<SwarmTask> New, IReadOnlyList<ContainerEnd> Ends, IReadOnlyDictionary<string, long> Healthy, DateTimeOffset? FirstAnswer);

/// <summary>Which of the engine's own delays happened in a rollout, from what was seen of it: none is named because of a setting alone. Pure.</summary>
internal static class SwarmDelays
{
    private const string Owner = "Docker Swarm";
    private const int Killed = 137;

    /// <summary>Less than that is nobody's delay.</summary>
    private static readonly TimeSpan Noticeable = TimeSpan.FromSeconds(0.5);

    public static IReadOnlyList<EngineDelay> Of(RolloutEvidence seen)
    {
        var delays = new List<EngineDelay>();
        var health = Health(seen);
        if (health >= Noticeable)
        {
            delays.Add(new EngineDelay(
                "health-interval", Owner, health.TotalSeconds, true, "from the new task's first good answer to the engine's own first health check that passed", "healthcheck.start_interval",
                $"the engine first asks after a whole `healthcheck.interval` ({Text(seen.Service, "Healthcheck", "Interval", TimeSpan.FromSeconds(30))}): shorten it, or set `healthcheck.start_interval` (Docker 25)"));
        }

        var drained = Together(seen.Ends.Select(static e => (e.Unwanted, e.Killed)));
        if (drained >= Noticeable)
        {
            delays.Add(new EngineDelay(
                "network-drain", Owner, drained.TotalSeconds, true, "from taking the old task out of its networks to its SIGTERM", null,
                Order(seen.Service) == "start-first"
                    ? "it has no setting; the new task answers meanwhile (`order: start-first`)"
                    : "it has no setting; with `update_config.order: start-first` the new task answers meanwhile"));
        }

        var stopped = Together(seen.Ends.Select(static e => (e.Killed, e.Died)));
        if (stopped >= Noticeable)
        {
            var deaf = seen.Ends.Any(static e => e.ExitCode == Killed);
            var grace = Text(seen.Service, null, "StopGracePeriod", TimeSpan.FromSeconds(10));
            delays.Add(new EngineDelay(
                "stop-grace", Owner, stopped.TotalSeconds, true,
                deaf ? "from SIGTERM to the end of the old task, whose PID 1 ignored it until it was killed" : "from SIGTERM to the end of the old task",
                deaf ? "init: true" : "stop_grace_period",
                deaf ? $"set `init: true` or handle SIGTERM; `stop_grace_period` ({grace}) bounds it" : $"end sooner after SIGTERM; `stop_grace_period` ({grace}) bounds it"));
        }

        var created = seen.New.Select(static t => t.CreatedAt).Order().ToList();
        if (created.Count > 1 && created[^1] - created[0] is var spread && spread >= Noticeable)
        {
            delays.Add(new EngineDelay(
                "one-by-one", Owner, spread.TotalSeconds, true, $"from the first of {created.Count} new tasks to the last", "deploy.update_config.parallelism",
                "tasks are replaced one after the other: raise `update_config.parallelism` (1), lower `update_config.delay`"));
        }

        if (seen.Service.UpdateStatus?.State == "updating" && Duration(seen.Service.Spec, "UpdateConfig", "Monitor", TimeSpan.FromSeconds(5)) is var monitor && monitor >= Noticeable)
        {
            delays.Add(new EngineDelay(
                "update-monitor", Owner, monitor.TotalSeconds, false, "the engine watches the replaced tasks for longer, and lap does not wait for it", "deploy.update_config.monitor",
                "`docker stack deploy --detach=false` waits for `update_config.monitor`: shorten it there"));
        }

        return delays;
    }

    /// <summary>Where a task was only tried when the one before it had gone: how long that took, in words. Null: nothing was waited for.</summary>
    public static string? Before(Converged.Failed failed, IReadOnlyList<EngineDelay> met) =>
        failed.Kind == ConvergenceFailure.Rejected && met.Where(static d => d.Kind is "network-drain" or "stop-grace").ToList() is { Count: > 0 } waited
            ? $"the swarm tried it only when the old task had gone: {string.Join(" and ", waited.Select(static d => $"{Foundations.Duration.Text(d.Seconds)} {d.Kind}"))} before that are the engine's own"
            : null;

    private static TimeSpan Health(RolloutEvidence seen)
    {
        if (seen.FirstAnswer is not { } answered || seen.New.Select(t => t.Container is { } c && seen.Healthy.TryGetValue(c, out var at) ? at : (long?)null).OfType<long>().ToList() is not { Count: > 0 } passed)
        {
            return TimeSpan.Zero;
        }

        // Of the task that answered first: the others came later, one after the other.
        return DateTimeOffset.UnixEpoch.AddTicks(passed.Min() / 100) - answered;
    }

    /// <summary>How long at least one of the spans lasted.</summary>
    private static TimeSpan Together(IEnumerable<(long? From, long? To)> spans)
    {
        var (total, end) = (0L, long.MinValue);
        foreach (var (from, to) in spans.Where(static s => s is { From: not null, To: not null } && s.To > s.From).Select(static s => (s.From!.Value, s.To!.Value)).Order())
        {
            total += Math.Max(0, to - Math.Max(from, end));
            end = Math.Max(end, to);
        }

        return TimeSpan.FromTicks(total / 100);
    }

    private static string? Order(SwarmService service) =>
        service.Spec.TryGetProperty("UpdateConfig", out var config) && config.ValueKind == JsonValueKind.Object && config.TryGetProperty("Order", out var order) ? order.GetString() : null;

    /// <summary>A duration of the container's spec as people write it.</summary>
    private static string Text(SwarmService service, string? inside, string name, TimeSpan standard)
    {
        var container = service.Template.ValueKind == JsonValueKind.Object && service.Template.TryGetProperty("ContainerSpec", out var spec) ? spec : default;
        return Foundations.Duration.Text(inside is null ? Read(container, name, standard) : Duration(container, inside, name, standard));
    }

    private static TimeSpan Duration(JsonElement element, string inside, string name, TimeSpan standard) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(inside, out var part) ? Read(part, name, standard) : standard;

    private static TimeSpan Read(JsonElement element, string name, TimeSpan standard) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.GetInt64() is > 0 and var nanoseconds
            ? TimeSpan.FromTicks(nanoseconds / 100)
            : standard;
}
