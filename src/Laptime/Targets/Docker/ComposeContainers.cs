using Laptime.Foundations;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Docker;

/// <summary>What a compose file says of a service, as a container of one engine. A setting that is not applied is refused: it would be ignored in silence.</summary>
/// <param name="project">The environment's compose files.</param>
/// <param name="name">Of the project: volumes are called after it, as compose calls them.</param>
public sealed class ComposeContainers(ComposeProject project, string name)
{
    internal ComposeProject Project => project;

    private static readonly HashSet<string> Applied = new(StringComparer.Ordinal)
    {
        "command", "entrypoint", "environment", "env_file", "image", "ports", "expose", "volumes", "networks", "user", "working_dir", "restart", "read_only", "init", "healthcheck", "stop_grace_period",
        "labels", "deploy", "scale",
    };

    public ComposeService? Find(string component) => project.Find(component);

    /// <summary>Names of all services: each reaches every other.</summary>
    public IEnumerable<string> Services => project.Services.Select(s => s.Name);

    /// <exception cref="LapException">Services with settings that the docker target does not apply; all of them.</exception>
    public void Require()
    {
        var problems = new List<Problem>();
        foreach (var service in project.Services)
        {
            string[] others = [.. service.Settings.Keys.Where(k => !k.Contains('.', StringComparison.Ordinal) && !Applied.Contains(k))];
            if (others.Length > 0)
            {
                problems.Add(new Problem($"service {service.Name}: {string.Join(", ", others)} {(others.Length == 1 ? "is" : "are")} not applied by `target: docker`", service.At, "remove it, or deploy to a swarm (`target: swarm`)"));
            }

            if (service.Ports.Count(p => p.Published is not null) > 1 || service.Ports.Any(p => p is { Published: not null, Protocol: not "tcp" }))
            {
                problems.Add(new Problem($"service {service.Name}: `target: docker` leads one TCP port to a component", service.At, "publish one, or deploy to a swarm (`target: swarm`)"));
            }
        }

        if (problems.Count > 0)
        {
            throw new LapException(problems);
        }
    }

    /// <summary>What of it is kept on this machine and changed by the service: two revisions at once would share it.</summary>
    public static bool WritesData(ComposeService service) => service.Mounts.Any(m => m is { ReadOnly: false, Source: not null, Type: "volume" or "bind" });

    /// <summary>The mounts as the engine wants them; volumes of the project's own are made first.</summary>
    internal async Task<Mount[]> MountsAsync(EngineClient engine, ComposeService service, IReadOnlyDictionary<string, string> labels, CancellationToken cancel)
    {
        var mounts = new List<Mount>();
        foreach (var mount in service.Mounts)
        {
            var source = mount.Source;
            if (mount is { Type: "volume", Source: { } volume })
            {
                var resource = project.Volumes.FirstOrDefault(v => v.Name == volume);
                source = resource?.ActualName ?? (resource is { External: true } ? volume : $"{name}_{volume}");
                if (resource is not { External: true })
                {
                    await engine.CreateVolumeAsync(new VolumeCreate
                    {
                        Name = source, Driver = resource?.Driver, DriverOpts = resource is { DriverOptions.Count: > 0 } ? new Dictionary<string, string>(resource.DriverOptions) : null,
                        Labels = labels.Where(l => l.Key is DockerLabels.Workspace or DockerLabels.Environment or DockerLabels.Root).ToDictionary(),
                    }, cancel);
                }
            }

            mounts.Add(new Mount(mount.Type, source, mount.Target, mount.ReadOnly));
        }

        return [.. mounts];
    }

    /// <summary>Its health check where it has one; else the image's.</summary>
    internal static HealthConfig? HealthOf(ComposeService service, HealthConfig? image) => service.Health switch
    {
        null => image,
        { Disabled: true } => new HealthConfig { Test = ["NONE"] },
        var health => new HealthConfig
        {
            Test = health.Test.Count > 0 ? [.. health.Test] : image?.Test, Interval = Nanoseconds(health.Interval) ?? image?.Interval, Timeout = Nanoseconds(health.Timeout) ?? image?.Timeout,
            StartPeriod = Nanoseconds(health.StartPeriod) ?? image?.StartPeriod, Retries = health.Retries ?? image?.Retries,
        },
    };

    private static long? Nanoseconds(TimeSpan? span) => span is { } value ? value.Ticks * 100 : null;
}
