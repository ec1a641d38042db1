using System.Text.Json.Nodes;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets;
using Laptime.Targets.Kubernetes;
using Laptime.Workspaces;

namespace Laptime.Tests.Targets;

/// <summary>What kubectl is called with, word by word, and what of the manifests a rollout applies.</summary>
public sealed class KubernetesTests
{
    private static readonly SourceLocation At = new("laptime.yaml", 7, 3);

    private static Kubectl Kubectl(KubernetesSettings? settings = null) =>
        new("/ws", settings ?? new KubernetesSettings(["k8s/*.yaml"], null, null, [], "staging", "shop"), [], new ProcessRunner(TimeProvider.System));

    [Fact]
    public void Every_call_has_its_exact_arguments()
    {
        var kubectl = Kubectl();
        Assert.Equal("version --client --output=json", string.Join(' ', Laptime.Targets.Kubernetes.Kubectl.VersionArguments));
        Assert.Equal("annotate --local --output=json --filename=a.yaml --filename=b.yaml laptime.manager=laptime", string.Join(' ', kubectl.ReadArguments(["a.yaml", "b.yaml"])));
        Assert.Equal("apply --server-side --field-manager=laptime --output=json --filename=f --context=staging --namespace=shop --request-timeout=30s", string.Join(' ', kubectl.ApplyArguments("f")));
        Assert.Equal(
            "get deployments.apps,statefulsets.apps,daemonsets.apps,pods --selector=laptime.workspace=w,laptime.environment=e --output=json --context=staging --namespace=shop --request-timeout=30s",
            string.Join(' ', kubectl.ListArguments(Labels.Selector("w", "e"))));
        Assert.Equal(
            "get pods --selector=laptime.workspace=w,laptime.environment=e,laptime.component=c --watch --output-watch-events --output=json --context=staging --namespace=shop",
            string.Join(' ', kubectl.WatchArguments("pods", Labels.Selector("w", "e", "c"))));
        Assert.Equal("logs --selector=s --all-containers --tail=10 --max-log-requests=50 --follow --context=staging --namespace=shop", string.Join(' ', kubectl.LogArguments("s", 10, follow: true)));
        Assert.Equal("logs web-1 --container=web --tail=20 --previous --context=staging --namespace=shop --request-timeout=30s", string.Join(' ', kubectl.PreviousLogArguments("web-1", "web", previous: true)));
        Assert.Equal(["exec", "web-1", "--container=web", "--context=staging", "--namespace=shop", "--", "sh", "-c", "echo a b"], kubectl.ExecArguments("web-1", "web", ["sh", "-c", "echo a b"]));
        Assert.Equal(["exec", "web-1", "--container=web", "--stdin", "--context=staging", "--namespace=shop", "--", "cat"], kubectl.ExecArguments("web-1", "web", ["cat"], input: true));
        Assert.Equal(
            "delete deployments.apps,statefulsets.apps,daemonsets.apps,services --selector=s --ignore-not-found --wait --timeout=110s --context=staging --namespace=shop",
            string.Join(' ', kubectl.DeleteArguments("s")));
        Assert.Equal("rollout undo deployment/web --context=staging --namespace=shop --request-timeout=30s", string.Join(' ', kubectl.UndoArguments("deployment", "web")));
    }

    [Fact]
    public void Without_context_and_namespace_none_is_given_and_sources_differ()
    {
        Assert.Equal("annotate --local --output=json --kustomize=k8s/prod laptime.manager=laptime", string.Join(' ', Kubectl(new KubernetesSettings([], "k8s/prod", null, [], null, null)).ReadArguments([])));
        var chart = Kubectl(new KubernetesSettings([], null, "chart", ["a.yaml", "b.yaml"], "c", "n"));
        Assert.Equal("template shop-staging chart --values=a.yaml --values=b.yaml --namespace=n --kube-context=c", string.Join(' ', chart.ChartArguments("shop-staging")));
        Assert.Equal("get pods --selector=s --watch --output-watch-events --output=json", string.Join(' ', Kubectl(new KubernetesSettings([], "k", null, [], null, null)).WatchArguments("pods", "s")));
    }

    [Fact]
    public void A_component_gets_its_own_objects_and_those_of_nobody_with_its_image_pinned()
    {
        var plan = Plan(Deployment("web", "shop/web:dev"), Deployment("api", "api"), Of("ConfigMap", "settings"), Of("Service", "web"), Of("Service", "api"));
        Assert.Equal(["ConfigMap settings", "Service web", "Deployment web"], plan.Objects.Select(o => $"{o["kind"]} {o["metadata"]!["name"]}"));
        var container = ObjectPlan.ContainersOf(plan.Workload).Single();
        Assert.Equal("r/shop@sha256:1", (string?)container["image"]);
        Assert.Equal(["LAPTIME_REVISION", "LAPTIME_COMPONENT", "LAPTIME_ENVIRONMENT"], container["env"]!.AsArray().Select(e => (string?)e!["name"]));
        Assert.All(plan.Objects, o => Assert.Equal("shop", (string?)o["metadata"]!["labels"]![Labels.Workspace]));
        Assert.Equal([null, "web", "web"], plan.Objects.Select(o => (string?)o["metadata"]!["labels"]![Labels.Component]));
        Assert.Equal("web", (string?)plan.Workload["spec"]!["template"]!["metadata"]!["labels"]![Labels.Component]);
    }

    [Fact]
    public void Another_transaction_of_the_same_artifact_makes_no_new_pods()
    {
        var first = Plan("tx-1", Deployment("web", "web"));
        var second = Plan("tx-2", Deployment("web", "web"));
        Assert.True(JsonNode.DeepEquals(first.Workload["spec"], second.Workload["spec"]));
        Assert.NotEqual((string?)first.Workload["metadata"]!["annotations"]![Labels.Transaction], (string?)second.Workload["metadata"]!["annotations"]![Labels.Transaction]);
    }

    [Fact]
    public void A_sidecar_is_left_as_it_is()
    {
        var web = Deployment("frontend", "web");
        web["spec"]!["template"]!["spec"]!["containers"]!.AsArray().Add((JsonNode)new JsonObject { ["name"] = "proxy", ["image"] = "envoy:1" });
        var plan = Plan(web);
        Assert.Equal(["r/shop@sha256:1", "envoy:1"], ObjectPlan.ContainersOf(plan.Workload).Select(c => (string?)c["image"]));
        Assert.Equal("main", (string?)plan.Workload["metadata"]!["annotations"]![Labels.Containers]);
    }

    [Fact]
    public void No_workload_several_and_an_unclear_container_are_told_with_a_cure()
    {
        Assert.Contains("runs web", Assert.Throws<FaultException>(() => Plan(Of("Service", "web"))).Fault.What);
        Assert.Contains("several workloads run web: web, worker", Assert.Throws<FaultException>(() => Plan(Deployment("web", "web"), Deployment("worker", "web"))).Fault.What);
        var two = Deployment("web", "a");
        two["spec"]!["template"]!["spec"]!["containers"]!.AsArray().Add((JsonNode)new JsonObject { ["name"] = "b", ["image"] = "b" });
        Assert.Contains("`image: web`", Assert.Throws<FaultException>(() => Plan(two)).Fault.Mend);
    }

    [Theory]
    [InlineData(2, 2, 2, 2, 2, null)]
    [InlineData(1, 2, 2, 2, 2, "the controller has seen generation 1 of 2")]
    [InlineData(2, 1, 2, 2, 3, "1 updated, 2 ready and 2 available of 2")]
    [InlineData(2, 2, 1, 1, 2, "2 updated, 1 ready and 1 available of 2")]
    [InlineData(2, 2, 2, 1, 2, "2 updated, 2 ready and 1 available of 2")]
    [InlineData(2, 2, 2, 2, 3, "1 old pods remain")]
    public void Converged_is_this_generation_all_updated_ready_available_and_nobody_else(int observed, int updated, int ready, int available, int total, string? missing)
    {
        var web = Deployment("web", "web");
        web["metadata"]!["generation"] = 2;
        web["spec"]!["replicas"] = 2;
        web["status"] = new JsonObject { ["observedGeneration"] = observed, ["updatedReplicas"] = updated, ["readyReplicas"] = ready, ["availableReplicas"] = available, ["replicas"] = total };
        Assert.Equal(missing, new WorkloadState(web, []).Missing("pod"));
    }

    private static ObjectPlan Plan(params JsonObject[] objects) => Plan("tx-1", objects);

    private static ObjectPlan Plan(string transaction, params JsonObject[] objects) => ObjectPlan.Of(objects, new RolloutRequest
    {
        Component = new Component { Name = "web", Path = "web", At = At }, Environment = "staging", Revision = "web@1", Artifact = Digest.Of("a"), Fingerprint = Digest.Of("f"), DeploymentKey = Digest.Of("k"),
        Transaction = transaction, Fence = 1, Unpack = (_, _) => Task.CompletedTask, Names = _ => null,
    }, "shop", "r/shop@sha256:1", ["web", "api"]);

    private static JsonObject Of(string kind, string name) => new() { ["kind"] = kind, ["metadata"] = new JsonObject { ["name"] = name } };

    private static JsonObject Deployment(string name, string image)
    {
        var deployment = Of("Deployment", name);
        deployment["spec"] = new JsonObject
        {
            ["template"] = new JsonObject { ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "main", ["image"] = image }) } },
        };
        return deployment;
    }
}
