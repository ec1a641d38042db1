using Laptime.Foundations;

namespace Laptime.Workspaces.Compose;

/// <summary>Compose files as they are meant: joined, variables replaced, short forms written long. Paths are absolute.</summary>
public sealed record ComposeProject
{
    /// <summary>Folder of the first file: relative paths start here. Absolute.</summary>
    public required string Directory { get; init; }

    /// <summary>The files that were named, absolute.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Every file that was read: also <c>.env</c>, files of variables, extended files, configs and secrets.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Files that were looked for and would have counted: <c>.env</c>, files of variables that need not be there.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Names of the variables that were looked up.</summary>
    public IReadOnlyList<string> Variables { get; init; } = [];

    /// <summary>As written; null: the folder names it.</summary>
    public string? Name { get; init; }

    /// <summary>Active services in the file's order.</summary>
    public required IReadOnlyList<ComposeService> Services { get; init; }

    public required IReadOnlyList<ComposeResource> Networks { get; init; }

    public required IReadOnlyList<ComposeResource> Volumes { get; init; }

    public required IReadOnlyList<ComposeContent> Configs { get; init; }

    public required IReadOnlyList<ComposeContent> Secrets { get; init; }

    /// <summary>What compose lets pass and people should know, with its place.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    internal ComposeNode Root { get; init; } = ComposeNode.Nothing;

    public ComposeService? Find(string service) => Services.FirstOrDefault(s => s.Name == service);

    /// <summary>
    /// Why the file is one for Swarm, with its place: it has <c>deploy</c> settings that only Swarm keeps, configs or secrets of the swarm. Null: it is as well for one engine.
    /// </summary>
    public string? SwarmEvidence { get; init; }
}

/// <summary>One service, as far as Laptime acts on it. Everything else is passed on to the tool that runs it.</summary>
public sealed record ComposeService
{
    public required string Name { get; init; }

    public required SourceLocation At { get; init; }

    /// <summary>As written; null when it is only built.</summary>
    public string? Image { get; init; }

    /// <summary>Null: not built here.</summary>
    public ComposeBuild? Build { get; init; }

    /// <summary>Replaces the image's command; null: the image's own.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Replaces the image's entry point; null: the image's own.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<ComposePort> Ports { get; init; } = [];

    public IReadOnlyList<ComposeMount> Mounts { get; init; } = [];

    /// <summary>Names of networks with the service's aliases there; <c>default</c> alone when none is written.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Networks { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Names in <see cref="ComposeProject.Configs"/>.</summary>
    public IReadOnlyList<string> Configs { get; init; } = [];

    /// <summary>Names in <see cref="ComposeProject.Secrets"/>.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Services that stand before this one, with the condition as written (service_started, service_healthy, service_completed_successfully).</summary>
    public IReadOnlyDictionary<string, string> DependsOn { get; init; } = new Dictionary<string, string>();

    /// <summary>Of these the ones with `restart: true`: the service is restarted when they are updated.</summary>
    public IReadOnlyList<string> RestartsWith { get; init; } = [];

    public ComposeHealth? Health { get; init; }

    /// <summary>Null: the engine's default (10 s).</summary>
    public TimeSpan? StopGrace { get; init; }

    /// <summary>Wanted tasks; 1 when nothing is written.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>replicated, global, replicated-job or global-job.</summary>
    public string Mode { get; init; } = "replicated";

    /// <summary>stop-first or start-first.</summary>
    public string UpdateOrder { get; init; } = "stop-first";

    public string? User { get; init; }

    public string? WorkingDirectory { get; init; }

    /// <summary>always, unless-stopped, on-failure[:n] or no; null: not written.</summary>
    public string? Restart { get; init; }

    public bool ReadOnly { get; init; }

    public bool? Init { get; init; }

    /// <summary>Everything about the service that a running instance follows from, by key: canonical text, with what it refers to (volumes, networks, contents of configs by hash).</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    internal ComposeNode Node { get; init; } = ComposeNode.Nothing;
}

/// <param name="Context">As written; relative to the project's folder.</param>
public sealed record ComposeBuild(string Context, string Dockerfile, string? Target, IReadOnlyDictionary<string, string> Args, SourceLocation At)
{
    /// <summary>A context that is no folder (git, http) cannot be fingerprinted.</summary>
    public bool IsRemote => Context.Contains("://", StringComparison.Ordinal) || Context.StartsWith("git@", StringComparison.Ordinal) || Context.StartsWith("github.com/", StringComparison.Ordinal);
}

/// <param name="Published">On the host; null: the engine's choice. The first of a range.</param>
/// <param name="Mode">ingress or host; null: not written.</param>
public sealed record ComposePort(int Target, int? Published, string Protocol, string? Mode, string? HostAddress);

/// <param name="Type">volume, bind, tmpfs, npipe or cluster.</param>
/// <param name="Source">Name of a volume, or an absolute path for a bind; null: an anonymous volume.</param>
public sealed record ComposeMount(string Type, string? Source, string Target, bool ReadOnly);

/// <summary>A health check as the engine runs it.</summary>
/// <param name="Test">CMD and words, CMD-SHELL and a text, or NONE; empty: the image's own.</param>
public sealed record ComposeHealth(IReadOnlyList<string> Test, TimeSpan? Interval, TimeSpan? Timeout, TimeSpan? StartPeriod, int? Retries, bool Disabled)
{
    public bool Asks => !Disabled && Test.Count > 1;
}

/// <summary>A network or volume.</summary>
/// <param name="Name">In the file.</param>
/// <param name="External">Made by somebody else; never created or removed.</param>
/// <param name="ActualName">Name in the engine when one is written; null: the project's name and this one.</param>
public sealed record ComposeResource(string Name, bool External, string? ActualName, string? Driver, IReadOnlyDictionary<string, string> DriverOptions, SourceLocation At)
{
    internal ComposeNode? Node { get; init; }
}

/// <summary>A config or secret: an external one, or one with its content.</summary>
/// <param name="Content">Null for an external one.</param>
/// <param name="ActualName">Name in the engine when one is written.</param>
public sealed record ComposeContent(string Name, bool External, string? ActualName, byte[]? Content, SourceLocation At)
{
    internal ComposeNode? Node { get; init; }

    /// <summary>SHA-256 of the content with what else decides it (its template driver), 12 hex digits: part of the versioned name. Null for an external one.</summary>
    public string? Hash { get; init; }

    public override string ToString() => $"{Name} ({Hash ?? "external"})";
}
