using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Targets.Docker;

namespace Laptime.Targets.Swarm;

/// <summary>Services, tasks, configs and secrets of a swarm, over the engine's API. Retries nothing.</summary>
internal sealed class SwarmApi(EngineClient engine)
{
    public EngineClient Engine { get; } = engine;

    /// <summary>Services that carry every one of the labels.</summary>
    public Task<SwarmService[]> ServicesAsync(IEnumerable<string> labels, CancellationToken cancel) =>
        Engine.GetAsync($"/services?{EngineClient.Filters(labels.Select(static l => ("label", l)))}", SwarmJson.Default.SwarmServiceArray, cancel);

    /// <summary>Null when there is none of this id or name.</summary>
    public Task<SwarmService?> ServiceAsync(string id, CancellationToken cancel) =>
        Engine.FindAsync($"/services/{Uri.EscapeDataString(id)}", SwarmJson.Default.SwarmService, cancel);

    /// <summary>Tasks of the services that carry the labels; of every state, as far as the swarm keeps them.</summary>
    public Task<SwarmTask[]> TasksAsync(IEnumerable<(string Name, string Value)> filters, CancellationToken cancel) =>
        Engine.GetAsync($"/tasks?{EngineClient.Filters(filters)}", SwarmJson.Default.SwarmTaskArray, cancel);

    /// <summary>
    /// Gives a service another spec. Never with the spec that it has: the engine would forget what it could go back to.
    /// </summary>
    /// <exception cref="EngineException">OutOfSequence: somebody changed it meanwhile.</exception>
    public async Task UpdateAsync(string id, long version, JsonElement spec, CancellationToken cancel)
    {
        using var body = new ByteArrayContent(Encoding.UTF8.GetBytes(spec.GetRawText()));
        body.Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue("application/json");
        using var answer = await Engine.OpenAsync(HttpMethod.Post, $"/services/{Uri.EscapeDataString(id)}/update?version={version}", body, null, cancel);
    }

    /// <summary>False when there was none.</summary>
    public Task<bool> RemoveServiceAsync(string id, CancellationToken cancel) => Engine.DeleteAsync($"/services/{Uri.EscapeDataString(id)}", cancel);

    /// <param name="kind">configs or secrets.</param>
    public Task<SwarmContent[]> ContentsAsync(string kind, IEnumerable<string> labels, CancellationToken cancel) =>
        Engine.GetAsync($"/{kind}?{EngineClient.Filters(labels.Select(static l => ("label", l)))}", SwarmJson.Default.SwarmContentArray, cancel);

    /// <exception cref="EngineException">Conflict: the name is taken.</exception>
    public async Task CreateSecretAsync(string name, byte[] value, IReadOnlyDictionary<string, string> labels, CancellationToken cancel) =>
        await Engine.PostAsync("/secrets/create", new SwarmContentCreate(name, new Dictionary<string, string>(labels), Convert.ToBase64String(value)), EngineJson.Default.SwarmContentCreate, EngineJson.Default.CreatedSwarmObject, cancel);

    /// <summary>False when there was none.</summary>
    /// <exception cref="EngineException">BadRequest: a service uses it.</exception>
    public Task<bool> RemoveContentAsync(string kind, string id, CancellationToken cancel) => Engine.DeleteAsync($"/{kind}/{Uri.EscapeDataString(id)}", cancel);

    /// <summary>A network with its containers on this node; null: there is none of this name.</summary>
    public Task<SwarmNetwork?> NetworkAsync(string name, CancellationToken cancel) => Engine.FindAsync($"/networks/{Uri.EscapeDataString(name)}", SwarmJson.Default.SwarmNetwork, cancel);

    /// <summary>What a movable name leads to now, asked of its registry by the engine.</summary>
    public async Task<string?> DistributionDigestAsync(string image, CancellationToken cancel) =>
        (await Engine.GetAsync($"/distribution/{string.Join('/', image.Split('/').Select(Uri.EscapeDataString))}/json", SwarmJson.Default.DistributionAnswer, cancel)).Descriptor?.Digest;
}

internal sealed record SwarmVersion(long Index);

/// <summary>A service as the swarm has it.</summary>
internal sealed record SwarmService
{
    public required string ID { get; init; }

    public SwarmVersion Version { get; init; } = new(0);

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>As the engine wrote it: what it does not know is not lost on the way back.</summary>
    public JsonElement Spec { get; init; }

    public SwarmUpdate? UpdateStatus { get; init; }

    [JsonIgnore]
    public string Name => Text(Spec, "Name") ?? ID;

    [JsonIgnore]
    public JsonElement Template => Spec.TryGetProperty("TaskTemplate", out var template) ? template : default;

    [JsonIgnore]
    public string? Image => Template.ValueKind == JsonValueKind.Object && Template.TryGetProperty("ContainerSpec", out var container) ? Text(container, "Image") : null;

    /// <summary>Wanted tasks; null: one on every node (global), or jobs that end.</summary>
    [JsonIgnore]
    public int? Replicas => Mode("Replicated") is { } mode && mode.TryGetProperty(nameof(Replicas), out var number) ? number.GetInt32() : null;

    [JsonIgnore]
    public bool IsJob => Mode("ReplicatedJob") is not null || Mode("GlobalJob") is not null;

    /// <summary>How many ends of a job are wanted.</summary>
    [JsonIgnore]
    public int Completions => Mode("ReplicatedJob") is { } job && job.TryGetProperty("TotalCompletions", out var number) ? number.GetInt32() : 1;

    /// <summary>any, on-failure or none.</summary>
    [JsonIgnore]
    public string Restarts => Template.ValueKind == JsonValueKind.Object && Template.TryGetProperty("RestartPolicy", out var policy) ? Text(policy, "Condition") ?? "any" : "any";

    public string? Label(string name) => Spec.TryGetProperty("Labels", out var labels) && labels.ValueKind == JsonValueKind.Object ? Text(labels, name) : null;

    private JsonElement? Mode(string name) =>
        Spec.TryGetProperty("Mode", out var mode) && mode.ValueKind == JsonValueKind.Object && mode.TryGetProperty(name, out var one) && one.ValueKind == JsonValueKind.Object ? one : null;

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <param name="State">updating, paused, completed, rollback_started, rollback_paused, rollback_completed.</param>
internal sealed record SwarmUpdate(string? State, string? Message, DateTimeOffset? StartedAt, DateTimeOffset? CompletedAt);

/// <summary>One task: a container on its way, alive or ended.</summary>
internal sealed record SwarmTask
{
    public required string ID { get; init; }

    public string? ServiceID { get; init; }

    public int Slot { get; init; }

    public string? NodeID { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The swarm's last word on it: a change of what is wanted, or of how it stands.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    public JsonElement Spec { get; init; }

    public SwarmTaskStatus Status { get; init; } = new();

    public string? DesiredState { get; init; }

    [JsonIgnore]
    public string State => Status.State ?? "new";

    [JsonIgnore]
    public string? Container => Status.ContainerStatus?.ContainerID is { Length: > 0 } id ? id : null;

    /// <summary>It will never run (again).</summary>
    [JsonIgnore]
    public bool HasEnded => State is "complete" or "shutdown" or "failed" or "rejected" or "remove" or "orphaned";

    /// <summary>The swarm wants it to run: not one on its way out.</summary>
    [JsonIgnore]
    public bool IsWanted => DesiredState is "running" or "ready" or "complete";
}

internal sealed record SwarmTaskStatus
{
    public DateTimeOffset? Timestamp { get; init; }

    public string? State { get; init; }

    public string? Message { get; init; }

    public string? Err { get; init; }

    public SwarmContainerStatus? ContainerStatus { get; init; }
}

internal sealed record SwarmContainerStatus(string? ContainerID, int PID, int? ExitCode);

/// <summary>A config or secret; the engine tells their names and labels.</summary>
internal sealed record SwarmContent(string ID, SwarmContentSpec? Spec);

internal sealed record SwarmContentSpec(string? Name, Dictionary<string, string>? Labels);

/// <param name="Containers">By id.</param>
/// <param name="Options">Of its driver.</param>
internal sealed record SwarmNetwork(string? Id, string? Name, Dictionary<string, SwarmEndpoint>? Containers, Dictionary<string, string>? Options);

internal sealed record SwarmEndpoint(string? Name, string? IPv4Address, string? MacAddress);

internal sealed record DistributionAnswer(DistributionDescriptor? Descriptor);

internal sealed record DistributionDescriptor([property: JsonPropertyName("digest")] string? Digest);

/// <summary>What is kept of a service that was seen serving: its spec is what a failed update goes back to, and what a change by hand differs from.</summary>
internal sealed record ServiceRecord(string Service, long Version, string Revision, string Transaction, JsonElement Spec);

[JsonSerializable(typeof(SwarmService[]))]
[JsonSerializable(typeof(SwarmTask[]))]
[JsonSerializable(typeof(SwarmContent[]))]
[JsonSerializable(typeof(SwarmNetwork))]
[JsonSerializable(typeof(DistributionAnswer))]
[JsonSerializable(typeof(ServiceRecord))]
internal sealed partial class SwarmJson : JsonSerializerContext;
