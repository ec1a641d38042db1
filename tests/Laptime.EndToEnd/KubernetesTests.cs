using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>
/// The whole lap with the real kubectl and a real registry. The cluster is played, because none can run here: an API server over HTTP whose controller the test writes.
/// </summary>
public sealed class KubernetesTests
{
    [Fact]
    public async Task Deployed_unchanged_edited_drifted_failed_rolled_back_and_stopped_as_on_every_target()
    {
        await using var cluster = new FakeCluster();
        cluster.OnApplied = cluster.Converge;
        var registry = await RegistryServer.SharedAsync();
        await using var ws = await OpenAsync(cluster, registry);

        var plan = await ws.JsonAsync(0, "plan");
        Assert.Equal("build+rollout never-built", plan.What("web"));
        Assert.DoesNotContain(cluster.Requests, r => !r.StartsWith("GET ", StringComparison.Ordinal));

        var first = (await ws.DeployAsync()).Valid();
        Assert.Equal(("reflected", "kubernetes", 1), (first.Outcome(), first.Text("target"), first.Count("deploys")));
        Assert.All((string[])["live", "ready", "reflected"], signal => Assert.Equal("pass", first.Signal("web", signal)));
        Assert.Equal(2, (int)first.Component("web")["signals"]!["reflected"]!["of"]!);
        var digest = first.Component("web").Text("artifact");
        Assert.Equal($"{registry.Authority}/kube@{digest}", Image(cluster));
        Assert.Equal("blue", (string?)cluster.Find("deployments", "web")!["metadata"]!["annotations"]!["team"]);

        // Nothing changed: nothing is written, and one listing of each kind is all that is asked.
        cluster.Requests.Clear();
        Assert.Equal("unchanged", (await ws.DeployAsync()).Valid().Outcome());
        Assert.All(cluster.Requests, r => Assert.StartsWith("GET ", r, StringComparison.Ordinal));
        Assert.Single(cluster.Requests, r => r.Contains("/pods?", StringComparison.Ordinal));
        Assert.Single(cluster.Requests, r => r.Contains("/deployments?", StringComparison.Ordinal));

        ws.Write("web/page", "two");
        var second = (await ws.DeployAsync()).Valid();
        Assert.Equal("build+rollout inputs-changed", second.What("web"));
        Assert.NotEqual(digest, second.Component("web").Text("artifact"));

        // A manifest is a run setting: no build.
        ws.Edit("k8s/web.yaml", "replicas: 2", "replicas: 2\n  minReadySeconds: 1");
        Assert.Equal("rollout run-settings-changed", (await ws.DeployAsync()).Valid().What("web"));

        // Scaled by hand: status says so, the deploy repairs it.
        var scaled = cluster.Find("deployments", "web")!.DeepClone().AsObject();
        scaled["spec"]!["replicas"] = 5;
        cluster.Put("deployments", scaled);
        Assert.Contains("scaled to 5 by hand", (await ws.LapAsync("status")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Equal("rollout target-drifted", (await ws.JsonAsync(0, "plan")).What("web"));
        Assert.Equal("rollout target-drifted", (await ws.DeployAsync()).Valid().What("web"));
        Assert.Equal(2, (int)cluster.Find("deployments", "web")!["spec"]!["replicas"]!);

        // The cluster cannot pull: early, and what served serves again.
        var good = Image(cluster);
        ws.Write("web/page", "three");
        cluster.OnApplied = w => ImageOf(w) == good ? cluster.Converge(w) : [() => cluster.Pod("web-bad", w, FakeCluster.Waiting("ImagePullBackOff", "no such manifest"))];
        var missing = (await ws.JsonAsync(11, "deploy")).Valid();
        Assert.Contains("ImagePullBackOff: no such manifest", missing.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(good, Image(cluster));

        // A crash loop: early, with the last words of the one before.
        cluster.Logs["web-bad"] = "no database\n";
        cluster.OnApplied = w => ImageOf(w) == good ? cluster.Converge(w) : [() => cluster.Pod("web-bad", w, new JsonObject
        {
            ["restartCount"] = 2, ["state"] = new JsonObject { ["waiting"] = new JsonObject { ["reason"] = "CrashLoopBackOff" } },
            ["lastState"] = new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = 7, ["reason"] = "Error" } },
        })];
        var crash = (await ws.JsonAsync(13, "deploy")).Valid();
        Assert.Contains("no database", crash["failure"]!["tail"]!.ToJsonString(), StringComparison.Ordinal);
        cluster.OnApplied = cluster.Converge;

        (await ws.LapAsync("rollback", "--to", first.Text("id")!)).Exits(0);
        Assert.Equal($"{registry.Authority}/kube@{digest}", Image(cluster));

        foreach (var pod in cluster.All("pods"))
        {
            cluster.Logs[(string)pod["metadata"]!["name"]!] = "here I am\n";
        }

        Assert.Contains("here I am", (await ws.LapAsync("logs", "web")).Exits(0).Out, StringComparison.Ordinal);
        await ws.JsonAsync(0, "down");
        Assert.Empty(cluster.All("deployments"));
    }

    [Fact]
    public async Task A_chart_is_rendered_by_helm_and_without_helm_that_is_said()
    {
        await using var cluster = new FakeCluster();
        cluster.OnApplied = cluster.Converge;
        await using var ws = await OpenAsync(cluster, await RegistryServer.SharedAsync());
        ws.Edit("laptime.yaml", "kustomize: k8s", "chart: chart, values: values.yaml");
        ws.Write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
        ws.Write("values.yaml", "{}\n");
        var without = (await ws.JsonAsync(11, "deploy")).Valid();
        Assert.Contains("helm", without.FailureMessage(), StringComparison.Ordinal);

        // Helm is not to be had here: a program of its name renders the chart, and keeps how it was called.
        ws.Write("bin/helm", "#!/bin/sh\necho \"$@\" > helm.called\ncat k8s/web.yaml\n");
        File.SetUnixFileMode(ws.At("bin/helm"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        ws.Environment["PATH"] = $"{ws.At("bin")}:{ws.Environment["PATH"]}";
        Assert.Equal("reflected", (await ws.DeployAsync()).Valid().Outcome());
        Assert.Equal("template kube-staging chart --values=values.yaml --namespace=shop --kube-context=fake", ws.Read("helm.called").Trim());
    }

    private static string? Image(FakeCluster cluster) => ImageOf(cluster.Find("deployments", "web")!);

    private static string? ImageOf(JsonObject workload) => (string?)workload["spec"]!["template"]!["spec"]!["containers"]![0]!["image"];

    private static async Task<LapWorkspace> OpenAsync(FakeCluster cluster, RegistryServer registry)
    {
        Requirement.Program("kubectl", "kubectl");
        var ws = await LapWorkspace.EmptyAsync();
        ws.Write("web/page", "one");
        ws.Write("laptime.yaml", $$"""
            name: kube
            components:
              web: { path: web, build: { image: { base: scratch } }, run: { port: 8080 } }
            environments:
              staging: { target: kubernetes, kustomize: k8s, context: fake, namespace: shop }
            artifacts: { store: "oci://{{registry.Authority}}/kube" }
            """);
        ws.Write("k8s/kustomization.yaml", "resources: [web.yaml]\ncommonAnnotations: { team: blue }\n");
        ws.Write("k8s/web.yaml", """
            apiVersion: apps/v1
            kind: Deployment
            metadata: { name: web }
            spec:
              replicas: 2
              selector: { matchLabels: { app: web } }
              template:
                metadata: { labels: { app: web } }
                spec: { containers: [ { name: web, image: web } ] }
            """);
        cluster.WriteConfig(Path.Combine(ws.Beside, "kubeconfig"));
        ws.Environment["KUBECONFIG"] = Path.Combine(ws.Beside, "kubeconfig");
        ws.Environment["KUBECACHEDIR"] = Path.Combine(ws.Beside, "cache");
        return ws;
    }
}
