using System.Text.Json.Nodes;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Targets.Kubernetes;
using Laptime.Tests.Engines;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Contracts.Targets.Kubernetes;

/// <summary>The Kubernetes target through the real kubectl, against a cluster whose controllers the test plays.</summary>
public sealed class KubernetesTargetTests : IAsyncLifetime
{
    private static readonly SourceLocation At = new("laptime.yaml", 1, 1);
    private static int transactions;

    private readonly string root = Directory.CreateTempSubdirectory("lap kube-").FullName;
    private readonly FakeCluster cluster = new();
    private KubernetesTarget? target;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private KubernetesTarget Target => target ??= new KubernetesTarget(
        root, "shop", "staging", new KubernetesSettings(["k8s/*.yaml"], null, null, [], "fake", "shop"), ["web", "api"], digest => $"registry.example/shop@{digest}", null,
        Path.Combine(root, ".laptime", "env", "staging"), [], new ProcessRunner(TimeProvider.System), TimeProvider.System);

    public ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).All(p => !File.Exists(Path.Combine(p, "kubectl"))))
        {
            Assert.SkipWhen(Environment.GetEnvironmentVariable("LAP_TEST_REQUIRE")?.Contains("kubectl", StringComparison.Ordinal) != true, "kubectl is not installed (Debian: kubernetes-client)");
        }

        Directory.CreateDirectory(Path.Combine(root, "k8s"));
        File.WriteAllText(Path.Combine(root, "k8s", "web.yaml"), """
            apiVersion: apps/v1
            kind: Deployment
            metadata: { name: web }
            spec:
              replicas: 2
              selector: { matchLabels: { app: web } }
              template:
                metadata: { labels: { app: web } }
                spec: { containers: [ { name: web, image: web } ] }
            ---
            apiVersion: v1
            kind: Service
            metadata: { name: web }
            spec: { selector: { app: web }, ports: [ { port: 80 } ] }
            """);
        cluster.WriteConfig(Path.Combine(root, "kubeconfig"));
        Environment.SetEnvironmentVariable("KUBECONFIG", Path.Combine(root, "kubeconfig"));
        Environment.SetEnvironmentVariable("KUBECACHEDIR", Path.Combine(root, "cache"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task A_rollout_ends_when_the_cluster_has_converged_and_is_read_back()
    {
        cluster.OnApplied = cluster.Converge;
        Assert.Empty(await Target.ObserveAsync(Cancel));
        var request = Request("one");
        var segments = new List<Segment>();
        var result = await RolloutAsync(request, segments);
        Passes(result);
        Assert.Equal((SignalStatus.Pass, SignalStatus.Pass, SignalStatus.Pass, 2, 2),
            (result.Signals.Live.Status, result.Signals.Ready.Status, result.Signals.Reflected.Status, result.Signals.Reflected.Instances, result.Signals.Reflected.Of));
        Assert.Equal(["rollout/render", "rollout/apply", "live", "ready", "reflect"], segments.Select(s => s.Name));

        Assert.Contains(cluster.Requests, r => r.StartsWith("PATCH /apis/apps/v1/namespaces/shop/deployments/web?", StringComparison.Ordinal) && r.Contains("fieldManager=laptime", StringComparison.Ordinal));
        Assert.DoesNotContain(cluster.Requests, r => r.Contains("force=true", StringComparison.Ordinal));
        var container = cluster.Find("deployments", "web")!["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal($"registry.example/shop@{request.Artifact}", (string?)container["image"]);
        Assert.Equal(request.Revision, (string?)container["env"]![0]!["value"]);
        Assert.Equal("web", (string?)cluster.Find("services", "web")!["metadata"]!["labels"]![Labels.Component]);

        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal(
            ("web", request.Revision, request.Artifact, request.Fingerprint, request.DeploymentKey, request.Transaction, true, 2, 2),
            (seen.Component, seen.Revision, seen.Artifact, seen.Fingerprint, seen.DeploymentKey, seen.Transaction, seen.Serving, seen.Instances, seen.Of));
    }

    [Fact]
    public async Task A_restart_replaces_the_pods_of_the_same_revision_and_a_later_rollout_of_something_else_does_not_again()
    {
        cluster.OnApplied = cluster.Converge;
        var first = Request("one");
        Passes(await RolloutAsync(first));
        var before = (string?)Pods()[Labels.Pod];
        var again = Request("one") with { Loads = new Dictionary<string, Digest> { ["api"] = Digest.Of("2") }, ReconciledFor = ["api"] };
        Passes(await RolloutAsync(again));
        Assert.Equal((again.Transaction, true), ((string?)Pods()[Labels.Restarted], before != (string?)Pods()[Labels.Pod]));
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, again.Transaction, again.Loads["api"], true), (seen.Revision, seen.Transaction, seen.Loaded!["api"], seen.Serving));

        // The template stays as it is: what only changes labels of the workload does not replace pods once more.
        before = (string?)Pods()[Labels.Pod];
        Passes(await RolloutAsync(Request("one")));
        Assert.Equal((again.Transaction, before), ((string?)Pods()[Labels.Restarted], (string?)Pods()[Labels.Pod]));

        JsonNode Pods() => cluster.Find("deployments", "web")!["spec"]!["template"]!["metadata"]!["annotations"]!;
    }

    [Fact]
    public async Task A_missing_image_ends_it_early_and_the_old_objects_come_back()
    {
        cluster.OnApplied = cluster.Converge;
        var first = Request("one");
        Passes(await RolloutAsync(first));
        cluster.OnApplied = w => Is(w, first) ? cluster.Converge(w) : Then(() => cluster.Pod("web-bad", w, FakeCluster.Waiting("ErrImagePull", "manifest unknown")));
        var result = await RolloutAsync(Request("two"));
        Assert.Equal((Outcome.RolloutFailed, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains("ErrImagePull: manifest unknown", result.Fault!.What);
        var last = cluster.Applied.Last(a => (string?)a["kind"] == "Deployment");
        Assert.Contains(first.Artifact.ToString(), last.ToJsonString());
        var seen = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((first.Revision, first.Artifact, true), (seen.Revision, seen.Artifact, seen.Serving));
    }

    [Fact]
    public async Task A_first_rollout_that_fails_leaves_nothing()
    {
        cluster.OnApplied = w => Then(() => cluster.Pod("web-bad", w, FakeCluster.Waiting("InvalidImageName", "no")));
        var result = await RolloutAsync(Request("one"));
        Assert.Equal((Outcome.RolloutFailed, null), (result.Fault?.Outcome, result.StillServing));
        Assert.Empty(cluster.All("deployments"));
    }

    [Fact]
    public async Task A_crash_loop_ends_it_early_with_the_last_words_of_the_container_before()
    {
        cluster.Logs["web-bad"] = "starting\nno database \"shop\"\n";
        cluster.OnApplied = w => Then(
            () => cluster.Pod("web-bad", w, FakeCluster.Running(ready: false)),
            () => cluster.Pod("web-bad", w, new JsonObject
            {
                ["restartCount"] = 3, ["state"] = new JsonObject { ["waiting"] = new JsonObject { ["reason"] = "CrashLoopBackOff" } },
                ["lastState"] = new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = 7, ["reason"] = "Error" } },
            }));
        var result = await RolloutAsync(Request("one"));
        Assert.Equal(Outcome.NotLive, result.Fault?.Outcome);
        Assert.Contains("3 restarts, the last end: exit code 7", result.Fault!.What);
        Assert.Contains("no database \"shop\"", result.Fault.Tail!);
        Assert.Contains(cluster.Requests, r => r.Contains("/pods/web-bad/log", StringComparison.Ordinal) && r.Contains("previous=true", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Ready_replicas_of_a_generation_that_nobody_has_seen_are_no_evidence()
    {
        cluster.OnApplied = cluster.Converge;
        var first = Request("one");
        Passes(await RolloutAsync(first));
        // The status is still the first one's, and all of it is green.
        cluster.OnApplied = w => Is(w, first) ? cluster.Converge(w) : [];
        var result = await RolloutAsync(Request("two", TimeSpan.FromMilliseconds(700)));
        Assert.Equal(Outcome.RolloutFailed, result.Fault?.Outcome);
        Assert.Contains("the controller has seen generation 1 of 2", result.Fault!.What);
    }

    [Fact]
    public async Task Old_pods_that_are_still_ending_are_not_reflected()
    {
        cluster.OnApplied = cluster.Converge;
        var first = Request("one");
        Passes(await RolloutAsync(first));
        var old = cluster.Find("deployments", "web")!.DeepClone().AsObject();
        cluster.OnApplied = w => Is(w, first) ? [() => cluster.Remove("pods", "web-lingers"), .. cluster.Converge(w)] : [.. cluster.Converge(w), () => cluster.Pod("web-lingers", old, FakeCluster.Running(ready: true), deleted: true)];
        var result = await RolloutAsync(Request("two", TimeSpan.FromSeconds(3)));
        Assert.Equal((Outcome.NotReflected, SignalStatus.Pass, SignalStatus.Fail), (result.Fault?.Outcome, result.Signals.Ready.Status, result.Signals.Reflected.Status));
        Assert.Contains("1 old pods remain", result.Fault!.What);
    }

    [Fact]
    public async Task A_deadline_of_the_cluster_with_running_pods_is_a_readiness_timeout()
    {
        cluster.OnApplied = w => Then(
            () => cluster.Pod("web-1", w, FakeCluster.Running(ready: false)),
            () => cluster.Status("deployments", "web", new JsonObject
            {
                ["observedGeneration"] = 1, ["replicas"] = 2, ["updatedReplicas"] = 2,
                ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Progressing", ["status"] = "False", ["reason"] = "ProgressDeadlineExceeded", ["message"] = "has timed out" }),
            }));
        var result = await RolloutAsync(Request("one"));
        Assert.Equal(Outcome.ReadinessTimeout, result.Fault?.Outcome);
        Assert.Contains("ProgressDeadlineExceeded", result.Fault!.What);
    }

    [Fact]
    public async Task A_field_that_somebody_else_owns_is_named_with_its_owner()
    {
        cluster.OnApplied = cluster.Converge;
        Passes(await RolloutAsync(Request("one")));
        cluster.Conflict = "horizontal-pod-autoscaler";
        var result = await RolloutAsync(Request("two"));
        Assert.Equal(Outcome.RolloutFailed, result.Fault?.Outcome);
        Assert.Contains("horizontal-pod-autoscaler owns .spec.replicas", result.Fault!.What);
    }

    [Fact]
    public async Task What_was_changed_by_hand_is_seen()
    {
        cluster.OnApplied = cluster.Converge;
        Passes(await RolloutAsync(Request("one")));
        var web = cluster.Find("deployments", "web")!.DeepClone().AsObject();
        var scaled = web.DeepClone().AsObject();
        scaled["spec"]!["replicas"] = 5;
        cluster.Put("deployments", scaled);
        Assert.Equal((false, "scaled to 5 by hand, not 2 as deployed"), Assert.Single(await Target.ObserveAsync(Cancel)) is var five ? (five.Serving, five.Detail) : default);
        var other = web.DeepClone().AsObject();
        other["spec"]!["template"]!["spec"]!["containers"]![0]!["image"] = "registry.example/shop:latest";
        cluster.Put("deployments", other);
        var changed = Assert.Single(await Target.ObserveAsync(Cancel));
        Assert.Equal((false, "the image was changed by hand to registry.example/shop:latest", Digest.None), (changed.Serving, changed.Detail, changed.Artifact));
    }

    [Fact]
    public async Task A_lower_fence_is_refused_and_stopping_removes_it()
    {
        cluster.OnApplied = cluster.Converge;
        Passes(await RolloutAsync(Request("one", fence: 7)));
        Assert.Equal(Outcome.Locked, (await Assert.ThrowsAsync<FaultException>(() => RolloutAsync(Request("two", fence: 6)))).Fault.Outcome);
        Assert.Equal(Outcome.Locked, (await Assert.ThrowsAsync<FaultException>(() => Target.StopAsync("web", 6, Cancel))).Fault.Outcome);
        Assert.True(await Target.StopAsync("web", 7, Cancel));
        Assert.Empty(cluster.All("deployments"));
        Assert.Empty(cluster.All("services"));
        Assert.False(await Target.StopAsync("web", 7, Cancel));
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_is_a_fault_with_a_cure()
    {
        await cluster.DisposeAsync();
        var fault = (await Assert.ThrowsAsync<FaultException>(() => Target.ObserveAsync(Cancel))).Fault;
        Assert.Equal(Outcome.RolloutFailed, fault.Outcome);
        Assert.Contains("context fake, namespace shop", fault.Where!);
        Assert.NotNull(fault.Mend);
    }

    [Fact]
    public async Task Without_objects_of_this_checkout_the_clusters_own_history_brings_the_old_back()
    {
        cluster.OnApplied = cluster.Converge;
        var first = Request("one");
        Passes(await RolloutAsync(first));
        Directory.Delete(Path.Combine(root, ".laptime", "env"), recursive: true);
        cluster.OnApplied = w => Is(w, first) ? cluster.Converge(w) : Then(() => cluster.Keep(w), () => cluster.Pod("web-bad", w, FakeCluster.Waiting("ImagePullBackOff", "back-off")));
        var result = await RolloutAsync(Request("two"));
        Assert.Equal((Outcome.RolloutFailed, first.Revision), (result.Fault?.Outcome, result.StillServing));
        Assert.Contains(cluster.Requests, r => r.StartsWith("GET /apis/apps/v1/namespaces/shop/replicasets?", StringComparison.Ordinal));
        Assert.Contains(first.Artifact.ToString(), cluster.Find("deployments", "web")!["spec"]!["template"]!.ToJsonString());
    }

    [Fact]
    public async Task A_kustomization_is_applied_as_kubectl_builds_it()
    {
        File.WriteAllText(Path.Combine(root, "k8s", "kustomization.yaml"), "resources: [web.yaml]\ncommonAnnotations: { team: blue }\nreplicas: [ { name: web, count: 2 } ]\n");
        await using var kustomized = new KubernetesTarget(
            root, "shop", "staging", new KubernetesSettings([], "k8s", null, [], "fake", "shop"), ["web", "api"], digest => $"registry.example/shop@{digest}", null,
            Path.Combine(root, ".laptime", "env", "staging"), [], new ProcessRunner(TimeProvider.System), TimeProvider.System);
        target = kustomized;
        cluster.OnApplied = cluster.Converge;
        Passes(await RolloutAsync(Request("one")));
        Assert.Equal("blue", (string?)cluster.Find("deployments", "web")!["metadata"]!["annotations"]!["team"]);
        Assert.Equal("blue", (string?)cluster.Find("services", "web")!["metadata"]!["annotations"]!["team"]);
    }

    [Fact]
    public async Task Followed_logs_go_on_with_the_pods_that_come_next()
    {
        cluster.OnApplied = cluster.Converge;
        var (first, second) = (Request("one"), Request("two"));
        Passes(await RolloutAsync(first));
        foreach (var pod in cluster.All("pods").Select(p => (string)p["metadata"]!["name"]!))
        {
            cluster.Logs[pod] = "words of the first\n";
        }

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var lines = new List<string>();
        Task<RolloutResult>? next = null;
        try
        {
            await foreach (var line in Target.LogsAsync("web", 10, follow: true, enough.Token))
            {
                lines.Add(line);
                if (next is null)
                {
                    cluster.OnApplied = w => [.. cluster.Converge(w).Take(4), .. cluster.Converge(w).Skip(4).Prepend(Speak)];
                    next = RolloutAsync(second);
                }

                if (line.Contains("second", StringComparison.Ordinal))
                {
                    await enough.CancelAsync();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Followed as far as wanted.
        }

        Passes(await next!);
        Assert.Contains(lines, l => l.Contains("words of the second", StringComparison.Ordinal));

        void Speak()
        {
            foreach (var pod in cluster.All("pods").Select(p => (string)p["metadata"]!["name"]!).Where(p => p.Contains(second.Transaction, StringComparison.Ordinal)))
            {
                cluster.Logs[pod] = "words of the second\n";
            }
        }
    }

    private static IEnumerable<Action> Then(params Action[] steps) => steps;

    private static bool Is(JsonObject workload, RolloutRequest request) => workload.ToJsonString().Contains(request.Artifact.ToString(), StringComparison.Ordinal);

    private async Task<RolloutResult> RolloutAsync(RolloutRequest request, List<Segment>? segments = null) => await Target.RolloutAsync(
        request, new Gate(new Prober(TimeProvider.System), request.Component.Probes, smoke: true),
        new Timeline(TimeProvider.System, s =>
        {
            if (s.Seconds is not null)
            {
                segments?.Add(s);
            }
        }), null, Cancel);

    private static void Passes(RolloutResult result) => Assert.True(result.Fault is null, $"{result.Fault?.What}\n{string.Join('\n', result.Fault?.Tail ?? [])}");

    private static RolloutRequest Request(string content, TimeSpan? bound = null, long fence = 1) => new()
    {
        Component = new Component
        {
            Name = "web", Path = "web", At = At, Build = new BuildSettings { Image = new ImageSettings("Dockerfile", "", null) },
            Run = new RunSettings { Command = new CommandLine.Exec([]) },
            Probes = new ProbeSettings { Ready = new Probe { Form = new ProbeForm.Tcp(null), Timeout = bound ?? TimeSpan.FromSeconds(30), At = At } },
        },
        Environment = "staging", Artifact = Digest.Of(content), Fingerprint = Digest.Of("f" + content), DeploymentKey = Digest.Of("k" + content),
        Revision = $"web@{Digest.Of(content).Short}", Transaction = $"tx-20261121-110329-{Interlocked.Increment(ref transactions):x6}", Fence = fence,
        Unpack = (_, _) => Task.CompletedTask, Names = _ => null,
    };
}
