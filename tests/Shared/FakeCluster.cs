using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Laptime.Tests.Engines;

/// <summary>
/// What kubectl asks of an API server for get, watch, apply, delete, rollout undo and logs, over HTTP on loopback: discovery, lists with selectors, watches that replay from a
/// resource version, server-side apply, JSON patch. A fake, because no cluster can run here. There is no controller: the test plays it, one change after the other, once the
/// watches listen; <see cref="Converge"/> plays one that does well.
/// </summary>
internal sealed class FakeCluster : IAsyncDisposable
{
    private static readonly (string Plural, string Kind, string Base)[] Kinds =
    [
        ("deployments", "Deployment", "/apis/apps/v1"), ("statefulsets", "StatefulSet", "/apis/apps/v1"), ("daemonsets", "DaemonSet", "/apis/apps/v1"),
        ("replicasets", "ReplicaSet", "/apis/apps/v1"),
        ("pods", "Pod", "/api/v1"), ("services", "Service", "/api/v1"),
    ];

    private readonly HttpListener listener = new();
    private readonly CancellationTokenSource ended = new();
    private readonly Lock gate = new();
    private readonly Dictionary<string, JsonObject> objects = [];
    private readonly List<(long Version, string Plural, string Type, JsonObject Object)> log = [];
    private readonly Task serving;
    private Queue<Action> script = [];
    private int watches;
    private long version = 1;
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FakeCluster()
    {
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Address = $"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}";
        }

        listener.Prefixes.Add(Address + "/");
        listener.Start();
        serving = ServeAsync();
    }

    public string Address { get; }

    /// <summary>Method, path and query of every request.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Bodies of server-side applies.</summary>
    public List<JsonObject> Applied { get; } = [];

    /// <summary>What the controllers do after a workload was applied; null: nothing.</summary>
    public Func<JsonObject, IEnumerable<Action>>? OnApplied { get; set; }

    /// <summary>Answers an apply with a conflict.</summary>
    public string? Conflict { get; set; }

    public Dictionary<string, string> Logs { get; } = [];

    public JsonObject? Find(string plural, string name) => Locked(() => objects.GetValueOrDefault($"{plural}/{name}"));

    public IReadOnlyList<JsonObject> All(string plural) => Locked(() => (IReadOnlyList<JsonObject>)[.. objects.Where(o => o.Key.StartsWith(plural + "/", StringComparison.Ordinal)).Select(o => o.Value)]);

    /// <summary>Stores a change of one object and tells the watches.</summary>
    public void Put(string plural, JsonObject one) => Locked(() =>
    {
        var key = $"{plural}/{one["metadata"]!["name"]}";
        var isNew = !objects.ContainsKey(key);
        one["metadata"]!["resourceVersion"] = $"{++version}";
        one["metadata"]!["uid"] ??= $"uid-{key}";
        objects[key] = one;
        log.Add((version, plural, isNew ? "ADDED" : "MODIFIED", one.DeepClone().AsObject()));
        Tell();
        return 0;
    });

    public void Remove(string plural, string name) => Locked(() =>
    {
        if (objects.Remove($"{plural}/{name}", out var gone))
        {
            log.Add((++version, plural, "DELETED", gone.DeepClone().AsObject()));
            Tell();
        }

        return 0;
    });

    public void Status(string plural, string name, JsonObject status)
    {
        var one = Find(plural, name)!.DeepClone().AsObject();
        one["status"] = status;
        Put(plural, one);
    }

    /// <summary>A pod of the workload's template, as its controller would make it.</summary>
    public void Pod(string name, JsonObject workload, JsonObject containerStatus, bool deleted = false)
    {
        var template = workload["spec"]!["template"]!;
        containerStatus["name"] = (string?)template["spec"]!["containers"]![0]!["name"];
        var pod = new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "Pod", ["metadata"] = template["metadata"]!.DeepClone(), ["spec"] = template["spec"]!.DeepClone(),
            ["status"] = new JsonObject { ["phase"] = "Running", ["startTime"] = "2026-11-21T12:00:00Z", ["containerStatuses"] = new JsonArray(containerStatus) },
        };
        pod["metadata"]!["name"] = name;
        pod["metadata"]!["namespace"] = "shop";
        if (deleted)
        {
            pod["metadata"]!["deletionTimestamp"] = "2026-11-21T12:00:01Z";
        }

        Put("pods", pod);
    }

    /// <summary>A kubeconfig whose only context is `fake`, with the namespace `shop`.</summary>
    public void WriteConfig(string path) => File.WriteAllText(path, $$"""
        apiVersion: v1
        kind: Config
        clusters: [ { name: fake, cluster: { server: "{{Address}}" } } ]
        contexts: [ { name: fake, context: { cluster: fake, user: fake, namespace: shop } } ]
        current-context: fake
        users: [ { name: fake, user: {} } ]
        """);

    /// <summary>The steps of a Deployment's controller that replaces all pods by two of the new template, and keeps a ReplicaSet of each generation as its history.</summary>
    public IEnumerable<Action> Converge(JsonObject workload)
    {
        var one = workload.DeepClone().AsObject();
        var name = (string)one["metadata"]!["name"]!;
        var generation = (int)one["metadata"]!["generation"]!;
        var old = All("pods").Select(p => (string)p["metadata"]!["name"]!).Where(p => p.StartsWith(name + "-", StringComparison.Ordinal)).ToList();
        var suffix = $"{generation}{(string?)one["metadata"]!["annotations"]?["laptime.transaction"]}";
        return
        [
            () => Keep(one),
            () => Pod($"{name}-a{suffix}", one, Running(ready: false)),
            () => Rolled(name, generation, total: 2, updated: 1, ready: old.Count),
            () => Pod($"{name}-a{suffix}", one, Running(ready: true)),
            () => Pod($"{name}-b{suffix}", one, Running(ready: true)),
            .. old.Select(p => (Action)(() => Remove("pods", p))),
            () => Rolled(name, generation, total: 2, updated: 2, ready: 2),
        ];
    }

    public void Rolled(string name, int generation, int total, int updated, int ready) => Status("deployments", name, new JsonObject
    {
        ["observedGeneration"] = generation, ["replicas"] = total, ["updatedReplicas"] = updated, ["readyReplicas"] = ready, ["availableReplicas"] = ready,
    });

    public static JsonObject Running(bool ready) =>
        new() { ["ready"] = ready, ["restartCount"] = 0, ["state"] = new JsonObject { ["running"] = new JsonObject { ["startedAt"] = "2026-11-21T12:00:00Z" } } };

    public static JsonObject Waiting(string reason, string message) =>
        new() { ["restartCount"] = 0, ["state"] = new JsonObject { ["waiting"] = new JsonObject { ["reason"] = reason, ["message"] = message } } };

    public async ValueTask DisposeAsync()
    {
        if (!listener.IsListening)
        {
            return;
        }

        await ended.CancelAsync();
        listener.Stop();
        await serving;
        listener.Close();
        ended.Dispose();
    }

    /// <summary>As a Deployment's controller keeps what was: `kubectl rollout undo` reads it.</summary>
    public void Keep(JsonObject workload)
    {
        var generation = (int)workload["metadata"]!["generation"]!;
        var name = (string)workload["metadata"]!["name"]!;
        var template = workload["spec"]!["template"]!;
        var current = Find("deployments", name)!.DeepClone().AsObject();
        (current["metadata"]!["annotations"] ??= new JsonObject())["deployment.kubernetes.io/revision"] = $"{generation}";
        Put("deployments", current);
        // The controller copies the workload's annotations; an undo brings them back with the template.
        Put("replicasets", new JsonObject
        {
            ["apiVersion"] = "apps/v1", ["kind"] = "ReplicaSet",
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{name}-{generation}", ["namespace"] = "shop", ["labels"] = template["metadata"]!["labels"]!.DeepClone(),
                ["annotations"] = current["metadata"]!["annotations"]!.DeepClone(),
                ["ownerReferences"] = new JsonArray(new JsonObject
                {
                    ["apiVersion"] = "apps/v1", ["kind"] = "Deployment", ["name"] = name, ["uid"] = current["metadata"]!["uid"]!.DeepClone(), ["controller"] = true,
                }),
            },
            ["spec"] = new JsonObject { ["replicas"] = 2, ["template"] = template.DeepClone() },
        });
    }

    private T Locked<T>(Func<T> work)
    {
        lock (gate)
        {
            return work();
        }
    }

    private void Tell()
    {
        changed.TrySetResult();
        changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private async Task ServeAsync()
    {
        var answers = new List<Task>();
        try
        {
            while (!ended.IsCancellationRequested)
            {
                answers.Add(AnswerAsync(await listener.GetContextAsync()));
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Stopped.
        }

        await Task.WhenAll(answers);
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            var (path, query) = (context.Request.Url!.AbsolutePath, context.Request.QueryString);
            lock (gate)
            {
                Requests.Add($"{context.Request.HttpMethod} {context.Request.Url.PathAndQuery}");
            }

            if (query["watch"] is "true" or "1")
            {
                await WatchAsync(context, Plural(path), query["labelSelector"], long.Parse(query["resourceVersion"] ?? "0"));
                return;
            }

            if (path.EndsWith("/log", StringComparison.Ordinal) && query["follow"] is "true" or "1")
            {
                await FollowAsync(context, path.Split('/')[^2]);
                return;
            }

            using var reader = new StreamReader(context.Request.InputStream);
            var body = await reader.ReadToEndAsync(ended.Token);
            var (code, answer) = Answer(context.Request.HttpMethod, path, query["labelSelector"], body, query["fieldValidation"]);
            context.Response.StatusCode = code;
            context.Response.ContentType = answer.StartsWith('{') ? "application/json" : "text/plain";
            var bytes = Encoding.UTF8.GetBytes(answer);
            await context.Response.OutputStream.WriteAsync(bytes, ended.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpListenerException or ObjectDisposedException)
        {
            // The client is gone, or we are.
        }
        finally
        {
            context.Response.CloseQuietly();
        }
    }

    private static string? Plural(string path) => Kinds.Select(k => k.Plural).FirstOrDefault(p => path.Contains("/" + p, StringComparison.Ordinal));

    private (int Code, string Body) Answer(string method, string path, string? selector, string body, string? validation)
    {
        _ = validation;
        if (Discovery(path) is { } known)
        {
            return (200, known.ToJsonString());
        }

        if (path.EndsWith("/log", StringComparison.Ordinal))
        {
            return (200, Logs.GetValueOrDefault(path.Split('/')[^2]) ?? "");
        }

        if (Kinds.FirstOrDefault(k => path.StartsWith($"{k.Base}/namespaces/shop/{k.Plural}", StringComparison.Ordinal)) is not { Plural: { } plural } kind)
        {
            return NotFound(path);
        }

        var name = path.Split('/') is [.., var before, var last] && before == plural ? last : null;
        switch (method)
        {
            case "GET" when name is null:
                lock (gate)
                {
                    return (200, new JsonObject
                    {
                        ["kind"] = kind.Kind + "List", ["apiVersion"] = kind.Base.EndsWith("apps/v1", StringComparison.Ordinal) ? "apps/v1" : "v1",
                        ["metadata"] = new JsonObject { ["resourceVersion"] = $"{version}" },
                        ["items"] = new JsonArray([.. objects.Where(o => o.Key.StartsWith(plural + "/", StringComparison.Ordinal) && Matches(o.Value, selector)).Select(o => o.Value.DeepClone())]),
                    }.ToJsonString());
                }

            case "GET":
                return Find(plural, name!) is { } found ? (200, found.ToJsonString()) : NotFound(path);
            case "PATCH" when JsonNode.Parse(body) is JsonArray operations:
                return Patch(plural, name!, operations);
            case "PATCH":
                return Apply(plural, name!, JsonNode.Parse(body)!.AsObject());
            case "DELETE" when name is not null:
                Remove(plural, name);
                foreach (var pod in All("pods").Select(p => (string)p["metadata"]!["name"]!).Where(p => p.StartsWith(name + "-", StringComparison.Ordinal)))
                {
                    Remove("pods", pod);
                }

                return (200, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Success" }.ToJsonString());
            default:
                return NotFound(path);
        }
    }

    /// <summary>A JSON patch (RFC 6902) of `replace` operations, as `kubectl rollout undo` sends it.</summary>
    private (int Code, string Body) Patch(string plural, string name, JsonArray operations)
    {
        lock (gate)
        {
            var one = objects[$"{plural}/{name}"].DeepClone().AsObject();
            foreach (var operation in operations)
            {
                JsonNode at = one;
                var path = ((string)operation!["path"]!).Trim('/').Split('/');
                foreach (var step in path[..^1])
                {
                    at = at[step]!;
                }

                at[path[^1]] = operation["value"]!.DeepClone();
            }

            one["metadata"]!["generation"] = (int)one["metadata"]!["generation"]! + 1;
            Put(plural, one);
            if (OnApplied is { } play)
            {
                script = new Queue<Action>(play(objects[$"{plural}/{name}"]));
            }

            return (200, objects[$"{plural}/{name}"].ToJsonString());
        }
    }

    private (int Code, string Body) Apply(string plural, string name, JsonObject wanted)
    {
        if (Conflict is { } owner)
        {
            return (409, new JsonObject
            {
                ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Failure", ["code"] = 409, ["reason"] = "Conflict",
                ["message"] = $"Apply failed with 1 conflict: conflict with \"{owner}\" using autoscaling/v2: .spec.replicas",
                ["details"] = new JsonObject
                {
                    ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldManagerConflict", ["message"] = $"conflict with \"{owner}\" using autoscaling/v2", ["field"] = ".spec.replicas" }),
                },
            }.ToJsonString());
        }

        lock (gate)
        {
            Applied.Add(wanted.DeepClone().AsObject());
            var before = objects.GetValueOrDefault($"{plural}/{name}");
            var one = wanted.DeepClone().AsObject();
            one["metadata"]!["namespace"] = "shop";
            one["metadata"]!["generation"] = before is null ? 1 : (int)before["metadata"]!["generation"]! + (JsonNode.DeepEquals(before["spec"], one["spec"]) ? 0 : 1);
            one["status"] = before?["status"]?.DeepClone();
            Put(plural, one);
            if (plural != "services" && OnApplied is { } play)
            {
                script = new Queue<Action>(play(objects[$"{plural}/{name}"]));
            }

            return (200, objects[$"{plural}/{name}"].ToJsonString());
        }
    }

    /// <summary>What a pod says, until it is gone.</summary>
    private async Task FollowAsync(HttpListenerContext context, string pod)
    {
        context.Response.SendChunked = true;
        await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(Logs.GetValueOrDefault(pod) ?? ""), ended.Token);
        await context.Response.OutputStream.FlushAsync(ended.Token);
        while (true)
        {
            Task more;
            lock (gate)
            {
                if (!objects.ContainsKey($"pods/{pod}"))
                {
                    return;
                }

                more = changed.Task;
            }

            await more.WaitAsync(ended.Token);
        }
    }

    private async Task WatchAsync(HttpListenerContext context, string? plural, string? selector, long from)
    {
        context.Response.ContentType = "application/json";
        context.Response.SendChunked = true;
        await context.Response.OutputStream.FlushAsync(ended.Token);
        lock (gate)
        {
            watches++;
        }

        try
        {
            while (true)
            {
                List<(long Version, string Plural, string Type, JsonObject Object)> due;
                Task more;
                lock (gate)
                {
                    // The controllers go on when both streams listen, so that what they do comes as changes.
                    if (watches >= 2 && script.TryDequeue(out var next))
                    {
                        next();
                    }

                    due = [.. log.Where(l => l.Version > from && l.Plural == plural && Matches(l.Object, selector))];
                    from = version;
                    more = script.Count > 0 ? Task.CompletedTask : changed.Task;
                }

                foreach (var (_, _, type, one) in due)
                {
                    var line = Encoding.UTF8.GetBytes(new JsonObject { ["type"] = type, ["object"] = one.DeepClone() }.ToJsonString() + "\n");
                    await context.Response.OutputStream.WriteAsync(line, ended.Token);
                    await context.Response.OutputStream.FlushAsync(ended.Token);
                }

                if (watches < 2)
                {
                    more = Task.Delay(5, ended.Token);
                }

                await more.WaitAsync(ended.Token);
            }
        }
        finally
        {
            lock (gate)
            {
                watches--;
            }
        }
    }

    private static bool Matches(JsonObject one, string? selector) => string.IsNullOrEmpty(selector)
        || selector.Split(',').All(s => s.Split('=') is [var key, var value] && (string?)one["metadata"]?["labels"]?[key] == value);

    private static (int, string) NotFound(string path) => (404, new JsonObject
    {
        ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Failure", ["reason"] = "NotFound", ["code"] = 404, ["message"] = $"not found: {path}",
    }.ToJsonString());

    private static JsonObject? Discovery(string path) => path switch
    {
        "/api" => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") },
        "/apis" => new JsonObject
        {
            ["kind"] = "APIGroupList", ["apiVersion"] = "v1",
            ["groups"] = new JsonArray(new JsonObject
            {
                ["name"] = "apps", ["versions"] = new JsonArray(new JsonObject { ["groupVersion"] = "apps/v1", ["version"] = "v1" }),
                ["preferredVersion"] = new JsonObject { ["groupVersion"] = "apps/v1", ["version"] = "v1" },
            }),
        },
        "/api/v1" or "/apis/apps/v1" => new JsonObject
        {
            ["kind"] = "APIResourceList", ["groupVersion"] = path == "/api/v1" ? "v1" : "apps/v1",
            ["resources"] = new JsonArray([.. Kinds.Where(k => k.Base == path).Select(k => (JsonNode)new JsonObject
            {
                ["name"] = k.Plural, ["singularName"] = k.Kind.ToLowerInvariant(), ["namespaced"] = true, ["kind"] = k.Kind,
                ["verbs"] = new JsonArray("create", "delete", "get", "list", "patch", "update", "watch"),
            })]),
        },
        "/openapi/v3" => new JsonObject
        {
            ["paths"] = new JsonObject
            {
                ["api/v1"] = new JsonObject { ["serverRelativeURL"] = "/openapi/v3/api/v1" }, ["apis/apps/v1"] = new JsonObject { ["serverRelativeURL"] = "/openapi/v3/apis/apps/v1" },
            },
        },
        _ when path.StartsWith("/openapi/v3/", StringComparison.Ordinal) => OpenApi(path["/openapi/v3".Length..]),
        "/version" => new JsonObject { ["major"] = "1", ["minor"] = "32", ["gitVersion"] = "v1.32.0" },
        _ => null,
    };

    /// <summary>As much as kubectl looks at: that the server validates fields itself.</summary>
    private static JsonObject OpenApi(string at) => new()
    {
        ["openapi"] = "3.0.0", ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.32.0" },
        ["paths"] = new JsonObject([.. Kinds.Where(k => k.Base == at).Select(k => KeyValuePair.Create($"{k.Base}/namespaces/{{namespace}}/{k.Plural}/{{name}}", (JsonNode?)new JsonObject
        {
            ["patch"] = new JsonObject
            {
                ["parameters"] = new JsonArray(new JsonObject { ["name"] = "fieldValidation", ["in"] = "query" }),
                ["x-kubernetes-group-version-kind"] = new JsonObject { ["group"] = k.Base == "/api/v1" ? "" : "apps", ["version"] = "v1", ["kind"] = k.Kind },
            },
        }))]),
        ["components"] = new JsonObject { ["schemas"] = new JsonObject() },
    };
}

internal static class HttpListenerResponses
{
    /// <summary>Closes, also when the other side is gone.</summary>
    public static void CloseQuietly(this HttpListenerResponse response)
    {
        try
        {
            response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            response.Abort();
        }
    }
}
