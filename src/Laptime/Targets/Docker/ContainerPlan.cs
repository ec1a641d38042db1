using System.Globalization;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Docker;

/// <summary>How the containers of one revision are made: everything but name and published port. Pure.</summary>
internal sealed record ContainerPlan
{
    /// <summary>The image by its id: nothing that moves.</summary>
    public required string ImageId { get; init; }

    /// <summary>Null: the component serves no port.</summary>
    public required int? Port { get; init; }

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Replaces what the image starts; null: the image's own.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required TimeSpan StopGrace { get; init; }

    /// <summary>What a compose file says of it; null: there is none.</summary>
    public ComposeService? Service { get; init; }

    /// <summary>Of the service.</summary>
    public Mount[] Mounts { get; init; } = [];

    /// <exception cref="FaultException">A template without a value.</exception>
    public static ContainerPlan Of(RolloutRequest request, RunSettings run, ImageInspect image, string workspace, string root, ComposeService? service = null)
    {
        var port = run.Port is null ? null : service?.Ports.FirstOrDefault(p => p.Published == run.Port)?.Target ?? run.ContainerPort ?? request.Component.Build.Image?.Port ?? OnlyExposed(image) ?? run.Port;
        string? Name(string name) => name == "port" ? port?.ToString(CultureInfo.InvariantCulture) : request.Names(name);
        try
        {
            var environment = new Dictionary<string, string>();
            if (port is not null)
            {
                environment["PORT"] = $"{port}";
            }

            foreach (var (name, value) in service?.Environment ?? new Dictionary<string, string>())
            {
                environment[name] = value;
            }

            foreach (var (name, value) in run.Env)
            {
                environment[name] = value.Resolve(Name);
            }

            environment["LAPTIME_REVISION"] = request.Revision;
            environment["LAPTIME_TRANSACTION"] = request.Transaction;
            environment["LAPTIME_COMPONENT"] = request.Component.Name;
            environment["LAPTIME_ENVIRONMENT"] = request.Environment;

            var labels = DockerLabels.Of(request, workspace);
            foreach (var (name, value) in service?.Labels ?? new Dictionary<string, string>())
            {
                labels.TryAdd(name, value);
            }

            labels[DockerLabels.Root] = root;
            labels[DockerLabels.Replicas] = $"{Math.Max(1, run.Replicas)}";
            labels[DockerLabels.Image] = image.Id;
            labels[DockerLabels.StopGrace] = run.StopGrace.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            if (run.Port is { } front)
            {
                labels[DockerLabels.Front] = $"{front}";
                labels[DockerLabels.Port] = $"{port}";
            }

            return new ContainerPlan
            {
                ImageId = image.Id, Port = port, Environment = environment, Labels = labels, StopGrace = run.StopGrace, Service = service,
                // What a compose file says stands first; its command are the arguments of its entry point.
                Command = service is { Command: not null } or { Entrypoint: not null } ? null : CommandWords.Of(run.Command, Name),
            };
        }
        catch (KeyNotFoundException e)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, e.Message, request.Component.At.ToString(), "define it, or leave it out of run and probes"), e);
        }
    }

    /// <summary>
    /// What to ask the engine for. Until the revision is confirmed nothing starts it again: its first end is known at once and with its exit code.
    /// </summary>
    /// <param name="published">Port of this machine's loopback that leads to it; null without one.</param>
    public ContainerCreate ToCreate(int? published) => new()
    {
        Image = ImageId,
        Env = [.. Environment.Select(v => $"{v.Key}={v.Value}")],
        Entrypoint = Command is [var program, ..] ? [program] : Service?.Entrypoint is { } entry ? [.. entry] : null,
        Cmd = Command is [_, _, ..] ? [.. Command.Skip(1)] : Service?.Command is { } words ? [.. words] : null,
        User = Service?.User,
        WorkingDir = Service?.WorkingDirectory,
        Healthcheck = Service?.Health is null ? null : ComposeContainers.HealthOf(Service, null),
        Labels = new Dictionary<string, string>(Labels),
        ExposedPorts = Port is null ? null : new Dictionary<string, EmptyObject> { [$"{Port}/tcp"] = new() },
        StopTimeout = (int)Math.Ceiling(StopGrace.TotalSeconds),
        HostConfig = new HostConfig
        {
            // A PID 1 that does not handle SIGTERM costs the whole stop grace in every rollout: the engine's own init hands it on.
            Init = Service?.Init ?? true,
            ReadonlyRootfs = Service is { ReadOnly: true } ? true : null,
            Mounts = Mounts.Length > 0 ? Mounts : null,
            SecurityOpt = ["no-new-privileges"],
            RestartPolicy = new RestartPolicy("no"),
            PortBindings = Port is null ? null : new Dictionary<string, PortBinding[]?> { [$"{Port}/tcp"] = [new PortBinding("127.0.0.1", $"{published}")] },
        },
    };

    /// <summary>What probes are to know of one container.</summary>
    /// <param name="published">Its port on loopback.</param>
    /// <param name="direct">Its own address where this machine reaches it; null: only through the engine's proxy, which accepts before the instance does.</param>
    public ProbeContext ContextOf(RolloutRequest request, string directory, int? published, string? direct, Func<CancellationToken, ValueTask<Life>> life) => new()
    {
        Component = request.Component.Name,
        Port = published,
        Listener = direct is null || Port is null ? null : new System.Net.IPEndPoint(System.Net.IPAddress.Parse(direct), Port.Value),
        Directory = directory,
        Environment = Environment.ToDictionary(v => v.Key, v => v.Key == "PORT" ? $"{published}" : (string?)v.Value),
        Names = name => name == "port" ? $"{published}" : request.Names(name),
        Secrets = request.Secrets,
        Life = life,
    };

    /// <summary>An image that exposes one port listens there.</summary>
    private static int? OnlyExposed(ImageInspect image)
    {
        var ports = new List<int>();
        foreach (var exposed in image.Config?.ExposedPorts?.Keys.ToList() ?? [])
        {
            if (exposed.EndsWith("/tcp", StringComparison.Ordinal) && int.TryParse(exposed.AsSpan(0, exposed.Length - "/tcp".Length), out var port))
            {
                ports.Add(port);
            }
        }

        return ports is [var only] ? only : null;
    }
}
