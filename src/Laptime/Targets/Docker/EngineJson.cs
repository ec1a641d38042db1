using System.Text.Json;
using System.Text.Json.Serialization;

namespace Laptime.Targets.Docker;

/// <param name="Version">Of the API, as used from now on.</param>
/// <param name="Newest">The newest that the engine speaks.</param>
/// <param name="System">Of the containers: linux, windows.</param>
/// <param name="Swarm">As newer engines say it: inactive, active/worker, active/manager, ...; null from older ones.</param>
/// <param name="Date">The engine's clock, to the second.</param>
public sealed record EnginePing(string Version, string Newest, string System, string? Swarm, DateTimeOffset? Date);

public sealed record EngineVersion(string? Version, string? ApiVersion, string? MinAPIVersion, string? Os, string? Arch, string? KernelVersion);

public sealed record EngineInfo
{
    public string? ID { get; init; }

    public string? Name { get; init; }

    public string? ServerVersion { get; init; }

    public string? Driver { get; init; }

    public string? DockerRootDir { get; init; }

    public string? OperatingSystem { get; init; }

    public string? Architecture { get; init; }

    public int Containers { get; init; }

    public int ContainersRunning { get; init; }

    public long MemTotal { get; init; }

    [JsonPropertyName("NCPU")]
    public int Processors { get; init; }

    public string[]? Warnings { get; init; }

    public string[]? SecurityOptions { get; init; }

    public RegistryConfig? RegistryConfig { get; init; }

    public SwarmInfo? Swarm { get; init; }
}

public sealed record RegistryConfig([property: JsonPropertyName("InsecureRegistryCIDRs")] string[]? InsecureNetworks);

/// <param name="LocalNodeState">inactive, pending, active, error, locked.</param>
/// <param name="ControlAvailable">This node is a manager, and may be asked.</param>
public sealed record SwarmInfo(string? NodeID, string? NodeAddr, string? LocalNodeState, bool ControlAvailable, string? Error, int Nodes, int Managers);

internal sealed record EngineMessage([property: JsonPropertyName("message")] string? Message);

/// <summary>One line of a load, pull or push.</summary>
internal sealed record EngineProgress
{
    [JsonPropertyName("stream")]
    public string? Stream { get; init; }

    [JsonPropertyName("status")]
    public string? Status { get; init; }

    [JsonPropertyName("error")]
    public string? Error { get; init; }

    [JsonPropertyName("aux")]
    public JsonElement? Aux { get; init; }
}

/// <summary>What happened in the engine.</summary>
public sealed record EngineEvent
{
    /// <summary>container, image, network, volume, service, node, config, secret, daemon.</summary>
    public string? Type { get; init; }

    /// <summary>create, start, die, oom, kill, stop, destroy, "health_status: healthy", update, ...</summary>
    public string? Action { get; init; }

    public EngineActor? Actor { get; init; }

    /// <summary>Nanoseconds since 1970 by the engine's clock.</summary>
    [JsonPropertyName("timeNano")]
    public long Nanoseconds { get; init; }

    public string Id => Actor?.ID ?? "";

    /// <summary>Name, image, exitCode, signal and the labels; for services <c>updatestate.new</c> and the like.</summary>
    public string? Attribute(string name) => Actor?.Attributes?.GetValueOrDefault(name);
}

public sealed record EngineActor(string? ID, Dictionary<string, string>? Attributes);

/// <summary>One line of <c>/containers/json</c>.</summary>
public sealed record ContainerSummary
{
    public required string Id { get; init; }

    public string[]? Names { get; init; }

    public string? Image { get; init; }

    public string? ImageID { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public long Created { get; init; }

    /// <summary>created, running, paused, restarting, removing, exited, dead.</summary>
    public string? State { get; init; }

    /// <summary>In words: "Up 3 minutes (healthy)", "Exited (1) 2 seconds ago".</summary>
    public string? Status { get; init; }

    public Dictionary<string, string>? Labels { get; init; }

    public PortSummary[]? Ports { get; init; }

    public MountSummary[]? Mounts { get; init; }

    public NetworkSummary? NetworkSettings { get; init; }

    public string Name => Names is [var first, ..] ? first.TrimStart('/') : Id[..12];

    public string? Label(string name) => Labels?.GetValueOrDefault(name);
}

public sealed record PortSummary(string? IP, int PrivatePort, int PublicPort, string? Type);

/// <param name="Type">volume, bind, tmpfs.</param>
/// <param name="Name">Of a volume.</param>
/// <param name="Destination">Where it is in the container.</param>
/// <param name="RW">It may be written there.</param>
public sealed record MountSummary(string? Type, string? Name, string? Source, string? Destination, bool RW);

public sealed record NetworkSummary(Dictionary<string, EndpointSettings>? Networks);

/// <summary>A container's place in a network; also what it asks for at its creation.</summary>
public sealed record EndpointSettings
{
    public string[]? Aliases { get; init; }

    public string? NetworkID { get; init; }

    public string? Gateway { get; init; }

    public string? IPAddress { get; init; }
}

public sealed record ContainerInspect
{
    public required string Id { get; init; }

    public string? Name { get; init; }

    public string? Created { get; init; }

    /// <summary>The image's id: the digest of its config.</summary>
    public string? Image { get; init; }

    public int RestartCount { get; init; }

    public required ContainerState State { get; init; }

    public ContainerConfig? Config { get; init; }

    public HostConfig? HostConfig { get; init; }

    public ContainerNetworks? NetworkSettings { get; init; }

    /// <summary>Where a published port is reached; null when it is not published (yet).</summary>
    public (string Host, int Port)? PublishedAt(int port) =>
        NetworkSettings?.Ports?.GetValueOrDefault($"{port}/tcp") is [var first, ..] && int.TryParse(first.HostPort, out var at) ? (first.HostIp is { Length: > 0 } host ? host : "0.0.0.0", at) : null;
}

public sealed record ContainerState
{
    public string? Status { get; init; }

    public bool Running { get; init; }

    public bool Paused { get; init; }

    public bool Restarting { get; init; }

    public bool OOMKilled { get; init; }

    public int Pid { get; init; }

    public int ExitCode { get; init; }

    public string? Error { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public ContainerHealth? Health { get; init; }
}

/// <param name="Status">none, starting, healthy, unhealthy.</param>
public sealed record ContainerHealth(string? Status, int FailingStreak, HealthRun[]? Log);

public sealed record HealthRun(int ExitCode, string? Output);

/// <summary>What a container is made of; of an image, what it brings.</summary>
public record ContainerConfig
{
    public string? Image { get; init; }

    public string[]? Env { get; init; }

    public string[]? Cmd { get; init; }

    public string[]? Entrypoint { get; init; }

    public Dictionary<string, string>? Labels { get; init; }

    public Dictionary<string, EmptyObject>? ExposedPorts { get; init; }

    public HealthConfig? Healthcheck { get; init; }

    public string? User { get; init; }

    public string? WorkingDir { get; init; }

    public string? StopSignal { get; init; }

    /// <summary>Seconds from SIGTERM to SIGKILL.</summary>
    public int? StopTimeout { get; init; }

    public bool? Tty { get; init; }
}

public sealed record ContainerCreate : ContainerConfig
{
    public HostConfig? HostConfig { get; init; }

    public NetworkingConfig? NetworkingConfig { get; init; }
}

/// <summary><c>{}</c>, as Go writes a set.</summary>
public sealed record EmptyObject;

/// <summary>Durations in nanoseconds. Test: [NONE], [CMD, program, ...] or [CMD-SHELL, text].</summary>
public sealed record HealthConfig
{
    public string[]? Test { get; init; }

    public long? Interval { get; init; }

    public long? Timeout { get; init; }

    public int? Retries { get; init; }

    public long? StartPeriod { get; init; }
}

public sealed record HostConfig
{
    public bool? Init { get; init; }

    public string[]? SecurityOpt { get; init; }

    public Dictionary<string, PortBinding[]?>? PortBindings { get; init; }

    public RestartPolicy? RestartPolicy { get; init; }

    public string? NetworkMode { get; init; }

    public string[]? Binds { get; init; }

    public Mount[]? Mounts { get; init; }

    public string[]? CapAdd { get; init; }

    public string[]? CapDrop { get; init; }

    public bool? ReadonlyRootfs { get; init; }

    public bool? Privileged { get; init; }

    public string[]? ExtraHosts { get; init; }
}

/// <param name="Type">volume, bind, tmpfs.</param>
/// <param name="Source">Name of a volume or absolute path; null: an anonymous volume, a tmpfs.</param>
public sealed record Mount(string Type, string? Source, string Target, bool ReadOnly);

public sealed record PortBinding(string? HostIp, string? HostPort);

/// <param name="Name">no, always, unless-stopped, on-failure.</param>
public sealed record RestartPolicy(string? Name, int MaximumRetryCount = 0);

public sealed record NetworkingConfig(Dictionary<string, EndpointSettings>? EndpointsConfig);

public sealed record ContainerNetworks(Dictionary<string, PortBinding[]?>? Ports, Dictionary<string, EndpointSettings>? Networks);

/// <summary>What was made, as containers, networks and execs say it.</summary>
internal sealed record CreatedObject(string? Id, string[]? Warnings);

/// <summary>The same as services, configs and secrets say it.</summary>
internal sealed record CreatedSwarmObject(string? ID);

/// <param name="Data">In base64.</param>
internal sealed record SwarmContentCreate(string Name, Dictionary<string, string> Labels, string Data);

internal sealed record ExecCreate(string[] Cmd, bool AttachStdout, bool AttachStderr, string[]? Env, string? User, string? WorkingDir);

internal sealed record ExecStart(bool Detach, bool Tty);

internal sealed record ExecInspect(bool Running, int? ExitCode, int Pid);

public sealed record ImageInspect
{
    /// <summary>The digest of its config: <c>sha256:…</c>.</summary>
    public required string Id { get; init; }

    public string[]? RepoTags { get; init; }

    /// <summary><c>repo@sha256:…</c>, where it was pulled or pushed.</summary>
    public string[]? RepoDigests { get; init; }

    public string? Architecture { get; init; }

    public string? Os { get; init; }

    public long Size { get; init; }

    public ContainerConfig? Config { get; init; }

    public ImageLayers? RootFS { get; init; }
}

/// <param name="Layers">Digests of the layers' uncompressed content.</param>
public sealed record ImageLayers(string[]? Layers);

public sealed record ImageSummary
{
    public required string Id { get; init; }

    public string[]? RepoTags { get; init; }

    public string[]? RepoDigests { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public long Created { get; init; }

    public long Size { get; init; }
}

public sealed record NetworkInspect
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Driver { get; init; }

    public string? Scope { get; init; }

    public bool Attachable { get; init; }

    public bool Ingress { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

public sealed record NetworkCreate
{
    public required string Name { get; init; }

    public string? Driver { get; init; }

    /// <summary>Refuse a name that is taken; older engines would make a second one of it.</summary>
    public bool? CheckDuplicate { get; init; }

    public bool? Attachable { get; init; }

    public bool? Internal { get; init; }

    public Dictionary<string, string>? Options { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

internal sealed record NetworkConnect(string Container, EndpointSettings EndpointConfig);

public sealed record VolumeInspect
{
    public required string Name { get; init; }

    public string? Driver { get; init; }

    public string? Mountpoint { get; init; }

    public string? CreatedAt { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

public sealed record VolumeCreate
{
    public required string Name { get; init; }

    public string? Driver { get; init; }

    public Dictionary<string, string>? DriverOpts { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

internal sealed record VolumeList(VolumeInspect[]? Volumes);

/// <summary>Credentials of one registry, as the engine wants them.</summary>
public sealed record EngineAuth
{
    [JsonPropertyName("username")]
    public string? User { get; init; }

    [JsonPropertyName("password")]
    public string? Password { get; init; }

    [JsonPropertyName("identitytoken")]
    public string? IdentityToken { get; init; }

    [JsonPropertyName("serveraddress")]
    public string? Server { get; init; }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineVersion))]
[JsonSerializable(typeof(EngineInfo))]
[JsonSerializable(typeof(EngineMessage))]
[JsonSerializable(typeof(EngineProgress))]
[JsonSerializable(typeof(EngineEvent))]
[JsonSerializable(typeof(ContainerSummary[]))]
[JsonSerializable(typeof(ContainerInspect))]
[JsonSerializable(typeof(ContainerCreate))]
[JsonSerializable(typeof(HostConfig))]
[JsonSerializable(typeof(CreatedObject))]
[JsonSerializable(typeof(CreatedSwarmObject))]
[JsonSerializable(typeof(SwarmContentCreate))]
[JsonSerializable(typeof(ExecCreate))]
[JsonSerializable(typeof(ExecStart))]
[JsonSerializable(typeof(ExecInspect))]
[JsonSerializable(typeof(ImageInspect))]
[JsonSerializable(typeof(ImageSummary[]))]
[JsonSerializable(typeof(NetworkInspect[]))]
[JsonSerializable(typeof(NetworkCreate))]
[JsonSerializable(typeof(NetworkConnect))]
[JsonSerializable(typeof(VolumeList))]
[JsonSerializable(typeof(VolumeCreate))]
[JsonSerializable(typeof(EngineAuth))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
internal sealed partial class EngineJson : JsonSerializerContext;
