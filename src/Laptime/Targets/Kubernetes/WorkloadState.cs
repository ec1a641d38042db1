using System.Globalization;
using System.Text.Json.Nodes;
using Laptime.Fingerprints;

namespace Laptime.Targets.Kubernetes;

/// <summary>What the cluster says of one workload and its pods, and whether that is converged. Pure.</summary>
/// <param name="Workload">As the API gives it.</param>
/// <param name="Pods">All that carry the component's labels, those that are ending too.</param>
internal sealed record WorkloadState(JsonObject Workload, IReadOnlyList<JsonObject> Pods)
{
    /// <summary>Reasons for which a container is never going to start by waiting.</summary>
    private static readonly string[] NoImage = ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"];

    private static readonly string[] NoContainer = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

    private JsonNode? Status => Workload["status"];

    public string Component => Label(Workload, Labels.Component) ?? (string)Workload["metadata"]!["name"]!;

    public string? About(string name) => (string?)Workload["metadata"]?["annotations"]?[name];

    /// <summary>An annotation of the pods' template.</summary>
    public string? OnPods(string name) => (string?)Workload["spec"]?["template"]?["metadata"]?["annotations"]?[name];

    public long Fence => long.TryParse(About(Labels.Fence), NumberStyles.None, CultureInfo.InvariantCulture, out var fence) ? fence : 0;

    /// <summary>A DaemonSet wants as many as there are nodes for it.</summary>
    public int Wanted => IsDaemon ? Number(Status?["desiredNumberScheduled"]) : Workload["spec"]?["replicas"] is { } replicas ? Number(replicas) : 1;

    public int Updated => Number(Status?[IsDaemon ? "updatedNumberScheduled" : "updatedReplicas"]);

    public int Ready => Number(Status?[IsDaemon ? "numberReady" : "readyReplicas"]);

    public int Available => Number(Status?[IsDaemon ? "numberAvailable" : "availableReplicas"]);

    public int Total => Number(Status?[IsDaemon ? "currentNumberScheduled" : "replicas"]);

    public bool IsObserved => Number(Status?["observedGeneration"]) >= Number(Workload["metadata"]?["generation"]);

    private bool IsDaemon => (string?)Workload["kind"] == "DaemonSet";

    /// <summary>Pods of this template; without the annotation (somebody else's template) none.</summary>
    public IReadOnlyList<JsonObject> Current(string pod) => [.. Pods.Where(p => (string?)p["metadata"]?["annotations"]?[Labels.Pod] == pod && p["metadata"]?["deletionTimestamp"] is null)];

    /// <summary>Pods of another template that are not gone: those that are ending may still answer.</summary>
    public IReadOnlyList<JsonObject> Old(string pod) =>
        [.. Pods.Where(p => (string?)p["metadata"]?["annotations"]?[Labels.Pod] != pod && (string?)p["status"]?["phase"] is not ("Succeeded" or "Failed"))];

    /// <summary>Everything that has to be: the controller saw this generation, all are updated, ready and available, and no other pod is left. In words what is not; null: converged.</summary>
    public string? Missing(string pod)
    {
        if (!IsObserved)
        {
            return $"the controller has seen generation {Number(Status?["observedGeneration"])} of {Number(Workload["metadata"]?["generation"])}";
        }

        if (Updated != Wanted || Ready != Wanted || Available != Wanted)
        {
            var waiting = Current(pod).Select(Waits).FirstOrDefault(w => w is not null);
            return $"{Updated} updated, {Ready} ready and {Available} available of {Wanted}{(waiting is null ? "" : $"; {waiting}")}";
        }

        return Old(pod).Count > 0 || Total > Wanted ? $"{Math.Max(Old(pod).Count, Total - Wanted)} old pods remain" : null;
    }

    /// <summary>Why waiting is pointless; null: it is not.</summary>
    public PodTrouble? Trouble(string pod)
    {
        foreach (var one in Current(pod))
        {
            foreach (var status in StatusesOf(one))
            {
                var (name, container) = ((string)one["metadata"]!["name"]!, (string)status["name"]!);
                var (reason, message) = ((string?)status["state"]?["waiting"]?["reason"], (string?)status["state"]?["waiting"]?["message"]);
                if (NoImage.Contains(reason))
                {
                    return new PodTrouble(PodTroubleKind.Image, name, container, $"{reason}: {message ?? (string?)status["image"]}");
                }

                if (NoContainer.Contains(reason))
                {
                    return new PodTrouble(PodTroubleKind.Container, name, container, $"{reason}: {message}");
                }

                if (reason == "CrashLoopBackOff")
                {
                    var last = status["lastState"]?["terminated"];
                    return new PodTrouble(PodTroubleKind.Crash, name, container,
                        $"{Number(status["restartCount"])} restarts, the last end: {(last?["exitCode"] is { } code ? $"exit code {Number(code)}" : "not told")}{((string?)last?["reason"] is { } why and not "Error" ? $" ({why})" : "")}");
                }
            }
        }

        if (IsObserved && Condition("ReplicaFailure", "True") is { } failure)
        {
            return new PodTrouble(PodTroubleKind.Container, null, null, $"{failure["reason"]}: {failure["message"]}");
        }

        return IsObserved && Condition("Progressing", "False") is { } stuck && (string?)stuck["reason"] == "ProgressDeadlineExceeded"
            ? new PodTrouble(
                Current(pod).Any(p => (string?)p["status"]?["phase"] == "Running") ? PodTroubleKind.NotReady : PodTroubleKind.Container, null, null, $"ProgressDeadlineExceeded: {stuck["message"]}; {Missing(pod)}")
            : null;
    }

    /// <summary>Every current pod runs all its containers.</summary>
    public bool IsLive(string pod) =>
        Current(pod) is { Count: > 0 } current && current.Count >= Wanted && current.All(p => StatusesOf(p).ToList() is { Count: > 0 } all && all.All(s => s["state"]?["running"] is not null));

    /// <summary>As observe tells it. What runs is read from the image that the pods run, not from what we once wrote beside it.</summary>
    public Observed ToObserved()
    {
        var image = Containers().Select(c => (string?)c["image"]).FirstOrDefault();
        var digest = image is not null && image.IndexOf("@sha256:", StringComparison.Ordinal) is var at and >= 0 && Digest.TryParse(image[(at + 1)..], out var read) ? read : Digest.None;
        var pod = OnPods(Labels.Pod) ?? "";
        var scaled = About(Labels.Replicas) is { } wanted && int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count != Wanted && !IsDaemon
            ? $"scaled to {Wanted} by hand, not {count} as deployed" : null;
        var missing = scaled ?? (digest != DigestOf(Labels.Artifact) ? $"the image was changed by hand to {image}" : Trouble(pod)?.What ?? (IsObserved && Ready >= Wanted && Available >= Wanted && Updated >= Wanted ? null : Missing(pod)));
        return new Observed
        {
            Component = Component, Revision = About(Labels.Revision), Artifact = digest, DeploymentKey = DigestOf(Labels.DeploymentKey), Fingerprint = DigestOf(Labels.Fingerprint),
            Transaction = About(Labels.Transaction), Loaded = LoadedText.Parse(About(Labels.Loaded)), Instances = Math.Min(Updated, Ready), Of = Wanted, Serving = missing is null, Detail = missing, Endpoint = About(Labels.Endpoint),
            Since = Pods.Select(p => DateTimeOffset.TryParse((string?)p["status"]?["startTime"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var start) ? start : (DateTimeOffset?)null).Min(),
        };
    }

    private IEnumerable<JsonObject> Containers()
    {
        var names = About(Labels.Containers)?.Split(',') ?? [];
        return ObjectPlan.ContainersOf(Workload).Where(c => names.Contains((string?)c["name"]));
    }

    private Digest DigestOf(string annotation) => Digest.TryParse(About(annotation) ?? "", out var digest) ? digest : Digest.None;

    private JsonNode? Condition(string type, string status) => (Status?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c?["type"] == type && (string?)c?["status"] == status);

    private static IEnumerable<JsonObject> StatusesOf(JsonObject pod) =>
        (pod["status"]?["initContainerStatuses"] as JsonArray ?? []).Where(s => s?["state"]?["terminated"] is null).Concat(pod["status"]?["containerStatuses"] as JsonArray ?? []).OfType<JsonObject>();

    private static string? Waits(JsonObject pod)
    {
        var name = (string?)pod["metadata"]?["name"];
        if ((pod["status"]?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c?["type"] == "PodScheduled" && (string?)c?["status"] == "False") is { } unscheduled)
        {
            return $"{name} is not scheduled: {unscheduled["message"]}";
        }

        return StatusesOf(pod).Select(s => (string?)s["state"]?["waiting"]?["reason"] is { } reason ? $"{name} waits: {reason}" : (bool?)s["ready"] == false ? $"{name} is not ready" : null).FirstOrDefault(w => w is not null);
    }

    private static string? Label(JsonObject one, string name) => (string?)one["metadata"]?["labels"]?[name];

    private static int Number(JsonNode? node) => int.TryParse(node?.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0;
}

internal enum PodTroubleKind
{
    Image,
    Container,
    Crash,
    NotReady,
}

/// <param name="What">In words.</param>
internal sealed record PodTrouble(PodTroubleKind Kind, string? Pod, string? Container, string What);
