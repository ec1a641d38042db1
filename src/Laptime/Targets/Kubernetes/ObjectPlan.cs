using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Targets.Kubernetes;

/// <summary>
/// What of an environment's objects one rollout applies: the component's workload with its images pinned and everything labelled, after what belongs to the
/// component beside it and what belongs to nobody. Pure.
/// </summary>
/// <param name="Objects">In the order of application.</param>
/// <param name="Workload">The one that runs the component; it is among the objects.</param>
/// <param name="Pod">Digest of the pods' template.</param>
internal sealed record ObjectPlan(IReadOnlyList<JsonObject> Objects, JsonObject Workload, string Pod)
{
    public string Kind => ((string)Workload["kind"]!).ToLowerInvariant();

    public string Name => (string)Workload["metadata"]!["name"]!;

    /// <summary>Where lap reaches the component, when a manifest says so.</summary>
    public string? Endpoint => Objects.Select(o => (string?)o["metadata"]?["annotations"]?[Labels.Endpoint]).FirstOrDefault(e => e is not null);

    /// <param name="image">What the component's containers run: pinned to its digest.</param>
    /// <param name="components">All names: an object of another one is left out.</param>
    /// <param name="restarted">The transaction that restarted the pods that run now; null: none did.</param>
    /// <exception cref="FaultException">No workload runs the component, or several do.</exception>
    public static ObjectPlan Of(
        IReadOnlyList<JsonObject> objects, RolloutRequest request, string workspace, string image, IReadOnlyCollection<string> components, string? restarted = null)
    {
        var component = request.Component.Name;
        var mine = new List<JsonObject>();
        var workloads = new List<JsonObject>();
        foreach (var one in objects.Select(o => o.DeepClone().AsObject()))
        {
            if (OwnerOf(one, components) is { } owner && owner != component)
            {
                continue;
            }

            if (IsWorkload(one) && OwnerOf(one, components) == component)
            {
                workloads.Add(one);
            }
            else
            {
                mine.Add(one);
            }
        }

        if (workloads.Count != 1)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed,
                workloads.Count == 0 ? $"no Deployment, StatefulSet or DaemonSet runs {component}" : $"several workloads run {component}: {string.Join(", ", workloads.Select(w => (string?)w["metadata"]?["name"]))}",
                request.Component.At.ToString(), $"name the one workload (or its container's image) {component}, or annotate it `{Labels.Component}: {component}`"));
        }

        var workload = workloads[0];
        var pinned = Pin(workload, request, image);
        var template = Map(Map(workload, "spec"), "template");
        foreach (var target in (JsonObject[])[Map(template, "metadata"), .. mine.Append(workload).Select(o => Map(o, "metadata"))])
        {
            var labels = Map(target, "labels");
            labels[Labels.Workspace] = workspace;
            labels[Labels.Environment] = request.Environment;
        }

        // Objects that belong to nobody are not the component's: they are not deleted with it.
        foreach (var owned in mine.Where(o => OwnerOf(o, components) == component).Append(workload))
        {
            Map(Map(owned, "metadata"), "labels")[Labels.Component] = component;
        }

        Map(Map(template, "metadata"), "labels")[Labels.Component] = component;
        var onPods = Map(Map(template, "metadata"), "annotations");
        onPods[Labels.Revision] = request.Revision;
        if ((request.ReconciledFor.Count > 0 ? request.Transaction : restarted) is { } restart)
        {
            // Another template: every pod is replaced, as by `kubectl rollout restart`. Left out later, it would replace them once more.
            onPods[Labels.Restarted] = restart;
        }

        onPods.Remove(Labels.Pod);
        var pod = DigestOf(template);
        onPods[Labels.Pod] = pod;

        var about = Map(Map(workload, "metadata"), "annotations");
        about[Labels.Revision] = request.Revision;
        about[Labels.Artifact] = request.Artifact.ToString();
        about[Labels.DeploymentKey] = request.DeploymentKey.ToString();
        about[Labels.Fingerprint] = request.Fingerprint.ToString();
        about[Labels.Transaction] = request.Transaction;
        about[Labels.Loaded] = LoadedText.Format(request.Loads);
        about[Labels.Fence] = request.Fence.ToString(System.Globalization.CultureInfo.InvariantCulture);
        about[Labels.Containers] = string.Join(',', pinned);
        if (workload["spec"]!["replicas"] is { } replicas)
        {
            about[Labels.Replicas] = replicas.ToJsonString();
        }

        return new ObjectPlan([.. mine, workload], workload, pod);
    }

    /// <summary>The component that an object belongs to: as it is annotated, else by its name, else by the image that it runs; null: nobody.</summary>
    private static string? OwnerOf(JsonObject one, IReadOnlyCollection<string> components)
    {
        if ((string?)one["metadata"]?["annotations"]?[Labels.Component] is { } said)
        {
            return said;
        }

        if (IsWorkload(one) && ContainersOf(one).Select(c => NameOf((string?)c["image"])).FirstOrDefault(n => n is not null && components.Contains(n)) is { } runs)
        {
            return runs;
        }

        return (string?)one["metadata"]?["name"] is { } name && components.Contains(name) ? name : null;
    }

    /// <summary>Gives the component's containers their image and says their revision to them. Those whose image has the component's name; with a single container, that.</summary>
    private static List<string> Pin(JsonObject workload, RolloutRequest request, string image)
    {
        var all = ContainersOf(workload).ToList();
        var named = all.Where(c => NameOf((string?)c["image"]) == request.Component.Name).ToList();
        var pinned = named.Count > 0 ? named : all.Count == 1 ? all : throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"{workload["kind"]} {workload["metadata"]?["name"]} has {all.Count} containers, and none runs an image named {request.Component.Name}",
            request.Component.At.ToString(), $"write `image: {request.Component.Name}` in the container that runs it: lap replaces it by the digest"));
        foreach (var container in pinned)
        {
            container["image"] = image;
            var env = container["env"] as JsonArray ?? [];
            container["env"] = env.Parent is null ? env : container["env"];
            foreach (var (name, value) in ((string, string)[])[("LAPTIME_REVISION", request.Revision), ("LAPTIME_COMPONENT", request.Component.Name), ("LAPTIME_ENVIRONMENT", request.Environment)])
            {
                if (!env.Any(e => (string?)e?["name"] == name))
                {
                    env.Add((JsonNode)new JsonObject { ["name"] = name, ["value"] = value });
                }
            }
        }

        return [.. pinned.Select(c => (string)c["name"]!)];
    }

    public static IEnumerable<JsonObject> ContainersOf(JsonObject workload) => (workload["spec"]?["template"]?["spec"]?["containers"] as JsonArray ?? []).OfType<JsonObject>();

    public static bool IsWorkload(JsonObject one) => (string?)one["kind"] is "Deployment" or "StatefulSet" or "DaemonSet";

    /// <summary>"registry.example/shop/web:1.2@sha256:…" is named web.</summary>
    private static string? NameOf(string? image)
    {
        if (image is null)
        {
            return null;
        }

        var end = image.IndexOf('@', StringComparison.Ordinal);
        var name = end < 0 ? image : image[..end];
        name = name[(name.LastIndexOf('/') + 1)..];
        var tag = name.IndexOf(':', StringComparison.Ordinal);
        return tag < 0 ? name : name[..tag];
    }

    private static JsonObject Map(JsonObject parent, string key)
    {
        if (parent[key] is not JsonObject map)
        {
            parent[key] = map = [];
        }

        return map;
    }

    private static string DigestOf(JsonNode node)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            node.WriteTo(json);
        }

        return Digest.Of(Encoding.UTF8.GetString(bytes.ToArray())).Short;
    }
}
