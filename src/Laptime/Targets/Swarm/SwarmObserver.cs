using System.Globalization;
using System.Text.Json;
using Laptime.Targets.Docker;

namespace Laptime.Targets.Swarm;

/// <summary>What a service and its tasks say of a component. Pure.</summary>
internal static class SwarmObserver
{
    /// <summary>What ends as often as that in one place does not come back by waiting.</summary>
    private static readonly TimeSpan SoonAgain = TimeSpan.FromMinutes(1);

    /// <param name="tasks">All that the swarm knows of the service.</param>
    /// <param name="record">The service as it was last seen serving from here; null: never, or forgotten.</param>
    public static Observed StateOf(SwarmService service, IReadOnlyList<SwarmTask> tasks, ServiceRecord? record)
    {
        // What failed before the present tasks is told, but decides nothing.
        var stands = Convergence.Judge(service with { UpdateStatus = null }, [.. tasks.Where(static t => !(t.HasEnded && t.State is "failed" or "rejected"))], DateTimeOffset.MaxValue);
        var running = tasks.Where(static t => t is { State: "running", DesiredState: "running" }).ToList();
        var drift = DriftOf(service, record);
        return new Observed
        {
            Component = service.Label(DockerLabels.Component)!,
            Revision = service.Label(DockerLabels.Revision),
            Artifact = DockerLabels.DigestOf(service.Label(DockerLabels.Artifact)),
            DeploymentKey = DockerLabels.DigestOf(service.Label(DockerLabels.DeploymentKey)),
            Fingerprint = DockerLabels.DigestOf(service.Label(DockerLabels.Fingerprint)),
            Transaction = service.Label(DockerLabels.Transaction),
            Loaded = LoadedText.Parse(service.Label(DockerLabels.Loaded)),
            Since = running.Min(static t => t.Status.Timestamp),
            Instances = stands switch { Converged.Yes yes => yes.Instances, Converged.NotYet notYet => notYet.New, _ => 0 },
            Of = stands switch { Converged.Yes yes => yes.Instances, Converged.NotYet notYet => notYet.Of, _ => service.Replicas ?? 1 },
            Serving = stands is Converged.Yes && drift is null,
            Detail = drift ?? (stands is Converged.NotYet waiting ? WaitingFor(waiting, service, tasks) : stands is Converged.Failed failed ? failed.What : null),
            Recovering = stands is Converged.NotYet { Stuck: null } && drift is null && (IsComingBack(service, tasks) || IsLeaving(service, tasks)),
            Endpoint = PublishedOf(service) is { } port ? $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}" : null,
        };
    }

    /// <summary>
    /// The swarm itself replaces what ended, from the service's present spec: a task is on its way for every one that is missing, and none of them for what keeps ending.
    /// </summary>
    private static bool IsComingBack(SwarmService service, IReadOnlyList<SwarmTask> tasks)
    {
        var wanted = SpecText.OfTemplate(service.Template);
        var coming = tasks.Where(t => t is { IsWanted: true, HasEnded: false } && t.State != "running" && SpecText.OfTemplate(t.Spec) == wanted).ToList();
        return coming.Count > 0 && service.UpdateStatus?.State is null or "completed" && coming.TrueForAll(
            next => tasks.Count(t => t.HasEnded && t.Slot == next.Slot && t.State is "failed" or "rejected" && next.CreatedAt - t.Status.Timestamp < SoonAgain) < Convergence.Generations);
    }

    /// <summary>
    /// Everything wanted runs, and the swarm itself is taking the rest away: what a deploy saw end a moment ago stands in the swarm's listing for some hundred milliseconds more, as running.
    /// </summary>
    private static bool IsLeaving(SwarmService service, IReadOnlyList<SwarmTask> tasks)
    {
        var rest = tasks.Where(static t => t is { HasEnded: false, IsWanted: false }).ToList();
        return rest.Count > 0 && service.UpdateStatus?.State is not ("paused" or "rollback_paused")
            && Convergence.Judge(service with { UpdateStatus = null }, [.. tasks.Where(t => !t.HasEnded && t.IsWanted)], DateTimeOffset.MaxValue) is Converged.Yes;
    }

    /// <summary>The task that ended last.</summary>
    public static SwarmTask? Ended(IReadOnlyList<SwarmTask> tasks) =>
        tasks.Where(static t => t.State is "failed" or "rejected" or "complete").OrderByDescending(static t => t.Status.Timestamp).FirstOrDefault();

    /// <summary>Where the service is reached on this machine; none: only other services reach it.</summary>
    public static AskedAt? FrontOf(SwarmService service) => PublishedOf(service) is { } port ? new AskedAt(port) : null;

    /// <summary>What somebody changed since it was seen serving; null: nothing, or it is not known.</summary>
    private static string? DriftOf(SwarmService service, ServiceRecord? record)
    {
        if (service.Label(DockerLabels.Image) is { } image && service.Image != image)
        {
            return $"its image was changed to {service.Image}";
        }

        // The engine's own bookkeeping counts the version up too; only another spec is a change.
        return record is null || record.Service != service.ID || record.Version == service.Version.Index || SpecText.DigestOf(record.Spec) == SpecText.DigestOf(service.Spec)
            || record.Transaction != service.Label(DockerLabels.Transaction)
            ? null
            : $"it was changed by hand since {record.Transaction}: {string.Join(", ", SpecText.Differences(record.Spec, service.Spec).Take(4))}";
    }

    private static string WaitingFor(Converged.NotYet waiting, SwarmService service, IReadOnlyList<SwarmTask> tasks)
    {
        var update = service.UpdateStatus?.State is "paused" or "rollback_paused" ? $"the engine paused its update ({service.UpdateStatus.Message}); " : "";
        var ended = Ended(tasks) is { } last ? $"; the last one {(last.State == "complete" ? "ended" : last.State)}: {last.Status.Err ?? last.Status.Message}" : "";
        return $"{update}{waiting.Why}{ended}";
    }

    /// <summary>The first published TCP port.</summary>
    private static int? PublishedOf(SwarmService service)
    {
        if (service.Spec.TryGetProperty("EndpointSpec", out var endpoint) && endpoint.ValueKind == JsonValueKind.Object && endpoint.TryGetProperty("Ports", out var ports) && ports.ValueKind == JsonValueKind.Array)
        {
            foreach (var port in ports.EnumerateArray())
            {
                if (port.TryGetProperty("PublishedPort", out var published) && (!port.TryGetProperty("Protocol", out var protocol) || protocol.GetString() == "tcp"))
                {
                    return published.GetInt32();
                }
            }
        }

        return null;
    }
}
